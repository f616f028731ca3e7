package eventlog

import (
	"sync"

	"trunkline/eventlog/commit"
)

// ring keeps the latest commits of a shard in memory, bounded in bytes: what
// readers near the head read, without asking the engine.
type ring struct {
	most int

	mu      sync.Mutex // guards all below
	commits []*commit.Commit
	bytes   int
	grown   chan struct{} // closed and replaced at every add
}

func newRing(most int) *ring { return &ring{most: most, grown: make(chan struct{})} }

// add appends a commit. One that does not follow the last starts the ring anew.
func (r *ring) add(c *commit.Commit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.commits); n > 0 && c.Sequence != r.commits[n-1].Sequence+1 {
		if c.Sequence <= r.commits[n-1].Sequence {
			return
		}
		r.commits, r.bytes = nil, 0
	}
	r.commits = append(r.commits, c)
	r.bytes += weight(c)
	drop := 0
	for r.bytes > r.most && drop < len(r.commits)-1 {
		r.bytes -= weight(r.commits[drop])
		drop++
	}
	r.commits = r.commits[drop:]
	close(r.grown)
	r.grown = make(chan struct{})
}

// weight is what a commit holds in memory, its records decoded.
func weight(c *commit.Commit) int {
	n := c.Size + 256
	for _, s := range c.Sections {
		n += s.Size() + s.Count*96
	}
	return n
}

// from gives some commits from sequence seq on, if the ring has them, and a
// channel that is closed when more have come; passed says that the ring had
// seq and has dropped it.
func (r *ring) from(seq uint64) (cs []*commit.Commit, grown <-chan struct{}, passed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if seq > r.last() {
		return nil, r.grown, false
	}
	if seq < r.commits[0].Sequence {
		return nil, r.grown, true
	}
	return some(r.commits[seq-r.commits[0].Sequence:]), r.grown, false
}

// last is the sequence of the newest commit; callers hold mu.
func (r *ring) last() uint64 {
	if len(r.commits) == 0 {
		return 0
	}
	return r.commits[len(r.commits)-1].Sequence
}

// holding gives some commits of which the first holds the tenant's event seq;
// nil when the ring does not have it.
func (r *ring) holding(tenant string, seq uint64) []*commit.Commit {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.commits) - 1; i >= 0; i-- {
		s := r.commits[i].Find(tenant)
		if s == nil || s.First > seq {
			continue
		}
		if s.Last() < seq {
			return nil
		}
		return some(r.commits[i:])
	}
	return nil
}

// some copies up to 256 commits: the ring's own slice changes.
func some(cs []*commit.Commit) []*commit.Commit {
	return append([]*commit.Commit(nil), cs[:min(len(cs), 256)]...)
}
