package rows

import (
	"strings"

	"trunkline/feed/export/schema"
)

func visitCells() cells {
	return cells{
		"enter_queue_ts": func(v *view) schema.Value { return schema.Micros(v.v.EnterUS) },
		"exit_queue_ts":  func(v *view) schema.Value { return schema.Millis(v.v.Ended) },
		"queue_id":       func(v *view) schema.Value { return queueNum(v.v.Queue) },
		"queue_name":     func(v *view) schema.Value { return v.queueName(v.v.Queue) },
		"abandoned":      func(v *view) schema.Value { return schema.Truth(v.v.How == "abandoned") },
		"enqueue_time": func(v *view) schema.Value {
			if v.v.Ended == 0 {
				return schema.Value{}
			}
			return secs(v.v.Waited)
		},
		"exit_queue_eventtype":     func(v *view) schema.Value { return schema.Some(v.v.exitEvent()) },
		"rep_id":                   func(v *view) schema.Value { return schema.Some(v.v.Agent) },
		"agent_id":                 func(v *view) schema.Value { return num(v.v.Agent) },
		"enter_queue_eventtype":    func(v *view) schema.Value { return schema.Some(v.v.enterEvent()) },
		"enter_queue_flow_name":    func(v *view) schema.Value { return schema.Some(v.v.FlowName) },
		"enter_queue_message_name": func(v *view) schema.Value { return schema.Some(v.v.FlowNode) },
	}
}

// partCells are the columns that tell of an agent's part, null when there is none.
func partCells() cells {
	of := func(f func(*part) schema.Value) cell {
		return func(v *view) schema.Value {
			if v.p == nil {
				return schema.Value{}
			}
			return f(v.p)
		}
	}
	return cells{
		"rep_id":                of(func(p *part) schema.Value { return schema.Some(p.Agent) }),
		"rep_first_response_ts": of(func(p *part) schema.Value { return schema.Millis(p.Talk.FirstReply) }),
		"dispositioned_ts":      of(func(p *part) schema.Value { return schema.Millis(p.Done) }),
		"customer_end_ts":       of(func(p *part) schema.Value { return schema.Millis(p.CustomerEnd) }),
		"disposition_event_type": func(v *view) schema.Value {
			if n := v.i.noteFor(v.p); n != nil {
				return cut(n.Code, 255)
			}
			if v.p == nil {
				return schema.Value{}
			}
			return schema.Some(v.p.Ending)
		},
		"cust_utterance_count": of(func(p *part) schema.Value { return schema.Int(p.Talk.Customer) }),
		"rep_utterance_count":  of(func(p *part) schema.Value { return schema.Int(p.Talk.Agent) }),
		"cust_response_ct":     of(func(p *part) schema.Value { return schema.Int(p.Talk.CustTurns) }),
		"rep_response_ct":      of(func(p *part) schema.Value { return schema.Int(p.Talk.AgentTurns) }),
		"handle_time_seconds":  of(func(p *part) schema.Value { return secs(p.handle()) }),
		"lead_time_seconds":    of(func(p *part) schema.Value { return secs(p.lead()) }),
		"wrap_up_time_seconds": of(func(p *part) schema.Value { return secs(p.Wrapped) }),
		"is_ghost_customer": func(v *view) schema.Value {
			return schema.Truth(v.i.desk() == "CHAT" && v.p != nil && v.i.Talk.Customer == 0)
		},
	}
}

