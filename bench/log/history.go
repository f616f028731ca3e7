package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
)

type eventT = event.Event

// fill appends events until there are total, size a commit, from enough callers
// that the disk is never idle. NoSync only hurries the making of the store.
func fill(ctx context.Context, dir string, total, size, tenants int) error {
	l, err := eventlog.Open(ctx, eventlog.Config{Dir: dir, RetainBytes: 64 << 30, MaxEvents: size, NoSync: true})
	if err != nil {
		return err
	}
	defer l.Close(ctx)
	if err := l.WaitWritable(ctx); err != nil {
		return err
	}
	const callers = 4
	var wg sync.WaitGroup
	errs := make(chan error, callers)
	for c := range callers {
		wg.Go(func() {
			mine := batches(uint64(c)+500, 8, max(size, 256))
			for k := uint64(0); k*callers*uint64(max(size, 256)) < uint64(total); k++ {
				batch := mine[k%8]
				renew(batch, k)
				tenant := fmt.Sprintf("tenant%05d", (int(k)*callers+c)%tenants)
				if tenants == 1 {
					tenant = "acmecorp01"
				}
				if _, err := l.Append(ctx, tenant, batch); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// start measures opening a log until it takes appends.
func (b *bench) start(ctx context.Context, total int) error {
	fmt.Println("| log | open until writable | heap after | store |")
	fmt.Println("|---|---|---|---|")
	for _, size := range []int{256, 2} {
		for _, crash := range []bool{false, true} {
			dir, err := b.fresh("start")
			if err != nil {
				return err
			}
			if err := fill(ctx, dir, total, size, 1); err != nil {
				return err
			}
			how := "after an orderly stop"
			if crash {
				// As after a kill: the last segment was not stored.
				how = "with an unsegmented tail of 50,000 events"
				if err := tail(ctx, dir, 50_000, size); err != nil {
					return err
				}
			}
			runtime.GC()
			began := time.Now()
			l, err := reopen(ctx, dir)
			took := time.Since(began)
			if err != nil {
				return err
			}
			h := l.Health()
			runtime.GC()
			var ms runtime.MemStats
			runtime.ReadMemStats(&ms)
			if err := l.Close(ctx); err != nil {
				return err
			}
			if len(h.Breaks) > 0 {
				return fmt.Errorf("the log is broken: %v", h.Breaks)
			}
			fmt.Printf("| %d events, %d a commit, %s | **%.2f s** | %d MB | %d MB |\n", h.Events, size, how, took.Seconds(), ms.HeapAlloc>>20, dirSize(dir)>>20)
		}
	}
	return nil
}

// tail appends events whose index segment is never stored.
func tail(ctx context.Context, dir string, n, size int) error {
	l, err := eventlog.Open(ctx, eventlog.Config{Dir: dir, RetainBytes: 64 << 30, MaxEvents: size, NoSync: true, SegmentEach: 1 << 40})
	if err != nil {
		return err
	}
	if err := l.WaitWritable(ctx); err != nil {
		return err
	}
	for i, batch := range batches(900, n/1000, 1000) {
		renew(batch, uint64(i)|1<<30)
		if _, err := l.Append(ctx, "acmecorp01", batch); err != nil {
			return err
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_ = l.Close(gone) // given up at once, so that nothing is stored at the end
	return nil
}

func dirSize(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if i, err := d.Info(); err == nil {
				n += i.Size()
			}
		}
		return nil
	})
	return n
}

// history measures reading everything to a reader that does nothing.
func (b *bench) history(ctx context.Context, total int) error {
	fmt.Println("| log | events/s to a null reader |")
	fmt.Println("|---|---|")
	for _, size := range []int{256, 16, 2} {
		dir, err := b.fresh("history")
		if err != nil {
			return err
		}
		if err := fill(ctx, dir, total, size, 1); err != nil {
			return err
		}
		l, err := reopen(ctx, dir)
		if err != nil {
			return err
		}
		n, bytes := 0, 0
		began := time.Now()
		err = l.Read(ctx, "acmecorp01", eventlog.Cursor{}, func(batch *eventlog.Batch) (bool, error) {
			for i := range batch.Records {
				bytes += len(batch.Records[i].Raw)
			}
			n += len(batch.Records)
			return true, nil
		})
		took := time.Since(began)
		_ = l.Close(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("| %d events, %d a commit | **%.0f** (%.0f MB/s) |\n", n, size, rate(n, took), float64(bytes)/1e6/took.Seconds())
	}
	return nil
}
