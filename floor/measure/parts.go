package measure

import "trunkline/floor"

// Part is one of the numbers that a formula is made of: a counter, or the time that
// an agent spent in a state. Durations are in milliseconds and end in _ms.
type Part struct {
	Name  string
	Value int64
}

// Parts gives the numbers that the measure's formula reads of a key, in the order in
// which it reads them. Times of states that go on do not count. Nil says that the
// value is not made of counters but is the state of something.
func (m *Measure) Parts(v *View) []Part {
	l := &ledger{row: v.row}
	m.through(v, l)
	if l.state {
		return nil
	}
	return l.parts
}

// With gives the measure's value as it would be with other numbers for its parts.
func (m *Measure) With(v *View, parts []Part) Value {
	return m.through(v, &ledger{row: v.row, parts: parts, given: true})
}

func (m *Measure) through(v *View, l *ledger) Value {
	w := *v
	w.row, w.led, w.Now = l, l, 0
	return m.Read(&w)
}

// ledger stands between a formula and a row: it notes what the formula reads, or
// gives it other numbers to read.
type ledger struct {
	row   rower
	parts []Part
	given bool
	state bool // something was read that is not counted
}

func (l *ledger) part(name string, value func() int64) int64 {
	for i := range l.parts {
		if l.parts[i].Name == name {
			return l.parts[i].Value
		}
	}
	if l.given {
		return 0
	}
	n := value()
	l.parts = append(l.parts, Part{name, n})
	return n
}

// Get is part of rower.
func (l *ledger) Get(c floor.Counter) int64 {
	return l.part(c.String(), func() int64 { return l.row.Get(c) })
}

// Abandoned is part of rower.
func (l *ledger) Abandoned() int64 { return l.Get(floor.AbandonedShort) + l.Get(floor.AbandonedLong) }

// Present is part of rower.
func (l *ledger) Present() floor.Present {
	l.state = true
	return l.row.Present()
}

// timeIn is the time that the view's agent spent in a state.
func (v *View) timeIn(s floor.State) int64 {
	if v.led == nil {
		return v.Agent.TimeIn(s, v.Now)
	}
	return v.led.part(s.String()+"_state_ms", func() int64 { return v.Agent.TimeIn(s, 0) })
}
