package exporttest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/floor"
	"trunkline/sim"
)

// WritePast makes a log on disk, in dir, as a server would have left it behind that a
// contact centre worked at from start on for some time: with the times of then as the
// times of receipt, and with a last event a minute behind end.
func WritePast(t testing.TB, dir string, start time.Time, length time.Duration, end time.Time, agents int) {
	t.Helper()
	cfg := sim.DefaultConfig()
	cfg.Tenant, cfg.Seed, cfg.Agents, cfg.Transcribed, cfg.Length, cfg.Drain, cfg.Start = Tenant, 7, agents, 0.05, length, true, start
	s, err := sim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var clock atomic.Int64
	clock.Store(start.UnixNano())
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	l, err := eventlog.Open(ctx, eventlog.Config{
		Dir: dir, NoSync: true, Tick: 24 * time.Hour, Now: func() time.Time { return time.Unix(0, clock.Load()) },
		Fold: func(int) writer.Fold { return floor.NewFold(floor.Options{Settings: Settings}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	if err := l.WaitWritable(ctx); err != nil {
		t.Fatal(err)
	}
	var batch []event.Event
	flush := func(at time.Time) {
		clock.Store(at.UnixNano())
		if _, err := l.Append(ctx, Tenant, batch); err != nil {
			t.Fatal(err)
		}
		batch = batch[:0]
	}
	last := start
	for m, f := range s.All {
		for ; m.Time.Sub(last) >= arrival; last = last.Add(arrival) {
			if len(batch) > 0 {
				flush(last.Add(arrival))
			}
		}
		e, err := event.Encode(m, f)
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, e)
	}
	flush(last.Add(arrival))
	// Time passes where something is appended.
	for last = last.Add(arrival); last.Before(end); {
		last = last.Add(time.Minute)
		e, err := event.Parse(fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"test","type":"com.example.silence","data":{}}`, last.Unix()), event.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, e)
		flush(last)
	}
}

// arrival is how far apart events arrive in batches.
const arrival = 10 * time.Second
