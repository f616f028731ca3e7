package push

import (
	"container/heap"
	"context"
	"log/slog"
	"sync"
	"time"

	"trunkline/eventlog"
	"trunkline/feed/filter"
	"trunkline/webhook"
)

// The bounds of what a destination keeps in memory.
const (
	windowRecords = 16_384 // between the low watermark and the newest record that was read
	queuedAtLeast = 256    // messages that wait; four for each attempt at the same time when that is more
)

// lane is the life of one destination: it reads the log behind its own cursor, keeps the messages of each entity in
// order, and sends them with its own goroutines, as many as the destination allows.
type lane struct {
	f      *Feed
	d      Destination
	client *client
	want   func(Kind, string) bool
	filter *filter.Filter // of the facts behind the payloads; nil: all
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	wake   chan struct{} // there may be something to read, or room for it

	// mu guards what is below.
	mu       sync.Mutex
	epoch    eventlog.Epoch
	next     uint64 // the record to read next
	round    uint64 // grows when the reader has to begin anew
	progress progress
	entities map[string]*entity
	ready    []*entity // whose head can be sent now; readyAt is the first of them
	readyAt  int
	delayed  delayed
	waiting  int // messages in entities that came from reading
	workers  int
	gone410  bool   // paused by an answer; not stored yet
	paused   string // why nothing is sent; "" when it is
	hold     time.Time
	breaker  webhook.Breaker
	bucket   bucket
	parked   parked
	journal  journal
	counts   Counts
	newest   time.Time // received time of the newest message that was done with
	dirty    bool      // the checkpoint is behind
	stopped  bool
	timer    *time.Timer
	armed    time.Time
	replay   *replay
}

// entity is what waits for one entity, in order.
type entity struct {
	key   string
	items []*item
	busy  bool // the head is being sent
	queue bool // it stands in ready or delayed
	at    time.Time
	place int // in delayed
}

// item is one message on its way.
type item struct {
	msg      Message
	epoch    eventlog.Epoch
	seq      uint64
	index    int
	round    uint64
	received time.Time
	tries    int     // that count against the retries
	sent     int     // all of them
	replay   *replay // nil: from reading
	held     bool    // replayed where the entity is held
}

func (it *item) at() place { return place{it.epoch, it.seq, it.msg.ID} }

func newLane(f *Feed, d Destination) (*lane, error) {
	c, err := newClient(&d, f.o.Guard)
	if err != nil {
		return nil, err
	}
	l := &lane{f: f, d: d, client: c, want: d.wants(), filter: d.filter(), wake: make(chan struct{}, 1), entities: map[string]*entity{}}
	l.ctx, l.cancel = context.WithCancel(f.ctx)
	l.bucket = bucket{rate: d.Rate, burst: max(1, min(d.Rate, float64(d.Concurrency)))}
	l.bucket.tokens = l.bucket.burst
	return l, nil
}

// start begins to read and send.
func (l *lane) start() {
	l.wg.Add(1)
	go func() {
		defer l.wg.Done()
		l.read()
	}()
	l.poke()
}

// stop ends the lane: what is being sent is given up and will be sent again.
func (l *lane) stop() {
	l.mu.Lock()
	l.stopped = true
	if l.timer != nil {
		l.timer.Stop()
	}
	l.mu.Unlock()
	l.cancel()
	l.wg.Wait()
	l.client.Close()
}

func (l *lane) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lane) capacity() int {
	most := max(queuedAtLeast, 4*l.d.Concurrency)
	if l.breaker.Open {
		return min(1+l.breaker.Probes, most) // the next probe, and another each time: one alone may be what fails
	}
	return most
}

// full says that nothing is to be read at the moment.
func (l *lane) full() bool {
	return l.paused != "" || l.stopped || l.waiting >= l.capacity() || len(l.progress.slots) >= windowRecords && l.next > l.progress.low+windowRecords
}

