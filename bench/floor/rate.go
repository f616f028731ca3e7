package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"trunkline/event"
	"trunkline/floor"
)

// rate is how many facts a core folds, beside what it does with their bytes.
func rate(each time.Duration) error {
	d, err := simulate(1000, 300_000)
	if err != nil {
		return err
	}
	fmt.Printf("%d facts of a centre of 1,000 agents, %d bytes each on average\n\n", len(d.items), d.bytes/len(d.items))
	into := make([]byte, 64<<10)
	rows := []struct {
		name  string
		round func() error
	}{
		{"copying the bytes", func() error {
			for i := range d.records {
				copy(into, d.records[i].Raw)
			}
			return nil
		}},
		{"encoding/json: checking that they are JSON", func() error {
			for i := range d.records {
				if !json.Valid(d.records[i].Raw) {
					return errors.New("a record is not JSON")
				}
			}
			return nil
		}},
		{"encoding/json: decoding them into the fact's type", func() error {
			for i := range d.records {
				e, err := event.Parse(d.records[i].Raw, event.Limits{})
				if err != nil {
					return err
				}
				if _, err = event.Decode(e); err != nil {
					return err
				}
			}
			return nil
		}},
		{"**fold of decoded facts**", func() error {
			f := floor.NewFold(floor.Options{NoContext: true})
			for i := range d.items {
				f.FoldFact(tenant, uint64(i+1), d.items[i].Meta.Time, &d.items[i].Meta, d.items[i].Fact)
			}
			return nil
		}},
		{"**fold from the log's bytes**", fromBytes(d, floor.Options{NoContext: true})},
		{"**fold from the log's bytes, with contexts, as the writer**", fromBytes(d, floor.Options{})},
		{"**the same with 15-minute rows**", fromBytes(d, floor.Options{Settings: func(string) floor.Settings { return floor.Settings{Intervals: true} }})},
	}
	fmt.Println("| what | facts/s of a core | time for each |")
	fmt.Println("|---|---|---|")
	for _, r := range rows {
		v, err := measure(each, len(d.items), r.round)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		fmt.Printf("| %s | %.0f | %.0f ns |\n", r.name, v, 1e9/v)
	}
	return nil
}

// growth is how the cost of a fact grows with the size of the centre.
func growth(each time.Duration) error {
	fmt.Println("| agents | facts/s of a core, with contexts | against 10 agents | copying the bytes |")
	fmt.Println("|---|---|---|---|")
	first := 0.0
	into := make([]byte, 64<<10)
	for _, agents := range []int{10, 100, 1000, 10_000, 50_000} {
		// Every agent is announced before the first call: that is no part of the figure.
		// Beyond what the simulator does there are agents who are there and do nothing.
		simulated := min(agents, 10_000)
		d, err := simulate(simulated, 100_000+12*simulated)
		if err != nil {
			return err
		}
		setup := 0
		for setup < len(d.items) && d.items[setup].Fact.EventType() != "interaction.created" {
			setup++
		}
		idle := newCrowd()
		idle.at = d.records[0].Received
		idle.agents(agents-simulated, 3)
		if idle.err != nil {
			return idle.err
		}
		f := idle.fold
		for i := range setup {
			f.Fold(tenant, &d.records[i])
		}
		snap, err := f.Snapshot()
		if err != nil {
			return err
		}
		calls := len(d.items) - setup
		if calls == 0 {
			return fmt.Errorf("no call in %d facts of %d agents", len(d.items), agents)
		}
		used, folded := time.Duration(0), 0
		for began := time.Now(); time.Since(began) < each || folded == 0; folded += calls {
			f := floor.NewFold(floor.Options{})
			if err := f.Restore(snap); err != nil {
				return err
			}
			start := processorTime()
			for i := setup; i < len(d.records); i++ {
				f.Fold(tenant, &d.records[i])
			}
			used += processorTime() - start
		}
		v := float64(folded) / used.Seconds()
		if first == 0 {
			first = v
		}
		limit, err := measure(each/4, len(d.records), func() error {
			for i := range d.records {
				copy(into, d.records[i].Raw)
			}
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Printf("| %d | %.0f | %.2fx | %.0f |\n", agents, v, v/first, limit)
	}
	return nil
}
