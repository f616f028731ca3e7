package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"time"

	"trunkline/control/lease"
	"trunkline/event"
	"trunkline/eventlog"
)

// shareSources has the nodes of a cluster attach each system once. A queue_log is a file of the machine that it is on.
func (s *Server) shareSources(ctx context.Context) error {
	if s.cfg.Log.URL == "" { // the embedded log has one process
		return nil
	}
	kv, err := s.log.KV(ctx, "source-leases")
	if err != nil {
		return err
	}
	node := rand.Text() // of a process: one that begins anew is another one
	s.sources.mu.Lock()
	defer s.sources.mu.Unlock()
	s.sources.take = func(a *attached) *lease.Lease {
		if a.kind == "queue_log" {
			return nil
		}
		key := base64.RawURLEncoding.EncodeToString([]byte(a.source))
		return lease.New(kv, a.tenant+"/"+key, node, s.cfg.Log.Lease.Std())
	}
	return nil
}

// share lets a source wait for its lease.
func (a *attached) share(l *lease.Lease) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lease, a.away, a.since = l, l != nil, time.Now()
}

// Append takes the source's facts as long as this node is the one that is attached: what one that was taken for dead still
// has to say, the system says to the other node.
func (a *attached) Append(ctx context.Context, tenant string, events []event.Event) (eventlog.Result, error) {
	if !a.lease.Held() {
		return eventlog.Result{}, &eventlog.UnavailableError{Reason: "another node is attached to the source"}
	}
	return a.log.Append(ctx, tenant, events)
}

// work lets a source run until ctx ends, while this node is the one that is attached.
func (a *attached) work(ctx context.Context) {
	for ctx.Err() == nil {
		err := a.lease.Hold(ctx, func(ctx context.Context) error {
			a.attach()
			a.follow(ctx)
			return nil
		})
		if errors.Is(err, lease.ErrLost) {
			slog.Warn("another node is attached to a source from now on", "source", a.source)
			a.leave()
		}
	}
}

func (a *attached) attach() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away = false
}

// leave waits for the lease with a follower that knows nothing of what was.
func (a *attached) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now, a.failed, a.away, a.since = a.make(a), "", true, time.Now()
}
