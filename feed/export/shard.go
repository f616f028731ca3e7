package export

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"trunkline/control/lease"
	"trunkline/eventlog"
	"trunkline/feed/export/layout"
)

// shard exports the tenants of one shard, as long as this process holds its lease.
type shard struct {
	feed *Feed
	id   int
	dir  string

	midnight   []byte    // the checkpoint of a midnight whose windows are under way, nil for none
	midnightAt time.Time // that midnight
	saved      time.Time // when the last checkpoint was written
	caughtUp   bool      // everything in the log was given
}

// Pauses between attempts.
const shardPause = 2 * time.Second

func (s *shard) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.own(ctx)
		if ctx.Err() != nil {
			return
		}
		slog.Warn("the exports of a shard begin anew", "shard", s.id, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(shardPause):
		}
	}
}

// own exports while the lease is held.
func (s *shard) own(ctx context.Context) error {
	o := &s.feed.o
	var l *lease.Lease
	if o.Leases != nil {
		l = lease.New(o.Leases, fmt.Sprintf("shard.%d", s.id), o.Node, o.Lease)
	}
	err := l.Hold(ctx, func(ctx context.Context) error { return s.export(ctx, l.Held) })
	if errors.Is(err, lease.ErrLost) {
		return ErrFenced
	}
	return err
}

// export follows the log and delivers what comes of it.
func (s *shard) export(ctx context.Context, held func() bool) error {
	if err := os.MkdirAll(filepath.Join(s.dir, "files"), 0o700); err != nil {
		return fmt.Errorf("make the directory of kept rows: %w", err)
	}
	p, lost, err := s.start(ctx, held)
	if err != nil {
		return err
	}
	p.sweep()
	s.sweepFiles()
	p.closed = func(end time.Time) error { return s.closed(ctx, p, end) }
	s.saved, s.caughtUp, s.midnight = time.Now(), false, nil

	work, end := context.WithCancel(ctx)
	var working sync.WaitGroup
	for _, a := range p.accounts {
		for _, w := range a.workers {
			w.seen.own(true)
			if !p.next.IsZero() {
				w.seen.reach(p.next.Add(-layout.Quarter))
			}
			w.add(&job{Table: docsTable, Window: layout.WindowAt(time.Now(), layout.Daily)})
			working.Go(func() { w.run(work) })
		}
	}
	defer func() {
		end()
		working.Wait()
		for _, a := range p.accounts {
			for _, w := range a.workers {
				w.seen.own(false)
			}
		}
	}()
	return s.feed.log.FollowFrom(ctx, s.id, p.at, p.follow(), func(st *eventlog.Step) error {
		if p.next.IsZero() && !lost.IsZero() {
			for _, a := range p.accounts {
				for _, w := range a.workers {
					w.seen.miss("", layout.Window{Start: lost, Length: st.Received.Sub(lost)}, "the log does not reach back to its beginning")
				}
			}
		}
		return p.step(st)
	}, func() { s.caughtUp = true })
}

// start makes a pass that stands where the last one stopped. lost is where that was
// when the log does not reach back to it.
func (s *shard) start(ctx context.Context, held func() bool) (p *pass, lost time.Time, err error) {
	local, err := readFile(s.checkpointFile())
	if err != nil {
		slog.Warn("a checkpoint of the exports cannot be read", "shard", s.id, "error", err)
	}
	for _, c := range []struct {
		name string
		load func() ([]byte, error)
	}{
		{"of this process", func() ([]byte, error) { return local, nil }},
		{"of a midnight", func() ([]byte, error) { return s.loadMidnight(ctx) }},
	} {
		b, err := c.load()
		if err != nil {
			return nil, lost, err
		}
		if b == nil {
			continue
		}
		p = s.pass(held)
		if err = p.restore(b); err == nil {
			err = s.reachable(ctx, p)
		}
		if err == nil {
			return p, lost, nil
		}
		if errors.Is(err, eventlog.ErrOvertaken) && p.next.After(lost) {
			lost = p.next
		}
		if ctx.Err() != nil {
			return nil, lost, ctx.Err()
		}
		slog.Info("the exports do not go on from a checkpoint", "shard", s.id, "which", c.name, "reason", err)
	}
	p = s.pass(held)
	if err := s.reachable(ctx, p); !errors.Is(err, eventlog.ErrOvertaken) {
		return p, lost, err
	}
	// The log's beginning is gone: the floor is known from a later moment on.
	return p, lost, s.feed.later(ctx, s.id, p)
}

