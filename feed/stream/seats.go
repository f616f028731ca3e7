package stream

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"trunkline/control"
)

// errFull says that a tenant has as many subscriptions connected as it may.
var errFull = errors.New("as many subscriptions as a tenant may have are connected")

// Seats knows which subscriptions are connected: of one process, or of all nodes of a
// cluster ([OpenSeats]). A tenant has few of them, and a subscription has one connection:
// the last one that was claimed, wherever that is.
//
// Nodes share a table for each tenant, which is written only over the revision that was
// read, and a sign of life of each node. A seat at a node that is silent is free.
type Seats struct {
	node   string
	lease  time.Duration // how long a node may be silent
	kv     control.KV    // nil: of this process alone
	shared *control.Mirror[table]
	logger *slog.Logger
	poked  chan struct{}

	mu      sync.Mutex // guards what is below; the bucket is not used under it
	here    map[string]map[string]*seat
	turn    uint64               // counts claims
	heard   map[string]time.Time // when a node was heard of last
	changed map[string]bool      // tenants whose table was written
	empty   map[string]bool      // tenants of whom this node has seats in the table that nobody holds

	// The feed sets these before it runs the seats.
	most   int // seats of a tenant
	closed func(tenant, subscription string, upTo uint64, why ended)
}

// ended says why this node has a seat no more.
type ended int

const (
	takenOver ended = iota // another node has the subscription
	givenAway              // this one was silent, and others took the tenant's seats
)

// table is what the bucket holds under seats/<tenant>: which node has which
// subscription; and under node/<node>: a count of signs of life.
type table struct {
	Seats map[string]string `json:"seats,omitempty"`
	Beats int64             `json:"beats,omitempty"`
}

// seat is a subscription that is connected, or about to be, at this node.
type seat struct {
	holders int    // the connection that is replaced included
	ours    bool   // the table says so as well
	turn    uint64 // of the last claim
	lost    uint64 // the last claim after which another node had it
}

func newSeats() *Seats {
	return &Seats{here: map[string]map[string]*seat{}, heard: map[string]time.Time{}, changed: map[string]bool{}, empty: map[string]bool{}, poked: make(chan struct{}, 1)}
}

// OpenSeats gives the seats of all nodes that share the bucket. lease is how long a
// silent node keeps its own. The feed that gets them runs them.
func OpenSeats(ctx context.Context, kv control.KV, lease time.Duration, logger *slog.Logger) (*Seats, error) {
	s := newSeats()
	s.node, s.kv, s.lease, s.logger = rand.Text(), kv, cmp.Or(lease, 5*time.Second), cmp.Or(logger, slog.Default())
	shared, err := control.OpenMirror(ctx, kv, control.Codec[table]{Encode: encodeTable, Decode: decodeTable,
		Changed: func(key string, _, now table) { s.told(key, now) },
		Broken:  func(key string, err error) { s.logger.Warn("who is connected to the stream", "key", key, "err", err) }})
	if err != nil {
		return nil, fmt.Errorf("open the seats of the stream: %w", err)
	}
	s.shared = shared
	if err := s.beat(ctx); err != nil {
		return nil, fmt.Errorf("open the seats of the stream: %w", err)
	}
	return s, nil
}

// sit takes a seat for a connection to come. A subscription that is connected already
// has its seat, which claim takes over. On errFull others are who sits. Whoever sits rises.
func (s *Seats) sit(ctx context.Context, tenant, subscription string) (others []string, err error) {
	s.mu.Lock()
	seats := s.here[tenant]
	if seats == nil {
		seats = map[string]*seat{}
		s.here[tenant] = seats
	}
	at := seats[subscription]
	if at == nil {
		at = &seat{ours: s.kv == nil}
		seats[subscription] = at
		if at.ours && len(seats) > s.most {
			delete(seats, subscription)
			others = slices.Collect(maps.Keys(seats))
			s.mu.Unlock()
			return others, errFull
		}
	}
	at.holders++
	has := at.ours
	s.mu.Unlock()
	if has {
		return nil, nil
	}
	if others, err = s.place(ctx, tenant, subscription); err != nil {
		s.rise(tenant, subscription)
	}
	return others, err
}

