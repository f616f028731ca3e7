package logtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"trunkline/eventlog"
)

var keepCases = []testCase{
	{"a restart keeps everything", restart},
	{"what is fixed when a log is made cannot be changed", fixed},
	{"shards are independent", shards},
	{"a log opened for reading takes nothing", readOnly},
	{"retention keeps numbers and heads", retention},
	{"retention by bytes", retentionBytes},
	{"control state is kept and watched", controlState},
	{"a closed log answers plainly", closed},
}

func restart(t *testing.T, cfg eventlog.Config) {
	cfg.SegmentEach = 70
	var raws []string
	var before eventlog.Cursor
	for round := range 4 {
		l := Open(t, cfg)
		if round > 0 {
			if l.Head(Tenant) != before {
				t.Fatalf("head %+v became %+v", before, l.Head(Tenant))
			}
			res, err := l.Append(t.Context(), Tenant, Events("pbx", 0, len(raws)))
			if err != nil || res.Accepted != 0 || res.Duplicates != len(raws) || res.Conflicts != 0 {
				t.Fatalf("round %d: known events are not known any more: %+v, %v", round, res, err)
			}
		}
		Same(t, All(t, l, Tenant, eventlog.Cursor{}), 1, raws)
		for range 20 {
			batch := Events("pbx", len(raws), len(raws)+3)
			Append(t, l, Tenant, batch)
			raws = append(raws, Raws(batch)...)
		}
		if round == 0 {
			Append(t, l, "idle", Events("pbx", 0, 5))
		}
		if l.Head("idle").Seq != 5 || len(l.Tenants()) != 2 {
			t.Fatalf("head of the idle tenant is %d, tenants are %v", l.Head("idle").Seq, l.Tenants())
		}
		before = l.Head(Tenant)
		Close(t, l)
	}
}

func fixed(t *testing.T, cfg eventlog.Config) {
	cfg.Shards = 2
	Close(t, Open(t, cfg))
	cfg.Shards = 3
	if l, err := eventlog.Open(t.Context(), cfg); err == nil {
		_ = l.Close(t.Context())
		t.Fatal("a log of 2 shards was opened with 3")
	}
	cfg.Shards = 0
	l := Open(t, cfg)
	if h := l.Health(); h.Shards != 2 {
		t.Fatalf("%+v", h)
	}
	Close(t, l)
}

