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
	part   *Part   // whose wrap-up ends; nil: not that
	queue  *Queue  // whose availability changes; nil: not that
	source *Source // whose silence is too long; nil: not that
	agent  *Agent  // whose load or utilisation is said; nil: not that
}

func (x *timer) valid() bool {
	if s := x.source; s != nil {
		return s.quietAt == x.at && s.Up && s.SilenceMS > 0 && max(s.Heard, s.told)+s.SilenceMS <= x.at
	}
	if x.agent != nil {
		u := x.agent.use // nil once the agent is gone
		return u != nil && (u.armed == x.at || u.ends(x.at))
	}
	if x.queue != nil {
		return x.queue.measure.armed == x.at || (x.queue.reviews == x.at || x.queue.opens == x.at) && x.tenant.unsaid(x.queue, x.at)
	}
	return x.part.Stage == PartWrapUp && x.part.fireAt == x.at
}

func (x *timer) compare(y *timer) int {
	a, b := x.names(), y.names()
	return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]), cmp.Compare(a[2], b[2]))
}

// names order timers that fire at the same time.
func (x *timer) names() [3]string {
	switch {
	case x.agent != nil:
		return [3]string{x.tenant.Name, "", "agent/" + x.agent.ID}
	case x.queue != nil:
		return [3]string{x.tenant.Name, x.queue.ID, ""}
	case x.source != nil:
		return [3]string{x.tenant.Name, "", x.source.Name}
	}
	return [3]string{x.tenant.Name, x.part.Interaction.ID, x.part.Agent.ID}
}

// timers holds the timers of all tenants, the earliest first.
type timers struct {
	list   timerHeap
	unsaid int // tenants whose outbox is not empty
}

// push arms a timer. What is no more armed goes on the way, because where a log is
// only followed nobody asks for what is due.
func (t *timers) push(x timer) {
	for len(t.list) > 0 && t.list[0].part != nil && !t.list[0].valid() {
		heap.Pop(&t.list)
	}
	heap.Push(&t.list, x)
}

// first gives the earliest timer that is still armed.
func (t *timers) first() (timer, bool) {
	for len(t.list) > 0 {
		x := &t.list[0]
		if x.valid() {
			return *x, true
		}
		if s := x.source; s != nil && s.quietAt == x.at {
			if at := s.postponed(); at > x.at {
				x.at = at
				heap.Fix(&t.list, 0)
				continue
			}
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
