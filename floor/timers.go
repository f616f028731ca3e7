package floor

import (
	"cmp"
	"container/heap"
)

// timer is one that is armed. What arms and disarms it is the state itself: a
// timer whose part says another time is no more.
type timer struct {
	at     int64
	tenant *Tenant
	part   *Part
}

func (x *timer) valid() bool { return x.part.Stage == PartWrapUp && x.part.fireAt == x.at }

func (x *timer) compare(y *timer) int {
	return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.tenant.Name, y.tenant.Name),
		cmp.Compare(x.part.Interaction.ID, y.part.Interaction.ID), cmp.Compare(x.part.Agent.ID, y.part.Agent.ID))
}

// timers holds the timers of all tenants, the earliest first.
type timers struct{ list timerHeap }

func (t *timers) push(x timer) { heap.Push(&t.list, x) }

// first gives the earliest timer that is still armed.
func (t *timers) first() (timer, bool) {
	for len(t.list) > 0 {
		if t.list[0].valid() {
			return t.list[0], true
		}
		heap.Pop(&t.list)
	}
	return timer{}, false
}

// due gives the timers at or before now, earliest first, and leaves them armed.
func (t *timers) due(now int64, limit int) []timer {
	var out []timer
	for len(out) < limit {
		x, ok := t.first()
		if !ok || x.at > now {
			break
		}
		heap.Pop(&t.list)
		if n := len(out); n == 0 || out[n-1] != x {
			out = append(out, x)
		}
	}
	for _, x := range out {
		heap.Push(&t.list, x)
	}
	return out
}

type timerHeap []timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].compare(&h[j]) < 0 }
func (h timerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)        { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	old := *h
	n := len(old) - 1
	x := old[n]
	old[n] = timer{}
	*h = old[:n]
	return x
}
