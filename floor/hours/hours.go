// Package hours tells when a queue is open by its hours and holidays: weekly
// stretches in local time, and dates with hours of their own, in a time zone with
// its changes of the clock.
//
// A [Schedule] is made of a queue's configuration once and is immutable. A day
// without a stretch is closed; without any stretches at all the queue is always
// open. A stretch whose end is not behind its begin goes on past midnight. A local
// time that the clock skips counts as the moment after the gap; one that it has
// twice as the first.
package hours

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"trunkline/event"
)

// ErrHours is what the errors of hours that cannot be read wrap.
var ErrHours = errors.New("opening hours cannot be read")

// Schedule says when it is open.
type Schedule struct {
	zone     *time.Location
	always   bool
	week     [7][]stretch // by time.Weekday
	holidays map[string][]stretch
}

// stretch is minutes of a day, up to 48 hours: what is behind 24:00 belongs to
// the next day.
type stretch struct{ from, to int }

// Status is how it stands at a moment.
type Status struct {
	Open    bool
	Holiday bool // the date has hours of its own
}

// New makes a schedule of a queue's configuration.
func New(q *event.QueueConfigured) (*Schedule, error) {
	s := &Schedule{zone: time.UTC, always: len(q.Hours) == 0, holidays: map[string][]stretch{}}
	if q.Zone != "" {
		zone, err := time.LoadLocation(q.Zone)
		if err != nil {
			return nil, fmt.Errorf("%w: time zone %q: %w", ErrHours, q.Zone, err)
		}
		s.zone = zone
	}
	for _, h := range q.Hours {
		day, ok := weekday(h.Day)
		if !ok {
			return nil, fmt.Errorf("%w: day %q", ErrHours, h.Day)
		}
		r, err := read(h.From, h.To)
		if err != nil {
			return nil, err
		}
		s.week[day] = append(s.week[day], r)
	}
	for _, h := range q.Holidays {
		if _, err := time.Parse(time.DateOnly, h.Date); err != nil {
			return nil, fmt.Errorf("%w: date %q", ErrHours, h.Date)
		}
		list := s.holidays[h.Date]
		if h.From != "" {
			r, err := read(h.From, h.To)
			if err != nil {
				return nil, err
			}
			list = append(list, r)
		}
		s.holidays[h.Date] = list
	}
	return s, nil
}

func weekday(d event.Day) (time.Weekday, bool) {
	i := slices.Index([]event.Day{event.Sunday, event.Monday, event.Tuesday, event.Wednesday, event.Thursday, event.Friday, event.Saturday}, d)
	return time.Weekday(max(i, 0)), i >= 0
}

func read(from, to string) (stretch, error) {
	a, err := minutes(from)
	if err != nil {
		return stretch{}, err
	}
	b, err := minutes(to)
	if err != nil {
		return stretch{}, err
	}
	if b <= a {
		b += 24 * 60
	}
	return stretch{a, b}, nil
}

// minutes reads HH:MM up to 24:00.
func minutes(s string) (int, error) {
	if len(s) != 5 || s[2] != ':' {
		return 0, fmt.Errorf("%w: time %q", ErrHours, s)
	}
	n := 0
	for _, i := range [...]int{0, 1, 3, 4} {
		if s[i] < '0' || s[i] > '9' {
			return 0, fmt.Errorf("%w: time %q", ErrHours, s)
		}
	}
	h, m := int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	if n = h*60 + m; m > 59 || n > 24*60 {
		return 0, fmt.Errorf("%w: time %q", ErrHours, s)
	}
	return n, nil
}

// Zone is the time zone of the schedule.
func (s *Schedule) Zone() *time.Location { return s.zone }

// At says how it stands at a moment.
func (s *Schedule) At(at time.Time) Status {
	at = at.In(s.zone)
	_, holiday := s.onHoliday(at)
	if s.always && !holiday {
		return Status{Open: true}
	}
	return Status{Open: s.open(at), Holiday: holiday}
}

func (s *Schedule) open(at time.Time) bool {
	for _, back := range [...]int{0, 1} {
		for _, p := range s.periods(at, -back) {
			if !at.Before(p.from) && at.Before(p.to) {
				return true
			}
		}
	}
	return false
}

type period struct{ from, to time.Time }

// periods gives the open periods that begin on the date of a moment, or so many
// days from it.
func (s *Schedule) periods(at time.Time, days int) []period {
	y, m, d := at.Date()
	date := time.Date(y, m, d+days, 12, 0, 0, 0, s.zone)
	y, m, d = date.Date()
	list, holiday := s.onHoliday(date)
	switch {
	case holiday:
	case s.always:
		list = []stretch{{0, 24 * 60}}
	default:
		list = s.week[date.Weekday()]
	}
	out := make([]period, 0, len(list))
	for _, r := range list {
		out = append(out, period{time.Date(y, m, d, 0, r.from, 0, 0, s.zone), time.Date(y, m, d, 0, r.to, 0, 0, s.zone)})
	}
	return out
}

func (s *Schedule) onHoliday(date time.Time) ([]stretch, bool) {
	if len(s.holidays) == 0 {
		return nil, false
	}
	list, ok := s.holidays[date.Format(time.DateOnly)]
	return list, ok
}

// Last gives the latest moment at or before another at which it opened or closed; ok is
// false when nothing changed within 400 days.
func (s *Schedule) Last(at time.Time) (last time.Time, opened, ok bool) {
	if s.always && len(s.holidays) == 0 {
		return time.Time{}, false, false
	}
	at = at.In(s.zone)
	days := horizon
	if len(s.holidays) == 0 {
		days = weeks
	}
	for day := 0; day <= days; day++ {
		for _, e := range slices.Backward(s.edges(at, -day-1)) {
			if now := s.At(e).Open; !e.After(at) && s.At(e.Add(-time.Millisecond)).Open != now {
				return e, now, true
			}
		}
	}
	return time.Time{}, false, false
}

// edges gives when the periods begin and end that begin on the date so many days from a
// moment, or on the one after it, the earliest first.
func (s *Schedule) edges(at time.Time, day int) []time.Time {
	var edges []time.Time
	for _, p := range append(s.periods(at, day), s.periods(at, day+1)...) {
		edges = append(edges, p.from, p.to)
	}
	slices.SortFunc(edges, func(a, b time.Time) int { return a.Compare(b) })
	return edges
}

// horizon is how many days are looked ahead for a change; without holidays one week
// is like the other.
const (
	horizon = 400
	weeks   = 15
)

// Next gives the first moment after another at which it opens or closes; ok is
// false when nothing changes within 400 days.
func (s *Schedule) Next(at time.Time) (next time.Time, opens, ok bool) {
	if s.always && len(s.holidays) == 0 {
		return time.Time{}, false, false
	}
	at = at.In(s.zone)
	now := s.At(at).Open
	days := horizon
	if len(s.holidays) == 0 {
		days = weeks
	}
	for day := -1; day <= days; day++ {
		for _, e := range s.edges(at, day) {
			if e.After(at) && s.At(e).Open != now {
				return e, !now, true
			}
		}
	}
	return time.Time{}, false, false
}
