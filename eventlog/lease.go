package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"trunkline/eventlog/engine"
)

const leaseBucket = "TL_LEASES"

// lease is the right to write a shard. It spares a cluster two writers that
// fence each other off in turns; what keeps the log right is the claim, not the
// lease.
type lease struct {
	Node string `json:"node"`
}

// contend takes part in the choice of the shard's writer as long as ctx lives:
// it waits until the lease is free or its holder has been silent for a whole
// period, takes it, and writes until it loses it. Silence is measured by this
// node's own clock, so clocks need not agree.
func (s *shard) contend(ctx context.Context) {
	for ctx.Err() == nil {
		kv, err := s.log.engine.KV(ctx, leaseBucket)
		if err == nil {
			err = s.contendOnce(ctx, kv)
		}
		if err != nil && ctx.Err() == nil {
			s.setReady(false, "no writer: "+err.Error())
			s.log.cfg.Logger.Warn("lease of the shard", "shard", s.id, "err", err)
			pause(ctx, retryPause*5)
		}
	}
}

func (s *shard) contendOnce(ctx context.Context, kv *engine.KV) error {
	rev, err := s.acquire(ctx, kv)
	if err != nil {
		return err
	}
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	unserve, err := s.serveForwards(own)
	if err != nil {
		return err
	}
	defer unserve()
	done := make(chan error, 1)
	go func() { done <- s.write(own) }()
	rev = s.renew(own, kv, rev, done)
	cancel()
	err = <-done
	if rev > 0 {
		// Given back at once: the next writer need not wait for the silence.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = kv.Update(ctx, s.leaseKey(), []byte(`{}`), rev)
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (s *shard) leaseKey() string { return "shard." + itoa(s.id) }

// acquire returns when this node holds the lease, with its revision.
func (s *shard) acquire(ctx context.Context, kv *engine.KV) (uint64, error) {
	mine, _ := json.Marshal(lease{s.log.cfg.Node})
	var rev uint64
	since := time.Now()
	for {
		e, err := kv.Get(ctx, s.leaseKey())
		var held lease
		switch {
		case errors.Is(err, ErrNotFound):
			if rev, err := kv.Create(ctx, s.leaseKey(), mine); err == nil {
				return rev, nil
			}
		case err != nil:
			return 0, err
		default:
			_ = json.Unmarshal(e.Value, &held)
			if e.Revision != rev {
				rev, since = e.Revision, time.Now()
			}
			if held.Node == "" || time.Since(since) > s.log.cfg.Lease {
				if rev, err := kv.Update(ctx, s.leaseKey(), mine, e.Revision); err == nil {
					return rev, nil
				}
			}
		}
		if s.writableElsewhere(held.Node) {
			s.setReady(true, "")
		}
		if !pause(ctx, s.log.cfg.Lease/10) {
			return 0, ctx.Err()
		}
	}
}

// writableElsewhere says that another node is taken to write the shard.
func (s *shard) writableElsewhere(node string) bool { return node != "" && node != s.log.cfg.Node }

// renew keeps the lease until the writer ends or the lease cannot be kept. It
// gives the last revision, or 0 when the lease is lost.
func (s *shard) renew(ctx context.Context, kv *engine.KV, rev uint64, done chan error) uint64 {
	mine, _ := json.Marshal(lease{s.log.cfg.Node})
	kept := time.Now()
	for {
		select {
		case err := <-done:
			done <- err
			return rev
		case <-ctx.Done():
			return rev
		case <-time.After(s.log.cfg.Lease / 4):
		}
		try, cancel := context.WithTimeout(ctx, s.log.cfg.Lease/4)
		r, err := kv.Update(try, s.leaseKey(), mine, rev)
		cancel()
		switch {
		case err == nil:
			rev, kept = r, time.Now()
		case errors.Is(err, ErrRevision):
			// An answer may have been lost: then the revision is ours still.
			if e, gerr := kv.Get(ctx, s.leaseKey()); gerr == nil {
				var held lease
				if _ = json.Unmarshal(e.Value, &held); held.Node == s.log.cfg.Node {
					rev, kept = e.Revision, time.Now()
					continue
				}
			}
			s.log.cfg.Logger.Warn("another node has taken the shard over", "shard", s.id)
			return 0
		case time.Since(kept) > s.log.cfg.Lease*3/4:
			s.log.cfg.Logger.Warn("the lease could not be renewed in time", "shard", s.id, "err", err)
			return 0
		}
	}
}
