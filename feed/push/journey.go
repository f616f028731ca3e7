package push

import (
	"slices"
	"strconv"

	"github.com/tidwall/gjson"

	"trunkline/internal/scan"
)

// journey makes the payloads of a fact about an interaction.
func (p *projection) journey() {
	switch p.typ[len("interaction."):] {
	case "created":
		p.issueEvent("ISSUE_CREATED", nil)
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
		p.issueEvent("LAST_FLOW_ACTION_CALLED", func(o *body) {
			o.at("last_flow_action_called_ts", p.time)
			o.value("last_flow_action_called_node_name", p.data.Get("node"))
			o.value("last_flow_action_called_action_id", p.data.Get("action"))
			o.value("last_flow_action_called_version", p.data.Get("version"))
			o.actionInputs("last_flow_action_called_inputs", p.data.Get("inputs"))
		})
	case "survey_answered":
		p.issueEvent("SURVEY_SUBMITTED", func(o *body) {
			o.list("survey_responses", p.data.Get("answers"), func(a gjson.Result) {
				o.value("question", a.Get("question"))
				o.value("question_category", a.Get("category"))
				o.value("question_type", a.Get("type"))
				o.value("answer", a.Get("answer"))
				o.value("ordering", a.Get("ordering"))
			})
			o.at("survey_submit_ts", p.time)
		})
	case "session_changed":
		p.issueEvent("ISSUE_SESSION_UPDATED", nil)
	case "attributes_changed":
		p.issueEvent("JOURNEY_CUSTOMER_PARAMETERS", func(o *body) { o.parameters(p.ctx.Get("attributes"), p.data.Get("attributes")) })
	case "file_received":
		p.file()
	case "summarised":
		p.issueEvent("LAST_ASSIGNMENT_SUMMARY", func(o *body) {
			o.at("last_assignment_summary_ts", p.time)
			o.value("last_assignment_summary_text", p.data.Get("text"))
		})
	case "dispositioned":
		p.disposition()
	case "ended":
		p.ended()
	}
}

// issueEvent adds a payload about the interaction. details writes what its type is about.
func (p *projection) issueEvent(typ string, details func(*body)) {
	p.add(Journey, typ, typ, "issue/"+p.issue(), p.journeyData, func(o *body) {
		if !p.all {
			if typ == "ISSUE_CREATED" {
				o.at("issue_start_ts", p.time)
			}
			if details != nil {
				details(o)
			}
			return
		}
		own := body{}
		if details != nil {
			details(&own)
		}
		o.b = append(o.b, own.b...)
		p.accumulated(o, gjson.ParseBytes(append([]byte{'{'}, append(slices.Clip(own.b), '}')...)))
	})
}

// accumulated adds to the details what is known of the issue up to now, but not what they have already.
func (p *projection) accumulated(o *body, own gjson.Result) {
	at := func(k string, v gjson.Result) {
		if !own.Get(k).Exists() {
			o.at(k, v.Int())
		}
	}
	at("issue_start_ts", p.ctx.Get("createdAt"))
	at("queued_ts", p.ctx.Get("queuedAt"))
	at("assigned_ts", p.ctx.Get("acceptedAt"))
	at("issue_ended_ts", p.ctx.Get("endedAt"))
	count := func(k, from string) {
		if !own.Get(k).Exists() {
			o.some(k, p.ctx.Get(from).Int())
		}
	}
	count("queued_ms", "waitedMs")
	count("agent_utterance_ct", "messagesOut")
	count("customer_utterance_ct", "messagesIn")
	if first := p.ctx.Get("firstReplyAt").Int(); first > 0 && !own.Get("agent_first_response_ms").Exists() {
		o.number("agent_first_response_ms", max(0, first-p.ctx.Get("acceptedAt").Int()))
	}
	if !own.Get("customer_params_field_01").Exists() {
		o.parameters(p.ctx.Get("attributes"), gjson.Result{})
	}
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
	code := func(o *body) {
		o.value("intent_code", p.data.Get("code"))
		o.value("business_intent_code", p.data.Get("business_code"))
		o.text("intent_code_path", joined(p.data.Get("path")))
		o.text("business_intent_code_path", joined(p.data.Get("business_path")))
	}
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
	p.issueEvent(typ, func(o *body) {
		o.value("flow_node_type", p.data.Get("node_type"))
		o.value("flow_node_name", p.data.Get("node"))
		o.text("flow_name_path", joined(p.data.Get("path")))
		o.text("business_flow_name_path", joined(p.data.Get("business_path")))
	})
}

