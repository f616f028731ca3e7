package sim

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestAgendaRingsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g agenda
		var rung []*alarm
		set := map[*alarm]bool{}
		var list []*alarm
		for range rapid.IntRange(1, 80).Draw(t, "n") {
			switch rapid.IntRange(0, 3).Draw(t, "do") {
			case 0, 1:
				a := &alarm{}
				a.ring = func() { rung = append(rung, a) }
				g.in(rapid.Int64Range(-3, 20).Draw(t, "delay"), a)
				list, set[a] = append(list, a), true
			case 2:
				if len(list) > 0 {
					a := rapid.SampledFrom(list).Draw(t, "alarm")
					if rapid.Bool().Draw(t, "again") {
						g.in(rapid.Int64Range(0, 20).Draw(t, "delay"), a)
						set[a] = true
					} else {
						g.clear(a)
						delete(set, a)
					}
				}
			case 3:
				n := len(rung)
				if g.step() {
					delete(set, rung[n])
				}
			}
		}
		before := len(rung)
		for g.step() {
		}
		if len(rung)-before != len(set) {
			t.Fatalf("%d rang, %d were set", len(rung)-before, len(set))
		}
		for i := before + 1; i < len(rung); i++ {
			if !rung[i-1].before(rung[i]) {
				t.Fatalf("alarm %d rang too early", i)
			}
		}
	})
}

func TestArrivalsFollowTheirRate(t *testing.T) {
	var rate [slots]float64
	rate[40], rate[41] = 600/float64(quarter), 300/float64(quarter) // at ten o'clock
	a := newArrivals(rate)
	r := newRandom(7, 7)
	var got [slots]int
	days := int64(50)
	for at := int64(0); ; {
		wait, ok := a.wait(at, r)
		if !ok || wait < 0 {
			t.Fatal("the arrivals end")
		}
		if at += wait; at >= days*day {
			break
		}
		got[slotOf(at)]++
	}
	for slot, n := range got {
		want := rate[slot] * float64(quarter) * float64(days)
		if math.Abs(float64(n)-want) > 5*math.Sqrt(want) {
			t.Errorf("quarter %d: %d arrivals, %.0f expected", slot, n, want)
		}
	}
	if _, ok := newArrivals([slots]float64{}).wait(0, r); ok {
		t.Error("an arrival without a rate")
	}
}

func TestDistributions(t *testing.T) {
	r := newRandom(3, 4)
	const n = 200_000
	var log, wei float64
	below := 0
	for range n {
		x := r.lognormal(60_000, 0.7)
		log += float64(x)
		if x < 60_000 {
			below++
		}
		wei += float64(r.weibull(90_000, 1.3))
	}
	near := func(what string, got, want float64) {
		if math.Abs(got/want-1) > 0.02 {
			t.Errorf("%s: %.0f, want about %.0f", what, got, want)
		}
	}
	near("mean of the log-normal", log/n, 60_000*math.Exp(0.7*0.7/2))
	near("median of the log-normal", float64(below)/n, 0.5)
	near("mean of the Weibull", wei/n, 90_000*math.Gamma(1+1/1.3))
}

func TestScrambleNeverRepeats(t *testing.T) {
	seen := make(map[uint64]bool)
	for i := range uint64(200_000) {
		x := scramble62(i)
		if x >= 1<<62 || seen[x] {
			t.Fatalf("number %d gives %d", i, x)
		}
		seen[x] = true
	}
	if got, want := formatUUID(0x0123456789abcdef, 0x0123456789abcdef, 8), "01234567-89ab-8def-8123-456789abcdef"; got != want {
		t.Errorf("UUID %s, want %s", got, want)
	}
}
