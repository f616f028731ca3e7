package floor

import (
	"encoding/json"
	"fmt"
	"time"
	"unsafe"

	"trunkline/event"
)

// input is one fact in the shape in which the floor folds it: flat, so that a
// fact costs no reflection and no allocation of its own. Its texts may live in
// the record's bytes: what is kept of them is cloned.
type input struct {
	kind   kind
	id     string
	source string
	at     int64 // the source's time in epoch milliseconds; 0 when it gave none

	interaction, parent, leg, agent, queue string

	media    Medium
	flag     bool // lost, or interim
	suspect  bool
	reason   string // reason, outcome, change or kind, whichever the fact has
	state    string // presence, direction, state of a supervision, status of a terminal, role of a speaker
	other    string // supervisor, recording, wrap-up, initiator, origin, disposition code
	target   string
	priority int
	position int
	ms       int64 // waited, talked, held or elapsed: what the source measured
	limit    int64 // of a wait, a ring or a wrap-up

	data  string       // the data as JSON, where more of it is read: created, attributes, session, participants
	fact  event.Fact   // the typed fact of the rarer kinds
	names []listedItem // participants that are agents
}

type listedItem struct{ id, leg string }

// millis gives a time as epoch milliseconds, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment is the inverse of millis.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// parseMillis reads an RFC 3339 text. The common form with Z is read without
// the time package.
func parseMillis(s string) int64 {
	if ms, ok := parseUTC(s); ok {
		return ms
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0
	}
	return t.UnixMilli()
}

func parseUTC(s string) (int64, bool) {
	n := len(s)
	if n < 20 || s[n-1] != 'Z' || s[4] != '-' || s[7] != '-' || (s[10] != 'T' && s[10] != 't') || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	num := func(from, to int) int64 {
		v := int64(0)
		for _, c := range []byte(s[from:to]) {
			if c < '0' || c > '9' {
				return -1
			}
			v = v*10 + int64(c-'0')
		}
		return v
	}
	y, mo, d, h, mi, sec := num(0, 4), num(5, 7), num(8, 10), num(11, 13), num(14, 16), num(17, 19)
	if y < 0 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59 || sec < 0 || sec > 59 {
		return 0, false
	}
	ms := int64(0)
	if n > 20 {
		if s[19] != '.' || n < 22 {
			return 0, false
		}
		scale := int64(100)
		for _, c := range []byte(s[20 : n-1]) {
			if c < '0' || c > '9' {
				return 0, false
			}
			ms += int64(c-'0') * scale
			scale /= 10
		}
	}
	// Days from the civil calendar, with March as the first month.
	if mo <= 2 {
		y--
		mo += 12
	}
	days := 365*y + y/4 - y/100 + y/400 + (153*(mo-3)+2)/5 + d - 1 - 719468
	return ((days*24+h)*60+mi)*60_000 + sec*1000 + ms, true
}

// decode reads a record's bytes. It gives false when there is nothing for the
// floor in it: the event is of a foreign type, or its data cannot be read.
func (in *input) decode(raw []byte) bool {
	*in = input{names: in.names[:0]}
	// What is kept is cloned, so that the bytes need not be copied as a whole.
	c := scan{s: unsafe.String(unsafe.SliceData(raw), len(raw))}
	if !c.open(isObject) {
		return false
	}
	data := ""
	for {
		k, ok := c.member()
		if !ok {
			break
		}
		switch k {
		case "id":
			in.id = c.str()
		case "source":
			in.source = c.str()
		case "type":
			if in.kind = kindOf(c.str()); in.kind == kindOther {
				return in.rest(&c)
			}
		case "time":
			in.at = parseMillis(c.str())
		case "data":
			if in.kind.flat() && c.kind() == isObject {
				in.fields(&c) // in place: the type came before it, as it mostly does
				data = ""
			} else {
				data = c.value()
			}
		default:
			c.value()
		}
	}
	switch in.kind {
	case kindOther:
		return false
	case kindAgentMode, kindAgentProvisioned, kindWrapupRequested, kindQueueConfigured, kindQueueAvailability, kindCallback,
		kindSourceUp, kindSourceDown, kindSourceGap, kindSourceReset:
		return in.typed(data)
	case kindAgentStatus:
		f := readStatus(data)
		in.agent, in.state, in.target, in.fact = f.Agent, string(f.Presence), string(f.Next), f
		return true
	}
	if data != "" {
		in.data = data
		in.fields(&scan{s: data})
	}
	return true
}

// rest reads the id of an event that is not for the floor: a derived one is
// known by it.
func (in *input) rest(c *scan) bool {
	for in.id == "" {
		k, ok := c.member()
		if !ok {
			break
		}
		if k == "id" {
			in.id = c.str()
		} else {
			c.value()
		}
	}
	return false
}