func (p *projection) file() {
	p.issueEvent("FILE_UPLOAD_DETECTED", func(o *body) {
		o.key("uploaded_files_list")
		o.b = append(o.b, '[')
		o.begin("")
		o.value("file_upload_event_id", p.data.Get("file"))
		o.at("file_upload_ts", p.time)
		o.value("file_name", p.data.Get("name"))
		o.value("file_mime_type", p.data.Get("mime_type"))
		if n := p.data.Get("bytes").Int(); n > 0 {
			o.key("file_size_mb")
			o.b = append(strconv.AppendFloat(o.b, float64(n)/(1<<20), 'f', 6, 64), ',')
		}
		o.value("file_image_width", p.data.Get("width"))
		o.value("file_image_height", p.data.Get("height"))
		o.end("")
		o.b[len(o.b)-1] = ']'
		o.b = append(o.b, ',')
	})
}

func (p *projection) disposition() {
	p.issueEvent("DISPOSITION", func(o *body) {
		o.at("disposition_ts", p.time)
		o.key("disposition_fields")
		o.b = append(o.b, '[')
		field := func(typ, name, value gjson.Result) {
			o.begin("")
			o.value("field_type", typ)
			o.value("field_name", name)
			o.value("field_value", value)
			o.end("")
		}
		named := func(name string) gjson.Result { return gjson.Parse(`"` + name + `"`) }
		field(named("code"), named("disposition"), p.data.Get("code"))
		if v := p.data.Get("notes"); v.Str != "" {
			field(named("text"), named("notes"), v)
		}
		p.data.Get("fields").ForEach(func(_, f gjson.Result) bool {
			field(f.Get("type"), f.Get("name"), f.Get("value"))
			return true
		})
		o.b[len(o.b)-1] = ']'
		o.b = append(o.b, ',')
	})
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

// joined writes a path as one text.
func joined(path gjson.Result) string {
	s := ""
	path.ForEach(func(_, v gjson.Result) bool {
		if s != "" {
			s += "/"
		}
		s += v.Str
		return true
	})
	return s
}

// list writes an array of objects.
func (o *body) list(k string, items gjson.Result, each func(gjson.Result)) {
	if len(items.Array()) == 0 {
		return
	}
	o.key(k)
	o.b = append(o.b, '[')
	items.ForEach(func(_, v gjson.Result) bool {
		o.begin("")
		each(v)
		o.end("")
		return true
	})
	o.b[len(o.b)-1] = ']'
	o.b = append(o.b, ',')
}

func (o *body) actionInputs(k string, inputs gjson.Result) {
	o.begin(k)
	inputs.ForEach(func(name, v gjson.Result) bool {
		o.b = append(append(o.b, name.Raw...), ':')
		o.begin("")
		o.value("value", v.Get("value"))
		o.value("value_type", v.Get("type"))
		o.end("")
		return true
	})
	o.end(k)
}

// parameters writes the first ten attached pairs by name, those of the issue, else those of the fact.
func (o *body) parameters(attributes, own gjson.Result) {
	if !attributes.Exists() {
		attributes = own
	}
	var names []string
	values := map[string]gjson.Result{}
	attributes.ForEach(func(k, v gjson.Result) bool {
		names = append(names, k.Str)
		values[k.Str] = v
		return true
	})
	slices.Sort(names)
	for i, name := range names[:min(10, len(names))] {
		n := strconv.Itoa((i+1)/10) + strconv.Itoa((i+1)%10)
		o.value("customer_params_field_"+n, values[name])
		o.text("customer_params_key_name_"+n, name)
	}
}

// millis reads a time within a fact.
func millis(v gjson.Result) int64 {
	if v.Str == "" {
		return 0
	}
	return scan.Millis(v.Str)
}
