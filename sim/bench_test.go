package sim_test

import (
	"strconv"
	"syscall"
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

// cpu is the processor time of the process so far, that of the collector with
// it. It says what a core does also while others use the machine.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// perCore runs do for every iteration and reports the facts a second of one core.
func perCore(b *testing.B, do func()) {
	before := cpu()
	for b.Loop() {
		do()
	}
	b.ReportMetric(float64(b.N)/(cpu()-before).Seconds(), "facts/core-s")
}

// announced takes the facts that come before the day begins.
func announced(s *sim.Sim) *sim.Sim {
	for {
		it, _ := s.Next()
		if _, ok := it.Fact.(event.InteractionCreated); ok {
			return s
		}
	}
}

func BenchmarkFacts(b *testing.B) {
	for _, agents := range []int{25, 500, 10_000} {
		b.Run(strconv.Itoa(agents)+"_agents", func(b *testing.B) {
			s := announced(endless(b, agents))
			perCore(b, func() { s.Next() })
		})
	}
}

func BenchmarkFactsEncoded(b *testing.B) {
	s := announced(endless(b, 500))
	var buf []byte
	total := 0
	perCore(b, func() {
		it, _ := s.Next()
		var err error
		if buf, err = event.AppendFact(buf[:0], it.Meta, it.Fact); err != nil {
			b.Fatal(err)
		}
		total += len(buf)
	})
	b.ReportMetric(float64(total)/float64(b.N), "bytes/fact")
}
