package rows

import (
	"cmp"
	"slices"
	"strings"

	"trunkline/event"
	"trunkline/floor"
)

// visit is one stay in a queue.
type visit struct {
	Queue      string
	At         int64  // by the floor
	EnterUS    int64  // the same in microseconds, unlike any other in this queue
	ChanceUS   int64  // the same, unlike any other chance of the issue
	Ended      int64  // 0: it waits
	How        string // "answered" or the reason of the end
	Agent      string // who answered
	Waited     int64  // milliseconds, once it is over
	Entry      string // why it entered
	Before     string // the type of the fact before it
	FlowName   string
	FlowNode   string
	FromQueue  string
	FromAgent  string
	First      bool // the first of the issue
	Busy       bool // nobody was free when it began
	Closed     bool // the queue was closed when it began
	Escalated  int64
	AcceptedUS int64 // key of the part that answered it
	Dirty      bool
}

// lookAtVisits takes over the visits that the floor began and ended.
func (b *Books) lookAtVisits(i *issue, it *floor.Interaction, f *fact) {
	waiting := it.Waiting()
	for _, v := range i.Visits {
		if v.Ended == 0 && !slices.ContainsFunc(waiting, func(w *floor.Visit) bool { return w.Queue.ID == v.Queue && w.At == v.At }) {
			b.visitOver(i, v, f)
		}
	}
	for _, w := range waiting {
		if !slices.ContainsFunc(i.Visits, func(v *visit) bool { return v.Ended == 0 && v.Queue == w.Queue.ID && v.At == w.At }) {
			b.visitBegan(i, w.Queue, w.At, f)
		}
	}
	for i.Entered < it.Visits {
		if it.LastQueue == nil {
			i.Entered = it.Visits
			break
		}
		b.visitOver(i, b.visitBegan(i, it.LastQueue, it.QueuedAt, f), f) // it was over with the fact that told of it first
	}
}

func (b *Books) visitBegan(i *issue, q *floor.Queue, at int64, f *fact) *visit {
	v := &visit{
		Queue: q.ID, At: at, EnterUS: i.stamp("queue "+q.ID, at), ChanceUS: i.stamp("chance", at), First: !i.FirstQueued, FlowName: i.Flow.Name, FlowNode: i.Flow.Node,
		Before: i.Flow.Before, Busy: q.InState[floor.Idle] == 0, Dirty: true,
	}
	closers, _ := q.Said()
	v.Closed = slices.Contains(closers, event.ClosedByHours) || slices.Contains(closers, event.ClosedByHoliday)
	if f != nil && strings.HasSuffix(f.typ, ".queued") {
		v.Entry = f.str("reason")
	}
	for n := len(i.Visits) - 1; n >= 0; n-- {
		if o := i.Visits[n]; o.Ended > 0 && o.How != "answered" {
			v.FromQueue = o.Queue
			break
		}
	}
	for n := len(i.Parts) - 1; n >= 0; n-- {
		if p := i.Parts[n]; p.Connected > 0 {
			v.FromAgent, v.FromQueue = p.Agent, p.Queue
			break
		}
	}
	if i.FirstQueued = true; i.Escalated == 0 {
		i.Escalated = at
	}
	i.Visits = keep(i.Visits, v)
	i.Entered++
	return v
}

func (b *Books) visitOver(i *issue, v *visit, f *fact) {
	v.Ended, v.Dirty, v.How = max(i.Ended, v.At), true, "lost"
	if f != nil {
		switch q := f.data.Get("queue").Str; {
		case f.typ == "interaction.accepted" && (q == v.Queue || q == ""):
			v.Ended, v.How, v.Agent = max(f.at, v.At), "answered", f.str("agent")
		case f.typ == "interaction.dequeued" && q == v.Queue:
			v.Ended, v.How = max(f.at, v.At), cmp.Or(f.str("reason"), v.How)
		}
	}
	v.Waited = v.Ended - v.At
	for _, c := range i.CheckIns {
		if c.Queue == v.Queue && c.Result == "" {
			c.Result, c.ResultAt, c.Dirty = checkResult(v.How), v.Ended, true
		}
	}
}

// exitEvent gives the event that ended a visit, as the tables name events.
func (v *visit) exitEvent() string {
	switch v.How {
	case "":
		return ""
	case "answered":
		return "ASSIGNED"
	case "abandoned":
		return "QUEUE_ABANDONED"
	case "timeout":
		return "TIMED_OUT"
	}
	return strings.ToUpper(v.How)
}

// enterEvent gives the event that began a visit.
func (v *visit) enterEvent() string {
	if v.Entry == "" {
		return "QUEUED"
	}
	return "QUEUED_" + strings.ToUpper(v.Entry)
}

// checkIn is a sign of a waiting customer.
type checkIn struct {
	US       int64 // when, microseconds, unlike any other of the issue
	Queue    string
	ChanceUS int64 // of the visit
	Limit    int64 // when the wait reaches its limit; 0: no limit
	Result   string
	ResultAt int64
	Dirty    bool
}

// checkResult gives the outcome of a check-in in at most nine letters.
func checkResult(how string) string {
	switch how {
	case "answered":
		return "assigned"
	case "transferred":
		return "moved"
	}
	return how
}

// checkedIn takes in a sign of the customer.
func (b *Books) checkedIn(i *issue, f *fact) {
	if f.data.Get("role").Str != "customer" {
		return
	}
	for n := len(i.Visits) - 1; n >= 0; n-- {
		v := i.Visits[n]
		if v.Ended > 0 {
			continue
		}
		c := &checkIn{US: i.stamp("check-in", f.at), Queue: v.Queue, ChanceUS: v.ChanceUS, Dirty: true}
		if q := b.view.t.Queue(v.Queue); q != nil && q.Config.MaxWaitMS > 0 {
			c.Limit = v.At + q.Config.MaxWaitMS
		}
		i.CheckIns = keep(i.CheckIns, c)
		return
	}
}
