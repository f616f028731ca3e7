package floor_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/floor"
)

// corrections gives the floor.corrected facts of a script, as "entity field before>after reason".
func (s *script) corrections() []string {
	var out []string
	for i := range s.records {
		if s.records[i].Type() != "floor.corrected" {
			continue
		}
		e, err := event.Parse(s.records[i].Raw, event.Limits{})
		if err != nil {
			s.t.Fatal(err)
		}
		f, err := event.Decode(e)
		if err != nil {
			s.t.Fatal(err)
		}
		c, _ := f.(event.FloorCorrected)
		out = append(out, fmt.Sprintf("%s %s %s>%s %s", c.Entity, c.Field, c.Before, c.After, c.Reason))
	}
	return out
}

// derived gives the types of the derived facts.
func (s *script) derivedTypes() []string {
	var out []string
	for i := range s.records {
		if s.records[i].Derived {
			out = append(out, s.records[i].Type())
		}
	}
	return out
}

func (s *script) want(what string, got, want any) {
	s.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func waiting(id, queue string) []event.Fact {
	return []event.Fact{
		event.InteractionCreated{Ref: call(id), Direction: event.DirectionIn},
		event.InteractionQueued{Ref: call(id), Queue: queue},
	}
}

func talking(id, queue, agent string) []event.Fact {
	return append(waiting(id, queue),
		event.InteractionOffered{Ref: call(id), Queue: queue, Agent: agent},
		event.InteractionAccepted{Ref: call(id), Queue: queue, Agent: agent})
}

func TestEverythingTwiceCountsOnce(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(event.AgentStatusChanged{AgentRef: agentRef("a"), Presence: event.PresenceAvailable})
	for _, f := range talking("c", "q", "a") {
		s.after(time.Second).say(f, f)
	}
	for _, f := range []event.Fact{
		event.InteractionHeld{Ref: call("c"), Agent: "a"}, event.InteractionResumed{Ref: call("c"), Agent: "a"},
		event.InteractionReleased{Ref: call("c"), Agent: "a"}, event.InteractionEnded{Ref: call("c"), Initiator: "customer", Reason: "normal"},
	} {
		s.after(time.Second).say(f, f)
	}
	s.say(talking("c", "q", "a")[1:]...) // late, of one that is properly over
	q, a := s.floor().Queue("q"), s.floor().Agent("a")
	s.want("offered", q.Get(floor.Offered), 1)
	s.want("answered", q.Get(floor.Answered), 1)
	s.want("alerts", a.Get(floor.Alerts), 1)
	s.want("accepted", a.Get(floor.Accepted), 1)
	s.want("holds", a.Get(floor.Holds), 1)
	s.want("handled", a.Get(floor.Handled), 1)
	s.want("talk", a.Get(floor.Talk), 2000)
	s.want("hold", a.Get(floor.Hold), 1000)
	s.want("state", a.State, floor.Idle)
	s.want("open", s.floor().Open(), 0)
	s.want("corrections", len(s.corrections()), 0)
}

func TestTimesThatStepBackGiveNoNegativeDurations(t *testing.T) {
	s := newScript(t, floor.Options{})
	facts := talking("c", "q", "a")
	for _, f := range facts {
		s.after(-time.Millisecond).say(f)
	}
	s.after(-time.Millisecond).say(event.InteractionReleased{Ref: call("c"), Agent: "a"})
	q := s.floor().Queue("q")
	s.want("answered wait", q.Get(floor.WaitAnswered), 0)
	s.want("talk", q.Get(floor.Talk), 0)
	s.want("in target", q.Get(floor.AnsweredInTarget), 1)
}

func TestAMissedBeginIsMadeUpAndSaid(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(event.InteractionAccepted{Ref: call("c"), Queue: "q", Agent: "a", WaitedMS: 7000})
	s.want("corrections", s.corrections(), "[interaction/c state >open missing_start interaction/c visit/q >answered missing_start]")
	q := s.floor().Queue("q")
	s.want("offered", q.Get(floor.Offered), 1)
	s.want("answered wait", q.Get(floor.WaitAnswered), 7000)
	s.want("state", s.floor().Agent("a").State, floor.Contact)
	// The begin comes late and only fills in.
	s.say(event.InteractionCreated{Ref: call("c"), Direction: event.DirectionIn, Channel: "trunk"})
	s.want("created", s.floor().Totals.Created, 1)
	s.want("state", s.floor().Interaction("c").CallState(), "CS_CONNECTED")
}

func TestEndsWithoutBeginsLeaveNothing(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(event.InteractionReleased{Ref: call("c"), Agent: "a"}, event.InteractionOfferEnded{Ref: call("c"), Agent: "a", Reason: "no_answer"},
		event.InteractionWrapupEnded{Ref: call("c"), Agent: "a", Reason: "manual"}, event.InteractionResumed{Ref: call("c"), Agent: "a"},
		event.InteractionEnded{Ref: call("c"), Initiator: "customer", Reason: "normal"}, event.InteractionLegEnded{Ref: call("c"), Agent: "a"})
	s.want("open", s.floor().Open(), 0)
	s.want("corrections", len(s.corrections()), 0)
	// Only a visit counts, because a queue's numbers would not add up without it.
	s.say(event.InteractionDequeued{Ref: call("d"), Queue: "q", Reason: event.DequeueAbandoned, WaitedMS: 9000})
	s.say(event.InteractionEnded{Ref: call("d"), Initiator: "customer", Reason: "normal"})
	s.want("offered", s.floor().Queue("q").Get(floor.Offered), 1)
	s.want("abandoned long", s.floor().Queue("q").Get(floor.AbandonedLong), 1)
}

func TestAMissedEndIsLostAndSaid(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(waiting("c", "q")...)
	s.say(event.InteractionOffered{Ref: call("c"), Queue: "q", Agent: "a"})
	s.after(time.Second).say(event.InteractionEnded{Ref: call("c"), Initiator: "customer", Reason: "normal"})
	s.want("corrections", s.corrections(), "[interaction/c visit/q waiting>lost missing_end]")
	s.want("lost", s.floor().Queue("q").Get(floor.LostWaiting), 1)
	s.want("waiting", s.floor().Queue("q").Waiting, 0)
	s.want("alerting", s.floor().Agent("a").Alerting, 0)
}

func TestAResetEndsWhatItsSourceLeftOpen(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(talking("talks", "q", "a")...)
	s.say(waiting("waits", "q")...)
	s.say(waiting("lives", "q")...)
	s.say(event.InteractionOffered{Ref: call("waits"), Queue: "q", Agent: "b"})
	s.src = "other"
	s.say(talking("elsewhere", "q", "c")...)
	s.src = "pbx"
	s.after(time.Minute).say(event.SourceReset{SourceRef: event.SourceRef{Source: "pbx"}, Reason: event.ResetCrash, Interactions: []string{"lives"}})
	f := s.floor()
	s.want("open", f.Open(), 2)
	s.want("derived", s.derivedTypes(), "[interaction.released interaction.ended interaction.dequeued interaction.offer_ended interaction.ended]")
	q := f.Queue("q")
	s.want("lost waiting", q.Get(floor.LostWaiting), 1)
	s.want("lost contacts", q.Get(floor.LostContacts), 1)
	s.want("handled", q.Get(floor.Handled), 0)
	s.want("waiting", q.Waiting, 1)
	s.want("a", f.Agent("a").State, floor.Offline)
	s.want("c", f.Agent("c").State, floor.Contact)
	s.want("outcome", f.Interaction("talks").Outcome(), floor.OutcomeAnswered)
	// It was there after all.
	s.after(time.Second).say(event.InteractionHeld{Ref: call("talks"), Agent: "a"})
	s.want("held alone does not revive", f.Open(), 2)
	s.say(event.InteractionAccepted{Ref: call("talks"), Queue: "q", Agent: "a"})
	s.want("corrections", s.corrections(), "[interaction/talks state lost>open heard_again]")
	s.want("a", f.Agent("a").State, floor.Contact)
	s.want("answered", q.Get(floor.Answered), 2) // with the one of the other source
}

func TestAResetOfManyIsSaidInPieces(t *testing.T) {
	s := newScript(t, floor.Options{})
	const n = 3000
	for i := range n {
		s.say(waiting(fmt.Sprint("c", i), "q")...)
	}
	out := s.after(time.Second).say(event.SourceReset{SourceRef: event.SourceRef{Source: "pbx"}, Reason: event.ResetCrash})
	if len(out.Derived) > 2000 {
		t.Fatalf("%d facts at once", len(out.Derived))
	}
	s.fire(s.at)
	s.want("derived", len(s.derivedTypes()), 2*n)
	s.want("open", s.floor().Open(), 0)
	if _, ok := s.fold.Due(); ok {
		t.Fatal("something is due still")
	}
}

func TestWrapUpIsDerivedWhereTheSourceTellsOfNone(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(event.QueueConfigured{Queue: "q", WrapupLimitMS: 3000}, event.AgentStatusChanged{AgentRef: agentRef("a"), Presence: "available"})
	s.say(talking("c1", "q", "a")...)
	s.after(10*time.Second).say(event.InteractionReleased{Ref: call("c1"), Agent: "a"}, event.InteractionEnded{Ref: call("c1"), Initiator: "agent", Reason: "normal"})
	s.want("state", s.floor().Agent("a").State, floor.WrapUp)
	// By the clock of the source: the next fact comes a minute later, though no time has passed for the log.
	s.after(time.Minute).say(event.InteractionCreated{Ref: call("c2"), Direction: event.DirectionIn})
	a := s.floor().Agent("a")
	s.want("state", a.State, floor.Idle)
	s.want("wrap", a.Get(floor.Wrap), 3000)
	s.want("handled", a.Get(floor.Handled), 1)
	s.want("derived", s.derivedTypes(), "[interaction.wrapup_started interaction.wrapup_ended]")
	// A source that tells of wrap-ups is left to end its own.
	s.src = "desk"
	s.say(talking("c3", "q", "b")...)
	s.after(time.Second).say(event.InteractionWrapupStarted{Ref: call("c3"), Agent: "b", Queue: "q"})
	s.after(time.Minute).say(event.InteractionWrapupEnded{Ref: call("c3"), Agent: "b", Reason: "manual"}, event.InteractionReleased{Ref: call("c3"), Agent: "b"})
	s.want("wrap of b", s.floor().Agent("b").Get(floor.Wrap), 60_000)
	s.want("derived", len(s.derivedTypes()), 2)
}

func TestAWrapUpThatIsAskedFor(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(talking("c", "q", "a")...) // the queue has no wrap-up
	s.say(event.AgentWrapupRequested{AgentRef: agentRef("a"), Action: event.WrapupInitiate, LimitMS: 60_000})
	s.after(time.Second).say(event.InteractionReleased{Ref: call("c"), Agent: "a"})
	s.want("state", s.floor().Agent("a").State, floor.WrapUp)
	s.after(5 * time.Second).say(event.AgentWrapupRequested{AgentRef: agentRef("a"), Action: event.WrapupTerminate, Wrapup: "another"})
	s.want("another's end", s.floor().Agent("a").State, floor.WrapUp)
	s.say(event.AgentWrapupRequested{AgentRef: agentRef("a"), Action: event.WrapupTerminate})
	s.want("state", s.floor().Agent("a").State, floor.Offline)
	s.want("wrap", s.floor().Agent("a").Get(floor.Wrap), 5000)
	s.want("derived", s.derivedTypes(), "[interaction.wrapup_started interaction.wrapup_ended]")
	if _, ok := s.fold.Due(); ok {
		t.Error("the timer is armed still")
	}
}

func TestAWrapUpWhoseEndNobodyTellsIsEndedByATimer(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(talking("c", "q", "a")...)
	s.after(time.Second).say(event.InteractionWrapupStarted{Ref: call("c"), Agent: "a", LimitMS: 5000})
	s.fire(s.at.Add(20 * time.Second))
	s.want("early", s.floor().Agent("a").State, floor.WrapUp)
	s.fire(s.at.Add(time.Minute))
	s.want("late", s.floor().Agent("a").State, floor.Offline)
	s.want("wrap", s.floor().Agent("a").Get(floor.WrapTime), 5000)
}

func TestTheDayBeginsAtTheTenantsMidnight(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		t.Fatal(err)
	}
	for _, day := range []string{"2026-03-02", "2026-03-29", "2026-10-25"} { // an ordinary one, 23 hours, 25 hours
		at, _ := time.ParseInLocation("2006-01-02", day, zone)
		next := time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, zone)
		s := newScript(t, floor.Options{Settings: func(string) floor.Settings { return floor.Settings{Zone: zone} }})
		s.at = at.Add(time.Hour)
		s.say(event.AgentStatusChanged{AgentRef: agentRef("a"), Presence: "available"})
		s.say(waiting("c", "q")...)
		s.want(day+" midnight", time.UnixMilli(s.floor().Midnight()).UTC(), next.UTC())
		s.at = next.Add(-time.Millisecond)
		s.fold.Tick(s.at)
		s.want(day+" before", s.floor().Queue("q").Get(floor.Offered), 1)
		s.at = next
		s.fold.Tick(s.at)
		q, a := s.floor().Queue("q"), s.floor().Agent("a")
		s.want(day+" after", q.Get(floor.Offered), 0)
		s.want(day+" still waits", q.Waiting, 1)
		s.want(day+" idle since midnight", a.TimeIn(floor.Idle, next.Add(time.Minute).UnixMilli()), 60_000)
		s.want(day+" logged in long before", a.LoginSince, at.Add(time.Hour).UnixMilli())
	}
}

