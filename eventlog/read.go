package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/engine"
	"trunkline/eventlog/index"
)

const retryPause = 100 * time.Millisecond

// Read hands a tenant's events behind a cursor to fn, batch by batch in order,
// until it has handed on the newest or fn says that it wants no more. The zero
// cursor reads from the oldest event that is kept. fn may block: nobody waits
// for it.
//
// Errors: *GoneError when the cursor cannot be gone on from, *BreakError when
// the store has lost what follows, fn's own, the context's.
func (l *Log) Read(ctx context.Context, tenant string, after Cursor, fn func(*Batch) (more bool, err error)) error {
	s := l.shardOf(tenant)
	next, err := s.firstOf(tenant, after)
	if err != nil {
		return err
	}
	for {
		t := s.index.Tenant(tenant)
		if next > t.Head {
			return nil
		}
		if next <= t.Trim {
			return s.gone(tenant, GoneTrimmed, next)
		}
		var more bool
		if cs := s.ring.holding(tenant, next); cs != nil {
			next, more, err = s.readCommits(tenant, t.Epoch, next, cs, fn)
		} else {
			next, more, err = s.readStore(ctx, tenant, t.Epoch, next, fn)
		}
		var broken *BreakError
		if errors.As(err, &broken) && next <= s.index.Tenant(tenant).Trim {
			return s.gone(tenant, GoneTrimmed, next) // trimmed under the reader
		}
		if err != nil || !more {
			return err
		}
	}
}

// firstOf turns a cursor into the sequence to read first.
func (s *shard) firstOf(tenant string, after Cursor) (uint64, error) {
	t := s.index.Tenant(tenant)
	switch {
	case after.IsZero():
		return t.Trim + 1, nil
	case after.Epoch != t.Epoch:
		return 0, s.gone(tenant, GoneEpoch, 0)
	case after.Seq > t.Head:
		return 0, s.gone(tenant, GoneAhead, 0)
	case after.Seq < t.Trim:
		return 0, s.gone(tenant, GoneTrimmed, after.Seq+1)
	}
	return after.Seq + 1, nil
}

func (s *shard) gone(tenant, reason string, from uint64) error {
	t := s.index.Tenant(tenant)
	e := &GoneError{Reason: reason, Oldest: Cursor{t.Epoch, t.Trim}, Newest: Cursor{t.Epoch, t.Head}}
	if reason == GoneTrimmed {
		e.LostFrom, e.LostTo = from, t.Trim
	}
	return e
}

// readCommits hands on what the tenant has in commits that are in memory.
func (s *shard) readCommits(tenant string, epoch Epoch, next uint64, cs []*commit.Commit, fn func(*Batch) (bool, error)) (uint64, bool, error) {
	for _, c := range cs {
		sec := c.Find(tenant)
		if sec == nil || sec.Last() < next {
			continue
		}
		if sec.First > next {
			return next, false, s.broken(tenant, epoch, next, sec.First-1, "commits are missing")
		}
		b, err := batchOf(sec, epoch, c.Received)
		if err != nil {
			return next, false, s.broken(tenant, epoch, next, sec.Last(), err.Error())
		}
		more, err := fn(b.From(next))
		next = sec.Last() + 1
		if err != nil || !more {
			return next, false, err
		}
	}
	return next, true, nil
}

// readAhead is how many batches of the store are fetched before they are asked
// for, so that fetching and handing on overlap.
const readAhead = 2

// readStore hands on what the tenant has from sequence next on in the span of
// commits that the index names. It checks that the commits follow each other:
// what is missing is found out and told.
func (s *shard) readStore(ctx context.Context, tenant string, epoch Epoch, next uint64, fn func(*Batch) (bool, error)) (uint64, bool, error) {
	span, ok := s.index.Find(tenant, next)
	if !ok {
		if t := s.index.Tenant(tenant); next <= t.Trim {
			return next, false, s.gone(tenant, GoneTrimmed, next)
		}
		return next, false, s.broken(tenant, epoch, next, s.lossEnd(tenant, next), "the index has no place for it")
	}
	first := next
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for got := range s.fetch(ctx, tenant, span) {
		if got.err != nil {
			return next, false, got.err
		}
		n, more, err := s.readCommits(tenant, epoch, next, got.commits, fn)
		next = n
		if err != nil || !more {
			return next, false, err
		}
	}
	if err := ctx.Err(); err != nil {
		return next, false, err
	}
	if next == first {
		// The span had to hold it.
		if t := s.index.Tenant(tenant); next <= t.Trim {
			return next, false, s.gone(tenant, GoneTrimmed, next)
		}
		return next, false, s.broken(tenant, epoch, next, s.lossEnd(tenant, next), "its commit cannot be read")
	}
	return next, true, nil
}

// lossEnd is the last sequence that is lost with next, as far as the index
// knows without reading.
func (s *shard) lossEnd(tenant string, next uint64) uint64 {
	if n := s.index.Next(tenant, next); n > 0 {
		return n - 1
	}
	return s.index.Tenant(tenant).Head
}

func (s *shard) broken(tenant string, epoch Epoch, from, to uint64, reason string) error {
	return &BreakError{Shard: s.id, Tenant: tenant, From: from, To: to, After: Cursor{epoch, to}, Reason: reason}
}

