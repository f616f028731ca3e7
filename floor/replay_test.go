package floor_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/event"
	"trunkline/eventlog/commit"
	"trunkline/floor"
)

// recorded is a log of a simulated centre whose wrap-ups the floor has to end.
func recorded(t testing.TB, seed uint64, silentWrapups bool) *journal {
	cfg := centre(seed, 25)
	cfg.Length, cfg.Drain, cfg.Busy = 20*time.Minute, true, true
	s := simulation(t, cfg)
	j := newJournal(t, floor.Options{})
	for m, f := range s.All {
		switch f.(type) {
		case event.InteractionWrapupStarted, event.InteractionWrapupEnded:
			if silentWrapups {
				continue
			}
		}
		j.append(m.Time, m, f)
	}
	j.fire(s.Now().Add(time.Hour))
	return j
}

func TestReplayFromAnySnapshotEqualsReplayFromTheStart(t *testing.T) {
	for _, silent := range []bool{false, true} {
		j := recorded(t, 3, silent)
		want := snapshot(t, j.fold)
		for cut := 0; cut <= len(j.records); cut += 1 + len(j.records)/25 {
			a := floor.NewFold(floor.Options{})
			replay(a, j.records[:cut])
			middle := snapshot(t, a)
			b := floor.NewFold(floor.Options{})
			if err := b.Restore(middle); err != nil {
				t.Fatal(err)
			}
			if again := snapshot(t, b); !bytes.Equal(again, middle) {
				t.Fatalf("cut at %d: restored and saved again, the snapshot is another", cut)
			}
			for i := cut; i < len(j.records); i++ {
				context, _ := b.Apply(tenant, &j.records[i])
				if !bytes.Equal(context, j.records[i].Context) {
					t.Fatalf("cut at %d: record %d has the context\n%s\nand live had\n%s", cut, i, context, j.records[i].Context)
				}
			}
			if got := snapshot(t, b); !bytes.Equal(got, want) {
				t.Fatalf("cut at %d of %d: the end is another one", cut, len(j.records))
			}
		}
	}
}

func TestDueTimersSurviveASnapshot(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(event.QueueConfigured{Queue: "q", WrapupLimitMS: 10_000})
	s.say(event.InteractionCreated{Ref: call("c"), Direction: event.DirectionIn}, event.InteractionQueued{Ref: call("c"), Queue: "q"},
		event.InteractionAccepted{Ref: call("c"), Queue: "q", Agent: "a"})
	s.after(time.Minute).say(event.InteractionReleased{Ref: call("c"), Agent: "a"})
	other := floor.NewFold(floor.Options{})
	if err := other.Restore(snapshot(t, s.fold)); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*floor.Fold{s.fold, other} {
		at, ok := f.Due()
		if !ok || !at.Equal(s.at.Add(10*time.Second)) {
			t.Fatalf("due at %v, %v", at, ok)
		}
	}
	a, b := s.fold.Fire(s.at.Add(time.Hour)), other.Fire(s.at.Add(time.Hour))
	if len(a) != 1 || len(b) != 1 || !bytes.Equal(a[0].Event.Raw, b[0].Event.Raw) {
		t.Fatalf("fired %v and %v", a, b)
	}
	if _, ok := s.fold.Due(); !ok {
		t.Fatal("firing alone disarmed the timer")
	}
	s.fire(s.at.Add(time.Hour))
	if _, ok := s.fold.Due(); ok {
		t.Fatal("the timer is armed still")
	}
	if got := s.floor().Agent("a"); got.State == floor.WrapUp || got.TimeIn(floor.WrapUp, s.at.UnixMilli()) != 10_000 {
		t.Fatalf("the agent is %s, %d ms in wrap-up", got.State, got.TimeIn(floor.WrapUp, s.at.UnixMilli()))
	}
}

