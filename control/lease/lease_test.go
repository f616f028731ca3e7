package lease_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/control"
	"trunkline/control/lease"
)

const length = 8 * time.Second

// way is a process's way to the bucket, which can be cut.
type way struct {
	control.KV
	cut atomic.Bool
}

var errCut = errors.New("cut off")

func (w *way) Get(ctx context.Context, key string) (control.Entry, error) {
	if w.cut.Load() {
		return control.Entry{}, errCut
	}
	return w.KV.Get(ctx, key)
}

func (w *way) Update(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
	if w.cut.Load() {
		return 0, errCut
	}
	return w.KV.Update(ctx, key, value, rev)
}

// process is one that wants to hold the lease, and does so again when it has lost it.
type process struct {
	way
	*lease.Lease
	lost    atomic.Int32
	stop    context.CancelFunc
	end     time.Duration // how long its work takes to end
	working *atomic.Int32 // of all processes
	done    sync.WaitGroup
}

func start(t *testing.T, kv control.KV, name string, working *atomic.Int32, end time.Duration) *process {
	p := &process{way: way{KV: kv}, working: working, end: end}
	p.Lease = lease.New(&p.way, "work", name, length)
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.done.Go(func() {
		for ctx.Err() == nil {
			err := p.Hold(ctx, func(ctx context.Context) error {
				if working.Add(1) > 1 && p.Held() {
					t.Errorf("%s works beside another", name)
				}
				<-ctx.Done()
				working.Add(-1)
				time.Sleep(p.end)
				return nil
			})
			if errors.Is(err, lease.ErrLost) {
				p.lost.Add(1)
			}
		}
	})
	return p
}

func (p *process) finish() { p.stop(); p.done.Wait() }

// One of many works. It goes on as long as it can renew, is followed by another at once when it stops, and after
// a length of silence when it is cut off; it knows that before the other begins.
func TestOneWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv, working := control.NewMemory(), &atomic.Int32{}
		a := start(t, kv, "a", working, 0)
		time.Sleep(time.Second)
		b := start(t, kv, "b", working, 0)
		time.Sleep(time.Hour)
		if !a.Held() || b.Held() || working.Load() != 1 {
			t.Fatalf("a %t, b %t, %d work", a.Held(), b.Held(), working.Load())
		}
		a.cut.Store(true)
		time.Sleep(length * 3 / 4)
		synctest.Wait()
		if a.Held() || b.Held() {
			t.Errorf("after three quarters of silence: a %t, b %t", a.Held(), b.Held())
		}
		time.Sleep(length * 3 / 4)
		synctest.Wait()
		if a.lost.Load() != 1 || !b.Held() || working.Load() != 1 {
			t.Errorf("after more than a length: a has lost it %d times, b %t, %d work", a.lost.Load(), b.Held(), working.Load())
		}
		a.cut.Store(false)
		time.Sleep(time.Hour)
		if a.Held() || !b.Held() {
			t.Errorf("when the first is back: a %t, b %t", a.Held(), b.Held())
		}
		b.finish()
		time.Sleep(length/10 + time.Millisecond)
		synctest.Wait()
		if !a.Held() || b.Held() {
			t.Errorf("when the second has stopped: a %t, b %t", a.Held(), b.Held())
		}
		a.finish()
	})
}

// What takes long to end keeps the lease meanwhile.
func TestTheLeaseIsKeptToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv, working := control.NewMemory(), &atomic.Int32{}
		a := start(t, kv, "a", working, 5*length)
		time.Sleep(time.Second)
		b := start(t, kv, "b", working, 0)
		a.stop()
		time.Sleep(4 * length)
		synctest.Wait()
		if !a.Held() || b.Held() {
			t.Errorf("while the first ends: a %t, b %t", a.Held(), b.Held())
		}
		time.Sleep(2 * length)
		synctest.Wait()
		if a.Held() || !b.Held() {
			t.Errorf("when it has ended: a %t, b %t", a.Held(), b.Held())
		}
		a.done.Wait()
		b.finish()
	})
}

// A process that begins anew under its name does not wait for the silence of the one before it; where there is
// one process, it holds everything.
func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := control.NewMemory()
		if _, err := kv.Create(t.Context(), "work", []byte(`{"node":"a"}`)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err := lease.New(kv, "work", "a", length).Hold(t.Context(), func(context.Context) error { return errCut })
		if !errors.Is(err, errCut) || time.Since(began) > time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		var none *lease.Lease
		if err := none.Hold(t.Context(), func(context.Context) error { return errCut }); !errors.Is(err, errCut) || !none.Held() {
			t.Errorf("without a lease: %v, %t", err, none.Held())
		}
	})
}
