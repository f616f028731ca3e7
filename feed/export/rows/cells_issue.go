package rows

import (
	"strconv"

	"trunkline/feed/export/schema"
	"trunkline/floor"
)

func companyCells() cells {
	return cells{
		"company_id":     func(v *view) schema.Value { return schema.Int(Number(v.b.tenant)) },
		"company_name":   func(v *view) schema.Value { return schema.Text(v.b.o.Company) },
		"company_marker": func(v *view) schema.Value { return schema.Text(v.b.o.Company) },
	}
}

// issueCells are the columns that most tables about issues have.
func issueCells() cells {
	return cells{
		"instance_ts":         func(v *view) schema.Value { return schema.Millis(windowOf(v.i.instance())) },
		"issue_id":            func(v *view) schema.Value { return num(v.i.ID) },
		"conversation_id":     func(v *view) schema.Value { return num(v.i.ID) },
		"customer_id":         func(v *view) schema.Value { return num(v.i.customer()) },
		"company_subdivision": func(v *view) schema.Value { return cut(v.i.told("subdivision"), 255) },
		"company_segments":    func(v *view) schema.Value { return cut(v.i.segments(), 255) },
		"platform":            func(v *view) schema.Value { return cut(v.i.platform(), 255) },
		"device_type":         func(v *view) schema.Value { return cut(v.i.told("client.id"), 255) },
		"desk_mode_flag":      func(v *view) schema.Value { return schema.Int(v.i.deskFlag()) },
		"desk_mode_string":    func(v *view) schema.Value { return schema.Some(v.i.desk()) },
		"first_utterance_ts":  func(v *view) schema.Value { return schema.Millis(v.i.Uttered) },
	}
}

// platform is the kind of the customer's program, else the medium.
func (i *issue) platform() string {
	if p := i.told("client.type"); p != "" {
		return p
	}
	return i.Media
}

// desk is the desk that handles the medium.
func (i *issue) desk() string {
	switch i.Media {
	case "":
		return ""
	case "phone", "video":
		return "VOICE"
	}
	return "CHAT"
}

func (i *issue) deskFlag() int64 {
	switch i.desk() {
	case "CHAT":
		return 1
	case "VOICE":
		return 2
	}
	return 0
}

// firstUtterance is when something was said first, else when the issue began.
func (i *issue) firstUtterance() int64 {
	if i.Talk.FirstAt > 0 {
		return i.Talk.FirstAt
	}
	return i.Created
}

