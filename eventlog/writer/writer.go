package writer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/event"
	"trunkline/eventlog/commit"
	"trunkline/eventlog/index"
)

// Stream is what the writer needs of the engine.
type Stream interface {
	index.Source
	Publish(ctx context.Context, msg []byte, expect uint64) error
}

// Config makes a writer.
type Config struct {
	Shard  int
	Node   string // name of this process, for the claim
	Stream Stream
	Index  *index.Shard
	Fold   Fold // nil: nothing is enriched or derived
	// Snapshots stores the fold's state; may be nil when Fold is.
	Snapshots Snapshots
	// Committed is told each commit that this writer made, in order, before the
	// appends in it return. It must not block.
	Committed func(*commit.Commit)
	// Recover is called after a failure, before the next claim; it blocks until
	// another attempt makes sense. reason is told to it and to callers.
	Recover func(ctx context.Context, cause error) error
	// Ready is told whenever the writer begins or ceases to take appends.
	Ready func(writable bool, reason string)

	MaxMessage   int              // bytes of one commit
	MaxEvents    int              // events of one commit, default 2048
	MaxPending   int              // bytes waiting to be committed, default 64 MiB
	Gather       time.Duration    // longest wait for company, default 2 ms
	Tick         time.Duration    // a tick is logged when such a boundary passes in silence, default 1 min
	UnknownWait  time.Duration    // how long an append waits for its outcome to be found out, default 3 s
	SnapshotEach int              // events between snapshots of the fold, default 100,000
	Now          func() time.Time // the clock, default time.Now
	Logger       *slog.Logger
}

// Writer writes one shard. Make it with New and keep Run running.
type Writer struct {
	cfg   Config
	soft  int // raw bytes at which a commit is closed
	owner commit.Owner

	mu      sync.Mutex // guards the fields below
	pending []*request
	bytes   int
	down    error // why appends are refused; nil when writable
	wake    chan struct{}
	askers  []chan uint64 // who waits for a snapshot of the fold

	kept atomic.Uint64 // the commit at which the stored snapshot of the fold stands

	// What follows belongs to the goroutine of Run.
	builder  commit.Builder
	seen     map[commit.Key]uint32
	heads    map[string]head
	derived  int            // facts derived from the event at hand
	since    int            // events since the last snapshot of the fold
	mute     bool           // the fold's due timers had nothing new to say
	saving   sync.WaitGroup // a snapshot being stored
	released int            // callers that the last commit released
	flight   *flight
	// Builder and maps of the last commit that landed, for the next but one.
	builderSpare commit.Builder
	seenSpare    map[commit.Key]uint32
	headsSpare   map[string]head
}

type head struct {
	epoch commit.Epoch
	seq   uint64
}

