package push

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
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

// checkpoint is the stored progress of one destination.
type checkpoint struct {
	Cursor eventlog.Cursor `json:"c"`
	Done   string          `json:"d,omitempty"` // of the records behind the cursor
	Pages  [2]int          `json:"p"`           // of what is parked: from, to
}

// Open starts the feed. Close ends it.
func Open(ctx context.Context, log Log, o Options) (*Feed, error) {
	o.Checkpoint = cmp.Or(o.Checkpoint, time.Second)
	if o.Owns == nil {
		o.Owns = func(int) bool { return true }
	}
	for i := range o.Static {
		d := o.Static[i].withDefaults()
		d.static = true
		if err := d.check(o.PlainHTTP); err != nil {
			return nil, fmt.Errorf("destination %s of tenant %s: %w", d.ID, d.Tenant, err)
		}
		o.Static[i] = d
	}
	f := &Feed{log: log, o: o, again: make(chan struct{}, 1), lanes: map[string]*lane{}, shards: map[int]map[string]checkpoint{}, hubs: map[string]*hub{}}
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
			if err := f.flush(f.ctx); err != nil && f.ctx.Err() == nil {
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
	for _, d := range f.o.Static {
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

// resume gives a lane what is stored of it. f.mu is held.
func (f *Feed) resume(l *lane) error {
	shard := f.log.ShardOf(l.d.Tenant)
	if f.shards[shard] == nil {
		all := map[string]checkpoint{}
		e, err := f.o.Progress.Get(f.ctx, shardKey(shard))
		if err == nil {
			err = json.Unmarshal(e.Value, &all)
		}
		if err != nil && !errors.Is(err, control.ErrNotFound) {
			return fmt.Errorf("read the checkpoint of shard %d: %w", shard, err)
		}
		f.shards[shard] = all
	}
	c, ok := f.shards[shard][l.d.key()]
	if !ok {
		start := f.log.Head(l.d.Tenant)
		if s, ok := f.store.Get(destinationKey(l.d.Tenant, l.d.ID)); ok && s.Start != nil {
			start = *s.Start
		}
		l.epoch, l.progress.low, l.dirty = start.Epoch, start.Seq, true
		return nil
	}
	l.epoch = c.Cursor.Epoch
	l.progress.restore(c.Cursor.Seq, c.Done)
	for page := c.Pages[0]; page < c.Pages[1]; page++ {
		e, err := f.o.Progress.Get(f.ctx, pageKey(l.d.Tenant, l.d.ID, page))
		if errors.Is(err, control.ErrNotFound) {
			continue
		}
		if err == nil {
			err = l.parked.load(page, e.Value)
		}
		if err != nil {
			return fmt.Errorf("read what is parked: %w", err)
		}
	}
	l.parked.last = max(l.parked.last, c.Pages[1]*pageSize)
	return nil
}

// forget removes what is stored of a destination that is no more. f.mu is held.
func (f *Feed) forget(l *lane) {
	shard := f.log.ShardOf(l.d.Tenant)
	c := f.shards[shard][l.d.key()]
	delete(f.shards[shard], l.d.key())
	for page := c.Pages[0]; page < max(c.Pages[1], (l.parked.last+pageSize-1)/pageSize); page++ {
		if err := f.o.Progress.Delete(f.ctx, pageKey(l.d.Tenant, l.d.ID, page)); err != nil {
			slog.Warn("what was parked for a destination that is gone cannot be removed", "destination", l.d.key(), "error", err)
		}
	}
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

func shardKey(shard int) string                  { return fmt.Sprintf("c.%d", shard) }
func pageKey(tenant, id string, page int) string { return fmt.Sprintf("p.%s.%s.%d", tenant, id, page) }
func destinationKey(tenant, id string) string    { return "d." + tenant + "." + id }
func pauseKey(tenant, id string) string          { return "s." + tenant + "." + id }

// checkpointBytes bounds the checkpoint of a shard; when it would be larger, the sets of what is done behind the
// cursors are left out, and a crash repeats more.
const checkpointBytes = 700 << 10

// flush writes what is parked, and then one checkpoint for each shard of which something has changed.
func (f *Feed) flush(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	byShard := map[int][]*lane{}
	for _, l := range f.lanes {
		shard := f.log.ShardOf(l.d.Tenant)
		byShard[shard] = append(byShard[shard], l)
	}
	var errs []error
	for shard, lanes := range byShard {
		errs = append(errs, f.flushShard(ctx, shard, lanes))
	}
	return errors.Join(errs...)
}

func (f *Feed) flushShard(ctx context.Context, shard int, lanes []*lane) error {
	all := f.shards[shard]
	if all == nil {
		return nil
	}
	var errs []error
	var changed []*lane
	for _, bound := range []int{windowRecords / 8, 0} {
		for _, l := range lanes {
			c, pages, ok := l.checkpoint(bound)
			if !ok && bound > 0 {
				continue
			}
			if err := f.writePages(ctx, l, pages); err != nil {
				errs = append(errs, err)
				l.touch()
				continue
			}
			all[l.d.key()] = c
			changed = append(changed, l)
		}
		if len(changed) == 0 {
			break
		}
		raw, err := json.Marshal(all)
		if err == nil && len(raw) > checkpointBytes && bound > 0 {
			continue
		}
		if err == nil {
			_, err = f.o.Progress.Put(ctx, shardKey(shard), raw)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("write the checkpoint of shard %d: %w", shard, err))
			for _, l := range changed {
				l.touch()
			}
		}
		break
	}
	return errors.Join(errs...)
}

func (f *Feed) writePages(ctx context.Context, l *lane, pages map[int][]byte) error {
	for page, raw := range pages {
		key := pageKey(l.d.Tenant, l.d.ID, page)
		var err error
		if raw == nil {
			err = f.o.Progress.Delete(ctx, key)
		} else {
			_, err = f.o.Progress.Put(ctx, key, raw)
		}
		if err != nil {
			l.mu.Lock()
			for page := range pages {
				l.parked.mark(page)
			}
			l.mu.Unlock()
			return fmt.Errorf("write what is parked for %s: %w", l.d.key(), err)
		}
	}
	return nil
}

// checkpoint gives what is to be stored of a lane, false when nothing has changed.
func (l *lane) checkpoint(bound int) (checkpoint, map[int][]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := l.dirty || len(l.parked.dirty) > 0
	l.dirty = false
	pages := l.parked.pages()
	clear(l.parked.dirty)
	c := checkpoint{Cursor: eventlog.Cursor{Epoch: l.epoch, Seq: l.progress.low}, Done: l.progress.bitmap(bound)}
	first := l.parked.last / pageSize
	if len(l.parked.list) > 0 {
		first = l.parked.list[0].page
	}
	c.Pages = [2]int{first, (l.parked.last + pageSize - 1) / pageSize}
	return c, pages, changed
}

func (l *lane) touch() {
	l.mu.Lock()
	l.dirty = true
	l.mu.Unlock()
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
	return f.flush(ctx)
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

// ParseNetworks reads networks as push.allow_networks has them.
func ParseNetworks(list []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a network, as in 10.0.0.0/8", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}
