package interval_test

import (
	"testing"

	"pgregory.net/rapid"

	"trunkline/floor/interval"
)

func TestStartOf(t *testing.T) {
	for at, want := range map[int64]int64{0: 0, 1: 0, interval.Length - 1: 0, interval.Length: interval.Length, -1: -interval.Length, -interval.Length: -interval.Length} {
		if got := interval.StartOf(at); got != want {
			t.Errorf("%d is in the slice of %d, want %d", at, got, want)
		}
	}
}

// Time that is entered lies in the slices it was spent in, and taken back leaves
// nothing behind.
func TestSpentTimeIsNeitherLostNorMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b interval.Book
		k := interval.AgentKey{Agent: "a"}
		base := int64(1_772_442_000_000)
		from := base + rapid.Int64Range(0, 5*interval.Length).Draw(t, "from")
		to := from + rapid.Int64Range(0, 5*interval.Length).Draw(t, "for")
		how := interval.Spent{LoggedIn: true, Available: rapid.Bool().Draw(t, "available"), Utilised: rapid.Bool().Draw(t, "utilised")}
		b.Spend(k, from, to, how)
		sum := int64(0)
		for _, s := range b.Slices {
			r := s.Agents[k]
			if in := min(to, s.Start+interval.Length) - max(from, s.Start); r.LoggedIn != in {
				t.Fatalf("%d ms in a slice, want %d", r.LoggedIn, in)
			}
			if r.Available+r.Busy != r.LoggedIn || r.UtilisedAvailable+r.UtilisedBusy != r.Utilised {
				t.Fatalf("parts do not add up: %+v", r)
			}
			sum += r.LoggedIn
		}
		if sum != to-from {
			t.Fatalf("%d ms of %d", sum, to-from)
		}
		b.Spend(k, to, from, how)
		for _, s := range b.Slices {
			if r := s.Agents[k]; r.LoggedIn != 0 || r.Available != 0 || r.Utilised != 0 || r.UtilisedBusy != 0 {
				t.Fatalf("left behind: %+v", r)
			}
		}
	})
}

func TestPublishForgetAndTooLate(t *testing.T) {
	var b interval.Book
	b.Answered("q", 10, 20_000)
	b.Answered("q", interval.Length+10, 20_001)
	b.Spend(interval.AgentKey{Agent: "a", Queue: "q"}, 0, 100, interval.Spent{LoggedIn: true})
	if rows := b.Publish(interval.Length - 1); len(rows) != 0 {
		t.Fatalf("early: %+v", rows)
	}
	rows := b.Publish(interval.Length)
	if len(rows) != 2 || rows[0].OfQ.Agents != 1 || rows[0].OfQ.Within[1] != 1 || rows[0].OfQ.Within[0] != 0 || rows[1].Agent != "a" {
		t.Fatalf("published %+v", rows)
	}
	if rows = b.Publish(interval.Length); len(rows) != 0 || b.Dirty() {
		t.Fatalf("again: %+v", rows)
	}
	b.Left("q", 20, true)
	if rows = b.Publish(interval.Length); len(rows) != 1 || rows[0].OfQ.Version != 2 || rows[0].OfQ.Abandons != 1 || rows[0].OfQ.Agents != 1 {
		t.Fatalf("restated: %+v", rows)
	}
	b.Forget(interval.Length)
	b.Left("q", 20, false)
	if len(b.Slices) != 1 || b.TooLate != 1 {
		t.Fatalf("%d slices, %d too late", len(b.Slices), b.TooLate)
	}
}
