package hours_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/event"
	"trunkline/floor/hours"
)

var weekdays = []event.Day{event.Sunday, event.Monday, event.Tuesday, event.Wednesday, event.Thursday, event.Friday, event.Saturday}

func schedule(t interface{ Fatal(...any) }, q event.QueueConfigured) *hours.Schedule {
	s, err := hours.New(&q)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpenByTheClockOnTheWall(t *testing.T) {
	zone, _ := time.LoadLocation("Europe/Helsinki")
	q := event.QueueConfigured{Zone: "Europe/Helsinki", Holidays: []event.Holiday{
		{Date: "2026-12-24", From: "09:00", To: "12:00"}, {Date: "2026-12-25"},
	}}
	for _, d := range weekdays[1:6] {
		q.Hours = append(q.Hours, event.OpenHours{Day: d, From: "08:00", To: "12:00"}, event.OpenHours{Day: d, From: "13:00", To: "24:00"})
	}
	q.Hours = append(q.Hours, event.OpenHours{Day: event.Saturday, From: "22:00", To: "02:00"})
	s := schedule(t, q)
	for _, c := range []struct {
		at      string
		open    bool
		holiday bool
		next    string
	}{
		{"2026-03-02T07:59:59", false, false, "2026-03-02T08:00:00"},
		{"2026-03-02T08:00:00", true, false, "2026-03-02T12:00:00"},
		{"2026-03-02T12:00:00", false, false, "2026-03-02T13:00:00"},
		{"2026-03-02T23:59:59", true, false, "2026-03-03T00:00:00"},
		{"2026-03-06T23:00:00", true, false, "2026-03-07T00:00:00"},
		{"2026-03-07T23:00:00", true, false, "2026-03-08T02:00:00"},
		{"2026-03-08T03:00:00", false, false, "2026-03-09T08:00:00"},
		{"2026-12-24T12:30:00", false, true, "2026-12-26T22:00:00"},
		{"2026-12-24T10:00:00", true, true, "2026-12-24T12:00:00"},
		{"2026-12-25T10:00:00", false, true, "2026-12-26T22:00:00"},
		{"2026-03-27T20:00:00", true, false, "2026-03-28T00:00:00"},
		{"2026-03-29T12:00:00", false, false, "2026-03-30T08:00:00"}, // the clock went forward in between
	} {
		at, err := time.ParseInLocation("2006-01-02T15:04:05", c.at, zone)
		if err != nil {
			t.Fatal(err)
		}
		if st := s.At(at); st.Open != c.open || st.Holiday != c.holiday {
			t.Errorf("%s: %+v", c.at, st)
		}
		next, opens, ok := s.Next(at)
		if got := next.In(zone).Format("2006-01-02T15:04:05"); !ok || got != c.next || opens == c.open {
			t.Errorf("%s: next %s, opens %v, want %s", c.at, got, opens, c.next)
		}
	}
}

func TestADayOf23And25Hours(t *testing.T) {
	q := event.QueueConfigured{Zone: "Europe/Helsinki", Hours: []event.OpenHours{{Day: event.Sunday, From: "00:00", To: "24:00"}}}
	s := schedule(t, q)
	zone := s.Zone()
	for day, long := range map[string]time.Duration{"2026-03-29": 23 * time.Hour, "2026-10-25": 25 * time.Hour, "2026-03-01": 24 * time.Hour} {
		at, _ := time.ParseInLocation(time.DateOnly, day, zone)
		opens, _, _ := s.Next(at.Add(-time.Minute))
		closes, _, _ := s.Next(at)
		if !opens.Equal(at) || closes.Sub(opens) != long {
			t.Errorf("%s: open from %v for %v", day, opens, closes.Sub(opens))
		}
	}
}

func TestAlwaysOpen(t *testing.T) {
	s := schedule(t, event.QueueConfigured{})
	if _, _, ok := s.Next(time.Unix(0, 0)); ok || !s.At(time.Unix(0, 0)).Open {
		t.Error("a queue without hours closes")
	}
	s = schedule(t, event.QueueConfigured{Holidays: []event.Holiday{{Date: "2026-12-25"}}})
	at := time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC)
	next, opens, ok := s.Next(at)
	if !ok || opens || !next.Equal(at.Add(12*time.Hour)) {
		t.Errorf("closes at %v, %v, %v", next, opens, ok)
	}
	if next, opens, _ = s.Next(next); !opens || !next.Equal(at.Add(36*time.Hour)) {
		t.Errorf("opens at %v, %v", next, opens)
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	for _, q := range []event.QueueConfigured{
		{Zone: "Nowhere/Land"}, {Hours: []event.OpenHours{{Day: "someday", From: "08:00", To: "09:00"}}},
		{Hours: []event.OpenHours{{Day: event.Monday, From: "8:00", To: "09:00"}}}, {Hours: []event.OpenHours{{Day: event.Monday, From: "08:00", To: "24:01"}}},
		{Hours: []event.OpenHours{{Day: event.Monday, From: "08:60", To: "09:00"}}}, {Holidays: []event.Holiday{{Date: "2026-02-30"}}},
		{Holidays: []event.Holiday{{Date: "2026-02-03", From: "xx:00", To: "01:00"}}}, {Hours: []event.OpenHours{{Day: event.Monday, From: "08:00", To: ""}}},
	} {
		if _, err := hours.New(&q); !errors.Is(err, hours.ErrHours) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// The schedule against the clock on the wall, read minute by minute.
func TestAgainstTheWallClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := event.QueueConfigured{Zone: rapid.SampledFrom([]string{"Europe/Helsinki", "America/New_York", "Australia/Lord_Howe", "UTC"}).Draw(t, "zone")}
		clock := func(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }
		type span struct{ from, to int }
		week := map[time.Weekday][]span{}
		for range rapid.IntRange(1, 6).Draw(t, "stretches") {
			d := time.Weekday(rapid.IntRange(0, 6).Draw(t, "day"))
			// The hour in which clocks change is left out: a moment there has no one name.
			from := rapid.IntRange(4*60, 23*60).Draw(t, "from")
			to := rapid.IntRange(from+1, 24*60).Draw(t, "to")
			q.Hours = append(q.Hours, event.OpenHours{Day: weekdays[d], From: clock(from), To: clock(to)})
			week[d] = append(week[d], span{from, to})
		}
		s := schedule(t, q)
		start := time.Date(2026, time.Month(rapid.IntRange(3, 11).Draw(t, "month")), rapid.IntRange(1, 30).Draw(t, "date"), 0, 0, 0, 0, time.UTC)
		wall := func(at time.Time) bool {
			at = at.In(s.Zone())
			m := at.Hour()*60 + at.Minute()
			for _, x := range week[at.Weekday()] {
				if m >= x.from && m < x.to {
					return true
				}
			}
			return false
		}
		next, _, ok := s.Next(start)
		if !ok {
			t.Fatal("nothing ever changes")
		}
		for at := start; at.Before(start.Add(8 * 24 * time.Hour)); at = at.Add(time.Minute) {
			if got := s.At(at).Open; got != wall(at) {
				t.Fatalf("at %v open is %v", at.In(s.Zone()), got)
			}
			if wall(at) != wall(start) {
				if !next.Equal(at) {
					t.Fatalf("changes at %v, said %v", at, next)
				}
				return
			}
		}
	})
}

