package asapp

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"trunkline/event"
)

// Source is the source of the facts.
const Source = "/asapp"

// Translate makes the facts of a payload, named by its event_id. One that the vocabulary has no fact for, or that lacks
// what the fact needs, is kept as it is.
func Translate(e *Envelope) ([]event.Event, error) {
	facts := e.facts()
	out := make([]event.Event, 0, len(facts))
	for i, f := range facts {
		id := e.ID
		if i > 0 {
			id += "." + strconv.Itoa(i)
		}
		ev, err := event.Encode(event.Meta{ID: id, Source: Source, Time: e.Time}, f)
		if err != nil {
			return e.kept()
		}
		out = append(out, ev)
	}
	if len(out) == 0 {
		return e.kept()
	}
	return out, nil
}

// kept is the payload itself as an event of another type than ours.
func (e *Envelope) kept() ([]event.Event, error) {
	typ := e.Name
	if !strings.Contains(typ, ".") {
		typ = "com.asapp.event." + typ
	}
	raw, err := json.Marshal(map[string]any{"specversion": "1.0", "id": e.ID, "source": Source, "type": typ, "time": e.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
		"data": json.RawMessage(e.Raw)})
	if err != nil {
		return nil, fmt.Errorf("keep a payload: %w", err)
	}
	ev, err := event.Parse(raw, event.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return []event.Event{ev}, nil
}

func (e *Envelope) facts() []event.Fact {
	switch e.Name {
	case "com.asapp.event.journey":
		if f := e.journey(); f != nil {
			return f
		}
	case "com.asapp.event.activity":
		return e.activity()
	case "com.asapp.event.queue":
		return e.queue()
	}
	return nil
}

func first(d gjson.Result, names ...string) string {
	for _, n := range names {
		if v := d.Get(n); v.Exists() && v.Type != gjson.Null {
			return v.String()
		}
	}
	return ""
}

func (e *Envelope) ref() event.Ref {
	r := event.Ref{Interaction: e.Meta.Get("issue_id").String(), Media: event.MediaChat}
	if strings.EqualFold(e.Meta.Get("client_type").Str, "sms") {
		r.Media = event.MediaSMS
	}
	return r
}

func (e *Envelope) agent() string { return first(e.Data, "rep_id", "agent_id") }
func (e *Envelope) queueID() string {
	return first(e.Data, "queue_id", "group_id")
}

func (e *Envelope) journey() []event.Fact {
	ref, d := e.ref(), e.Details
	if ref.Interaction == "" {
		return nil
	}
	one := func(f event.Fact) []event.Fact { return []event.Fact{f} }
	message := func(role event.Role) []event.Fact {
		speaker := ""
		if role != event.RoleCustomer {
			speaker = e.agent()
		}
		return one(event.InteractionMessage{Ref: ref, Role: role, Speaker: speaker, Queue: e.queueID()})
	}
	switch e.Type {
	case "ISSUE_CREATED":
		return one(e.created(ref))
	case "QUEUED":
		return one(event.InteractionQueued{Ref: ref, Queue: e.queueID()})
	case "QUEUE_ABANDONED":
		return one(event.InteractionDequeued{Ref: ref, Queue: e.queueID(), Reason: event.DequeueAbandoned, WaitedMS: positive(d.Get("queued_ms"))})
	case "TIMED_OUT":
		return one(event.InteractionDequeued{Ref: ref, Queue: e.queueID(), Reason: event.DequeueTimeout, WaitedMS: positive(d.Get("queued_ms"))})
	case "ASSIGNED":
		return one(event.InteractionAccepted{Ref: ref, Agent: e.agent(), Queue: e.queueID(), WaitedMS: positive(d.Get("queued_ms"))})
	case "ASSIGNMENT_ENDED":
		return one(event.InteractionReleased{Ref: ref, Agent: e.agent(), Queue: e.queueID(), TalkMS: positive(d.Get("handle_ms"))})
	case "CUSTOMER_RESPONSE_BY_OPPORTUNITY":
		return message(event.RoleCustomer)
	case "AGENT_RESPONSE_BY_OPPORTUNITY":
		return message(event.RoleAgent)
	case "SUPERVISOR_UTTERANCE_BY_OPPORTUNITY":
		return message(event.RoleSupervisor)
	case "INTENT_CHANGE":
		return one(event.InteractionIntentDetected{Ref: ref, Code: d.Get("intent_code").Str, Path: path(d.Get("intent_code_path")),
			BusinessCode: d.Get("business_intent_code").Str, BusinessPath: path(d.Get("business_intent_code_path"))})
	case "NODE_VISITED":
		return one(e.flow(ref, event.FlowVisited))
	case "LINK_RESOLVED":
		return one(e.flow(ref, event.FlowLink))
	case "FLOW_SUCCESS":
		return one(e.flow(ref, event.FlowSuccess))
	case "FLOW_SUCCESS_NEGATED":
		return one(e.flow(ref, event.FlowNegated))
	case "END_SRS_RESPONSE":
		return one(e.flow(ref, event.FlowEndResponse))
	case "LAST_FLOW_ACTION_CALLED":
		return one(e.action(ref))
	case "SURVEY_SUBMITTED":
		return one(e.survey(ref))
	case "ISSUE_SESSION_UPDATED":
		c := e.created(ref)
		return one(event.InteractionSessionChanged{Ref: ref, Session: c.Session, Client: c.Client, Customer: c.Customer})
	case "JOURNEY_CUSTOMER_PARAMETERS":
		return one(event.InteractionAttributesChanged{Ref: ref, Attributes: e.parameters()})
	case "FILE_UPLOAD_DETECTED":
		return e.files(ref)
	case "DISPOSITION":
		return one(e.disposition(ref))
	case "LAST_ASSIGNMENT_SUMMARY":
		return one(event.InteractionSummarised{Ref: ref, Text: d.Get("last_assignment_summary_text").Str, Agent: e.agent()})
	case "ISSUE_ENDED":
		f := event.InteractionEnded{Ref: ref, Initiator: event.InitiatorSystem, Reason: event.EndNormal}
		if d.Get("customer_ended_ts").Exists() {
			f.Initiator = event.InitiatorCustomer
		}
		if v := d.Get("is_resolved"); v.IsBool() {
			resolved := v.Bool()
			f.Resolved = &resolved
		}
		return one(f)
	}
	return nil
}

func (e *Envelope) created(ref event.Ref) event.InteractionCreated {
	f := event.InteractionCreated{Ref: ref, Direction: event.DirectionIn, Subdivision: e.Meta.Get("company_subdivision").Str, Segments: texts(e.Meta.Get("company_segments"))}
	if id := e.Data.Get("customer_id").String(); id != "" {
		f.Customer = &event.Customer{ID: id, Number: e.Data.Get("user_id").String(), Kind: e.Data.Get("user_type").Str}
	}
	if id := first(e.Data, "session_id"); id != "" {
		f.Session = &event.Session{ID: id, Type: e.Data.Get("session_type").Str}
	} else if id := first(e.Meta, "session_id"); id != "" {
		f.Session = &event.Session{ID: id}
	}
	if id, typ := e.Meta.Get("client_id").String(), e.Meta.Get("client_type").Str; id != "" || typ != "" {
		f.Client = &event.Client{ID: id, Type: typ}
	}
	return f
}

func (e *Envelope) flow(ref event.Ref, outcome event.FlowOutcome) event.Fact {
	p := path(e.Details.Get("flow_name_path"))
	f := event.InteractionFlowVisited{Ref: ref, Path: p, BusinessPath: path(e.Details.Get("business_flow_name_path")),
		Node: e.Details.Get("flow_node_name").Str, NodeType: e.Details.Get("flow_node_type").Str, Outcome: outcome}
	if len(p) > 0 {
		f.Flow = p[len(p)-1]
	}
	return f
}

func (e *Envelope) action(ref event.Ref) event.Fact {
	const p = "last_flow_action_called_"
	f := event.InteractionActionCalled{Ref: ref, Node: e.Details.Get(p + "node_name").Str, Action: e.Details.Get(p + "action_id").String(), Version: e.Details.Get(p + "version").String()}
	e.Details.Get(p + "inputs").ForEach(func(k, v gjson.Result) bool {
		if f.Inputs == nil {
			f.Inputs = map[string]event.ActionInput{}
		}
		f.Inputs[k.Str] = event.ActionInput{Value: v.Get("value").String(), Type: v.Get("value_type").Str}
		return true
	})
	return f
}

func (e *Envelope) survey(ref event.Ref) event.Fact {
	f := event.InteractionSurveyAnswered{Ref: ref, Answers: []event.SurveyAnswer{}}
	e.Details.Get("survey_responses").ForEach(func(_, v gjson.Result) bool {
		f.Answers = append(f.Answers, event.SurveyAnswer{Question: v.Get("question").Str, Category: v.Get("question_category").Str,
			Type: v.Get("question_type").Str, Answer: v.Get("answer").String(), Ordering: int(v.Get("ordering").Int())})
		return true
	})
	return f
}

func (e *Envelope) parameters() event.Attributes {
	out := event.Attributes{}
	for i := 1; i <= 10; i++ {
		n := fmt.Sprintf("%02d", i)
		if name := e.Details.Get("customer_params_key_name_" + n).Str; name != "" {
			out[name] = e.Details.Get("customer_params_field_" + n).String()
		}
	}
	return out
}

func (e *Envelope) files(ref event.Ref) []event.Fact {
	var out []event.Fact
	e.Details.Get("uploaded_files_list").ForEach(func(_, v gjson.Result) bool {
		out = append(out, event.InteractionFileReceived{Ref: ref, File: v.Get("file_upload_event_id").String(), Name: v.Get("file_name").Str,
			MimeType: v.Get("file_mime_type").Str, Bytes: int64(v.Get("file_size_mb").Float()*(1<<20) + 0.5),
			Width: int(v.Get("file_image_width").Int()), Height: int(v.Get("file_image_height").Int())})
		return len(out) < 100
	})
	return out
}

func (e *Envelope) disposition(ref event.Ref) event.Fact {
	f := event.InteractionDispositioned{Ref: ref, Agent: e.agent()}
	e.Details.Get("disposition_fields").ForEach(func(_, v gjson.Result) bool {
		name, value := v.Get("field_name").Str, v.Get("field_value").String()
		switch {
		case f.Code == "":
			f.Code = value
		case name == "notes":
			f.Notes = value
		default:
			f.Fields = append(f.Fields, event.DispositionField{Type: v.Get("field_type").Str, Name: name, Value: value})
		}
		return true
	})
	return f
}

// path reads a path that is written with slashes, or as a list.
func path(v gjson.Result) []string {
	if v.IsArray() {
		return texts(v)
	}
	if v.Str == "" {
		return nil
	}
	return strings.Split(v.Str, "/")
}

func texts(v gjson.Result) []string {
	var out []string
	v.ForEach(func(_, s gjson.Result) bool {
		out = append(out, s.String())
		return true
	})
	return out
}

func positive(v gjson.Result) int64 { return max(0, v.Int()) }
