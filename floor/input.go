package floor

import (
	"encoding/json"
	"fmt"
	"time"
	"unsafe"

	"github.com/tidwall/gjson"

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
	var data gjson.Result
	// What is kept is cloned, so that the bytes need not be copied as a whole.
	gjson.Parse(unsafe.String(unsafe.SliceData(raw), len(raw))).ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "id":
			in.id = v.Str
		case "source":
			in.source = v.Str
		case "type":
			in.kind = kindOf(v.Str)
		case "time":
			in.at = parseMillis(v.Str)
		case "data":
			data = v
		}
		return true
	})
	if in.kind == kindOther {
		return false
	}
	switch in.kind {
	case kindAgentMode, kindAgentProvisioned, kindQueueConfigured, kindCallback,
		kindSourceUp, kindSourceDown, kindSourceGap, kindSourceReset:
		return in.typed(data.Raw)
	}
	in.fields(data)
	if in.kind == kindAgentStatus {
		in.fact = readStatus(data)
	}
	return true
}

// readStatus reads a status that a person set: the one fact about agents that
// comes often.
func readStatus(data gjson.Result) event.AgentStatusChanged {
	var f event.AgentStatusChanged
	data.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "agent":
			f.Agent = v.Str
		case "presence":
			f.Presence = event.Presence(v.Str)
		case "reason":
			f.Reason = &event.StatusReason{List: v.Get("list").Str, Item: v.Get("item").Str, Name: v.Get("name").Str}
		case "since":
			f.Since = event.At(moment(parseMillis(v.Str)))
		case "until":
			f.Until = event.At(moment(parseMillis(v.Str)))
		case "next":
			f.Next = event.Presence(v.Str)
		case "queues":
			v.ForEach(func(_, q gjson.Result) bool {
				f.Queues = append(f.Queues, q.Str)
				return true
			})
		case "note":
			f.Note = v.Str
		case "profile":
			f.Profile = v.Str
		case "transfer_number":
			f.TransferNumber = v.Str
		}
		return true
	})
	return f
}

// fields reads the flat part of the data.
func (in *input) fields(data gjson.Result) {
	in.data = data.Raw
	data.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "interaction":
			in.interaction = v.Str
		case "parent":
			in.parent = v.Str
		case "media":
			in.media = mediumOf(v.Str)
		case "leg":
			in.leg = v.Str
		case "agent":
			in.agent = v.Str
		case "queue":
			in.queue = v.Str
		case "reason":
			if v.Type == gjson.String {
				in.reason = v.Str
			}
		case "kind":
			if in.reason == "" {
				in.reason = v.Str
			}
		case "direction", "presence", "state", "status", "role":
			in.state = v.Str
		case "supervisor", "recording", "wrapup", "initiator", "origin", "code":
			in.other = v.Str
		case "target", "next", "consult":
			in.target = v.Str
		case "waited_ms", "talk_ms", "held_ms", "elapsed_ms":
			in.ms = v.Int()
		case "limit_ms", "ring_limit_ms", "wrapup_limit_ms":
			in.limit = v.Int()
		case "priority":
			in.priority = int(v.Int())
		case "position":
			in.position = int(v.Int())
		case "lost", "interim":
			in.flag = v.Bool()
		case "suspect":
			in.suspect = v.Bool()
		case "participants":
			if in.kind == kindParticipants {
				v.ForEach(func(_, p gjson.Result) bool {
					if p.Get("role").Str == string(event.RoleAgent) {
						in.names = append(in.names, listedItem{p.Get("agent").Str, p.Get("leg").Str})
					}
					return true
				})
			}
		}
		return true
	})
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
	case kindQueueConfigured:
		in.fact, err = read[event.QueueConfigured](b)
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
	return err == nil
}

func read[T event.Fact](data []byte) (event.Fact, error) {
	var f T
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.EventType(), err)
	}
	return f, nil
}