// readStatus reads a status that a person set: the one fact about agents that
// comes often.
func readStatus(data string) event.AgentStatusChanged {
	var f event.AgentStatusChanged
	c := scan{s: data}
	c.open(isObject)
	for {
		k, ok := c.member()
		if !ok {
			return f
		}
		switch k {
		case "agent":
			f.Agent = c.str()
		case "presence":
			f.Presence = event.Presence(c.str())
		case "reason":
			f.Reason = readReason(&c)
		case "since":
			f.Since = event.At(moment(parseMillis(c.str())))
		case "until":
			f.Until = event.At(moment(parseMillis(c.str())))
		case "next":
			f.Next = event.Presence(c.str())
		case "queues":
			for c.open(isArray); c.item(']'); {
				f.Queues = append(f.Queues, c.str())
			}
		case "note":
			f.Note = c.str()
		case "profile":
			f.Profile = c.str()
		case "transfer_number":
			f.TransferNumber = c.str()
		default:
			c.value()
		}
	}
}

func readReason(c *scan) *event.StatusReason {
	r := &event.StatusReason{}
	if !c.open(isObject) {
		c.value()
		return nil
	}
	for {
		k, ok := c.member()
		if !ok {
			return r
		}
		switch k {
		case "list":
			r.List = c.str()
		case "item":
			r.Item = c.str()
		case "name":
			r.Name = c.str()
		default:
			c.value()
		}
	}
}

// fields reads the flat part of the data.
func (in *input) fields(c *scan) {
	c.open(isObject)
	for {
		k, ok := c.member()
		if !ok {
			return
		}
		switch k {
		case "interaction":
			in.interaction = c.str()
		case "parent":
			in.parent = c.str()
		case "media":
			in.media = mediumOf(c.str())
		case "leg":
			in.leg = c.str()
		case "agent":
			in.agent = c.str()
		case "queue":
			in.queue = c.str()
		case "reason":
			in.reason = c.str()
		case "kind":
			if v := c.str(); in.reason == "" {
				in.reason = v
			}
		case "direction", "state", "status", "role":
			in.state = c.str()
		case "supervisor", "recording", "wrapup", "initiator", "origin", "code":
			in.other = c.str()
		case "target":
			in.target = c.str()
		case "waited_ms", "talk_ms", "held_ms", "elapsed_ms":
			in.ms = c.num()
		case "limit_ms", "ring_limit_ms", "wrapup_limit_ms":
			in.limit = c.num()
		case "priority":
			in.priority = int(c.num())
		case "position":
			in.position = int(c.num())
		case "lost", "interim":
			in.flag = c.truth()
		case "suspect":
			in.suspect = c.truth()
		case "participants":
			in.readParticipants(c)
		default:
			c.value()
		}
	}
}

// readParticipants keeps the agents of a list of participants.
func (in *input) readParticipants(c *scan) {
	if !c.open(isArray) {
		c.value()
		return
	}
	for c.item(']') {
		if !c.open(isObject) {
			c.value()
			continue
		}
		var p listedItem
		agent := false
		for {
			k, ok := c.member()
			if !ok {
				break
			}
			switch k {
			case "role":
				agent = c.str() == string(event.RoleAgent)
			case "agent":
				p.id = c.str()
			case "leg":
				p.leg = c.str()
			default:
				c.value()
			}
		}
		if agent && in.kind == kindParticipants {
			in.names = append(in.names, p)
		}
	}
}

// typed reads the data of the rarer kinds into its struct.
func (in *input) typed(data string) bool {
	b := []byte(data)
	var err error
	switch in.kind {
	case kindAgentMode:
		in.fact, err = read[event.AgentModeChanged](b)
	case kindAgentProvisioned:
		in.fact, err = read[event.AgentProvisioned](b)
	case kindWrapupRequested:
		in.fact, err = read[event.AgentWrapupRequested](b)
	case kindQueueConfigured:
		in.fact, err = read[event.QueueConfigured](b)
	case kindQueueAvailability:
		in.fact, err = read[event.QueueAvailabilityChanged](b)
	case kindCallback:
		in.fact, err = read[event.CallbackChanged](b)
	case kindSourceUp:
		in.fact, err = read[event.SourceUp](b)
	case kindSourceDown:
		in.fact, err = read[event.SourceDown](b)
	case kindSourceGap:
		in.fact, err = read[event.SourceGap](b)
	case kindSourceReset:
		in.fact, err = read[event.SourceReset](b)
	}
	if err != nil {
		return false
	}
	return in.takeEntity(in.fact)
}

func read[T event.Fact](data []byte) (event.Fact, error) {
	var f T
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.EventType(), err)
	}
	return f, nil
}
