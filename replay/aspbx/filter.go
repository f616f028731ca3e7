package aspbx

import (
	"fmt"
	"regexp"
	"sync"
)

// filter is an expression that keeps events or keeps them away. What it said of
// an event is remembered: the same capture is served many times in tests.
type filter struct {
	re   *regexp.Regexp
	mu   sync.Mutex     // guards said
	said map[int64]bool // by the event's offset
}

func (f *filter) matches(m *message) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	is, known := f.said[m.off]
	if !known {
		is = f.re.Match(m.raw)
		f.said[m.off] = is
	}
	return is
}

// filters are those that clients have asked for, by their text.
type filters struct {
	mu   sync.Mutex // guards made
	made map[string]*filter
}

// maxFilters bounds what clients can make a PBX remember.
const maxFilters = 100

func (f *filters) get(text string) (*filter, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.made[text]; known != nil {
		return known, nil
	}
	re, err := regexp.CompilePOSIX(text)
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	made := &filter{re: re, said: make(map[int64]bool)}
	if f.made == nil {
		f.made = make(map[string]*filter)
	}
	if len(f.made) < maxFilters {
		f.made[text] = made
	}
	return made, nil
}
