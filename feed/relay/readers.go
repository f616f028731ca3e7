package relay

import (
	"context"
	"errors"
	"sync"
	"time"

	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/ws"
)

// Bounds of one turn: after so much queued, or so long, the next one's turn comes.
const (
	turnBytes = 1 << 20
	turnTime  = 50 * time.Millisecond
)

// Reading the log fails when its engine is being restarted: it is tried again after
// a pause, for so long.
const (
	readPause    = time.Second
	readPatience = time.Minute
)

// readers reads the log for subscribers that are behind.
type readers struct {
	relay *Relay

	mu      sync.Mutex // guards what is below and Sub.job
	cond    sync.Cond
	queue   []*Sub
	stopped bool
}

// jobState is where a subscriber is among those who want to be read for.
type jobState uint8

const (
	jobNone jobState = iota
	jobQueued
	jobRunning
	jobAgain // running, and woken meanwhile
)

func (r *readers) init(f *Relay) {
	r.relay = f
	r.cond.L = &r.mu
}

// wake asks for a turn for s. It may be called from anywhere and any number of times.
func (r *readers) wake(s *Sub) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s.job {
	case jobNone:
		s.job = jobQueued
		r.queue = append(r.queue, s)
		r.cond.Signal()
	case jobRunning:
		s.job = jobAgain
	}
}

// waiting says whether somebody waits for a turn.
func (r *readers) waiting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.queue) > 0 || r.stopped
}

func (r *readers) stop() {
	r.mu.Lock()
	r.stopped = true
	r.cond.Broadcast()
	r.mu.Unlock()
}

func (r *readers) work() {
	defer r.relay.wg.Done()
	for {
		r.mu.Lock()
		for len(r.queue) == 0 && !r.stopped {
			r.cond.Wait()
		}
		if r.stopped {
			r.mu.Unlock()
			return
		}
		s := r.queue[0]
		r.queue[0] = nil
		r.queue = r.queue[1:]
		s.job = jobRunning
		r.mu.Unlock()

		more := r.turn(s)

		r.mu.Lock()
		again := more || s.job == jobAgain
		s.job = jobNone
		r.mu.Unlock()
		if again {
			r.wake(s)
		}
	}
}

// turn reads for s until its queue is full, it has caught up and is live, or its turn
// is over; then it gives true.
func (r *readers) turn(s *Sub) (more bool) {
	room := s.room
	room.mu.Lock()
	next, idle := s.next, s.state != behind
	room.mu.Unlock()
	if idle {
		return false
	}
	next, mark, end, err := r.read(s, next)
	if err != nil {
		r.failed(s, err)
	} else {
		s.troubled = time.Time{}
	}
	room.mu.Lock()
	defer room.mu.Unlock()
	if s.state != behind {
		return false
	}
	s.next, s.Mark = next, max(s.Mark, mark)
	switch {
	case err != nil || end == endFull:
		return false // Drained, or the clock, wakes it
	case end == endTurn:
		return true
	}
	return !room.admit(s)
}

// turnEnd is why a turn ended.
type turnEnd uint8

const (
	endHead turnEnd = iota // everything that is there was queued
	endFull                // the queue is full
	endTurn                // others wait
)

// read queues what the log holds from sequence next on and gives the next one.
func (r *readers) read(s *Sub, next uint64) (_, mark uint64, _ turnEnd, _ error) {
	end, sent, deadline := endHead, 0, time.Now().Add(turnTime)
	err := r.relay.log.Read(r.relay.ctx, s.Tenant, eventlog.Cursor{Epoch: s.epoch, Seq: next - 1}, func(b *eventlog.Batch) (bool, error) {
		for p := range r.relay.frames.pieces(b, s.Form, s.Filter, next) {
			if !r.enqueue(s, p) {
				end = endFull
				return false, nil
			}
			next = p.last + 1
			mark = max(mark, p.mark)
			sent += len(p.frame)
		}
		if sent >= turnBytes || time.Now().After(deadline) {
			if r.waiting() {
				end = endTurn
				return false, nil
			}
			// Nobody waits: what is fetched ahead is not thrown away for nothing.
			sent, deadline = 0, time.Now().Add(turnTime)
		}
		return true, nil
	})
	return next, mark, end, err
}

// drainTime is how long a turn goes on waiting for room in a full queue. Who takes events
// as fast as they are read has some by then, and what is being fetched for it is of use.
const drainTime = 10 * time.Millisecond

// enqueue queues a piece, and gives false when there is no room for it soon.
func (r *readers) enqueue(s *Sub, p piece) bool {
	var deadline *time.Timer
	for {
		status := s.Conn.Enqueue(p.frame, p.last)
		if status != fanout.Full || r.waiting() {
			return status == fanout.OK
		}
		if deadline == nil {
			deadline = time.NewTimer(drainTime)
			defer deadline.Stop()
		}
		select {
		case <-s.drained:
		case <-deadline.C:
			return false
		case <-r.relay.ctx.Done():
			return false
		}
	}
}

// failed says goodbye to a subscriber whose place in the log is gone or damaged, and
// tries again later where the log is only in trouble.
func (r *readers) failed(s *Sub, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	if bye, ok := FarewellFor(err); ok {
		s.Bye(bye)
		return
	}
	now := time.Now()
	if s.troubled.IsZero() {
		s.troubled = now
		r.relay.o.Logger.Warn("reading the log for a subscriber failed", "tenant", s.Tenant, "err", err)
	}
	if now.Sub(s.troubled) > readPatience {
		s.Bye(Farewell{Code: ws.CodeInternal, Reason: "the log cannot be read"})
		return
	}
	time.AfterFunc(readPause, func() { r.wake(s) })
}
