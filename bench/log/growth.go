package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"trunkline/event"
)

// growth shows how the cost of an append grows with tenants and with the events
// that are stored already.
func (b *bench) growth(ctx context.Context) error {
	fmt.Println("| tenants | batches of 256, events/s | single events from 64 callers, events/s |")
	fmt.Println("|---|---|---|")
	for _, tenants := range []int{1, 100, 10_000} {
		var got [2]float64
		for i, c := range []struct{ callers, size int }{{4, 256}, {64, 1}} {
			l, err := b.openLog(ctx, "growth")
			if err != nil {
				return err
			}
			var n atomic.Int64
			got[i], err = b.load(c.callers, c.size, func(batch []event.Event) error {
				_, err := l.Append(ctx, fmt.Sprintf("tenant%05d", n.Add(1)%int64(tenants)), batch)
				return err
			})
			_ = l.Close(ctx)
			if err != nil {
				return err
			}
		}
		fmt.Printf("| %d | %.0f | %.0f |\n", tenants, got[0], got[1])
	}
	fmt.Println("\n| events stored before | batches of 256, events/s | open until writable |")
	fmt.Println("|---|---|---|")
	for _, stored := range []int{10_000, 1_000_000, 4_000_000} {
		dir, err := b.fresh("growth")
		if err != nil {
			return err
		}
		if err := fill(ctx, dir, stored, 256, 1); err != nil {
			return err
		}
		began := time.Now()
		l, err := reopen(ctx, dir)
		if err != nil {
			return err
		}
		opened := time.Since(began)
		v, err := b.load(4, 256, func(batch []event.Event) error {
			_, err := l.Append(ctx, "other", batch)
			return err
		})
		_ = l.Close(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("| %d | %.0f | %.2f s |\n", stored, v, opened.Seconds())
	}
	return nil
}