// later begins a pass of which the log has forgotten the beginning: with the floor that
// the log's writer has stored, or with none where that cannot be read.
func (f *Feed) later(ctx context.Context, shard int, p *pass) (err error) {
	if p.at, err = f.log.RestoreFold(ctx, shard, p.follow()); err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	slog.Warn("the exports begin without what the log has forgotten", "shard", shard, "error", err)
	p.at = f.log.Before(shard)
	if err := p.fold.Restore(nil); err != nil {
		return fmt.Errorf("empty the fold: %w", err)
	}
	return nil
}

// errReachable ends a look at what comes next.
var errReachable = errors.New("there it is")

// reachable says whether the log goes on where a pass stands.
func (s *shard) reachable(ctx context.Context, p *pass) error {
	look, end := context.WithCancel(ctx)
	defer end()
	err := s.feed.log.FollowFrom(look, s.id, p.at, passFold{p.fold, &pass{}}, func(*eventlog.Step) error { return errReachable }, end)
	if errors.Is(err, errReachable) || ctx.Err() == nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (s *shard) pass(held func() bool) *pass {
	f := s.feed
	var accounts []*account
	for _, tenant := range f.tenants {
		if f.log.ShardOf(tenant) != s.id {
			continue
		}
		var workers []*worker
		for _, d := range f.destinations[tenant] {
			workers = append(workers, newWorker(d, s.dir, f.o.SpoolBytes, f.o.Retry, held, f.seen[d.key()]))
		}
		accounts = append(accounts, newAccount(tenant, f.o.WFM(tenant), workers))
	}
	return newPass(s.dir, f.o.Floor, accounts)
}

// closed is called where a quarter-hour has ended.
func (s *shard) closed(ctx context.Context, p *pass, end time.Time) error {
	if end.Equal(end.Truncate(layout.Daily)) {
		for _, a := range p.accounts {
			for _, w := range a.workers {
				w.add(&job{Table: docsTable, Window: layout.WindowAt(end, layout.Daily)})
			}
		}
		b, err := p.checkpoint(true)
		if err != nil {
			return err
		}
		s.midnight, s.midnightAt = b, end
	}
	s.saveMidnight(ctx, p)
	if !s.caughtUp && time.Since(s.saved) < s.feed.o.Checkpoint {
		return ctx.Err()
	}
	b, err := p.checkpoint(false)
	if err == nil {
		err = writeFile(s.checkpointFile(), b)
	}
	if err != nil {
		return fmt.Errorf("write a checkpoint of the exports: %w", err)
	}
	s.saved = time.Now()
	return ctx.Err()
}

// saveMidnight stores the checkpoint of a midnight once its windows are delivered.
func (s *shard) saveMidnight(ctx context.Context, p *pass) {
	if s.midnight == nil || s.feed.o.Objects == nil {
		return
	}
	for _, a := range p.accounts {
		for _, w := range a.workers {
			for _, j := range w.jobs() {
				if j.Table != docsTable && !j.Window.End().After(s.midnightAt) {
					return
				}
			}
		}
	}
	if err := s.feed.o.Objects.Put(ctx, s.midnightName(), s.midnight); err != nil {
		slog.Warn("the checkpoint of a midnight was not stored", "shard", s.id, "error", err)
		return
	}
	s.midnight = nil
}

func (s *shard) loadMidnight(ctx context.Context) ([]byte, error) {
	if s.feed.o.Objects == nil {
		return nil, nil
	}
	b, err := s.feed.o.Objects.Get(ctx, s.midnightName())
	if errors.Is(err, eventlog.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint of a midnight: %w", err)
	}
	return b, nil
}

func (s *shard) midnightName() string   { return fmt.Sprintf("export/%d", s.id) }
func (s *shard) checkpointFile() string { return filepath.Join(s.dir, "checkpoint") }

// sweepFiles removes files that an earlier process was making.
func (s *shard) sweepFiles() {
	dir := filepath.Join(s.dir, "files")
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		_ = os.Remove(filepath.Join(dir, e.Name()))
	}
}
