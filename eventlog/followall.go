package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/engine"
	"trunkline/eventlog/writer"
)

// Step is what one commit of a shard says to a fold that follows the log.
type Step struct {
	Received time.Time
	Tick     bool     // nothing was received up to now
	Batches  []*Batch // of all tenants in the commit
	Position Position // behind the commit
}

// Shards is how many shards the log has.
func (l *Log) Shards() int { return len(l.shards) }

// ShardOf is the shard of a tenant.
func (l *Log) ShardOf(tenant string) int { return l.shardOf(tenant).id }

// FollowAll brings a fold to where a shard is, and keeps it there: it restores the
// snapshot that the shard's writer has stored, then gives step every commit behind
// it in order, those of the past first, and then each new one until ctx ends.
// reached is called whenever everything that was there has been given, at first
// when the fold has caught up. Everything is called from the one goroutine that
// calls FollowAll, at its own pace: step may block.
//
// Should retention overtake it, it restores the fold from the newer snapshot and
// goes on from there.
func (l *Log) FollowAll(ctx context.Context, shard int, fold writer.Fold, step func(*Step), reached func()) error {
	f := &stepper{s: l.shards[shard], fold: fold, step: step}
	for ctx.Err() == nil {
		err := f.restore(ctx)
		if err == nil {
			err = f.follow(ctx, reached)
		}
		if ctx.Err() == nil {
			l.cfg.Logger.Warn("following a shard was interrupted", "shard", shard, "err", err)
			pause(ctx, retryPause)
		}
	}
	return ctx.Err()
}

// stepper is one use of FollowAll.
type stepper struct {
	s    *shard
	fold writer.Fold
	step func(*Step)
	next uint64 // stream sequence of the next commit
}

// snapshotPatience is how often a snapshot that does not fit is looked at again
// where another node writes both it and the log.
const snapshotPatience = 20

// restore takes the stored snapshot, or begins with nothing at the oldest commit.
func (f *stepper) restore(ctx context.Context) error {
	for try := 0; ; try++ {
		at, version, err := writer.LoadFold(ctx, f.s.log.objects, f.s.stream, f.s.id, f.s.index.Tip().Sequence, f.fold)
		switch {
		case err == nil:
			f.fold.SetVersion(version)
			f.next = at + 1
			return nil
		case errors.Is(err, writer.ErrSnapshot) && !f.s.log.engine.Embedded() && try < snapshotPatience:
			pause(ctx, retryPause)
			continue
		case errors.Is(err, engine.ErrNotFound):
		case errors.Is(err, writer.ErrSnapshot):
			f.s.log.cfg.Logger.Warn("following the log from its beginning", "shard", f.s.id, "err", err)
		default:
			return fmt.Errorf("read the snapshot of the fold: %w", err)
		}
		f.next = f.s.index.First()
		if err := f.fold.Restore(nil); err != nil {
			return fmt.Errorf("empty the fold: %w", err)
		}
		return nil
	}
}

func (f *stepper) follow(ctx context.Context, reached func()) error {
	for ctx.Err() == nil {
		if f.next < f.s.index.First() {
			return ErrOvertaken
		}
		cs, grown, _ := f.s.ring.from(f.next)
		for _, c := range cs {
			f.give(c)
		}
		if len(cs) > 0 {
			continue
		}
		if tip := f.s.index.Tip().Sequence; f.next <= tip {
			if err := f.fromStore(ctx, tip); err != nil && ctx.Err() == nil {
				f.s.log.cfg.Logger.Warn("those who follow a shard wait for the store", "shard", f.s.id, "err", err)
				pause(ctx, retryPause)
			}
			continue
		}
		reached()
		select {
		case <-ctx.Done():
		case <-grown:
		}
	}
	return ctx.Err()
}

// fromStore gives what is in the store and not in memory. Commits that cannot be
// read are left out, as the writer's own fold leaves them out.
func (f *stepper) fromStore(ctx context.Context, tip uint64) error {
	before := f.next
	_, err := f.s.stream.Read(ctx, f.next, 1024, func(msg []byte) error {
		c, err := commit.Parse(msg)
		if err != nil || c.Sequence < f.next || c.Sequence > tip {
			return nil // a gap like a missing one
		}
		f.give(c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	if f.next == before {
		f.s.log.cfg.Logger.Error("a commit cannot be followed", "shard", f.s.id, "commit", f.next)
		f.next++
	}
	return nil
}

// give makes a step of a commit. What of it cannot be read is left out.
func (f *stepper) give(c *commit.Commit) {
	f.next = c.Sequence + 1
	st := Step{Received: c.Received, Tick: c.Kind == commit.Tick, Position: Position{c.Sequence, c.Hash}}
	if c.Kind == commit.FoldVersion {
		if v, err := writer.FoldVersion(c); err == nil {
			f.fold.SetVersion(v)
		}
	}
	for _, sec := range c.Sections {
		b, err := batchOf(sec, sec.Epoch, c.Received)
		if err != nil {
			f.s.log.cfg.Logger.Error("a section cannot be followed", "shard", f.s.id, "commit", c.Sequence, "tenant", sec.Tenant, "err", err)
			continue
		}
		st.Batches = append(st.Batches, b)
	}
	f.step(&st)
}

// Owns says whether this process writes a shard, so that what must be done once for
// its tenants in the whole cluster is done here. An embedded log owns all.
func (l *Log) Owns(shard int) bool { return l.engine.Embedded() || l.shards[shard].owner() != nil }
