package fanout

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

type connState uint8

const (
	open    connState = iota
	closing           // the last frame is queued
	closed            // the socket is closed
)

// controlBytes is what pings and pongs may take beyond the limit of a queue.
const controlBytes = 4 << 10

// Conn is one socket in a pool.
type Conn struct {
	pool  *Pool
	nc    net.Conn
	raw   syscall.RawConn // nil when the bytes are changed on the way to the socket
	terms *Terms
	owner Owner

	// mu guards the block below. It is held for a few instructions at a time, never
	// while writing, calling the owner or taking another lock.
	mu        sync.Mutex
	state     connState
	scheduled bool  // a goroutine owns the writing side, or the ready list holds it
	starved   bool  // a frame was refused: Drained is owed
	control   int32 // bytes of control frames that no writer has taken
	queued    int   // bytes accepted and not yet written or dropped
	written   uint64
	position  uint64 // of the last frame accepted
	fifo      fifo
	items     *items // instead of fifo under Conflate, nil while empty
	err       error  // why it is closing
	pings     pings

	// out is what the writing goroutine has taken, off the bytes of its first frame
	// that are written. They belong to the goroutine that owns scheduled.
	out fifo
	off int

	next *Conn // in the ready list, guarded by Pool.mu

	slot, index int // in the wheel, guarded by wheel.mu
}

// Enqueue queues a frame and says that everything up to position is in front of
// what comes next. Under Conflate the frame is an item.
func (c *Conn) Enqueue(f Frame, position uint64) Status {
	c.mu.Lock()
	status, wake := c.accept(f, position)
	c.mu.Unlock()
	return c.after(status, wake)
}

// Mark says that everything up to position needs no frame on this connection (a
// filter left it out), so that the next ping acknowledges it.
func (c *Conn) Mark(position uint64) {
	c.mu.Lock()
	c.position = max(c.position, position)
	c.mu.Unlock()
}

// Put queues an item under the rules of Conflate.
func (c *Conn) Put(it Item) Status {
	c.mu.Lock()
	status, wake := c.put(it)
	c.mu.Unlock()
	return c.after(status, wake)
}

// Control queues a control frame behind the data. It is dropped when the peer has
// caused more of them than it reads.
func (c *Conn) Control(f Frame) {
	c.mu.Lock()
	wake := c.pushControl(f)
	c.mu.Unlock()
	if wake {
		c.pool.ready(c)
	}
}

// Queued is how many bytes wait to be written.
func (c *Conn) Queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued
}

// Position is up to where frames were accepted or marked.
func (c *Conn) Position() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.position
}

// NetConn is the socket.
func (c *Conn) NetConn() net.Conn { return c.nc }

// accept is Enqueue under mu. wake says that the caller must put the connection on
// the ready list after unlocking.
func (c *Conn) accept(f Frame, position uint64) (status Status, wake bool) {
	if c.state != open {
		return Gone, false
	}
	if c.terms.Discipline == Conflate {
		c.position = max(c.position, position)
		return c.put(Item{Frame: f})
	}
	if c.queued > 0 && c.queued+len(f) > c.terms.queueBytes() {
		c.starved = true
		return Full, false
	}
	c.position = max(c.position, position)
	if len(f) == 0 { // like Mark
		return OK, false
	}
	c.fifo.push(f)
	c.queued += len(f)
	return OK, c.schedule()
}

// put is Put under mu.
func (c *Conn) put(it Item) (status Status, wake bool) {
	if c.state != open {
		return Gone, false
	}
	if c.queued > 0 && c.queued+it.size() > c.terms.queueBytes() {
		return Full, false
	}
	c.line().push(it)
	c.queued += it.size()
	return OK, c.schedule()
}

// line is the queue under Conflate, under mu.
func (c *Conn) line() *items {
	if c.items == nil {
		c.items = lists.Get().(*items)
	}
	return c.items
}

// pushControl queues a control frame under mu.
func (c *Conn) pushControl(f Frame) (wake bool) {
	if c.state != open || len(f) == 0 || c.control+int32(len(f)) > controlBytes {
		return false
	}
	c.push(f)
	return c.schedule()
}

// push queues a control frame without looking at limits, under mu.
func (c *Conn) push(f Frame) {
	c.queued += len(f)
	c.control += int32(len(f))
	if c.terms.Discipline != Conflate {
		c.fifo.push(f)
		return
	}
	c.line().push(Item{Frame: f, control: true})
}

// schedule claims the writing side under mu; true means that it was idle.
func (c *Conn) schedule() bool {
	if c.scheduled {
		return false
	}
	c.scheduled = true
	return true
}

