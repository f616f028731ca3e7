package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// latency offers 5,000 events a second, one an append, and compares the time to
// the acknowledgement with the disk's own fdatasync in the same seconds.
func (b *bench) latency(ctx context.Context) error {
	disk, err := b.fdatasync()
	if err != nil {
		return err
	}
	l, err := b.openLog(ctx, "latency")
	if err != nil {
		return err
	}
	defer l.Close(ctx)
	const perSecond = 5000
	gap := time.Second / perSecond
	g := newGenerator(5)
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	var wg sync.WaitGroup
	began := time.Now()
	for n := 0; time.Since(began) < b.each; n++ {
		due := began.Add(time.Duration(n) * gap)
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		e := g.event()
		wg.Go(func() {
			_, err := l.Append(ctx, "acmecorp01", []eventT{e})
			d := time.Since(due) // from when it was due, so that a stall is not hidden
			mu.Lock()
			defer mu.Unlock()
			took = append(took, d)
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return failed
	}
	again, err := b.fdatasync()
	if err != nil {
		return err
	}
	disk = append(disk, again...)
	slices.Sort(disk)
	slices.Sort(took)
	limit := 3*quantile(disk, 0.99) + 2*time.Millisecond
	fmt.Println("| what | p50 | p99 | max |")
	fmt.Println("|---|---|---|---|")
	fmt.Printf("| fdatasync of 4 KiB on this disk | %v | %v | %v |\n", quantile(disk, .5), quantile(disk, .99), disk[len(disk)-1])
	fmt.Printf("| **append at %d events/s offered** | %v | %v | %v |\n", perSecond, quantile(took, .5), quantile(took, .99), took[len(took)-1])
	fmt.Printf("\nbound: 3 × fdatasync p99 + 2 ms = %v\n", limit)
	return nil
}

func (b *bench) fdatasync() ([]time.Duration, error) {
	dir, err := b.fresh("disk")
	if err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, 4096)
	var took []time.Duration
	for began := time.Now(); time.Since(began) < b.each/2; {
		at := time.Now()
		if _, err := f.Write(buf); err != nil {
			return nil, err
		}
		if err := fdatasync(f); err != nil {
			return nil, err
		}
		took = append(took, time.Since(at))
	}
	return took, nil
}
