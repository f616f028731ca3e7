package push

import (
	"cmp"

	"github.com/tidwall/gjson"
)

// activity makes the payloads of a fact about an agent.
func (p *projection) activity() {
	agent := p.data.Get("agent").Str
	known := p.ctx.Get("known")
	event := func(typ string, details func(*body)) { p.agentEvent(typ, typ, agent, known, details) }
	switch p.typ[len("agent."):] {
	case "status_changed":
		event("agent_activity_status_updated", func(o *body) {
			at := millis(p.data.Get("since"))
			if at == 0 {
				at = p.time
			}
			o.at("status_updated_ts", at)
			what := p.data.Get("presence")
			if name := p.data.Get("reason.name"); name.Str != "" {
				what = name
			}
			o.value("status_description", what)
		})
	case "mode_changed":
		event("agent_activity_capacity_updated", nil)
	case "provisioned":
		switch p.data.Get("change").Str {
		case "queue_added", "queue_changed", "queue_removed":
			event("agent_activity_queue_membership", nil)
		default:
			event("agent_activity_identity_updated", nil)
		}
		if p.data.Get("slots").Exists() {
			event("agent_activity_capacity_updated", nil)
		}
	case "measured":
		event("agent_activity_assignment_load_updated", func(o *body) {
			o.at("assignment_load_updated_ts", p.time)
			o.number("assigned_customer_ct", p.data.Get("load").Int())
		})
	case "utilised":
		event("agent_activity_utilization_5_min", p.utilisation)
	}
}

// agentEvent adds a payload about an agent. what tells payloads of one type and record apart.
func (p *projection) agentEvent(typ, what, agent string, known gjson.Result, details func(*body)) {
	if known.Get("agent").Str != agent {
		known = gjson.Result{}
	}
	p.add(Activity, typ, what, "agent/"+agent, func(o *body) { p.agentData(o, agent, known) }, p.accumulating(details, func(o *body) { agentDetails(o, known) }))
}

// agentData writes who an agent is: from the fact where it says so, else from what the log keeps.
func (p *projection) agentData(o *body, id string, known gjson.Result) {
	o.text("rep_id", id)
	o.text("agent_id", id)
	kept := known
	if a := p.ctx.Get("agent"); a.Get("id").Str == id {
		kept = a
	}
	var own gjson.Result
	if p.data.Get("agent").Str == id && p.typ == "agent.provisioned" {
		own = p.data
	}
	pick := func(k, ours, theirs string, from gjson.Result) {
		if v := own.Get(ours); v.Str != "" {
			o.value(k, v)
			return
		}
		o.value(k, from.Get(theirs))
	}
	pick("desk_mode", "desk_mode", "deskMode", known)
	pick("rep_name", "name", "name", kept)
	pick("agent_given_name", "given_name", "givenName", kept)
	pick("agent_family_name", "family_name", "familyName", kept)
	pick("agent_display_name", "display_name", "displayName", kept)
	pick("external_rep_id", "external", "external", kept)
	if slots := p.data.Get("slots"); slots.Exists() && p.data.Get("agent").Str == id {
		most := int64(0)
		slots.ForEach(func(_, v gjson.Result) bool {
			most += v.Int()
			return true
		})
		o.number("max_slots", most)
	} else {
		o.value("max_slots", known.Get("slots"))
	}
	var ids, names []string
	add := func(q gjson.Result) {
		id := q.Get("id").Str
		ids, names = append(ids, id), append(names, cmp.Or(q.Get("name").Str, id)) // the two lists go together
	}
	if known.Exists() {
		for _, q := range known.Get("queues").Array() {
			add(q)
		}
	} else if q := own.Get("queue"); q.Exists() && own.Get("change").Str != "queue_removed" {
		add(q) // of a record that was enriched before the log kept them all
	}
	o.texts("queue_ids", ids)
	o.texts("queue_names", names)
}

// agentDetails writes what is known of an agent's activity, whatever it was that is told now.
func agentDetails(o *body, known gjson.Result) {
	o.at("status_updated_ts", known.Get("presenceSince").Int())
	if reason := known.Get("reason"); reason.Str != "" {
		o.value("status_description", reason)
	} else {
		o.value("status_description", known.Get("presence"))
	}
	o.at("routing_status_updated_ts", known.Get("engagedSince").Int())
	o.value("routing_status", known.Get("engaged"))
	if at := known.Get("loadAt").Int(); at > 0 {
		o.at("assignment_load_updated_ts", at)
		o.number("assigned_customer_ct", known.Get("load").Int())
	}
	previousRouting(o, known, known.Get("engagedSince").Int())
}

// previousRouting writes the routing status that an agent left at a time.
func previousRouting(o *body, known gjson.Result, at int64) {
	from := known.Get("beforeSince").Int()
	if from == 0 {
		return
	}
	o.at("previous_routing_status_updated_ts", at)
	o.value("previous_routing_status", known.Get("before"))
	o.number("previous_routing_status_duration_sec", max(0, at-from)/1000)
	o.at("previous_routing_status_start_ts", from)
}

func (p *projection) utilisation(o *body) {
	to := millis(p.data.Get("to"))
	o.at("utilization_5_min_updated_ts", to)
	o.at("utilization_5_min_window_start_ts", millis(p.data.Get("from")))
	o.at("utilization_5_min_window_end_ts", to)
	for _, k := range [...][2]string{{"any_status", "any"}, {"active", "active"}, {"away", "away"}, {"offline", "offline"}, {"wrapping_up", "wrapping_up"}} {
		u := p.data.Get(k[1])
		name := "utilization_5_min_" + k[0]
		o.begin(name)
		o.number("linear_sec", seconds(u.Get("linear_ms")))
		o.number("linear_utilized_sec", seconds(u.Get("linear_used_ms")))
		o.number("cumulative_sec", seconds(u.Get("cumulative_ms")))
		o.number("cumulative_utilized_sec", seconds(u.Get("cumulative_used_ms")))
		o.end(name)
	}
}

// seconds rounds milliseconds.
func seconds(ms gjson.Result) int64 { return (ms.Int() + 500) / 1000 }

// routingStatus puts the floor's states into the four words that the utilisation fields imply.
func routingStatus(state string) string {
	switch state {
	case "alerting", "contact", "idle":
		return "ACTIVE"
	case "wrap_up":
		return "WRAPPING_UP"
	case "away":
		return "AWAY"
	}
	return "OFFLINE"
}

// routing makes the payloads of the agents whose routing state any fact changed.
func (p *projection) routing() {
	p.ctx.Get("status").ForEach(func(_, s gjson.Result) bool {
		now, before := routingStatus(s.Get("state").Str), routingStatus(s.Get("before").Str)
		if now == before {
			return true
		}
		agent, known := s.Get("agent").Str, s.Get("known")
		at := s.Get("since").Int()
		if at == 0 {
			at = p.time
		}
		const was, is = "agent_activity_previous_routing_status", "agent_activity_routing_status_updated"
		p.agentEvent(was, was+agent, agent, known, func(o *body) {
			if known.Get("beforeSince").Exists() {
				previousRouting(o, known, at)
				return
			}
			o.at("previous_routing_status_updated_ts", at)
			o.text("previous_routing_status", before)
		})
		p.agentEvent(is, is+agent, agent, known, func(o *body) {
			o.at("routing_status_updated_ts", at)
			o.text("routing_status", now)
		})
		return true
	})
}
