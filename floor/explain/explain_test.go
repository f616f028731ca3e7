package explain_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/floor"
	"trunkline/floor/explain"
	"trunkline/floor/measure"
	"trunkline/sim"
)

const tenant = "acme"

// shelf is a log in memory.
type shelf struct {
	records []eventlog.Record
	read    int
}

func (s *shelf) Head(string) eventlog.Cursor { return eventlog.Cursor{Seq: uint64(len(s.records))} }
func (s *shelf) Oldest(string) eventlog.Cursor {
	return eventlog.Cursor{Seq: s.records[0].Seq - 1}
}

func (s *shelf) Read(_ context.Context, tenant string, after eventlog.Cursor, fn func(*eventlog.Batch) (bool, error)) error {
	for _, r := range s.records {
		if r.Seq <= after.Seq {
			continue
		}
		s.read++
		more, err := fn(&eventlog.Batch{Tenant: tenant, Records: []eventlog.Record{r}})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// centre is a simulated centre's log, with what the floor derives, the floor at its
// end, and the books.
func centre(t *testing.T, facts int) (*shelf, *floor.Fold, *sim.Sim) {
	t.Helper()
	c := sim.DefaultConfig()
	c.Tenant, c.Seed, c.Agents, c.Busy = tenant, 9, 12, true
	c.Start = time.Date(2026, 3, 2, 23, 52, 0, 0, time.UTC)
	s, err := sim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	log, f := &shelf{}, floor.NewFold(floor.Options{})
	put := func(e event.Event, at time.Time) {
		queue := []eventlog.Record{{Raw: e.Raw, Received: at}}
		for len(queue) > 0 {
			r := queue[0]
			r.Seq = uint64(len(log.records) + 1)
			log.records = append(log.records, r)
			queue = queue[1:]
			for _, d := range f.Fold(tenant, &r).Derived {
				queue = append(queue, eventlog.Record{Raw: d.Event.Raw, Received: at, Derived: true})
			}
		}
	}
	for len(log.records) < facts {
		n, ok := s.Next()
		if !ok {
			t.Fatal("the simulation is over")
		}
		e, err := event.Encode(n.Meta, n.Fact)
		if err != nil {
			t.Fatal(err)
		}
		put(e, n.Meta.Time)
	}
	return log, f, s
}

func fresh() *floor.Fold { return floor.NewFold(floor.Options{NoContext: true}) }

// keys are one key of each kind of which much is counted.
func keys(t *floor.Tenant) []floor.Change {
	best := func(n *int64, of int64) bool {
		if of > *n {
			*n = of
			return true
		}
		return false
	}
	out := make([]floor.Change, 5)
	var queues, channels, agents, both int64
	for _, q := range t.Queues() {
		if best(&queues, 1+q.Get(floor.Offered)) {
			out[0] = floor.Change{Kind: floor.ChangeQueue, ID: q.ID}
		}
		for m, r := range q.ByMedium {
			if r != nil && best(&channels, 1+r.Get(floor.Offered)) {
				out[1] = floor.Change{Kind: floor.ChangeQueueChannel, ID: floor.Medium(m).String(), Queue: q.ID}
			}
		}
	}
	for _, a := range t.Agents() {
		if best(&agents, 1+a.Get(floor.Handled)) {
			out[2] = floor.Change{Kind: floor.ChangeAgent, ID: a.ID}
		}
		for _, r := range a.ByQ {
			if best(&both, 1+r.Get(floor.Handled)) {
				out[3] = floor.Change{Kind: floor.ChangeAgentQueue, ID: a.ID, Queue: r.Queue.ID}
			}
		}
	}
	out[4] = floor.Change{Kind: floor.ChangeChannel, ID: "phone"}
	return out
}

// all asks for all pages of an answer.
func all(t *testing.T, x *explain.Explainer, q explain.Query) (*explain.Answer, []explain.Event) {
	t.Helper()
	var list []explain.Event
	for {
		a, err := x.Explain(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, a.Events...)
		if !a.More {
			return a, list
		}
		q.After = a.Next
	}
}

// For every measure of the catalogue and each kind of key, what the events added
// is what the floor has: since midnight, and since any moment.
func TestTheEventsAddUpToTheNumber(t *testing.T) {
	log, f, s := centre(t, 1200)
	now := f.Tenant(tenant)
	if now.DayBegan() <= log.records[0].Received.UnixMilli() {
		t.Fatal("no midnight has passed")
	}
	half := log.records[len(log.records)*4/5].Received
	then := fresh() // the floor in front of that moment
	for i := range log.records {
		if !log.records[i].Received.Before(half) {
			break
		}
		then.Fold(tenant, &log.records[i])
	}
	x := explain.New(log, fresh)
	counted, contributed := 0, 0
	for _, key := range keys(now) {
		view, ok := measure.Key(now, key)
		if !ok {
			t.Fatalf("%v is not there", key)
		}
		old, there := measure.Key(then.Tenant(tenant), key)
		for _, m := range measure.For(view.Of()) {
			want := m.Parts(&view)
			q := explain.Query{Tenant: tenant, Measure: m, Key: key, From: time.UnixMilli(now.DayBegan()), Limit: 100_000, Budget: time.Minute}
			if m.Name == "Offered" || m.Name == "agentsReady" {
				q.Limit = 20 // in pages
			}
			a, list := all(t, x, q)
			if !a.Known || !a.Complete || a.At != log.Head(tenant) || a.Counted != (want != nil) {
				t.Fatalf("%s of %v: %+v", m.Name, key, a)
			}
			if a.Value != m.With(&view, want) && want != nil || want == nil && a.Value != m.Read(&view) {
				t.Errorf("%s of %v is explained as %v, is %v", m.Name, key, a.Value, m.Read(&view))
			}
			sum := map[string]int64{}
			for i, e := range list {
				for _, p := range e.Parts {
					sum[p.Name] += p.Value
				}
				if want == nil && i > 0 && e.Before != list[i-1].After {
					t.Errorf("%s of %v jumps from %v to %v", m.Name, key, list[i-1].After, e.Before)
				}
			}
			if want == nil && len(list) > 0 && list[len(list)-1].After != a.Value {
				t.Errorf("%s of %v ends with %v, is %v", m.Name, key, list[len(list)-1].After, a.Value)
			}
			for _, p := range want {
				counted++
				if p.Value != 0 {
					contributed++
				}
				if sum[p.Name] != p.Value {
					t.Errorf("%s of %v: the events add %d to %s, there are %d", m.Name, key, sum[p.Name], p.Name, p.Value)
				}
			}
			if q.From = half; want == nil || len(m.Name)%3 > 0 { // a third of them is enough
				continue
			}
			a, _ = all(t, x, q)
			var before []measure.Part
			if there {
				before = m.Parts(&old)
			}
			for i, p := range want {
				base := int64(0)
				if before != nil {
					base = before[i].Value
				}
				if a.Parts[i].Value != p.Value-base {
					t.Errorf("%s of %v since %s: %d of %s, want %d", m.Name, key, half, a.Parts[i].Value, p.Name, p.Value-base)
				}
			}
		}
	}
	if contributed < 60 || counted < 200 {
		t.Errorf("only %d of %d parts are not zero", contributed, counted)
	}
	books := s.Books() // since the beginning, across midnight
	for id, b := range books.Queues {
		for name, want := range map[string]int{"Offered": b.Offered, "Answered": b.Answered, "timedOut": b.Timeout, "Completed": b.Handled,
			"abandonedFromQueue": b.AbandonedShort + b.AbandonedLong} {
			a, err := x.Explain(t.Context(), explain.Query{Tenant: tenant, Measure: measure.Named(name), Key: floor.Change{Kind: floor.ChangeQueue, ID: id},
				Limit: 1, Budget: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if got := a.Value.Whole; got != int64(want) || a.More != (len(a.Events) == 1 && want > 1) && name != "abandonedFromQueue" {
				t.Errorf("%s of %s is %d, the books say %d", name, id, got, want)
			}
		}
	}
}

// A question whose time runs out in front of the stretch goes on when it is asked
// again, and the next question begins at the stretch.
func TestAnswersInPieces(t *testing.T) {
	log, f, _ := centre(t, 12_000)
	last := log.records[len(log.records)-1].Received
	x := explain.New(log, fresh)
	q := explain.Query{Tenant: tenant, Measure: measure.Named("Offered"), Key: keys(f.Tenant(tenant))[0], From: last, Limit: 10}
	_, err := x.Explain(t.Context(), q)
	if !errors.Is(err, explain.ErrReading) {
		t.Fatalf("without time: %v", err)
	}
	q.Budget = time.Minute
	for i, bound := range []int{13_000, 3000} {
		log.read = 0
		if a, err := x.Explain(t.Context(), q); err != nil || a.At.Seq != log.Head(tenant).Seq || log.read > bound {
			t.Errorf("round %d: %+v, %v, read %d", i, a, err, log.read)
		}
	}
	q.From, q.Budget = time.Time{}, 0
	if a, err := x.Explain(t.Context(), q); err != nil || a.Complete || a.At.Seq != 255 {
		t.Errorf("out of time within the stretch: %+v, %v", a, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other := explain.New(log, fresh)
	if _, err := other.Explain(ctx, q); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	log.records = log.records[5000:]
	q.Budget = time.Minute
	if a, err := other.Explain(t.Context(), q); err != nil || !a.Trimmed {
		t.Errorf("of a trimmed log: %+v, %v", a, err)
	}
	q.Key.ID = "nobody"
	if a, err := other.Explain(t.Context(), q); err != nil || a.Known || a.Value.There {
		t.Errorf("of a key that is not there: %+v, %v", a, err)
	}
}
