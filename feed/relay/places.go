package relay

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"trunkline/control"
	"trunkline/eventlog"
)

// place is what the bucket holds of a named consumer.
type place struct {
	Cursor eventlog.Cursor `json:"cursor"`
	At     time.Time       `json:"at"` // when it was acknowledged, or the consumer was last known to be connected
	By     string          `json:"by"` // the process that has the consumer
}

// PlacesOptions are the terms of Places.
type PlacesOptions struct {
	// KV holds the cursors under <tenant>/<name>.
	KV control.KV
	// Check says whether a cursor can be gone on from.
	Check func(tenant string, c eventlog.Cursor) error
	// Every is the pause between writes of what was acknowledged. 0 means 1 s.
	Every time.Duration
	// Keep is how long the place of a consumer that is not connected is kept. 0: for ever.
	Keep time.Duration
	// Now is the clock. nil: the real one.
	Now    func() time.Time
	Logger *slog.Logger
}

// consumer is a named consumer that is known to this process. Its fields are guarded
// by Places.mu.
type consumer struct {
	key    string
	holder *Holder // the connection that may acknowledge
	turn   uint64  // of its holder, see Places.turn
	cursor eventlog.Cursor
	dirty  bool      // cursor is not in the bucket yet
	stored time.Time // the time that the bucket has
	// rev is where the bucket has what was stored here, so that nothing is stored over what
	// another process wrote since; 0: a new holder takes the place whoever has it.
	rev uint64
}

// Holder is a connection that asked for a named place. Take makes it the one that has
// it.
type Holder struct {
	Start eventlog.Cursor // where it begins
	// Fresh says that the name had no place, or one that was kept no longer.
	Fresh bool

	places   *Places
	key      string
	turn     uint64
	replaced func()
	consumer *consumer // nil: another one has the place
}

// Places keeps the places of named consumers. A consumer has one connection: a new one
// takes over from the old. Where that is in another process, the old one is told when it
// next stores what was acknowledged, and what it would have stored is dropped.
type Places struct {
	o  PlacesOptions
	id string // of this process

	// storing lets one write into the bucket go on at a time, so that an older
	// cursor never overwrites a newer one. mu may be taken under it.
	storing sync.Mutex

	mu    sync.Mutex // guards what is below; the bucket is not used under it
	known map[string]*consumer
	// turn counts requests, so that the connection asked for last is the one that
	// stays, though the others are answered before they come to take their place.
	turn uint64
}

// NewPlaces keeps places in a bucket. Run stores what is acknowledged.
func NewPlaces(o PlacesOptions) *Places {
	o.Every = cmp.Or(o.Every, time.Second)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Places{o: o, id: rand.Text(), known: map[string]*consumer{}}
}

// storeTimeout bounds one use of the bucket.
const storeTimeout = 5 * time.Second

// Ask finds the cursor after which a consumer starts: start when given, otherwise where
// it was. A consumer that has no place yet starts at start, which is stored at once, so
// that nothing is missed if it is cut before its first acknowledgement.
func (p *Places) Ask(ctx context.Context, tenant, name string, start eventlog.Cursor, given bool) (*Holder, error) {
	h := &Holder{places: p, key: tenant + "/" + name, Start: start}
	p.mu.Lock()
	p.turn++
	h.turn = p.turn
	con := p.known[h.key]
	if con != nil && !given {
		h.Start = con.cursor // the bucket may be behind it
	}
	here := con != nil && (con.holder != nil || !p.expired(con.stored))
	unstored := here && con.rev == 0
	p.mu.Unlock()
	if unstored {
		return h, p.o.Check(tenant, h.Start)
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	entry, err := p.o.KV.Get(ctx, h.key)
	var at place
	if err == nil {
		if err := json.Unmarshal(entry.Value, &at); err != nil {
			return nil, fmt.Errorf("the stored cursor of consumer %q: %w", name, err)
		}
	}
	if here && (err != nil || at.By == p.id) { // and not another process's meanwhile
		return h, p.o.Check(tenant, h.Start)
	}
	if err != nil && !errors.Is(err, control.ErrNotFound) {
		return nil, fmt.Errorf("read the stored cursor of consumer %q: %w", name, err)
	}
	h.Fresh = err != nil
	if err == nil {
		if h.Fresh = p.expired(at.At); !h.Fresh && !given {
			h.Start = at.Cursor
		}
	}
	if h.Fresh {
		h.Start = start
	}
	if gone := p.o.Check(tenant, h.Start); gone != nil {
		return h, gone
	}
	if !h.Fresh {
		return h, nil
	}
	return h, p.store(ctx, &consumer{key: h.key, cursor: h.Start})
}

func (p *Places) expired(at time.Time) bool {
	return p.o.Keep > 0 && !at.IsZero() && p.o.Now().Sub(at) > p.o.Keep
}

// Take makes a connected holder the one of its consumer. replaced is called when
// another one takes over, at once when one has that was asked for later.
func (h *Holder) Take(replaced func()) {
	p := h.places
	p.mu.Lock()
	con := p.known[h.key]
	if con == nil {
		con = &consumer{key: h.key}
		p.known[h.key] = con
	}
	before := replaced
	if con.turn <= h.turn {
		before = nil
		if con.holder != nil {
			before = con.holder.replaced
		}
		h.replaced, h.consumer = replaced, con
		con.holder, con.turn, con.cursor, con.dirty, con.rev = h, h.turn, h.Start, true, 0
	}
	p.mu.Unlock()
	if before != nil {
		before()
	}
}

// Acknowledge moves the consumer's place forward.
func (h *Holder) Acknowledge(at eventlog.Cursor) {
	h.places.mu.Lock()
	defer h.places.mu.Unlock()
	con := h.consumer
	if con != nil && con.holder == h && at.Epoch == h.Start.Epoch && (con.cursor.Epoch != at.Epoch || at.Seq > con.cursor.Seq) {
		con.cursor, con.dirty = at, true
	}
}

// Acknowledged is the consumer's place.
func (h *Holder) Acknowledged() eventlog.Cursor {
	h.places.mu.Lock()
	defer h.places.mu.Unlock()
	if h.consumer == nil {
		return h.Start
	}
	return h.consumer.cursor
}

// Leave is called when the connection has ended. What it acknowledged last is stored
// with the next write.
func (h *Holder) Leave() {
	h.places.mu.Lock()
	defer h.places.mu.Unlock()
	if con := h.consumer; con != nil && con.holder == h {
		con.holder = nil
		con.dirty = con.dirty || h.places.o.Keep > 0 // the time until which it was there
	}
}

// Run stores acknowledged cursors, many acknowledgements in one write, until ctx ends.
func (p *Places) Run(ctx context.Context) {
	tick := time.NewTicker(p.o.Every)
	defer tick.Stop()
	sweep := make(<-chan time.Time) // never, when places are kept for ever
	if p.o.Keep > 0 {
		t := time.NewTicker(p.o.Keep / 2)
		defer t.Stop()
		sweep = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep:
			if err := p.sweep(ctx); err != nil && ctx.Err() == nil {
				p.o.Logger.Warn("places that are kept no longer could not be removed", "err", err)
			}
		case <-tick.C:
			if err := p.Flush(ctx); err != nil && ctx.Err() == nil {
				p.o.Logger.Warn("storing the cursors of consumers failed; it is tried again", "err", err)
			}
		}
	}
}

