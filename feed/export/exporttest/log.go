// Package exporttest has what tests of the export feed and of its consumers share: a
// log in memory with simulated hours in it.
package exporttest

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/commit"
	"trunkline/eventlog/writer"
	"trunkline/feed/export"
	"trunkline/floor"
	"trunkline/sim"
)

// Tenant is whose events a log has.
const Tenant = "acme"

// Log is a log in memory of one shard, written as the log's writer does it: timers
// fire before a record, derived facts are appended behind their cause, and ticks pass
// in silence.
type Log struct {
	fold  *floor.Fold
	known map[string]bool
	seq   uint64
	epoch eventlog.Epoch

	mu      sync.Mutex // guards what is below
	steps   []*eventlog.Step
	first   uint64 // the oldest commit that is kept
	changed chan struct{}
}

var _ export.Log = (*Log)(nil)

// Settings are what the floor is folded with.
func Settings(string) floor.Settings {
	return floor.Settings{Intervals: true, IntervalKeep: 24 * time.Hour, Zone: time.UTC}
}

// NewLog makes an empty log.
func NewLog() *Log {
	return &Log{fold: floor.NewFold(floor.Options{Settings: Settings}), known: map[string]bool{}, epoch: eventlog.Epoch{7}, first: 1, changed: make(chan struct{})}
}

// Simulate makes the log of a simulated contact centre that works for some time, and
// of the silence behind it. The same arguments make the same log.
func Simulate(t testing.TB, start time.Time, length, silence time.Duration, agents int) (*Log, *sim.Sim) {
	t.Helper()
	cfg := sim.DefaultConfig()
	cfg.Tenant, cfg.Seed, cfg.Agents, cfg.Transcribed, cfg.Length, cfg.Drain, cfg.Start = Tenant, 7, agents, 0.05, length, true, start
	s, err := sim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLog()
	last := start
	for m, f := range s.All {
		for ; m.Time.Sub(last) > time.Minute; last = last.Add(time.Minute) {
			l.Tick(last.Add(time.Minute))
		}
		last = m.Time
		l.Append(t, m, f)
	}
	for end := start.Add(length + silence); last.Before(end); last = last.Add(time.Minute) {
		l.Tick(last.Add(time.Minute))
	}
	return l, s
}

// Append appends a fact at its own time.
func (l *Log) Append(t testing.TB, m event.Meta, f event.Fact) {
	t.Helper()
	e, err := event.Encode(m, f)
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		at, ok := l.fold.Due()
		if !ok || at.After(m.Time) {
			break
		}
		l.derive(m.Time, l.fold.Fire(m.Time))
	}
	l.add(m.Time, e.Raw, false)
}

// Tick lets time pass.
func (l *Log) Tick(now time.Time) {
	for range 1000 {
		at, ok := l.fold.Due()
		if !ok || at.After(now) {
			break
		}
		l.derive(now, l.fold.Fire(now))
	}
	l.fold.Tick(now)
	l.put(&eventlog.Step{Received: now, Tick: true})
}

func (l *Log) derive(now time.Time, facts []writer.Derived) {
	for _, d := range facts {
		if !l.known[d.Event.ID] {
			l.known[d.Event.ID] = true
			l.add(now, d.Event.Raw, true)
		}
	}
}

func (l *Log) add(received time.Time, raw []byte, derived bool) {
	l.seq++
	r := commit.Record{Seq: l.seq, Received: received.UTC().Truncate(time.Millisecond), Derived: derived, Raw: raw}
	out := l.fold.Fold(Tenant, &r)
	r.Context = bytes.Clone(out.Context)
	b := &eventlog.Batch{Tenant: Tenant, Epoch: l.epoch, Records: []eventlog.Record{r}, Received: r.Received}
	l.put(&eventlog.Step{Received: r.Received, Batches: []*eventlog.Batch{b}})
	l.derive(received, out.Derived)
}

func (l *Log) put(st *eventlog.Step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st.Position = eventlog.Position{Commit: uint64(len(l.steps) + 1), Hash: commit.Hash{byte(len(l.steps))}}
	l.steps = append(l.steps, st)
	close(l.changed)
	l.changed = make(chan struct{})
}

// Trim forgets the commits before one.
func (l *Log) Trim(commit uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first = commit
}

// CommitAt is the first commit received at or behind a moment.
func (l *Log) CommitAt(at time.Time) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, st := range l.steps {
		if !st.Received.Before(at) {
			return st.Position.Commit
		}
	}
	return uint64(len(l.steps) + 1)
}

// Shards is part of [export.Log].
func (l *Log) Shards() int { return 1 }

// ShardOf is part of [export.Log].
func (l *Log) ShardOf(string) int { return 0 }

// FollowFrom is part of [export.Log].
func (l *Log) FollowFrom(ctx context.Context, _ int, at eventlog.Position, _ writer.Fold, step func(*eventlog.Step) error, reached func()) error {
	next := at.Commit + 1
	for ctx.Err() == nil {
		l.mu.Lock()
		first, steps, changed := l.first, l.steps, l.changed
		l.mu.Unlock()
		switch {
		case next < first:
			return eventlog.ErrOvertaken
		case next <= uint64(len(steps)):
			if err := step(steps[next-1]); err != nil {
				return err
			}
			next++
			continue
		}
		reached()
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
	return ctx.Err()
}

// Before is part of [export.Log].
func (l *Log) Before(int) eventlog.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return eventlog.Position{Commit: l.first - 1}
}

// RestoreFold is part of [export.Log]: the fold of what was trimmed.
func (l *Log) RestoreFold(_ context.Context, _ int, fold writer.Fold) (eventlog.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == 1 {
		return eventlog.Position{}, eventlog.ErrNotFound
	}
	own := floor.NewFold(floor.Options{Settings: Settings})
	for _, st := range l.steps[:l.first-1] {
		if st.Tick {
			own.Tick(st.Received)
		}
		for _, b := range st.Batches {
			for i := range b.Records {
				own.Fold(b.Tenant, &b.Records[i])
			}
		}
	}
	raw, err := own.Snapshot()
	if err != nil {
		return eventlog.Position{}, err
	}
	if err := fold.Restore(raw); err != nil {
		return eventlog.Position{}, err
	}
	return l.steps[l.first-2].Position, nil
}
