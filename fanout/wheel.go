package fanout

import (
	"math/rand/v2"
	"sync"
	"time"
)

// The wheel turns a slot each tick; a time further away than all slots is cut.
const (
	wheelSlots = 512
	wheelTick  = 100 * time.Millisecond
)

// wheel visits connections at randomised times with one timer for all.
type wheel struct {
	// mu guards slots, now and the slot and index of connections. Connections are
	// visited without it.
	mu    sync.Mutex
	slots [wheelSlots][]*Conn
	now   int
	done  chan struct{}
	once  sync.Once
}

func (w *wheel) init() { w.done = make(chan struct{}) }

func (w *wheel) stop() { w.once.Do(func() { close(w.done) }) }

// firstPing spreads connections that came at once over the interval.
func firstPing(t *Terms) time.Duration {
	return time.Duration(rand.Int64N(int64(visitInterval(t)))) + wheelTick
}

// nextVisit varies the interval by a tenth either way.
func nextVisit(t *Terms) time.Duration {
	d := int64(visitInterval(t))
	return time.Duration(d - d/10 + rand.Int64N(d/5+1))
}

func visitInterval(t *Terms) time.Duration {
	if t.AckInterval > 0 {
		return min(t.AckInterval, t.pingInterval())
	}
	return t.pingInterval()
}

// add plans the first visit of c.
func (w *wheel) add(c *Conn, in time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plan(c, in)
}

// plan puts c into the slot of a time, under mu.
func (w *wheel) plan(c *Conn, in time.Duration) {
	ticks := min(max(int(in/wheelTick), 1), wheelSlots-1)
	slot := (w.now + ticks) % wheelSlots
	c.slot, c.index = slot, len(w.slots[slot])
	w.slots[slot] = append(w.slots[slot], c)
}

// remove forgets c if it is planned.
func (w *wheel) remove(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.slot < 0 {
		c.slot = gone
		return
	}
	list := w.slots[c.slot]
	last := list[len(list)-1]
	list[c.index] = last
	last.index = c.index
	list[len(list)-1] = nil
	w.slots[c.slot] = list[:len(list)-1]
	c.slot = gone
}

// Values of Conn.slot outside the wheel: being visited, and closed.
const (
	visiting = -1
	gone     = -2
)

func (w *wheel) run() {
	tick := time.NewTicker(wheelTick)
	defer tick.Stop()
	var due []*Conn
	for {
		select {
		case <-w.done:
			return
		case now := <-tick.C:
			due = w.turn(due[:0])
			for i, c := range due {
				due[i] = nil
				c.visit(now)
				w.again(c)
			}
		}
	}
}

// turn moves on by one slot and gives its connections.
func (w *wheel) turn(due []*Conn) []*Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = (w.now + 1) % wheelSlots
	list := w.slots[w.now]
	for i, c := range list {
		c.slot = visiting
		due = append(due, c)
		list[i] = nil
	}
	w.slots[w.now] = list[:0]
	return due
}

// again plans the next visit unless c was closed meanwhile.
func (w *wheel) again(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.slot == visiting {
		w.plan(c, nextVisit(c.terms))
	}
}