type fetched struct {
	commits []*commit.Commit
	err     error
}

// firstFetch is how many commits are fetched at first; each fetch takes four
// times as many as the one before, so that who wants one event does not pay for
// a thousand. None takes more than about fetchBytes once decoded: most readers
// are served in turns of some events, and what they leave for the next turn must
// not push what others left out of the history.
const (
	firstFetch = 4
	fetchMost  = 1024
	fetchBytes = 4 << 20
)

// fetch reads a span of the store ahead of its consumer, who is after what a tenant
// has in it. Commits that cannot be read are left out and noted as breaks.
func (s *shard) fetch(ctx context.Context, tenant string, span index.Span) <-chan fetched {
	out := make(chan fetched, readAhead)
	go func() {
		defer close(out)
		patience := time.Now().Add(10 * time.Second)
		most := firstFetch
		for from := span.From; from <= span.To; {
			cs := s.history.run(from, span.To)
			var err error
			if len(cs) == 0 {
				cs, err = s.fetchStore(ctx, from, span.To, most)
			}
			most = min(most*4, fetchMost, max(fetchBytes/(meanWeight(cs)+1), 1))
			if errors.Is(err, engine.ErrDown) && len(cs) == 0 && time.Now().Before(patience) && pause(ctx, retryPause) {
				continue // the engine is being restarted
			}
			if err != nil && ctx.Err() == nil {
				err = fmt.Errorf("read the log of shard %d: %w", s.id, err)
			}
			if from > span.From {
				// Who wants more than the first few events has them decoded meanwhile.
				decodeAhead(ctx, tenant, cs)
			}
			select {
			case out <- fetched{cs, err}:
			case <-ctx.Done():
				return
			}
			if err != nil || len(cs) == 0 {
				return
			}
			from = cs[len(cs)-1].Sequence + 1
		}
	}()
	return out
}

// decodeAhead decodes what a tenant has in commits. What cannot be decoded says so
// to whoever asks for it.
func decodeAhead(ctx context.Context, tenant string, cs []*commit.Commit) {
	for _, c := range cs {
		if ctx.Err() != nil {
			return
		}
		if sec := c.Find(tenant); sec != nil {
			_, _ = sec.Records()
		}
	}
}

// meanWeight is what a commit of some holds in memory, 0 for none.
func meanWeight(cs []*commit.Commit) int {
	sum := 0
	for _, c := range cs {
		sum += weight(c)
	}
	return sum / max(len(cs), 1)
}

// fetchStore reads one batch of the store.
func (s *shard) fetchStore(ctx context.Context, from, to uint64, most int) (cs []*commit.Commit, err error) {
	_, err = s.stream.Read(ctx, from, int(min(to-from+1, uint64(most))), func(msg []byte) error {
		if c, err := commit.Parse(msg); err == nil && c.Sequence <= to {
			cs = append(cs, c)
		}
		return nil
	})
	s.history.add(cs)
	if err == nil {
		s.noteGaps(from, to, cs)
	}
	return cs, err
}

// noteGaps remembers commits that the store should have had when it was read
// from commit from on, not beyond to.
func (s *shard) noteGaps(from, to uint64, cs []*commit.Commit) {
	expect := from
	for _, c := range cs {
		if c.Sequence > expect && expect >= s.index.First() {
			s.addBreak(index.Break{Shard: s.id, From: expect, To: c.Sequence - 1, Reason: "commits cannot be read"})
		}
		expect = c.Sequence + 1
	}
	if len(cs) == 0 && from >= s.index.First() {
		s.addBreak(index.Break{Shard: s.id, From: from, To: to, Reason: "commits cannot be read"})
	}
}

// ReadBack hands a tenant's events with sequences below before to fn, the
// newest batch first; inside a batch the records ascend. before 0 begins with
// the newest event.
func (l *Log) ReadBack(ctx context.Context, tenant string, before uint64, fn func(*Batch) (more bool, err error)) error {
	s := l.shardOf(tenant)
	t := s.index.Tenant(tenant)
	if before == 0 || before > t.Head+1 {
		before = t.Head + 1
	}
	for before > t.Trim+1 {
		first, ok := s.index.Before(tenant, before-1)
		if !ok {
			return s.broken(tenant, t.Epoch, before-1, before-1, "the index has no place for it")
		}
		var batches []*Batch
		err := l.Read(ctx, tenant, Cursor{t.Epoch, first - 1}, func(b *Batch) (bool, error) {
			if b.First() >= before {
				return false, nil
			}
			if b.Last() >= before {
				cut := *b
				cut.Records = b.Records[:before-b.First()]
				b = &cut
			}
			batches = append(batches, b)
			return b.Last()+1 < before, nil
		})
		if err != nil {
			return err
		}
		for i := len(batches) - 1; i >= 0; i-- {
			if more, err := fn(batches[i]); err != nil || !more {
				return err
			}
		}
		before = first
		t = s.index.Tenant(tenant)
	}
	return nil
}

// SeekTime gives a cursor at or a little before the first event of a tenant
// that was received at or after at.
func (l *Log) SeekTime(tenant string, at time.Time) Cursor {
	s := l.shardOf(tenant)
	return Cursor{s.index.Tenant(tenant).Epoch, s.index.SeekTime(tenant, at) - 1}
}
