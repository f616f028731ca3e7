package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/stream"
	"trunkline/sim"
)

// replay measures what a subscriber that was away for two hours gets: the simulated facts
// of a centre out of one WebSocket, beside reading the same log with nobody behind it.
func replay(w io.Writer, facts int) error {
	s, err := serve(stream.Options{})
	if err != nil {
		return err
	}
	defer s.close()
	cfg := sim.DefaultConfig()
	cfg.Tenant, cfg.Agents, cfg.Busy, cfg.Transcribed = tenant, 2000, true, 0
	centre, err := sim.New(cfg)
	if err != nil {
		return err
	}
	oldest := s.log.Oldest(tenant)
	batch := make([]event.Event, 0, 256)
	for range facts {
		item, ok := centre.Next()
		if !ok {
			break
		}
		e, err := event.Encode(item.Meta, item.Fact)
		if err != nil {
			return err
		}
		if batch = append(batch, e); len(batch) == cap(batch) {
			if _, err := s.log.Append(context.Background(), tenant, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	count := func(fn func(*eventlog.Batch)) error {
		return s.log.Read(context.Background(), tenant, eventlog.Cursor{}, func(b *eventlog.Batch) (bool, error) {
			fn(b)
			return true, nil
		})
	}
	// How many events it makes, so that the reader knows its end.
	events, proj, scratch := 0, stream.NewProjection(), new(stream.Scratch)
	if err := count(func(b *eventlog.Batch) {
		for i := range b.Records {
			_ = proj.Each(&b.Records[i], tenant, b.Epoch, stream.JSON, scratch, func(uint64, []byte) error { events++; return nil })
		}
	}); err != nil {
		return err
	}
	began, records := time.Now(), 0
	if err := count(func(b *eventlog.Batch) { records += len(b.Records) }); err != nil {
		return err
	}
	null := time.Since(began)

	began = time.Now()
	used := cpu()
	conn, r, err := s.subscribe(tenant, "subsId=away&after="+oldest.String(), 256<<10)
	if err != nil {
		return err
	}
	defer conn.Close()
	size := 0
	for got := 0; got < events; {
		text, n, err := frame(r)
		if err != nil {
			return err
		}
		if _, err := r.Discard(n); err != nil {
			return err
		}
		if text {
			got++
			size += n
		}
	}
	took := time.Since(began)
	used = cpu() - used
	fmt.Fprintf(w, "\n### Replay to one reader, %d events of %d facts, %d bytes an event\n\n| what | a second | CPU each |\n|---|---|---|\n", events, records, size/max(events, 1))
	fmt.Fprintf(w, "| **events as JSON frames out of one WebSocket, client included** | %.0f | %.2f µs |\n", float64(events)/took.Seconds(), float64(used.Nanoseconds())/float64(events)/1000)
	fmt.Fprintf(w, "| facts of the same log to a null reader | %.0f | |\n", float64(records)/null.Seconds())
	return nil
}
