package floor_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/floor"
	"trunkline/floor/interval"
)

func intervals(string) floor.Settings { return floor.Settings{Intervals: true} }

// watched is a timeline of one agent, or of one at a queue, recounted from facts.
type watched struct {
	changes []watchedChange
	serving bool
	in      bool
	free    bool
	work    int
}

type watchedChange struct {
	at  int64
	how interval.Spent
}

func (w *watched) note(at int64) {
	w.changes = append(w.changes, watchedChange{at, interval.Spent{LoggedIn: w.in && w.serving, Available: w.in && w.free && w.serving, Utilised: w.work > 0 && w.serving}})
}

// in gives the row of a slice, by going through the timeline.
func (w *watched) row(start, until int64) interval.AgentRow {
	var r interval.AgentRow
	for i, c := range w.changes {
		from, to := max(c.at, start), min(start+interval.Length, until)
		if i+1 < len(w.changes) {
			to = min(to, w.changes[i+1].at)
		}
		ms := max(to-from, 0)
		if c.how.LoggedIn {
			r.LoggedIn += ms
			if c.how.Available {
				r.Available += ms
			} else {
				r.Busy += ms
			}
		}
		if c.how.Utilised {
			r.Utilised += ms
			if c.how.LoggedIn && c.how.Available {
				r.UtilisedAvailable += ms
			} else if c.how.LoggedIn {
				r.UtilisedBusy += ms
			}
		}
	}
	return r
}

