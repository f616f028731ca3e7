package push

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"trunkline/control"
	"trunkline/event"
	"trunkline/eventlog"
)

// Log is what the feed needs of the event log.
type Log interface {
	Head(tenant string) eventlog.Cursor
	Oldest(tenant string) eventlog.Cursor
	Read(ctx context.Context, tenant string, after eventlog.Cursor, fn func(*eventlog.Batch) (bool, error)) error
	Follow(tenant string, fn func(*eventlog.Batch)) (at eventlog.Cursor, stop func())
	ShardOf(tenant string) int
}

var _ Log = (*eventlog.Log)(nil)

// Options are the terms of the feed.
type Options struct {
	// Destinations keeps what is made at run time, Progress the checkpoints and what is parked.
	Destinations, Progress control.KV
	// Static are destinations of the configuration.
	Static []Destination
	// Guard says which addresses may be dialled.
	Guard Guard
	// PlainHTTP lets destinations without TLS be made.
	PlainHTTP bool
	// Append appends the facts that a destination is down or up. nil: they are not told.
	Append func(ctx context.Context, tenant string, events []event.Event) (eventlog.Result, error)
	// Owns says whether this node delivers for a shard. nil: always.
	Owns func(shard int) bool
	// Checkpoint is the pause between two checkpoints of a shard. 0 means 1 s.
	Checkpoint time.Duration
}

// Feed is the push feed with all its destinations.
type Feed struct {
	log   Log
	o     Options
	store *control.Mirror[stored]
	ctx   context.Context // ends with Close
	end   context.CancelFunc
	wg    sync.WaitGroup
	again chan struct{} // something was changed

	static atomic.Pointer[[]Destination] // of the configuration

	making sync.Mutex // is held from the look at what destinations must not share until the write; taken before mu

	// mu guards what is below, and is taken before lane.mu.
	mu     sync.Mutex
	lanes  map[string]*lane
	shards map[int]map[string]checkpoint // what is stored, of the shards that are ours
	hubs   map[string]*hub
	closed bool
}

// hub tells the lanes of a tenant that there is something new.
type hub struct {
	lanes atomic.Pointer[[]*lane]
	stop  func()
}

// Open starts the feed. Close ends it.
func Open(ctx context.Context, log Log, o Options) (*Feed, error) {
	o.Checkpoint = cmp.Or(o.Checkpoint, time.Second)
	if o.Owns == nil {
		o.Owns = func(int) bool { return true }
	}
	static, err := checked(o.Static, o.PlainHTTP)
	if err != nil {
		return nil, err
	}
	f := &Feed{log: log, o: o, again: make(chan struct{}, 1), lanes: map[string]*lane{}, shards: map[int]map[string]checkpoint{}, hubs: map[string]*hub{}}
	f.static.Store(&static)
	f.ctx, f.end = context.WithCancel(context.WithoutCancel(ctx))
	store, err := control.OpenMirror(f.ctx, o.Destinations, control.Codec[stored]{Encode: encodeStored, Decode: decodeStored,
		Changed: func(string, stored, stored) { f.poke() },
		Broken: func(key string, err error) {
			slog.Error("a webhook's settings cannot be read", "key", key, "error", err)
		}})
	if err != nil {
		f.end()
		return nil, fmt.Errorf("open the destinations: %w", err)
	}
	f.store = store
	f.reconcile()
	f.wg.Add(1)
	go f.work()
	return f, nil
}

// checked gives destinations of the configuration with what they leave out.
func checked(list []Destination, plain bool) ([]Destination, error) {
	out := make([]Destination, 0, len(list))
	for _, d := range list {
		d = d.withDefaults()
		d.static = true
		if err := d.check(plain); err != nil {
			return nil, fmt.Errorf("destination %s of tenant %s: %w", d.ID, d.Tenant, err)
		}
		out = append(out, d)
	}
	return out, nil
}

// SetStatic puts other destinations in the place of those of the configuration, for instance with renewed certificates.
// Each keeps its place in the log; what it is sending meanwhile is sent again by the new settings when it fails.
// On an error everything stays.
func (f *Feed) SetStatic(list []Destination) error {
	static, err := checked(list, f.o.PlainHTTP)
	if err != nil {
		return err
	}
	f.static.Store(&static)
	f.reconcile()
	return nil
}

func (f *Feed) poke() {
	select {
	case f.again <- struct{}{}:
	default:
	}
}

// work keeps the lanes as they should be and writes the checkpoints.
func (f *Feed) work() {
	defer f.wg.Done()
	tick := time.NewTicker(f.o.Checkpoint)
	defer tick.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-f.again:
			f.reconcile()
		case <-tick.C:
			f.reconcile()
			if err := f.flush(f.ctx, false); err != nil && f.ctx.Err() == nil {
				slog.Warn("a checkpoint of the push feed cannot be written", "error", err)
			}
		}
	}
}

