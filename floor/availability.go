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
	q.schedule = nil
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
	now := moment(at)
	a := Availability{ScheduleOpen: true}
	if s := q.schedule; s != nil {
		st := s.At(now)
		a.ScheduleOpen = st.Open
		a.ByHours, a.ByHoliday = !st.Open && !st.Holiday, !st.Open && st.Holiday
		a.Changes, _, _ = s.Next(now)
	}
	ms, why := t.EstimatedWait(q, t.set.WaitMethod, at)
	if c := q.Config.Caps; c != nil {
		a.BySize = c.Size > 0 && int(q.Waiting) >= c.Size
		a.ByWait = why == "" && c.EstimatedWaitMS > 0 && ms >= c.EstimatedWaitMS
		a.ByFallback = why != "" && c.FallbackSize > 0 && int(q.Waiting) >= c.FallbackSize
	}
	a.ByMitigation = q.Config.Mitigation != nil && q.Config.Mitigation.Active
	a.ByStage = q.Removed || q.Config.Stage == event.StageDisabled
	a.Open = a.ScheduleOpen && !a.BySize && !a.ByWait && !a.ByFallback && !a.ByMitigation && !a.ByStage
	a.AfterClosing = a.ScheduleOpen && why == "" && !a.Changes.IsZero() && at+ms > a.Changes.UnixMilli()
	return a
}