var errAsItIs = errors.New("the table stays as it is")

// place writes a subscription into the tenant's table unless another node has it there.
func (s *Seats) place(ctx context.Context, tenant, subscription string) (others []string, err error) {
	err = s.change(ctx, tenant, func(t table, _ bool) error {
		switch at := t.Seats[subscription]; {
		case at != "" && at != s.node:
			return errAsItIs
		case at == "" && len(t.Seats) >= s.most:
			others = slices.Collect(maps.Keys(t.Seats))
			return errFull
		}
		t.Seats[subscription] = s.node
		return nil
	})
	if err == nil {
		s.mark(tenant, subscription)
	}
	if errors.Is(err, errAsItIs) {
		err = nil
	}
	return others, err
}

// claim makes the subscription this node's, and gives the number of the claim.
func (s *Seats) claim(ctx context.Context, tenant, subscription string) (uint64, error) {
	s.mu.Lock()
	at := s.here[tenant][subscription]
	s.turn++
	turn := s.turn
	at.turn = turn
	has := at.ours
	s.mu.Unlock()
	if has {
		return turn, nil
	}
	err := s.change(ctx, tenant, func(t table, _ bool) error {
		t.Seats[subscription] = s.node
		return nil
	})
	if err == nil {
		s.mark(tenant, subscription)
	}
	return turn, err
}

// mark notes that the table gives the subscription to this node. Another may have taken
// it since: so that is looked at again.
func (s *Seats) mark(tenant, subscription string) {
	s.mu.Lock()
	if at := s.here[tenant][subscription]; at != nil {
		at.ours = true
	}
	s.changed[tenant] = true
	s.mu.Unlock()
	s.poke()
}

// change changes a tenant's table. The seats that nobody has any more are taken out of
// it first; dropped says whether there were any.
func (s *Seats) change(ctx context.Context, tenant string, fn func(t table, dropped bool) error) error {
	ctx, cancel := context.WithTimeout(ctx, seatTimeout)
	defer cancel()
	key := seatsKey + tenant
	for {
		_, err := s.shared.Change(ctx, key, func(t table) (table, error) {
			if t.Seats == nil {
				t.Seats = map[string]string{}
			}
			before := len(t.Seats)
			maps.DeleteFunc(t.Seats, func(id, node string) bool { return !s.seated(ctx, tenant, id, node) })
			return t, fn(t, len(t.Seats) < before)
		})
		if errors.Is(err, control.ErrNotFound) {
			if err = s.shared.Create(ctx, key, table{}); err == nil || errors.Is(err, control.ErrExists) {
				continue
			}
		}
		if err != nil && !errors.Is(err, errFull) && !errors.Is(err, errAsItIs) {
			return fmt.Errorf("who is connected to the stream: %w", err)
		}
		return err
	}
}

// seated says whether a seat of the table is held.
func (s *Seats) seated(ctx context.Context, tenant, subscription, node string) bool {
	s.mu.Lock()
	_, here := s.here[tenant][subscription]
	heard, known := s.heard[node]
	s.mu.Unlock()
	switch {
	case node == s.node:
		return here
	case known:
		return time.Since(heard) <= s.lease
	}
	// It may be so new that its sign of life is on its way.
	_, err := s.kv.Get(ctx, nodeKey+node)
	return !errors.Is(err, control.ErrNotFound)
}

// rise gives a seat back.
func (s *Seats) rise(tenant, subscription string) {
	s.mu.Lock()
	at := s.here[tenant][subscription]
	if at.holders--; at.holders == 0 {
		delete(s.here[tenant], subscription)
		if s.kv != nil {
			s.empty[tenant] = true
		}
	}
	if len(s.here[tenant]) == 0 {
		delete(s.here, tenant)
	}
	s.mu.Unlock()
	s.poke()
}

// over says whether another node has the subscription since a claim.
func (s *Seats) over(tenant, subscription string, claim uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.here[tenant][subscription]
	return at != nil && at.lost >= claim
}
