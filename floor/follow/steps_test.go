package follow_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/floor"
	"trunkline/floor/follow"
	"trunkline/floor/interval"
	"trunkline/floor/measure"
	"trunkline/sim"
)

// values are all measures of all keys of a tenant, as a feed of measures knows them.
func values(t *floor.Tenant) map[floor.Change]string {
	out := map[floor.Change]string{}
	for _, q := range t.Queues() {
		read(out, t, floor.Change{Kind: floor.ChangeQueue, ID: q.ID})
		for m := floor.MediumPhone; m < floor.NumMedia; m++ {
			if q.ByMedium[m] != nil {
				read(out, t, floor.Change{Kind: floor.ChangeQueueChannel, ID: m.String(), Queue: q.ID})
			}
		}
	}
	for _, a := range t.Agents() {
		read(out, t, floor.Change{Kind: floor.ChangeAgent, ID: a.ID})
		for i := range a.ByQ {
			read(out, t, floor.Change{Kind: floor.ChangeAgentQueue, ID: a.ID, Queue: a.ByQ[i].Queue.ID})
		}
	}
	for m := floor.MediumPhone; m < floor.NumMedia; m++ {
		read(out, t, floor.Change{Kind: floor.ChangeChannel, ID: m.String()})
	}
	return out
}

// read reads the measures of the key that a change is about. Those that move with
// time alone are left out.
func read(into map[floor.Change]string, t *floor.Tenant, c floor.Change) {
	view, ok := measure.Key(t, c)
	if !ok {
		delete(into, c)
		return
	}
	text := ""
	for _, m := range measure.For(view.Of()) {
		if m.Name != "estimatedWaitHeadOfLine" && m.Name != "isOpen" {
			text += m.Name + "=" + m.Read(&view).String() + " "
		}
	}
	into[c] = text
}

// feed is what a feed of measures does: it takes steps, and reads what they name.
type feed struct {
	mu    sync.Mutex
	marks map[floor.Change]struct{}
	seq   uint64
	back  bool // a step came that went behind the one before
	all   bool
	rows  []interval.Row
}

func (f *feed) take(s follow.Step) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.All {
		f.all = true
		return
	}
	f.back = f.back || s.Sequence < f.seq
	f.seq = s.Sequence
	for _, c := range s.Changed {
		f.marks[c] = struct{}{}
	}
	f.rows = append(f.rows, s.Rows...)
}

// A snapshot of all measures, and behind it the values of the keys that steps name,
// are at any time all measures; and the rows of the steps are those published.
func TestStepsKeepASnapshotUpToDate(t *testing.T) {
	set := func(string) floor.Settings {
		return floor.Settings{Intervals: true, IntervalKeep: 24 * time.Hour, IntervalGrace: time.Second}
	}
	clock := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	log := overtaken{make(chan func(writer.Fold, func(*eventlog.Step), func()))}
	state := follow.New(log, floor.Options{Settings: set})
	defer state.Close()
	c := sim.DefaultConfig()
	c.Tenant, c.Seed, c.Agents, c.Start, c.Busy = "alpha", 5, 30, clock, true
	s, err := sim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{marks: map[floor.Change]struct{}{}}
	defer state.Steps("alpha", f.take)()
	known := map[floor.Change]string{}
	seq := uint64(0)
	for round := range 60 {
		b := &eventlog.Batch{Tenant: "alpha"}
		for range 50 {
			n, _ := s.Next()
			e, err := event.Encode(n.Meta, n.Fact)
			if err != nil {
				t.Fatal(err)
			}
			seq, clock = seq+1, n.Meta.Time
			b.Records = append(b.Records, eventlog.Record{Seq: seq, Received: clock, Raw: e.Raw})
		}
		done := make(chan struct{})
		log.steps <- func(_ writer.Fold, step func(*eventlog.Step), reached func()) {
			step(&eventlog.Step{Received: clock, Batches: []*eventlog.Batch{b}, Tick: round%2 == 0})
			reached()
			close(done)
		}
		<-done
		if err := state.View("alpha", func(v follow.View) {
			f.mu.Lock()
			defer f.mu.Unlock()
			for k := range f.marks {
				read(known, v.Tenant, k)
			}
			clear(f.marks)
			want := values(v.Tenant)
			if f.all { // as in the beginning
				f.all, known = false, values(v.Tenant)
			}
			for k := range want {
				if known[k] != want[k] {
					t.Errorf("%v is %s, want %s", k, known[k], want[k])
				}
			}
			if len(known) != len(want) || f.seq > v.At.Seq || f.back {
				t.Fatalf("%d keys, want %d; at %d of %d, back %v", len(known), len(want), f.seq, v.At.Seq, f.back)
			}
			if published := v.Tenant.Published(); len(published) != 0 {
				got := map[string]string{}
				for _, r := range f.rows {
					got[label(r)] = show(r)
				}
				for _, r := range published {
					if got[label(r)] != show(r) {
						t.Fatalf("%s was told as %s, is %s", label(r), got[label(r)], show(r))
					}
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			return
		}
	}
	if len(f.rows) == 0 {
		t.Errorf("no row was published by %s", clock)
	}
}

func label(r interval.Row) string { return fmt.Sprint(r.Start, " ", r.Queue, " ", r.Agent) }

func show(r interval.Row) string {
	if r.OfQ != nil {
		return fmt.Sprintf("%+v", *r.OfQ)
	}
	return fmt.Sprintf("%+v", *r.OfA)
}

// How a feed of measures lives on the floor.
func ExampleFloor_Steps() {
	log := overtaken{make(chan func(writer.Fold, func(*eventlog.Step), func()))}
	state := follow.New(log, floor.Options{})
	defer state.Close()
	changed := map[floor.Change]bool{}
	stop := state.Steps("alpha", func(s follow.Step) { // only takes a note
		for _, c := range s.Changed {
			changed[c] = true
		}
	})
	defer stop()
	done := make(chan struct{})
	log.steps <- func(_ writer.Fold, step func(*eventlog.Step), reached func()) {
		e, _ := event.Encode(event.Meta{ID: "1", Source: "pbx", Time: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)},
			event.InteractionQueued{Ref: event.Ref{Interaction: "call", Media: event.MediaPhone}, Queue: "support"})
		step(&eventlog.Step{Batches: []*eventlog.Batch{{Tenant: "alpha", Records: []eventlog.Record{{Seq: 1, Received: time.Now(), Raw: e.Raw}}}}})
		reached()
		close(done)
	}
	<-done
	_ = state.View("alpha", func(v follow.View) { // when there is time to send
		keys := slices.SortedFunc(maps.Keys(changed), func(a, b floor.Change) int { return cmp.Compare(a.Kind, b.Kind) })
		for _, c := range keys {
			if key, ok := measure.Key(v.Tenant, c); ok {
				fmt.Println(key.Of(), "at", v.At.Seq, "Offered", measure.Named("Offered").Read(&key))
			}
		}
	})
	// Output:
	// queue at 1 Offered 1
	// channel at 1 Offered 1
	// queue and channel at 1 Offered 1
}
