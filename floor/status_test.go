package floor_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/floor"
)

// keeping are the options of a floor that says how queues and agents measure.
func keeping() floor.Options {
	return floor.Options{Settings: func(string) floor.Settings { return floor.Settings{Statuses: true} }}
}

// measured gives what was said of measures, as facts with their time of day.
func (s *script) measured() (list []event.Fact, at []string) {
	s.t.Helper()
	for i := range s.records {
		switch s.records[i].Type() {
		case "queue.measured", "agent.measured", "agent.utilised":
			e, err := event.Parse(s.records[i].Raw, event.Limits{})
			if err != nil {
				s.t.Fatal(err)
			}
			f, err := event.Decode(e)
			if err != nil {
				s.t.Fatal(err)
			}
			list, at = append(list, f), append(at, e.Time.Format("15:04:05.000"))
		}
	}
	return list, at
}

func TestTheSizeOfAQueueIsSaidOnceASecond(t *testing.T) {
	s := newScript(t, keeping())
	s.after(time.Second).say(waiting("a", "q")...)
	s.fire(s.at)
	for i := range 5 { // six more calls within a second, of which one gives up
		s.after(100 * time.Millisecond).say(waiting(fmt.Sprint("b", i), "q")...)
		s.fire(s.at)
	}
	s.say(event.InteractionDequeued{Ref: call("a"), Queue: "q", Reason: "abandoned"})
	s.fire(s.at.Add(10 * time.Second))
	facts, at := s.measured()
	got := ""
	for i, f := range facts {
		if q, ok := f.(event.QueueMeasured); ok {
			got += fmt.Sprint(at[i], " ", q.Waiting, q.Changed, " ")
		}
	}
	s.want("said", got, "09:00:01.000 1 [size wait] 09:00:02.000 5 [size] ")
	if s.fold.Fire(s.at.Add(time.Hour)); len(s.fold.Fire(s.at.Add(time.Hour))) != 0 {
		t.Error("something is said of a queue of which nothing has changed")
	}
}

func TestLoadAndUtilisation(t *testing.T) {
	s := newScript(t, keeping())
	s.after(4*time.Minute + 20*time.Second) // when one of ann's windows begins
	s.say(event.AgentProvisioned{AgentRef: agentRef("ann"), Change: event.ProvisionCreated, Name: "Ann", Slots: map[string]int{"chat": 2}})
	s.say(event.AgentStatusChanged{AgentRef: agentRef("ann"), Presence: event.PresenceAvailable})
	s.after(time.Minute).say(waiting("a", "q")...)
	s.say(event.InteractionAccepted{Ref: call("a"), Agent: "ann", Queue: "q"})
	s.fire(s.at)
	s.after(time.Minute).say(event.InteractionReleased{Ref: call("a"), Agent: "ann", Queue: "q"})
	s.say(event.AgentStatusChanged{AgentRef: agentRef("ann"), Presence: event.PresenceBreak})
	s.fire(s.at)
	s.fire(s.at.Add(3 * time.Minute))
	facts, at := s.measured()
	loads, windows := "", 0
	for i, f := range facts {
		switch f := f.(type) {
		case event.AgentMeasured:
			loads += fmt.Sprint(at[i], " ", f.Load, " ")
		case event.AgentUtilised:
			windows++
			min := int64(60_000)
			s.want("active", f.Active, event.Utilisation{LinearMS: 2 * min, LinearUsedMS: min, CumulativeMS: 4 * min, CumulativeUsedMS: min})
			s.want("away", f.Away, event.Utilisation{LinearMS: 3 * min, CumulativeMS: 6 * min})
			s.want("any", f.Any.LinearMS, 5*min)
			s.want("window", at[i]+f.From.Format(" 15:04:05"), "09:09:20.000 09:04:20")
		}
	}
	s.want("loads", loads, "09:05:20.000 1 09:06:20.000 0 ")
	s.want("windows", windows, 1)
	// Who has gone is said once more, for the window in which that was, and then never.
	s.after(4 * time.Minute).say(event.AgentStatusChanged{AgentRef: agentRef("ann"), Presence: event.PresenceLoggedOut})
	s.fire(s.at.Add(time.Hour))
	s.after(2 * time.Hour).say(waiting("b", "q")...)
	s.fire(s.at.Add(time.Hour))
	facts, _ = s.measured()
	for _, f := range facts {
		if _, ok := f.(event.AgentUtilised); ok {
			windows--
		}
	}
	s.want("windows after the logout", windows, -1)
}

func TestANodeFromASnapshotSaysTheSame(t *testing.T) {
	cfg := centre(3, 40)
	cfg.Length, cfg.Drain = 40*time.Minute, true
	s := simulation(t, cfg)
	j := newJournal(t, keeping())
	n := 0
	for m, fact := range s.All {
		j.append(m.Time, m, fact)
		if n++; n%300 != 0 {
			continue
		}
		other := floor.NewFold(keeping())
		if err := other.Restore(snapshot(t, j.fold)); err != nil {
			t.Fatal(err)
		}
		later := m.Time.Add(time.Minute)
		a, b := j.fold.Fire(later), other.Fire(later)
		if len(a) != len(b) {
			t.Fatalf("%d and %d facts are due", len(a), len(b))
		}
		for i := range a {
			if !bytes.Equal(a[i].Event.Raw, b[i].Event.Raw) {
				t.Fatalf("%s and %s", a[i].Event.Raw, b[i].Event.Raw)
			}
		}
	}
	kinds := map[string]int{}
	for i := range j.records {
		kinds[j.records[i].Type()]++
	}
	for _, k := range []string{"queue.measured", "agent.measured", "agent.utilised"} {
		if kinds[k] == 0 {
			t.Errorf("no %s", k)
		}
	}
	t.Logf("%d facts, %v", n, kinds)
}

// TestManyWindowsAreSaidInPieces: after a pause the windows of all agents are over at once.
func TestManyWindowsAreSaidInPieces(t *testing.T) {
	s := newScript(t, keeping())
	const agents = 900
	for i := range agents {
		s.say(event.AgentStatusChanged{AgentRef: agentRef(fmt.Sprint("a", i)), Presence: event.PresenceAvailable})
	}
	if n := len(s.fold.Fire(s.at.Add(time.Hour))); n == 0 || n > 500 {
		t.Errorf("%d facts at once", n)
	}
	s.fire(s.at.Add(5 * time.Minute))
	said := map[string]bool{}
	facts, _ := s.measured()
	for _, f := range facts {
		if u, ok := f.(event.AgentUtilised); ok {
			said[u.Agent] = true
		}
	}
	s.want("agents of whom a window was said", len(said), agents)
}
