package push

import (
	"crypto/sha1"
	"encoding/hex"
	"slices"

	"github.com/google/uuid"
	"github.com/tidwall/gjson"

	"trunkline/eventlog"
	"trunkline/internal/scan"
)

// APIVersion is in every payload. Minor versions only add.
const APIVersion = "v1.3.0"

// Kind is one kind of payload.
type Kind string

// The feeds.
const (
	Activity Kind = "activity" // agents: com.asapp.event.activity
	Journey  Kind = "journey"  // interactions: com.asapp.event.journey
	Queue    Kind = "queue"    // queues: com.asapp.event.queue
	Raw      Kind = "raw"      // the facts as they are, CloudEvents
)

// Feeds lists the feeds.
func Feeds() []Kind { return []Kind{Activity, Journey, Queue, Raw} }

// Name is the name under which a feed's payloads go.
func (f Kind) Name() string {
	if f == Raw {
		return "raw"
	}
	return "com.asapp.event." + string(f)
}

// Message is one payload, to be sent as one POST.
type Message struct {
	ID   string // event_id and webhook-id: the same over retries, restarts and replays
	Feed Kind
	Type string // event_type
	Key  string // the entity within which order is kept: issue/…, agent/…, queue/…
	Body []byte
}

// idSpace is the namespace of event ids.
var idSpace = uuid.MustParse("4b0b1ab3-6d0a-5c1e-9f0a-2f6d3a1c7e55")

// projection makes payloads of one record.
type projection struct {
	tenant  string
	rec     *eventlog.Record
	data    gjson.Result // of the fact
	ctx     gjson.Result
	created gjson.Result // ctx.created
	source  string
	id      string
	typ     string
	subject string
	time    int64 // event time, epoch ms
	want    func(Kind, string) bool
	all     bool // details carry all that is known of the entity
	out     []Message
}

// Project gives the payloads of a record, in the order in which they are sent. want says which are asked for, by feed
// and event type; nil: all. With accumulate the details carry everything that is known of the issue, agent or queue, not
// only what their own type is about. It is a function of the record alone: whoever projects it again, gets
// the same.
func Project(tenant string, rec *eventlog.Record, want func(Kind, string) bool, accumulate bool) []Message {
	p := projection{tenant: tenant, rec: rec, want: want, all: accumulate}
	p.envelope()
	switch {
	case len(p.typ) > 12 && p.typ[:12] == "interaction.":
		p.journey()
	case len(p.typ) > 6 && p.typ[:6] == "agent.":
		p.activity()
	case len(p.typ) > 6 && p.typ[:6] == "queue.":
		p.queue()
	}
	p.routing()
	if p.asked(Raw, p.typ) {
		p.out = append(p.out, Message{ID: p.eventID("raw"), Feed: Raw, Type: p.typ, Key: p.subject, Body: rec.AppendJSON(nil, tenant)})
	}
	return p.out
}

// envelope reads what every payload needs of the record.
func (p *projection) envelope() {
	js := scan.Of(string(p.rec.Raw))
	if !js.Open(scan.Object) {
		return
	}
	for {
		k, ok := js.Member()
		if !ok {
			break
		}
		switch k {
		case "id":
			p.id = js.Str()
		case "source":
			p.source = js.Str()
		case "type":
			p.typ = js.Str()
		case "subject":
			p.subject = js.Str()
		case "time":
			p.time = scan.Millis(js.Str())
		case "data":
			p.data = gjson.Parse(js.Value())
		default:
			js.Value()
		}
	}
	if p.time == 0 {
		p.time = p.rec.Received.UnixMilli()
	}
	p.ctx = gjson.ParseBytes(p.rec.Context)
	p.created = p.ctx.Get("created")
}

func (p *projection) asked(f Kind, typ string) bool { return p.want == nil || p.want(f, typ) }