// accept takes the messages of a record in; mu is held.
func (l *lane) accept(rec *eventlog.Record, msgs []Message) {
	l.next = rec.Seq + 1
	before := l.progress.low
	var parked, hold []*item
	l.progress.expect(rec.Seq, len(msgs), l.round, func(i int) {
		m := msgs[i]
		it := &item{msg: m, epoch: l.epoch, seq: rec.Seq, index: i, round: l.round, received: rec.Received}
		l.waiting++
		switch {
		case l.parked.has(it.at()):
			parked = append(parked, it)
		case l.parked.held(m.Key) && l.parked.room():
			hold = append(hold, it)
		case l.d.Ordering == OrderNone:
			l.enqueue(m.ID, it)
		default:
			l.enqueue(m.Key, it)
		}
	})
	for _, it := range parked {
		l.done(it)
	}
	for _, it := range hold {
		l.park(it, "its entity is held", true)
	}
	if l.progress.low != before {
		l.dirty = true
	}
}

// enqueue puts a message behind what waits for its entity; mu is held.
func (l *lane) enqueue(key string, it *item) {
	e := l.entities[key]
	if e == nil {
		e = &entity{key: key}
		l.entities[key] = e
	}
	e.items = append(e.items, it)
	l.offer(e)
}

// offer makes an entity ready whose head can be sent; mu is held.
func (l *lane) offer(e *entity) {
	if e.busy || e.queue || len(e.items) == 0 {
		return
	}
	e.queue = true
	l.ready = append(l.ready, e)
	l.staff()
}

// staff sees to it that somebody sends; mu is held.
func (l *lane) staff() {
	if l.workers < l.d.Concurrency && len(l.ready) > l.readyAt && !l.stopped {
		l.workers++
		l.wg.Add(1)
		go l.work()
	}
}

// work sends until there is nothing that can be sent now.
func (l *lane) work() {
	defer l.wg.Done()
	l.mu.Lock()
	for {
		e, it := l.take(time.Now())
		if it == nil {
			break
		}
		l.mu.Unlock()
		o := l.client.send(l.ctx, &it.msg, it.sent+1)
		l.mu.Lock()
		l.settle(e, it, o, time.Now())
	}
	l.workers--
	l.mu.Unlock()
}

// take gives the next message that may be sent; mu is held.
func (l *lane) take(now time.Time) (*entity, *item) {
	if l.readyAt == len(l.ready) || l.paused != "" || l.stopped {
		return nil, nil
	}
	if now.Before(l.hold) {
		l.arm(l.hold)
		return nil, nil
	}
	if l.breaker.Open {
		if l.breaker.Probing {
			return nil, nil
		}
		if now.Before(l.breaker.Until) {
			l.arm(l.breaker.Until)
			return nil, nil
		}
	}
	if wait := l.bucket.take(now); wait > 0 {
		l.arm(now.Add(wait))
		return nil, nil
	}
	l.breaker.Probing = l.breaker.Open
	e := l.ready[l.readyAt]
	l.ready[l.readyAt] = nil
	if l.readyAt++; l.readyAt == len(l.ready) {
		l.ready, l.readyAt = l.ready[:0], 0
	}
	e.busy, e.queue = true, false
	return e, e.items[0]
}

