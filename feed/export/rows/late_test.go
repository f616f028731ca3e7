package rows_test

import (
	"testing"
	"time"

	"trunkline/event"
	"trunkline/feed/export/schema"
)

func TestLateFactsReplaceByKeyInTheWindowInWhichTheyCame(t *testing.T) {
	j := newJournal(t)
	at := func(m int) time.Time { return start.Add(time.Duration(m) * time.Minute) }
	j.say(at(0), event.AgentStatusChanged{AgentRef: agentRef("ann"), Presence: event.PresenceAvailable})
	j.say(at(1), event.InteractionCreated{Ref: call("c"), Direction: event.DirectionIn, Customer: &event.Customer{ID: "77"}})
	j.say(at(2), event.InteractionQueued{Ref: call("c"), Queue: "sales", Reason: event.EntryNew})
	j.say(at(70), event.AgentStatusChanged{AgentRef: agentRef("bob"), Presence: event.PresenceAvailable})
	// That the customer gave up at 9:20 is told at 10:40 only.
	j.late(at(100), at(20), event.InteractionDequeued{Ref: call("c"), Queue: "sales", Reason: event.DequeueAbandoned})
	j.late(at(100), at(20), event.InteractionEnded{Ref: call("c"), Initiator: event.InitiatorCustomer, Reason: event.EndNormal})
	j.late(at(101), at(5), event.AgentStatusChanged{AgentRef: agentRef("ann"), Presence: event.PresenceBreak})
	x := export(j, 3*time.Hour)

	visits := x.of("issue_queues")
	if len(visits) != 2 || !visits[0].window.Equal(at(0)) || !visits[1].window.Equal(at(60)) {
		t.Fatalf("%v", visits)
	}
	if v := visits[1]; !v.get("abandoned").Bool() || !v.get("instance_ts").Time().Equal(at(15)) || !v.get("exit_queue_ts").Time().Equal(at(20)) || !visits[0].get("exit_queue_ts").IsNull() {
		t.Errorf("%s", v.json)
	}
	if got := latest(t, x, "issue_queues", schema.ByGuide); len(got) != 1 || got[0].json != visits[1].json {
		t.Errorf("%v is the latest", got)
	}
	// The quarters of 9:00 to 10:30 were out: those that the break changed come again.
	wfm := x.of("queue_wfm")
	if len(wfm) == 0 {
		t.Fatal("no rows of queues")
	}
	again := wfm[len(wfm)-1]
	if !again.get("instance_ts").Time().Equal(at(15)) || again.get("abandons").Integer() != 1 || !again.get("export_ts").Time().Equal(at(105)) {
		t.Errorf("%s", again.json)
	}
	n := 0
	for _, w := range x.of("rep_utilized") {
		if w.get("rep_id").Str() == "ann" && w.get("instance_ts").Time().Equal(at(0)) {
			n++
			busy := w.get("lin_busy_min").Integer()
			if first := w.window.Equal(at(0)); first && busy != 0 || !first && busy != 10 {
				t.Errorf("%s", w.json)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d rows of the quarter that was restated", n)
	}
}

func TestWhatComesAfterAnIssueHasLeftTheBooks(t *testing.T) {
	j := newJournal(t)
	at := func(m int) time.Time { return start.Add(time.Duration(m) * time.Minute) }
	j.say(at(0), event.InteractionCreated{Ref: chat("c"), Direction: event.DirectionIn})
	j.say(at(1), event.InteractionEnded{Ref: chat("c"), Initiator: event.InitiatorCustomer, Reason: event.EndNormal})
	j.say(at(240), event.InteractionSurveyAnswered{Ref: chat("c"), Answers: []event.SurveyAnswer{{Question: "How was it?", Answer: "5"}, {Question: "How was it?", Answer: "4"}}})
	j.say(at(241), event.InteractionDispositioned{Ref: chat("c"), Agent: "ann", Code: "sold", Tags: []string{"a", "b", "a"}})
	j.say(at(242), event.InteractionMessage{Ref: chat("c"), Role: event.RoleCustomer, Speaker: "77", Text: "hello?", OffsetMS: 5, DurationMS: 7},
		event.InteractionFlowVisited{Ref: chat("c"), Flow: "menu", Node: "end", Outcome: event.FlowVisited})
	x := export(j, 25*time.Hour)
	if got := x.of("utterances"); len(got) != 1 || got[0].get("utterance").Str() != "hello?" || !got[0].get("utterance_start_ts").Time().Equal(at(242)) {
		t.Errorf("%v", got)
	}
	if got := x.of("flow_detail"); len(got) != 1 || got[0].get("event_name").Str() != "end" {
		t.Errorf("%v", got)
	}
	if got := x.of("customer_feedback"); len(got) != 2 || got[1].get("answer").Str() != "4" {
		t.Errorf("%v", got)
	}
	if got := latest(t, x, "customer_feedback", schema.ByLogical); len(got) != 2 {
		t.Errorf("%d answers are left", len(got))
	}
	if got := x.of("rep_assignment_disposition"); len(got) != 1 || got[0].get("disposition_event").Str() != "sold" || got[0].get("selected_tags_ct_distinct").Integer() != 2 {
		t.Errorf("%v", got)
	}
	if got := x.of("convos_summary_tags"); len(got) != 2 {
		t.Errorf("%v", got)
	}
	// What is known of it as a whole is not overwritten by what little the late facts tell.
	if got := x.of("convos_metadata"); len(got) != 1 {
		t.Errorf("%v", got)
	}
}
