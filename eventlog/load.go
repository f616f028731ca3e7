package eventlog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/index"
)

// segmentName is an index segment in the object store.
type segmentName struct{ from, to uint64 }

func (n segmentName) object(shard int) string {
	return fmt.Sprintf("index/%d/%020d-%020d", shard, n.from, n.to)
}

// load builds the index of what is stored: from the segments, then from the
// log behind them. It compares what it finds with what is known to have been
// there, and begins a new epoch when the tail is lost.
func (s *shard) load(ctx context.Context) error {
	st, err := s.stream.State(ctx)
	if err != nil {
		return err
	}
	first, err := s.firstKept(ctx)
	if err != nil {
		return err
	}
	names, err := s.segments(ctx)
	if err != nil {
		s.log.cfg.Logger.Warn("no index segments; reading the whole log", "shard", s.id, "err", err)
	}
	s.index.SetFirst(first)
	if err := s.loadSegments(ctx, names, first, st.Last); err != nil {
		return err
	}
	s.index.SetFirst(first)
	if first > 1 && len(s.saved) == 0 {
		s.addBreak(index.Break{Shard: s.id, From: 1, To: first - 1, Reason: "no index segment tells of tenants whose events are all trimmed; a new epoch begins"})
		s.index.Doubt()
	}
	if st.Last >= st.First && st.First > first {
		s.addBreak(index.Break{Shard: s.id, From: first, To: st.First - 1, Reason: "commits are missing at the beginning"})
	}
	if st.Missing > 0 {
		s.addBreak(index.Break{Shard: s.id, From: st.First, To: st.Last, Reason: fmt.Sprintf("the store has lost %d commits in this range", st.Missing)})
	}
	err = s.index.CatchUp(ctx, s.stream, s.loaded)
	if err != nil && !errors.Is(err, index.ErrShort) {
		return err
	}
	if s.log.cfg.NewEpoch {
		s.newEpoch()
	}
	return s.checkTail()
}

// loaded takes note of a commit that the start has read.
func (s *shard) loaded(c *commit.Commit, broken *index.Break) {
	if broken != nil {
		s.log.cfg.Logger.Error("the log is broken", "break", broken.String())
	}
	s.ring.add(c)
}

// newEpoch begins a new numbering of all tenants. A log that is opened for
// reading keeps the one that it finds.
func (s *shard) newEpoch() {
	if s.log.cfg.ReadOnly {
		return
	}
	var e commit.Epoch
	_, _ = rand.Read(e[:])
	s.index.NewEpoch(e)
}

// checkTail compares the end of the log with the last commit that was
// acknowledged. When it is gone, numbers will be given twice: a new epoch says so.
func (s *shard) checkTail() error {
	if s.log.witness == nil {
		return nil
	}
	seen, ok := s.log.witness.last(s.id)
	tip := s.index.Tip()
	switch {
	case !ok:
		s.addBreak(index.Break{Shard: s.id, From: tip.Sequence, To: tip.Sequence, Reason: "the witness of the log's end is damaged: a loss at the end would not be noticed"})
	case seen.seq > tip.Sequence:
		s.addBreak(index.Break{Shard: s.id, From: tip.Sequence + 1, To: seen.seq, Reason: "acknowledged commits are missing at the end; a new epoch begins"})
		s.newEpoch()
	case seen.seq == tip.Sequence && seen.seq > 0 && seen.hash != tip.Hash:
		s.addBreak(index.Break{Shard: s.id, From: seen.seq, To: seen.seq, Reason: "the last commit is not the one that was acknowledged; a new epoch begins"})
		s.newEpoch()
	}
	if s.index.Doubtful() {
		s.newEpoch()
	}
	return nil
}

func (s *shard) addBreak(b index.Break) {
	s.index.AddBreak(b)
	s.log.cfg.Logger.Error("the log is broken", "break", b.String())
}

// firstKept is the first commit that retention has left, as it was noted before
// anything was removed.
func (s *shard) firstKept(ctx context.Context) (uint64, error) {
	e, err := s.log.meta.Get(ctx, s.trimKey())
	if errors.Is(err, ErrNotFound) {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	var first uint64
	if _, err := fmt.Sscan(string(e.Value), &first); err != nil || first == 0 {
		return 0, fmt.Errorf("trim mark %q cannot be read", e.Value)
	}
	return first, nil
}

func (s *shard) trimKey() string { return fmt.Sprintf("trim.%d", s.id) }

// segments lists the stored segments, oldest first.
func (s *shard) segments(ctx context.Context) ([]segmentName, error) {
	all, err := s.log.objects.List(ctx)
	if err != nil {
		return nil, err
	}
	var names []segmentName
	for _, name := range all {
		var shard int
		var n segmentName
		if c, _ := fmt.Sscanf(name, "index/%d/%d-%d", &shard, &n.from, &n.to); c == 3 && shard == s.id {
			names = append(names, n)
		}
	}
	slices.SortFunc(names, func(a, b segmentName) int {
		if a.from != b.from {
			return int(int64(a.from - b.from))
		}
		return int(int64(a.to - b.to))
	})
	return names, nil
}

// loadSegments loads the segments that are stored, fetching the next while one
// is being indexed. Where one is missing or cannot be used the log itself is
// read; so it is behind the last.
func (s *shard) loadSegments(ctx context.Context, names []segmentName, first, last uint64) error {
	type fetched struct {
		name segmentName
		b    []byte
		err  error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	feed := make(chan fetched, 2)
	go func() {
		defer close(feed)
		for _, n := range names {
			if n.to < first || n.to > last {
				continue
			}
			b, err := s.log.objects.Get(ctx, n.object(s.id))
			select {
			case feed <- fetched{n, b, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	for f := range feed {
		tip := s.index.Tip().Sequence
		if tip > 0 && f.name.from <= tip {
			continue // another writer's cut of the same commits
		}
		if f.err == nil && f.name.from > max(tip+1, first) {
			err := s.index.CatchUpTo(ctx, s.stream, f.name.from-1, s.loaded)
			if err != nil && !errors.Is(err, index.ErrShort) {
				return err
			}
		}
		if f.err == nil {
			f.err = s.index.Load(f.b, true)
		}
		if f.err != nil {
			s.log.cfg.Logger.Warn("an index segment cannot be used; reading the log instead",
				"shard", s.id, "from", f.name.from, "to", f.name.to, "err", f.err)
			continue
		}
		s.saved = append(s.saved, f.name)
	}
	return nil
}

// cutSegment stores the open segment of the index.
func (s *shard) cutSegment(ctx context.Context) {
	s.cutting.Lock()
	defer s.cutting.Unlock()
	seg := s.index.Cut()
	if seg == nil {
		return
	}
	n := segmentName{seg.From, seg.To}
	if err := s.log.objects.Put(ctx, n.object(s.id), seg.Bytes); err != nil {
		s.log.cfg.Logger.Warn("an index segment was not stored; the next start reads more of the log", "shard", s.id, "err", err)
		return
	}
	s.mu.Lock()
	s.saved = append(s.saved, n)
	s.mu.Unlock()
}
