package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/stream"
	"trunkline/floor"
	"trunkline/sim"
)

const tenant = "acmecorp01"

// records is a simulated centre's day as the log stores it, context and all.
func records(agents int, length time.Duration) ([]eventlog.Record, error) {
	cfg := sim.DefaultConfig()
	cfg.Tenant, cfg.Agents, cfg.Length, cfg.Busy, cfg.Transcribed = tenant, agents, length, true, 0
	s, err := sim.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("make a centre: %w", err)
	}
	fold := floor.NewFold(floor.Options{})
	var list []eventlog.Record
	for m, f := range s.All {
		e, err := event.Encode(m, f)
		if err != nil {
			return nil, fmt.Errorf("encode a simulated fact: %w", err)
		}
		r := eventlog.Record{Seq: uint64(len(list) + 1), Received: m.Time, Raw: e.Raw}
		r.Context, _ = fold.Apply(tenant, &r)
		if len(r.Context) > 0 {
			list = append(list, r)
		}
	}
	return list, nil
}

// cost is what one event cost.
type cost struct {
	events, bytes int
	cpu           time.Duration
	mallocs       uint64
}

// measure runs do over and over for about a second of processor time. do says how
// many events it made, of how many bytes.
func measure(do func() (events, bytes int)) cost {
	do()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var c cost
	for began := cpu(); c.cpu < time.Second; c.cpu = cpu() - began {
		e, b := do()
		c.events += e
		c.bytes += b
	}
	runtime.ReadMemStats(&after)
	c.mallocs = after.Mallocs - before.Mallocs
	return c
}

func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (c cost) row(name string) string {
	n := float64(c.events)
	return fmt.Sprintf("| %s | %.2f µs | %.0f | %.2f | %.0f |\n", name, float64(c.cpu.Nanoseconds())/n/1000, n/c.cpu.Seconds(), float64(c.mallocs)/n, float64(c.bytes)/n)
}

// projection measures the making of events, in each format, beside what it costs
// to read the same records by encoding/json and to write the same events by it.
func projection(w io.Writer) error {
	list, err := records(100, 30*time.Minute)
	if err != nil {
		return err
	}
	p, epoch := stream.NewProjection(), eventlog.Epoch{1}
	fmt.Fprintf(w, "%d records of a simulated centre.\n\n", len(list))
	fmt.Fprint(w, "| | CPU an event | events a second and core | allocations an event | bytes |\n|---|---|---|---|---|\n")
	for f := stream.JSON; f <= stream.NewlineXML; f++ {
		var s stream.Scratch
		var failed error
		c := measure(func() (events, bytes int) {
			for i := range list {
				failed = p.Each(&list[i], tenant, epoch, f, &s, func(_ uint64, payload []byte) error {
					events++
					bytes += len(payload)
					return nil
				})
				if failed != nil {
					break
				}
			}
			return events, bytes
		})
		if failed != nil {
			return fmt.Errorf("project: %w", failed)
		}
		fmt.Fprint(w, c.row(f.String()))
	}
	made, err := byReflection(list, p, epoch)
	if err != nil {
		return err
	}
	fmt.Fprint(w, made.row("peer: the same records read and the same events written by encoding/json"))
	return nil
}

// interactionEvent is an event as encoding/json writes it, with the members that
// most of them have.
type interactionEvent struct {
	Interaction map[string]any
}

func byReflection(list []eventlog.Record, p *stream.Projection, epoch eventlog.Epoch) (cost, error) {
	var trees []interactionEvent
	var s stream.Scratch
	for i := range list {
		err := p.Each(&list[i], tenant, epoch, stream.JSON, &s, func(_ uint64, payload []byte) error {
			var e interactionEvent
			if err := json.Unmarshal(payload, &e); err != nil {
				return fmt.Errorf("read an event: %w", err)
			}
			trees = append(trees, e)
			return nil
		})
		if err != nil {
			return cost{}, err
		}
	}
	var failed error
	c := measure(func() (events, bytes int) {
		for i := range list {
			var e struct {
				Type string
				Data map[string]any
			}
			var ctx floor.Context
			if failed = json.Unmarshal(list[i].Raw, &e); failed == nil {
				failed = json.Unmarshal(list[i].Context, &ctx)
			}
			if failed != nil {
				return 1, 0
			}
		}
		for i := range trees {
			out, err := json.Marshal(&trees[i])
			if err != nil {
				failed = err
			}
			bytes += len(out)
		}
		return len(trees), bytes
	})
	if failed != nil {
		return cost{}, fmt.Errorf("read by reflection: %w", failed)
	}
	return c, nil
}
