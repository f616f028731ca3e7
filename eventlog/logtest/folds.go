package logtest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
)

var foldCases = []testCase{
	{"the fold's context is stored", contextStored},
	{"derived facts stand in their cause's commit", derivedFacts},
	{"timers fire before later records", timersFire},
	{"timers fire when nothing happens", timersIdle},
	{"silence is logged as ticks", ticks},
	{"the fold comes back as it was", foldRestored},
	{"the fold comes back from what retention left", foldTrimmed},
	{"a new meaning of the fold is logged", foldVersion},
}

// withFold gives cfg a counting fold; counter gives the one in use.
func withFold(cfg *eventlog.Config, version int) (counter func() *Counter) {
	var last atomic.Pointer[Counter]
	cfg.Fold = func(int) writer.Fold {
		c := NewCounter(version)
		last.Store(c)
		return c
	}
	return last.Load
}

func contextStored(t *testing.T, cfg eventlog.Config) {
	withFold(&cfg, 1)
	l := Open(t, cfg)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 20 {
				if _, err := l.Append(t.Context(), []string{Tenant, "bolt"}[i%2], Events(fmt.Sprint("src", i), n*2, n*2+2)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := l.Append(t.Context(), Tenant, Events("src0", 0, 40)); err != nil { // duplicates are not folded again
		t.Fatal(err)
	}
	Append(t, l, Tenant, Events("end", 0, 1))
	for tenant, n := range map[string]int{Tenant: 161, "bolt": 160} {
		recs := All(t, l, tenant, eventlog.Cursor{})
		if len(recs) != n {
			t.Fatalf("%d records of %s", len(recs), tenant)
		}
		if err := Undisturbed(tenant, recs); err != nil {
			t.Fatal(err)
		}
		if js := string(recs[n-1].AppendJSON(nil, tenant)); !strings.Contains(js, fmt.Sprintf(`"context":{"n":%d,`, n)) {
			t.Fatal(js)
		}
	}
	Close(t, l)
}

func derivedFacts(t *testing.T, cfg eventlog.Config) {
	withFold(&cfg, 1)
	l := Open(t, cfg)
	batch := []event.Event{Event("pbx", 0), EventWith("pbx", 1, `,"pair":true`), Event("pbx", 2), EventWith("pbx", 3, `,"pair":true`)}
	res, err := l.Append(t.Context(), Tenant, batch)
	if err != nil || res.Accepted != 4 || res.Cursor.Seq != 6 {
		t.Fatalf("%+v, %v", res, err)
	}
	calls := 0
	if err := l.Read(t.Context(), Tenant, eventlog.Cursor{}, func(b *eventlog.Batch) (bool, error) {
		calls++
		for i, want := range []string{"pbx-000000", "pbx-000001", "pair-pbx-000001", "pbx-000002", "pbx-000003", "pair-pbx-000003"} {
			r := &b.Records[i]
			if !strings.Contains(string(r.Raw), `"id":"`+want+`"`) || r.Derived != strings.HasPrefix(want, "pair") || r.Context == nil {
				t.Fatalf("record %d is %+v", i, r)
			}
		}
		return true, nil
	}); err != nil || calls != 1 {
		t.Fatalf("%d batches, %v", calls, err)
	}
	// A repeat derives nothing a second time.
	if res, err := l.Append(t.Context(), Tenant, batch); err != nil || res.Duplicates != 4 || res.Cursor.Seq != 6 {
		t.Fatalf("%+v, %v", res, err)
	}
	Close(t, l)
}

func timersFire(t *testing.T, cfg eventlog.Config) {
	withFold(&cfg, 1)
	l := Open(t, cfg)
	Append(t, l, Tenant, []event.Event{EventWith("pbx", 0, `,"timer_ms":40`), EventWith("pbx", 1, `,"timer_ms":20`), Event("pbx", 2)})
	due := All(t, l, Tenant, eventlog.Cursor{})[0].Received
	end := time.Now().Add(100 * time.Millisecond)
	for i := 3; time.Now().Before(end); i++ {
		if _, err := l.Append(t.Context(), Tenant, Events("pbx", i, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	recs := All(t, l, Tenant, eventlog.Cursor{})
	if err := Undisturbed(Tenant, recs); err != nil {
		t.Fatal(err)
	}
	next := []struct {
		id string
		at time.Time
	}{{"timer-pbx-000001", due.Add(20 * time.Millisecond)}, {"timer-pbx-000000", due.Add(40 * time.Millisecond)}}
	for i := range recs {
		r := &recs[i]
		switch {
		case r.Derived:
			if len(next) == 0 || !strings.Contains(string(r.Raw), next[0].id) || r.Received.Before(next[0].at) {
				t.Fatalf("%s came at %v, timers left: %v", r.Raw, r.Received, next)
			}
			next = next[1:]
		case len(next) > 0 && !r.Received.Before(next[0].at):
			t.Fatalf("%s was received at %v, before %s, due at %v, had fired", r.Raw, r.Received, next[0].id, next[0].at)
		}
	}
	if len(next) > 0 {
		t.Fatalf("never fired: %v", next)
	}
	Close(t, l)
}

func timersIdle(t *testing.T, cfg eventlog.Config) {
	withFold(&cfg, 1)
	l := Open(t, cfg)
	got := make(chan eventlog.Record, 8)
	_, stop := l.Follow(Tenant, func(b *eventlog.Batch) {
		for i := range b.Records {
			got <- b.Records[i]
		}
	})
	defer stop()
	Append(t, l, Tenant, []event.Event{EventWith("pbx", 0, `,"timer_ms":60`)})
	first, second := <-got, <-got
	if wait := second.Received.Sub(first.Received); !second.Derived || wait < 60*time.Millisecond || wait > 3*time.Second {
		t.Fatalf("the timer fired after %v: %s", wait, second.Raw)
	}
	// One that falls due while the log is closed fires when it opens.
	Append(t, l, Tenant, []event.Event{EventWith("pbx", 1, `,"timer_ms":30`)})
	Close(t, l)
	l = Open(t, cfg)
	Eventually(t, "the timer fires", func() bool { return l.Head(Tenant).Seq == 4 })
	if err := Undisturbed(Tenant, All(t, l, Tenant, eventlog.Cursor{})); err != nil {
		t.Fatal(err)
	}
	Close(t, l)
}

func ticks(t *testing.T, cfg eventlog.Config) {
	cfg.Tick = 30 * time.Millisecond
	counter := withFold(&cfg, 1)
	l := Open(t, cfg)
	Append(t, l, Tenant, Events("pbx", 0, 1))
	before := Clean(t, l)
	n := counter().Ticks()
	Eventually(t, "three ticks", func() bool { return counter().Ticks() >= n+3 })
	if after := Clean(t, l); after.Commits < before.Commits+3 || after.Events != 1 {
		t.Fatalf("%+v became %+v", before, after)
	}
	if l.Head(Tenant).Seq != 1 {
		t.Fatal("a tick has a number")
	}
	Close(t, l)
}

func foldRestored(t *testing.T, cfg eventlog.Config) {
	for round := range 4 {
		cfg.SnapshotEach = []int{0, 7, 1000, 20}[round]
		withFold(&cfg, 1)
		l := Open(t, cfg)
		for i := range 15 {
			Append(t, l, Tenant, Events("pbx", round*100+i*3, round*100+i*3+3))
			Append(t, l, fmt.Sprint("t", i), Events("pbx", round, round+1))
		}
		recs := All(t, l, Tenant, eventlog.Cursor{})
		if err := Undisturbed(Tenant, recs); err != nil || len(recs) != (round+1)*45 {
			t.Fatalf("round %d: %d records, %v", round, len(recs), err)
		}
		if err := Undisturbed("t3", All(t, l, "t3", eventlog.Cursor{})); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		Close(t, l)
	}
}

func foldTrimmed(t *testing.T, cfg eventlog.Config) {
	cfg.RetainAge = time.Hour
	withFold(&cfg, 1)
	l := Open(t, cfg)
	var recs []eventlog.Record
	trimmed(t, l, 300, func() error {
		recs = All(t, l, Tenant, eventlog.Cursor{})
		return l.Trim(t.Context(), time.Now().Add(time.Hour+time.Second))
	})
	if l.Oldest(Tenant).Seq == 0 {
		t.Fatal("nothing was trimmed")
	}
	last := recs[len(recs)-1].Seq
	for range 3 {
		Close(t, l)
		l = Open(t, cfg)
		Append(t, l, Tenant, Events("more", int(last), int(last)+1))
		recs = append(recs, All(t, l, Tenant, eventlog.Cursor{Epoch: l.Head(Tenant).Epoch, Seq: last})...)
		last = recs[len(recs)-1].Seq
		if err := Undisturbed(Tenant, recs); err != nil {
			t.Fatal(err)
		}
	}
	Close(t, l)
}

func foldVersion(t *testing.T, cfg eventlog.Config) {
	want := []int{1, 1, 2, 2, 3}
	for i, v := range want {
		withFold(&cfg, v)
		l := Open(t, cfg)
		Append(t, l, Tenant, Events("pbx", i, i+1))
		recs := All(t, l, Tenant, eventlog.Cursor{})
		for j := range recs {
			if !strings.Contains(string(recs[j].Context), fmt.Sprintf(`"v":%d}`, want[j])) {
				t.Fatalf("record %d was folded under version %d, its context is %s", j, want[j], recs[j].Context)
			}
		}
		if err := Undisturbed(Tenant, recs); err != nil {
			t.Fatal(err)
		}
		Close(t, l)
	}
}

// WithFold gives a configuration a counting fold.
func WithFold(cfg eventlog.Config) eventlog.Config {
	withFold(&cfg, 1)
	return cfg
}