// settle takes the outcome of an attempt; mu is held.
func (l *lane) settle(e *entity, it *item, o outcome, now time.Time) {
	e.busy = false
	if !o.OK && l.ctx.Err() != nil {
		return // it was cut off by ourselves: it will be sent again
	}
	it.sent++
	a := attemptOf(it, o, now)
	wasOpen := l.breaker.Open
	if o.OK {
		a.Outcome = OutcomeDelivered
		l.journal.add(a)
		l.counts.Delivered++
		l.succeed(now)
		l.pop(e)
		l.done(it)
		return
	}
	l.counts.Failed++
	down := l.breaker.Fail(webhook.Failure{About: e.key, Dialled: o.Dialled, Status: o.Status}, now, time.Duration(l.d.BackoffMS)*time.Millisecond)
	if o.RetryAfter > 0 && (o.Status == 429 || o.Status == 503) {
		l.hold = now.Add(o.RetryAfter)
	}
	// What fails while the endpoint is known to be down uses up no retries.
	if !wasOpen && !down {
		it.tries++
	}
	switch {
	case o.Status == 410:
		a.Outcome = OutcomeRetry
		l.journal.add(a)
		l.offer(e)
		l.gone410 = true
		l.pauseNow("the endpoint answered 410 Gone", now)
		l.f.pausedBy410(l.d.key())
		return
	case it.tries > l.d.Retries && (it.replay != nil || l.d.AfterLast == AfterDrop || l.parked.room()):
		l.giveUp(e, it, &a)
	case down || wasOpen:
		a.Outcome = OutcomeRetry
		l.offer(e)
		l.poke()
	default:
		pause := max(webhook.RetryPause(time.Duration(l.d.BackoffMS)*time.Millisecond, it.tries), o.RetryAfter)
		a.Outcome, a.Next = OutcomeRetry, now.Add(pause).UTC()
		e.at = now.Add(pause)
		e.queue = true
		heap.Push(&l.delayed, e)
		l.arm(e.at)
	}
	l.journal.add(a)
	if down {
		l.wentDown(o.Err)
	}
}

// giveUp does with a message what is to be done after its last retry; mu is held.
func (l *lane) giveUp(e *entity, it *item, a *Attempt) {
	strict := it.replay == nil && l.d.AfterLast == AfterStrict || it.held
	var rest []*item // of a held entity: what must not overtake the message
	if strict {
		rest = e.items[1:]
		e.items = e.items[:1]
	}
	l.pop(e)
	switch {
	case it.replay != nil:
		a.Outcome = OutcomeFailed
		it.replay.failed(it)
		for _, next := range rest {
			next.replay.failed(next)
		}
	case l.d.AfterLast == AfterDrop:
		a.Outcome = OutcomeDropped
		l.counts.Dropped++
		slog.Warn("a webhook was dropped after its last retry", "destination", l.d.key(), "event", it.msg.ID, "error", a.Error)
		l.done(it)
	default:
		a.Outcome = OutcomeParked
		l.park(it, a.Error, strict)
		for _, next := range rest {
			l.park(next, "its entity is held", true)
		}
	}
}

// park keeps a message for replay; mu is held.
func (l *lane) park(it *item, reason string, hold bool) {
	l.counts.Parked++
	l.parked.add(Parked{Event: it.msg.ID, Type: it.msg.Type, Feed: it.msg.Feed, Key: it.msg.Key, After: eventlog.Cursor{Epoch: it.epoch, Seq: it.seq - 1}, At: time.Now().UTC().Truncate(time.Millisecond), Reason: reason, Held: hold})
	l.done(it)
}

// pop takes the head of an entity away; mu is held.
func (l *lane) pop(e *entity) {
	e.items[0] = nil
	e.items = e.items[1:]
	if len(e.items) == 0 {
		delete(l.entities, e.key)
		return
	}
	l.offer(e)
}

// done says that a message is done with; mu is held.
func (l *lane) done(it *item) {
	if it.replay != nil {
		it.replay.delivered(it)
		return
	}
	l.waiting--
	l.progress.finish(it.seq, it.index, it.round)
	l.dirty = true
	if it.received.After(l.newest) {
		l.newest = it.received
	}
	l.poke()
}

// shed forgets what waits and is not being sent: it will be read again from the log; mu is held.
func (l *lane) shed() {
	l.round++
	for key, e := range l.entities {
		keep := e.items[:0]
		for i, it := range e.items {
			if it.replay != nil || i == 0 && e.busy {
				keep = append(keep, it)
				continue
			}
			l.progress.release(it.seq, it.index)
			l.waiting--
		}
		clear(e.items[len(keep):])
		e.items = keep
		e.queue = false
		if len(keep) == 0 {
			delete(l.entities, key)
		}
	}
	l.ready, l.readyAt, l.delayed = nil, 0, nil
	l.next = l.progress.low + 1
	for _, e := range l.entities {
		l.offer(e)
	}
	l.poke()
}
