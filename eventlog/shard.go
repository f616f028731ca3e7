package eventlog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/engine"
	"trunkline/eventlog/index"
	"trunkline/eventlog/writer"
)

// shard is one shard as this process sees it: its stream, its index, the ring
// of recent commits, its followers, and its writer when this process owns it.
type shard struct {
	log     *Log
	id      int
	stream  *engine.Stream
	index   *index.Shard
	ring    *ring    // what is new
	history *history // what was read lately
	follow  follower
	tasks   sync.WaitGroup

	trimming sync.Mutex // held while retention trims: a mark is not overwritten by an older one
	cutting  sync.Mutex // held while a segment is cut and stored: who asks for one finds all before it stored

	mu       sync.Mutex     // guards the fields below
	writer   *writer.Writer // nil while another node owns the shard
	writable bool
	reason   string
	saved    []segmentName
}

func openShard(ctx context.Context, l *Log, id int, fresh bool) (*shard, error) {
	s := &shard{
		log: l, id: id, reason: "starting", ring: newRing(l.cfg.Cache), history: newHistory(l.cfg.Cache),
		index: index.New(id, index.Limits{Identities: l.cfg.Identities, IdentityAge: l.cfg.IdentityAge}),
	}
	s.follow.init(s)
	// The epoch of the first commit is fixed with the stream, before anything is
	// written: a cursor given before it is good behind it.
	var epoch Epoch
	_, _ = rand.Read(epoch[:])
	var err error
	if s.stream, err = l.engine.Stream(ctx, id, epoch.String(), fresh); err != nil {
		if errors.Is(err, engine.ErrNoStream) {
			err = fmt.Errorf("%w, although the log was made: the store is damaged, restore it from a backup", err)
		}
		return nil, err
	}
	if epoch.UnmarshalText([]byte(s.stream.Label())) == nil {
		s.index.Begin(epoch)
	}
	if err := s.load(ctx); err != nil {
		return nil, fmt.Errorf("index shard %d: %w", id, err)
	}
	s.follow.next = s.index.Tip().Sequence + 1
	return s, nil
}

// start starts what runs as long as the log is open.
func (s *shard) start(ctx context.Context) {
	s.tasks.Go(func() { s.follow.run(ctx) })
	switch {
	case s.log.cfg.ReadOnly:
	case s.log.engine.Embedded():
		s.tasks.Go(func() { _ = s.write(ctx) })
	default:
		s.tasks.Go(func() { s.consume(ctx) })
		s.tasks.Go(func() { s.contend(ctx) })
	}
}

// write owns the shard until ctx ends or somebody else takes it.
func (s *shard) write(ctx context.Context) error {
	cfg := s.log.cfg
	var fold writer.Fold
	if cfg.Fold != nil {
		fold = cfg.Fold(s.id)
	}
	w := writer.New(writer.Config{
		Shard: s.id, Node: cfg.Node, Stream: s.stream, Index: s.index, Fold: fold, Snapshots: s.log.objects,
		Committed: s.committed, Recover: s.log.recover, Ready: s.setReady,
		MaxMessage: s.log.engine.MaxMessage() - 4096, MaxEvents: cfg.MaxEvents, MaxPending: cfg.MaxPending,
		Gather: cfg.Gather, Tick: cfg.Tick, UnknownWait: cfg.UnknownWait, SnapshotEach: cfg.SnapshotEach, Now: cfg.Now, Logger: cfg.Logger,
	})
	s.mu.Lock()
	s.writer = w
	s.mu.Unlock()
	err := w.Run(ctx)
	s.mu.Lock()
	s.writer = nil
	s.mu.Unlock()
	return err
}

func (s *shard) owner() *writer.Writer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writer
}

func (s *shard) setReady(writable bool, reason string) {
	s.mu.Lock()
	s.writable, s.reason = writable, reason
	s.mu.Unlock()
}

func (s *shard) status() (writable bool, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writable, s.reason
}

// committed shows a commit of this process' writer to the readers.
func (s *shard) committed(c *commit.Commit) {
	s.ring.add(c)
	if s.log.witness != nil {
		s.log.witness.note(s.id, c.Sequence, c.Hash)
	}
}

// consume follows the commits of other nodes' writers.
func (s *shard) consume(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.stream.Consume(ctx, s.index.Tip().Sequence+1, func(msg []byte) error {
			c, err := commit.Parse(msg)
			if err != nil {
				s.log.cfg.Logger.Error("a commit cannot be read", "shard", s.id, "behind", s.index.Tip().Sequence, "err", err)
				return nil // the next commit shows the gap
			}
			applied, broken := s.index.Apply(c)
			if broken != nil {
				s.log.cfg.Logger.Error("the log is broken", "break", broken.String())
			}
			if applied {
				s.ring.add(c)
			}
			return nil
		})
		if ctx.Err() == nil {
			s.log.cfg.Logger.Warn("following the log was interrupted", "shard", s.id, "err", err)
			pause(ctx, 250*time.Millisecond)
		}
	}
}

// pause waits, and says whether the context still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
