package floor

import (
	"encoding/json"
	"fmt"
	"time"
	"unsafe"

	"trunkline/event"
	"trunkline/internal/scan"
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

	word  string       // the type
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

// decode reads a record's bytes. It gives false when there is nothing for the
// floor in it: the event is of a foreign type, or its data cannot be read.
func (in *input) decode(raw []byte) bool {
	*in = input{names: in.names[:0]}
	// What is kept is cloned, so that the bytes need not be copied as a whole.
	c := scan.Of(unsafe.String(unsafe.SliceData(raw), len(raw)))
	if !c.Open(scan.Object) {
		return false
	}
	data := ""
	for {
		k, ok := c.Member()
		if !ok {
			break
		}
		switch k {
		case "id":
			in.id = c.Str()
		case "source":
			in.source = c.Str()
		case "type":
			in.word = c.Str()
			if in.kind = kindOf(in.word); in.kind == kindOther {
				return in.rest(&c)
			}
		case "time":
			in.at = scan.Millis(c.Str())
		case "data":
			if in.kind.flat() && c.Kind() == scan.Object {
				in.fields(&c) // in place: the type came before it, as it mostly does
				data = ""
			} else {
				data = c.Value()
			}
		default:
			c.Value()
		}
	}
	switch in.kind {
	case kindOther:
		return false
	case kindAgentMode, kindAgentProvisioned, kindWrapupRequested, kindQueueConfigured, kindQueueAvailability, kindMeasured, kindCallback,
		kindSourceUp, kindSourceDown, kindSourceGap, kindSourceReset:
		return in.typed(data)
	case kindAgentStatus:
		f := readStatus(data)
		in.agent, in.state, in.target, in.fact = f.Agent, string(f.Presence), string(f.Next), f
		return true
	}
	if data != "" {
		in.data = data
		c := scan.Of(data)
		in.fields(&c)
	}
	return true
}

// rest reads the id of an event that is not for the floor, because a derived one
// is known by it, and its source, which was heard all the same.
func (in *input) rest(c *scan.JSON) bool {
	for in.id == "" || in.source == "" {
		k, ok := c.Member()
		if !ok {
			break
		}
		switch k {
		case "id":
			in.id = c.Str()
		case "source":
			in.source = c.Str()
		default:
			c.Value()
		}
	}
	return false
}

// readStatus reads a status that a person set: the one fact about agents that
// comes often.
func readStatus(data string) event.AgentStatusChanged {
	var f event.AgentStatusChanged
	c := scan.Of(data)
	c.Open(scan.Object)
	for {
		k, ok := c.Member()
		if !ok {
			return f
		}
		switch k {
		case "agent":
			f.Agent = c.Str()
		case "presence":
			f.Presence = event.Presence(c.Str())
		case "reason":
			f.Reason = readReason(&c)
		case "since":
			f.Since = event.At(moment(scan.Millis(c.Str())))
		case "until":
			f.Until = event.At(moment(scan.Millis(c.Str())))
		case "next":
			f.Next = event.Presence(c.Str())
		case "queues":
			for c.Open(scan.Array); c.Item(']'); {
				f.Queues = append(f.Queues, c.Str())
			}
		case "note":
			f.Note = c.Str()
		case "profile":
			f.Profile = c.Str()
		case "transfer_number":
			f.TransferNumber = c.Str()
		default:
			c.Value()
		}
	}
}

func readReason(c *scan.JSON) *event.StatusReason {
	r := &event.StatusReason{}
	if !c.Open(scan.Object) {
		c.Value()
		return nil
	}
	for {
		k, ok := c.Member()
		if !ok {
			return r
		}
		switch k {
		case "list":
			r.List = c.Str()
		case "item":
			r.Item = c.Str()
		case "name":
			r.Name = c.Str()
		default:
			c.Value()
		}
	}
}

// fields reads the flat part of the data.
func (in *input) fields(c *scan.JSON) {
	c.Open(scan.Object)
	for {
		k, ok := c.Member()
		if !ok {
			return
		}
		switch k {
		case "interaction":
			in.interaction = c.Str()
		case "parent":
			in.parent = c.Str()
		case "media":
			in.media = mediumOf(c.Str())
		case "leg":
			in.leg = c.Str()
		case "agent":
			in.agent = c.Str()
		case "queue":
			in.queue = c.Str()
		case "reason":
			in.reason = c.Str()
		case "kind":
			if v := c.Str(); in.reason == "" {
				in.reason = v
			}
		case "direction", "state", "status", "role":
			in.state = c.Str()
		case "supervisor", "recording", "wrapup", "initiator", "origin", "code":
			in.other = c.Str()
		case "target":
			in.target = c.Str()
		case "waited_ms", "talk_ms", "held_ms", "elapsed_ms":
			in.ms = c.Num()
		case "limit_ms", "ring_limit_ms", "wrapup_limit_ms":
			in.limit = c.Num()
		case "priority":
			in.priority = int(c.Num())
		case "position":
			in.position = int(c.Num())
		case "lost", "interim":
			in.flag = c.Truth()
		case "suspect":
			in.suspect = c.Truth()
		case "participants":
			in.readParticipants(c)
		default:
			c.Value()
		}
	}
}

// readParticipants keeps the agents of a list of participants.
func (in *input) readParticipants(c *scan.JSON) {
	if !c.Open(scan.Array) {
		c.Value()
		return
	}
	for c.Item(']') {
		if !c.Open(scan.Object) {
			c.Value()
			continue
		}
		var p listedItem
		agent := false
		for {
			k, ok := c.Member()
			if !ok {
				break
			}
			switch k {
			case "role":
				agent = c.Str() == string(event.RoleAgent)
			case "agent":
				p.id = c.Str()
			case "leg":
				p.leg = c.Str()
			default:
				c.Value()
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
	case kindMeasured:
		switch in.word {
		case "queue.measured":
			in.fact, err = read[event.QueueMeasured](b)
		case "agent.measured":
			in.fact, err = read[event.AgentMeasured](b)
		default:
			in.fact, err = read[event.AgentUtilised](b)
		}
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