func opportunityCells() cells {
	own := cells{
		"opportunity_ts":          func(v *view) schema.Value { return schema.Micros(v.v.ChanceUS) },
		"rep_id":                  func(v *view) schema.Value { return schema.Some(v.v.Agent) },
		"first_opportunity":       func(v *view) schema.Value { return schema.Truth(v.v.First) },
		"triggered_when_busy":     func(v *view) schema.Value { return schema.Truth(v.v.Busy) },
		"triggered_outside_hours": func(v *view) schema.Value { return schema.Truth(v.v.Closed) },
		"queue_id":                func(v *view) schema.Value { return queueNum(v.v.Queue) },
		"queue_name":              func(v *view) schema.Value { return v.queueName(v.v.Queue) },
		"intent_code":             func(v *view) schema.Value { return v.i.intentCode() },
		"event_type":              func(v *view) schema.Value { return schema.Some(v.v.enterEvent()) },
		"previous_event_type":     func(v *view) schema.Value { return schema.Some(v.v.Before) },
		"flow_name":               func(v *view) schema.Value { return cut(v.v.FlowName, 255) },
		"by_request":              func(v *view) schema.Value { return schema.Truth(v.v.Entry == "escalate" || v.v.Entry == "callback") },
		"by_design":               func(v *view) schema.Value { return schema.Truth(v.v.Entry == "new" || v.v.Entry == "dialler") },
		"by_other": func(v *view) schema.Value {
			return schema.Truth(!strings.Contains(" escalate callback new dialler ", " "+v.v.Entry+" "))
		},
		"enqueued_ts":                func(v *view) schema.Value { return schema.Millis(v.v.At) },
		"exit_queue_ts":              func(v *view) schema.Value { return schema.Millis(v.v.Ended) },
		"abandoned_ts":               func(v *view) schema.Value { return v.when(v.v.How == "abandoned") },
		"assigned_ts":                func(v *view) schema.Value { return v.when(v.v.How == "answered") },
		"escalation_initiated_ts":    func(v *view) schema.Value { return schema.Millis(v.v.At) },
		"is_transfer":                func(v *view) schema.Value { return schema.Truth(v.v.Entry == "transfer" || v.i.Origin == "transfer") },
		"is_reengagement":            func(v *view) schema.Value { return schema.Truth(v.v.Entry == "requeued" || v.v.Entry == "callback") },
		"is_conversation_initiation": func(v *view) schema.Value { return schema.Truth(v.i.Direction == "out") },
		"from_queue_id":              func(v *view) schema.Value { return queueNum(v.v.FromQueue) },
		"from_queue_name":            func(v *view) schema.Value { return v.queueName(v.v.FromQueue) },
		"from_rep_id":                func(v *view) schema.Value { return num(v.v.FromAgent) },
	}
	return merged(partCells(), own)
}

// when gives the end of the visit, if it ended that way.
func (v *view) when(so bool) schema.Value {
	if !so {
		return schema.Value{}
	}
	return schema.Millis(v.v.Ended)
}

// directCells are the columns of an opportunity that no queue had a part in.
func directCells() cells {
	no := func(*view) schema.Value { return schema.Truth(false) }
	nothing := func(*view) schema.Value { return schema.Value{} }
	out := cells{
		"opportunity_ts":    func(v *view) schema.Value { return schema.Micros(v.p.ChanceUS) },
		"rep_id":            func(v *view) schema.Value { return schema.Some(v.p.Agent) },
		"first_opportunity": func(v *view) schema.Value { return schema.Truth(v.i.firstPart() == v.p && len(v.i.Visits) == 0) },
		"queue_id":          func(v *view) schema.Value { return queueNum(v.p.Queue) },
		"queue_name":        func(v *view) schema.Value { return v.queueName(v.p.Queue) },
		"event_type":        func(*view) schema.Value { return schema.Text("ASSIGNED") },
		"by_other":          func(*view) schema.Value { return schema.Truth(true) },
		"assigned_ts":       func(v *view) schema.Value { return schema.Millis(v.p.Connected) },
		"is_transfer":       func(v *view) schema.Value { return schema.Truth(v.i.Origin == "transfer" || v.i.Origin == "consult") },
	}
	for n := range strings.FieldsSeq("triggered_when_busy triggered_outside_hours by_request by_design is_reengagement") {
		out[n] = no
	}
	for n := range strings.FieldsSeq("previous_event_type flow_name enqueued_ts exit_queue_ts abandoned_ts escalation_initiated_ts from_queue_id from_queue_name from_rep_id") {
		out[n] = nothing
	}
	return out
}