// A fold of a beginning, saved and restored, goes on with the rest as one that was
// never interrupted, whatever the facts: in state, contexts, derived facts and
// 15-minute rows.
func TestFoldingInTwoPiecesIsFoldingInOne(t *testing.T) {
	opts := floor.Options{Settings: func(string) floor.Settings {
		return floor.Settings{WrapupLimitMS: map[string]int64{"q1": 5000}, MaxInteractions: 4, MaxEnded: 3, Intervals: true, IntervalGrace: time.Second}
	}}
	rapid.Check(t, func(rt *rapid.T) {
		s := newScript(t, opts)
		for range rapid.IntRange(1, 60).Draw(rt, "n") {
			s.at = s.at.Add(time.Duration(rapid.IntRange(-2, 400_000).Draw(rt, "ms")) * time.Millisecond)
			s.src = rapid.SampledFrom([]string{"pbx1", "pbx2"}).Draw(rt, "source")
			s.say(anyFact(rt))
		}
		cut := rapid.IntRange(0, len(s.records)).Draw(rt, "cut")
		one, two := floor.NewFold(opts), floor.NewFold(opts)
		replay(one, s.records[:cut])
		if err := two.Restore(snapshot(t, one)); err != nil {
			rt.Fatal(err)
		}
		for i := cut; i < len(s.records); i++ {
			a, b := one.Fold(tenant, &s.records[i]), two.Fold(tenant, &s.records[i])
			if !bytes.Equal(a.Context, b.Context) || !reflect.DeepEqual(a.Derived, b.Derived) || !reflect.DeepEqual(a.Rows, b.Rows) {
				rt.Fatalf("record %d of %d, cut at %d: %+v and %+v", i, len(s.records), cut, a, b)
			}
		}
		if !bytes.Equal(snapshot(t, one), snapshot(t, two)) {
			rt.Fatal("the ends are not the same")
		}
	})
}

// Whatever sources send, in whatever order, repeated or with holes: the sums
// hold, the state is what a snapshot says it is, and nothing is left behind.
func TestInvariantsHoldForAnyFacts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newScript(t, floor.Options{Settings: func(string) floor.Settings {
			return floor.Settings{WrapupLimitMS: map[string]int64{"q1": 5000}, MaxInteractions: 4, MaxEnded: 3}
		}})
		n := rapid.IntRange(1, 60).Draw(rt, "n")
		for range n {
			s.at = s.at.Add(time.Duration(rapid.IntRange(-2, 4000).Draw(rt, "ms")) * time.Millisecond)
			s.src = rapid.SampledFrom([]string{"pbx1", "pbx2"}).Draw(rt, "source")
			s.say(anyFact(rt))
			if rapid.IntRange(0, 9).Draw(rt, "again") == 0 {
				s.say(anyFact(rt))
			}
			checkSums(rt, s.floor())
		}
		b := snapshot(t, s.fold)
		other := floor.NewFold(floor.Options{Settings: func(string) floor.Settings {
			return floor.Settings{WrapupLimitMS: map[string]int64{"q1": 5000}, MaxInteractions: 4, MaxEnded: 3}
		}})
		if err := other.Restore(b); err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(b, snapshot(t, other)) {
			rt.Fatal("a restored floor is saved as another one")
		}
		checkSums(rt, other.Tenant(tenant))
		for _, src := range []string{"pbx1", "pbx2"} {
			s.src = src
			s.after(time.Second).say(event.SourceReset{SourceRef: event.SourceRef{Source: src}, Reason: event.ResetCrash})
		}
		s.fire(s.at.Add(24 * time.Hour))
		f := s.floor()
		checkSums(rt, f)
		if f.Open() != 0 {
			rt.Fatalf("%d interactions outlive both sources", f.Open())
		}
		for _, a := range f.Agents() {
			if a.Talking() || a.State == floor.WrapUp {
				rt.Fatalf("agent %s is stuck in %s", a.ID, a.State)
			}
		}
	})
}

