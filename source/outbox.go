package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
)

// Appender makes events durable; *eventlog.Log is one.
type Appender interface {
	Append(ctx context.Context, tenant string, events []event.Event) (eventlog.Result, error)
}

// Outbox holds facts until the log has them. It sends one batch at a time, in
// order, and repeats it under the same ids until the log has said that it is
// there. What cannot be written at all is put aside one by one and reported.
type Outbox struct {
	log    Appender
	tenant string
	logger *slog.Logger
	max    int // events that may wait before the source is read no further

	mu      sync.Mutex // guards what is below, but for the channels
	waiting []event.Event
	done    uint64        // events that the log has, or will never have
	taken   uint64        // events put
	wake    chan struct{} // to the sender: there is something
	room    chan struct{} // from the sender: there is less than there was
	refused string        // why the log takes nothing at the moment
	dropped int64         // events that can never be written
}

// batch is how many events go into one append.
const batch = 512

// NewOutbox returns an outbox for facts of a tenant. It is full when limit facts
// wait. [Outbox.Run] works it.
func NewOutbox(log Appender, tenant string, limit int, logger *slog.Logger) *Outbox {
	return &Outbox{
		log: log, tenant: tenant, logger: logger, max: limit,
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
}

// Put takes a fact, also when the outbox is full: it is for the caller to look
// before reading more.
func (o *Outbox) Put(m event.Meta, f event.Fact) {
	e, err := event.Encode(m, f)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken++
	if err != nil {
		o.done++
		o.dropped++
		o.logger.Error("a fact cannot be written", "type", f.EventType(), "id", m.ID, "error", err)
		return
	}
	o.waiting = append(o.waiting, e)
	signal(o.wake)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Full tells that no more should be read.
func (o *Outbox) Full() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting) >= o.max
}

// Room gets a word when fewer facts wait than before.
func (o *Outbox) Room() <-chan struct{} { return o.room }

// progress returns how many facts were put and how many of them are done with.
func (o *Outbox) progress() (taken, done uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.taken, o.done
}

// Run sends until the context ends.
func (o *Outbox) Run(ctx context.Context) {
	for o.Drain(ctx) == nil {
		select {
		case <-o.wake:
		case <-ctx.Done():
			return
		}
	}
}

// Drain sends what waits and returns when the log has it, or the context's
// error. It is for sources that remember how far the log has followed them; it
// does not go together with Run.
func (o *Outbox) Drain(ctx context.Context) error {
	for {
		o.mu.Lock()
		n := min(len(o.waiting), batch)
		events := o.waiting[:n:n]
		o.mu.Unlock()
		if n == 0 {
			return nil
		}
		if !o.send(ctx, events) {
			return ctx.Err()
		}
		o.mu.Lock()
		o.waiting = o.waiting[n:]
		if len(o.waiting) == 0 {
			o.waiting = nil
		}
		o.done += uint64(n)
		o.mu.Unlock()
		signal(o.room)
	}
}

// send repeats a batch until the log has it. It reports false when the context
// ended before.
func (o *Outbox) send(ctx context.Context, events []event.Event) bool {
	for wait := 50 * time.Millisecond; ; wait = min(wait*2, 10*time.Second) {
		_, err := o.log.Append(ctx, o.tenant, events)
		if err == nil {
			o.refusal("")
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		pause, again := retry(err, wait)
		if !again {
			if len(events) > 1 {
				half := len(events) / 2
				return o.send(ctx, events[:half]) && o.send(ctx, events[half:])
			}
			o.mu.Lock()
			o.dropped++
			o.mu.Unlock()
			o.logger.Error("the log will not take an event", "id", events[0].ID, "type", events[0].Type, "error", err)
			return true
		}
		o.refusal(err.Error())
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

// retry tells whether the same append may work later, and when to try.
func retry(err error, wait time.Duration) (pause time.Duration, again bool) {
	var unavailable *eventlog.UnavailableError
	var quota *eventlog.QuotaError
	pause = wait/2 + rand.N(wait/2+1)
	switch {
	case errors.As(err, &quota):
		return max(min(quota.RetryAfter, time.Minute), pause), true
	case errors.Is(err, eventlog.ErrTooLarge):
		return 0, false
	case errors.Is(err, eventlog.ErrUnknown), errors.Is(err, eventlog.ErrBusy), errors.As(err, &unavailable):
		return pause, true
	}
	var invalid *event.InvalidError
	return pause, !errors.As(err, &invalid)
}

// refusal notes why the log takes nothing, and says so when that changes.
func (o *Outbox) refusal(reason string) {
	o.mu.Lock()
	before := o.refused
	o.refused = reason
	waiting := len(o.waiting)
	o.mu.Unlock()
	switch {
	case reason != "" && before == "":
		o.logger.Warn("the log refuses events, they are repeated", "reason", reason, "waiting", waiting)
	case reason == "" && before != "":
		o.logger.Info("the log takes events again", "waiting", waiting)
	}
}

// State returns what health shows of the outbox.
func (o *Outbox) State() (waiting int, refused string, dropped int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting), o.refused, o.dropped
}

// Flush gives the log a last chance after the source was stopped, while Run goes
// on.
func (o *Outbox) Flush(ctx context.Context, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for {
		taken, done := o.progress()
		if taken == done {
			return nil
		}
		select {
		case <-o.room:
		case <-ctx.Done():
			return fmt.Errorf("%w: %d facts", ErrUndelivered, taken-done)
		}
	}
}

// ErrUndelivered is what an error wraps when a source ended with facts that the
// log had not taken. They are lost unless the source can tell them again.
var ErrUndelivered = errors.New("facts were not delivered")
