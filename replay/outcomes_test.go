package replay_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"trunkline/event"
	"trunkline/replay"
)

// TestOutcomes counts the same from the manager interface and from queue_log.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		format replay.Format
		file   string
		full   int
		agents string
	}{
		// A dynamic member vanishes with a restart, of which queue_log says nothing.
		{replay.FormatAMI, captureFile, 1, "1001 available idle, 1002 available idle, 1003 logged_out idle"},
		{replay.FormatQueueLog, queueLogFile, 0, "1001 available idle, 1002 available idle, 1003 available idle"},
	} {
		o := replay.Options{Format: c.format, Outcomes: replay.NewOutcomes(), Agents: map[string]string{
			"Alice": "PJSIP/1001", "Bob": "PJSIP/1002", "Carol": "PJSIP/1003",
		}}
		sum, err := replay.Run(t.Context(), open(t, c.file), o)
		if err != nil || sum.Open != 0 || sum.Faults != 0 {
			t.Fatalf("%s: %+v, %v", c.format, sum, err)
		}
		for queue, want := range map[string]replay.QueueOutcomes{
			"support":  {Offered: 78, Answered: 24, Completed: 21, Abandoned: 32, Timeout: 16, Key: 1, Lost: 8},
			"sales":    {Offered: 1, Abandoned: 1, Full: c.full},
			"overflow": {Offered: 2, Answered: 1, Completed: 1, Timeout: 1},
		} {
			if got := o.Outcomes.Queues[queue]; got == nil || *got != want {
				t.Errorf("%s, %s: got %+v, want %+v", c.format, queue, got, want)
			}
		}
		var agents []string
		for id, a := range o.Outcomes.Agents {
			agents = append(agents, id+" "+a.Presence+" "+a.Routing)
		}
		slices.Sort(agents)
		if got := strings.Join(agents, ", "); got != c.agents {
			t.Errorf("%s: got %s, want %s", c.format, got, c.agents)
		}
	}
}

// TestOutcomesOfEvents counts the same from the events that a capture makes.
func TestOutcomesOfEvents(t *testing.T) {
	var events, want, got bytes.Buffer
	first := replay.NewOutcomes()
	if _, err := replay.Run(t.Context(), open(t, captureFile), replay.Options{Format: replay.FormatAMI, Outcomes: first}); err != nil {
		t.Fatal(err)
	}
	if _, err := replay.Run(t.Context(), open(t, captureFile), replay.Options{Format: replay.FormatAMI, Print: &events}); err != nil {
		t.Fatal(err)
	}
	second := replay.NewOutcomes()
	if _, err := replay.Run(t.Context(), &events, replay.Options{Format: replay.FormatNDJSON, Outcomes: second}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(first.WriteJSON(&want), second.WriteJSON(&got)); err != nil || want.String() != got.String() {
		t.Errorf("got %s, want %s, %v", got.String(), want.String(), err)
	}
}

// TestOutcomesOfHalvesAndDoubles counts what began before the recording, and
// nothing twice.
func TestOutcomesOfHalvesAndDoubles(t *testing.T) {
	ref := func(id, leg string) event.Ref { return event.Ref{Interaction: id, Media: event.MediaPhone, Leg: leg} }
	o := replay.NewOutcomes()
	for _, f := range []event.Fact{
		event.InteractionAccepted{Ref: ref("1", "a"), Agent: "x", Queue: "q"},
		event.InteractionQueued{Ref: ref("2", ""), Queue: "q"},
		event.InteractionQueued{Ref: ref("2", ""), Queue: "q"},
		event.InteractionDequeued{Ref: ref("3", ""), Queue: "q", Reason: event.DequeueTransferred},
		event.InteractionDequeued{Ref: ref("4", ""), Queue: "q", Reason: event.DequeueOverflow},
		event.InteractionOffered{Ref: ref("2", "b"), Agent: "y", Queue: "q"},
		event.InteractionReleased{Ref: ref("5", "z"), Agent: "x", Queue: "q"},
		event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "y"}, Presence: event.PresenceBreak, Queues: []string{"q", "r"}},
		event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "y"}, Presence: event.PresenceAvailable, Queues: []string{"q"}},
	} {
		o.Add(f)
	}
	if q := *o.Queues["q"]; q != (replay.QueueOutcomes{Offered: 3, Answered: 1, Transferred: 1, Waiting: 1}) {
		t.Errorf("got %+v", q)
	}
	if x, y := o.Agents["x"], o.Agents["y"]; x.Routing != "talking" || x.Talks != 1 || y.Routing != "offered" || !slices.Equal(y.Queues, []string{"r"}) {
		t.Errorf("got %+v and %+v", x, y)
	}
}
