package writer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/event"
	"trunkline/eventlog/index"
	"trunkline/eventlog/logtest"
	"trunkline/eventlog/writer"
)

type rig struct {
	s     *stream
	snaps *snapshots
	w     *writer.Writer
	fold  *logtest.Counter
	stop  context.CancelFunc
	done  chan error
}

// start runs a writer on a stream, with an index of its own.
func start(s *stream, snaps *snapshots, change func(*writer.Config)) *rig {
	r := &rig{s: s, snaps: snaps, fold: logtest.NewCounter(1), done: make(chan error, 1)}
	cfg := writer.Config{
		Stream: s, Index: index.New(0, index.Limits{}), Fold: r.fold, Snapshots: snaps, MaxMessage: 1 << 20,
		MaxEvents: 20, SnapshotEach: 50, UnknownWait: 5 * time.Second,
		Recover: func(ctx context.Context, _ error) error { return ctx.Err() },
	}
	if change != nil {
		change(&cfg)
	}
	r.w = writer.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() { r.done <- r.w.Run(ctx) }()
	return r
}

func (r *rig) end() error {
	r.stop()
	return <-r.done
}

// append tries until the log says yes or no for good.
func (r *rig) append(events []event.Event) (writer.Result, error) {
	deadline := time.Now().Add(60 * time.Second)
	for {
		res, err := r.w.Append(context.Background(), "acme", events)
		if err == nil || time.Now().After(deadline) {
			return res, err
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// Whatever becomes of publishes: what was acknowledged is there once, what was
// answered "not written" is not there unless it was repeated, and the fold says
// what an undisturbed one would.
func TestFaults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		weights := rapid.SliceOfN(rapid.IntRange(0, 3), outcomes, outcomes).Draw(t, "weights")
		var odds []int
		for o, n := range weights {
			for range n {
				odds = append(odds, o)
			}
		}
		s := &stream{}
		healthy := false
		s.next = func() int {
			if healthy || len(odds) == 0 || rnd.IntN(3) > 0 {
				return stored
			}
			return odds[rnd.IntN(len(odds))]
		}
		snaps := &snapshots{m: map[string][]byte{}}
		r := start(s, snaps, nil)
		var mu sync.Mutex // guards what follows and r
		acked, unwritten := map[string]bool{}, map[string]bool{}
		current := func() *rig { mu.Lock(); defer mu.Unlock(); return r }
		stopped := make(chan struct{})
		go func() { // a fenced writer is followed by the next one
			for {
				select {
				case <-stopped:
					return
				case err := <-current().done:
					mu.Lock()
					r.done <- err
					if errors.Is(err, writer.ErrFenced) {
						r = start(s, snaps, nil)
					}
					mu.Unlock()
				}
				time.Sleep(50 * time.Microsecond)
			}
		}()
		var wg sync.WaitGroup
		for c := range 6 {
			wg.Go(func() {
				for i := range 12 {
					batch := logtest.Events(fmt.Sprint("src", c), i*40, i*40+1+(c*7+i)%33)
					res, err := current().w.Append(context.Background(), "acme", batch)
					var un *writer.UnavailableError
					mu.Lock()
					for _, raw := range logtest.Raws(batch) {
						switch {
						case err == nil:
							acked[raw] = true
						case errors.Is(err, writer.ErrUnknown):
						case errors.As(err, &un):
							unwritten[raw] = true
						default:
							t.Errorf("%+v, %v", res, err)
						}
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		s.mu.Lock()
		healthy = true
		s.mu.Unlock()
		// A last append shows that the log lives.
		deadline := time.Now().Add(60 * time.Second)
		for {
			_, err := current().w.Append(context.Background(), "acme", logtest.Events("last", 0, 1))
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the log does not come back: %v", err)
			}
			time.Sleep(time.Millisecond)
		}
		close(stopped)
		_ = current().end()
		recs := s.records(t, "acme")
		count := map[string]int{}
		for i := range recs {
			if recs[i].Seq != uint64(i)+1 {
				t.Fatalf("record %d has sequence %d", i+1, recs[i].Seq)
			}
			count[string(recs[i].Raw)]++
		}
		for raw, n := range count {
			if n != 1 {
				t.Fatalf("%s is there %d times", raw, n)
			}
			if unwritten[raw] {
				t.Fatalf("%s is there and was answered as not written", raw)
			}
		}
		for raw := range acked {
			if count[raw] != 1 {
				t.Fatalf("%s was acknowledged and is not there", raw)
			}
		}
		if err := logtest.Undisturbed("acme", recs); err != nil {
			t.Fatal(err)
		}
	})
}

// Each doubtful outcome, alone, is found out and answered right.
func TestDoubt(t *testing.T) {
	for _, c := range []struct {
		name    string
		outcome int
		there   bool
		err     string
	}{
		{"no answer and stored", lostAnswer, true, ""},
		{"no answer and not stored", lostMessage, false, "not stored"},
		{"no answer and stored late", late, true, ""},
		{"refused", refused, false, "refused"},
		{"wrong sequence and ours", wrongSequence, true, ""},
		{"no answer, and reading fails for a while", readFails, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &stream{}
			r := start(s, &snapshots{m: map[string][]byte{}}, nil)
			if _, err := r.append(logtest.Events("pbx", 0, 3)); err != nil {
				t.Fatal(err)
			}
			once := c.outcome
			s.mu.Lock()
			s.next = func() int { o := once; once = stored; return o }
			s.mu.Unlock()
			res, err := r.w.Append(context.Background(), "acme", logtest.Events("pbx", 3, 6))
			if c.err == "" && (err != nil || res.Accepted != 3 || res.Head != 6) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("%+v, %v", res, err)
			}
			// The repeat with the same ids is right in either case.
			res, err = r.append(logtest.Events("pbx", 3, 6))
			if want := map[bool]int{true: 3, false: 0}[c.there]; err != nil || res.Duplicates != want || res.Head != 6 {
				t.Fatalf("repeat: %+v, %v", res, err)
			}
			if err := r.end(); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if recs := s.records(t, "acme"); len(recs) != 6 {
				t.Fatalf("%d records", len(recs))
			}
		})
	}
}

// While nobody can find out what became of a commit, its callers are told so
// after a while, and the repeat is right.
func TestUnknown(t *testing.T) {
	for _, there := range []bool{true, false} {
		s := &stream{}
		block := make(chan struct{})
		r := start(s, &snapshots{m: map[string][]byte{}}, func(c *writer.Config) {
			c.UnknownWait = 20 * time.Millisecond
			c.Recover = func(ctx context.Context, _ error) error {
				select {
				case <-block:
				case <-ctx.Done():
				}
				return ctx.Err()
			}
		})
		if _, err := r.append(logtest.Events("pbx", 0, 3)); err != nil {
			t.Fatal(err)
		}
		outcome := map[bool]int{true: lostAnswer, false: lostMessage}[there]
		s.mu.Lock()
		s.next = func() int { o := outcome; outcome = stored; return o }
		s.mu.Unlock()
		if _, err := r.w.Append(context.Background(), "acme", logtest.Events("pbx", 3, 6)); !errors.Is(err, writer.ErrUnknown) {
			t.Fatal(err)
		}
		var un *writer.UnavailableError
		if _, err := r.w.Append(context.Background(), "acme", logtest.Events("pbx", 6, 7)); !errors.As(err, &un) {
			t.Fatal(err)
		}
		close(block)
		res, err := r.append(logtest.Events("pbx", 3, 7))
		if want := map[bool]int{true: 3, false: 0}[there]; err != nil || res.Duplicates != want || res.Head != 7 {
			t.Fatalf("%+v, %v", res, err)
		}
		_ = r.end()
		if recs := s.records(t, "acme"); len(recs) != 7 {
			t.Fatalf("%d records", len(recs))
		}
	}
}

// A writer that was overtaken cannot write any more.
func TestFenced(t *testing.T) {
	s := &stream{}
	snaps := &snapshots{m: map[string][]byte{}}
	first := start(s, snaps, nil)
	if _, err := first.append(logtest.Events("pbx", 0, 3)); err != nil {
		t.Fatal(err)
	}
	second := start(s, snaps, nil)
	if _, err := second.append(logtest.Events("pbx", 3, 6)); err != nil {
		t.Fatal(err)
	}
	var un *writer.UnavailableError
	if _, err := first.w.Append(context.Background(), "acme", logtest.Events("pbx", 6, 9)); !errors.As(err, &un) {
		t.Fatalf("the overtaken writer answers %v", err)
	}
	if err := <-first.done; !errors.Is(err, writer.ErrFenced) {
		t.Fatal(err)
	}
	if res, err := second.append(logtest.Events("pbx", 0, 9)); err != nil || res.Accepted != 3 || res.Head != 9 {
		t.Fatalf("%+v, %v", res, err)
	}
	_ = second.end()
	if recs := s.records(t, "acme"); len(recs) != 9 {
		t.Fatalf("%d records", len(recs))
	}
}