func shards(t *testing.T, cfg eventlog.Config) {
	cfg.Shards = 3
	l := Open(t, cfg)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			for n := range 10 {
				if _, err := l.Append(t.Context(), fmt.Sprint("t", i), Events("pbx", n*2, n*2+2)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	Close(t, l)
	l = Open(t, cfg)
	for i := range 12 {
		Same(t, All(t, l, fmt.Sprint("t", i), eventlog.Cursor{}), 1, Raws(Events("pbx", 0, 20)))
	}
	if h := l.Health(); h.Events != 240 || h.Identities != 240 {
		t.Fatalf("%+v", h)
	}
	Close(t, l)
}

func readOnly(t *testing.T, cfg eventlog.Config) {
	l := Open(t, cfg)
	Append(t, l, Tenant, Events("pbx", 0, 10))
	Close(t, l)
	cfg.ReadOnly = true
	l, err := eventlog.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	Same(t, All(t, l, Tenant, eventlog.Cursor{}), 1, Raws(Events("pbx", 0, 10)))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var un *eventlog.UnavailableError
	if _, err := l.Append(ctx, Tenant, Events("pbx", 10, 11)); !errors.As(err, &un) {
		t.Fatalf("append to a log opened for reading: %v", err)
	}
	if h := l.Health(); h.Writable || h.Reason == "" {
		t.Fatalf("%+v", h)
	}
	Close(t, l)
}

// trimmed trims a log in which an idle tenant's events are old, and gives what
// was written for the busy one.
func trimmed(t *testing.T, l *eventlog.Log, commits int, trim func() error) []string {
	t.Helper()
	Append(t, l, "idle", Events("pbx", 0, 5))
	var raws []string
	for i := range commits {
		batch := Events("pbx", i*2, i*2+2)
		Append(t, l, Tenant, batch)
		raws = append(raws, Raws(batch)...)
	}
	if err := trim(); err != nil {
		t.Fatal(err)
	}
	return raws
}

func retention(t *testing.T, cfg eventlog.Config) {
	cfg.RetainAge = time.Hour
	l := Open(t, cfg)
	head := l.Head(Tenant)
	raws := trimmed(t, l, 400, func() error { return l.Trim(t.Context(), time.Now().Add(time.Hour+time.Second)) })
	idle := l.Head("idle")
	var oldest eventlog.Cursor
	check := func() {
		t.Helper()
		oldest = l.Oldest(Tenant)
		if oldest.Seq == 0 || oldest.Seq > 700 {
			t.Fatalf("oldest cursor is %d", oldest.Seq)
		}
		Same(t, All(t, l, Tenant, eventlog.Cursor{}), oldest.Seq+1, raws[oldest.Seq:])
		Same(t, All(t, l, Tenant, oldest), oldest.Seq+1, raws[oldest.Seq:])
		err := l.Read(t.Context(), Tenant, eventlog.Cursor{Epoch: head.Epoch, Seq: 3}, func(*eventlog.Batch) (bool, error) { return true, nil })
		if gone := Gone(t, err, eventlog.GoneTrimmed); gone.LostFrom != 4 || gone.LostTo != oldest.Seq || gone.Oldest != oldest || gone.Newest != l.Head(Tenant) {
			t.Fatalf("%+v", gone)
		}
		if l.Head("idle") != idle || l.Oldest("idle") != idle || len(All(t, l, "idle", idle)) != 0 {
			t.Fatalf("idle tenant: head %d, oldest %d", l.Head("idle").Seq, l.Oldest("idle").Seq)
		}
		first := 0
		if err := l.ReadBack(t.Context(), Tenant, 0, func(b *eventlog.Batch) (bool, error) { first = int(b.First()); return true, nil }); err != nil || first != int(oldest.Seq)+1 {
			t.Fatalf("read back to %d, %v", first, err)
		}
		if c := l.SeekTime(Tenant, time.Now().Add(-time.Hour)); c != oldest {
			t.Fatalf("seek gives %d", c.Seq)
		}
	}
	check()
	Close(t, l)
	l = Open(t, cfg)
	check()
	// Trimmed events are known still, and numbers go on.
	if res, err := l.Append(t.Context(), "idle", Events("pbx", 0, 6)); err != nil || res.Duplicates != 5 || res.Cursor != (eventlog.Cursor{Epoch: idle.Epoch, Seq: 6}) {
		t.Fatalf("%+v, %v", res, err)
	}
	Same(t, All(t, l, "idle", idle), 6, Raws(Events("pbx", 5, 6)))
	Close(t, l)
}

func retentionBytes(t *testing.T, cfg eventlog.Config) {
	cfg.RetainBytes, cfg.TenantBytes = 100<<10, 1<<30
	l := Open(t, cfg)
	raws := trimmed(t, l, 600, func() error { return l.Trim(t.Context(), time.Now()) })
	oldest := l.Oldest(Tenant)
	if oldest.Seq == 0 {
		t.Fatal("nothing was trimmed")
	}
	Same(t, All(t, l, Tenant, eventlog.Cursor{}), oldest.Seq+1, raws[oldest.Seq:])
	Close(t, l)
}

func controlState(t *testing.T, cfg eventlog.Config) {
	ctx := t.Context()
	l := Open(t, cfg)
	kv, err := l.KV(ctx, "TEST")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Get(ctx, "a"); !errors.Is(err, eventlog.ErrNotFound) {
		t.Fatal(err)
	}
	if keys, err := kv.Keys(ctx); err != nil || len(keys) != 0 {
		t.Fatal(keys, err)
	}
	rev, err := kv.Create(ctx, "a", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Create(ctx, "a", []byte("2")); !errors.Is(err, eventlog.ErrExists) {
		t.Fatal(err)
	}
	if _, err := kv.Update(ctx, "a", []byte("2"), rev+7); !errors.Is(err, eventlog.ErrRevision) {
		t.Fatal(err)
	}
	rev2, err := kv.Update(ctx, "a", []byte("2"), rev)
	if err != nil || rev2 <= rev {
		t.Fatal(rev2, err)
	}
	for i := range 10 {
		if _, err := kv.Put(ctx, fmt.Sprint("k", i), fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := kv.Delete(ctx, "k3"); err != nil {
		t.Fatal(err)
	}
	if err := kv.Delete(ctx, "never"); err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "k0", "k1", "k2", "k4", "k5", "k6", "k7", "k8", "k9"}
	check := func() {
		t.Helper()
		keys, err := kv.Keys(ctx)
		if slices.Sort(keys); err != nil || !slices.Equal(keys, want) {
			t.Fatal(keys, err)
		}
		e, err := kv.Get(ctx, "a")
		if err != nil || string(e.Value) != "2" || e.Revision != rev2 {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	check()
	Close(t, l)
	l = Open(t, cfg)
	if kv, err = l.KV(ctx, "TEST"); err != nil {
		t.Fatal(err)
	}
	check()
	if _, err := kv.Create(ctx, "k3", []byte("again")); err != nil {
		t.Fatal(err)
	}

	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	have, ready := map[string]string{}, make(chan int, 2)
	done := make(chan error, 1)
	go func() {
		done <- kv.Watch(watch, func(e eventlog.Entry) {
			mu.Lock()
			defer mu.Unlock()
			if have[e.Key] = string(e.Value); e.Deleted {
				delete(have, e.Key)
			}
		}, func() { mu.Lock(); defer mu.Unlock(); ready <- len(have) })
	}()
	if n := <-ready; n != 11 {
		t.Fatalf("%d values before ready", n)
	}
	for i := range 20 {
		if _, err := kv.Put(ctx, "last", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := kv.Delete(ctx, "k0"); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "the watch sees the last change", func() bool {
		mu.Lock()
		defer mu.Unlock()
		_, k0 := have["k0"]
		return have["last"] == "19" && !k0 && have["k3"] == "again"
	})
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	Close(t, l)
}

func closed(t *testing.T, cfg eventlog.Config) {
	l := Open(t, cfg)
	Append(t, l, Tenant, Events("pbx", 0, 1))
	Close(t, l)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var un *eventlog.UnavailableError
	if _, err := l.Append(ctx, Tenant, Events("pbx", 1, 2)); !errors.As(err, &un) {
		t.Fatalf("append to a closed log: %v", err)
	}
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
}
