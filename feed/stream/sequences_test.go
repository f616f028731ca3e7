package stream_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/stream"
	"trunkline/sim"
)

// sequence is one of the vendor's six tables of which events follow each other,
// written as the event without "Interaction", the callState without "CS_" and,
// where the table has it, who hung up. Where the table prints a hang-up value in
// the column of the callState, that is DISCONNECTED.
type sequence struct {
	rows string
	// beyond are the events that may stand between the rows.
	beyond string
	facts  func(b *book)
}

// often are the events beyond the tables that any call may have: the tables end
// before the call's own end, and tell of recording only here and there.
const often = "RecordingStarted RecordingReady Deleted/DISCONNECTED"

var sequences = map[string]sequence{
	"inbound call": {
		rows: `Created/QUEUED Queued/QUEUED Assigned/QUEUED Accepted/CONNECTED PostProcess/DISCONNECTED
			EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED Deassigned/DISCONNECTED`,
		facts: func(b *book) {
			x := ref("x")
			b.add(event.InteractionCreated{Ref: x, Direction: event.DirectionIn}, queued(x), offered(x, "one"), accepted(x, "one"))
			b.finish(x, "one", event.InitiatorCustomer, "customer-leg", "agent-leg")
		},
	},
	"outbound call without queue": {
		rows: `Created/IDLE Assigned/IDLE RecordingStarted Accepted/INPROGRESS CustomerAccepted/CONNECTED
			EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED`,
		beyond: "PostProcess/DISCONNECTED",
		facts: func(b *book) {
			x := ref("x")
			b.add(event.InteractionCreated{Ref: x, Direction: event.DirectionOut, Agent: "one"}, offered(x, "one"), recorded(x, "one"),
				accepted(x, "one"), event.InteractionCustomerAccepted{Ref: x, Agent: "one"})
			b.finish(x, "one", event.InitiatorCustomer, "agent-leg")
		},
	},
	"outbound call with queue": {
		rows: `Created/IDLE Assigned/IDLE RecordingStarted Accepted/INPROGRESS CustomerAccepted/CONNECTED
			EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED`,
		beyond: "Queued/IDLE PostProcess/DISCONNECTED",
		facts: func(b *book) {
			x := ref("x")
			b.add(event.InteractionCreated{Ref: x, Direction: event.DirectionOut, Campaign: "4926"}, queued(x), offered(x, "one"), recorded(x, "one"),
				accepted(x, "one"), event.InteractionCustomerAccepted{Ref: x, Agent: "one"})
			b.finish(x, "one", event.InitiatorCustomer, "agent-leg")
		},
	},
	"outbound conference call with queue": {
		rows: `Created/IDLE Queued/IDLE Assigned/IDLE Accepted/INPROGRESS CustomerAccepted/CONNECTED
			Created/IDLE Assigned/IDLE Accepted/INPROGRESS Assigned/INPROGRESS Accepted/CONNECTED
			EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED Reconnect/DISCONNECTED ParticipantChange/CONNECTED Deassigned/DISCONNECTED
			Deleted/DISCONNECTED/SYSTEM JoinLinesRequest PostProcess/DISCONNECTED ParticipantChange/DISCONNECTED EndPostProcess/DISCONNECTED
			Deassigned/DISCONNECTED PostProcess/DISCONNECTED EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED Deleted/DISCONNECTED/AGENT`,
		// A wrap-up of no length on the second line; the customer leaving.
		beyond: "PostProcess/DISCONNECTED ParticipantChange/DISCONNECTED",
		facts: func(b *book) {
			x, line := b.campaign(), b.consult(event.OriginConference)
			b.add(wrapping(line, "one"), wrapped(line, "one"), released(line, "one"), event.InteractionReconnected{Ref: line, Agent: "one"},
				on(x, "one", "two"), released(line, "two"), ended(line, event.InitiatorSystem),
				event.InteractionJoinRequested{Ref: x, Agent: "one", Lines: []string{"x", "line"}},
				wrapping(x, "one"), on(x, "two"), wrapped(x, "one"), released(x, "one"))
			b.finish(x, "two", event.InitiatorAgent, "agent-leg")
		},
	},
	"transfer to another agent": {
		rows: `Created/IDLE Queued/IDLE Assigned/IDLE Accepted/INPROGRESS CustomerAccepted/CONNECTED
			Created/IDLE Assigned/IDLE Accepted/INPROGRESS Assigned/INPROGRESS Accepted/CONNECTED TransferRequest
			PostProcess/DISCONNECTED ParticipantChange/CONNECTED EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED PostProcess/DISCONNECTED
			Reconnect/DISCONNECTED ParticipantChange/DISCONNECTED Deassigned/DISCONNECTED Deleted/DISCONNECTED EndPostProcess/DISCONNECTED
			Deassigned/DISCONNECTED ParticipantChange/DISCONNECTED PostProcess/DISCONNECTED Deassigned/DISCONNECTED Deleted/DISCONNECTED/CUSTOMER`,
		beyond: "EndPostProcess/DISCONNECTED", // of the agent to whom it was transferred
		facts: func(b *book) {
			x, line := b.campaign(), b.consult(event.OriginConsult)
			b.add(event.InteractionTransferRequested{Ref: x, Agent: "one", Kind: event.TransferConsult, Target: "two"},
				wrapping(line, "one"), on(x, "two"), wrapped(line, "one"), released(line, "one"), wrapping(x, "one"),
				event.InteractionReconnected{Ref: line, Agent: "two"}, event.InteractionParticipantsChanged{Ref: line, Participants: []event.Participant{}},
				released(line, "two"), ended(line, event.InitiatorSystem),
				wrapped(x, "one"), released(x, "one"), on(x, "two"))
			b.finish(x, "two", event.InitiatorCustomer, "agent-leg")
		},
	},
	"transfer to an inbound queue": {
		rows: `Created/IDLE Queued/IDLE Assigned/IDLE Accepted/INPROGRESS CustomerAccepted/CONNECTED PostProcess/DISCONNECTED
			Created/IDLE Queued/IDLE EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED Deleted/DISCONNECTED/AGENT`,
		beyond: "Assigned/IDLE Accepted/CONNECTED", // the next agent, while the first is in wrap-up
		facts: func(b *book) {
			x := b.campaign()
			next := event.Ref{Interaction: "next", Parent: "x", Media: event.MediaPhone}
			b.add(wrapping(x, "one"), event.InteractionCreated{Ref: next, Direction: event.DirectionOut, Origin: event.OriginTransfer},
				queued(next), wrapped(x, "one"), released(x, "one"), ended(x, event.InitiatorAgent))
		},
	},
}

