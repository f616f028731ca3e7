package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/index"
)

// Report is what Verify found.
type Report struct {
	Shards  int           `json:"shards"`
	Commits uint64        `json:"commits"`
	Events  uint64        `json:"events"`
	Tenants int           `json:"tenants"`
	Bytes   uint64        `json:"bytes"`
	Took    time.Duration `json:"-"`
	Breaks  []string      `json:"breaks"`
}

// Verify reads the whole log and checks every hash, the chain, the numbers of
// every tenant, and every record; and the control state against its checksums. progress, if not nil, is told how many
// commits were read.
func (l *Log) Verify(ctx context.Context, progress func(commits uint64)) (Report, error) {
	began := time.Now()
	rep := Report{Shards: len(l.shards), Breaks: append([]string{}, l.engine.Verify(ctx)...)}
	for _, s := range l.shards {
		if err := s.verify(ctx, &rep, progress); err != nil {
			return rep, fmt.Errorf("verify shard %d: %w", s.id, err)
		}
	}
	rep.Took = time.Since(began)
	return rep, nil
}

func (s *shard) verify(ctx context.Context, rep *Report, progress func(uint64)) error {
	// A second index, built from the commits alone: its findings are the
	// report, together with what the start has noticed.
	fresh := index.New(s.id, index.Limits{Identities: 1})
	fresh.SetFirst(s.index.First())
	known := s.index.Tip() // the log goes on growing meanwhile
	end := known.Sequence
	for next := fresh.First(); next <= end; {
		before := next
		n, err := s.stream.Read(ctx, next, 0, func(msg []byte) error {
			c, err := commit.Parse(msg)
			if errors.Is(err, commit.ErrDamaged) {
				return nil
			}
			if err != nil {
				return err
			}
			next = c.Sequence + 1
			rep.Commits++
			rep.Bytes += uint64(c.Size)
			fresh.Apply(c)
			for _, sec := range c.Sections {
				if _, err := sec.Records(); err != nil {
					rep.Breaks = append(rep.Breaks, fmt.Sprintf("shard %d, commit %d, tenant %s: %v", s.id, c.Sequence, sec.Tenant, err))
				}
				rep.Events += uint64(sec.Count)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if progress != nil {
			progress(rep.Commits)
		}
		if next == before { // nothing readable here
			if n == 0 {
				fresh.AddBreak(index.Break{Shard: s.id, From: next, To: end, Reason: "commits are missing at the end"})
				break
			}
			next += uint64(n)
		}
	}
	rep.Tenants += len(fresh.Tenants())
	seen := map[string]bool{}
	for _, b := range append(fresh.Breaks(), s.index.Breaks()...) {
		if t := b.String(); !seen[t] {
			seen[t] = true
			rep.Breaks = append(rep.Breaks, t)
		}
	}
	if tip := fresh.Tip(); tip.Sequence == end && tip.Hash != known.Hash {
		rep.Breaks = append(rep.Breaks, fmt.Sprintf("shard %d: the index was made of another log than the one that is stored", s.id))
	}
	return nil
}
