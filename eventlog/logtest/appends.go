package logtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"trunkline/event"
	"trunkline/eventlog"
)

var appendCases = []testCase{
	{"sequences are dense per tenant", dense},
	{"many tenants share a commit", manyTenants},
	{"concurrent appenders keep their order", concurrent},
	{"duplicates are dropped and conflicts counted", duplicates},
	{"a duplicate of an event being committed waits", racingDuplicates},
	{"a large append takes several commits", largeAppend},
	{"an event larger than a commit is refused", tooLarge},
	{"a tenant over its quota is refused alone", quota},
	{"too much waiting is refused", busy},
	{"an append that was given up is not written", givenUp},
}

func dense(t *testing.T, cfg eventlog.Config) {
	l := Open(t, cfg)
	rnd := rand.New(rand.NewPCG(1, 1))
	want := map[string][]string{}
	if h := l.Head("nobody"); h.Seq != 0 || len(All(t, l, "nobody", h)) != 0 {
		t.Fatalf("a tenant without events has head %d", h.Seq)
	}
	for i, n := 0, 0; i < 60; i++ {
		tenant := []string{Tenant, "bolt", "corp"}[rnd.IntN(3)]
		batch := Events("pbx", n, n+1+rnd.IntN(50))
		n += len(batch)
		res := Append(t, l, tenant, batch)
		want[tenant] = append(want[tenant], Raws(batch)...)
		if res.Cursor.Seq != uint64(len(want[tenant])) || res.Cursor != l.Head(tenant) || res.Durability != l.Health().Durability {
			t.Fatalf("append answers %+v, head is %d", res, l.Head(tenant).Seq)
		}
	}
	for tenant, raws := range want {
		Same(t, All(t, l, tenant, eventlog.Cursor{}), 1, raws)
	}
	if rep := Clean(t, l); rep.Tenants != len(want) {
		t.Fatalf("verify counts %d tenants", rep.Tenants)
	}
	if res, err := l.Append(t.Context(), Tenant, nil); err != nil || res.Accepted != 0 || res.Cursor != l.Head(Tenant) {
		t.Fatalf("append of nothing: %+v, %v", res, err)
	}
	Close(t, l)
}

func manyTenants(t *testing.T, cfg eventlog.Config) {
	l := Open(t, cfg)
	const tenants, each = 100, 3
	for round := range each {
		var wg sync.WaitGroup
		for i := range tenants {
			wg.Go(func() {
				res, err := l.Append(t.Context(), fmt.Sprintf("t%d", i), Events("pbx", round*2, round*2+2))
				if err != nil || res.Accepted != 2 {
					t.Errorf("%+v, %v", res, err)
				}
			})
		}
		wg.Wait()
	}
	for i := range tenants {
		Same(t, All(t, l, fmt.Sprintf("t%d", i), eventlog.Cursor{}), 1, Raws(Events("pbx", 0, 2*each)))
	}
	if rep := Clean(t, l); rep.Commits >= tenants*each {
		t.Fatalf("%d commits for %d appends: nothing was gathered", rep.Commits, tenants*each)
	}
	Close(t, l)
}

func concurrent(t *testing.T, cfg eventlog.Config) {
	l := Open(t, cfg)
	const callers, appends = 32, 20
	var wg sync.WaitGroup
	var total atomic.Int64
	for c := range callers {
		wg.Go(func() {
			source, n := fmt.Sprintf("src%d", c), 0
			for i := range appends {
				batch := Events(source, n, n+1+(c+i)%4)
				n += len(batch)
				res, err := l.Append(t.Context(), Tenant, batch)
				if err != nil || res.Accepted != len(batch) {
					t.Errorf("%+v, %v", res, err)
					return
				}
				total.Add(int64(len(batch)))
				// The cursor is right behind the append's own last event.
				last := All(t, l, Tenant, eventlog.Cursor{Epoch: res.Cursor.Epoch, Seq: res.Cursor.Seq - 1})[0]
				if string(last.Raw) != string(batch[len(batch)-1].Raw) {
					t.Errorf("cursor of the append stands behind %s", last.Raw)
				}
			}
		})
	}
	wg.Wait()
	recs := All(t, l, Tenant, eventlog.Cursor{})
	if len(recs) != int(total.Load()) {
		t.Fatalf("%d records, %d were acknowledged", len(recs), total.Load())
	}
	next := map[string]int{}
	for i := range recs {
		source := between(string(recs[i].Raw), `"source":"`, `"`)
		if want := Event(source, next[source]); string(recs[i].Raw) != string(want.Raw) {
			t.Fatalf("%s comes where %s has its turn", recs[i].Raw, want.Raw)
		}
		next[source]++
	}
	Close(t, l)
}

