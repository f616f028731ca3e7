package fanout

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

// PoolOptions are the terms of a pool.
type PoolOptions struct {
	// Writers is the number of writing goroutines. 0 means one per processor.
	Writers int
}

// Pool is a set of writers and the connections they serve.
type Pool struct {
	// mu guards the ready list. It is held for a few instructions and no other lock
	// is taken under it.
	mu         sync.Mutex
	cond       sync.Cond
	head, tail *Conn
	waiting    int
	stopped    bool

	wheel wheel
	wg    sync.WaitGroup

	conns, stalled, writes, bytes, overflows, refused, expired atomic.Int64
}

// Stats are counters of a pool.
type Stats struct {
	Conns     int64 // open connections
	Stalled   int64 // of them: waiting for a socket, or written by a goroutine of their own
	Writes    int64 // system calls that wrote something
	Bytes     int64 // bytes that sockets took
	Overflows int64 // connections closed because of a full queue
	Refused   int64 // frames refused by Publish under Replay
	Expired   int64 // items dropped because of their age
}

// New starts a pool. Close ends it.
func New(o PoolOptions) *Pool {
	p := &Pool{}
	p.cond.L = &p.mu
	n := orDefault(o.Writers, runtime.GOMAXPROCS(0))
	p.wheel.init()
	p.wg.Add(n + 1)
	for range n {
		go p.write()
	}
	go func() {
		defer p.wg.Done()
		p.wheel.run()
	}()
	return p
}

// Add takes over the writing side of nc. The owner keeps the reading side, and
// calls Abort when that ends.
func (p *Pool) Add(nc net.Conn, terms *Terms, owner Owner) *Conn {
	c := &Conn{pool: p, nc: nc, terms: terms, owner: owner, slot: -1}
	if sc, ok := nc.(syscall.Conn); ok && canVector {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
		}
	}
	c.pings.init(terms)
	p.conns.Add(1)
	if terms.Ping != nil {
		p.wheel.add(c, firstPing(terms))
	}
	return c
}

func (p *Pool) remove(c *Conn) {
	p.conns.Add(-1)
	p.wheel.remove(c)
}

// Stats reads the counters.
func (p *Pool) Stats() Stats {
	return Stats{
		Conns: p.conns.Load(), Stalled: p.stalled.Load(), Writes: p.writes.Load(), Bytes: p.bytes.Load(),
		Overflows: p.overflows.Load(), Refused: p.refused.Load(), Expired: p.expired.Load(),
	}
}

// Close stops the writers once they have finished what they are doing. It does not
// close connections: their owners do, before.
func (p *Pool) Close() {
	p.mu.Lock()
	p.stopped = true
	p.cond.Broadcast()
	p.mu.Unlock()
	p.wheel.stop()
	p.wg.Wait()
}

// publishChunk is how many connections are served before their writers are woken:
// few enough that the first does not wait for the last, many enough that the ready
// list is seldom locked.
const publishChunk = 64

// Publish queues one frame on many connections. refused gets the index of each that
// did not take it, with the reason; it may be nil. Order between calls for one
// connection is the caller's: do not call it for the same connections at once.
func (p *Pool) Publish(conns []*Conn, f Frame, position uint64, refused func(i int, s Status)) {
	for start := 0; start < len(conns); start += publishChunk {
		var head, tail *Conn
		n := 0
		for i, c := range conns[start:min(start+publishChunk, len(conns))] {
			c.mu.Lock()
			status, wake := c.accept(f, position)
			c.mu.Unlock()
			if wake {
				// A connection that was just claimed is on no list, so its link is free.
				if tail == nil {
					head = c
				} else {
					tail.next = c
				}
				tail = c
				n++
			}
			if status == OK {
				continue
			}
			if status == Full {
				p.refused.Add(1)
			}
			c.after(status, false)
			if refused != nil {
				refused(start+i, status)
			}
		}
		if n > 0 {
			p.readyList(head, tail, n)
		}
	}
}

// ready puts a connection that was just claimed on the ready list.
func (p *Pool) ready(c *Conn) { p.readyList(c, c, 1) }

func (p *Pool) readyList(head, tail *Conn, n int) {
	p.mu.Lock()
	if p.tail == nil {
		p.head = head
	} else {
		p.tail.next = head
	}
	p.tail = tail
	wake := min(n, p.waiting)
	for range wake {
		p.cond.Signal()
	}
	p.mu.Unlock()
}

// claimChunk is how many connections a writer takes off the ready list at once.
const claimChunk = 16

// claim waits for ready connections and takes some; none means the pool stopped.
func (p *Pool) claim(into []*Conn) []*Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.head == nil && !p.stopped {
		p.waiting++
		p.cond.Wait()
		p.waiting--
	}
	for len(into) < cap(into) && p.head != nil {
		c := p.head
		p.head = c.next
		c.next = nil
		into = append(into, c)
	}
	if p.head == nil {
		p.tail = nil
	}
	return into
}
