package index

import (
	"context"
	"errors"
	"fmt"
	"math"

	"trunkline/eventlog/commit"
)

// Source is where commits are read: the shard's stream.
type Source interface {
	// Read hands one batch of at most most messages (0: as many as fit) from
	// sequence from on to fn and tells how many there were.
	Read(ctx context.Context, from uint64, most int, fn func(msg []byte) error) (int, error)
	// Last is the stream's last sequence.
	Last(ctx context.Context) (uint64, error)
}

// ErrShort says that the stream ends before what was acknowledged. A running
// program cannot go on from there: its readers have seen what is lost.
var ErrShort = errors.New("the log is shorter than what was acknowledged; a restart goes on in a new epoch")

// CatchUp applies what the stream has behind the index, and hands each commit
// on. Messages that are not commits any more are breaks like missing ones.
func (s *Shard) CatchUp(ctx context.Context, src Source, fn func(*commit.Commit, *Break)) error {
	return s.CatchUpTo(ctx, src, math.MaxUint64, fn)
}

// CatchUpTo is CatchUp no further than commit to.
func (s *Shard) CatchUpTo(ctx context.Context, src Source, to uint64, fn func(*commit.Commit, *Break)) error {
	expect := uint64(0) // what the stream was seen to hold before the read at hand
	for {
		tip := s.Tip().Sequence
		if tip >= to || to < s.First() {
			return nil
		}
		n, err := src.Read(ctx, tip+1, 0, func(msg []byte) error {
			c, err := commit.Parse(msg)
			if errors.Is(err, commit.ErrDamaged) {
				return nil // the next commit, or the end, shows the gap
			}
			if err != nil {
				return err
			}
			if c.Sequence > to {
				return nil
			}
			if applied, broken := s.Apply(c); applied {
				fn(c, broken)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if n > 0 && s.Tip().Sequence > tip {
			continue
		}
		last, err := src.Last(ctx)
		if err != nil {
			return err
		}
		last = min(last, to)
		switch tip := s.Tip().Sequence; {
		case last < tip:
			s.AddBreak(Break{Shard: s.id, From: last + 1, To: tip, Reason: "acknowledged commits are missing at the end"})
			return fmt.Errorf("%w: shard %d ends at commit %d, commit %d was known", ErrShort, s.id, last, tip)
		case expect > tip:
			// It was there before the last read, and was not read.
			s.skip(tip+1, expect)
		case last == tip:
			return nil
		}
		expect = last
	}
}

// skip steps over commits at the end of the stream that cannot be read.
func (s *Shard) skip(from, to uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.applied = to
	s.doubt = true
	s.breaks = append(s.breaks, Break{Shard: s.id, From: from, To: to, Reason: "commits cannot be read"})
	s.segmentBegins(to + 1)
}
