package writer_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/engine"
	"trunkline/eventlog/index"
)

// The outcomes that a faulty stream can give to a publish.
const (
	stored        = iota
	refused       // surely not stored
	lostAnswer    // stored, no answer
	lostMessage   // not stored, no answer
	late          // no answer; it arrives before the next publish
	wrongSequence // stored, but the answer says that the sequence is wrong
	overtaken     // another writer's claim is there first
	readFails     // stored; the next reads fail
	outcomes
)

// stream is a shard's stream in memory that does what it is told to.
type stream struct {
	mu        sync.Mutex
	msgs      [][]byte
	held      []byte // a message that arrives late
	next      func() int
	failReads int
	delay     time.Duration
	published int
}

var errRead = errors.New("read failed")

func (s *stream) Publish(_ context.Context, msg []byte, expect uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published++
	if s.delay > 0 {
		s.mu.Unlock()
		time.Sleep(s.delay)
		s.mu.Lock()
	}
	if s.held != nil {
		s.msgs, s.held = append(s.msgs, s.held), nil
	}
	if expect != uint64(len(s.msgs)) {
		return engine.ErrWrongSequence
	}
	outcome := stored
	if s.next != nil {
		outcome = s.next()
	}
	switch outcome {
	case refused:
		return engine.ErrRefused
	case lostMessage:
		return engine.ErrNoAnswer
	case late:
		s.held = msg
		return engine.ErrNoAnswer
	case overtaken:
		s.msgs = append(s.msgs, s.foreignClaim())
		return engine.ErrWrongSequence
	}
	s.msgs = append(s.msgs, msg)
	switch outcome {
	case lostAnswer:
		return engine.ErrNoAnswer
	case wrongSequence:
		return engine.ErrWrongSequence
	case readFails:
		s.failReads = 2
		return engine.ErrNoAnswer
	}
	return nil
}

// foreignClaim is what another node would write behind the last commit.
func (s *stream) foreignClaim() []byte {
	h := commit.Head{Kind: commit.Claim, Sequence: uint64(len(s.msgs)) + 1, Owner: commit.Owner{9}, Note: []byte(`{"node":"other"}`)}
	if n := len(s.msgs); n > 0 {
		c, err := commit.Parse(s.msgs[n-1])
		if err != nil {
			panic(err)
		}
		h.Prev, h.Epoch, h.Received = c.Hash, c.Epoch, c.Received
	}
	var b commit.Builder
	msg, _ := b.Encode(h)
	return msg
}

func (s *stream) Read(_ context.Context, from uint64, most int, fn func([]byte) error) (int, error) {
	s.mu.Lock()
	if s.failReads > 0 {
		s.failReads--
		s.mu.Unlock()
		return 0, errRead
	}
	msgs := s.msgs[min(int(max(from, 1))-1, len(s.msgs)):]
	s.mu.Unlock()
	n := 0
	for ; n < len(msgs) && n < 20 && (most == 0 || n < most); n++ {
		if err := fn(msgs[n]); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (s *stream) Last(context.Context) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(len(s.msgs)), nil
}

// snapshots keeps objects in memory.
type snapshots struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (s *snapshots) Put(_ context.Context, name string, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[name] = b
	return nil
}

func (s *snapshots) Get(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.m[name]; ok {
		return b, nil
	}
	return nil, engine.ErrNotFound
}

// records decodes a tenant's records and checks the chain of commits on the way.
func (s *stream) records(t interface{ Fatalf(string, ...any) }, tenant string) []commit.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := index.New(0, index.Limits{})
	var out []commit.Record
	var received time.Time
	for i, msg := range s.msgs {
		c, err := commit.Parse(msg)
		if err != nil {
			t.Fatalf("commit %d: %v", i+1, err)
		}
		if _, broken := x.Apply(c); broken != nil {
			t.Fatalf("%s", broken)
		}
		if c.Received.Before(received) {
			t.Fatalf("received of commit %d goes back", i+1)
		}
		received = c.Received
		if sec := c.Find(tenant); sec != nil {
			recs, err := sec.Records()
			if err != nil {
				t.Fatalf("commit %d: %v", i+1, err)
			}
			out = append(out, recs...)
		}
	}
	return out
}
