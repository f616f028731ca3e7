package follow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/floor"
	"trunkline/floor/follow"
)

func open(t *testing.T, dir string) (*eventlog.Log, *follow.Floor, func()) {
	t.Helper()
	log, err := eventlog.Open(t.Context(), eventlog.Config{Dir: dir, NoSync: true, Shards: 3, SnapshotEach: 40,
		Tick: 100 * time.Millisecond, Fold: func(int) writer.Fold { return floor.NewFold(floor.Options{}) }})
	if err != nil {
		t.Fatal(err)
	}
	f := follow.New(log, floor.Options{})
	end := sync.OnceFunc(func() {
		f.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		if err := log.Close(ctx); err != nil {
			t.Errorf("closing the log: %v", err)
		}
	})
	t.Cleanup(end)
	if err := log.WaitWritable(t.Context()); err != nil {
		t.Fatal(err)
	}
	return log, f, end
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(60 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}

func queued(t *testing.T, tenant string, n int) event.Event {
	t.Helper()
	at := time.Date(2026, 3, 2, 9, 0, n, 0, time.UTC)
	e, err := event.Encode(event.Meta{ID: fmt.Sprint(n), Source: "pbx", Tenant: tenant, Time: at},
		event.InteractionQueued{Ref: event.Ref{Interaction: fmt.Sprintf("call-%d", n), Media: event.MediaPhone}, Queue: "support"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Each tenant's floor follows its events on all shards, and is there again after a
// restart, from the snapshot and what came behind it.
func TestFollowsAllTenants(t *testing.T) {
	dir := t.TempDir()
	log, f, end := open(t, dir)
	tenants := []string{"alpha", "beta", "gamma", "delta", "epsilon"}
	waiting := func(f *follow.Floor, tenant string) (n int, at eventlog.Cursor) {
		if err := f.View(tenant, func(v follow.View) {
			if at = v.At; v.Tenant != nil {
				n = int(v.Tenant.Queue("support").Present().Waiting)
			}
		}); err != nil && !errors.Is(err, follow.ErrCatchingUp) {
			t.Fatal(err)
		}
		return n, at
	}
	for n := range 100 {
		for i, tenant := range tenants {
			if n < 20*(i+1) {
				if _, err := log.Append(t.Context(), tenant, []event.Event{queued(t, tenant, n)}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	check := func(log *eventlog.Log, f *follow.Floor) {
		t.Helper()
		for i, tenant := range tenants {
			eventually(t, tenant+" is there", func() bool { _, at := waiting(f, tenant); return at == log.Head(tenant) })
			if n, _ := waiting(f, tenant); n != 20*(i+1) {
				t.Errorf("%s: %d wait, want %d", tenant, n, 20*(i+1))
			}
		}
	}
	check(log, f)
	if n, at := waiting(f, "nobody"); n != 0 || at.Seq != 0 {
		t.Errorf("of nobody there are %d at %s", n, at)
	}
	end()
	log, f, _ = open(t, dir)
	check(log, f)
}

// What is watched is told change by change, and a view taken afterwards shows it.
func TestWatch(t *testing.T) {
	log, f, _ := open(t, t.TempDir())
	var mu sync.Mutex
	var seen []floor.Change
	whole := 0
	stop := f.Watch("alpha", func(changed []floor.Change, all bool) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, changed...)
		if all {
			whole++
		}
	})
	for _, tenant := range []string{"beta", "alpha"} {
		if _, err := log.Append(t.Context(), tenant, []event.Event{queued(t, tenant, 1)}); err != nil {
			t.Fatal(err)
		}
	}
	call := floor.Change{Kind: floor.ChangeInteraction, ID: "call-1"}
	eventually(t, "the call is told of", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(seen, call) && slices.Contains(seen, floor.Change{Kind: floor.ChangeQueue, ID: "support"})
	})
	err := f.View("alpha", func(v follow.View) {
		if v.Tenant == nil || v.Tenant.Interaction("call-1") == nil || v.At != log.Head("alpha") {
			t.Errorf("the view at %s does not have the call", v.At)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	stop()
	mu.Lock()
	before := len(seen)
	mu.Unlock()
	if _, err := log.Append(t.Context(), "alpha", []event.Event{queued(t, "alpha", 2)}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second call is there", func() bool {
		there := false
		_ = f.View("alpha", func(v follow.View) { there = v.Tenant.Interaction("call-2") != nil })
		return there
	})
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != before || whole > 1 {
		t.Errorf("told of %d changes after the end, and %d times of all", len(seen)-before, whole)
	}
}

// overtaken is a log that makes its follower begin anew.
type overtaken struct {
	steps chan func(writer.Fold, func(*eventlog.Step), func())
}

func (overtaken) Shards() int                 { return 1 }
func (overtaken) ShardOf(string) int          { return 0 }
func (overtaken) Head(string) eventlog.Cursor { return eventlog.Cursor{} }
func (l overtaken) FollowAll(ctx context.Context, _ int, fold writer.Fold, step func(*eventlog.Step), reached func()) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case do := <-l.steps:
			do(fold, step, reached)
		}
	}
}

// While the state is restored nobody sees it, and then everybody is told that all of
// it may be different.
func TestBeginsAnew(t *testing.T) {
	log := overtaken{make(chan func(writer.Fold, func(*eventlog.Step), func()))}
	f := follow.New(log, floor.Options{})
	defer f.Close()
	do := func(fn func(writer.Fold, func(*eventlog.Step), func())) {
		done := make(chan struct{})
		log.steps <- func(fold writer.Fold, step func(*eventlog.Step), reached func()) {
			fn(fold, step, reached)
			close(done)
		}
		<-done
	}
	whole := 0
	defer f.Watch("alpha", func(_ []floor.Change, all bool) {
		if all {
			whole++
		}
	})()
	view := func() error { return f.View("alpha", func(follow.View) {}) }
	if err := view(); !errors.Is(err, follow.ErrCatchingUp) {
		t.Errorf("before the log is read: %v", err)
	}
	for i := range 2 {
		do(func(fold writer.Fold, _ func(*eventlog.Step), _ func()) {
			if err := fold.Restore(nil); err != nil {
				t.Error(err)
			}
		})
		if err := view(); !errors.Is(err, follow.ErrCatchingUp) {
			t.Errorf("while it is restored: %v", err)
		}
		do(func(_ writer.Fold, step func(*eventlog.Step), reached func()) {
			b := &eventlog.Batch{Tenant: "alpha", Records: []eventlog.Record{{Seq: 1, Received: time.Now(), Raw: queued(t, "alpha", 1).Raw}}}
			step(&eventlog.Step{Received: time.Now(), Batches: []*eventlog.Batch{b}})
			step(&eventlog.Step{Received: time.Now(), Tick: true})
			reached()
			reached()
		})
		if err := view(); err != nil || whole != i+1 {
			t.Errorf("restored: %v, told %d times", err, whole)
		}
	}
}
