package eventlog

import (
	"sync"

	"trunkline/eventlog/commit"
)

// history keeps commits that were read from the store, bounded in bytes: a
// reader that is served in turns does not fetch the same batch again, and many
// who come back at once to read the same hours read them from the store once.
type history struct {
	most int

	mu      sync.Mutex // guards all below
	commits map[uint64]*commit.Commit
	order   []uint64 // as they came, oldest first
	bytes   int
}

func newHistory(most int) *history {
	return &history{most: most, commits: make(map[uint64]*commit.Commit)}
}

// run gives the commits from sequence from on that are here without a gap, not
// beyond to, and about as many as one fetch would: who stops reading soon has
// then not had the store asked for what lies behind all that is here.
func (h *history) run(from, to uint64) []*commit.Commit {
	h.mu.Lock()
	defer h.mu.Unlock()
	var cs []*commit.Commit
	bytes := 0
	for c := h.commits[from]; c != nil && from <= to && len(cs) < fetchMost && bytes < fetchBytes; c = h.commits[from] {
		cs = append(cs, c)
		bytes += weight(c)
		from++
	}
	return cs
}

func (h *history) add(cs []*commit.Commit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range cs {
		if h.commits[c.Sequence] != nil {
			continue
		}
		h.commits[c.Sequence] = c
		h.order = append(h.order, c.Sequence)
		h.bytes += weight(c)
	}
	for h.bytes > h.most && len(h.order) > 1 {
		h.bytes -= weight(h.commits[h.order[0]])
		delete(h.commits, h.order[0])
		h.order = h.order[1:]
	}
}

// clear forgets everything: what the engine held may not be what the disk has.
func (h *history) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.commits)
	h.order, h.bytes = nil, 0
}
