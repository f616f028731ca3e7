package floor_test

import (
	"fmt"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/floor"
	"trunkline/floor/wait"
)

// The estimates and their errors on a simulated centre, against a recount that
// knows the waits of each queue and nothing else.
func TestEstimatesAgainstTheirDefinitions(t *testing.T) {
	cfg := centre(11, 40)
	cfg.Length, cfg.Drain, cfg.Load = time.Hour, true, 1.3
	long(t, &cfg)
	s := simulation(t, cfg)
	f := floor.NewFold(floor.Options{NoContext: true})
	type seen struct{ last, expo, answers int64 }
	type promise struct {
		at        int64
		les, expo int64
		head      int64
		queue     string
	}
	known, calls := map[string]*seen{}, map[string]*promise{}
	wantErr := map[string]*[wait.Methods]wait.Error{}
	n := uint64(0)
	for m, fact := range s.All {
		at := m.Time.UnixMilli()
		switch x := fact.(type) {
		case event.QueueConfigured:
			known[x.Queue], wantErr[x.Queue] = &seen{}, &[wait.Methods]wait.Error{}
		case event.InteractionQueued:
			k := known[x.Queue]
			p := &promise{at: at, les: wait.None, expo: wait.None, queue: x.Queue}
			if k.answers >= wait.Enough {
				p.les, p.expo = k.last, k.expo
			}
			for _, o := range calls { // whoever waits longest
				if o.queue == x.Queue && at-o.at > p.head {
					p.head = at - o.at
				}
			}
			calls[x.Interaction] = p
		case event.InteractionDequeued:
			delete(calls, x.Interaction)
		case event.InteractionAccepted:
			if p := calls[x.Interaction]; p != nil && x.Queue == p.queue {
				waited := at - p.at
				for method, said := range map[wait.Method]int64{wait.LastToEnterService: p.les, wait.ExponentialMean: p.expo, wait.HeadOfLine: p.head} {
					if said != wait.None {
						e := &wantErr[x.Queue][method]
						e.Count++
						e.Bias += said - waited
						e.Absolute += max(said-waited, waited-said)
					}
				}
				k := known[x.Queue]
				k.answers, k.last, k.expo = k.answers+1, waited, (3*k.expo+waited)/4
				delete(calls, x.Interaction)
			}
		}
		n++
		f.FoldFact(tenant, n, m.Time, &m, fact)
	}
	measured := int64(0)
	for id, want := range wantErr {
		q := f.Tenant(tenant).Queue(id)
		for _, m := range []wait.Method{wait.LastToEnterService, wait.HeadOfLine, wait.ExponentialMean} {
			got := q.Estimates.Errors[m]
			if got.Count != want[m].Count || got.Bias != want[m].Bias || got.Absolute != want[m].Absolute {
				t.Errorf("%s of %s: %+v, want %+v", m, id, got, want[m])
			}
			measured += got.Count
		}
		if e := &q.Estimates.Errors[wait.QueueLength]; e.Count > 0 && e.Mean() < 0 {
			t.Errorf("queue length of %s: %+v", id, e)
		}
		if k := known[id]; k.answers != q.Estimates.Answers || k.expo != q.Estimates.Expo {
			t.Errorf("%s learnt %+v, want %+v", id, q.Estimates, k)
		}
	}
	if measured < 300 {
		t.Errorf("only %d estimates were measured", measured)
	}
}

