package measure

import (
	"strconv"
	"sync"
)

// Of is a set of kinds of key.
type Of uint8

// The kinds of key.
const (
	OfQueue Of = 1 << iota
	OfAgent
	OfAgentQueue
	OfChannel
	OfQueueChannel
	OfAgentChannel

	ofVisits = OfQueue | OfChannel | OfQueueChannel
	ofWork   = OfQueue | OfAgent | OfAgentQueue | OfChannel | OfQueueChannel | OfAgentChannel
)

// String names one kind as the documentation does.
func (o Of) String() string {
	switch o {
	case OfQueue:
		return "queue"
	case OfAgent:
		return "agent"
	case OfAgentQueue:
		return "agent and queue"
	case OfChannel:
		return "channel"
	case OfQueueChannel:
		return "queue and channel"
	case OfAgentChannel:
		return "agent and channel"
	}
	return ""
}

// Kinds lists the kinds of key.
func Kinds() []Of {
	return []Of{OfQueue, OfAgent, OfAgentQueue, OfChannel, OfQueueChannel, OfAgentChannel}
}

// Type is what a value is.
type Type string

// The types. A time in state is the moment at which the state began, as epoch
// milliseconds, and 0 outside the state: a number that only changes with the
// state, and from which a screen can run its own clock.
const (
	String      Type = "STRING"
	Number      Type = "NUMBER"
	Duration    Type = "DURATION"
	TimeInState Type = "TIME_IN_STATE"
)

// Unit is what a value counts.
type Unit string

// The units.
const (
	NoUnit  Unit = ""
	Count   Unit = "count"
	Seconds Unit = "s"
	Percent Unit = "%"
	EpochMS Unit = "epoch ms"
)

// Value is one value. The zero Value is none.
type Value struct {
	There bool
	Text  string  // of a STRING
	Whole int64   // of a count or a moment; of a DURATION in milliseconds
	Part  float64 // of a quotient: percent, or milliseconds
	part  bool
	typ   Type
	unit  Unit
}

// Append appends what String gives, without allocating.
func (v Value) Append(dst []byte) []byte {
	switch {
	case !v.There:
		return dst
	case v.typ == String:
		return append(dst, v.Text...)
	case v.unit == Seconds && !v.part:
		return strconv.AppendInt(dst, v.Whole/1000, 10)
	case v.part:
		return strconv.AppendFloat(dst, v.Float(), 'f', 2, 64)
	}
	return strconv.AppendInt(dst, v.Whole, 10)
}

// Float gives the value as a number in the measure's unit.
func (v Value) Float() float64 {
	x := float64(v.Whole)
	if v.part {
		x = v.Part
	}
	if v.unit == Seconds {
		x /= 1000
	}
	return x
}

// String gives the value in the form of the measures interface, where all values
// are texts: durations in whole seconds, quotients with two decimals.
func (v Value) String() string { return string(v.Append(nil)) }

// Measure is one entry of the catalogue.
type Measure struct {
	Name        string
	Type        Type
	Unit        Unit
	Of          Of
	Formula     string
	Description string
	value       func(*View) Value
}

// Read gives the measure's value for a key, none when it has none.
func (m *Measure) Read(v *View) Value {
	if m.Of&v.of == 0 {
		return Value{}
	}
	out := m.value(v)
	out.typ, out.unit = m.Type, m.Unit
	return out
}

var catalogue = sync.OnceValue(func() []Measure {
	var all []Measure
	all = append(all, visits()...)
	all = append(all, levels()...)
	all = append(all, work()...)
	all = append(all, quotients()...)
	all = append(all, people()...)
	all = append(all, estimates()...)
	all = append(all, names()...)
	return all
})

var byName = sync.OnceValue(func() map[string]*Measure {
	m := map[string]*Measure{}
	for i := range catalogue() {
		m[catalogue()[i].Name] = &catalogue()[i]
	}
	return m
})

// Catalogue lists all measures. The list is shared and must not be changed.
func Catalogue() []Measure { return catalogue() }

// For lists the measures that a kind of key has.
func For(o Of) []*Measure {
	var out []*Measure
	for i := range catalogue() {
		if catalogue()[i].Of&o != 0 {
			out = append(out, &catalogue()[i])
		}
	}
	return out
}

// Named gives the measure of a name, nil when there is none.
func Named(name string) *Measure { return byName()[name] }
