package schema_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/feed/export/schema"
)

func table(t *testing.T, name string) *schema.Table {
	t.Helper()
	tb, ok := schema.Find(name)
	if !ok {
		t.Fatal("no table " + name)
	}
	return tb
}

func TestDedupeSQL(t *testing.T) {
	got := schema.DedupeSQL(table(t, "dim_queues"), schema.Query{})
	want := `SELECT "company_id",
       "queue_key",
       "queue_id",
       "queue_name",
       "company_name"
FROM (
  SELECT numbered.*,
         ROW_NUMBER() OVER (
           PARTITION BY "queue_key"
           ORDER BY "dt" DESC NULLS LAST,
                    "hr" DESC NULLS LAST
         ) AS row_idx
  FROM "dim_queues" AS numbered
) AS latest
WHERE row_idx = 1`
	if got != want {
		t.Errorf("%s", got)
	}
	got = schema.DedupeSQL(table(t, "queue_wfm"), schema.Query{From: "read_json('x')", Ordering: schema.ByGuide})
	for _, part := range []string{`PARTITION BY "instance_ts", "queue_name", "rep_id"`, `ORDER BY "instance_ts" DESC NULLS LAST,`, `"mi" DESC`, `FROM read_json('x') AS numbered`} {
		if !strings.Contains(got, part) {
			t.Errorf("%s has no %s", got, part)
		}
	}
}

func TestOrderings(t *testing.T) {
	for name, want := range map[string][2]string{
		"queue_wfm":        {"export_ts instance_ts", "instance_ts"},
		"convos_metrics":   {"first_utterance_ts", "first_utterance_ts"},
		"dim_queues":       {"", ""},
		"flow_completions": {"success_event_ts negation_event_ts", "negation_event_ts success_event_ts"},
	} {
		tb := table(t, name)
		for i, o := range []schema.Ordering{schema.ByLogical, schema.ByGuide} {
			if got := strings.Join(o.Columns(tb), " "); got != want[i] {
				t.Errorf("%s by %s: %q, want %q", name, o, got, want[i])
			}
			if got, err := schema.ParseOrdering(o.String()); got != o || err != nil {
				t.Errorf("%v is read as %v: %v", o, got, err)
			}
		}
	}
	if _, err := schema.ParseOrdering("any"); err == nil {
		t.Error("any is taken for an ordering")
	}
}

func TestNoColumnIsNamedAsAKeyOfThePaths(t *testing.T) {
	for _, tb := range schema.Tables() {
		for _, c := range tb.Columns {
			if slices.Contains([]string{"version", "format", "dt", "hr", "mi", "row_idx"}, c.Name) {
				t.Errorf("%s.%s would be overwritten", tb.Name, c.Name)
			}
		}
	}
}

func TestNewer(t *testing.T) {
	tb := table(t, "convos_metadata")
	at, _ := tb.Column("last_event_ts")
	id, _ := tb.Column("issue_id")
	row := func(issue, last int64) schema.Row {
		r := make(schema.Row, len(tb.Columns))
		r[id], r[at] = schema.Int(issue), schema.Micros(last)
		return r
	}
	d := schema.NewDedupe(tb, schema.ByLogical)
	early, late := start, start.Add(time.Hour)
	for _, c := range []struct {
		name   string
		a      schema.Row
		wa     time.Time
		b      schema.Row
		wb     time.Time
		newer  bool
		oneKey bool
	}{
		{"a higher logical time", row(1, 20), early, row(1, 10), late, true, true},
		{"a lower one", row(1, 10), late, row(1, 20), early, false, true},
		{"an equal one of a later window", row(1, 10), late, row(1, 10), early, true, true},
		{"an equal one of an earlier window", row(1, 10), early, row(1, 10), late, false, true},
		{"an equal one of the same window", row(1, 10), early, row(1, 10), early, true, true},
		{"none", row(1, 0), late, row(1, 10), early, false, true},
		{"another key", row(2, 20), late, row(1, 10), early, true, false},
	} {
		if got := d.Newer(c.a, c.wa, c.b, c.wb); got != c.newer {
			t.Errorf("%s: %v", c.name, got)
		}
		if got := string(d.AppendKey(nil, c.a)) == string(d.AppendKey(nil, c.b)); got != c.oneKey {
			t.Errorf("%s: one key: %v", c.name, got)
		}
	}
}

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func TestRowsComeBack(t *testing.T) {
	tb := table(t, "rep_activity")
	row := make(schema.Row, len(tb.Columns))
	for i, c := range tb.Columns {
		switch c.Kind {
		case schema.String:
			row[i] = schema.Text("a\"\n\u2028" + c.Name)
		case schema.Integer:
			row[i] = schema.Int(1<<62 + i)
		case schema.Float:
			row[i] = schema.Real(0.1 + float64(i))
		case schema.Timestamp:
			row[i] = schema.Micros(start.UnixMicro() + int64(i))
		}
	}
	row[3] = schema.Value{}
	got, extra, err := tb.ParseJSON(tb.AppendJSON(nil, row))
	if err != nil || len(extra) > 0 || !slices.Equal(got, row) {
		t.Errorf("%v\nwant %v\n%v, %v", got, row, extra, err)
	}
}

func TestRowsOfOthersAreRead(t *testing.T) {
	tb := table(t, "reps")
	get := func(r schema.Row, name string) schema.Value {
		i, _ := tb.Column(name)
		return r[i]
	}
	for _, at := range []string{"2019-11-08 14:00:00", "2019-11-08T14:00:00+00:00", "2019-11-08T15:00:00.000000+01:00", "2019-11-08 14:00:00+00:00"} {
		r, extra, err := tb.ParseJSON([]byte(`{"rep_id":12,"max_slot":"3","created_ts":"` + at + `","agent_id":"","hired":{"a":1}}`))
		if err != nil {
			t.Fatal(err)
		}
		if get(r, "rep_id").Str() != "12" || get(r, "max_slot").Integer() != 3 || !get(r, "agent_id").IsNull() || get(r, "created_ts").String() != "2019-11-08T14:00:00.000000+00:00" {
			t.Errorf("%v", r)
		}
		if len(extra) != 1 || extra[0].Name != "hired" || string(extra[0].JSON) != `{"a":1}` {
			t.Errorf("%v", extra)
		}
	}
	for _, bad := range []string{``, `[]`, `{`, `{"max_slot":1.5}`, `{"max_slot":"many"}`, `{"created_ts":"yesterday"}`, `{"created_ts":5}`, `{"agent_id":[1]}`, `{} {}`, `{"rep_id":"a"`} {
		if r, _, err := tb.ParseJSON([]byte(bad)); !errors.Is(err, schema.ErrRow) {
			t.Errorf("%s is read as %v: %v", bad, r, err)
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"rep_id":"a","max_slot":3}`, `{"created_ts":"2019-11-08 14:00:00"}`, `{"x":[{}]}`, `{"max_slot":1e3}`} {
		f.Add([]byte(s))
	}
	tb, _ := schema.Find("reps")
	f.Fuzz(func(t *testing.T, line []byte) {
		row, _, err := tb.ParseJSON(line)
		if err != nil {
			return
		}
		again, _, err := tb.ParseJSON(tb.AppendJSON(nil, row))
		if err != nil || !slices.Equal(again, row) {
			t.Fatalf("%v came back as %v: %v", row, again, err)
		}
	})
}
