package eventlog

import (
	"context"
	"errors"
	"fmt"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/engine"
	"trunkline/eventlog/writer"
)

// Position is a place in a shard: behind a commit. The zero Position is before the
// first one that ever was.
type Position struct {
	Commit uint64      `json:"commit"`
	Hash   commit.Hash `json:"hash"`
}

var (
	// ErrOvertaken says that retention has removed what comes behind a position.
	ErrOvertaken = errors.New("retention has removed what comes next; a newer snapshot tells of it")
	// ErrElsewhere says that a position is not of this log, or of a part of it that
	// was lost.
	ErrElsewhere = errors.New("the position is not one of this log")
)

// FollowFrom gives step every commit of a shard behind a position, those of the past
// first, and then each new one until ctx ends or step fails: its error is given back.
// The fold, which the caller has brought to the position and folds on in step, is
// told of its versions alone. reached is called whenever everything that was there has
// been given. Everything is called from the goroutine that calls FollowFrom.
//
// Errors: [ErrOvertaken] when retention is faster, [ErrElsewhere], step's own, the
// context's.
func (l *Log) FollowFrom(ctx context.Context, shard int, at Position, fold writer.Fold, step func(*Step) error, reached func()) error {
	s := l.shards[shard]
	if at.Commit > 0 && at.Commit >= s.index.First() {
		stands := at.Commit <= s.index.Tip().Sequence
		if stands {
			var err error
			if stands, err = writer.Stands(ctx, s.stream, at.Commit, at.Hash); err != nil {
				return fmt.Errorf("follow shard %d: %w", shard, err)
			}
		}
		if !stands {
			return fmt.Errorf("follow shard %d from commit %d: %w", shard, at.Commit, ErrElsewhere)
		}
	}
	run, end := context.WithCancel(ctx)
	defer end()
	var failed error
	f := &stepper{s: s, fold: fold, next: at.Commit + 1, step: func(st *Step) {
		if failed != nil {
			return
		}
		if failed = step(st); failed != nil {
			end()
		}
	}}
	err := f.follow(run, func() {
		if failed == nil {
			reached()
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

// RestoreFold restores the snapshot that a shard's writer has stored, for whoever
// follows from it, and says where it stands. It gives ErrNotFound when there is none.
func (l *Log) RestoreFold(ctx context.Context, shard int, fold writer.Fold) (Position, error) {
	s := l.shards[shard]
	at, version, err := writer.LoadFold(ctx, l.objects, s.stream, s.id, s.index.Tip().Sequence, fold)
	if errors.Is(err, engine.ErrNotFound) {
		return Position{}, ErrNotFound
	}
	if err != nil {
		return Position{}, fmt.Errorf("read the snapshot of the fold: %w", err)
	}
	fold.SetVersion(version)
	p := Position{Commit: at}
	_, err = s.stream.Read(ctx, at, 1, func(msg []byte) error {
		if c, err := commit.Parse(msg); err == nil && c.Sequence == at {
			p.Hash = c.Hash
		}
		return nil
	})
	if err != nil {
		return Position{}, fmt.Errorf("read the commit of the snapshot: %w", err)
	}
	return p, nil
}

// Before gives the position before the oldest commit of a shard that is kept.
func (l *Log) Before(shard int) Position {
	return Position{Commit: max(l.shards[shard].index.First(), 1) - 1}
}

// Objects is a bucket of larger pieces of state, kept with the log.
type Objects = engine.Objects

// OpenObjects opens a bucket, which is made when it is not there.
func (l *Log) OpenObjects(ctx context.Context, bucket string) (*Objects, error) {
	return l.engine.Objects(ctx, bucket)
}
