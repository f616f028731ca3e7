package rows_test

import (
	"testing"
	"time"

	"trunkline/feed/export/rows"
	"trunkline/feed/export/schema"
)

// BenchmarkApply is what a fact costs: the floor's fold, and the rows that come of it.
func BenchmarkApply(b *testing.B) {
	j := newJournal(b)
	j.simulate(centre(6, 60, 3*time.Hour))
	for _, c := range []struct {
		name string
		rows bool
	}{{"floor", false}, {"floor and rows", true}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			n, written := 0, 0
			for b.Loop() {
				x := newExporter(rows.Options{WFM: true}, j.records[0].Received)
				emit := func(*schema.Table, schema.Row) { written++ }
				for i := range j.records {
					r := &j.records[i]
					for c.rows && !x.next.After(r.Received) {
						x.fold.Tick(x.next)
						x.books.Close(x.next, x.fold.Tenant(tenant), emit)
						x.next = x.next.Add(rows.Quarter)
					}
					x.fold.Fold(tenant, r)
					if c.rows {
						x.books.Apply(r, x.fold.Tenant(tenant), emit)
					}
				}
				n += len(j.records)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "facts/s")
			b.ReportMetric(float64(written)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
