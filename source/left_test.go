package source_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"trunkline/source"
)

func TestWhatIsLeftOutIsCounted(t *testing.T) {
	var tally source.Tally
	for name, n := range map[string]int{"CEL": 3, "Newstate": 5, "a b": 1, "": 1, strings.Repeat("x", 65): 1} {
		for range n {
			tally.Add([]byte(name))
		}
	}
	got := tally.Counts()
	if want := []string{"Newstate", "(others)", "CEL"}; !slices.Equal(got.Names(), want) || got.Sum() != 11 {
		t.Errorf("got %v, %d in all", got.Names(), got.Sum())
	}
	for i := range 10_000 {
		tally.Add(fmt.Appendf(nil, "Event%d", i))
	}
	if got := tally.Counts(); len(got) > 101 || got.Sum() != 10_011 {
		t.Errorf("%d names, %d in all", len(got), got.Sum())
	}
	name := []byte("CEL")
	if n := testing.AllocsPerRun(100, func() { tally.Add(name) }); n != 0 {
		t.Errorf("%v allocations for a known name", n)
	}
}
