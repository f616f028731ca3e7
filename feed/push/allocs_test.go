package push_test

import (
	"testing"

	"trunkline/eventlog"
	"trunkline/feed/push"
)

// TestWhatNobodyWantsCostsLittle bounds what is allocated for a record: next to nothing when no payload is asked for,
// and a few pieces for each payload that is.
func TestWhatNobodyWantsCostsLittle(t *testing.T) {
	recs := day(t, 20, 3000)
	var accepted *eventlog.Record
	for i := range recs {
		if recs[i].Type() == "interaction.accepted" {
			accepted = &recs[i]
		}
	}
	none := func(push.Kind, string) bool { return false }
	one := func(_ push.Kind, typ string) bool { return typ == "ASSIGNED" }
	if n := testing.AllocsPerRun(100, func() { push.Project("acme", accepted, none, false) }); n > 12 {
		t.Errorf("%v pieces of memory for a record of which nothing is sent", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		if len(push.Project("acme", accepted, one, false)) != 1 {
			t.Fatal("no payload")
		}
	}); n > 40 {
		t.Errorf("%v pieces of memory for one payload", n)
	}
}

func BenchmarkProject(b *testing.B) {
	recs := day(b, 20, 3000)
	payloads := 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		payloads += len(push.Project("acme", &recs[i%len(recs)], nil, false))
	}
	b.ReportMetric(float64(payloads)/float64(b.N), "payloads/op")
}
