package signalr

import (
	"context"
	"net"
	"os"
	"sync"
	"time"
)

// pollBytes is how much is taken from the writers ahead of the next poll.
const pollBytes = 64 << 10

// poll is the connection of a client that polls: what the writers put in, polls take
// out, in whole records.
type poll struct {
	net.Conn // nil: the methods that a pool does not use are not there

	// mu guards what is below. It is held for a few instructions.
	mu       sync.Mutex
	proto    int
	buf      []byte
	whole    int // of buf: records that are complete
	closed   bool
	taker    *taker        // the poll that waits
	left     time.Time     // when the last one ceased to wait
	room     chan struct{} // closed when a poll has taken something; replaced then
	deadline time.Time
}

// taker is a poll that waits.
type taker struct {
	got      chan struct{} // closed when there is something, or the connection is over
	replaced bool          // by a later poll
}

func newPoll() *poll { return &poll{proto: protoJSON, room: make(chan struct{})} }

// speak adds the answer to the handshake; what follows is in another protocol.
func (p *poll) speak(answer []byte, proto int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buf = append(p.buf, answer...)
	p.whole = len(p.buf)
	p.proto = proto
	p.signal()
}

// Write implements net.Conn for the writers. It waits while a poll's worth waits.
func (p *poll) Write(b []byte) (int, error) {
	for {
		p.mu.Lock()
		switch {
		case p.closed:
			p.mu.Unlock()
			return 0, net.ErrClosed
		case p.whole == 0 || len(p.buf) < pollBytes:
			p.buf = append(p.buf, b...)
			for {
				record, n, err := cut(p.proto, p.buf[p.whole:], len(p.buf))
				if err != nil || n == 0 && record == nil {
					break
				}
				p.whole += n
			}
			p.signal()
			p.mu.Unlock()
			return len(b), nil
		}
		room, deadline := p.room, p.deadline
		p.mu.Unlock()
		var late <-chan time.Time
		if !deadline.IsZero() {
			t := time.NewTimer(time.Until(deadline))
			defer t.Stop()
			late = t.C
		}
		select {
		case <-room:
		case <-late:
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// signal wakes the poll that waits when there is something for it, under mu.
func (p *poll) signal() {
	if p.taker != nil && (p.whole > 0 || p.closed) {
		p.release()
	}
}

// release wakes the poll that waits, under mu.
func (p *poll) release() {
	close(p.taker.got)
	p.taker, p.left = nil, time.Now()
}

// idle says for how long no poll has been waiting.
func (p *poll) idle(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taker != nil {
		return 0
	}
	return now.Sub(p.left)
}

// take waits until there is something to say, for so long at most: nothing then.
// over says that the connection is closed and everything of it was taken, or that
// another poll has taken the place of this one.
func (p *poll) take(ctx context.Context, patience time.Duration) (records []byte, over bool) {
	p.mu.Lock()
	if p.taker != nil {
		p.taker.replaced = true
		p.release()
	}
	t := &taker{got: make(chan struct{})}
	p.taker = t
	p.signal()
	p.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-t.got:
	case <-timer.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taker == t {
		p.taker, p.left = nil, time.Now()
	}
	if t.replaced || ctx.Err() != nil {
		return nil, t.replaced
	}
	records, p.buf = p.buf[:p.whole:p.whole], append([]byte(nil), p.buf[p.whole:]...)
	p.whole = 0
	if len(records) > 0 {
		close(p.room)
		p.room = make(chan struct{})
	}
	return records, p.closed && len(records) == 0
}

// CloseWrite implements what a pool calls when everything is written.
func (p *poll) CloseWrite() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut()
	return nil
}

// Close implements net.Conn. What has been written can still be taken.
func (p *poll) Close() error { return p.CloseWrite() }

func (p *poll) shut() {
	if p.closed {
		return
	}
	p.closed = true
	close(p.room)
	p.room = make(chan struct{})
	p.signal()
}

// SetWriteDeadline implements net.Conn.
func (p *poll) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	// Whoever waits looks again.
	close(p.room)
	p.room = make(chan struct{})
	return nil
}

// SetReadDeadline does nothing: requests are read by their handlers.
func (p *poll) SetReadDeadline(time.Time) error { return nil }