func between(s, a, b string) string {
	_, s, _ = strings.Cut(s, a)
	s, _, _ = strings.Cut(s, b)
	return s
}

func duplicates(t *testing.T, cfg eventlog.Config) {
	l := Open(t, cfg)
	first := Events("pbx", 0, 20)
	Append(t, l, Tenant, first)
	check := func(what string, batch []event.Event, want eventlog.Result) {
		t.Helper()
		res, err := l.Append(t.Context(), Tenant, batch)
		if err != nil || res.Accepted != want.Accepted || res.Duplicates != want.Duplicates || res.Conflicts != want.Conflicts || res.Cursor != l.Head(Tenant) {
			t.Fatalf("%s: %+v, %v", what, res, err)
		}
	}
	check("all known", first, eventlog.Result{Duplicates: 20})
	check("half known", Events("pbx", 10, 30), eventlog.Result{Accepted: 10, Duplicates: 10})
	other := EventWith("pbx", 5, `,"other":true`)
	check("another body", []event.Event{other}, eventlog.Result{Duplicates: 1, Conflicts: 1})
	fresh, fresh2 := Event("pbx", 30), EventWith("pbx", 30, `,"other":true`)
	check("twice in one append", []event.Event{fresh, fresh, fresh2}, eventlog.Result{Accepted: 1, Duplicates: 2, Conflicts: 1})
	check("another source", []event.Event{{ID: fresh.ID, Source: "other", Raw: fresh.Raw}}, eventlog.Result{Accepted: 1})
	Append(t, l, "bolt", first) // another tenant
	want := append(Raws(Events("pbx", 0, 31)), string(fresh.Raw))
	Same(t, All(t, l, Tenant, eventlog.Cursor{}), 1, want)
	Close(t, l)
}

func racingDuplicates(t *testing.T, cfg eventlog.Config) {
	l := Open(t, cfg)
	const rounds, callers = 20, 8
	for round := range rounds {
		batch := Events("pbx", round*5, round*5+5)
		var wg sync.WaitGroup
		var accepted, dups atomic.Int64
		for range callers {
			wg.Go(func() {
				res, err := l.Append(t.Context(), Tenant, batch)
				if err != nil {
					t.Error(err)
				}
				accepted.Add(int64(res.Accepted))
				dups.Add(int64(res.Duplicates))
				// Whoever is answered finds the event in the log.
				if res.Cursor.Seq < uint64(round*5+5) || l.Head(Tenant).Seq < uint64(round*5+5) {
					t.Errorf("answered %+v before the event was in the log", res)
				}
			})
		}
		wg.Wait()
		if accepted.Load() != 5 || dups.Load() != 5*(callers-1) {
			t.Fatalf("%d accepted, %d duplicates", accepted.Load(), dups.Load())
		}
	}
	Same(t, All(t, l, Tenant, eventlog.Cursor{}), 1, Raws(Events("pbx", 0, rounds*5)))
	Close(t, l)
}

func largeAppend(t *testing.T, cfg eventlog.Config) {
	cfg.MaxEvents = 100
	l := Open(t, cfg)
	batch := Events("pbx", 0, 1050)
	if res := Append(t, l, Tenant, batch); res.Cursor.Seq != 1050 {
		t.Fatalf("%+v", res)
	}
	// By bytes: larger than any commit or message between nodes may be.
	big := make([]event.Event, 30)
	for i := range big {
		big[i] = EventWith("big", i, `,"pad":"`+strings.Repeat("x", 200<<10)+`"`)
	}
	Append(t, l, Tenant, big)
	Same(t, All(t, l, Tenant, eventlog.Cursor{}), 1, append(Raws(batch), Raws(big)...))
	res, err := l.Append(t.Context(), Tenant, append(batch, Events("pbx", 1050, 1060)...))
	if err != nil || res.Accepted != 10 || res.Duplicates != 1050 {
		t.Fatalf("%+v, %v", res, err)
	}
	Close(t, l)
}

