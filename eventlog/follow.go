package eventlog

import (
	"context"
	"sync"

	"trunkline/eventlog/commit"
)

// follower hands each new commit of a shard to all who follow it: it is decoded
// once, in one goroutine, whoever listens.
type follower struct {
	s    *shard
	next uint64 // stream sequence to hand on next; of the goroutine of run

	mu   sync.Mutex // guards subs; held while a commit is handed on
	subs map[string]map[*subscription]struct{}
}

type subscription struct {
	fn    func(*Batch)
	after uint64 // sequences up to it were there before the subscription
}

func (f *follower) init(s *shard) {
	f.s = s
	f.subs = make(map[string]map[*subscription]struct{})
}

// Follow calls fn with every batch of a tenant behind the cursor at, in order,
// from one goroutine a shard, until stop. fn must not block: it holds up all
// followers of the shard. When a batch does not begin right behind the one
// before it, something was lost: Read from there tells what. After stop returns
// fn is not called again.
func (l *Log) Follow(tenant string, fn func(*Batch)) (at Cursor, stop func()) {
	f := &l.shardOf(tenant).follow
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.s.index.Tenant(tenant)
	sub := &subscription{fn: fn, after: t.Head}
	if f.subs[tenant] == nil {
		f.subs[tenant] = make(map[*subscription]struct{})
	}
	f.subs[tenant][sub] = struct{}{}
	return Cursor{t.Epoch, t.Head}, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.subs[tenant], sub)
		if len(f.subs[tenant]) == 0 {
			delete(f.subs, tenant)
		}
	}
}

func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		cs, grown, passed := f.s.ring.from(f.next)
		if passed {
			// Everything that the ring has lost is in the store.
			f.fromStore(ctx)
			continue
		}
		for _, c := range cs {
			f.hand(c)
		}
		if len(cs) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-grown:
		}
	}
}

func (f *follower) fromStore(ctx context.Context) {
	before := f.next
	_, err := f.s.stream.Read(ctx, f.next, 0, func(msg []byte) error {
		c, err := commit.Parse(msg)
		if err == nil && c.Sequence >= f.next && c.Sequence <= f.s.index.Tip().Sequence {
			f.hand(c)
		}
		return nil
	})
	if err != nil {
		f.s.log.cfg.Logger.Warn("followers wait for the store", "shard", f.s.id, "err", err)
		pause(ctx, retryPause)
	} else if f.next == before {
		f.next++ // not there or not readable: those behind see their numbers jump
	}
}

func (f *follower) hand(c *commit.Commit) {
	f.next = c.Sequence + 1
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.subs) == 0 {
		return
	}
	for _, sec := range c.Sections {
		subs := f.subs[sec.Tenant]
		if len(subs) == 0 {
			continue
		}
		b, err := batchOf(sec, sec.Epoch, c.Received)
		if err != nil {
			f.s.log.cfg.Logger.Error("a section cannot be read", "shard", f.s.id, "commit", c.Sequence, "tenant", sec.Tenant, "err", err)
			continue
		}
		for sub := range subs {
			if b.First() > sub.after {
				sub.fn(b)
			}
		}
	}
}
