package rows_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/event"
	"trunkline/eventlog/commit"
	"trunkline/feed/export/rows"
	"trunkline/feed/export/schema"
	"trunkline/floor"
)

// anything draws a log of facts in any order: late, twice, without a begin or an end.
func anything(t testing.TB, rt *rapid.T) []commit.Record {
	j := newJournal(t)
	pick := func(of ...string) string { return rapid.SampledFrom(of).Draw(rt, "of") }
	now := start.Add(50 * time.Minute)
	for range rapid.IntRange(1, 60).Draw(rt, "facts") {
		now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 1, 30_000, 400_000, 1_200_000}).Draw(rt, "ms")) * time.Millisecond)
		at := now.Add(-time.Duration(rapid.SampledFrom([]int{0, 0, 0, 60_000, 1_500_000, 9_000_000}).Draw(rt, "late")) * time.Millisecond)
		ref := event.Ref{Interaction: pick("a", "b", "c"), Media: event.Media(pick("phone", "chat"))}
		agent, queue := pick("ann", "bob"), pick("", "q", "r")
		some := queue
		if some == "" {
			some = "q"
		}
		var f event.Fact
		switch rapid.IntRange(0, 20).Draw(rt, "fact") {
		case 0:
			f = event.InteractionCreated{Ref: ref, Direction: event.Direction(pick("in", "out")), Customer: &event.Customer{ID: pick("1", "2")}, Session: &event.Session{ID: pick("s", "t")}, Attributes: event.Attributes{"k": pick("x", "y")}}
		case 1:
			f = event.InteractionQueued{Ref: ref, Queue: some, Reason: event.QueueEntry(pick("new", "transfer", "requeued"))}
		case 2:
			f = event.InteractionDequeued{Ref: ref, Queue: some, Reason: event.DequeueReason(pick("abandoned", "timeout", "full", "overflow")), WaitedMS: 5}
		case 3:
			f = event.InteractionOffered{Ref: ref, Agent: agent, Queue: queue}
		case 4, 5:
			f = event.InteractionAccepted{Ref: ref, Agent: agent, Queue: queue}
		case 6:
			f = event.InteractionHeld{Ref: ref, Agent: agent}
		case 7:
			f = event.InteractionResumed{Ref: ref, Agent: agent}
		case 8:
			f = event.InteractionWrapupStarted{Ref: ref, Agent: agent, Queue: queue, Wrapup: "w"}
		case 9:
			f = event.InteractionWrapupEnded{Ref: ref, Agent: agent, Queue: queue, Wrapup: "w", Reason: event.WrapupManual}
		case 10:
			f = event.InteractionReleased{Ref: ref, Agent: agent, Lost: pick("", "y") == "y"}
		case 11:
			f = event.InteractionEnded{Ref: ref, Initiator: event.Initiator(pick("customer", "agent")), Reason: event.EndNormal, Lost: pick("", "", "y") == "y"}
		case 12:
			f = event.InteractionMessage{Ref: ref, Role: event.Role(pick("customer", "agent", "bot")), Speaker: agent, Text: pick("hi", "")}
		case 13:
			at = now // the same goes for the order of two notes
			f = event.InteractionDispositioned{Ref: ref, Agent: agent, Code: pick("x", "y"), Tags: []string{pick("t", "u"), pick("t", "u")}}
		case 14:
			f = event.InteractionTransferStarted{Ref: ref, Agent: agent, Kind: event.TransferQueue, Target: some, TargetKind: event.TargetQueue}
		case 15:
			f = event.InteractionTransferRequested{Ref: ref, Agent: agent, Kind: event.TransferQueue, Target: some, TargetKind: event.TargetQueue}
		case 16:
			at = now // of an issue that is long over, two answers to one question in one quarter of an hour may become one
			f = event.InteractionSurveyAnswered{Ref: ref, Answers: []event.SurveyAnswer{{Question: pick("q", "r"), Answer: "1"}, {Question: pick("q", "r"), Answer: "2"}}}
		case 17:
			f = event.InteractionCheckedIn{Ref: ref, Role: event.RoleCustomer}
		case 18:
			f = event.AgentStatusChanged{AgentRef: agentRef(agent), Presence: event.Presence(pick("available", "break", "logged_out"))}
		case 19:
			f = event.SourceReset{SourceRef: event.SourceRef{Source: "pbx"}, Reason: event.ResetCrash}
		case 20:
			f = event.InteractionFlowVisited{Ref: ref, Flow: "f", Node: pick("m", "n"), Outcome: event.FlowOutcome(pick("visited", "success", "negated"))}
		}
		j.late(now, at, f)
	}
	return j.records
}

// forLong keeps issues for longer than facts are late.
var forLong = rows.Options{WFM: true, Keep: 48 * time.Hour}

func TestAnyFactsKeepTheRules(t *testing.T) {
	long := 5 * time.Hour
	rapid.Check(t, func(rt *rapid.T) {
		records := anything(t, rt)
		end := records[len(records)-1].Received.Add(long)
		straight := newExporter(forLong, records[0].Received)
		straight.take(records)
		straight.close(end)
		rules(rt, straight)

		// A process that was there when the facts came.
		there := newExporter(forLong, records[0].Received)
		there.takeTicking(records, func() time.Duration { return 45 * time.Second })
		there.close(end)
		first(rt, there.lines(), straight.lines())

		// And one that was restarted.
		cut := rapid.IntRange(0, len(records)).Draw(rt, "cut")
		before := newExporter(forLong, records[0].Received)
		before.take(records[:cut])
		state, err := before.books.Snapshot()
		if err != nil {
			rt.Fatal(err)
		}
		under, err := before.fold.Snapshot()
		if err != nil {
			rt.Fatal(err)
		}
		after := newExporter(forLong, records[0].Received)
		after.fold = floor.NewFold(floor.Options{Settings: settings, NoContext: true})
		if err := after.fold.Restore(under); err != nil {
			rt.Fatal(err)
		}
		if err := after.books.Restore(state, after.fold.Tenant(tenant)); err != nil {
			rt.Fatal(err)
		}
		after.next, after.out = before.next, before.out
		after.take(records[cut:])
		after.close(end)
		first(rt, after.lines(), straight.lines())
	})
}

// rules holds rows against what is promised of all tables: in a window a key has one
// row, and no row has a lower logical time than the one that it replaces.
func rules(rt *rapid.T, x *exporter) {
	type known struct {
		w    written
		when int
	}
	seen := map[string]known{}
	for n, w := range x.out {
		d := schema.NewDedupe(w.table, schema.ByLogical)
		k := w.table.Name + " " + string(d.AppendKey(nil, w.row))
		if o, ok := seen[k]; ok {
			if o.w.window.Equal(w.window) {
				rt.Fatalf("%s has two rows for one key in the window of %v:\n%s\n%s", w.table.Name, w.window, o.w.json, w.json)
			}
			if !d.Newer(w.row, w.window, o.w.row, o.w.window) {
				rt.Fatalf("%s: a later row does not hold:\n%s\n%s", w.table.Name, o.w.json, w.json)
			}
		}
		seen[k] = known{w, n}
		for i, c := range w.table.Columns {
			if !w.row[i].Fits(c.Kind) || c.Null && !w.row[i].IsNull() {
				rt.Fatalf("%s.%s is %v, of kind %v", w.table.Name, c.Name, w.row[i], c.Kind)
			}
		}
	}
}
