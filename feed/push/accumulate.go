package push

import (
	"slices"

	"github.com/tidwall/gjson"
)

// accumulating gives what writes the details of a payload: those of its own type, and when the destination's payloads
// accumulate also what else is known of the entity. What is its own goes before.
func (p *projection) accumulating(details, known func(*body)) func(*body) {
	if !p.all {
		return details
	}
	return func(o *body) {
		if details == nil {
			known(o)
			return
		}
		own, all := body{}, body{}
		details(&own)
		known(&all)
		o.b = append(o.b, own.b...)
		have := own.object()
		all.object().ForEach(func(k, v gjson.Result) bool {
			if !have.Get(k.Str).Exists() {
				o.value(k.Str, v)
			}
			return true
		})
	}
}

// object reads what was written so far as the inside of an object.
func (o *body) object() gjson.Result {
	b := append(append(make([]byte, 0, len(o.b)+2), '{'), o.b...)
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return gjson.ParseBytes(append(b, '}'))
}

// issueKnown writes what is known of an issue up to now.
func (p *projection) issueKnown(o *body) {
	c := p.ctx
	o.at("issue_start_ts", c.Get("createdAt").Int())
	if m := p.data.Get("media").Str; m != "phone" && m != "video" {
		o.at("detected_ts", c.Get("createdAt").Int())
	}
	story := c.Get("story")
	if d := story.Get("intent_detected"); d.Exists() {
		intentDetails(o, d)
	}
	if d := story.Get("flow_visited"); d.Exists() {
		flowDetails(o, d)
	}
	if d := story.Get("action_called"); d.Exists() {
		actionDetails(o, d.Get("at").Int(), d)
	}
	if d := story.Get("survey_answered"); d.Exists() {
		surveyDetails(o, d.Get("at").Int(), d)
	}
	fileDetails(o, story.Get("file_received"))
	if d := story.Get("summarised"); d.Exists() {
		summaryDetails(o, d.Get("at").Int(), d)
	}
	if d := story.Get("dispositioned"); d.Exists() {
		dispositionDetails(o, d.Get("at").Int(), d)
	}
	p.opportunityKnown(o, story)
	p.conversationKnown(o)
	o.parameters(c.Get("attributes"), gjson.Result{})
	if at := c.Get("endedAt").Int(); at > 0 {
		o.at("issue_ended_ts", at)
		if c.Get("initiator").Str == "customer" {
			o.at("customer_ended_ts", at)
		}
	}
}

func (p *projection) opportunityKnown(o *body, story gjson.Result) {
	c := p.ctx
	o.at("escalated_ts", c.Get("firstQueuedAt").Int())
	o.at("queued_ts", c.Get("queuedAt").Int())
	o.at("assigned_ts", c.Get("acceptedAt").Int())
	o.some("queued_ms", c.Get("waitedMs").Int())
	left, released := story.Get("dequeued"), story.Get("released")
	leftAt, releasedAt := left.Get("at").Int(), released.Get("at").Int()
	switch left.Get("reason").Str {
	case "abandoned":
		o.at("abandoned_ts", leftAt)
	case "timeout":
		o.at("timeout_ts", leftAt)
	}
	o.at("opportunity_ended_ts", max(leftAt, releasedAt))
	if leftAt > releasedAt {
		o.value("ended_type", left.Get("reason"))
	}
	if releasedAt > 0 {
		o.at("assigment_ended_ts", releasedAt)
		o.value("handle_ms", released.Get("talk_ms"))
	}
}

func (p *projection) conversationKnown(o *body) {
	c := p.ctx
	o.at("last_agent_utterance_ts", c.Get("lastOutAt").Int())
	o.some("agent_utterance_ct", c.Get("messagesOut").Int())
	if first := c.Get("firstReplyAt").Int(); first > 0 {
		o.number("agent_first_response_ms", max(0, first-c.Get("acceptedAt").Int()))
	}
	o.at("last_customer_utterance_ts", c.Get("lastInAt").Int())
	o.some("customer_utterance_ct", c.Get("messagesIn").Int())
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
	const digits = "0123456789"
	for i, name := range names[:min(10, len(names))] {
		n := string([]byte{digits[(i+1)/10], digits[(i+1)%10]})
		o.value("customer_params_field_"+n, values[name])
		o.text("customer_params_key_name_"+n, name)
	}
}