func TestIntervalsEqualARecount(t *testing.T) {
	cfg := centre(21, 30)
	cfg.Length, cfg.Busy = 70*time.Minute, true
	long(t, &cfg)
	s := simulation(t, cfg)
	f := floor.NewFold(floor.Options{NoContext: true, Settings: func(string) floor.Settings {
		return floor.Settings{Intervals: true, IntervalKeep: 24 * time.Hour}
	}})
	people := map[interval.AgentKey]*watched{}
	of := func(agent, queue string) *watched {
		k := interval.AgentKey{Agent: agent, Queue: queue}
		if people[k] == nil {
			people[k] = &watched{serving: queue == ""}
		}
		return people[k]
	}
	type counted struct{ answered, abandoned, others, wait int64 }
	queues := map[string]map[int64]*counted{}
	entry := func(queue string, at int64) *counted {
		if queues[queue] == nil {
			queues[queue] = map[int64]*counted{}
		}
		start := at - at%interval.Length
		if queues[queue][start] == nil {
			queues[queue][start] = &counted{}
		}
		return queues[queue][start]
	}
	entered := map[string]int64{}
	contacts := map[string]string{} // interaction and agent to queue, of those at work
	presence := map[string]event.Presence{}
	published := map[string]interval.Row{}
	at, n := int64(0), uint64(0)
	work := func(interaction, agent, queue string, on bool) {
		key := interaction + " " + agent
		was, there := contacts[key]
		if on == there {
			return
		}
		d := 1
		if on {
			contacts[key] = queue
		} else {
			d, queue = -1, was
			delete(contacts, key)
		}
		for _, q := range []string{"", queue} {
			if w := of(agent, q); q != "" || queue == "" || q == "" {
				w.work += d
				w.note(at)
			}
			if queue == "" {
				break
			}
		}
	}
	inWrap := map[string]bool{}
	for m, fact := range s.All {
		at = m.Time.UnixMilli()
		switch x := fact.(type) {
		case event.AgentProvisioned:
			if x.Queue != nil {
				w := of(x.Agent, x.Queue.ID)
				w.serving = x.Change != event.ProvisionQueueRemoved
				p := presence[x.Agent] // a queue that an agent gets in the middle of the day
				w.in, w.free = p != "" && p != event.PresenceLoggedOut, p == event.PresenceAvailable
				w.note(at)
			}
		case event.AgentStatusChanged:
			presence[x.Agent] = x.Presence
			for k, w := range people {
				if k.Agent == x.Agent {
					w.in, w.free = x.Presence != event.PresenceLoggedOut, x.Presence == event.PresenceAvailable
					w.note(at)
				}
			}
			w := of(x.Agent, "")
			w.in, w.free = x.Presence != event.PresenceLoggedOut, x.Presence == event.PresenceAvailable
			w.note(at)
		case event.InteractionQueued:
			entered[x.Interaction] = at
		case event.InteractionDequeued:
			if x.Reason == event.DequeueAbandoned {
				entry(x.Queue, at).abandoned++
			} else {
				entry(x.Queue, at).others++
			}
		case event.InteractionAccepted:
			if x.Queue != "" {
				e := entry(x.Queue, at)
				e.answered++
				e.wait += at - entered[x.Interaction]
			}
			work(x.Interaction, x.Agent, x.Queue, true)
		case event.InteractionParticipantsChanged:
			there := map[string]bool{}
			for _, p := range x.Participants {
				if p.Role == event.RoleAgent {
					there[p.Agent] = true
					if _, on := contacts[x.Interaction+" "+p.Agent]; !on && !inWrap[x.Interaction+" "+p.Agent+" over"] {
						work(x.Interaction, p.Agent, "", true)
					}
				}
			}
			for k := range people {
				key := x.Interaction + " " + k.Agent
				if _, on := contacts[key]; on && !there[k.Agent] && !inWrap[key] {
					work(x.Interaction, k.Agent, "", false)
					inWrap[key+" over"] = true
				}
			}
		case event.InteractionWrapupStarted:
			key := x.Interaction + " " + x.Agent
			inWrap[key] = true
			work(x.Interaction, x.Agent, x.Queue, true) // when the contact had ended before
		case event.InteractionWrapupEnded:
			inWrap[x.Interaction+" "+x.Agent] = false
			work(x.Interaction, x.Agent, "", false)
		case event.InteractionReleased:
			work(x.Interaction, x.Agent, "", false)
		case event.InteractionEnded:
			for k := range people {
				if key := x.Interaction + " " + k.Agent; !inWrap[key] {
					work(x.Interaction, k.Agent, "", false)
				}
			}
		}
		n++
		out := f.FoldFact(tenant, n, m.Time, &m, fact)
		for _, r := range out.Rows {
			published[fmt.Sprint(r.Start, r.Queue, "/", r.Agent)] = r
		}
	}
	tn := f.Tenant(tenant)
	checked := 0
	for _, sl := range tn.Intervals() {
		if !sl.Published {
			continue
		}
		for k, got := range sl.Agents {
			w := people[k]
			if w == nil {
				t.Fatalf("%v has a row", k)
			}
			want := w.row(sl.Start, at)
			want.Version = 1
			if g := *got; g.LoggedIn != want.LoggedIn || g.Available != want.Available || g.Busy != want.Busy || g.Utilised != want.Utilised ||
				g.UtilisedAvailable != want.UtilisedAvailable || g.UtilisedBusy != want.UtilisedBusy || g.Version != 1 {
				t.Errorf("%v of %v: %+v, want %+v", time.UnixMilli(sl.Start).UTC(), k, g, want)
			}
			checked++
		}
		for k, w := range people {
			if r := w.row(sl.Start, at); sl.Agents[k] == nil && r.LoggedIn+r.Utilised > 0 {
				t.Errorf("%v of %v is missing: %+v", time.UnixMilli(sl.Start).UTC(), k, r)
			}
		}
		for id, q := range queues {
			want := q[sl.Start]
			got := sl.Queues[id]
			if want == nil {
				continue
			}
			if got == nil || got.Assignments != want.answered || got.Abandons != want.abandoned || got.Others != want.others || got.Wait != want.wait || got.Version != 1 {
				t.Errorf("%v of queue %s: %+v, want %+v", time.UnixMilli(sl.Start).UTC(), id, got, want)
			}
			checked++
		}
	}
	if checked < 100 || len(published) < 100 {
		t.Errorf("only %d rows checked, %d published", checked, len(published))
	}
	books, handled, handle := s.Books().Sum(), int64(0), int64(0)
	for _, sl := range tn.Intervals() {
		for _, r := range sl.Queues {
			handled, handle = handled+r.Handled, handle+r.Handle
		}
	}
	if handled != int64(books.Handled) || handle != books.Talk+books.Hold+books.Wrap {
		t.Errorf("%d handled in %d ms, the books say %d in %d", handled, handle, books.Handled, books.Talk+books.Hold+books.Wrap)
	}
}