// after does what follows an answer and needs mu to be free.
func (c *Conn) after(status Status, wake bool) Status {
	if wake {
		c.pool.ready(c)
	}
	if status == Full && c.terms.Discipline != Replay {
		c.pool.overflows.Add(1)
		c.shut(c.terms.SlowFrame, ErrSlow, false)
	}
	return status
}

// Finish ends the connection in order: what is queued is written, then last, then
// the writing side is shut. The socket is closed when its owner's reader calls
// Abort, or after Terms.CloseTimeout.
func (c *Conn) Finish(last Frame, err error) { c.shut(last, err, true) }

// Cut ends the connection with last as soon as what a writer has already taken is
// written; the rest of the queue is dropped.
func (c *Conn) Cut(last Frame, err error) { c.shut(last, err, false) }

func (c *Conn) shut(last Frame, err error, flush bool) {
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return
	}
	c.state, c.err = closing, err
	if !flush {
		c.dropQueued()
	}
	if len(last) > 0 {
		c.push(last)
	}
	wake := c.schedule()
	c.mu.Unlock()
	time.AfterFunc(c.terms.closeTimeout(), func() { c.Abort(err) })
	if wake {
		c.pool.ready(c)
	}
}

// dropQueued forgets what no writer has taken yet, under mu.
func (c *Conn) dropQueued() {
	c.fifo.each(0, func(f Frame) bool { c.queued -= len(f); return true })
	c.fifo.clear()
	if c.items != nil {
		for i := range c.items.list {
			c.queued -= c.items.list[i].size()
		}
		c.items.recycle()
		c.items = nil
	}
	c.control = 0
}

// Abort closes the socket at once. The owner is told the first reason that was
// given, here or before.
func (c *Conn) Abort(err error) {
	c.mu.Lock()
	if c.state == closed {
		c.mu.Unlock()
		return
	}
	if c.err == nil {
		c.err = err
	}
	c.state = closed
	c.dropQueued()
	reason := c.err
	c.mu.Unlock()
	_ = c.nc.Close()
	c.pool.remove(c)
	c.owner.Closed(c, reason)
}

// take moves what is queued to the writing goroutine. With nothing queued the
// writing side becomes idle: false is returned and the caller must let go of c.
// last says that the connection is closing and everything is written.
func (c *Conn) take() (more, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == closed {
		c.scheduled = false
		return false, false
	}
	switch {
	case !c.fifo.empty():
		c.out, c.fifo = c.fifo, fifo{}
		c.control = 0
		return true, false
	case c.items != nil && c.takeItems(time.Now()):
		return true, false
	}
	c.scheduled = false
	return false, c.state == closing
}

// takeBytes is how much a writer takes from a conflating queue at once: a value that it
// has taken is stated.
const takeBytes = 32 << 10

// takeItems moves some items that have not expired to out, under mu.
func (c *Conn) takeItems(now time.Time) bool {
	taken := 0
	for taken < takeBytes && len(c.items.list) > 0 {
		it := c.items.pop()
		if it.control {
			c.control -= int32(len(it.Frame))
		}
		if it.Late != nil {
			it.Frame, it.Expires = it.Late.Take()
			c.queued += len(it.Frame) - it.Size
		}
		if !it.Expires.IsZero() && !now.Before(it.Expires) {
			c.queued -= len(it.Frame)
			c.pool.expired.Add(1)
			continue
		}
		if len(it.Frame) > 0 {
			c.out.push(it.Frame)
			taken += len(it.Frame)
		}
	}
	if len(c.items.list) == 0 {
		c.items.recycle()
		c.items = nil
	}
	return taken > 0
}

// wrote accounts for n bytes that the socket took and says whether Drained is due.
func (c *Conn) wrote(n int) (drained bool) {
	c.off = c.out.drop(c.off, n)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written += uint64(n)
	if c.state == closed {
		return false
	}
	c.queued -= n
	if c.starved && c.state == open && c.queued <= c.terms.queueBytes()/2 {
		c.starved = false
		return true
	}
	return false
}

// fail ends a connection whose socket gave an error.
// The writing side stays claimed: a frame may be half written, and nothing may
// follow it.
func (c *Conn) fail(err error) {
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		err = ErrWriteTimeout
	}
	c.Abort(err)
	c.out.clear()
	c.off = 0
}

// halfClose follows the last frame: the peer sees the end of the stream, and a
// reader of this side ends soon.
func (c *Conn) halfClose() {
	tc, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || tc.CloseWrite() != nil {
		c.Abort(nil)
		return
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(c.terms.closeTimeout()))
}
