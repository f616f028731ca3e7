package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Keys of the bucket of seats.
const (
	seatsKey = "seats/"
	nodeKey  = "node/"
)

const (
	// seatTimeout bounds one change of a table.
	seatTimeout = 5 * time.Second
	// forgetAfter is after how many leases of silence a node's sign of life is removed.
	forgetAfter = 20
)

func encodeTable(t table) ([]byte, error) { return json.Marshal(t) }

func decodeTable(raw []byte) (t table, err error) {
	if err = json.Unmarshal(raw, &t); err != nil {
		return t, fmt.Errorf("read who is connected: %w", err)
	}
	return t, nil
}

// told hears of a change of the bucket. The mirror is locked meanwhile.
func (s *Seats) told(key string, now table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if tenant, ok := strings.CutPrefix(key, seatsKey); ok {
		s.changed[tenant] = true
		s.poke()
	}
	if node, ok := strings.CutPrefix(key, nodeKey); ok {
		if s.heard[node] = time.Now(); now.Beats == 0 {
			delete(s.heard, node)
		}
	}
}

func (s *Seats) poke() {
	select {
	case s.poked <- struct{}{}:
	default:
	}
}

// run gives signs of life, clears the tables up, and tells of subscriptions that other
// nodes have taken over, until ctx ends.
func (s *Seats) run(ctx context.Context) {
	if s.kv == nil {
		return
	}
	tick := time.NewTicker(s.lease / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.poked:
		case <-tick.C:
			if err := s.beat(ctx); err != nil && ctx.Err() == nil {
				s.logger.Warn("the stream's sign of life was not written", "err", err)
			}
			s.forget(ctx)
		}
		s.look(ctx)
		s.clear(ctx)
	}
}

// beat gives a sign of life.
func (s *Seats) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, seatTimeout)
	defer cancel()
	return s.shared.Put(ctx, nodeKey+s.node, table{Beats: time.Now().UnixNano()})
}

// look finds what this node has lost.
func (s *Seats) look(ctx context.Context) {
	s.mu.Lock()
	tenants := s.changed
	s.changed = map[string]bool{}
	s.mu.Unlock()
	for tenant := range tenants {
		ours := map[string]bool{}
		s.mu.Lock()
		for id, at := range s.here[tenant] {
			ours[id] = at.ours
		}
		s.mu.Unlock()
		// A table is in the mirror before a seat in it is noted as ours: what is missing
		// from the one that is read now was taken away since.
		t, _ := s.shared.Get(seatsKey + tenant)
		for id := range ours {
			switch node := t.Seats[id]; {
			case !ours[id] || node == s.node:
			case node == "":
				s.again(ctx, tenant, id)
			default:
				s.lose(tenant, id, takenOver)
			}
		}
	}
}

// again takes a seat that another node took for free, because this one was silent.
func (s *Seats) again(ctx context.Context, tenant, subscription string) {
	_, err := s.place(ctx, tenant, subscription)
	switch {
	case errors.Is(err, errFull):
		s.lose(tenant, subscription, givenAway)
	case err != nil:
		s.logger.Warn("a seat of the stream was not taken again", "tenant", tenant, "err", err)
		s.mu.Lock()
		s.changed[tenant] = true // looked at again with the next sign of life
		s.mu.Unlock()
	}
}

func (s *Seats) lose(tenant, subscription string, why ended) {
	s.mu.Lock()
	at := s.here[tenant][subscription]
	if at == nil {
		s.mu.Unlock()
		return
	}
	at.ours, at.lost = false, at.turn
	upTo := at.turn
	s.mu.Unlock()
	s.closed(tenant, subscription, upTo, why)
}

// clear takes this node's empty seats out of the tables. What fails is done later.
func (s *Seats) clear(ctx context.Context) {
	s.mu.Lock()
	tenants := s.empty
	s.empty = map[string]bool{}
	s.mu.Unlock()
	for tenant := range tenants {
		err := s.change(ctx, tenant, func(_ table, dropped bool) error {
			if !dropped {
				return errAsItIs
			}
			return nil
		})
		if err != nil && !errors.Is(err, errAsItIs) && ctx.Err() == nil {
			s.logger.Warn("seats of the stream were not given back yet", "tenant", tenant, "err", err)
			s.mu.Lock()
			s.empty[tenant] = true
			s.mu.Unlock()
		}
	}
}

// forget removes the signs of life of nodes that are long gone.
func (s *Seats) forget(ctx context.Context) {
	var old []string
	s.mu.Lock()
	for node, at := range s.heard {
		if time.Since(at) > forgetAfter*s.lease {
			old = append(old, node)
		}
	}
	s.mu.Unlock()
	for _, node := range old {
		if err := s.kv.Delete(ctx, nodeKey+node); err != nil {
			s.logger.Debug("an old sign of life was not removed", "err", err)
		}
	}
}

// close gives all seats back: those of a node without a sign of life are free.
func (s *Seats) close(ctx context.Context) error {
	if s.kv == nil {
		return nil
	}
	if err := s.kv.Delete(ctx, nodeKey+s.node); err != nil {
		return fmt.Errorf("give the seats of the stream back: %w", err)
	}
	return nil
}
