package push

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"trunkline/eventlog"
)

// read reads the log for the lane whenever there is something and room for it, until the lane ends.
func (l *lane) read() {
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-l.wake:
		}
		for l.ctx.Err() == nil && l.readOn() {
		}
	}
}

// readOn reads on from where the lane is. It gives false when there is nothing to read or no room for it.
func (l *lane) readOn() bool {
	l.mu.Lock()
	full, round := l.full(), l.round
	after := eventlog.Cursor{Epoch: l.epoch, Seq: l.next - 1}
	l.mu.Unlock()
	if full {
		return false
	}
	if head := l.f.log.Head(l.d.Tenant); head == after {
		return false
	}
	err := l.f.log.Read(l.ctx, l.d.Tenant, after, func(b *eventlog.Batch) (bool, error) {
		for i := range b.Records {
			if !l.one(&b.Records[i], round) {
				return false, nil
			}
		}
		return true, nil
	})
	var gone *eventlog.GoneError
	var broken *eventlog.BreakError
	switch {
	case err == nil:
		return true
	case errors.As(err, &gone):
		l.lost(gone)
		return true
	case errors.As(err, &broken):
		l.skip(broken)
		return true
	case l.ctx.Err() == nil:
		slog.Warn("a destination cannot read the log and tries again", "destination", l.d.key(), "error", err)
		select {
		case <-l.ctx.Done():
		case <-time.After(time.Second):
		}
		return true
	}
	return false
}

// messages are the payloads of a record that the destination asks for.
func (l *lane) messages(rec *eventlog.Record) []Message {
	if l.filter != nil && !l.filter.Match(rec) {
		return nil
	}
	return Project(l.d.Tenant, rec, l.want, len(l.d.EventList) > 0)
}

// one takes a record in, when there is room. False: reading has to begin anew, from elsewhere.
func (l *lane) one(rec *eventlog.Record, round uint64) bool {
	msgs := l.messages(rec)
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.full() && l.round == round {
		if l.paused != "" || l.stopped {
			return false
		}
		l.mu.Unlock()
		select {
		case <-l.ctx.Done():
		case <-l.wake:
		}
		l.mu.Lock()
	}
	if l.round != round || l.ctx.Err() != nil {
		return false
	}
	l.accept(rec, msgs)
	return true
}

// lost goes on where the log still can, and says what was missed.
func (l *lane) lost(gone *eventlog.GoneError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to := gone.Oldest
	if gone.Reason == eventlog.GoneTrimmed {
		l.counts.Lost += gone.LostTo - gone.LostFrom + 1
		l.progress.jump(to.Seq)
	} else {
		if gone.Reason == eventlog.GoneAhead {
			to = gone.Newest
		}
		l.shed()
		l.progress = progress{low: to.Seq}
	}
	l.epoch, l.next, l.dirty = to.Epoch, max(to.Seq, l.progress.low)+1, true
	l.journal.add(Attempt{At: time.Now().UTC(), Sequence: gone.LostFrom, Outcome: OutcomeLost, Error: gone.Error()})
	slog.Error("a destination was overtaken by the log", "destination", l.d.key(), "error", gone)
}

// skip goes on behind what the store has damaged.
func (l *lane) skip(broken *eventlog.BreakError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Lost += broken.To - broken.From + 1
	for seq := broken.From; seq <= broken.To; seq++ {
		l.progress.expect(seq, 0, l.round, nil)
	}
	l.epoch, l.next, l.dirty = broken.After.Epoch, broken.After.Seq+1, true
	l.journal.add(Attempt{At: time.Now().UTC(), Sequence: broken.From, Outcome: OutcomeLost, Error: broken.Error()})
	slog.Error("a destination leaves out what the store has damaged", "destination", l.d.key(), "error", broken)
}

// replay sends messages again that were parked, or that the log still has.
type replay struct {
	l     *lane
	room  chan struct{} // bounds what waits
	ended chan struct{}

	// Guarded by lane.mu.
	stat ReplayStatus
}

// ReplayStatus tells how a replay goes.
type ReplayStatus struct {
	What      string    `json:"what"` // event, range or parked
	Began     time.Time `json:"began"`
	Running   bool      `json:"running"`
	Delivered uint64    `json:"delivered"`
	Failed    uint64    `json:"failed"`
	Missing   uint64    `json:"missing"` // the log has them no more
	Error     string    `json:"error,omitempty"`
}

// replayAhead is how many messages of a replay wait in memory.
const replayAhead = 64