func convoCells() cells {
	first := func(v *view) schema.Value { return schema.Millis(v.p.Talk.FirstReply) }
	return merged(partCells(), cells{
		"agent_id":                func(v *view) schema.Value { return num(v.p.Agent) },
		"issue_assigned_ts":       func(v *view) schema.Value { return schema.Micros(v.p.AssignedUS) },
		"agent_first_response_ts": first,
		"rep_first_response_ts":   first,
		"first_response_seconds": func(v *view) schema.Value {
			if v.p.Talk.FirstReply == 0 {
				return schema.Value{}
			}
			return whole(v.p.Talk.FirstMS)
		},
		"cume_rep_response_seconds": func(v *view) schema.Value { return whole(v.p.Talk.AgentMS) },
		"max_rep_response_seconds":  func(v *view) schema.Value { return secs(v.p.Talk.AgentMax) },
		"avg_rep_response_seconds":  func(v *view) schema.Value { return mean(v.p.Talk.AgentMS, v.p.Talk.AgentTurns) },
		"cume_cust_response_seconds": func(v *view) schema.Value {
			return whole(v.p.Talk.CustMS)
		},
		"hold_ct":                func(v *view) schema.Value { return schema.Int(v.p.Holds) },
		"cume_hold_time_seconds": func(v *view) schema.Value { return secs(v.p.HeldFor) },
		"client_mode":            func(v *view) schema.Value { return schema.Some(deskOf(v.agent(v.p.Agent))) },
		"queue_id":               func(v *view) schema.Value { return queueNum(v.p.Queue) },
	})
}

func transferCells() cells {
	requested := func(v *view) schema.Value {
		if v.x.TargetKind != "agent" {
			return schema.Value{}
		}
		return num(v.x.Target)
	}
	actual := func(v *view) schema.Value { return num(v.x.ToAgent) }
	to := func(v *view) schema.Value { return v.queueName(v.x.queue()) }
	return cells{
		"timestamp_req":                 func(v *view) schema.Value { return schema.Micros(v.x.US) },
		"timestamp_reply":               func(v *view) schema.Value { return schema.Millis(v.x.Reply) },
		"agent_id":                      func(v *view) schema.Value { return num(v.x.Agent) },
		"rep_id":                        func(v *view) schema.Value { return schema.Some(v.x.Agent) },
		"requested_agent_transfer":      requested,
		"requested_rep_transfer":        requested,
		"actual_agent_transfer":         actual,
		"actual_rep_transfer":           actual,
		"group_transfer_to":             func(v *view) schema.Value { return schema.Some(v.x.queue()) },
		"group_transfer_to_name":        to,
		"requested_group_transfer_id":   func(v *view) schema.Value { return queueNum(v.x.queue()) },
		"requested_group_transfer_name": to,
		"group_transfer_from":           func(v *view) schema.Value { return schema.Some(v.x.FromQueue) },
		"group_transfer_from_name":      func(v *view) schema.Value { return v.queueName(v.x.FromQueue) },
		"accepted":                      func(v *view) schema.Value { return schema.Truth(v.x.Accepted) },
		"is_auto_transfer":              func(v *view) schema.Value { return schema.Truth(v.x.Auto) },
		"exit_transfer_event_type":      func(v *view) schema.Value { return schema.Some(v.x.Exit) },
		"route_code_to": func(v *view) schema.Value {
			if v.x.TargetKind != "number" {
				return schema.Value{}
			}
			return cut(v.x.Target, 191)
		},
	}
}

func checkInCells() cells {
	return cells{
		"check_in_ts":            func(v *view) schema.Value { return schema.Micros(v.c.US) },
		"wait_time_threshold_ts": func(v *view) schema.Value { return schema.Millis(v.c.Limit) },
		"check_in_result":        func(v *view) schema.Value { return cut(v.c.Result, 9) },
		"check_in_result_ts":     func(v *view) schema.Value { return schema.Millis(v.c.ResultAt) },
		"queue_id":               func(v *view) schema.Value { return queueNum(v.c.Queue) },
		"queue_name":             func(v *view) schema.Value { return v.queueName(v.c.Queue) },
		"opportunity_ts":         func(v *view) schema.Value { return schema.Micros(v.c.ChanceUS) },
	}
}