func metadataCells() cells {
	external := func(v *view) schema.Value {
		_, last := v.i.agents()
		if a := v.agent(last); a != nil {
			return cut(a.External, 255)
		}
		return schema.Value{}
	}
	ended := func(is func(*issue) bool) cell {
		return func(v *view) schema.Value { return flag(v.i.Ended > 0 && is(v.i)) }
	}
	return cells{
		"first_utterance_text": func(v *view) schema.Value { return cut(v.i.Talk.FirstText, 255) },
		"issue_created_ts":     func(v *view) schema.Value { return schema.Millis(v.i.Created) },
		"last_event_ts":        func(v *view) schema.Value { return schema.Millis(v.i.instance()) },
		"last_srs_event_ts":    func(v *view) schema.Value { return schema.Millis(v.i.Flow.Last) },
		"conversation_end_ts": func(v *view) schema.Value {
			if v.i.Ended == 0 {
				return schema.Value{}
			}
			return schema.Millis(v.i.Over)
		},
		"session_id":          func(v *view) schema.Value { return cut(v.i.told("session.id"), 128) },
		"session_type":        func(v *view) schema.Value { return cut(v.i.told("session.type"), 255) },
		"external_session_id": func(v *view) schema.Value { return cut(v.i.told("session.id"), 255) },
		"external_session_type": func(v *view) schema.Value {
			return cut(v.i.told("session.type"), 255)
		},
		"external_user_id":       func(v *view) schema.Value { return cut(v.i.customer(), 255) },
		"external_user_type":     func(v *view) schema.Value { return cut(v.i.told("customer.kind"), 255) },
		"external_issue_id":      func(v *view) schema.Value { return cut(v.i.ID, 255) },
		"external_channel":       func(v *view) schema.Value { return cut(v.i.channel(), 255) },
		"escalated_to_chat":      func(v *view) schema.Value { return flag(v.i.FirstQueued) },
		"first_agent_id":         firstRep,
		"first_rep_id":           firstRep,
		"last_agent_id":          lastRep,
		"last_rep_id":            lastRep,
		"external_agent_id":      external,
		"external_rep_id":        external,
		"assigned_to_rep_time":   func(v *view) schema.Value { return schema.Millis(v.i.assigned()) },
		"disposition_event_type": func(v *view) schema.Value { return v.noted(func(n *note) schema.Value { return cut(n.Code, 255) }) },
		"disposition_ts":         func(v *view) schema.Value { return v.noted(func(n *note) schema.Value { return schema.Millis(n.At) }) },
		"disposition_notes":      func(v *view) schema.Value { return v.noted(func(n *note) schema.Value { return schema.Some(n.Text) }) },
		"termination_event_type": func(v *view) schema.Value { return schema.Some(v.i.termination()) },
		"ended_resolved":         ended(func(i *issue) bool { return i.resolved() == "resolved" }),
		"ended_unresolved":       ended(func(i *issue) bool { return i.resolved() == "unresolved" }),
		"ended_timeout":          ended(func(i *issue) bool { return i.resolved() == "timeout" }),
		"ended_auto":             ended(func(i *issue) bool { return i.resolved() == "auto" }),
		"ended_other":            ended(func(i *issue) bool { return i.resolved() == "other" }),
		"session_metadata":       func(v *view) schema.Value { return schema.Some(v.i.Attributes) },
		"last_sequence_id":       func(v *view) schema.Value { return schema.Int(v.i.Facts) },
		"issue_queue_id":         func(v *view) schema.Value { return cut(v.i.lastQueue(), 255) },
		"issue_queue_name":       func(v *view) schema.Value { return v.queueName(v.i.lastQueue()) },
		"csat_rating":            func(v *view) schema.Value { return rating(v.i.Rating) },
		"end_srs_selection":      func(v *view) schema.Value { return schema.Some(v.i.Flow.EndSelection) },
		"language_code":          func(v *view) schema.Value { return cut(v.i.told("language"), 32) },
	}
}

func firstRep(v *view) schema.Value {
	first, _ := v.i.agents()
	return schema.Some(first)
}

func lastRep(v *view) schema.Value {
	_, last := v.i.agents()
	return schema.Some(last)
}

// noted makes a value of what was noted last as the outcome.
func (v *view) noted(of func(*note) schema.Value) schema.Value {
	if n := v.i.latestNote(); n != nil {
		return of(n)
	}
	return schema.Value{}
}

// agent gives an agent of the floor, nil when it is not known.
func (v *view) agent(id string) *floor.Agent {
	if id == "" || v.t == nil {
		return nil
	}
	return v.t.Agent(id)
}

// agentName gives an agent's name.
func (v *view) agentName(id string) schema.Value {
	if a := v.agent(id); a != nil {
		return cut(a.Name, 191)
	}
	return schema.Value{}
}

// queueName gives a queue's name, its id when it has none.
func (v *view) queueName(id string) schema.Value {
	if id == "" {
		return schema.Value{}
	}
	if v.t != nil {
		if q := v.t.Queue(id); q != nil && q.Name != "" {
			return cut(q.Name, 191)
		}
	}
	return cut(id, 191)
}

func rating(s string) schema.Value {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return schema.Real(f)
	}
	return schema.Value{}
}

// channel is by what it came in or went out.
func (i *issue) channel() string {
	if n := i.told("channel_name"); n != "" {
		return n
	}
	return i.told("channel")
}

// lastQueue is the queue of the latest visit, "" for none.
func (i *issue) lastQueue() string {
	if n := len(i.Visits); n > 0 {
		return i.Visits[n-1].Queue
	}
	return ""
}

// assigned is when an agent was connected first, 0 for never.
func (i *issue) assigned() int64 {
	if p := i.firstPart(); p != nil {
		return p.Connected
	}
	return 0
}

// termination says who ended it.
func (i *issue) termination() string {
	switch {
	case i.Ended == 0:
		return ""
	case i.Lost:
		return "LOST"
	case i.Initiator == "customer":
		return "CUSTOMER_ENDED"
	case i.Initiator == "agent":
		return "AGENT_ENDED"
	}
	return "SYSTEM_ENDED"
}

