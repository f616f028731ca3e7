// Package schema describes the tables of the export feed: their columns with
// types, their keys, the order in which duplicates are resolved, and how often a
// window of each is written.
//
// [Tables] lists every table of the interface, those that stay empty with the
// reason. A [Row] has one [Value] for each column of its table, in the order of
// [Table.Columns]. The same definitions write the rows ([Table.AppendJSON]), the
// schema document ([WriteDocs]), the statement that removes duplicates
// ([DedupeSQL]) and what the consumer removes them with ([Dedupe]).
//
// Invariants:
//
//   - A table's definition changes with its version: [Diff] tells what changed and
//     [Check] whether the version and the dates say so.
//   - Times are UTC. In a row they are microseconds since 1970, in text they always
//     have the same width, so that their order as text is their order in time.
//   - Nothing here depends on a clock, or on the order of a map.
package schema

import "time"

// Kind is the kind of a column's values.
type Kind uint8

// The kinds.
const (
	String    Kind = iota
	Integer        // 64 bits, signed
	Float          // 64 bits
	Boolean        // true or false
	Timestamp      // a moment in UTC, to the microsecond
)

// String gives the kind's name.
func (k Kind) String() string {
	return [...]string{"string", "integer", "float", "boolean", "timestamp", ""}[min(k, Timestamp+1)]
}

// Column is one column of a table.
type Column struct {
	Name string
	Kind Kind
	// SQL is the type as the interface documents it.
	SQL string
	// Description says what the values are, with their units.
	Description string
	// Null says that the column is there for those who load it and has no value.
	Null bool
	// Since is the day from which on the column is there, Changed the day of its last
	// change, Deprecated the day from which on another one is to be used instead; as
	// 2026-03-02, "" for none.
	Since, Changed, Deprecated string
}

// Table is one table.
type Table struct {
	Name        string
	Version     string // of the layout, as in the paths; begins at "1"
	Description string
	Every       time.Duration // the length of a window: 15 minutes, an hour or a day
	Columns     []Column
	// Key are the columns that together name what a row is about: of the rows with
	// equal values in them the latest holds.
	Key []string
	// Order are the columns by which the latest is found, the higher first. What is
	// equal in them is decided by the window: the later one holds.
	Order []string
	// Logical is the column that says of which moment a row tells, "" for none.
	Logical string
	// Guide is the key as the interface's de-duplication guide writes it, where it is
	// another one: it names columns that the table does not have.
	Guide []string
	// Empty is why no row is written, "" for a table that has rows. Its windows are
	// written all the same, without rows.
	Empty string
	// OptIn says that the table is written only for tenants that ask for it.
	OptIn bool
	// Raw says that the rows are the events of the log themselves, made by whoever
	// reads the log.
	Raw bool

	index map[string]int
}

// Column gives the place of a column among the table's columns.
func (t *Table) Column(name string) (int, bool) {
	i, ok := t.index[name]
	return i, ok
}

// Partitions are the names of the partition keys of the table's paths, from the
// outermost: dt, then hr and mi where windows are shorter than a day and an hour.
func (t *Table) Partitions() []string {
	switch {
	case t.Every >= 24*time.Hour:
		return []string{"dt"}
	case t.Every >= time.Hour:
		return []string{"dt", "hr"}
	}
	return []string{"dt", "hr", "mi"}
}

// Row has a value for each column of a table.
type Row []Value

// guideIs says why the guide's key is not the table's.
func (t *Table) guideIs() string {
	for _, c := range t.Guide {
		if _, ok := t.Column(c); !ok {
			return "of which the table has not every column"
		}
	}
	return "which are deprecated columns"
}
