package push

import "github.com/tidwall/gjson"

// activity makes the payloads of a fact about an agent.
func (p *projection) activity() {
	agent := p.data.Get("agent").Str
	key := "agent/" + agent
	event := func(typ string, details func(*body)) {
		p.add(Activity, typ, typ, key, func(o *body) { p.agentData(o, agent) }, details)
	}
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
	}
}

// agentData writes who an agent is: from the fact where it says so, else from what the log keeps.
func (p *projection) agentData(o *body, id string) {
	o.text("rep_id", id)
	o.text("agent_id", id)
	var kept, own gjson.Result
	if a := p.ctx.Get("agent"); a.Get("id").Str == id {
		kept = a
	}
	if p.data.Get("agent").Str == id && p.typ == "agent.provisioned" {
		own = p.data
	}
	pick := func(k, ours, theirs string) {
		if v := own.Get(ours); v.Str != "" {
			o.value(k, v)
			return
		}
		if theirs != "" {
			o.value(k, kept.Get(theirs))
		}
	}
	pick("desk_mode", "desk_mode", "")
	pick("rep_name", "name", "name")
	pick("agent_given_name", "given_name", "givenName")
	pick("agent_family_name", "family_name", "familyName")
	pick("agent_display_name", "display_name", "displayName")
	pick("external_rep_id", "external", "external")
	if slots := p.data.Get("slots"); slots.Exists() && p.data.Get("agent").Str == id {
		most := int64(0)
		slots.ForEach(func(_, v gjson.Result) bool {
			most += v.Int()
			return true
		})
		o.number("max_slots", most)
	}
	if q := own.Get("queue"); q.Exists() && own.Get("change").Str != "queue_removed" {
		o.texts("queue_ids", []string{q.Get("id").Str})
		if name := q.Get("name").Str; name != "" {
			o.texts("queue_names", []string{name})
		}
	}
}

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
		agent := s.Get("agent").Str
		key := "agent/" + agent
		at := s.Get("since").Int()
		if at == 0 {
			at = p.time
		}
		data := func(o *body) { p.agentData(o, agent) }
		const was, is = "agent_activity_previous_routing_status", "agent_activity_routing_status_updated"
		p.add(Activity, was, was+agent, key, data, func(o *body) {
			o.at("previous_routing_status_updated_ts", at)
			o.text("previous_routing_status", before)
		})
		p.add(Activity, is, is+agent, key, data, func(o *body) {
			o.at("routing_status_updated_ts", at)
			o.text("routing_status", now)
		})
		return true
	})
}
