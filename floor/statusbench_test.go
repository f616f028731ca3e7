package floor_test

import (
	"testing"
	"time"

	"trunkline/eventlog/commit"
	"trunkline/floor"
)

// BenchmarkStatuses folds twenty minutes of a busy centre, without and with statuses.
func BenchmarkStatuses(b *testing.B) {
	cfg := centre(3, 200)
	cfg.Length = 20 * time.Minute
	j := newJournal(b, floor.Options{})
	for m, fact := range simulation(b, cfg).All {
		j.append(m.Time, m, fact)
	}
	for name, o := range map[string]floor.Options{"plain": {}, "statuses": keeping()} {
		b.Run(name, func(b *testing.B) {
			facts, context := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				f := floor.NewFold(o)
				for i := range j.records {
					r := &j.records[i]
					ctx, _ := f.Apply(tenant, &commit.Record{Seq: r.Seq, Received: r.Received, Raw: r.Raw, Derived: r.Derived})
					facts, context = facts+1, context+len(ctx)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(facts), "ns/fact")
			b.ReportMetric(float64(context)/float64(facts), "contextB/fact")
		})
	}
}
