package floor_test

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"testing"
	"time"

	"trunkline/floor"
	"trunkline/sim"
)

// facts is how many facts of the simulator the floor is held against its books
// with. TRUNKLINE_FLOOR_FACTS asks for another number, for instance 1000000.
func facts(t testing.TB) int {
	if v := os.Getenv("TRUNKLINE_FLOOR_FACTS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 100_000
}

// long makes a centre's day long enough for as many facts as TRUNKLINE_FLOOR_FACTS
// asks for; without it the day stays as it is.
func long(t testing.TB, c *sim.Config) {
	if os.Getenv("TRUNKLINE_FLOOR_FACTS") != "" {
		c.Agents, c.Length = max(c.Agents, facts(t)/2500), 11*time.Hour
	}
}

func TestEqualsTheBooksOfTheSimulator(t *testing.T) {
	n := facts(t)
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := simulation(t, centre(seed, max(60, n/1000)))
			f := floor.NewFold(floor.Options{})
			for i := range n {
				item, ok := s.Next()
				if !ok {
					break
				}
				out := f.FoldFact(tenant, uint64(i+1), item.Meta.Time, &item.Meta, item.Fact)
				for _, d := range out.Derived {
					if !bytes.Contains(d.Event.Raw, []byte(`"type":"queue.availability_changed"`)) {
						t.Fatalf("fact %d, %s of %s, made the floor say %s", i, item.Fact.EventType(), item.Fact.EventSubject(), d.Event.Raw)
					}
				}
			}
			// The books are compared where nothing of their instant is left to tell.
			books := s.Books()
			for i := n; ; i++ {
				item, ok := s.Next()
				if !ok || item.Meta.Time.After(books.At) {
					break
				}
				f.FoldFact(tenant, uint64(i+1), item.Meta.Time, &item.Meta, item.Fact)
				books = s.Books()
			}
			compareBooks(t, f.Tenant(tenant), books)
		})
	}
}

func TestEqualsTheBooksFromTheBytesOfTheLog(t *testing.T) {
	t.Run("plain", func(t *testing.T) { fromBytes(t, floor.Options{}, 90*time.Minute) })
	t.Run("statuses", func(t *testing.T) { fromBytes(t, keeping(), 30*time.Minute) })
}

func fromBytes(t *testing.T, o floor.Options, length time.Duration) {
	cfg := centre(7, 60)
	cfg.Length, cfg.Drain = length, true
	s := simulation(t, cfg)
	j := newJournal(t, o)
	typed := floor.NewFold(o)
	done := 0
	for m, fact := range s.All {
		j.append(m.Time, m, fact)
		for ; done < len(j.records); done++ {
			if r := &j.records[done]; r.Derived {
				typed.Apply(tenant, r)
			} else {
				typed.FoldFact(tenant, r.Seq, r.Received, &m, fact)
			}
		}
	}
	compareBooks(t, j.floor(), s.Books())
	if !bytes.Equal(snapshot(t, typed), snapshot(t, j.fold)) {
		t.Error("the facts folded from bytes and those folded as they are give two floors")
	}
}

func compareBooks(t *testing.T, f *floor.Tenant, b *sim.Books) {
	t.Helper()
	same := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, the books say %v", what, got, want)
		}
	}
	same("created", f.Totals.Created, b.Created)
	same("ended", f.Totals.Ended, b.Ended)
	for o, name := range map[floor.Outcome]sim.Outcome{
		floor.OutcomeAnswered: sim.Answered, floor.OutcomeLeftEarly: sim.LeftEarly, floor.OutcomeSelfServe: sim.SelfServe,
		floor.OutcomeAbandoned: sim.Abandoned, floor.OutcomeTimeout: sim.TimedOut, floor.OutcomeKey: sim.ByKey,
		floor.OutcomeRefused: sim.Refused, floor.OutcomeUnreached: sim.Unreached,
	} {
		same("outcome "+string(name), f.Totals.Outcomes[o], b.Outcomes[name])
	}
	same("callbacks made", f.Totals.CallbacksMade, b.Callbacks.Created)
	same("callbacks closed", f.Totals.CallbacksClosed, b.Callbacks.Closed)
	same("callbacks open", f.OpenCallbacks(), b.Callbacks.Open)
	for id, want := range b.Queues {
		q := f.Queue(id)
		if q == nil {
			t.Fatalf("queue %s is not known", id)
		}
		got := sim.QueueBook{
			Offered: int(q.Get(floor.Offered)), Answered: int(q.Get(floor.Answered)), AbandonedShort: int(q.Get(floor.AbandonedShort)),
			AbandonedLong: int(q.Get(floor.AbandonedLong)), Timeout: int(q.Get(floor.TimedOut)), Overflow: int(q.Get(floor.Overflowed)),
			Key: int(q.Get(floor.LeftByKey)), Full: int(q.Get(floor.Refused)), Transferred: int(q.Get(floor.MovedOn)), Waiting: int(q.Waiting),
			AnsweredInTarget: int(q.Get(floor.AnsweredInTarget)), AbandonedInTarget: int(q.Get(floor.AbandonedInTarget)),
			WaitAnswered: waitsOf(&q.WaitsTaken), WaitLeft: waitsOf(&q.WaitsOthers),
			Handled: int(q.Get(floor.Handled)), Talk: q.Get(floor.Talk), Hold: q.Get(floor.Hold), Wrap: q.Get(floor.Wrap),
		}
		same("queue "+id, got, *want)
		same("queue "+id+": outcomes and waiting", q.Outcomes()+int64(q.Waiting), q.Get(floor.Offered))
		same("queue "+id+": answered wait", q.Get(floor.WaitAnswered), want.WaitAnswered.Sum)
	}
	at := b.At.UnixMilli()
	for id, want := range b.Agents {
		a := f.Agent(id)
		if a == nil {
			t.Fatalf("agent %s is not known", id)
		}
		got := sim.AgentBook{
			Logins: int(a.Get(floor.Logins)), Offers: int(a.Get(floor.Alerts)), Accepted: int(a.Get(floor.Accepted)),
			NoAnswer: int(a.Get(floor.NotAnswered)), Rejected: int(a.Get(floor.Rejected)), Cancelled: int(a.Get(floor.Cancelled)),
			Handled: int(a.Get(floor.Handled)), Talk: a.Get(floor.Talk), Hold: a.Get(floor.Hold), Wrap: a.Get(floor.Wrap),
			Away: map[string]int{},
		}
		for name, n := range a.Aways {
			got.Away[name] = int(n)
		}
		for s, of := range map[floor.State]sim.State{
			floor.Offline: sim.Offline, floor.Away: sim.Away, floor.Idle: sim.Idle, floor.Alerting: sim.Offered,
			floor.Contact: sim.Contact, floor.WrapUp: sim.WrapUp,
		} {
			got.Time[of] = a.TimeIn(s, at)
		}
		same("agent "+id, got, *want)
	}
}

func waitsOf(w *floor.Waits) sim.Waits {
	out := sim.Waits{Count: int(w.Count), Sum: w.Sum, Max: w.Max}
	for i, n := range w.Buckets {
		out.Buckets[i] = int(n)
	}
	return out
}
