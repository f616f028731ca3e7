package sim_test

import (
	"testing"
	"time"

	"trunkline/event"
	"trunkline/sim"
)

// endless is a centre by day that never stops.
func endless(b *testing.B, agents int) *sim.Sim {
	cfg := sim.DefaultConfig()
	cfg.Agents, cfg.Busy, cfg.Start = agents, true, time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	s, err := sim.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkFacts(b *testing.B) {
	s := endless(b, 500)
	for b.Loop() {
		s.Next()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "facts/s")
}

func BenchmarkFactsEncoded(b *testing.B) {
	s := endless(b, 500)
	var buf []byte
	total := 0
	for b.Loop() {
		it, _ := s.Next()
		var err error
		if buf, err = event.AppendFact(buf[:0], it.Meta, it.Fact); err != nil {
			b.Fatal(err)
		}
		total += len(buf)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "facts/s")
	b.ReportMetric(float64(total)/float64(b.N), "bytes/fact")
}