// wanted lists all destinations as they should be.
func (f *Feed) wanted() map[string]Destination {
	out := map[string]Destination{}
	for _, s := range f.store.All() {
		if s.Destination != nil {
			out[s.Destination.key()] = *s.Destination
		}
	}
	for _, d := range *f.static.Load() {
		out[d.key()] = d
	}
	return out
}

// reconcile makes the lanes those that should be.
func (f *Feed) reconcile() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	want := f.wanted()
	touched := map[string]bool{}
	for key, l := range f.lanes {
		d, ok := want[key]
		owns := f.o.Owns(f.log.ShardOf(l.d.Tenant))
		if ok && owns && reflect.DeepEqual(d, l.d) {
			continue
		}
		touched[l.d.Tenant] = true
		l.stop()
		delete(f.lanes, key)
		if ok && owns {
			f.lanes[key] = f.open(d, l)
		} else if !ok {
			f.forget(l)
		}
	}
	for key, d := range want {
		if f.lanes[key] == nil && f.o.Owns(f.log.ShardOf(d.Tenant)) {
			f.lanes[key] = f.open(d, nil)
			touched[d.Tenant] = true
		}
	}
	for shard := range f.shards {
		if !f.o.Owns(shard) {
			delete(f.shards, shard) // another node goes on with it
		}
	}
	for key, l := range f.lanes {
		if l == nil {
			delete(f.lanes, key)
			continue
		}
		l.setPaused(f.pauseOf(key))
	}
	for tenant := range touched {
		f.listen(tenant)
	}
}

// open makes the lane of a destination, in the place of an older one where there is one. nil: it cannot be begun now
// and will be tried again. f.mu is held.
func (f *Feed) open(d Destination, old *lane) *lane {
	l, err := newLane(f, d)
	if err == nil && old != nil {
		old.mu.Lock()
		l.epoch, l.progress, l.parked, l.journal, l.counts, l.dirty = old.epoch, old.progress, old.parked, old.journal, old.counts, true
		l.round = old.round + 1
		if !d.sendsAs(&old.d) {
			l.progress.reread()
		}
		for i := range l.progress.slots {
			l.progress.slots[i].busy = 0
		}
		old.mu.Unlock()
	} else if err == nil {
		err = f.resume(l)
	}
	if err != nil {
		slog.Error("a destination cannot be begun", "destination", d.key(), "error", err)
		return nil
	}
	l.next = l.progress.low + 1
	l.paused = f.pauseOf(d.key())
	l.start()
	return l
}

// listen has the lanes of a tenant told of what is new. f.mu is held.
func (f *Feed) listen(tenant string) {
	var lanes []*lane
	for _, l := range f.lanes {
		if l.d.Tenant == tenant {
			lanes = append(lanes, l)
		}
	}
	h := f.hubs[tenant]
	switch {
	case h == nil && len(lanes) > 0:
		h = &hub{}
		h.lanes.Store(&lanes)
		f.hubs[tenant] = h
		_, h.stop = f.log.Follow(tenant, func(*eventlog.Batch) {
			for _, l := range *h.lanes.Load() {
				l.poke()
			}
		})
	case h != nil && len(lanes) == 0:
		h.stop()
		delete(f.hubs, tenant)
	case h != nil:
		h.lanes.Store(&lanes)
	}
	for _, l := range lanes {
		l.poke() // for what came before
	}
}

// stopPatience is how long attempts under way may take to finish when the feed ends.
const stopPatience = 2 * time.Second

// Close lets attempts under way finish for a while, ends the feed and writes the last checkpoints.
func (f *Feed) Close(ctx context.Context) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	lanes := make([]*lane, 0, len(f.lanes))
	for _, l := range f.lanes {
		lanes = append(lanes, l)
		l.mu.Lock()
		l.stopped = true
		l.mu.Unlock()
	}
	for _, h := range f.hubs {
		h.stop()
	}
	f.mu.Unlock()
	patience, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for slices.ContainsFunc(lanes, (*lane).working) && patience.Err() == nil {
		select {
		case <-tick.C:
		case <-patience.Done():
		}
	}
	f.end()
	for _, l := range lanes {
		l.stop()
	}
	f.wg.Wait()
	return f.flush(ctx, true)
}

func (l *lane) working() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.workers > 0
}

// tell appends a fact about a destination, in the background.
func (f *Feed) tell(tenant string, fact event.Fact) {
	if f.o.Append == nil {
		return
	}
	f.wg.Add(1)
	go func() {
		defer f.wg.Done()
		e, err := event.Encode(event.Meta{ID: uuid.NewString(), Source: "/trunkline/push", Time: time.Now()}, fact)
		if err == nil {
			ctx, cancel := context.WithTimeout(f.ctx, 10*time.Second)
			defer cancel()
			_, err = f.o.Append(ctx, tenant, []event.Event{e})
		}
		if err != nil && f.ctx.Err() == nil {
			slog.Warn("the state of a destination could not be told", "fact", fact.EventType(), "subject", fact.EventSubject(), "error", err)
		}
	}()
}
