package schema_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/feed/export/schema"
)

func TestTablesAreWhole(t *testing.T) {
	tables := schema.Tables()
	if len(tables) < 48 {
		t.Fatalf("%d tables", len(tables))
	}
	for _, tb := range tables {
		if len(tb.Columns) == 0 || len(tb.Key) == 0 || tb.Version == "" || tb.Description == "" {
			t.Errorf("%s: %d columns, key %v, version %q, description %q", tb.Name, len(tb.Columns), tb.Key, tb.Version, tb.Description)
		}
		if got, ok := schema.Find(tb.Name); !ok || got != tb {
			t.Errorf("%s is not found", tb.Name)
		}
		if !slices.Contains([]time.Duration{15 * time.Minute, time.Hour, 24 * time.Hour}, tb.Every) {
			t.Errorf("%s: every %v", tb.Name, tb.Every)
		}
		seen := map[string]bool{}
		for i, c := range tb.Columns {
			if seen[c.Name] {
				t.Errorf("%s has %s twice", tb.Name, c.Name)
			}
			seen[c.Name] = true
			if c.Description == "" || !strings.HasSuffix(c.Description, ".") {
				t.Errorf("%s.%s: %q does not say what it holds", tb.Name, c.Name, c.Description)
			}
			for _, date := range []string{c.Since, c.Changed, c.Deprecated} {
				if _, err := time.Parse(time.DateOnly, date); err != nil && (date != "" || c.Since == "") {
					t.Errorf("%s.%s: %v", tb.Name, c.Name, err)
				}
			}
			if at, ok := tb.Column(c.Name); !ok || at != i {
				t.Errorf("%s.%s is at %d", tb.Name, c.Name, at)
			}
		}
		for _, n := range slices.Concat(tb.Key, tb.Order, []string{tb.Logical}) {
			if n != "" && !seen[n] {
				t.Errorf("%s has no column %s", tb.Name, n)
			}
		}
	}
}

func TestFindOfAnUnknownTable(t *testing.T) {
	if tb, ok := schema.Find("nothing"); ok || tb != nil {
		t.Error("found")
	}
}

func TestPartitionsFollowTheLengthOfAWindow(t *testing.T) {
	for name, want := range map[string][]string{"reps": {"dt"}, "convos_metrics": {"dt", "hr"}, "queue_wfm": {"dt", "hr", "mi"}} {
		tb, _ := schema.Find(name)
		if got := tb.Partitions(); !slices.Equal(got, want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