// resolved says in one word how it ended.
func (i *issue) resolved() string {
	switch {
	case i.Resolved != nil && *i.Resolved:
		return "resolved"
	case i.Resolved != nil:
		return "unresolved"
	case i.Outcome == floor.OutcomeTimeout.String():
		return "timeout"
	case i.Outcome == floor.OutcomeSelfServe.String():
		return "auto"
	}
	return "other"
}

// work adds up the agents' parts.
func (i *issue) work() (handle, lead, wrap, held int64, holds int, parts int) {
	for _, p := range i.Parts {
		if p.Connected == 0 {
			continue
		}
		handle, lead, wrap, held = handle+p.handle(), lead+p.lead(), wrap+p.Wrapped, held+p.HeldFor
		holds, parts = holds+p.Holds, parts+1
	}
	return handle, lead, wrap, held, holds, parts
}

// waited adds up how long it waited in queues.
func (i *issue) waited() (ms int64, queued bool) {
	for _, v := range i.Visits {
		queued = true
		ms += v.Waited
	}
	return ms, queued
}

func metricCells() cells {
	repSent := func(v *view) schema.Value { return schema.Int(v.i.Talk.Agent) }
	responses := func(v *view) schema.Value { return schema.Int(v.i.Talk.AgentTurns) }
	return cells{
		"assisted": func(v *view) schema.Value { return flag(v.i.firstPart() != nil) },
		"total_handle_time": func(v *view) schema.Value {
			ms, _, _, _, _, _ := v.i.work()
			return secs(ms)
		},
		"total_lead_time": func(v *view) schema.Value {
			_, ms, _, _, _, _ := v.i.work()
			return secs(ms)
		},
		"total_wrap_up_time": func(v *view) schema.Value {
			_, _, ms, _, _, _ := v.i.work()
			return secs(ms)
		},
		"total_hold_time_seconds": func(v *view) schema.Value {
			_, _, _, ms, _, _ := v.i.work()
			return secs(ms)
		},
		"hold_ct": func(v *view) schema.Value {
			_, _, _, _, n, _ := v.i.work()
			return schema.Int(n)
		},
		"total_session_time": func(v *view) schema.Value {
			end := v.i.Ended
			if end == 0 {
				end = v.i.instance()
			}
			return secs(max(end-v.i.Created, 0))
		},
		"customer_sent_msgs":  func(v *view) schema.Value { return schema.Real(float64(v.i.Talk.Customer)) },
		"agent_sent_msgs":     repSent,
		"rep_sent_msgs":       repSent,
		"auto_generated_msgs": func(v *view) schema.Value { return schema.Int(v.i.Talk.Auto) },
		"first_rep_response_count": func(v *view) schema.Value {
			return flag(v.i.Talk.FirstReply > 0)
		},
		"total_seconds_to_first_rep_response": func(v *view) schema.Value { return whole(v.i.Talk.FirstMS) },
		"agent_response_count":                responses,
		"rep_response_count":                  responses,
		"customer_response_count":             func(v *view) schema.Value { return schema.Int(v.i.Talk.CustTurns) },
		"total_rep_seconds_to_respond":        func(v *view) schema.Value { return secs(v.i.Talk.AgentMS) },
		"total_cust_seconds_to_respond":       func(v *view) schema.Value { return secs(v.i.Talk.CustMS) },
		"time_in_queue": func(v *view) schema.Value {
			ms, queued := v.i.waited()
			if !queued {
				return schema.Value{}
			}
			return secs(ms)
		},
		"attempted_chat": func(v *view) schema.Value { return flag(v.i.FirstQueued) },
		"out_business_ct": func(v *view) schema.Value {
			n := 0
			for _, x := range v.i.Visits {
				if x.Closed {
					n++
				}
			}
			return schema.Int(n)
		},
	}
}

func typeCells() cells {
	kind := func(v *view) schema.Value { return schema.Some(v.i.Media) }
	return cells{
		"queue_id":     func(v *view) schema.Value { return queueNum(v.i.lastQueue()) },
		"rep_id":       lastRep,
		"issue_type":   kind,
		"initial_type": kind,
		"channel_type": func(v *view) schema.Value { return schema.Some(v.i.Direction) },
	}
}
