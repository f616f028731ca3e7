package source

import (
	"maps"
	"slices"
	"sync"
)

// Left counts, by their names, the events of a system of which no fact is made:
// those that say nothing that another one does not say, and those that nobody
// knows. What a filter at the system could keep away shows here.
type Left map[string]int64

// OtherEvents stands in a [Left] for all names beyond the first few.
const OtherEvents = "(others)"

// maxLeft bounds the names in a [Left]: they come from outside.
const maxLeft = 100

// Sum is how many there are in all.
func (l Left) Sum() int64 {
	var n int64
	for _, v := range l {
		n += v
	}
	return n
}

// Names lists the names, the most frequent first.
func (l Left) Names() []string {
	names := slices.Sorted(maps.Keys(l))
	slices.SortStableFunc(names, func(a, b string) int { return int(min(max(l[b]-l[a], -1), 1)) })
	return names
}

// Tally makes a [Left]. The zero value is ready; it may be read while it counts.
type Tally struct {
	mu   sync.Mutex // guards left
	left map[string]*int64
}

// Add counts an event that was left out.
func (t *Tally) Add(name []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.left[string(name)]
	if n == nil {
		key := OtherEvents
		if len(t.left) < maxLeft && named(name) {
			key = string(name)
		}
		if n = t.left[key]; n == nil {
			if t.left == nil {
				t.left = map[string]*int64{}
			}
			n = new(int64)
			t.left[key] = n
		}
	}
	*n++
}

// named tells whether a name is one: short, and without anything that could
// disturb who reads it.
func named(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 64
}

// Counts returns what was counted so far.
func (t *Tally) Counts() Left {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(Left, len(t.left))
	for name, n := range t.left {
		out[name] = *n
	}
	return out
}