func queued(x event.Ref) event.Fact { return event.InteractionQueued{Ref: x, Queue: "591"} }

func offered(x event.Ref, agent string) event.Fact {
	return event.InteractionOffered{Ref: x, Agent: agent}
}

func accepted(x event.Ref, agent string) event.Fact {
	return event.InteractionAccepted{Ref: x, Agent: agent}
}

func recorded(x event.Ref, agent string) event.Fact {
	return event.InteractionRecordingStarted{Ref: x, Recording: "rec-" + x.Interaction, Agent: agent}
}

func wrapping(x event.Ref, agent string) event.Fact {
	return event.InteractionWrapupStarted{Ref: x, Agent: agent, Wrapup: "w-" + x.Interaction + agent}
}

func wrapped(x event.Ref, agent string) event.Fact {
	return event.InteractionWrapupEnded{Ref: x, Agent: agent, Wrapup: "w-" + x.Interaction + agent, Reason: event.WrapupManual}
}

func released(x event.Ref, agent string) event.Fact {
	return event.InteractionReleased{Ref: x, Agent: agent}
}

func ended(x event.Ref, who event.Initiator) event.Fact {
	return event.InteractionEnded{Ref: x, Initiator: who, Reason: event.EndNormal}
}

// on says that agents are on an interaction with a customer.
func on(x event.Ref, agents ...string) event.Fact {
	list := []event.Participant{{Role: event.RoleCustomer, Number: "+15515557212"}}
	for _, a := range agents {
		list = append(list, event.Participant{Role: event.RoleAgent, Agent: a})
	}
	return event.InteractionParticipantsChanged{Ref: x, Participants: list}
}

// finish is the end of a call: wrap-up, then one release for each leg.
func (b *book) finish(x event.Ref, agent string, who event.Initiator, legs ...string) {
	b.t.Helper()
	b.add(wrapping(x, agent), wrapped(x, agent))
	for _, leg := range legs {
		x.Leg = leg
		b.add(released(x, agent))
	}
	x.Leg = ""
	b.add(ended(x, who))
}

// campaign is a call that goes out by a queue, up to the customer's answer.
func (b *book) campaign() event.Ref {
	b.t.Helper()
	x := ref("x")
	b.add(event.InteractionCreated{Ref: x, Direction: event.DirectionOut, Campaign: "4926"}, queued(x), offered(x, "one"),
		accepted(x, "one"), event.InteractionCustomerAccepted{Ref: x, Agent: "one"})
	return x
}

