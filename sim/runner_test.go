package sim_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/event"
	"trunkline/sim"
)

func TestRunnerKeepsTime(t *testing.T) {
	for _, speed := range []float64{1, 60, 0.5} {
		synctest.Test(t, func(t *testing.T) {
			cfg := sim.DefaultConfig()
			cfg.Start, cfg.Offset, cfg.Length, cfg.Busy = time.Now().Truncate(time.Millisecond), 13*time.Hour, 10*time.Minute, true
			s := start(t, cfg)
			began, n := time.Now(), 0
			r := sim.Runner{Sim: s, Speed: speed, Sink: func(_ context.Context, events []event.Event) error {
				for _, e := range events {
					want := time.Duration(float64(e.Time.Sub(cfg.Start)) / speed)
					if got := time.Since(began); got < want || got > want+time.Millisecond {
						t.Fatalf("speed %v: a fact of %v after %v", speed, want, got)
					}
					n++
				}
				return nil
			}}
			if err := r.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n < 1000 {
				t.Errorf("speed %v: %d facts", speed, n)
			}
		})
	}
}

func TestRunnerCatchesUpAfterASlowSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := sim.DefaultConfig()
		cfg.Start, cfg.Offset, cfg.Length, cfg.Busy = time.Now().Truncate(time.Millisecond), 13*time.Hour, 5*time.Minute, true
		calls := 0
		began := time.Now()
		var last time.Time
		r := sim.Runner{Sim: start(t, cfg), Speed: 1, Batch: 100, Sink: func(_ context.Context, events []event.Event) error {
			if len(events) == 0 || len(events) > 100 {
				t.Errorf("a batch of %d", len(events))
			}
			for _, e := range events {
				if e.Time.Before(last) {
					t.Error("facts out of order")
				}
				last = e.Time
			}
			if calls++; calls == 20 {
				time.Sleep(2 * time.Minute)
			}
			return nil
		}}
		if err := r.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 5*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

func TestRunnerEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := sim.DefaultConfig()
		s := start(t, cfg)
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		began := time.Now()
		r := sim.Runner{Sim: s, Speed: 1, Sink: func(context.Context, []event.Event) error { return nil }}
		if err := r.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 90*time.Second {
			t.Errorf("it ended after %v", took)
		}
		down := s.Halt("stopped")
		if f, ok := down.Fact.(event.SourceDown); !ok || !f.Orderly {
			t.Errorf("the last fact is %+v", down.Fact)
		}
		if _, more := s.Next(); more {
			t.Error("it goes on after Halt")
		}
	})
}

func TestRunnerReportsTheSinksError(t *testing.T) {
	full := errors.New("full")
	r := sim.Runner{Sim: start(t, sim.DefaultConfig()), Sink: func(context.Context, []event.Event) error { return full }}
	if err := r.Run(t.Context()); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}
