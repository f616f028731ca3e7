package eventlog_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/eventlog"
	"trunkline/eventlog/logtest"
)

// crashed gives a copy of a store that is open: what a kill -9 at this instant
// would leave.
func crashed(t *testing.T, cfg eventlog.Config) eventlog.Config {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "crashed")
	if err := os.CopyFS(dir, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	cfg.Dir = dir
	return cfg
}

// stored lists the names of stored objects that begin with prefix.
func stored(t *testing.T, l *eventlog.Log, prefix string) []string {
	t.Helper()
	names, err := l.Objects().List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			out = append(out, n)
		}
	}
	return out
}

// Index segments and snapshots of the fold are shortcuts: whichever is damaged
// or missing, the log itself has everything.
func TestDamagedShortcuts(t *testing.T) {
	garble := func(l *eventlog.Log, name string) error {
		return l.Objects().Put(t.Context(), name, []byte("TLS1 and then nothing that makes sense"))
	}
	remove := func(l *eventlog.Log, name string) error { return l.Objects().Delete(t.Context(), name) }
	for _, c := range []struct {
		name, prefix string
		which        int // of those there are, -1: the last
		how          func(*eventlog.Log, string) error
	}{
		{"the first segment is garbled", "index/", 0, garble},
		{"a segment in the middle is garbled", "index/", 2, garble},
		{"a segment in the middle is missing", "index/", 2, remove},
		{"the last segment is garbled", "index/", -1, garble},
		{"the fold's snapshot is garbled", "fold/", 0, garble},
		{"the fold's snapshot is missing", "fold/", 0, remove},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := logtest.WithFold(eventlog.Config{Dir: t.TempDir(), SegmentEach: 100, SnapshotEach: 200})
			var raws []string
			for range 5 { // each orderly end cuts a segment
				l := logtest.Open(t, cfg)
				for range 30 {
					batch := logtest.Events("pbx", len(raws), len(raws)+4)
					logtest.Append(t, l, logtest.Tenant, batch)
					raws = append(raws, logtest.Raws(batch)...)
				}
				logtest.Close(t, l)
			}
			l := logtest.Open(t, cfg)
			names := stored(t, l, c.prefix)
			which := c.which
			if which < 0 {
				which = len(names) - 1
			}
			if len(names) <= which {
				t.Fatalf("only %v is stored", names)
			}
			if err := c.how(l, names[which]); err != nil {
				t.Fatal(err)
			}
			cfg = crashed(t, cfg)
			logtest.Close(t, l)
			for range 2 {
				l = logtest.Open(t, cfg)
				recs := logtest.All(t, l, logtest.Tenant, eventlog.Cursor{})
				logtest.Same(t, recs, 1, raws)
				if res, err := l.Append(t.Context(), logtest.Tenant, logtest.Events("pbx", 0, len(raws)+1)); err != nil || res.Accepted != 1 {
					t.Fatalf("%+v, %v", res, err)
				}
				raws = append(raws, logtest.Raws(logtest.Events("pbx", len(raws), len(raws)+1))...)
				if err := logtest.Undisturbed(logtest.Tenant, logtest.All(t, l, logtest.Tenant, eventlog.Cursor{})); err != nil {
					t.Fatal(err)
				}
				logtest.Close(t, l)
			}
		})
	}
}

// A crash right after a trim: idle tenants keep their numbers, and the fold what
// it knew of the events that are gone.
func TestCrashAfterTrim(t *testing.T) {
	cfg := logtest.WithFold(eventlog.Config{Dir: t.TempDir(), RetainAge: time.Hour, SegmentEach: 1 << 30, SnapshotEach: 1 << 30})
	l := logtest.Open(t, cfg)
	logtest.Append(t, l, "idle", logtest.Events("pbx", 0, 5))
	for i := range 300 {
		logtest.Append(t, l, logtest.Tenant, logtest.Events("pbx", i*2, i*2+2))
	}
	recs := logtest.All(t, l, logtest.Tenant, eventlog.Cursor{})
	if err := l.Trim(t.Context(), time.Now().Add(time.Hour+time.Second)); err != nil {
		t.Fatal(err)
	}
	idle, oldest := l.Head("idle"), l.Oldest(logtest.Tenant)
	if oldest.Seq == 0 || l.Oldest("idle") != idle {
		t.Fatalf("trimmed up to %d, idle up to %d", oldest.Seq, l.Oldest("idle").Seq)
	}
	logtest.Append(t, l, logtest.Tenant, logtest.Events("later", 0, 3))
	after := crashed(t, cfg)
	logtest.Close(t, l)
	l = logtest.Open(t, after)
	if l.Head("idle") != idle || l.Oldest("idle") != idle || len(logtest.All(t, l, "idle", eventlog.Cursor{})) != 0 {
		t.Fatalf("idle tenant: head %d, oldest %d", l.Head("idle").Seq, l.Oldest("idle").Seq)
	}
	logtest.Append(t, l, logtest.Tenant, logtest.Events("last", 0, 2))
	logtest.Append(t, l, "idle", logtest.Events("last", 0, 1))
	if got := l.Head("idle"); got.Seq != 6 || got.Epoch != idle.Epoch {
		t.Fatalf("the idle tenant goes on with %+v behind %+v", got, idle)
	}
	last := recs[len(recs)-1].Seq
	recs = append(recs, logtest.All(t, l, logtest.Tenant, eventlog.Cursor{Epoch: oldest.Epoch, Seq: last})...)
	if err := logtest.Undisturbed(logtest.Tenant, recs); err != nil || len(recs) != 605 {
		t.Fatalf("%d records, %v", len(recs), err)
	}
	logtest.Close(t, l)
}

