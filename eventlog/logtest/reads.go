package logtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/eventlog"
)

var readCases = []testCase{
	{"cursors are exact, and gone ones are told", cursors},
	{"history is read across segments and memory", history},
	{"history is read backwards", backwards},
	{"a time is found", seekTime},
	{"a reader stops when it wants", readStops},
	{"following joins reading without gap or repeat", joins},
	{"a follower that stopped is not called again", followStops},
}

func cursors(t *testing.T, cfg eventlog.Config) {
	l, err := eventlog.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close(context.Background()) }()
	at, stop := l.Follow(Tenant, func(*eventlog.Batch) {})
	defer stop()
	if recs := All(t, l, Tenant, at); len(recs) != 0 {
		t.Fatalf("%d records behind the head of an empty log", len(recs))
	}
	Writable(t, l)
	var raws []string
	for i := range 10 {
		batch := Events("pbx", i*7, i*7+7)
		raws = append(raws, Raws(batch)...)
		Append(t, l, Tenant, batch)
	}
	// A cursor that was given before the first event is good for all of them.
	Same(t, All(t, l, Tenant, at), 1, raws)
	head := l.Head(Tenant)
	for seq := range uint64(71) {
		c, err := eventlog.ParseCursor(eventlog.Cursor{Epoch: head.Epoch, Seq: seq}.String())
		if err != nil {
			t.Fatal(err)
		}
		Same(t, All(t, l, Tenant, c), seq+1, raws[seq:])
	}
	read := func(c eventlog.Cursor) error {
		return l.Read(t.Context(), Tenant, c, func(*eventlog.Batch) (bool, error) {
			t.Error("a gone cursor was read from")
			return false, nil
		})
	}
	gone := Gone(t, read(eventlog.Cursor{Epoch: head.Epoch, Seq: 71}), eventlog.GoneAhead)
	if gone.Newest != head || gone.Oldest != l.Oldest(Tenant) || gone.Error() == "" {
		t.Fatalf("%+v", gone)
	}
	Gone(t, read(eventlog.Cursor{Epoch: eventlog.Epoch{1}, Seq: 5}), eventlog.GoneEpoch)
	if l.Head("bolt").Epoch == head.Epoch {
		t.Fatal("two tenants share an epoch")
	}
	Close(t, l)
}

// mixed writes a tenant's events in many small commits, among others' and
// between long stretches of silence, and gives what the tenant should read.
func mixed(t *testing.T, l *eventlog.Log, commits int) []string {
	t.Helper()
	rnd := rand.New(rand.NewPCG(3, 3))
	var raws []string
	quiet := 0
	for i := range commits {
		n := len(raws)
		switch {
		case i%400 > 250: // the tenant is silent for 150 commits
			quiet++
			Append(t, l, "bolt", Events("pbx", quiet, quiet+1))
		default:
			batch := Events("pbx", n, n+1+rnd.IntN(6))
			raws = append(raws, Raws(batch)...)
			Append(t, l, Tenant, batch)
		}
	}
	return raws
}

func history(t *testing.T, cfg eventlog.Config) {
	cfg.Cache, cfg.SegmentEach = 64<<10, 300
	l := Open(t, cfg)
	raws := mixed(t, l, 900)
	check := func() {
		t.Helper()
		Same(t, All(t, l, Tenant, eventlog.Cursor{}), 1, raws)
		epoch := l.Head(Tenant).Epoch
		for seq := 0; seq <= len(raws); seq += 97 {
			Same(t, All(t, l, Tenant, eventlog.Cursor{Epoch: epoch, Seq: uint64(seq)}), uint64(seq)+1, raws[seq:])
		}
	}
	check()
	Close(t, l)
	l = Open(t, cfg)
	check()
	Close(t, l)
}

func backwards(t *testing.T, cfg eventlog.Config) {
	cfg.Cache = 32 << 10
	l := Open(t, cfg)
	raws := mixed(t, l, 500)
	for _, before := range []int{0, 1, 2, len(raws) / 3, len(raws), len(raws) + 1, len(raws) + 100} {
		want := before - 1
		if before == 0 || want > len(raws) {
			want = len(raws)
		}
		next := want
		err := l.ReadBack(t.Context(), Tenant, uint64(before), func(b *eventlog.Batch) (bool, error) {
			if int(b.Last()) != next {
				t.Fatalf("before %d: batch ends at %d, want %d", before, b.Last(), next)
			}
			if err := Dense(b.Records); err != nil {
				t.Fatal(err)
			}
			for i := range b.Records {
				if r := &b.Records[i]; string(r.Raw) != raws[r.Seq-1] {
					t.Fatalf("before %d: %d is %s", before, r.Seq, r.Raw)
				}
			}
			next = int(b.First()) - 1
			return true, nil
		})
		if err != nil || next != 0 {
			t.Fatalf("before %d: stopped at %d, %v", before, next, err)
		}
	}
	calls := 0
	if err := l.ReadBack(t.Context(), Tenant, 0, func(*eventlog.Batch) (bool, error) { calls++; return calls < 3, nil }); err != nil || calls != 3 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	if err := l.ReadBack(t.Context(), "nobody", 0, func(*eventlog.Batch) (bool, error) { return true, errors.New("called") }); err != nil {
		t.Fatal(err)
	}
	Close(t, l)
}

