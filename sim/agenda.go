package sim

// alarm is something that will happen. It may be set again after it rang or
// was cleared, so that a thing that happens over and over (one phrase of a
// conversation after the other) needs one alarm only.
type alarm struct {
	at   int64 // milliseconds since the start
	seq  uint64
	ring func()
	pos  int // place in the heap plus one, 0 when not set
}

// agenda is the list of all that will happen, first things first: a heap with
// four children a node, ordered by time and, within one millisecond, by the
// order of setting. That order makes a run repeatable.
type agenda struct {
	heap []*alarm
	seq  uint64
	now  int64
}

// in sets a to ring after delay milliseconds, wherever it was set before.
func (g *agenda) in(delay int64, a *alarm) {
	if a.pos != 0 {
		g.clear(a)
	}
	g.seq++
	a.at, a.seq = g.now+max(delay, 0), g.seq
	g.heap = append(g.heap, a)
	a.pos = len(g.heap)
	g.up(len(g.heap) - 1)
}

// after sets a new alarm.
func (g *agenda) after(delay int64, ring func()) *alarm {
	a := &alarm{ring: ring}
	g.in(delay, a)
	return a
}

// clear takes an alarm off the agenda; it does nothing when a is nil or not set.
func (g *agenda) clear(a *alarm) {
	if a == nil || a.pos == 0 {
		return
	}
	i, last := a.pos-1, len(g.heap)-1
	if i != last {
		g.heap[i] = g.heap[last]
		g.heap[i].pos = i + 1
	}
	g.heap[last] = nil
	g.heap = g.heap[:last]
	a.pos = 0
	if i < last {
		g.down(i)
		g.up(i)
	}
}

// step moves the clock to the first alarm and rings it.
func (g *agenda) step() bool {
	if len(g.heap) == 0 {
		return false
	}
	a := g.heap[0]
	g.clear(a)
	g.now = a.at
	a.ring()
	return true
}

func (a *alarm) before(b *alarm) bool {
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (g *agenda) up(i int) {
	a := g.heap[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !a.before(g.heap[parent]) {
			break
		}
		g.heap[i] = g.heap[parent]
		g.heap[i].pos = i + 1
		i = parent
	}
	g.heap[i] = a
	a.pos = i + 1
}

func (g *agenda) down(i int) {
	a := g.heap[i]
	for {
		first := 4*i + 1
		if first >= len(g.heap) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(g.heap)); c++ {
			if g.heap[c].before(g.heap[least]) {
				least = c
			}
		}
		if !g.heap[least].before(a) {
			break
		}
		g.heap[i] = g.heap[least]
		g.heap[i].pos = i + 1
		i = least
	}
	g.heap[i] = a
	a.pos = i + 1
}