func TestLateFactsRestateAnInterval(t *testing.T) {
	s := newScript(t, floor.Options{Settings: intervals})
	start := s.at.UnixMilli()
	var rows []interval.Row
	pass := func(d time.Duration) {
		for range int(d / (10 * time.Second)) {
			s.after(10 * time.Second)
			s.fold.Tick(s.at)
			_, r := s.floor().Passed()
			for _, x := range r {
				c := x
				if x.OfA != nil {
					a := *x.OfA
					c.OfA = &a
				} else {
					q := *x.OfQ
					c.OfQ = &q
				}
				rows = append(rows, c)
			}
		}
	}
	s.say(event.AgentStatusChanged{AgentRef: agentRef("a"), Presence: event.PresenceAvailable})
	s.say(waiting("c", "q")...)
	pass(19*time.Minute + 50*time.Second)
	if len(rows) != 0 {
		t.Fatalf("published before the grace was over: %+v", rows)
	}
	pass(20 * time.Second)
	if len(rows) != 1 || rows[0].Start != start || rows[0].OfA.Available != interval.Length || rows[0].OfA.Version != 1 {
		t.Fatalf("published %+v", rows)
	}
	// At 9:05 the agent had gone on a break, and at 9:10 the caller had given up: both are told now.
	now := s.at
	rows = nil
	late := func(at time.Duration, f event.Fact) {
		s.n++
		s.append(now, event.Meta{ID: fmt.Sprint(s.n), Source: s.src, Tenant: tenant, Time: time.UnixMilli(start).Add(at)}, f)
	}
	late(5*time.Minute, event.AgentStatusChanged{AgentRef: agentRef("a"), Presence: event.PresenceBreak})
	late(10*time.Minute, event.InteractionDequeued{Ref: call("c"), Queue: "q", Reason: event.DequeueAbandoned})
	pass(70 * time.Second)
	if len(rows) != 2 || rows[0].OfQ.Abandons != 1 || rows[0].OfQ.Version != 1 {
		t.Fatalf("restated %+v", rows)
	}
	a := *rows[1].OfA
	if a.Version != 2 || a.Available != 5*60_000 || a.Busy != 10*60_000 || a.LoggedIn != interval.Length {
		t.Fatalf("restated %+v", a)
	}
	// The time since is the new one, too.
	pass(30 * time.Minute)
	if got := s.floor().Intervals()[1].Agents[interval.AgentKey{Agent: "a"}]; got.Busy != interval.Length || got.Available != 0 {
		t.Fatalf("the next is %+v", got)
	}
	// Beyond what is kept a fact is counted and left out.
	pass(3 * time.Hour)
	now = s.at
	late(10*time.Minute, event.InteractionDequeued{Ref: call("d"), Queue: "q", Reason: event.DequeueAbandoned})
	if n := s.floor().TooLate(); n != 1 {
		t.Errorf("%d too late", n)
	}
	if n := len(s.floor().Intervals()); n > 10 {
		t.Errorf("%d slices are kept", n)
	}
}

func TestIntervalsSurviveASnapshot(t *testing.T) {
	cfg := centre(22, 20)
	cfg.Length, cfg.Drain = 50*time.Minute, true
	s := simulation(t, cfg)
	j := newJournal(t, floor.Options{Settings: intervals})
	for m, f := range s.All {
		j.append(m.Time, m, f)
	}
	a, b := floor.NewFold(floor.Options{Settings: intervals}), floor.NewFold(floor.Options{Settings: intervals})
	half := len(j.records) / 2
	replay(a, j.records[:half])
	if err := b.Restore(snapshot(t, a)); err != nil {
		t.Fatal(err)
	}
	replay(b, j.records[half:])
	if string(snapshot(t, b)) != string(snapshot(t, j.fold)) {
		t.Error("the end is another one")
	}
	if !reflect.DeepEqual(b.Tenant(tenant).Intervals(), j.floor().Intervals()) {
		t.Error("the slices are others")
	}
}
