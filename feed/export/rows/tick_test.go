package rows_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/event"
	"trunkline/eventlog/commit"
	"trunkline/feed/export/rows"
	"trunkline/floor"
)

// takeTicking takes records as a process at the end of the log does: between two of them
// time passes.
func (x *exporter) takeTicking(records []commit.Record, every func() time.Duration) {
	for i := range records {
		if i > 0 {
			for at := records[i-1].Received.Add(every()); at.Before(records[i].Received); at = at.Add(every()) {
				x.close(at)
				x.fold.Tick(at)
			}
		}
		x.take(records[i : i+1])
	}
}

// TestTimeThatPassesBetweenFactsMakesNoDifference: a process that was there when the
// facts came makes the same rows as one that reads them later.
func TestTimeThatPassesBetweenFactsMakesNoDifference(t *testing.T) {
	j := newJournal(t)
	at := func(m int) time.Time { return start.Add(time.Duration(m) * time.Minute) }
	for _, a := range []string{"ann", "bob"} {
		j.say(at(0), event.AgentStatusChanged{AgentRef: agentRef(a), Presence: event.PresenceAvailable})
	}
	for i, id := range []string{"c", "d"} { // of both the wrap-up has no end; ann has another contact meanwhile
		j.say(at(1+i), event.InteractionCreated{Ref: call(id), Direction: event.DirectionIn}, event.InteractionQueued{Ref: call(id), Queue: "q"},
			event.InteractionAccepted{Ref: call(id), Agent: []string{"ann", "bob"}[i], Queue: "q"})
		j.say(at(3+i), event.InteractionWrapupStarted{Ref: call(id), Agent: []string{"ann", "bob"}[i], Queue: "q"},
			event.InteractionEnded{Ref: call(id), Initiator: event.InitiatorCustomer, Reason: event.EndNormal})
	}
	j.say(at(6), event.InteractionCreated{Ref: chat("e"), Direction: event.DirectionIn}, event.InteractionAccepted{Ref: chat("e"), Agent: "ann"})
	j.say(at(7), event.InteractionCreated{Ref: chat("w"), Direction: event.DirectionIn}, event.InteractionQueued{Ref: chat("w"), Queue: "q"})
	j.say(at(27), event.InteractionMessage{Ref: chat("e"), Role: event.RoleCustomer, Text: "there?"})
	j.say(at(58), event.AgentStatusChanged{AgentRef: agentRef("bob"), Presence: event.PresenceBreak})
	j.say(at(95), event.InteractionEnded{Ref: chat("e"), Initiator: event.InitiatorAgent, Reason: event.EndNormal})
	s := func(string) floor.Settings {
		return floor.Settings{Intervals: true, MaxSilence: 40 * time.Minute} // w is given up
	}
	run := func(take func(*exporter)) *exporter {
		x := newExporter(rows.Options{WFM: true}, j.records[0].Received)
		x.fold = floor.NewFold(floor.Options{Settings: s, NoContext: true})
		take(x)
		x.close(at(240))
		return x
	}
	replayed := run(func(x *exporter) { x.take(j.records) })
	if len(replayed.of("rep_convos")) < 3 {
		t.Fatalf("too little happened:\n%s", replayed.lines())
	}
	rapid.Check(t, func(rt *rapid.T) {
		there := run(func(x *exporter) {
			x.takeTicking(j.records, func() time.Duration {
				return time.Duration(rapid.IntRange(1_000, 900_000).Draw(rt, "ms")) * time.Millisecond
			})
		})
		first(rt, there.lines(), replayed.lines())
	})
}