func tooLarge(t *testing.T, cfg eventlog.Config) {
	l := Open(t, cfg)
	Append(t, l, Tenant, Events("pbx", 0, 3))
	huge := EventWith("pbx", 3, `,"pad":"`+strings.Repeat("x", 8<<20)+`"`)
	for _, batch := range [][]event.Event{{huge}, {Event("pbx", 4), huge, Event("pbx", 5)}} {
		if res, err := l.Append(t.Context(), Tenant, batch); !errors.Is(err, eventlog.ErrTooLarge) || res.Accepted != 0 {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	Append(t, l, Tenant, Events("pbx", 3, 6)) // the log goes on, nothing of the refused is there
	Same(t, All(t, l, Tenant, eventlog.Cursor{}), 1, Raws(Events("pbx", 0, 6)))
	Close(t, l)
}

func quota(t *testing.T, cfg eventlog.Config) {
	cfg.TenantQuota = func(tenant string) uint64 {
		if tenant == "small" {
			return 2000
		}
		return 0
	}
	l := Open(t, cfg)
	accepted := 0
	for ; ; accepted++ {
		_, err := l.Append(t.Context(), "small", Events("pbx", accepted, accepted+1))
		if err == nil && accepted < 50 {
			continue
		}
		var q *eventlog.QuotaError
		if !errors.As(err, &q) || q.RetryAfter <= 0 || q.Reason == "" {
			t.Fatalf("after %d events: %v", accepted, err)
		}
		break
	}
	if accepted < 5 {
		t.Fatalf("only %d events went into the quota", accepted)
	}
	Append(t, l, Tenant, Events("pbx", 0, 100))
	Same(t, All(t, l, "small", eventlog.Cursor{}), 1, Raws(Events("pbx", 0, accepted)))
	Close(t, l)
}

func busy(t *testing.T, cfg eventlog.Config) {
	cfg.MaxPending = 4 << 10
	l := Open(t, cfg)
	var wg sync.WaitGroup
	var refused atomic.Int64
	var mu sync.Mutex
	want := map[string]bool{}
	for c := range 32 {
		wg.Go(func() {
			for i := range 40 {
				e := EventWith(fmt.Sprintf("src%d", c), i, `,"pad":"`+strings.Repeat("x", 500)+`"`)
				_, err := l.Append(t.Context(), Tenant, []event.Event{e})
				switch {
				case errors.Is(err, eventlog.ErrBusy):
					refused.Add(1)
				case err != nil:
					t.Error(err)
				default:
					mu.Lock()
					want[string(e.Raw)] = true
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if refused.Load() == 0 {
		t.Fatal("nothing was refused")
	}
	exactly(t, All(t, l, Tenant, eventlog.Cursor{}), want)
	Close(t, l)
}

// exactly fails the test unless the records are these events, each once.
func exactly(t *testing.T, recs []eventlog.Record, want map[string]bool) {
	t.Helper()
	seen := map[string]bool{}
	for i := range recs {
		raw := string(recs[i].Raw)
		if !want[raw] {
			t.Fatalf("%s is in the log and was never acknowledged", raw)
		}
		if seen[raw] {
			t.Fatalf("%s is in the log twice", raw)
		}
		seen[raw] = true
	}
	if len(seen) != len(want) {
		t.Fatalf("%d events in the log, %d were acknowledged", len(seen), len(want))
	}
}

func givenUp(t *testing.T, cfg eventlog.Config) {
	cfg.MaxEvents = 8
	l := Open(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, Tenant, Events("early", 0, 1)); !errors.Is(err, context.Canceled) {
		t.Fatalf("append with an ended context: %v", err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	want, maybe := map[string]bool{}, map[string][]string{}
	gave := 0
	for c := range 16 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(7, uint64(c)))
			for i := range 40 {
				batch := Events(fmt.Sprintf("src%d-%d", c, i), 0, 1+rnd.IntN(24))
				ctx, cancel := context.WithCancel(t.Context())
				spins := rnd.IntN(2000)
				go func() {
					for range spins {
						_ = ctx.Err()
					}
					cancel()
				}()
				_, err := l.Append(ctx, Tenant, batch)
				mu.Lock()
				switch {
				case err == nil:
					for _, r := range Raws(batch) {
						want[r] = true
					}
				case errors.Is(err, eventlog.ErrUnknown):
					maybe[batch[0].Source] = Raws(batch)
				case errors.Is(err, context.Canceled):
					gave++
				default:
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if gave == 0 {
		t.Log("no append was given up in time")
	}
	// What is there of an append that was cut in the middle is its beginning.
	got := map[string][]string{}
	recs := All(t, l, Tenant, eventlog.Cursor{})
	for i := range recs {
		if raw := string(recs[i].Raw); !want[raw] {
			source := between(raw, `"source":"`, `"`)
			got[source] = append(got[source], raw)
			want[raw] = true
		}
	}
	for source, raws := range got {
		all := maybe[source]
		if len(raws) > len(all) || strings.Join(raws, "") != strings.Join(all[:len(raws)], "") {
			t.Fatalf("of the given up append %s the log has %d events that are not its beginning", source, len(raws))
		}
	}
	exactly(t, recs, want)
	Close(t, l)
}
