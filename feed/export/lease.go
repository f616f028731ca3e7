package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"trunkline/control"
)

// lease is the right to export a shard. It spares two processes the work of writing
// the same windows; what keeps the windows right are the conditions of their writes.
type lease struct {
	kv     control.KV
	key    string
	node   string
	length time.Duration

	rev  uint64       // of the goroutine that keeps it
	kept atomic.Int64 // when it was renewed, in nanoseconds since begin; 0: it is not held
}

type leaseValue struct {
	Node string `json:"node"`
	At   int64  `json:"n"` // counts the renewals, so that each has another value
}

// held says whether nobody can have taken it over.
func (l *lease) held() bool {
	if l.kv == nil {
		return true
	}
	at := l.kept.Load()
	return at != 0 && time.Since(begin)-time.Duration(at) < l.length*3/4
}

// begin is what moments of leases count from: clocks that are set do not matter.
var begin = time.Now()

func (l *lease) value() []byte {
	raw, _ := json.Marshal(leaseValue{l.node, int64(time.Since(begin))})
	return raw
}

func (l *lease) renewed(rev uint64, at time.Duration) {
	l.rev = rev
	l.kept.Store(max(int64(at), 1))
}

// acquire returns when the lease is held: it was free, or its holder was silent for
// a whole period by this process's own clock.
func (l *lease) acquire(ctx context.Context) error {
	if l.kv == nil {
		return nil
	}
	var seen uint64
	since := time.Now()
	for {
		at := time.Since(begin)
		e, err := l.kv.Get(ctx, l.key)
		switch {
		case errors.Is(err, control.ErrNotFound):
			if rev, err := l.kv.Create(ctx, l.key, l.value()); err == nil {
				l.renewed(rev, at)
				return nil
			}
		case err == nil:
			var v leaseValue
			_ = json.Unmarshal(e.Value, &v)
			if e.Revision != seen {
				seen, since = e.Revision, time.Now()
			}
			if v.Node == "" || v.Node == l.node || time.Since(since) > l.length {
				if rev, err := l.kv.Update(ctx, l.key, l.value(), e.Revision); err == nil {
					l.renewed(rev, at)
					return nil
				}
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the lease of the exports: %w", ctx.Err())
		case <-time.After(l.length / 10):
		}
	}
}

// keep renews the lease until ctx ends or it is lost.
func (l *lease) keep(ctx context.Context) {
	if l.kv == nil {
		<-ctx.Done()
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(l.length / 4):
		}
		at := time.Since(begin)
		rev, err := l.kv.Update(ctx, l.key, l.value(), l.rev)
		switch {
		case err == nil:
			l.renewed(rev, at)
		case errors.Is(err, control.ErrRevision):
			// An answer may have been lost: then the lease is ours still.
			e, gerr := l.kv.Get(ctx, l.key)
			var v leaseValue
			if gerr == nil && json.Unmarshal(e.Value, &v) == nil && v.Node == l.node {
				l.rev = e.Revision
				continue
			}
			l.kept.Store(0)
			return
		case !l.held():
			return
		}
	}
}

// release gives the lease back, so that the next need not wait.
func (l *lease) release() {
	if l.kv == nil || l.kept.Swap(0) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = l.kv.Update(ctx, l.key, []byte(`{}`), l.rev)
}
