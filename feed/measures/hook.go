package measures

import (
	"cmp"
	"context"
	"crypto/tls"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"trunkline/webhook"
)

// Webhooks says how messages are sent to the endpoints of subscriptions of the kind WEBHOOK.
type Webhooks struct {
	// Guard says which addresses may be dialled.
	Guard webhook.Guard
	// PlainHTTP lets endpoints be named that are reached without TLS.
	PlainHTTP bool
	// Owns says whether this node delivers for a tenant. nil: always.
	Owns func(tenant string) bool
	// Timeout is that of one attempt. 0 means 10 s.
	Timeout time.Duration
	// Pause is the longest pause before the first retry; each following may be twice as long. 0 means 1 s.
	Pause time.Duration
}

// hookWorkers is how many messages may be on their way to an endpoint.
const hookWorkers = 8

// news is what an endpoint is to be told of a key. The texts are shared with the sheet and never changed.
type news struct {
	row            int32
	keys, measures []byte // measures nil: the key is gone
	id             string // of the message; "" until it is sent
}

// hook delivers the messages of a subscription to its endpoint: the snapshot as INITIALIZING, in any order, and when all of it
// has arrived, what changed, as LIVE. Of one key one message is on its way, and what waits for it is the latest. A message
// is tried until it arrives, is overtaken by a newer one of its key, or the subscription ends.
type hook struct {
	feed   *Feed
	sub    *stored
	terms  terms
	client *webhook.Client
	env    envelope
	place  *room
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	fresh bool // there was no snapshot yet; belongs to the goroutine of the room

	mu      sync.Mutex // guards what is below
	initial []news     // of the snapshot
	marker  []byte     // goes out behind the snapshot; nil: none
	pending map[int32]news
	order   []int32 // the keys of pending, the oldest first
	busy    map[int32]struct{}
	flying  int // of initial, and the marker
	workers int
	fails   int // in a row
	hold    time.Time
	timer   *time.Timer // for hold
	stopped bool
}

// newHook makes the delivery of a subscription; nothing happens before it is in a room.
func (f *Feed) newHook(sub *stored) (*hook, error) {
	t := sub.Transport
	e := webhook.Endpoint{URL: t.Endpoint, Agent: "Trunkline-Measures/1", Timeout: f.o.Webhooks.Timeout, Concurrency: hookWorkers, Any2xx: true,
		TLS: &tls.Config{MinVersion: tls.VersionTLS12}, Keys: sub.Secrets.Keys}
	if sub.AuthToken != "" {
		e.Headers = map[string]string{cmp.Or(t.AuthTokenHeader, defaultTokenHeader): sub.AuthToken}
	}
	c, err := webhook.New(e, f.o.Webhooks.Guard)
	if err != nil {
		return nil, err
	}
	h := &hook{feed: f, sub: sub, terms: termsOf(sub), client: c, fresh: true, pending: map[int32]news{}, busy: map[int32]struct{}{}}
	h.env = newEnvelope(f.o.Account(sub.Tenant), f.o.EventSource, h.terms.producer)
	h.ctx, h.cancel = context.WithCancel(f.ctx)
	return h, nil
}

// begin starts with what a sheet has.
func (h *hook) begin(sh *sheet, account, cursor string) {
	h.fresh = false
	h.mu.Lock()
	defer h.mu.Unlock()
	for n := range sh.rows {
		if r := &sh.rows[n]; r.measures != nil {
			h.initial = append(h.initial, news{row: int32(n), keys: r.keys, measures: r.measures})
		}
	}
	if h.sub.Extensions[extInitialized] == "true" {
		h.marker = initializedMessage(account, sh.terms.producer, cursor, len(h.initial))
	}
	h.staff()
}

// offer takes rows that have changed.
func (h *hook) offer(sh *sheet, rows []int32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range rows {
		if _, waits := h.pending[n]; !waits {
			h.order = append(h.order, n)
		}
		h.pending[n] = news{row: n, keys: sh.rows[n].keys, measures: sh.rows[n].measures}
	}
	h.staff()
}

// staff sees to it that somebody sends; mu is held.
func (h *hook) staff() {
	if h.stopped {
		return
	}
	most := hookWorkers
	if h.fails > 0 {
		most = 1 // it is tried with one message whether the endpoint is back
	}
	for want := min(most, len(h.initial)+len(h.order)+1); h.workers < want; {
		h.workers++
		h.wg.Add(1)
		go h.work()
	}
}

// work sends until there is nothing that can be sent now.
func (h *hook) work() {
	defer h.wg.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		m, body, first, ok := h.take(time.Now())
		if !ok {
			h.workers--
			return
		}
		h.mu.Unlock()
		out := h.client.Send(h.ctx, &webhook.Message{ID: m.id, Media: "application/json", Body: body}, 1)
		h.mu.Lock()
		h.settle(m, first, out, time.Now())
	}
}

