// Command log measures the event log against the disk it stands on and against
// JetStream used plainly, all in one run and on one disk, so that the ratios
// hold where absolute figures drift.
//
//	go run ./bench/log [-dir DIR] [-seconds N] [part ...]
//
// Parts: append, latency, start, history, growth; all when none is named.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

type bench struct {
	dir  string
	each time.Duration
}

func main() {
	dir := flag.String("dir", "", "directory on the disk to measure; default a new one below the working directory")
	seconds := flag.Float64("seconds", 3, "time for each figure")
	events := flag.Int("events", 5_000_000, "events of the start-up and history parts")
	flag.Parse()
	if err := run(*dir, time.Duration(*seconds*float64(time.Second)), *events, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(dir string, each time.Duration, events int, parts []string) error {
	if dir == "" {
		dir = ".bench-data"
		defer os.RemoveAll(dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	b := &bench{dir: dir, each: each}
	ctx := context.Background()
	all := []struct {
		name string
		fn   func(context.Context) error
	}{
		{"append", b.append},
		{"latency", b.latency},
		{"start", func(ctx context.Context) error { return b.start(ctx, events) }},
		{"history", func(ctx context.Context) error { return b.history(ctx, min(events, 2_000_000)) }},
		{"growth", b.growth},
	}
	for _, p := range all {
		if len(parts) > 0 && !slices.Contains(parts, p.name) {
			continue
		}
		fmt.Printf("\n### log: %s\n\n", p.name)
		if err := p.fn(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// fresh gives an empty directory on the disk that is measured.
func (b *bench) fresh(name string) (string, error) {
	d := filepath.Join(b.dir, name)
	if err := os.RemoveAll(d); err != nil {
		return "", err
	}
	return d, os.MkdirAll(d, 0o700)
}

func rate(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