func anyFact(t *rapid.T) event.Fact {
	ref := call(rapid.SampledFrom([]string{"c1", "c2", "c3", "c4", "c5", "c6"}).Draw(t, "call"))
	agent := rapid.SampledFrom([]string{"a1", "a2", "a3"}).Draw(t, "agent")
	queue := rapid.SampledFrom([]string{"q1", "q2", ""}).Draw(t, "queue")
	named := queue
	if named == "" {
		named = "q1"
	}
	switch rapid.IntRange(0, 19).Draw(t, "kind") {
	case 0:
		return event.InteractionCreated{Ref: ref, Direction: rapid.SampledFrom([]event.Direction{"in", "out", "internal"}).Draw(t, "direction"), Agent: rapid.SampledFrom([]string{"", agent}).Draw(t, "dialler")}
	case 1, 2:
		return event.InteractionQueued{Ref: ref, Queue: named}
	case 3:
		return event.InteractionDequeued{Ref: ref, Queue: named, Reason: rapid.SampledFrom([]event.DequeueReason{"abandoned", "timeout", "full", "key", "lost"}).Draw(t, "reason")}
	case 4, 5:
		return event.InteractionOffered{Ref: ref, Agent: agent, Queue: queue}
	case 6:
		return event.InteractionOfferEnded{Ref: ref, Agent: agent, Queue: queue, Reason: event.OfferNoAnswer}
	case 7, 8, 9:
		return event.InteractionAccepted{Ref: ref, Agent: agent, Queue: queue}
	case 10:
		return event.InteractionHeld{Ref: ref, Agent: agent}
	case 11:
		return event.InteractionResumed{Ref: ref, Agent: agent}
	case 12:
		return event.InteractionReleased{Ref: ref, Agent: agent, Lost: rapid.Bool().Draw(t, "lost")}
	case 13:
		return event.InteractionWrapupStarted{Ref: ref, Agent: agent, Queue: queue, LimitMS: 3000}
	case 14:
		return event.InteractionWrapupEnded{Ref: ref, Agent: agent, Queue: queue, Reason: event.WrapupManual}
	case 15:
		return event.InteractionEnded{Ref: ref, Initiator: event.InitiatorCustomer, Reason: event.EndNormal, Lost: rapid.Bool().Draw(t, "lost")}
	case 16:
		return event.AgentStatusChanged{AgentRef: agentRef(agent), Presence: rapid.SampledFrom([]event.Presence{"available", "break", "logged_out"}).Draw(t, "presence")}
	case 17:
		return event.AgentProvisioned{AgentRef: agentRef(agent), Change: rapid.SampledFrom([]event.ProvisionChange{"queue_added", "queue_removed", "deleted", "created"}).Draw(t, "change"), Queue: &event.AgentQueue{ID: named}}
	case 18:
		return event.InteractionParticipantsChanged{Ref: ref, Participants: []event.Participant{{Role: event.RoleAgent, Agent: agent}}}
	}
	return event.InteractionSupervisionChanged{Ref: ref, Supervisor: "s1", Agent: agent, Kind: event.SupervisionCoach,
		State: rapid.SampledFrom([]event.SupervisionState{"connected", "ended"}).Draw(t, "state")}
}

func checkSums(t *rapid.T, f *floor.Tenant) {
	agents := f.Agents()
	sum := 0
	for s := range floor.NumStates {
		sum += f.AgentsIn(s)
	}
	if sum != len(agents) {
		t.Fatalf("%d agents in all states together, %d agents", sum, len(agents))
	}
	for _, q := range f.Queues() {
		if got := q.Outcomes() + int64(q.Waiting); got != q.Get(floor.Offered) {
			t.Fatalf("queue %s: %d offered, %d outcomes and %d waiting", q.ID, q.Get(floor.Offered), q.Outcomes(), q.Waiting)
		}
		members, waiting := int32(0), int32(0)
		for _, n := range q.InState {
			members += n
		}
		last := int64(0)
		q.Each(func(_ int, v *floor.Visit) bool {
			if v.At < last {
				t.Fatalf("queue %s is not in the order of waiting", q.ID)
			}
			last = v.At
			waiting++
			return true
		})
		if members != q.Members || waiting != q.Waiting {
			t.Fatalf("queue %s: %d of %d members in states, %d of %d waiting", q.ID, members, q.Members, waiting, q.Waiting)
		}
		for m, r := range q.ByMedium {
			if r != nil && (r.Waiting < 0 || r.Active < 0 || r.Alerting < 0 || r.Wrapping < 0) {
				t.Fatalf("queue %s, medium %d has less than nothing: %+v", q.ID, m, r)
			}
		}
	}
	for _, a := range agents {
		contacts, offers, wraps, held := int32(0), int32(0), int32(0), int32(0)
		for _, p := range a.Work() {
			switch p.Stage {
			case floor.PartContact:
				contacts++
				if p.HeldSince > 0 {
					held++
				}
			case floor.PartOffered:
				offers++
			case floor.PartWrapUp:
				wraps++
			}
		}
		if contacts != a.Active || offers != a.Alerting || wraps != a.Wrapping || held != a.Held {
			t.Fatalf("agent %s: %d/%d contacts, %d/%d offers, %d/%d wrap-ups, %d/%d held", a.ID, a.Active, contacts, a.Alerting, offers, a.Wrapping, wraps, a.Held, held)
		}
		if want := contacts > 0; want != (a.State == floor.Contact) {
			t.Fatalf("agent %s with %d contacts is in %s", a.ID, contacts, a.State)
		}
	}
}

