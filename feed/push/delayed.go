package push

import (
	"container/heap"
	"time"
)

// arm has tick called at a time, if nothing earlier does; mu is held.
func (l *lane) arm(at time.Time) {
	if l.stopped || !l.armed.IsZero() && !at.Before(l.armed) {
		return
	}
	l.armed = at
	if l.timer == nil {
		l.timer = time.AfterFunc(time.Until(at), l.tick)
		return
	}
	l.timer.Reset(time.Until(at))
}

// tick makes ready what has waited long enough.
func (l *lane) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = time.Time{}
	now := time.Now()
	for len(l.delayed) > 0 && !l.delayed[0].at.After(now) {
		e := heap.Pop(&l.delayed).(*entity)
		e.queue = false
		l.offer(e)
	}
	if len(l.delayed) > 0 {
		l.arm(l.delayed[0].at)
	}
	for range min(l.d.Concurrency, len(l.ready)-l.readyAt) {
		l.staff()
	}
}

// delayed is a heap of entities whose head waits for its next attempt.
type delayed []*entity

func (h delayed) Len() int           { return len(h) }
func (h delayed) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h delayed) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].place, h[j].place = i, j }
func (h *delayed) Push(x any)        { *h = append(*h, x.(*entity)) }
func (h *delayed) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
