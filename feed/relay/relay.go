// Package relay carries a tenant's events from the log to connections, for every
// feed that keeps the promise of a replay: in order, none left out, at each
// connection's own pace.
//
// A [Sub] is one connection with its place in the log. Those who have caught up get
// new events from the room of their tenant, where a batch is encoded once for all who
// want it alike (see [Options.Encode]) and only slice headers go to the connections. A
// connection that does not take what it is given leaves the room: readers read the log
// for it, in turns, until it has caught up and joins again. [Places] keeps what named
// consumers have acknowledged.
//
// Invariants:
//
//   - What a Sub is given follows what it was given before, without gap or repeat.
//   - Nobody waits for a slow Sub, and its memory is the queue of its connection.
//   - A place that cannot be gone on from ends the Sub with a [Farewell] that says what
//     is lost.
//   - Who asks for a named place last has it, and what was acknowledged never goes back.
package relay

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"

	"trunkline/eventlog"
	"trunkline/fanout"
)

// Log is what a Relay needs of the event log.
type Log interface {
	Read(ctx context.Context, tenant string, after eventlog.Cursor, fn func(*eventlog.Batch) (bool, error)) error
	Follow(tenant string, fn func(*eventlog.Batch)) (at eventlog.Cursor, stop func())
}

var _ Log = (*eventlog.Log)(nil)

// Form is how a batch is encoded for some connections: a value of the feed's that can
// be compared.
type Form any

// Filter lets records through. It is used from many goroutines.
type Filter interface {
	// Key is the same for filters that mean the same.
	Key() string
	Match(*eventlog.Record) bool
}

// Encoded is a batch in one form. It is shared and not changed.
type Encoded struct {
	Buf  []byte // finished frames
	Ends []int  // Ends[i] is where record i of the batch ends in Buf
	// Marks are numbers of the feed's own: Marks[i] is that of the last event up to record
	// i, 0 when there was none in the batch. nil: the feed has none.
	Marks []uint64
}

// Options are the terms of a Relay.
type Options struct {
	Pool *fanout.Pool
	// Encode makes the frames of a batch.
	Encode func(b *eventlog.Batch, fm Form) *Encoded
	// Readers is how many goroutines read the log for those who are behind. 0 means two
	// for each processor.
	Readers int
	Logger  *slog.Logger
}

// ErrClosed says that the relay was closed.
var ErrClosed = errors.New("the server is stopping")

// Relay carries events to its subscribers.
type Relay struct {
	log     Log
	o       Options
	frames  frames
	readers readers
	ctx     context.Context // ends with Close
	end     context.CancelFunc
	wg      sync.WaitGroup

	mu     sync.Mutex // guards what is below
	rooms  map[string]*room
	subs   map[*Sub]struct{}
	closed bool
}

// New starts a relay. Close ends it.
func New(log Log, o Options) *Relay {
	o.Readers = cmp.Or(o.Readers, 2*runtime.GOMAXPROCS(0))
	o.Logger = cmp.Or(o.Logger, slog.Default())
	r := &Relay{log: log, o: o, rooms: map[string]*room{}, subs: map[*Sub]struct{}{}}
	r.ctx, r.end = context.WithCancel(context.Background())
	r.frames.init(frameCacheBytes, o.Encode)
	r.readers.init(r)
	r.wg.Add(o.Readers)
	for range o.Readers {
		go r.readers.work()
	}
	return r
}

// Refuse lets nobody in any more.
func (r *Relay) Refuse() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// Close ends the relay. Its subscribers have left.
func (r *Relay) Close() {
	r.Refuse()
	r.end()
	r.readers.stop()
	r.wg.Wait()
}

// Stats counts what is connected.
type Stats struct {
	Subs   int // connections
	Behind int // of them: reading the log instead of being live
	Rooms  int // tenants whose events somebody listens to
}

// Stats counts the subscribers.
func (r *Relay) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Stats{Subs: len(r.subs), Rooms: len(r.rooms)}
	for sub := range r.subs {
		if !sub.isLive() {
			s.Behind++
		}
	}
	return s
}

// Enter registers a subscriber. It gets nothing before Start, and must Leave.
func (r *Relay) Enter(s *Sub) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	m := r.rooms[s.Tenant]
	if m == nil {
		m = newRoom(r, s.Tenant)
		r.rooms[s.Tenant] = m
	}
	m.users++
	s.relay, s.room, s.epoch, s.next = r, m, s.Start.Epoch, s.Start.Seq+1
	s.drained = make(chan struct{}, 1)
	r.subs[s] = struct{}{}
	return nil
}

// Start lets a subscriber get what follows its place.
func (r *Relay) Start(s *Sub) { r.readers.wake(s) }

// Leave forgets a subscriber, and its room when it was the last.
func (r *Relay) Leave(s *Sub) {
	m := s.room
	m.mu.Lock()
	m.drop(s)
	s.state = over
	m.mu.Unlock()
	r.mu.Lock()
	delete(r.subs, s)
	m.users--
	last := m.users == 0
	if last {
		delete(r.rooms, s.Tenant)
	}
	r.mu.Unlock()
	if last {
		m.close()
	}
}
