package floor

import (
	"time"

	"trunkline/event"
	"trunkline/floor/hours"
)

// Availability says whether a queue takes anybody now, and if not, by what it is
// closed. Several may be true at once.
type Availability struct {
	Open bool

	ByHours      bool // outside the opening hours
	ByHoliday    bool // outside the hours of a date that has its own
	ByWait       bool // the estimated wait has reached its cap
	BySize       bool // the number waiting has reached its cap
	ByFallback   bool // the same while no estimate can be made
	ByMitigation bool // the brake is on
	ByStage      bool // the queue is disabled or removed

	// ScheduleOpen is what hours and holidays alone say; Changes is when that
	// changes next, the zero time when it does not within 400 days.
	ScheduleOpen bool
	Changes      time.Time
	// AfterClosing says that one who enters now would by the estimate still wait
	// when the hours end.
	AfterClosing bool
}

// plan reads a queue's hours. Hours that cannot be read count as none: the queue
// is then always open.
func (q *Queue) plan() {
	q.schedule, q.cached, q.edges = nil, 0, edges{}
	if len(q.Config.Hours) == 0 && len(q.Config.Holidays) == 0 {
		return
	}
	if s, err := hours.New(&q.Config); err == nil {
		q.schedule = s
	}
}

// Availability tells whether a queue takes anybody at a moment, in epoch
// milliseconds. Of the caps, zero is no threshold and reaching one closes.
func (t *Tenant) Availability(q *Queue, at int64) Availability {
	a := Availability{}
	st, changes := q.scheduled(at)
	a.ScheduleOpen, a.Changes = st.Open, moment(changes)
	a.ByHours, a.ByHoliday = !st.Open && !st.Holiday, !st.Open && st.Holiday
	ms, why := t.EstimatedWait(q, t.set.WaitMethod, at)
	if c := q.Config.Caps; c != nil {
		a.BySize = c.Size > 0 && int(q.Waiting) >= c.Size
		a.ByWait = why == "" && c.EstimatedWaitMS > 0 && ms >= c.EstimatedWaitMS
		a.ByFallback = why != "" && c.FallbackSize > 0 && int(q.Waiting) >= c.FallbackSize
	}
	a.ByMitigation = q.Config.Mitigation != nil && q.Config.Mitigation.Active
	a.ByStage = q.Removed || q.Config.Stage == event.StageDisabled
	a.Open = a.closers() == 0
	a.AfterClosing = a.ScheduleOpen && why == "" && changes > 0 && at+ms > changes
	return a
}

// scheduled says what hours and holidays say of a moment, and when that changes
// next, 0 for never. It only reads, so that many may ask at once.
func (q *Queue) scheduled(at int64) (hours.Status, int64) {
	switch {
	case q.schedule == nil:
		return hours.Status{Open: true}, 0
	case q.covers(at):
		return q.status, q.changes
	}
	now := moment(at)
	next, _, ok := q.schedule.Next(now)
	if !ok {
		return q.schedule.At(now), 0
	}
	return q.schedule.At(now), next.UnixMilli()
}

// covers says that what was kept of the schedule holds at a moment.
func (q *Queue) covers(at int64) bool { return q.cached > 0 && at >= q.cached && at < q.until }

// lookUp keeps what the schedule says around a moment, for the fold, which asks
// with every record: until the next change, and for the rest of the date, because
// a holiday begins and ends with it.
func (q *Queue) lookUp(at int64) {
	if q.schedule == nil || q.covers(at) {
		return
	}
	q.status, q.changes = q.scheduled(at)
	d := moment(at).In(q.schedule.Zone())
	q.cached, q.until = at, time.Date(d.Year(), d.Month(), d.Day()+1, 0, 0, 0, 0, d.Location()).UnixMilli()
	if q.changes > 0 {
		q.until = min(q.until, q.changes)
	}
}

// closers gives the reasons as a set of bits, in the order of Closers.
func (a *Availability) closers() uint8 {
	n := uint8(0)
	for i, b := range [...]bool{a.ByHours, a.ByHoliday, a.ByWait, a.BySize, a.ByFallback, a.ByMitigation, a.ByStage} {
		if b {
			n |= 1 << i
		}
	}
	return n
}

// Closers lists the reasons in the words of the vocabulary.
func (a *Availability) Closers() []event.QueueCloser { return closersOf(a.closers()) }

// Said gives by what a queue is closed, as it was said last in the log, nothing for
// an open one; and when its hours open or close it next, in epoch milliseconds, 0
// for never.
func (q *Queue) Said() (closers []event.QueueCloser, changes int64) {
	if !q.told {
		return nil, 0
	}
	return closersOf(q.closed), q.opens
}

func closersOf(n uint8) []event.QueueCloser {
	var out []event.QueueCloser
	for i, w := range [...]event.QueueCloser{
		event.ClosedByHours, event.ClosedByHoliday, event.ClosedByEstimatedWait, event.ClosedBySize, event.ClosedByFallbackSize,
		event.ClosedByMitigation, event.ClosedByStage,
	} {
		if n&(1<<i) != 0 {
			out = append(out, w)
		}
	}
	return out
}