func FuzzNew(f *testing.F) {
	f.Add("Europe/Helsinki", "mon", "08:00", "16:00", "2026-12-25")
	f.Add("", "sun", "24:00", "24:00", "")
	f.Fuzz(func(t *testing.T, zone, day, from, to, date string) {
		s, err := hours.New(&event.QueueConfigured{Zone: zone, Hours: []event.OpenHours{{Day: event.Day(day), From: from, To: to}},
			Holidays: []event.Holiday{{Date: date, From: from, To: to}}})
		if err != nil {
			return
		}
		at := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
		if next, opens, ok := s.Next(at); ok && (s.At(next).Open != opens || !next.After(at)) {
			t.Fatalf("next %v %v", next, opens)
		}
	})
}

// TestLastIsNextTurnedRound: what Last finds is what Next found on the way there.
func TestLastIsNextTurnedRound(t *testing.T) {
	s, err := hours.New(&event.QueueConfigured{Queue: "q", Zone: "Europe/Helsinki",
		Hours:    []event.OpenHours{{Day: event.Monday, From: "08:00", To: "17:00"}, {Day: event.Friday, From: "22:00", To: "02:00"}},
		Holidays: []event.Holiday{{Date: "2026-03-30"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC) // over the beginning of summer time
	for range 20 {
		next, opens, ok := s.Next(at)
		if !ok {
			t.Fatal("nothing changes")
		}
		for _, later := range []time.Duration{0, time.Minute} {
			if last, opened, ok := s.Last(next.Add(later)); !ok || !last.Equal(next) || opened != opens {
				t.Errorf("the last change before %v is %v %v, want %v %v", next.Add(later), last, opened, next, opens)
			}
		}
		at = next
	}
	always, err := hours.New(&event.QueueConfigured{Queue: "q"})
	if err == nil {
		if _, _, ok := always.Last(at); ok {
			t.Error("what is always open has opened")
		}
	}
}