func TestWhatIsNeverHeardOfAgainIsGivenUp(t *testing.T) {
	s := newScript(t, floor.Options{Settings: func(string) floor.Settings {
		return floor.Settings{MaxSilence: time.Hour, MaxInteractions: 3}
	}})
	for i := range 4 {
		s.say(waiting(fmt.Sprint("c", i), "q")...)
	}
	s.want("open", s.floor().Open(), 3)
	s.fold.Tick(s.at.Add(2 * time.Hour))
	s.fire(s.at.Add(2 * time.Hour))
	s.want("open", s.floor().Open(), 0)
	s.want("lost", s.floor().Queue("q").Get(floor.LostWaiting), 4)
	why := strings.Join(s.corrections(), " ")
	if strings.Count(why, "too_many") != 1 || strings.Count(why, "silent") != 3 {
		t.Error(why)
	}
}

func TestATimeInTheFarFutureIsNotBelieved(t *testing.T) {
	s := newScript(t, floor.Options{Settings: intervals})
	s.say(event.AgentStatusChanged{AgentRef: agentRef("a"), Presence: event.PresenceAvailable})
	for ahead, want := range map[time.Duration]time.Duration{24 * time.Hour: 24 * time.Hour, 24*time.Hour + time.Millisecond: 0, 1e6 * time.Hour: 0} {
		s.n++
		s.append(s.at, event.Meta{ID: fmt.Sprint(s.n), Source: s.src, Time: s.at.Add(ahead)}, event.InteractionCreated{Ref: call(fmt.Sprint(ahead)), Direction: "in"})
		s.want(fmt.Sprint(ahead), s.floor().Interaction(fmt.Sprint(ahead)).Created, s.at.Add(want).UnixMilli())
	}
}

