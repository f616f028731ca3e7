package push

import (
	"strconv"

	"github.com/tidwall/gjson"
)

// journey makes the payloads of a fact about an interaction.
func (p *projection) journey() {
	switch p.typ[len("interaction."):] {
	case "created":
		p.issueEvent("ISSUE_CREATED", func(o *body) { o.at("issue_start_ts", p.time) })
		if m := p.data.Get("media").Str; m != "phone" && m != "video" {
			p.issueEvent("DETECTED", func(o *body) { o.at("detected_ts", p.time) })
		}
	case "queued":
		entered := func(o *body) { o.at("queued_ts", p.time) }
		p.issueEvent("OPPORTUNITY_ESCALATED", func(o *body) { o.at("escalated_ts", p.time) })
		if p.ctx.Get("visits").Int() <= 1 {
			p.issueEvent("FIRST_OPPORTUNITY", entered)
		}
		p.issueEvent("ISSUE_OPPORTUNITY_QUEUE_INFO_UPDATED", entered)
		p.issueEvent("QUEUED", entered)
	case "dequeued":
		p.dequeued()
	case "accepted":
		p.accepted()
	case "released":
		p.released()
	case "message":
		p.message()
	case "intent_detected":
		p.intent()
	case "flow_visited":
		p.flow()
	case "action_called":
		p.issueEvent("LAST_FLOW_ACTION_CALLED", func(o *body) { actionDetails(o, p.time, p.data) })
	case "survey_answered":
		p.issueEvent("SURVEY_SUBMITTED", func(o *body) { surveyDetails(o, p.time, p.data) })
	case "session_changed":
		p.issueEvent("ISSUE_SESSION_UPDATED", nil)
	case "attributes_changed":
		p.issueEvent("JOURNEY_CUSTOMER_PARAMETERS", func(o *body) { o.parameters(p.ctx.Get("attributes"), p.data.Get("attributes")) })
	case "file_received":
		p.issueEvent("FILE_UPLOAD_DETECTED", func(o *body) {
			if files := p.ctx.Get("story.file_received"); files.Exists() {
				fileDetails(o, files)
				return
			}
			o.key("uploaded_files_list")
			o.b = append(o.b, '[')
			oneFile(o, p.time, p.data)
			o.closeList()
		})
	case "summarised":
		p.issueEvent("LAST_ASSIGNMENT_SUMMARY", func(o *body) { summaryDetails(o, p.time, p.data) })
	case "dispositioned":
		p.issueEvent("DISPOSITION", func(o *body) { dispositionDetails(o, p.time, p.data) })
	case "ended":
		p.ended()
	}
}

// issueEvent adds a payload about the interaction. details writes what its type is about.
func (p *projection) issueEvent(typ string, details func(*body)) {
	p.add(Journey, typ, typ, "issue/"+p.issue(), p.journeyData, p.accumulating(details, p.issueKnown))
}

func (p *projection) journeyData(o *body) {
	customer, session := p.known("customer"), p.session()
	o.value("customer_id", customer.Get("id"))
	o.value("opportunity_origin", either(p.data.Get("reason"), p.ctx.Get("origin"), p.ctx.Get("direction"), p.typ == "interaction.queued"))
	if n := p.ctx.Get("visits").Int(); n > 0 {
		o.text("opportunity_id", p.issue()+"-"+strconv.FormatInt(n, 10))
	}
	queue, agent := p.ctx.Get("queue"), p.ctx.Get("agent")
	q, a := queue.Get("id").Str, agent.Get("id").Str
	if q == "" {
		q = p.data.Get("queue").Str
	}
	if a == "" {
		a = p.data.Get("agent").Str
	}
	o.text("queue_id", q)
	o.text("group_id", q)
	o.value("queue_name", queue.Get("name"))
	o.value("session_id", session.Get("id"))
	o.value("session_type", session.Get("type"))
	o.value("user_id", customer.Get("number"))
	o.value("user_type", customer.Get("kind"))
	if p.typ == "interaction.session_changed" {
		o.at("session_update_ts", p.time)
	}
	o.text("agent_id", a)
	o.text("rep_id", a)
	o.value("agent_name", agent.Get("name"))
	o.value("agent_given_name", agent.Get("givenName"))
	o.value("agent_family_name", agent.Get("familyName"))
	o.value("agent_display_name", agent.Get("displayName"))
	o.value("external_agent_id", agent.Get("external"))
}

// either chooses where an opportunity came from: why it was queued, else what made the interaction, else its direction.
func either(reason, origin, direction gjson.Result, queued bool) gjson.Result {
	if queued && reason.Exists() {
		return reason
	}
	if origin.Exists() {
		return origin
	}
	return direction
}

func (p *projection) waited() int64 {
	if v := p.data.Get("waited_ms"); v.Exists() {
		return v.Int()
	}
	return p.ctx.Get("waitedMs").Int()
}