func seekTime(t *testing.T, cfg eventlog.Config) {
	l := Open(t, cfg)
	if c := l.SeekTime("nobody", time.Now()); c.Seq != 0 {
		t.Fatalf("%+v", c)
	}
	for i := range 300 {
		Append(t, l, Tenant, Events("pbx", i*3, i*3+3))
	}
	recs := All(t, l, Tenant, eventlog.Cursor{})
	for _, at := range []time.Time{recs[0].Received.Add(-time.Hour), recs[0].Received, recs[100].Received, recs[450].Received.Add(time.Millisecond), recs[899].Received, recs[899].Received.Add(time.Hour)} {
		first := len(recs)
		for i := range recs {
			if !recs[i].Received.Before(at) {
				first = i
				break
			}
		}
		c := l.SeekTime(Tenant, at)
		if c.Epoch != l.Head(Tenant).Epoch || c.Seq > uint64(first) {
			t.Fatalf("cursor %d is behind event %d, the first received at %v", c.Seq, first+1, at)
		}
		if int(c.Seq) < first-64*2*3 {
			t.Fatalf("cursor %d is far before event %d", c.Seq, first+1)
		}
		All(t, l, Tenant, c)
	}
	Close(t, l)
}

func readStops(t *testing.T, cfg eventlog.Config) {
	l := Open(t, cfg)
	for i := range 20 {
		Append(t, l, Tenant, Events("pbx", i, i+1))
	}
	calls := 0
	if err := l.Read(t.Context(), Tenant, eventlog.Cursor{}, func(*eventlog.Batch) (bool, error) { calls++; return calls < 5, nil }); err != nil || calls != 5 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	own := errors.New("own")
	if err := l.Read(t.Context(), Tenant, eventlog.Cursor{}, func(*eventlog.Batch) (bool, error) { return true, own }); !errors.Is(err, own) {
		t.Fatal(err)
	}
	// What is appended while the reader reads is read as well.
	calls = 0
	if err := l.Read(t.Context(), Tenant, eventlog.Cursor{}, func(b *eventlog.Batch) (bool, error) {
		if calls++; calls < 10 {
			Append(t, l, Tenant, Events("more", calls, calls+1))
		}
		return true, nil
	}); err != nil || calls != 29 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	Close(t, l)
}

func joins(t *testing.T, cfg eventlog.Config) {
	cfg.Cache = 64 << 10 // joiners come from memory and from the store
	l := Open(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	var writers, readers sync.WaitGroup
	for c := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if _, err := l.Append(t.Context(), Tenant, Events(fmt.Sprint("src", c), i*3, i*3+3)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	type reader struct {
		mu   sync.Mutex
		recs []eventlog.Record
	}
	joined := make([]*reader, 12)
	for i := range joined {
		r := &reader{}
		joined[i] = r
		Eventually(t, "the log grows", func() bool { return l.Head(Tenant).Seq > uint64(i*60) })
		readers.Go(func() {
			var live []eventlog.Record
			at, stop := l.Follow(Tenant, func(b *eventlog.Batch) {
				r.mu.Lock()
				live = append(live, b.Records...)
				r.mu.Unlock()
			})
			defer stop()
			var past []eventlog.Record
			err := l.Read(t.Context(), Tenant, eventlog.Cursor{}, func(b *eventlog.Batch) (bool, error) {
				for i := range b.Records {
					if b.Records[i].Seq <= at.Seq {
						past = append(past, b.Records[i])
					}
				}
				return b.Last() < at.Seq, nil
			})
			if err != nil {
				t.Error(err)
			}
			<-ctx.Done()
			writers.Wait()
			end := l.Head(Tenant).Seq
			deadline := time.Now().Add(20 * time.Second)
			for {
				r.mu.Lock()
				r.recs = append(past[:len(past):len(past)], live...)
				done := len(r.recs) > 0 && r.recs[len(r.recs)-1].Seq == end
				r.mu.Unlock()
				if done || time.Now().After(deadline) {
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	cancel()
	readers.Wait()
	want := All(t, l, Tenant, eventlog.Cursor{})
	for i, r := range joined {
		if err := Dense(r.recs); err != nil {
			t.Fatalf("reader %d: %v", i, err)
		}
		if len(r.recs) != len(want) || r.recs[0].Seq != 1 {
			t.Fatalf("reader %d has %d records of %d", i, len(r.recs), len(want))
		}
	}
	Close(t, l)
}

func followStops(t *testing.T, cfg eventlog.Config) {
	l := Open(t, cfg)
	var stopped atomic.Bool
	var calls atomic.Int64
	_, stop := l.Follow(Tenant, func(*eventlog.Batch) {
		if stopped.Load() {
			t.Error("called after stop")
		}
		calls.Add(1)
	})
	other := make(chan uint64, 100)
	_, stopOther := l.Follow(Tenant, func(b *eventlog.Batch) { other <- b.Last() })
	defer stopOther()
	_, stopNobody := l.Follow("bolt", func(b *eventlog.Batch) { t.Errorf("a batch of %s came to a follower of bolt", b.Tenant) })
	defer stopNobody()
	for i := range 20 {
		if i == 10 {
			stop()
			stopped.Store(true)
			stop() // twice is harmless
		}
		Append(t, l, Tenant, Events("pbx", i, i+1))
	}
	for i := range uint64(20) {
		if got := <-other; got != i+1 {
			t.Fatalf("follower got %d, want %d", got, i+1)
		}
	}
	if n := calls.Load(); n > 10 {
		t.Fatalf("%d calls", n)
	}
	Close(t, l)
}
