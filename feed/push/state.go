package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"trunkline/control"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/webhook"
)

// stored is one value of the bucket of destinations: a destination, or that one is paused.
type stored struct {
	Destination *Destination     `json:"destination,omitempty"`
	Start       *eventlog.Cursor `json:"start,omitempty"` // where it begins, until there is a checkpoint
	Pause       *pause           `json:"pause,omitempty"`
}

type pause struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

func encodeStored(s stored) ([]byte, error) { return json.Marshal(s) }

func decodeStored(raw []byte) (s stored, err error) {
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("read a destination: %w", err)
	}
	if d := s.Destination; d != nil {
		*d = d.withDefaults()
	}
	return s, nil
}

// pauseOf says why a destination is paused, "" when it is not. key is tenant/id.
func (f *Feed) pauseOf(key string) string {
	tenant, id := split(key)
	if s, ok := f.store.Get(pauseKey(tenant, id)); ok && s.Pause != nil {
		return s.Pause.Reason
	}
	return ""
}

func split(key string) (tenant, id string) {
	for i := range len(key) {
		if key[i] == '/' {
			return key[:i], key[i+1:]
		}
	}
	return "", key
}

// pausedBy410 stores that an endpoint wants no more.
func (f *Feed) pausedBy410(key string) {
	tenant, id := split(key)
	f.wg.Add(1)
	go func() {
		defer f.wg.Done()
		s := stored{Pause: &pause{Reason: "the endpoint answered 410 Gone", At: time.Now().UTC().Truncate(time.Second)}}
		if err := f.store.Put(f.ctx, pauseKey(tenant, id), s); err != nil && f.ctx.Err() == nil {
			slog.Error("a pause cannot be stored", "destination", key, "error", err)
		}
	}()
}

// setPaused makes the lane wait, or go on when reason is empty.
func (l *lane) setPaused(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case reason == l.paused || l.gone410 && reason == "":
		// What an answer has paused is stored in a moment.
		if reason != "" {
			l.gone410 = false
		}
	case reason != "":
		l.gone410 = false
		l.pauseNow(reason, time.Now())
	default:
		l.paused = ""
		l.breaker, l.hold = webhook.Breaker{}, time.Time{}
		l.f.tell(l.d.Tenant, event.DestinationUp{DestinationRef: event.DestinationRef{Destination: l.d.ID}, URL: l.d.URL, Waiting: l.lag()})
		for range min(l.d.Concurrency, len(l.ready)-l.readyAt) {
			l.staff()
		}
		l.poke()
	}
}

// pauseNow stops sending; mu is held.
func (l *lane) pauseNow(reason string, _ time.Time) {
	if l.paused != "" {
		l.paused = reason
		return
	}
	l.paused = reason
	l.shed()
	slog.Warn("a destination is paused", "destination", l.d.key(), "reason", reason)
	l.f.tell(l.d.Tenant, event.DestinationDown{DestinationRef: event.DestinationRef{Destination: l.d.ID}, URL: l.d.URL, Reason: "paused: " + reason,
		Attempts: l.breaker.Fails, Waiting: l.lag()})
}

// wentDown says that the breaker has opened; mu is held.
func (l *lane) wentDown(reason string) {
	l.shed()
	slog.Warn("a destination is down", "destination", l.d.key(), "error", reason)
	l.f.tell(l.d.Tenant, event.DestinationDown{DestinationRef: event.DestinationRef{Destination: l.d.ID}, URL: l.d.URL, Reason: reason,
		Attempts: l.breaker.Fails, Waiting: l.lag()})
}

// succeed takes a success in; mu is held.
func (l *lane) succeed(time.Time) {
	since := l.breaker.Since
	if !l.breaker.Succeed() {
		return
	}
	slog.Info("a destination takes deliveries again", "destination", l.d.key())
	l.f.tell(l.d.Tenant, event.DestinationUp{DestinationRef: event.DestinationRef{Destination: l.d.ID}, URL: l.d.URL, Since: event.At(since), Waiting: l.lag()})
	for range min(l.d.Concurrency, len(l.ready)-l.readyAt) {
		l.staff()
	}
}

// lag is how many records the destination is behind the log; mu is held.
func (l *lane) lag() int64 {
	head := l.f.log.Head(l.d.Tenant)
	if head.Epoch != l.epoch || head.Seq < l.progress.low {
		return 0
	}
	return int64(head.Seq - l.progress.low)
}

// The states of a destination.
const (
	StateUp     = "up"
	StateDown   = "down" // its breaker is open: one message at a time probes
	StatePaused = "paused"
)

// Status is how a destination is.
type Status struct {
	State   string          `json:"state"`
	Reason  string          `json:"reason,omitempty"` // of a pause
	Cursor  eventlog.Cursor `json:"cursor"`           // everything up to here is done
	Lag     int64           `json:"lag_events"`       // records of the log behind it
	LagSec  float64         `json:"lag_seconds"`      // age of the oldest message that waits
	Waiting int             `json:"waiting"`          // messages in memory
	Working int             `json:"in_flight"`
	Parked  int             `json:"parked"`
	Counts  Counts          `json:"counts"` // since the start of the server
	Replay  *ReplayStatus   `json:"replay,omitempty"`
}

func (l *lane) status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{State: StateUp, Reason: l.paused, Cursor: eventlog.Cursor{Epoch: l.epoch, Seq: l.progress.low}, Lag: l.lag(),
		Waiting: l.waiting, Working: l.workers, Parked: len(l.parked.list), Counts: l.counts}
	switch {
	case l.paused != "":
		s.State = StatePaused
	case l.breaker.Open:
		s.State = StateDown
	}
	if s.Lag > 0 {
		oldest := l.newest
		for _, e := range l.entities {
			for _, it := range e.items[:min(1, len(e.items))] {
				if it.replay == nil && (it.received.Before(oldest) || oldest.IsZero()) {
					oldest = it.received
				}
			}
		}
		if !oldest.IsZero() {
			s.LagSec = max(0, time.Since(oldest).Seconds())
		}
	}
	if l.replay != nil {
		st := l.replay.stat
		s.Replay = &st
	}
	return s
}

// Numbers is one destination for the metrics.
type Numbers struct {
	Tenant, ID string
	Status
}

// Numbers tells how all destinations of this node are.
func (f *Feed) Numbers() []Numbers {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Numbers, 0, len(f.lanes))
	for _, l := range f.lanes {
		out = append(out, Numbers{l.d.Tenant, l.d.ID, l.status()})
	}
	return out
}

// RemoveTenant removes the destinations of a tenant.
func (f *Feed) RemoveTenant(ctx context.Context, tenant string) error {
	for _, s := range f.store.All() {
		d := s.Destination
		if d == nil || d.Tenant != tenant {
			continue
		}
		for _, key := range []string{destinationKey(tenant, d.ID), pauseKey(tenant, d.ID)} {
			if err := f.store.Delete(ctx, key); err != nil && !errors.Is(err, control.ErrNotFound) {
				return fmt.Errorf("remove the destination %s: %w", d.key(), err)
			}
		}
	}
	f.reconcile()
	return nil
}