func TestQueueLengthCountsTheAgentsOfTheQueue(t *testing.T) {
	s := newScript(t, floor.Options{})
	for _, a := range []string{"a", "b"} {
		s.say(event.AgentProvisioned{AgentRef: agentRef(a), Change: event.ProvisionQueueAdded, Queue: &event.AgentQueue{ID: "q"}},
			event.AgentStatusChanged{AgentRef: agentRef(a), Presence: event.PresenceAvailable})
	}
	for i := range wait.Enough {
		id := string(rune('a' + i))
		s.say(talking(id, "q", "a")...)
		s.after(2*time.Minute).say(event.InteractionReleased{Ref: call(id), Agent: "a"}, event.InteractionEnded{Ref: call(id), Initiator: "agent", Reason: "normal"})
	}
	q := s.floor().Queue("q")
	say := func(want int64, whyWant string) {
		t.Helper()
		if ms, why := s.floor().EstimatedWait(q, wait.QueueLength, s.at.UnixMilli()); ms != want || why != whyWant {
			t.Errorf("estimate %d %q, want %d %q", ms, why, want, whyWant)
		}
	}
	say(0, "")
	s.say(talking("x", "q", "a")...)
	s.say(talking("y", "q", "b")...)
	say(60_000, "") // one behind two busy agents, 120 s each
	s.say(waiting("z", "q")...)
	say(120_000, "")
	s.say(event.AgentStatusChanged{AgentRef: agentRef("a"), Presence: event.PresenceBreak}) // still on a contact
	say(120_000, "")
	s.say(event.InteractionReleased{Ref: call("x"), Agent: "a"})
	say(200_000, "") // the contact of no length has pulled the mean down to 100 s
	s.say(event.InteractionReleased{Ref: call("y"), Agent: "b"}, event.AgentStatusChanged{AgentRef: agentRef("b"), Presence: event.PresenceLoggedOut})
	say(wait.None, wait.NoAgents)
}

func TestAvailability(t *testing.T) {
	s := newScript(t, floor.Options{Settings: func(string) floor.Settings { return floor.Settings{WaitMethod: wait.LastToEnterService} }})
	at := func() floor.Availability { return s.floor().Availability(s.floor().Queue("q"), s.at.UnixMilli()) }
	conf := event.QueueConfigured{Queue: "q", Hours: []event.OpenHours{{Day: event.Monday, From: "08:00", To: "16:00"}}}
	s.say(conf) // Monday 09:00 UTC
	s.want("open", at().Open, true)
	s.want("closes", at().Changes, s.at.Add(7*time.Hour))
	for _, n := range []int{0, 1} { // zero is no threshold, reaching one closes
		conf.Caps = &event.QueueCaps{Size: n, FallbackSize: n}
		s.say(conf)
		s.want("open with nobody waiting", at().Open, true)
		s.say(waiting("w", "q")...)
		s.want("by size", at().BySize, n == 1)
		s.want("by fallback", at().ByFallback, n == 1)
		s.want("open", at().Open, n == 0)
		s.say(event.InteractionDequeued{Ref: call("w"), Queue: "q", Reason: "abandoned"}, event.InteractionEnded{Ref: call("w"), Initiator: "customer", Reason: "normal"})
		s.at = s.at.Add(time.Hour) // w is forgotten
		s.fold.Tick(s.at)
	}
	for i := range wait.Enough { // now there is an estimate: 30 s
		id := string(rune('a' + i))
		facts := talking(id, "q", "agent")
		s.say(facts[:2]...)
		s.after(30 * time.Second).say(facts[2:]...)
		s.say(event.InteractionReleased{Ref: call(id), Agent: "agent"}, event.InteractionEnded{Ref: call(id), Initiator: "agent", Reason: "normal"})
	}
	for ms, closed := range map[int64]bool{0: false, 30_001: false, 30_000: true, 1: true} {
		conf.Caps = &event.QueueCaps{EstimatedWaitMS: ms, FallbackSize: 1}
		s.say(conf)
		s.want("by wait", at().ByWait, closed)
		s.want("fallback only without an estimate", at().ByFallback, false)
	}
	conf.Caps, conf.Mitigation = nil, &event.Mitigation{Active: true}
	s.say(conf)
	s.want("by mitigation", at().ByMitigation, true)
	conf.Mitigation, conf.Stage = nil, event.StageDisabled
	s.say(conf)
	s.want("by stage", at().ByStage, true)
	conf.Stage, conf.Holidays = "", []event.Holiday{{Date: "2026-03-02"}}
	s.say(conf)
	s.want("by holiday", at(), floor.Availability{ByHoliday: true, Changes: time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)})
	conf.Holidays = nil
	s.say(conf)
	s.at = time.Date(2026, 3, 2, 15, 59, 45, 0, time.UTC)
	s.want("after closing", at().AfterClosing, true)
	s.after(time.Minute)
	s.want("by hours", at().ByHours, true)
	s.want("a snapshot keeps the schedule", func() bool {
		other := floor.NewFold(floor.Options{})
		if err := other.Restore(snapshot(t, s.fold)); err != nil {
			t.Fatal(err)
		}
		return other.Tenant(tenant).Availability(other.Tenant(tenant).Queue("q"), s.at.UnixMilli()).ByHours
	}(), true)
}

