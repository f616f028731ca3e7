package writer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/event"
	"trunkline/eventlog/logtest"
	"trunkline/eventlog/writer"
)

// The wall clock may step back, also across owners: received never does.
func TestClockStepsBack(t *testing.T) {
	s := &stream{}
	snaps := &snapshots{m: map[string][]byte{}}
	var mu sync.Mutex
	now := time.UnixMilli(1795210742158)
	clock := func(c *writer.Config) {
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
		c.Tick = time.Hour
	}
	step := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	n := 0
	for _, d := range []time.Duration{0, time.Second, -time.Minute, time.Millisecond, -time.Hour, 30 * time.Second} {
		r := start(s, snaps, clock)
		for range 3 {
			step(d)
			if _, err := r.append(logtest.Events("pbx", n, n+2)); err != nil {
				t.Fatal(err)
			}
			n += 2
		}
		_ = r.end()
	}
	recs := s.records(t, "acme") // checks the order of received
	if len(recs) != n || recs[n-1].Received.Before(time.UnixMilli(1795210742158+3000)) {
		t.Fatalf("%d records, the last at %v", len(recs), recs[n-1].Received)
	}
}

// However a fold is stopped, saved and restored: it goes on as if undisturbed.
func TestFoldAsUndisturbed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &stream{}
		snaps := &snapshots{m: map[string][]byte{}}
		n := 0
		for range rapid.IntRange(1, 6).Draw(t, "starts") {
			each := rapid.SampledFrom([]int{1, 5, 17, 1000}).Draw(t, "snapshot each")
			r := start(s, snaps, func(c *writer.Config) { c.SnapshotEach = each })
			for range rapid.IntRange(0, 8).Draw(t, "appends") {
				var batch []event.Event
				for range rapid.IntRange(1, 30).Draw(t, "events") {
					batch = append(batch, logtest.EventWith("pbx", n, rapid.SampledFrom([]string{"", `,"pair":true`}).Draw(t, "pair")))
					n++
				}
				if _, err := r.append(batch); err != nil {
					t.Fatal(err)
				}
			}
			if rapid.Bool().Draw(t, "crash") { // what an orderly end would save is lost
				snaps.mu.Lock()
				before := snaps.m["fold/0"]
				snaps.mu.Unlock()
				_ = r.end()
				if before != nil {
					snaps.m["fold/0"] = before
				} else {
					delete(snaps.m, "fold/0")
				}
			} else {
				_ = r.end()
			}
			if b := snaps.m["fold/0"]; b != nil && rapid.IntRange(0, 4).Draw(t, "damage") == 0 {
				b = append([]byte(nil), b...)
				b[rapid.IntRange(0, len(b)-1).Draw(t, "byte")] ^= 1
				snaps.m["fold/0"] = b
			}
		}
		if err := logtest.Undisturbed("acme", s.records(t, "acme")); err != nil {
			t.Fatal(err)
		}
	})
}

// Retention may ask for a snapshot at any time, busy or idle.
func TestSaveFold(t *testing.T) {
	s := &stream{}
	snaps := &snapshots{m: map[string][]byte{}}
	r := start(s, snaps, func(c *writer.Config) { c.SnapshotEach = 1 << 30 })
	if _, err := r.append(logtest.Events("pbx", 0, 30)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	at, err := r.w.SaveFold(ctx, 2)
	if err != nil || at < 2 || snaps.m["fold/0"] == nil {
		t.Fatalf("snapshot at %d, %v", at, err)
	}
	if again, err := r.w.SaveFold(ctx, at); err != nil || again != at {
		t.Fatalf("snapshot at %d, %v", again, err)
	}
	var wg sync.WaitGroup
	for c := range 4 {
		wg.Go(func() {
			for i := range 50 {
				_, _ = r.append(logtest.Events(fmt.Sprint("src", c), i*5, i*5+5))
			}
		})
	}
	for range 5 {
		last, _ := s.Last(ctx)
		if at, err := r.w.SaveFold(ctx, last); err != nil || at < last {
			t.Fatalf("snapshot at %d, asked behind %d, %v", at, last, err)
		}
	}
	wg.Wait()
	_ = r.end()
	r = start(s, snaps, nil)
	if _, err := r.append(logtest.Events("end", 0, 1)); err != nil {
		t.Fatal(err)
	}
	_ = r.end()
	if err := logtest.Undisturbed("acme", s.records(t, "acme")); err != nil {
		t.Fatal(err)
	}
}

// Of an append that is given up in the middle, what is there is its beginning.
func TestGivenUpKeepsOrder(t *testing.T) {
	for range 50 {
		s := &stream{delay: 200 * time.Microsecond}
		r := start(s, &snapshots{m: map[string][]byte{}}, func(c *writer.Config) { c.MaxEvents, c.Fold = 2, nil })
		if _, err := r.append(logtest.Events("first", 0, 1)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(3000))*time.Microsecond)
		_, err := r.w.Append(ctx, "acme", logtest.Events("pbx", 0, 20))
		cancel()
		_ = r.end()
		recs := s.records(t, "acme")[1:]
		for i, want := range logtest.Raws(logtest.Events("pbx", 0, len(recs))) {
			if string(recs[i].Raw) != want {
				t.Fatalf("record %d is %s", i, recs[i].Raw)
			}
		}
		if err == nil && len(recs) != 20 || errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, writer.ErrUnknown) && len(recs) != 0 {
			t.Fatalf("%d of 20 events are there, the answer was %v", len(recs), err)
		}
	}
}