func TestFeedHealth(t *testing.T) {
	s := newScript(t, floor.Options{})
	ref := event.SourceRef{Source: "pbx"}
	s.say(event.SourceUp{SourceRef: ref, Kind: "asterisk"})
	s.after(time.Second).say(event.SourceGap{SourceRef: ref, Missing: "events", Count: 7}, event.SourceDown{SourceRef: ref, Reason: "cut"})
	p := s.floor().Source("pbx")
	s.want("up", p.Up, false)
	s.want("gaps", []int64{p.Gaps, p.Missing}, "[1 7]")
	s.want("reason", p.Reason, "cut")
	s.src = "watchdog"
	s.say(event.SourceUp{SourceRef: ref})
	s.want("up again, as somebody else says", p.Up, true)
	s.want("kind stays", p.Kind, "asterisk")
}

func TestTwoSourcesWithTheSameNames(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(talking("pbx1-1", "q", "a")...)
	s.src = "pbx2"
	s.say(talking("pbx2-1", "q", "b")...)
	s.say(event.SourceReset{SourceRef: event.SourceRef{Source: "pbx2"}, Reason: event.ResetRestart})
	s.want("open", s.floor().Open(), 1)
	s.want("a", s.floor().Agent("a").State, floor.Contact)
	s.want("b", s.floor().Agent("b").State, floor.Offline)
}

func TestADeletedAgentGoesWithTheLastContact(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(event.AgentProvisioned{AgentRef: agentRef("a"), Change: event.ProvisionQueueAdded, Queue: &event.AgentQueue{ID: "q"}})
	s.say(talking("c", "q", "a")...)
	s.say(event.AgentProvisioned{AgentRef: agentRef("a"), Change: event.ProvisionDeleted})
	s.want("members", s.floor().Queue("q").Members, 1)
	s.say(event.InteractionReleased{Ref: call("c"), Agent: "a"})
	s.want("members", s.floor().Queue("q").Members, 0)
	s.want("agents", len(s.floor().Agents()), 0)
}