// consult is a second line from the first agent to another, up to the answer.
func (b *book) consult(why event.Origin) event.Ref {
	b.t.Helper()
	line := event.Ref{Interaction: "line", Parent: "x", Media: event.MediaPhone}
	b.add(event.InteractionCreated{Ref: line, Direction: event.DirectionInternal, Origin: why, Agent: "one"},
		offered(line, "two"), accepted(line, "two"), event.InteractionLegConnected{Ref: line, Agent: "two"})
	return line
}

// brief is an event in the words of the tables.
func brief(t testing.TB, payload []byte) string {
	m := gjson.ParseBytes(payload).Get("Interaction")
	if !m.Exists() && !gjson.ValidBytes(payload) {
		t.Fatalf("%s is not JSON", payload)
	}
	s := strings.TrimPrefix(m.Get("event").Str, "Interaction")
	for _, more := range []string{strings.TrimPrefix(m.Get("callState").Str, "CS_"), m.Get("hangupInitiator").Str} {
		if more != "" {
			s += "/" + more
		}
	}
	return s
}

// families gives the events of interactions that belong together, by the first of
// them, in their order.
func (b *book) families() map[string][]string {
	b.t.Helper()
	roots, out := map[string]string{}, map[string][]string{}
	b.each(stream.JSON, func(r *eventlog.Record, _ uint64, payload []byte) {
		id, parent := gjson.GetBytes(r.Raw, "data.interaction").Str, gjson.GetBytes(r.Raw, "data.parent").Str
		if id == "" {
			return
		}
		root := roots[id]
		if root == "" {
			if root = id; roots[parent] != "" {
				root = roots[parent]
			}
			roots[id] = root
		}
		if s := brief(b.t, payload); s != "" {
			out[root] = append(out[root], s)
		}
	})
	return out
}

// holds says whether the rows are among the events, in their order, and which
// events stand between them and which behind.
func holds(events, rows []string) (between, behind []string, ok bool) {
	i := 0
	for _, e := range events {
		switch {
		case i == len(rows):
			behind = append(behind, e)
		case e == rows[i] || strings.HasPrefix(e, rows[i]+"/"):
			i++
		default:
			between = append(between, e)
		}
	}
	return between, behind, i == len(rows)
}

// strange gives those of the events beyond a table that may not be there.
func (s *sequence) strange(beyond []string) []string {
	return slices.DeleteFunc(slices.Clone(beyond), func(e string) bool {
		return slices.ContainsFunc(strings.Fields(often+" "+s.beyond), func(w string) bool { return e == w || strings.HasPrefix(e, w+"/") })
	})
}

func TestSequencesFromFacts(t *testing.T) {
	for name, seq := range sequences {
		t.Run(name, func(t *testing.T) {
			b := newBook(t)
			seq.facts(b)
			events := b.families()["x"]
			between, behind, ok := holds(events, strings.Fields(seq.rows))
			if !ok {
				t.Errorf("the table is not among %q", events)
			}
			if odd := seq.strange(append(between, behind...)); len(odd) > 0 {
				t.Errorf("beyond the table: %q in %q", odd, events)
			}
		})
	}
}

// simulated is a book of some hours of a simulated centre.
func simulated(t testing.TB, change func(*sim.Config)) *book {
	t.Helper()
	cfg := sim.DefaultConfig()
	cfg.Tenant, cfg.Transcribed, cfg.Drain = tenant, 0, true
	change(&cfg)
	s, err := sim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := newBook(t)
	for m, f := range s.All {
		b.append(m, f, m.Time)
	}
	return b
}

func TestSequencesFromTheSimulator(t *testing.T) {
	if testing.Short() {
		t.Skip("a working day of 200 agents takes some seconds")
	}
	b := simulated(t, func(c *sim.Config) { c.Agents, c.Length = 200, 6*time.Hour })
	families := b.families()
	for name, seq := range sequences {
		rows, found, clean := strings.Fields(seq.rows), 0, 0
		var odd []string
		for _, events := range families {
			between, _, ok := holds(events, rows)
			if !ok {
				continue
			}
			found++
			if s := seq.strange(between); len(s) > 0 {
				odd = s
			} else {
				clean++
			}
		}
		t.Logf("%s: %d of %d families of interactions, %d with nothing else, else for instance %q", name, found, len(families), clean, odd)
		if clean < 3 {
			t.Errorf("%s: %d times, %d times with nothing else", name, found, clean)
		}
	}
}