// ErrReplay says that a replay is running already.
var ErrReplay = errors.New("a replay is running already")

// begin starts a replay. work calls send for each message.
func (l *lane) begin(what string, work func(r *replay) error) (ReplayStatus, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.replay != nil && l.replay.stat.Running || l.stopped {
		return ReplayStatus{}, ErrReplay
	}
	r := &replay{l: l, room: make(chan struct{}, replayAhead), ended: make(chan struct{}),
		stat: ReplayStatus{What: what, Began: time.Now().UTC().Truncate(time.Millisecond), Running: true}}
	l.replay = r
	l.wg.Add(1)
	go func() {
		defer l.wg.Done()
		err := work(r)
		for range replayAhead { // until all have come back
			if err == nil || l.ctx.Err() == nil {
				r.wait()
			}
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		r.stat.Running = false
		if err != nil {
			r.stat.Error = err.Error()
		}
		close(r.ended)
	}()
	return r.stat, nil
}

func (r *replay) wait() bool {
	select {
	case r.room <- struct{}{}:
		return true
	case <-r.l.ctx.Done():
		return false
	}
}

// send puts a message among those that wait, when there is room.
func (r *replay) send(epoch eventlog.Epoch, rec *eventlog.Record, m Message, index int, held bool) error {
	if !r.wait() {
		return context.Canceled
	}
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	// Under a key of its own: what is new of the entity does not wait for what is old.
	r.l.enqueue("replay:"+m.Key, &item{msg: m, epoch: epoch, seq: rec.Seq, index: index, received: rec.Received, replay: r, held: held})
	return nil
}

// delivered and failed take a message back; lane.mu is held.
func (r *replay) delivered(it *item) {
	r.stat.Delivered++
	r.l.parked.remove(it.at())
	r.l.dirty = true
	<-r.room
}

func (r *replay) failed(*item) {
	r.stat.Failed++
	<-r.room
}

// replayRange sends what the log has behind after, up to the sequence until.
func (l *lane) replayRange(after eventlog.Cursor, until uint64) (ReplayStatus, error) {
	return l.begin("range", func(r *replay) error {
		err := l.f.log.Read(l.ctx, l.d.Tenant, after, func(b *eventlog.Batch) (bool, error) {
			for i := range b.Records {
				rec := &b.Records[i]
				if rec.Seq > until {
					return false, nil
				}
				for at, m := range l.messages(rec) {
					if err := r.send(b.Epoch, rec, m, at, false); err != nil {
						return false, err
					}
				}
			}
			return b.Last() < until, nil
		})
		if err != nil {
			return fmt.Errorf("read the log for a replay: %w", err)
		}
		return nil
	})
}

// replayOne sends one message again.
func (l *lane) replayOne(at place, held bool) (ReplayStatus, error) {
	return l.begin("event", func(r *replay) error { return r.one(at, held) })
}

// one reads a message from the log and sends it.
func (r *replay) one(at place, held bool) error {
	l, found := r.l, false
	err := l.f.log.Read(l.ctx, l.d.Tenant, eventlog.Cursor{Epoch: at.epoch, Seq: at.seq - 1}, func(b *eventlog.Batch) (bool, error) {
		rec := &b.Records[0]
		for i, m := range l.messages(rec) {
			if m.ID == at.event {
				found = true
				return false, r.send(b.Epoch, rec, m, i, held)
			}
		}
		return false, nil // the destination wants other payloads by now
	})
	var gone *eventlog.GoneError
	if err != nil && !errors.As(err, &gone) {
		return fmt.Errorf("read the log for a replay: %w", err)
	}
	if !found {
		l.mu.Lock()
		defer l.mu.Unlock()
		r.stat.Missing++
		l.parked.remove(at)
		l.dirty = true
	}
	return nil
}

// replayParked sends everything that is parked, in the order in which it was. What is parked meanwhile because its
// entity is held follows.
func (l *lane) replayParked() (ReplayStatus, error) {
	return l.begin("parked", func(r *replay) error {
		seen := map[place]bool{}
		for l.ctx.Err() == nil {
			l.mu.Lock()
			var todo []Parked
			for _, e := range l.parked.list {
				if !seen[e.place()] {
					todo = append(todo, e)
				}
			}
			l.mu.Unlock()
			if len(todo) == 0 {
				return nil
			}
			for _, e := range todo {
				seen[e.place()] = true
				if err := r.one(e.place(), e.Held); err != nil {
					return err
				}
			}
		}
		return l.ctx.Err()
	})
}
