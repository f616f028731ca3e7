package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"trunkline/control"
	"trunkline/eventlog"
	"trunkline/ws"
)

// Bucket is the name of the bucket that holds the cursors of consumers, under
// <tenant>/<consumer>.
const Bucket = "live_consumers"

// stored is what the bucket holds of a consumer.
type stored struct {
	Cursor eventlog.Cursor `json:"cursor"`
	At     time.Time       `json:"at"` // when it was acknowledged
}

// consumer is a named consumer that is connected to this process. Its fields are
// guarded by consumers.mu.
type consumer struct {
	key    string
	owner  *sub   // the connection that may acknowledge
	turn   uint64 // of its connection, see consumers.turn
	cursor eventlog.Cursor
	dirty  bool // cursor is not in the bucket yet
}

// consumers keeps the places of named consumers. A consumer has one connection in a
// process: a new one takes over from the old.
type consumers struct {
	feed *Feed

	// storing lets one write into the bucket go on at a time, so that an older
	// cursor never overwrites a newer one. mu may be taken under it.
	storing sync.Mutex

	mu    sync.Mutex // guards what is below; the bucket is not used under it
	known map[string]*consumer
	// turn counts requests, so that the connection asked for last is the one that
	// stays, though the others are answered before they come to claim.
	turn uint64
}

func (c *consumers) init(f *Feed) { c.feed, c.known = f, map[string]*consumer{} }

// storeTimeout bounds one use of the bucket.
const storeTimeout = 5 * time.Second

// place gives the cursor after which a consumer starts: start when it was given,
// otherwise where it was. A consumer that has no place yet starts at start, which is
// stored at once, so that nothing is missed if it is cut before its first
// acknowledgement.
func (c *consumers) place(ctx context.Context, s *sub, name string, start eventlog.Cursor, given bool) (eventlog.Cursor, error) {
	tenant := s.tenant
	key := tenant + "/" + name
	c.mu.Lock()
	c.turn++
	s.turn = c.turn
	con := c.known[key]
	if con != nil && !given {
		start = con.cursor // the bucket may be behind it
	}
	c.mu.Unlock()
	if con != nil {
		return start, check(c.feed.log, tenant, start)
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	entry, err := c.feed.o.Consumers.Get(ctx, key)
	if err != nil && !errors.Is(err, control.ErrNotFound) {
		return start, fmt.Errorf("read the stored cursor of consumer %q: %w", name, err)
	}
	if err == nil && !given {
		var at stored
		if err := json.Unmarshal(entry.Value, &at); err != nil {
			return start, fmt.Errorf("the stored cursor of consumer %q: %w", name, err)
		}
		start = at.Cursor
	}
	if gone := check(c.feed.log, tenant, start); gone != nil {
		return start, gone
	}
	if err == nil {
		return start, nil
	}
	return start, c.store(ctx, &consumer{key: key, cursor: start})
}

// claim makes s, which is connected, the connection of a consumer.
func (c *consumers) claim(s *sub, name string, start eventlog.Cursor) {
	key := s.tenant + "/" + name
	c.mu.Lock()
	con := c.known[key]
	if con == nil {
		con = &consumer{key: key}
		c.known[key] = con
	}
	before := con.owner
	if con.turn > s.turn {
		before = s // one that was asked for later is here already
	} else {
		con.owner, con.turn, con.cursor, con.dirty = s, s.turn, start, true
		s.consumer = con
	}
	c.mu.Unlock()
	if before != nil {
		before.goodbye(farewell{code: ws.CodeReplaced, reason: "another connection of this consumer took over"}, false)
	}
}

// acknowledge moves a consumer's place forward.
func (c *consumers) acknowledge(con *consumer, s *sub, at eventlog.Cursor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if con.owner == s && at.Epoch == s.epoch && (con.cursor.Epoch != at.Epoch || at.Seq > con.cursor.Seq) {
		con.cursor, con.dirty = at, true
	}
}

// detach is called when a connection has ended. What it acknowledged last is stored
// with the next flush.
func (c *consumers) detach(s *sub) {
	if s.consumer == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.consumer.owner == s {
		s.consumer.owner = nil
	}
}

// work stores acknowledged cursors, many acknowledgements in one write.
func (c *consumers) work() {
	defer c.feed.wg.Done()
	tick := time.NewTicker(c.feed.o.AckInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.feed.ctx.Done():
			return
		case <-tick.C:
			if err := c.flush(c.feed.ctx); err != nil && c.feed.ctx.Err() == nil {
				c.feed.o.Logger.Warn("storing the cursors of consumers failed; it is tried again", "err", err)
			}
		}
	}
}

// flush stores what has changed and forgets consumers that are not connected.
func (c *consumers) flush(ctx context.Context) error {
	c.mu.Lock()
	var changed []*consumer
	for key, con := range c.known {
		if con.dirty {
			changed = append(changed, con)
		} else if con.owner == nil {
			delete(c.known, key)
		}
	}
	c.mu.Unlock()
	for _, con := range changed {
		if err := c.store(ctx, con); err != nil {
			return err
		}
	}
	return nil
}

// store writes a consumer's place.
func (c *consumers) store(ctx context.Context, con *consumer) error {
	c.storing.Lock()
	defer c.storing.Unlock()
	c.mu.Lock()
	at := stored{con.cursor, time.Now().UTC()}
	con.dirty = false
	c.mu.Unlock()
	value, err := json.Marshal(at)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		_, err = c.feed.o.Consumers.Put(ctx, con.key, value)
	}
	if err != nil {
		c.mu.Lock()
		con.dirty = true
		c.mu.Unlock()
		return fmt.Errorf("store the cursor of consumer %s: %w", con.key, err)
	}
	return nil
}
