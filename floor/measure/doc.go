// Package measure is the one catalogue of the intraday measures: what each is
// called, its type and unit, its formula and meaning, for which keys there is a
// value, and how the value is made of what package floor counts.
//
// A [Measure] is read off a [View], which is one key of the floor: a queue, an
// agent, an agent at a queue, a channel, a queue's channel. All interfaces that
// show measures, the documentation (docs/measures.md, written by [Document]) and
// the console share the catalogue, so that a number has one formula everywhere.
//
// Measures are "interval to date": counted since the tenant's last midnight.
// Durations accrue when a state ends, unless the view is given the time it is read
// at. A quotient whose divisor is zero has no value, not the value zero.
package measure