// sweep removes the places that are kept no longer.
func (p *Places) sweep(ctx context.Context) error {
	var old []string
	look, enough := context.WithCancel(ctx)
	defer enough()
	err := p.o.KV.Watch(look, func(e control.Entry) {
		var at place
		if !e.Deleted && json.Unmarshal(e.Value, &at) == nil && p.expired(at.At) {
			old = append(old, e.Key)
		}
	}, enough)
	if err != nil && look.Err() == nil {
		return fmt.Errorf("list the places of consumers: %w", err)
	}
	for _, key := range old {
		if err := p.remove(ctx, key); err != nil {
			return fmt.Errorf("remove the place of consumer %s: %w", key, err)
		}
	}
	return nil
}

// remove removes a place unless it is wanted again.
func (p *Places) remove(ctx context.Context, key string) error {
	p.storing.Lock()
	defer p.storing.Unlock()
	p.mu.Lock()
	_, here := p.known[key]
	p.mu.Unlock()
	entry, err := p.o.KV.Get(ctx, key)
	if here || errors.Is(err, control.ErrNotFound) {
		return nil
	}
	var at place
	if err != nil || json.Unmarshal(entry.Value, &at) != nil || !p.expired(at.At) {
		return err
	}
	return p.o.KV.Delete(ctx, key)
}

// Flush stores what has changed and forgets consumers that are not connected.
func (p *Places) Flush(ctx context.Context) error {
	p.mu.Lock()
	var changed []*consumer
	for key, con := range p.known {
		// Who is connected is noted as being there, long before the place would be given up.
		if con.holder != nil && p.o.Keep > 0 && p.o.Now().Sub(con.stored) > p.o.Keep/8 {
			con.dirty = true
		}
		if con.dirty {
			changed = append(changed, con)
		} else if con.holder == nil {
			delete(p.known, key)
		}
	}
	p.mu.Unlock()
	for _, con := range changed {
		if err := p.store(ctx, con); err != nil {
			return err
		}
	}
	return nil
}

// store writes a consumer's place, unless another process has taken it.
func (p *Places) store(ctx context.Context, con *consumer) error {
	p.storing.Lock()
	defer p.storing.Unlock()
	p.mu.Lock()
	at, rev, turn := place{con.cursor, p.o.Now().UTC(), p.id}, con.rev, con.turn
	con.dirty, con.stored = false, at.At
	p.mu.Unlock()
	value, err := json.Marshal(at)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		if rev, err = p.write(ctx, con.key, value, rev); errors.Is(err, control.ErrRevision) {
			p.taken(con, turn)
			return nil
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		con.dirty = true
		return fmt.Errorf("store the cursor of consumer %s: %w", con.key, err)
	}
	if con.turn == turn {
		con.rev = rev
	}
	return nil
}

// write writes over a revision; ErrRevision means that another process has written since.
func (p *Places) write(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
	if rev == 0 {
		return p.o.KV.Put(ctx, key, value)
	}
	next, err := p.o.KV.Update(ctx, key, value, rev)
	if !errors.Is(err, control.ErrRevision) {
		return next, err
	}
	// An answer may have been lost, or the place been removed as one kept no longer.
	entry, gerr := p.o.KV.Get(ctx, key)
	var is place
	switch {
	case errors.Is(gerr, control.ErrNotFound):
		return p.o.KV.Create(ctx, key, value)
	case gerr != nil:
		return 0, gerr
	case json.Unmarshal(entry.Value, &is) == nil && is.By == p.id:
		return p.o.KV.Update(ctx, key, value, entry.Revision)
	}
	return 0, err
}

// taken lets go of a consumer that another process has, unless it was taken back here.
func (p *Places) taken(con *consumer, turn uint64) {
	p.mu.Lock()
	if con.turn != turn {
		p.mu.Unlock()
		return
	}
	h := con.holder
	con.holder = nil
	if p.known[con.key] == con {
		delete(p.known, con.key)
	}
	p.mu.Unlock()
	if h != nil {
		h.replaced()
	}
}
