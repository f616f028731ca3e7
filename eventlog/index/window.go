package index

import (
	"encoding/binary"
	"time"

	"trunkline/eventlog/commit"
)

// generations is in how many parts the window is kept. The oldest part is
// forgotten as a whole, so at any moment the window holds between three
// quarters and all of its bound.
const generations = 4

// window remembers the identities of the latest events. It is bounded by count
// and by age, and holds 16 bytes an event without pointers.
type window struct {
	most int           // identities in all
	age  time.Duration // 0: no bound
	gens [generations]table
	born [generations]time.Time // when a generation got its first identity
	n    int                    // generation that is being filled
}

func newWindow(most int, age time.Duration) window {
	return window{most: max(most, generations), age: age}
}

// find looks an identity up. body is the checksum of the event that was first.
func (w *window) find(k commit.Key) (body uint32, ok bool) {
	for i := range w.gens {
		if body, ok = w.gens[(w.n+generations-i)%generations].find(k); ok {
			return body, true
		}
	}
	return 0, false
}

// add remembers an identity that find does not know.
func (w *window) add(id commit.Identity, received time.Time) {
	g := &w.gens[w.n]
	if g.count >= w.most/generations || w.age > 0 && g.count > 0 && received.Sub(w.born[w.n]) >= w.age/generations {
		w.n = (w.n + 1) % generations
		g = &w.gens[w.n]
		g.reset()
	}
	if g.count == 0 {
		w.born[w.n] = received
	}
	g.add(id)
}

// expire forgets generations whose youngest identity is older than the age.
func (w *window) expire(now time.Time) {
	for i := 1; w.age > 0 && i < generations; i++ {
		next := (w.n + i + 1) % generations
		g := (w.n + i) % generations
		if w.gens[g].count > 0 && now.Sub(w.born[next]) > w.age && !w.born[next].IsZero() {
			w.gens[g].reset()
		}
	}
}

func (w *window) count() int {
	n := 0
	for i := range w.gens {
		n += w.gens[i].count
	}
	return n
}

// table is an open-addressed hash table of identities. The identities are
// hashes already, so their first bytes are the place to look.
type table struct {
	slots []commit.Identity
	count int
}

func (t *table) reset() {
	clear(t.slots)
	t.count = 0
}

func (t *table) slot(k commit.Key) int {
	mask := uint64(len(t.slots) - 1)
	i := binary.LittleEndian.Uint64(k[:]) & mask
	for {
		s := &t.slots[i]
		if *s == (commit.Identity{}) || s.Key() == k {
			return int(i)
		}
		i = (i + 1) & mask
	}
}

func (t *table) find(k commit.Key) (uint32, bool) {
	if t.count == 0 {
		return 0, false
	}
	s := &t.slots[t.slot(k)]
	return s.Body(), *s != commit.Identity{}
}

func (t *table) add(id commit.Identity) {
	if (t.count+1)*4 > len(t.slots)*3 {
		t.grow(max(1024, len(t.slots)*2))
	}
	s := &t.slots[t.slot(id.Key())]
	if *s == (commit.Identity{}) {
		*s = id
		t.count++
	}
}

// grow makes room for n slots, a power of two.
func (t *table) grow(n int) {
	old := t.slots
	t.slots = make([]commit.Identity, n)
	for i := range old {
		if old[i] != (commit.Identity{}) {
			t.slots[t.slot(old[i].Key())] = old[i]
		}
	}
}
