package logtest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"sort"
	"sync"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
)

// Counter is a fold for tests. The context of each record tells how many of the
// tenant's records there were and a hash over all of them, so whoever lost or
// repeated one says something else from there on. An event with `"pair":true`
// in its data is followed by a derived fact; one with `"timer_ms":n` is followed
// by one n milliseconds after it was received.
type Counter struct {
	want int

	mu    sync.Mutex // guards state, which tests read
	state counterState
}

type counterState struct {
	V       int
	Ticks   int
	Last    time.Time
	Tenants map[string]*counted
	Timers  map[string]timer
}

type counted struct {
	N   int
	Sum uint64
}

type timer struct {
	Tenant, ID string
	At         time.Time
}

// NewCounter makes a fold that would like to have a version.
func NewCounter(version int) *Counter {
	c := &Counter{want: version}
	_ = c.Restore(nil)
	return c
}

// Version is part of writer.Fold.
func (c *Counter) Version() int { return c.want }

// SetVersion is part of writer.Fold.
func (c *Counter) SetVersion(v int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.V = v
}

// Apply is part of writer.Fold.
func (c *Counter) Apply(tenant string, r *eventlog.Record) ([]byte, []writer.Derived) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.state.Tenants[tenant]
	if t == nil {
		t = &counted{}
		c.state.Tenants[tenant] = t
	}
	h := fnv.New64a()
	fmt.Fprint(h, t.Sum, r.Seq, r.Derived, string(r.Raw))
	t.N, t.Sum = t.N+1, h.Sum64()
	context := fmt.Appendf(nil, `{"n":%d,"sum":"%x","v":%d}`, t.N, t.Sum, c.state.V)
	var e struct {
		ID   string
		Data struct {
			TimerMS int64 `json:"timer_ms"`
			Pair    bool
		}
	}
	_ = json.Unmarshal(r.Raw, &e)
	if r.Derived {
		delete(c.state.Timers, tenant+"/"+e.ID)
		return context, nil
	}
	if e.Data.TimerMS > 0 {
		id := "timer-" + e.ID
		c.state.Timers[tenant+"/"+id] = timer{tenant, id, r.Received.Add(time.Duration(e.Data.TimerMS) * time.Millisecond)}
	}
	if e.Data.Pair {
		return context, []writer.Derived{derived(tenant, "pair-"+e.ID)}
	}
	return context, nil
}

func derived(tenant, id string) writer.Derived {
	raw := fmt.Appendf(nil, `{"specversion":"1.0","id":"%s","source":"fold","type":"com.example.derived"}`, id)
	return writer.Derived{Tenant: tenant, Event: event.Event{ID: id, Source: "fold", Type: "com.example.derived", Raw: raw}}
}

// Tick is part of writer.Fold.
func (c *Counter) Tick(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Ticks++
	c.state.Last = now
}

// Ticks tells how many ticks the fold has seen.
func (c *Counter) Ticks() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Ticks
}

// Due is part of writer.Fold.
func (c *Counter) Due() (at time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.state.Timers {
		if !ok || t.At.Before(at) {
			at, ok = t.At, true
		}
	}
	return at, ok
}

// Fire is part of writer.Fold.
func (c *Counter) Fire(now time.Time) []writer.Derived {
	c.mu.Lock()
	defer c.mu.Unlock()
	var due []timer
	for _, t := range c.state.Timers {
		if !t.At.After(now) {
			due = append(due, t)
		}
	}
	sort.Slice(due, func(i, j int) bool {
		if !due[i].At.Equal(due[j].At) {
			return due[i].At.Before(due[j].At)
		}
		return due[i].Tenant+due[i].ID < due[j].Tenant+due[j].ID
	})
	var out []writer.Derived
	for _, t := range due {
		out = append(out, derived(t.Tenant, t.ID))
	}
	return out
}

// Snapshot is part of writer.Fold.
func (c *Counter) Snapshot() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return json.Marshal(c.state)
}

// Restore is part of writer.Fold.
func (c *Counter) Restore(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = counterState{Tenants: map[string]*counted{}, Timers: map[string]timer{}}
	if b == nil {
		return nil
	}
	return json.Unmarshal(b, &c.state)
}

// Undisturbed folds a tenant's whole history without ever stopping and gives
// the first record whose context says something else, or nil.
func Undisturbed(tenant string, recs []eventlog.Record) error {
	c := NewCounter(0)
	for i := range recs {
		var said struct{ V int }
		if err := json.Unmarshal(recs[i].Context, &said); err != nil {
			return fmt.Errorf("record %d has context %q", recs[i].Seq, recs[i].Context)
		}
		c.SetVersion(said.V)
		if context, _ := c.Apply(tenant, &recs[i]); string(context) != string(recs[i].Context) {
			return fmt.Errorf("record %d has context %s, an undisturbed fold says %s", recs[i].Seq, recs[i].Context, context)
		}
	}
	return nil
}
