package index

import (
	"sort"
	"time"
)

// Span is a run of commits to read.
type Span struct{ From, To uint64 }

// Find gives the commits to read for the tenant's event seq and those right
// behind it: the section that holds seq is in the span, if it is kept. Spans
// of a busy tenant run to the head, those of a quiet one end where its next
// section is far off; Find of the next sequence then gives the next span.
func (s *Shard) Find(name string, seq uint64) (Span, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, ok := s.tenants[name]
	if !ok || seq > t.head || len(t.places) == 0 || seq <= t.trim {
		return Span{}, false
	}
	i := sort.Search(len(t.places), func(i int) bool { return t.places[i].first > seq }) - 1
	if i < 0 {
		return Span{}, false
	}
	from := t.places[i].stream
	for ; i+1 < len(t.places) && t.places[i+1].stream < t.places[i].stream+2*spacing; i++ {
		if t.places[i+1].stream-from > 4096 {
			break
		}
	}
	return Span{max(from, s.first), min(t.places[i].stream+spacing-1, s.applied)}, true
}

// Next gives the first sequence behind seq that begins a place, for reading
// on behind a break; 0 when there is none.
func (s *Shard) Next(name string, seq uint64) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, ok := s.tenants[name]
	if !ok {
		return 0
	}
	i := sort.Search(len(t.places), func(i int) bool { return t.places[i].first > seq })
	if i == len(t.places) {
		return 0
	}
	return t.places[i].first
}

// Before gives the first sequence of the place that holds seq: where to start
// when reading backwards.
func (s *Shard) Before(name string, seq uint64) (uint64, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, ok := s.tenants[name]
	if !ok {
		return 0, false
	}
	i := sort.Search(len(t.places), func(i int) bool { return t.places[i].first > seq }) - 1
	if i < 0 {
		return 0, false
	}
	return max(t.places[i].first, t.trim+1), true
}

// SeekTime gives a sequence of the tenant at or a little before the first event
// that was received at or after at; head+1 when there is none.
func (s *Shard) SeekTime(name string, at time.Time) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, ok := s.tenants[name]
	if !ok {
		return 1
	}
	ms := at.UnixMilli()
	i := sort.Search(len(t.places), func(i int) bool { return t.places[i].received >= ms })
	if i == 0 {
		return t.trim + 1
	}
	return max(t.places[i-1].first, t.trim+1)
}

// Older gives the first stream sequence to keep when everything received
// before at may go.
func (s *Shard) Older(at time.Time) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ms := at.UnixMilli()
	i := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].received >= ms })
	if i == 0 {
		return s.first
	}
	// Commits between two marks may be younger than at, and Trim may take up to
	// a place's span more from a tenant: keep that much more.
	if keep := s.marks[i-1].stream; keep > s.first+spacing {
		return keep - spacing
	}
	return s.first
}

// Nth gives the stream sequence that is a fraction of the way from the first
// kept commit to the last, for trimming by size.
func (s *Shard) Nth(fraction float64) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.first + uint64(fraction*float64(s.applied+1-s.first))
}

// Trim forgets the commits before keep. A tenant's events up to its first kept
// place count as gone, so up to a place's span more than the commits say.
func (s *Shard) Trim(keep uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if keep > s.first {
		s.trim(keep)
	}
}

func (s *Shard) trim(keep uint64) {
	s.first = keep
	for _, t := range s.tenants {
		i := sort.Search(len(t.places), func(i int) bool { return t.places[i].stream >= keep })
		// Sections between the last dropped place and keep cannot be told
		// apart without reading; what is kept for sure begins at place i.
		if i < len(t.places) {
			t.trim = max(t.trim, t.places[i].first-1)
		} else {
			t.trim = t.head
		}
		if i > 0 {
			t.places = append([]place(nil), t.places[i:]...)
		}
	}
	i := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].stream >= keep })
	s.marks = append([]mark(nil), s.marks[i:]...)
}
