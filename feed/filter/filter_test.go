package filter_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/eventlog"
	"trunkline/feed/filter"
)

func record(raw string) *eventlog.Record {
	return &eventlog.Record{Seq: 7, Received: time.Date(2026, 3, 2, 9, 0, 1, 0, time.UTC), Raw: []byte(raw), Context: []byte(`{"direction":"in","queue":{"name":"Sales"}}`)}
}

var queued = record(`{"specversion":"1.0","id":"1","source":"pbx","type":"interaction.queued","subject":"interaction/a","time":"2026-03-02T09:00:00Z",` +
	`"data":{"interaction":"a","media":"phone","queue":"sales","priority":5,"skills":["fi","en"]}}`)

func TestMatch(t *testing.T) {
	for expr, want := range map[string]bool{
		`true`: true, `false`: false,
		`type == "interaction.queued"`:                               true,
		`"interaction.queued" == type`:                               true,
		`type == "interaction.ended"`:                                false,
		`type in ["interaction.ended", "interaction.queued"]`:        true,
		`type in ["interaction.ended"]`:                              false,
		`type.startsWith("interaction.") && data.queue == "sales"`:   true,
		`subject == "interaction/a" && data.priority > 4`:            true,
		`subject == "interaction/b" && data.priority > 4`:            false,
		`data.priority == 5`:                                         true,
		`data.priority > 5.5`:                                        false,
		`"fi" in data.skills`:                                        true,
		`data.skills.exists(s, s == "sv")`:                           false,
		`data.nothing == "x"`:                                        false,
		`!(data.nothing == "x")`:                                     false,
		`has(data.nothing) || data.queue == "sales"`:                 true,
		`context.direction == "in" && context.queue.name == "Sales"`: true,
		`source == "pbx" && id == "1" && sequence == 7 && !derived`:  true,
		`time < timestamp("2026-03-02T09:00:01Z")`:                   true,
		`type == "interaction.ended" || data.queue == "sales"`:       true,
		`data.queue`: false,
	} {
		f, err := filter.Compile(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got := f.Match(queued); got != want {
			t.Errorf("%s: %v", expr, got)
		}
		if f.Key() != expr {
			t.Errorf("%s: key %s", expr, f.Key())
		}
	}
}

func TestWhatIsNoFilter(t *testing.T) {
	for expr, want := range map[string]string{
		``: "expression", `type ==`: "1:8", `typ == "x"`: "undeclared reference to 'typ'", `"text"`: "must be true or false", `1 + 1`: "must be true or false",
		`type == 5`: "no matching overload", strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100): "recursion",
		strings.Repeat(" ", filter.MaxLength+1): "at most 2000",
	} {
		if _, err := filter.Compile(expr); !errors.Is(err, filter.ErrExpression) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %q", expr, err, want)
		}
	}
	if _, err := filter.Compile("true" + strings.Repeat(" ", filter.MaxLength-4)); err != nil {
		t.Errorf("as long as it may be: %v", err)
	}
}

// An expression that costs too much lets nothing through, and ends.
func TestCostIsBounded(t *testing.T) {
	many := make([]string, 300)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	r := record(`{"type":"x.y","subject":"s","data":{"l":[` + strings.Join(many, ",") + `]}}`)
	cheap, err := filter.Compile(`data.l.exists(a, a == 299)`)
	if err != nil || !cheap.Match(r) {
		t.Errorf("a cheap one: %v", err)
	}
	dear, err := filter.Compile(`data.l.all(a, data.l.all(b, data.l.all(c, a + b + c >= 0)))`)
	if err != nil {
		t.Fatal(err)
	}
	if dear.Match(r) {
		t.Error("27 million steps were made")
	}
}

func TestManyAtOnce(t *testing.T) {
	f, err := filter.Compile(`data.queue == "sales" && context.direction == "in"`)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if !f.Match(queued) {
					t.Error("does not match")
				}
			}
		})
	}
	wg.Wait()
}

// What is of another type is refused for the memory of its type's name.
func TestThePrefilterIsCheap(t *testing.T) {
	f, err := filter.Compile(`type == "interaction.ended" && data.reason == "x"`)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { f.Match(queued) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{`type == "a.b" && data.x > 1`, `type in ["a.b"]`, `data.l.exists(s, s.matches("a+"))`, `[`, `"`, `data[0][1]`} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, expr string) {
		if x, err := filter.Compile(expr); err == nil {
			x.Match(queued)
		}
	})
}
