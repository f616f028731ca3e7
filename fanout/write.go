package fanout

import (
	"sync"
	"time"
)

// turnWrites is how many full writes a connection gets before the next one's turn.
const turnWrites = 4

// writer is one goroutine of the pool with what it needs to write.
type writer struct {
	vector vector
	fn     func(fd uintptr) bool
}

func newWriter() *writer {
	w := &writer{}
	w.fn = func(fd uintptr) bool {
		w.vector.write(fd)
		return true // never wait
	}
	return w
}

// write serves ready connections until the pool stops.
func (p *Pool) write() {
	defer p.wg.Done()
	w := newWriter()
	batch := make([]*Conn, 0, claimChunk)
	for {
		batch = p.claim(batch[:0])
		if len(batch) == 0 {
			return
		}
		for i, c := range batch {
			batch[i] = nil
			w.turn(c)
		}
	}
}

// turn writes what c has queued without ever waiting for its socket.
func (w *writer) turn(c *Conn) {
	if c.raw == nil {
		go c.writeRecords()
		return
	}
	for range turnWrites {
		if c.out.empty() {
			more, last := c.take()
			if last {
				c.halfClose()
			}
			if !more {
				return
			}
		}
		w.vector.fill(c)
		err := c.raw.Write(w.fn)
		w.vector.reset()
		if err == nil {
			err = w.vector.err()
		}
		if err != nil {
			c.fail(err)
			return
		}
		c.progress(w.vector.sent)
		if w.vector.sent < w.vector.bytes {
			// The socket is full. It leaves the pool until it has drained.
			go c.writeWaiting()
			return
		}
	}
	c.pool.ready(c)
}

// progress accounts for bytes that the socket took.
func (c *Conn) progress(n int) {
	if n == 0 {
		return
	}
	c.pool.writes.Add(1)
	c.pool.bytes.Add(int64(n))
	if c.wrote(n) {
		c.owner.Drained(c)
	}
}

// vectors lends vectors to goroutines that wait for one socket; they hold one only
// while they write.
var vectors = sync.Pool{New: func() any { return new(vector) }}

// deadlineStep is how often the write deadline of a waiting socket is moved on.
const deadlineStep = time.Second

// writeWaiting is the goroutine of a socket that was full: it waits for room, and
// ends when the queue is empty.
func (c *Conn) writeWaiting() {
	c.pool.stalled.Add(1)
	defer c.pool.stalled.Add(-1)
	var sent, want int
	var failed error
	try := func(fd uintptr) bool {
		v := vectors.Get().(*vector)
		v.fill(c)
		v.write(fd)
		v.reset()
		blocked := v.wouldBlock()
		sent, want, failed = v.sent, v.bytes, v.err()
		vectors.Put(v)
		return !blocked
	}
	limit := c.terms.writeTimeout()
	var extended time.Time
	for {
		if c.out.empty() {
			// The deadline goes before the claim on the writing side does: it must
			// not outlive it and hit the pool's writers.
			more, last := c.take()
			if last {
				c.halfClose()
			}
			if !more {
				return
			}
		}
		if now := time.Now(); now.Sub(extended) >= min(deadlineStep, limit/2) {
			extended = now
			_ = c.nc.SetWriteDeadline(now.Add(limit))
		}
		err := c.raw.Write(try)
		if err == nil {
			err = failed
		}
		if err != nil {
			c.fail(err)
			return
		}
		c.progress(sent)
		if sent == want && c.out.empty() {
			_ = c.nc.SetWriteDeadline(time.Time{})
			extended = time.Time{}
		}
	}
}

// record is what one write to a connection that is not a plain socket may carry: a
// TLS record.
const record = 16 << 10

var records = sync.Pool{New: func() any { return new([record]byte) }}

// writeRecords is the goroutine of a connection that is not a plain socket. It
// lives as long as something is queued.
func (c *Conn) writeRecords() {
	c.pool.stalled.Add(1)
	defer c.pool.stalled.Add(-1)
	buf := records.Get().(*[record]byte)
	defer records.Put(buf)
	limit := c.terms.writeTimeout()
	var extended time.Time
	for {
		if c.out.empty() {
			more, last := c.take()
			if last {
				c.halfClose()
			}
			if !more {
				return
			}
		}
		n := 0
		c.out.each(c.off, func(f Frame) bool {
			n += copy(buf[n:], f)
			return n < record
		})
		if now := time.Now(); now.Sub(extended) >= min(deadlineStep, limit/2) {
			extended = now
			_ = c.nc.SetWriteDeadline(now.Add(limit))
		}
		if _, err := c.nc.Write(buf[:n]); err != nil {
			c.fail(err)
			return
		}
		c.progress(n)
	}
}