func FuzzRestore(f *testing.F) {
	s := newScript(f, floor.Options{Settings: intervals})
	s.say(event.QueueConfigured{Queue: "q", WrapupLimitMS: 3000, Zone: "Europe/Helsinki"},
		event.AgentStatusChanged{AgentRef: agentRef("a"), Presence: event.PresenceAvailable, Reason: &event.StatusReason{Name: "x"}})
	s.say(talking("c1", "q", "a")...)
	s.say(talking("c2", "q", "b")...)
	s.say(waiting("c3", "q")...)
	s.say(event.InteractionReleased{Ref: call("c1"), Agent: "a"}, event.InteractionHeld{Ref: call("c2"), Agent: "b"},
		event.InteractionSupervisionChanged{Ref: call("c2"), Supervisor: "s", Agent: "b", Kind: "coach", State: "connected"},
		event.InteractionEnded{Ref: call("c1"), Initiator: "agent", Reason: "normal"}, event.CallbackChanged{Callback: "cb", Change: "created"})
	j := s.journal
	f.Add(snapshot(f, floor.NewFold(floor.Options{})))
	half := floor.NewFold(floor.Options{Settings: intervals})
	replay(half, j.records)
	b := snapshot(f, half)
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		fold := floor.NewFold(floor.Options{Settings: intervals})
		if fold.Restore(b) != nil {
			if len(fold.Tenants()) > 0 {
				t.Fatal("a failed restore left something behind")
			}
			return
		}
		// What was accepted must carry on without a panic.
		for i := range j.records {
			fold.Apply(tenant, &j.records[i])
		}
		fold.Tick(time.Now())
		fold.Fire(time.Now())
		snapshot(t, fold)
	})
}

// Any bytes may stand in a log; the fold takes them as they come.
func FuzzFold(f *testing.F) {
	j := recorded(f, 5, true)
	seen := map[string]bool{}
	for i := range j.records {
		if k := j.records[i].Type(); !seen[k] {
			seen[k] = true
			f.Add(j.records[i].Raw)
		}
	}
	f.Add([]byte(`{"type":"agent.status_changed","data":{"agent":"a","queues":}}`))
	f.Add([]byte(`{"type":"interaction.participants_changed","data":{"participants":[{"role":"agent","agent":"\u0041"},7,]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		fold := floor.NewFold(floor.Options{})
		at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		for i := range 2 {
			context, _ := fold.Apply(tenant, &commit.Record{Seq: uint64(i + 1), Received: at, Raw: raw})
			if context != nil && json.Valid(raw) && !json.Valid(context) {
				t.Fatalf("context %s", context)
			}
		}
		b := snapshot(t, fold)
		if err := floor.NewFold(floor.Options{}).Restore(b); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRestoreRefusesWhatIsDamaged(t *testing.T) {
	j := recorded(t, 6, false)
	b := snapshot(t, j.fold)
	f := floor.NewFold(floor.Options{})
	for _, cut := range []int{0, 1, 7, 8, len(b) / 2, len(b) - 1} {
		if err := f.Restore(b[:cut]); err == nil {
			t.Errorf("a snapshot cut at %d was accepted", cut)
		}
	}
	if err := f.Restore(append(bytes.Clone(b), 0)); err == nil {
		t.Error("a snapshot with more behind its end was accepted")
	}
	newer := bytes.Clone(b)
	newer[7] = 99
	if err := f.Restore(newer); err == nil {
		t.Error("a snapshot of a later format was accepted")
	}
	if err := f.Restore(b); err != nil {
		t.Error(err)
	}
	if err := f.Restore(nil); err != nil || len(f.Tenants()) != 0 {
		t.Errorf("emptied with %v, %d tenants left", err, len(f.Tenants()))
	}
}

func TestEveryContextIsJSON(t *testing.T) {
	j := recorded(t, 8, true)
	seq := uint64(0)
	for _, r := range j.records {
		if r.Context == nil {
			continue
		}
		var c floor.Context
		d := json.NewDecoder(bytes.NewReader(r.Context))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			t.Fatalf("%v: %s", err, r.Context)
		}
		if c.StreamEvents > 0 {
			if c.StreamSequence != seq+1 {
				t.Fatalf("stream sequence %d behind %d: %s", c.StreamSequence, seq, r.Context)
			}
			seq += uint64(c.StreamEvents)
		}
	}
	if seq == 0 {
		t.Fatal("no record makes an event of the stream feed")
	}
}
