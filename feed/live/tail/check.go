package tail

import "fmt"

// maxFindings bounds what is kept in words; everything is counted.
const maxFindings = 20

// Result is what was seen.
type Result struct {
	Events      uint64
	First, Last uint64 // sequences, with Check
	Reconnects  int
	Cursor      string // to go on from

	Gaps, Repeats, Disorder uint64 // with Check: events missing, seen again, come late
	Findings                []string

	filtered bool // numbers are left out by the filter, which is no gap
	missing  map[uint64]bool
}

// Clean says that a check found nothing.
func (r *Result) Clean() bool { return r.Gaps+r.Repeats+r.Disorder == 0 }

// maxMissing bounds the numbers that are remembered as missing, to tell an event that
// comes late from one that comes again.
const maxMissing = 100_000

// check looks at the next sequence.
func (r *Result) check(seq uint64) {
	switch {
	case r.Events == 0:
		r.First, r.Last = seq, seq
	case seq == r.Last+1, seq > r.Last && r.filtered:
		r.Last = seq
	case seq > r.Last:
		r.find("a gap: %d follows %d", seq, r.Last)
		r.Gaps += seq - r.Last - 1
		if r.missing == nil {
			r.missing = map[uint64]bool{}
		}
		for n := r.Last + 1; n < seq && len(r.missing) < maxMissing; n++ {
			r.missing[n] = true
		}
		r.Last = seq
	case r.missing[seq], r.filtered && seq < r.Last, seq < r.First:
		r.find("out of order: %d after %d", seq, r.Last)
		r.Disorder++
		if r.missing[seq] {
			delete(r.missing, seq)
			r.Gaps--
		}
	default:
		r.find("a repeat: %d after %d", seq, r.Last)
		r.Repeats++
	}
}

func (r *Result) find(format string, args ...any) {
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
	}
}