// availabilities gives what was said of a queue, as "clock: reasons".
func (s *script) availabilities() []string {
	var out []string
	for i := range s.records {
		if s.records[i].Type() != "queue.availability_changed" {
			continue
		}
		e, err := event.Parse(s.records[i].Raw, event.Limits{})
		if err != nil {
			s.t.Fatal(err)
		}
		f, _ := event.Decode(e)
		a, _ := f.(event.QueueAvailabilityChanged)
		out = append(out, fmt.Sprint(e.Time.Format("15:04:05"), a.ClosedBy))
	}
	return out
}

func TestAChangeOfAvailabilityIsSaidOnce(t *testing.T) {
	s := newScript(t, floor.Options{}) // 09:00
	s.say(event.QueueConfigured{Queue: "plain"}, event.QueueConfigured{
		Queue: "q", Hours: []event.OpenHours{{Day: event.Monday, From: "08:00", To: "12:00"}, {Day: event.Monday, From: "13:00", To: "16:00"}},
		Caps: &event.QueueCaps{Size: 1},
	})
	s.after(time.Minute).say(waiting("a", "q")...)
	// Left and reached again within the same second: nothing of it is said.
	s.say(event.InteractionDequeued{Ref: call("a"), Queue: "q", Reason: "abandoned"})
	s.say(waiting("b", "q")...)
	s.say(waiting("c", "plain")...)
	// Left in the same second for good: said when the second is over.
	s.after(10 * time.Second).say(event.InteractionDequeued{Ref: call("b"), Queue: "q", Reason: "abandoned"})
	s.say(waiting("d", "q")...)
	s.say(event.InteractionDequeued{Ref: call("d"), Queue: "q", Reason: "abandoned"})
	for range 8 { // boundaries pass while nobody says anything
		s.after(time.Hour)
		s.fire(s.at)
	}
	s.want("said", s.availabilities(), "[09:00:00[] 09:01:00[size] 09:01:10[] 12:00:00[hours] 13:00:00[] 16:00:00[hours]]")
	// A node that starts from a snapshot says the next one, with the same id.
	other := floor.NewFold(floor.Options{})
	if err := other.Restore(snapshot(t, s.fold)); err != nil {
		t.Fatal(err)
	}
	week := s.at.Add(7 * 24 * time.Hour)
	a, b := s.fold.Fire(week), other.Fire(week)
	if len(a) != 1 || len(b) != 1 || string(a[0].Event.Raw) != string(b[0].Event.Raw) {
		t.Fatalf("%v and %v", a, b)
	}
}

func TestACapReachedAgainAtOnceIsSaidASecondLater(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(event.QueueConfigured{Queue: "q", Caps: &event.QueueCaps{Size: 1}})
	s.after(300 * time.Millisecond).say(waiting("a", "q")...)
	s.want("at once", s.availabilities(), "[09:00:00[]]")
	s.fire(s.at.Add(600 * time.Millisecond))
	s.want("too soon", s.availabilities(), "[09:00:00[]]")
	s.fire(s.at.Add(time.Second))
	s.want("a second after the last", s.availabilities(), "[09:00:00[] 09:00:01[size]]")
}