// Whoever trims waits for the segment that another has cut and not stored yet.
func TestTrimsAtTheSameTime(t *testing.T) {
	cfg := eventlog.Config{Dir: t.TempDir(), RetainAge: time.Hour, SegmentEach: 200}
	l := logtest.Open(t, cfg)
	for i := range 300 {
		logtest.Append(t, l, logtest.Tenant, logtest.Events("pbx", i, i+1))
		if i%30 != 0 {
			continue
		}
		var trims sync.WaitGroup
		for range 4 {
			trims.Go(func() {
				if err := l.Trim(t.Context(), time.Now().Add(time.Hour+time.Second)); err != nil {
					t.Error(err)
				}
			})
		}
		trims.Wait()
	}
	head, oldest := l.Head(logtest.Tenant), l.Oldest(logtest.Tenant)
	if oldest.Seq == 0 {
		t.Fatal("nothing was trimmed")
	}
	logtest.Close(t, l)
	l = logtest.Open(t, cfg)
	if h := l.Health(); len(h.Breaks) != 0 || l.Head(logtest.Tenant) != head || l.Oldest(logtest.Tenant).Seq < oldest.Seq {
		t.Fatalf("from %+v to %+v, was from %+v to %+v; breaks %+v", l.Oldest(logtest.Tenant), l.Head(logtest.Tenant), oldest, head, h.Breaks)
	}
	logtest.Close(t, l)
}

// When no segment tells of tenants whose events are all trimmed, their numbers
// are not given again: a new epoch begins, and the loss is named.
func TestSegmentsLostBehindTrim(t *testing.T) {
	cfg := eventlog.Config{Dir: t.TempDir(), RetainAge: time.Hour}
	l := logtest.Open(t, cfg)
	logtest.Append(t, l, "idle", logtest.Events("pbx", 0, 5))
	for i := range 300 {
		logtest.Append(t, l, logtest.Tenant, logtest.Events("pbx", i, i+1))
	}
	if err := l.Trim(t.Context(), time.Now().Add(time.Hour+time.Second)); err != nil {
		t.Fatal(err)
	}
	idle := l.Head("idle")
	for _, n := range stored(t, l, "index/") {
		if err := l.Objects().Delete(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	after := crashed(t, cfg)
	logtest.Close(t, l)
	l = logtest.Open(t, after)
	if h := l.Health(); len(h.Breaks) == 0 {
		t.Fatal("nothing is said of the loss")
	}
	logtest.Append(t, l, "idle", logtest.Events("pbx", 5, 6))
	err := l.Read(t.Context(), "idle", idle, func(*eventlog.Batch) (bool, error) { return true, nil })
	logtest.Gone(t, err, eventlog.GoneEpoch)
}

// An engine that is restarted under the log: watches start over, followers and
// readers go on, appends are taken again.
func TestEngineRestarts(t *testing.T) {
	l := logtest.Open(t, eventlog.Config{Dir: t.TempDir(), Timeout: time.Second})
	kv, err := l.KV(t.Context(), "TEST")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	have, readies := map[string]string{}, 0
	done := make(chan error, 1)
	go func() {
		done <- kv.Watch(ctx, func(e eventlog.Entry) {
			mu.Lock()
			defer mu.Unlock()
			have[e.Key] = string(e.Value)
		}, func() { mu.Lock(); defer mu.Unlock(); readies++ })
	}()
	logtest.Eventually(t, "the watch has begun", func() bool { mu.Lock(); defer mu.Unlock(); return readies == 1 })
	f := follow(l)
	defer f.stop()
	w := startLoad(l, 4, "")
	for round := range 5 {
		before := w.total()
		logtest.Eventually(t, "appends", func() bool { return w.total() > before+100 })
		if err := l.RestartEngine(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The writer, whose commit was cut, restarts the engine once more.
		logtest.Eventually(t, "control state is written", func() bool {
			_, err := kv.Put(t.Context(), fmt.Sprint("k", round), []byte("v"))
			return err == nil
		})
	}
	before := w.total()
	logtest.Eventually(t, "appends", func() bool { return w.total() > before+100 })
	acked := w.end(t)
	logtest.Eventually(t, "the watch sees all", func() bool { mu.Lock(); defer mu.Unlock(); return len(have) == 5 })
	cancel()
	<-done
	if readies != 1 {
		t.Fatalf("ready was called %d times", readies)
	}
	var k tally
	k.read(t, l)
	k.has(t, acked)
	f.complete(t, l)
	logtest.Close(t, l)
}
