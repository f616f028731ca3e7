// Package lease lets one process of many do a piece of work: the one that holds the
// work's lease, a key of a bucket that all of them share.
//
// A [Lease] is renewed four times within its length. It is taken over when its holder has
// not renewed it for a whole length by the clock of the one who waits, so that clocks need
// not agree; a holder takes it for lost after three quarters of that. A lease spares
// processes the work of doing the same at once. Where doing it twice would do harm, what is
// done has to be fenced as well: [Lease.Held] tells whether nobody can have taken it over.
package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"trunkline/control"
)

// ErrLost says that a lease could not be kept, or that another process has it.
var ErrLost = errors.New("the lease is lost")

// Lease is the right to do something. A nil Lease is held always: there is one process.
type Lease struct {
	kv     control.KV
	key    string
	node   string
	length time.Duration
	begin  time.Time // what its moments count from: clocks that are set do not matter

	rev  uint64       // of the goroutine that keeps it
	kept atomic.Int64 // when it was renewed, in nanoseconds since begin; 0: it is not held
}

type value struct {
	Node string `json:"node"`
	At   int64  `json:"n"` // counts the renewals, so that each has another value
}

// New gives the lease under a key of a bucket, for a process with a name of its own. A
// lease that is held under the same name is taken at once: its process is gone.
func New(kv control.KV, key, node string, length time.Duration) *Lease {
	return &Lease{kv: kv, key: key, node: node, length: length, begin: time.Now()}
}

// Held says whether nobody can have taken the lease over.
func (l *Lease) Held() bool {
	if l == nil {
		return true
	}
	at := l.kept.Load()
	return at != 0 && time.Since(l.begin)-time.Duration(at) < l.length*3/4
}

// Hold waits for the lease, calls fn while it is held, and gives it back when fn has
// returned. When it is lost the context of fn ends and Hold returns ErrLost. The lease is
// kept until fn returns also when ctx ends, so that fn may end in order.
func (l *Lease) Hold(ctx context.Context, fn func(ctx context.Context) error) error {
	if l == nil {
		return fn(ctx)
	}
	if err := l.acquire(ctx); err != nil {
		return err
	}
	defer l.release()
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	keeping, enough := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		if l.keep(keeping) {
			stop(ErrLost)
		}
	}()
	err := fn(working)
	enough()
	<-kept
	if errors.Is(context.Cause(working), ErrLost) {
		return ErrLost
	}
	return err
}

func (l *Lease) value() []byte {
	raw, _ := json.Marshal(value{l.node, int64(time.Since(l.begin))})
	return raw
}

func (l *Lease) renewed(rev uint64, at time.Duration) {
	l.rev = rev
	l.kept.Store(max(int64(at), 1))
}

// acquire returns when the lease is held: it was free, or its holder was silent for
// a whole period by this process's own clock.
func (l *Lease) acquire(ctx context.Context) error {
	var seen uint64
	since := time.Now()
	for {
		at := time.Since(l.begin)
		e, err := l.kv.Get(ctx, l.key)
		switch {
		case errors.Is(err, control.ErrNotFound):
			if rev, err := l.kv.Create(ctx, l.key, l.value()); err == nil {
				l.renewed(rev, at)
				return nil
			}
		case err == nil:
			var v value
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
			return fmt.Errorf("wait for the lease %s: %w", l.key, ctx.Err())
		case <-time.After(l.length / 10):
		}
	}
}

// keep renews the lease until ctx ends, or until it is lost, which it says.
func (l *Lease) keep(ctx context.Context) (lost bool) {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(l.length / 4):
		}
		at := time.Since(l.begin)
		try, cancel := context.WithTimeout(ctx, l.length/4)
		rev, err := l.kv.Update(try, l.key, l.value(), l.rev)
		cancel()
		switch {
		case err == nil:
			l.renewed(rev, at)
		case ctx.Err() != nil:
			return false
		case errors.Is(err, control.ErrRevision):
			// An answer may have been lost: then the lease is ours still.
			e, gerr := l.kv.Get(ctx, l.key)
			var v value
			if gerr == nil && json.Unmarshal(e.Value, &v) == nil && v.Node == l.node {
				l.rev = e.Revision
				continue
			}
			l.kept.Store(0)
			return true
		case !l.Held():
			return true
		}
	}
}

// release gives the lease back, so that the next need not wait.
func (l *Lease) release() {
	if l.kept.Swap(0) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = l.kv.Update(ctx, l.key, []byte(`{}`), l.rev)
}
