package floor_test

import (
	"testing"
	"time"

	"trunkline/event"
	"trunkline/floor"
)

// An agent is taken from the offer or the dialling on, and answering is no change. A node that
// begins with a snapshot knows since when.
func TestSinceWhenAnAgentIsTaken(t *testing.T) {
	s := newScript(t, floor.Options{})
	step := func(what string, talking bool, facts ...event.Fact) time.Time {
		t.Helper()
		s.after(time.Minute).say(facts...)
		if ann := s.floor().Agent("ann"); ann.Talking() != talking {
			t.Errorf("%s: talking is %v", what, ann.Talking())
		}
		return s.at
	}
	since := func(what string, want time.Time) {
		t.Helper()
		restored := floor.NewFold(floor.Options{})
		if err := restored.Restore(snapshot(t, s.fold)); err != nil {
			t.Fatal(err)
		}
		for from, f := range map[string]*floor.Tenant{"folded": s.floor(), "restored": restored.Tenant(tenant)} {
			if got := time.UnixMilli(f.Agent("ann").TalkingSince).UTC(); !got.Equal(want) {
				t.Errorf("%s, %s: since %v, want %v", what, from, got, want)
			}
		}
	}
	step("comes", false, event.AgentProvisioned{AgentRef: agentRef("ann"), Change: event.ProvisionCreated}, event.AgentStatusChanged{AgentRef: agentRef("ann"), Presence: event.PresenceAvailable})
	step("queued", false, waiting("a", "q")...)
	at := step("offered", true, event.InteractionOffered{Ref: call("a"), Agent: "ann", Queue: "q"})
	since("offered", at)
	step("accepted", true, event.InteractionAccepted{Ref: call("a"), Agent: "ann", Queue: "q"})
	since("accepted", at)
	step("a second one is dialled", true, event.InteractionCreated{Ref: call("b"), Direction: event.DirectionOut, Agent: "ann"})
	step("the first one ends", true, event.InteractionEnded{Ref: call("a"), Initiator: event.InitiatorCustomer, Reason: event.EndNormal})
	since("one of two has ended", at)
	at = step("the dialled one comes to nothing", false, event.InteractionEnded{Ref: call("b"), Initiator: event.InitiatorAgent, Reason: event.EndNormal})
	since("both have ended", at)
	step("a break", false, event.AgentStatusChanged{AgentRef: agentRef("ann"), Presence: event.PresenceBreak})
	since("on a break", at)
	at = step("dials", true, event.InteractionCreated{Ref: call("c"), Direction: event.DirectionOut, Agent: "ann"})
	step("the customer's phone is answered", true, event.InteractionAccepted{Ref: call("c"), Agent: "ann"})
	since("dialled and answered", at)
	at = step("released", false, event.InteractionReleased{Ref: call("c"), Agent: "ann"})
	since("released", at)
}
