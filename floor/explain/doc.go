// Package explain finds the events behind a number of the floor: it folds the log
// again and looks, event by event, at what each added to the parts of a measure's
// formula.
//
// An [Explainer] is asked with a [Query]: a measure of the catalogue, a key and a
// stretch of time. The [Answer] has the parts of the formula over the stretch, the
// value that they give, and the events that contributed, a page at a time.
//
// Invariants:
//
//   - What the events of all pages contributed adds up to the parts, and the formula
//     over the parts is the value.
//   - The fold is that of the floor, from the oldest event that the log keeps on, so
//     that what was open when the stretch began is known.
//
// Folding a long log takes time. The state in front of a stretch is kept for the
// next question, and so is how far a question came whose time ran out: it is asked
// again and goes on from there. A few questions are worked on side by side, of one tenant
// fewer still; others wait for a turn, and those beyond a bound are refused with [ErrBusy].
package explain