func (p *projection) dequeued() {
	reason := p.data.Get("reason").Str
	switch reason {
	case "abandoned":
		p.issueEvent("QUEUE_ABANDONED", func(o *body) {
			o.at("abandoned_ts", p.time)
			o.truth("is_ghost_customer", p.ghost())
		})
	case "timeout":
		p.issueEvent("TIMED_OUT", func(o *body) { o.at("timeout_ts", p.time) })
	}
	p.issueEvent("QUEUED_DURATION", func(o *body) { o.number("queued_ms", p.waited()) })
	p.issueEvent("OPPORTUNITY_ENDED", func(o *body) {
		o.at("opportunity_ended_ts", p.time)
		o.text("ended_type", reason)
		o.truth("is_ghost_customer", p.ghost())
	})
}

// ghost says that the customer of a written conversation never wrote a word.
func (p *projection) ghost() bool {
	return p.data.Get("media").Str == "chat" && p.ctx.Get("messagesIn").Int() == 0 && p.data.Get("reason").Str == "abandoned"
}

func (p *projection) accepted() {
	p.issueEvent("ASSIGNED", func(o *body) { o.at("assigned_ts", p.time) })
	p.issueEvent("QUEUED_DURATION", func(o *body) { o.number("queued_ms", p.waited()) })
	p.issueEvent("ISSUE_ASSIGNMENT_AGENT_INFO_UPDATED", func(o *body) { o.at("assigned_ts", p.time) })
	if p.data.Get("media").Str == "phone" && p.ctx.Get("contacts").Int() <= 1 {
		p.issueEvent("AGENT_FIRST_RESPONDED", func(o *body) { o.number("agent_first_response_ms", p.data.Get("rang_ms").Int()) })
	}
}

func (p *projection) released() {
	p.issueEvent("ASSIGNMENT_ENDED", func(o *body) {
		o.at("assigment_ended_ts", p.time) // misspelt in the vendor's schema
		if v := p.data.Get("talk_ms"); v.Exists() {
			o.number("handle_ms", v.Int())
		} else if from := p.ctx.Get("acceptedAt").Int(); from > 0 {
			o.number("handle_ms", max(0, p.time-from))
		}
	})
	p.issueEvent("OPPORTUNITY_ENDED", func(o *body) {
		o.at("opportunity_ended_ts", p.time)
		o.value("ended_type", p.data.Get("initiator"))
		o.truth("is_ghost_customer", p.ghost())
	})
}

func (p *projection) message() {
	if p.data.Get("interim").Bool() {
		return // its final text follows
	}
	role := p.data.Get("role").Str
	counts := func(o *body) {
		switch role {
		case "customer":
			o.at("last_customer_utterance_ts", p.time)
			o.some("customer_utterance_ct", p.ctx.Get("messagesIn").Int())
		case "agent", "supervisor":
			o.at("last_agent_utterance_ts", p.time)
			o.some("agent_utterance_ct", p.ctx.Get("messagesOut").Int())
		}
	}
	p.issueEvent("TEXT_MESSAGE", counts)
	switch role {
	case "customer":
		p.issueEvent("CUSTOMER_RESPONSE_BY_OPPORTUNITY", counts)
	case "agent":
		p.issueEvent("AGENT_RESPONSE_BY_OPPORTUNITY", counts)
		if p.data.Get("media").Str != "phone" && p.ctx.Get("messagesOut").Int() == 1 {
			p.issueEvent("AGENT_FIRST_RESPONDED", func(o *body) {
				if from := p.ctx.Get("acceptedAt").Int(); from > 0 {
					o.number("agent_first_response_ms", max(0, p.time-from))
				}
			})
		}
	case "supervisor":
		p.issueEvent("SUPERVISOR_UTTERANCE_BY_OPPORTUNITY", counts)
	}
}

func (p *projection) intent() {
	code := func(o *body) { intentDetails(o, p.data) }
	if path := p.data.Get("path"); !path.Exists() || len(path.Array()) <= 1 {
		p.issueEvent("FIRST_INTENT_UPDATED", code)
	} else {
		p.issueEvent("INTENT_PATH_UPDATED", code)
	}
	p.issueEvent("INTENT_CHANGE", code)
}

func (p *projection) flow() {
	typ := ""
	switch p.data.Get("outcome").Str {
	case "visited":
		typ = "NODE_VISITED"
	case "link":
		typ = "LINK_RESOLVED"
	case "success":
		typ = "FLOW_SUCCESS"
	case "negated":
		typ = "FLOW_SUCCESS_NEGATED"
	case "end_response":
		typ = "END_SRS_RESPONSE"
	default:
		return
	}
	p.issueEvent(typ, func(o *body) { flowDetails(o, p.data) })
}

func (p *projection) ended() {
	if p.data.Get("initiator").Str == "customer" {
		p.issueEvent("CUSTOMER_ENDED", func(o *body) { o.at("customer_ended_ts", p.time) })
	}
	end := func(o *body) {
		o.at("issue_ended_ts", p.time)
		o.value("is_resolved", p.data.Get("resolved"))
	}
	p.issueEvent("CONVERSATION_ENDED", end)
	p.issueEvent("ISSUE_ENDED", end)
}
