package fanout

import (
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// outstandingPings is how many pings may be unanswered at once; with so many on
// the way no further one is sent.
const outstandingPings = 3

// ping is one that was queued and not answered yet.
type ping struct {
	id       uint32
	position uint64
	mark     uint64 // Conn.written when the socket has taken it
	sent     int64  // Unix nanoseconds at which it was seen to be taken, 0 before
}

// pings is the acknowledgement side of a connection, guarded by Conn.mu.
type pings struct {
	salt    uint32 // so that a pong of another connection is not taken for one of this
	id      uint32
	n       int
	list    [outstandingPings]ping
	last    int64  // Unix nanoseconds of the last ping
	asked   uint64 // position of the last ping
	written uint64 // what Conn.written will be when all that was queued at the last visit is written
}

func (p *pings) init(t *Terms) {
	p.salt = rand.Uint32()
	if t.NoPong {
		p.last = time.Now().UnixNano() // a new stream needs no sign of life yet
	}
}

// Pong takes a pong's payload. ok says that it answers an outstanding ping of this
// connection, so that everything up to position has arrived.
func (c *Conn) Pong(payload []byte) (position uint64, ok bool) {
	if len(payload) != 8 {
		return 0, false
	}
	salt, id := binary.BigEndian.Uint32(payload), binary.BigEndian.Uint32(payload[4:])
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &c.pings
	if salt != p.salt {
		return 0, false
	}
	for i := range p.n {
		if p.list[i].id == id {
			position = p.list[i].position
			// Answers come in order: what was asked before is answered too.
			p.n = copy(p.list[:], p.list[i+1:p.n])
			return position, true
		}
	}
	return 0, false
}

// visit is called by the wheel: it pings when it is time, and ends a connection
// whose pings stay unanswered.
func (c *Conn) visit(now time.Time) {
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return
	}
	p, t := &c.pings, now.UnixNano()
	if p.n > 0 {
		oldest := &p.list[0]
		if oldest.sent == 0 && (c.written >= oldest.mark || c.queued == 0) {
			oldest.sent = t
		}
		if oldest.sent != 0 && t-oldest.sent > int64(c.terms.pongTimeout()) {
			c.mu.Unlock()
			c.shut(c.terms.NoPongFrame, ErrNoPong, false)
			return
		}
	}
	wake := false
	if c.pingDue(t) {
		wake = c.ping(t)
	}
	p.written = c.written + uint64(c.queued)
	c.mu.Unlock()
	if wake {
		c.pool.ready(c)
	}
}

// pingDue decides under mu whether a ping or heartbeat should go out.
func (c *Conn) pingDue(t int64) bool {
	p := &c.pings
	idle := t-p.last >= int64(c.terms.pingInterval())*9/10
	if c.terms.NoPong {
		return idle && c.written == p.written && c.queued == 0
	}
	if p.n == outstandingPings {
		return false
	}
	return idle || c.terms.AckInterval > 0 && c.position > p.asked
}

// ping queues a ping under mu.
func (c *Conn) ping(t int64) (wake bool) {
	p := &c.pings
	p.last = t
	if c.terms.NoPong {
		return c.pushControl(c.terms.Ping(nil))
	}
	p.id++
	var payload [8]byte
	binary.BigEndian.PutUint32(payload[:], p.salt)
	binary.BigEndian.PutUint32(payload[4:], p.id)
	before := c.queued
	wake = c.pushControl(c.terms.Ping(payload[:]))
	if c.queued == before {
		return false // no room: the peer has caused too many control frames
	}
	p.list[p.n] = ping{id: p.id, position: c.position, mark: c.written + uint64(c.queued)}
	p.n++
	p.asked = c.position
	return wake
}

// Ping queues a ping at once, as a feed does before it ends a connection in order.
func (c *Conn) Ping() {
	c.mu.Lock()
	wake := false
	if c.state == open && c.terms.Ping != nil && c.pings.n < outstandingPings {
		wake = c.ping(time.Now().UnixNano())
	}
	c.mu.Unlock()
	if wake {
		c.pool.ready(c)
	}
}
