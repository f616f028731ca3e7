package event

import (
	"fmt"
	"strings"
)

// Limits bound what a parser accepts. The zero value of a field takes the
// default.
type Limits struct {
	// MaxEvent is the size of one event in bytes (default 256 KiB).
	MaxEvent int
	// MaxBatchBytes is the size of a batch in bytes (default 8 MiB).
	MaxBatchBytes int
	// MaxBatchEvents is the number of events in a batch (default 10,000).
	MaxBatchEvents int
	// MaxDepth is the nesting of one event, itself counted (default 64).
	MaxDepth int
	// MaxAttribute is the length of an attribute's text in bytes (default 2,048).
	MaxAttribute int
	// MaxAttributes is the number of top-level members of an event (default 64).
	MaxAttributes int
}

// DefaultLimits returns the default of every limit.
func DefaultLimits() Limits { return Limits{}.WithDefaults() }

// WithDefaults returns the limits with the default for every one that is zero.
func (l Limits) WithDefaults() Limits {
	set := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	set(&l.MaxEvent, 256<<10)
	set(&l.MaxBatchBytes, 8<<20)
	set(&l.MaxBatchEvents, 10_000)
	set(&l.MaxDepth, 64)
	set(&l.MaxAttribute, 2048)
	set(&l.MaxAttributes, 64)
	return l
}

// Problem is one reason why an input is refused.
type Problem struct {
	// Index is the place of the event in its batch, from 0.
	Index int
	// Field is an attribute's name or a path such as data.hours[2].from; empty
	// when the whole event is meant.
	Field string
	// Reason says what is wrong, in words.
	Reason string
}

// MaxProblems bounds the problems that an [InvalidError] names.
const MaxProblems = 100

// InvalidError says why an input is refused. Nothing of it was taken.
type InvalidError struct {
	// Problems are the first problems found, at most [MaxProblems].
	Problems []Problem
	// More is how many further problems there are.
	More int
	// TooLarge says that at least one problem is a limit on size or number.
	TooLarge bool
}

// Error names the first problems.
func (e *InvalidError) Error() string {
	const shown = 3
	var b strings.Builder
	b.WriteString("invalid event")
	for i, p := range e.Problems {
		if i == shown {
			break
		}
		if i > 0 {
			b.WriteByte(';')
		} else {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, " [%d]", p.Index)
		if p.Field != "" {
			b.WriteByte(' ')
			b.WriteString(p.Field)
		}
		b.WriteString(": ")
		b.WriteString(p.Reason)
	}
	if n := len(e.Problems) + e.More - shown; n > 0 {
		fmt.Fprintf(&b, "; and %d more", n)
	}
	return b.String()
}

// add notes a problem, or counts it when there are enough.
func (e *InvalidError) add(p Problem) {
	if len(e.Problems) < MaxProblems {
		e.Problems = append(e.Problems, p)
	} else {
		e.More++
	}
}