// eventID names a payload by what it was made of.
func (p *projection) eventID(what string) string {
	h := sha1.New()
	h.Write(idSpace[:])
	for _, part := range []string{p.tenant, p.source, p.id, what} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	var sum [sha1.Size]byte
	h.Sum(sum[:0])
	sum[6] = sum[6]&0x0f | 0x50 // version 5
	sum[8] = sum[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], sum[0:4])
	hex.Encode(text[9:13], sum[4:6])
	hex.Encode(text[14:18], sum[6:8])
	hex.Encode(text[19:23], sum[8:10])
	hex.Encode(text[24:36], sum[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// add writes one payload: data and details by the given functions.
func (p *projection) add(f Kind, typ, what, key string, data, details func(*body)) {
	if !p.asked(f, typ) {
		return
	}
	id := p.eventID(what)
	o := body{b: make([]byte, 0, 1024)}
	o.begin("")
	o.text("api_version", APIVersion)
	o.text("name", f.Name())
	o.begin("meta_data")
	o.at("create_time", p.rec.Received.UnixMilli())
	o.at("event_time", p.time)
	o.value("session_id", p.session().Get("id"))
	if f == Journey {
		o.text("issue_id", p.issue())
	}
	o.value("company_subdivision", p.known("subdivision"))
	o.text("company_id", p.tenant)
	o.value("company_segments", p.known("segments"))
	client := p.known("client")
	o.value("client_id", client.Get("id"))
	o.value("client_type", client.Get("type"))
	o.end("meta_data")
	o.begin("data")
	data(&o)
	o.end("data")
	o.text("event_id", id)
	o.text("event_type", typ)
	o.begin("details")
	if details != nil {
		details(&o)
	}
	o.end("details")
	o.end("")
	p.out = append(p.out, Message{ID: id, Feed: f, Type: typ, Key: key, Body: o.done()})
}

// known is a member of interaction.created as it is now: the fact's own, else the one that the log keeps.
func (p *projection) known(name string) gjson.Result {
	if p.created.Exists() {
		if v := p.created.Get(name); v.Exists() {
			return v
		}
	}
	switch p.typ {
	case "interaction.created", "interaction.session_changed":
		return p.data.Get(name)
	}
	return gjson.Result{}
}

func (p *projection) session() gjson.Result { return p.known("session") }

func (p *projection) issue() string { return p.data.Get("interaction").Str }

// Types lists the event types of a feed that can come.
func Types(f Kind) []string {
	switch f {
	case Journey:
		return slices.Clone(journeyTypes)
	case Activity:
		return slices.Clone(activityTypes)
	case Queue:
		return slices.Clone(queueTypes)
	}
	return nil
}

// The event types, as the vendor's lists have them.
var (
	journeyTypes = []string{
		"ISSUE_CREATED", "ISSUE_ENDED", "INTENT_CHANGE", "FIRST_INTENT_UPDATED", "INTENT_PATH_UPDATED", "NODE_VISITED", "LINK_RESOLVED",
		"FLOW_SUCCESS", "FLOW_SUCCESS_NEGATED", "END_SRS_RESPONSE", "SURVEY_SUBMITTED", "CONVERSATION_ENDED", "CUSTOMER_ENDED",
		"ISSUE_SESSION_UPDATED", "DETECTED", "OPPORTUNITY_ENDED", "OPPORTUNITY_ESCALATED", "QUEUED", "QUEUE_ABANDONED", "TIMED_OUT",
		"TEXT_MESSAGE", "FIRST_OPPORTUNITY", "QUEUED_DURATION", "CUSTOMER_RESPONSE_BY_OPPORTUNITY", "ISSUE_OPPORTUNITY_QUEUE_INFO_UPDATED",
		"ASSIGNED", "ASSIGNMENT_ENDED", "AGENT_RESPONSE_BY_OPPORTUNITY", "SUPERVISOR_UTTERANCE_BY_OPPORTUNITY", "AGENT_FIRST_RESPONDED",
		"ISSUE_ASSIGNMENT_AGENT_INFO_UPDATED", "LAST_FLOW_ACTION_CALLED", "JOURNEY_CUSTOMER_PARAMETERS", "FILE_UPLOAD_DETECTED",
		"DISPOSITION", "LAST_ASSIGNMENT_SUMMARY",
	}
	activityTypes = []string{
		"agent_activity_identity_updated", "agent_activity_status_updated", "agent_activity_capacity_updated",
		"agent_activity_assignment_load_updated", "agent_activity_routing_status_updated", "agent_activity_previous_routing_status",
		"agent_activity_queue_membership", "agent_activity_utilization_5_min",
	}
	queueTypes = []string{
		"queue_info_updated", "queue_size_updated", "queue_estimated_wait_time_updated", "business_hours_settings_updated",
		"holiday_settings_updated", "queue_capping_settings_updated", "queue_mitigation_updated", "queue_availability_updated",
	}
)