// take gives the next message; mu is held. first says that it is of the snapshot.
func (h *hook) take(now time.Time) (m news, body []byte, first, ok bool) {
	if h.stopped || h.fails > 0 && (len(h.busy) > 0 || h.flying > 0) {
		return m, nil, false, false
	}
	if wait := h.hold.Sub(now); wait > 0 {
		if h.timer == nil {
			h.timer = time.AfterFunc(wait, func() {
				h.mu.Lock()
				defer h.mu.Unlock()
				h.timer = nil
				h.staff()
			})
		}
		return m, nil, false, false
	}
	switch {
	case len(h.initial) > 0:
		m, h.initial = h.initial[0], h.initial[1:]
		m, body, first = h.dress(m, payloadInitializing)
		h.flying++
		return m, body, first, true
	case h.flying > 0:
		return m, nil, false, false // what is live follows all of the snapshot
	case h.marker != nil:
		m, body, h.marker = news{row: -1, id: uuid.NewString(), keys: h.marker}, h.marker, nil
		h.flying++
		return m, body, true, true
	}
	for i, n := range h.order {
		if _, busy := h.busy[n]; busy {
			continue
		}
		m = h.pending[n]
		h.order = slices.Delete(h.order, i, i+1)
		delete(h.pending, n)
		h.busy[n] = struct{}{}
		m, body, _ = h.dress(m, payloadLive)
		return m, body, false, true
	}
	h.order = slices.Clip(h.order)
	return m, nil, false, false
}

func (h *hook) dress(m news, payload string) (news, []byte, bool) {
	if m.id == "" {
		m.id = uuid.NewString()
	}
	return m, h.env.appendMessage(nil, m.keys, m.measures, payload), payload == payloadInitializing
}

// settle takes what became of an attempt; mu is held.
func (h *hook) settle(m news, first bool, out webhook.Outcome, now time.Time) {
	if first {
		h.flying--
	} else {
		delete(h.busy, m.row)
	}
	log := h.feed.o.Logger.With("subscription", h.sub.ID, "tenant", h.sub.Tenant)
	if out.OK {
		h.feed.delivered.Add(1)
		if h.fails > 0 {
			log.Info("a webhook of measures is taken again", "failures", h.fails)
		}
		h.fails = 0
		h.staff()
		return
	}
	switch _, newer := h.pending[m.row]; {
	case m.row < 0:
		h.marker = m.keys
	case first:
		h.initial = append(h.initial, m)
	case !newer:
		h.pending[m.row] = m
		h.order = append(h.order, m.row)
	}
	if h.stopped {
		return
	}
	if h.fails++; h.fails == 1 {
		log.Warn("a webhook of measures is not taken; the latest values are kept for it", "error", out.Err)
	}
	h.hold = now.Add(max(webhook.RetryPause(h.feed.o.Webhooks.Pause, h.fails), out.RetryAfter, 10*time.Millisecond))
	if out.Status == 410 {
		h.stopped = true
		h.feed.wg.Add(1)
		go h.feed.goneHook(h)
	}
}

// end stops the delivery. What is on its way is given up.
func (h *hook) end() {
	h.mu.Lock()
	h.stopped = true
	if h.timer != nil {
		h.timer.Stop()
	}
	h.mu.Unlock()
	h.cancel()
	h.wg.Wait()
	h.client.Close()
}

// goneHook sets a subscription inactive whose endpoint wants no more.
func (f *Feed) goneHook(h *hook) {
	defer f.wg.Done()
	ctx, cancel := context.WithTimeout(f.ctx, 10*time.Second)
	defer cancel()
	if err := f.subs.stop(ctx, h.sub.Tenant, h.sub.ID); err != nil && f.ctx.Err() == nil {
		f.o.Logger.Error("a subscription could not be set inactive", "subscription", h.sub.ID, "error", err)
	}
}

// tendHooks starts the deliveries that there should be and ends those that should not. It is called by one goroutine.
func (f *Feed) tendHooks() {
	if f.o.Webhooks == nil {
		return
	}
	want, now := map[string]*stored{}, f.o.Now()
	for _, s := range f.subs.made.All() {
		if s.Transport.Type == transportWebhook && s.active(now) && f.o.Webhooks.Owns(s.Tenant) && f.o.Account(s.Tenant) != "" {
			want[s.ID] = s
		}
	}
	f.mu.Lock()
	have := maps.Clone(f.hooks)
	f.mu.Unlock()
	for id, h := range have {
		if s := want[id]; s == nil || s.Terms != h.sub.Terms || s.AuthToken != h.sub.AuthToken || !slices.EqualFunc(s.Secrets, h.sub.Secrets, sameKey) {
			f.stopHook(h)
			delete(have, id)
		}
	}
	for id, s := range want {
		if have[id] != nil {
			continue
		}
		h, err := f.newHook(s)
		if err != nil {
			f.o.Logger.Error("a webhook of measures cannot be sent to", "subscription", id, "error", err)
			continue
		}
		f.mu.Lock()
		if !f.closed {
			f.hooks[id] = h
			h.place = f.roomOf(s.Tenant)
		}
		f.mu.Unlock()
		if h.place == nil {
			h.end() // the feed is closing
			return
		}
		h.place.joinHook(h)
	}
}

func sameKey(a, b webhook.Secret) bool { return a.Key == b.Key }

func (f *Feed) stopHook(h *hook) {
	h.place.leaveHook(h)
	h.end()
	f.mu.Lock()
	delete(f.hooks, h.sub.ID)
	last := f.quit(h.place)
	f.mu.Unlock()
	if last {
		h.place.close()
	}
}
