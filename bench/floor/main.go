// Command floor measures the fold of the live floor against what the machine can do
// with the same bytes: copying them, checking that they are JSON, and decoding them
// with encoding/json, all in one run.
//
//	go run ./bench/floor [-seconds N] [part ...]
//
// Parts: rate, memory, restart, growth; all when none is named. Rates are of one
// core: events by the processor time that they took, garbage collection included.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"trunkline/event"
	"trunkline/eventlog/commit"
	"trunkline/floor"
	"trunkline/sim"
)

const tenant = "acme"

func main() {
	seconds := flag.Float64("seconds", 3, "time for each figure")
	flag.Parse()
	if err := run(time.Duration(*seconds*float64(time.Second)), flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(each time.Duration, parts []string) error {
	for _, p := range []struct {
		name string
		fn   func(time.Duration) error
	}{{"rate", rate}, {"memory", memory}, {"restart", restart}, {"growth", growth}} {
		if len(parts) > 0 && !slices.Contains(parts, p.name) {
			continue
		}
		fmt.Printf("\n### floor: %s\n\n", p.name)
		if err := p.fn(each); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// day is what a simulated centre did, decoded and as the log has it.
type day struct {
	items   []sim.Item
	records []commit.Record
	bytes   int
}

func simulate(agents, facts int) (*day, error) {
	c := sim.DefaultConfig()
	c.Tenant, c.Seed, c.Agents, c.Busy = tenant, 1, agents, true
	c.Start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	s, err := sim.New(c)
	if err != nil {
		return nil, fmt.Errorf("simulate a centre of %d agents: %w", agents, err)
	}
	d := &day{}
	for len(d.items) < facts {
		item, ok := s.Next()
		if !ok {
			break
		}
		e, err := event.Encode(item.Meta, item.Fact)
		if err != nil {
			return nil, fmt.Errorf("encode: %w", err)
		}
		d.items = append(d.items, item)
		d.records = append(d.records, commit.Record{Seq: uint64(len(d.items)), Received: item.Meta.Time, Raw: e.Raw})
		d.bytes += len(e.Raw)
	}
	return d, nil
}

// measure runs rounds over all events until the time is over, and gives how many
// events a core does in a second.
func measure(each time.Duration, events int, round func() error) (float64, error) {
	if err := round(); err != nil { // warm
		return 0, err
	}
	began, start, rounds := time.Now(), processorTime(), 0
	for time.Since(began) < each {
		if err := round(); err != nil {
			return 0, err
		}
		rounds++
	}
	return float64(rounds*events) / (processorTime() - start).Seconds(), nil
}

// fromBytes folds a day from the bytes of the log.
func fromBytes(d *day, o floor.Options) func() error {
	return func() error {
		f := floor.NewFold(o)
		for i := range d.records {
			f.Fold(tenant, &d.records[i])
		}
		return nil
	}
}
