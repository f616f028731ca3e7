package sim

import (
	"context"
	"fmt"
	"time"

	"trunkline/event"
)

// Sink takes events in their order and returns when they are where they
// belong. The events are the sink's to keep.
type Sink func(ctx context.Context, events []event.Event) error

// Runner lets a simulation run by the clock: each fact is handed out when its
// time has come, together with all others that are due. A sink that is slow
// for a while gets what it missed in larger batches.
type Runner struct {
	Sim  *Sim
	Sink Sink
	// Speed is how many times faster than the clock the simulation runs; 0 is
	// as fast as the sink takes the facts.
	Speed float64
	// Batch is the number of events given to the sink at once at most; 0 is 512.
	Batch int
}

// Run hands out facts until the simulation is over or ctx ends, and returns nil
// in both cases; the error is the sink's otherwise.
func (r *Runner) Run(ctx context.Context) error {
	size := r.Batch
	if size <= 0 {
		size = 512
	}
	began, first := time.Now(), r.Sim.Now()
	due := func(at time.Time) time.Duration {
		if r.Speed <= 0 {
			return 0
		}
		return time.Until(began.Add(time.Duration(float64(at.Sub(first)) / r.Speed)))
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	next, more := r.Sim.Next()
	for more && ctx.Err() == nil {
		if wait := due(next.Meta.Time); wait > 0 {
			timer.Reset(wait)
			select {
			case <-ctx.Done():
				return nil
			case <-timer.C:
			}
		}
		batch := make([]event.Event, 0, 16)
		for more && len(batch) < size && due(next.Meta.Time) <= 0 {
			e, err := event.Encode(next.Meta, next.Fact)
			if err != nil {
				return fmt.Errorf("encode a simulated fact: %w", err)
			}
			batch = append(batch, e)
			next, more = r.Sim.Next()
		}
		if err := r.Sink(ctx, batch); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("hand out simulated facts: %w", err)
		}
	}
	return nil
}