// New makes a writer. It takes appends once Run has claimed the shard.
func New(cfg Config) *Writer {
	cfg.MaxEvents = orDefault(cfg.MaxEvents, 2048)
	cfg.MaxPending = orDefault(cfg.MaxPending, 64<<20)
	cfg.Gather = orDefault(cfg.Gather, 2*time.Millisecond)
	cfg.Tick = orDefault(cfg.Tick, time.Minute)
	cfg.UnknownWait = orDefault(cfg.UnknownWait, 3*time.Second)
	cfg.SnapshotEach = orDefault(cfg.SnapshotEach, 100_000)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Committed == nil {
		cfg.Committed = func(*commit.Commit) {}
	}
	if cfg.Ready == nil {
		cfg.Ready = func(bool, string) {}
	}
	return &Writer{
		cfg:  cfg,
		soft: min(cfg.MaxMessage-cfg.MaxMessage/4, 4<<20), // the rest is for what the fold adds
		down: unavailable("starting"), wake: make(chan struct{}, 1),
		seen: make(map[commit.Key]uint32), heads: make(map[string]head),
		seenSpare: make(map[commit.Key]uint32), headsSpare: make(map[string]head),
	}
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// Append makes events of one tenant durable, in their order. It returns when
// they are, or with an error that says what is known. Until it returns, the
// events' bytes must not change. A large append may take several commits; when
// a later one fails, what went before stays and the answer is the failure's.
func (w *Writer) Append(ctx context.Context, tenant string, events []event.Event) (Result, error) {
	all := newRequest(tenant, events)
	if all.bytes <= w.soft && len(events) <= w.cfg.MaxEvents {
		if err := w.enqueue(all); err != nil {
			return Result{}, err
		}
		w.wait(ctx, all)
		return all.result, all.err
	}
	parts, err := w.split(all)
	if err != nil {
		return Result{}, err
	}
	if err := w.enqueue(parts...); err != nil {
		return Result{}, err
	}
	var sum Result
	var failed error
	for i, p := range parts {
		w.wait(ctx, parts[i:]...)
		res, err := p.result, p.err
		if err != nil && (failed == nil || errors.Is(err, ErrUnknown)) {
			failed = err
		}
		sum.Accepted += res.Accepted
		sum.Duplicates += res.Duplicates
		sum.Conflicts += res.Conflicts
		sum.Epoch, sum.Head = res.Epoch, max(sum.Head, res.Head)
	}
	if failed != nil && sum.Accepted > 0 {
		// Part of it stands: the whole is not "not written".
		failed = fmt.Errorf("%w (%d of %d events were written): %w", ErrUnknown, sum.Accepted, len(events), failed)
	}
	return sum, failed
}

// split cuts a request that does not fit one commit.
func (w *Writer) split(all *request) ([]*request, error) {
	var parts []*request
	for at := 0; at < len(all.events); {
		p := &request{tenant: all.tenant, done: make(chan struct{})}
		from := at
		for at < len(all.events) && at-from < w.cfg.MaxEvents {
			n := len(all.events[at].Raw) + recordOverhead
			if n > w.soft {
				return nil, fmt.Errorf("%w: event %d has %d bytes, a commit takes %d", ErrTooLarge, at, n, w.soft)
			}
			if p.bytes+n > w.soft {
				break
			}
			p.bytes += n
			at++
		}
		p.events, p.ids = all.events[from:at], all.ids[from:at]
		parts = append(parts, p)
	}
	return parts, nil
}

func (w *Writer) enqueue(rs ...*request) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down != nil {
		return w.down
	}
	n := 0
	for _, r := range rs {
		n += r.bytes
	}
	if w.bytes > 0 && w.bytes+n > w.cfg.MaxPending {
		return fmt.Errorf("%w: %d bytes", ErrBusy, w.bytes)
	}
	w.pending = append(w.pending, rs...)
	w.bytes += n
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

// wait waits for the outcome of the first of an append's requests. A caller
// that gives up takes back all that still wait, so that of an append nothing is
// written behind a part that was not. What the writer works on already has its
// bytes in use: the caller stays.
func (w *Writer) wait(ctx context.Context, rs ...*request) {
	select {
	case <-rs[0].done:
		return
	case <-ctx.Done():
	}
	w.withdraw(rs, fmt.Errorf("append was given up before it was written: %w", ctx.Err()))
	<-rs[0].done
}

// withdraw takes requests that still wait out of the queue.
func (w *Writer) withdraw(rs []*request, err error) {
	w.mu.Lock()
	var out []*request
	rest := w.pending[:0]
	for _, p := range w.pending {
		if slices.Contains(rs, p) {
			out = append(out, p)
			w.bytes -= p.bytes
		} else {
			rest = append(rest, p)
		}
	}
	clear(w.pending[len(rest):])
	w.pending = rest
	w.mu.Unlock()
	fail(out, err)
}

// take removes the next commit's requests from the queue.
func (w *Writer) take(into []*request) []*request {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, bytes, events := 0, 0, 0
	for _, r := range w.pending {
		if n > 0 && (bytes+r.bytes > w.soft || events+len(r.events) > w.cfg.MaxEvents) {
			break
		}
		bytes += r.bytes
		events += len(r.events)
		n++
	}
	into = append(into, w.pending[:n]...)
	rest := copy(w.pending, w.pending[n:])
	clear(w.pending[rest:])
	w.pending = w.pending[:rest]
	w.bytes -= bytes
	return into
}

func (w *Writer) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pending)
}

// setDown refuses appends from here on and fails those that wait; nil takes
// them again.
func (w *Writer) setDown(err error) {
	w.mu.Lock()
	w.down = err
	var failed []*request
	if err != nil {
		failed, w.pending, w.bytes = w.pending, nil, 0
	}
	w.mu.Unlock()
	for _, r := range failed {
		r.finish(err)
	}
	if err != nil {
		w.cfg.Ready(false, err.Error())
	} else {
		w.cfg.Ready(true, "")
	}
}
