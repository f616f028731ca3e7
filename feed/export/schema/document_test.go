package schema_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"trunkline/feed/export/schema"
)

var update = flag.Bool("update", false, "write the committed documents anew")

const golden = "testdata/export_docs.yaml"

func document(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := schema.WriteDocs(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestChangesOfTablesKeepTheRules holds the tables against the document that was
// committed last: a change that breaks those who load a table needs a version, a
// column that was added or changed its date. What keeps the rules is then committed
// with go test ./feed/export/schema -update.
func TestChangesOfTablesKeepTheRules(t *testing.T) {
	now := document(t)
	raw, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if err == nil {
		before, err := schema.ParseDocs(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range schema.Check(before, schema.Docs()) {
			t.Error(e)
		}
		for _, c := range schema.Diff(before, schema.Docs()) {
			t.Log(c)
		}
	}
	if !t.Failed() && *update {
		if err := os.WriteFile(golden, now, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(raw, now) {
		t.Errorf("%s is not what the tables are: see the changes above and run this test with -update", golden)
	}
}

func TestTheDocumentComesBack(t *testing.T) {
	d, err := schema.ParseDocs(document(t))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(d, schema.Docs()) {
		t.Error("it is another one")
	}
	for _, want := range schema.Tables() {
		doc, ok := d.Find(want.Name)
		if !ok {
			t.Fatalf("%s is not in it", want.Name)
		}
		got, err := doc.Table()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Columns, want.Columns) || !reflect.DeepEqual(got.Key, want.Key) || got.Every != want.Every || strings.Join(got.Order, " ") != strings.Join(want.Order, " ") || got.Logical != want.Logical || got.Version != want.Version {
			t.Errorf("%s came back as %+v", want.Name, got)
		}
		if a, b := schema.DedupeSQL(got, schema.Query{}), schema.DedupeSQL(want, schema.Query{}); a != b {
			t.Errorf("%s\n%s", a, b)
		}
	}
}

func TestDocumentsThatAreNone(t *testing.T) {
	for _, raw := range []string{"", "schemas: 5", "schemas: []", "schemas: [{tables: [{name: a}]}]", "schemas: [{tables: [{columns: [{name: b}]}]}]",
		"schemas: [{tables: [{name: a, columns: [{name: b}]}, {name: a, columns: [{name: b}]}]}]", strings.Repeat(" ", 9<<20)} {
		if _, err := schema.ParseDocs([]byte(raw)); !errors.Is(err, schema.ErrDocs) {
			t.Errorf("%.80s: %v", raw, err)
		}
	}
	for _, d := range []schema.DocTable{
		{Name: "a", SyncTime: "5m"},
		{Name: "a", SyncTime: "1h", PrimaryKey: "c", Columns: []schema.DocColumn{{Name: "b", Type: "text"}}},
		{Name: "a", SyncTime: "1h", OrderingKey: "c DESC", Columns: []schema.DocColumn{{Name: "b", Type: "text"}}},
		{Name: "a", SyncTime: "1h", Columns: []schema.DocColumn{{Name: "b", Type: "text"}, {Name: "b", Type: "text"}}},
	} {
		if _, err := d.Table(); !errors.Is(err, schema.ErrDocs) {
			t.Errorf("%+v: %v", d, err)
		}
	}
}

func TestDiffAndTheRules(t *testing.T) {
	column := func(name, typ string) schema.DocColumn {
		return schema.DocColumn{Name: name, Type: typ, Kind: "string", Description: "D.", Created: "2026-01-01"}
	}
	base := func() schema.DocTable {
		return schema.DocTable{Name: "t", Version: "1", PrimaryKey: "a", OrderingKey: "b DESC", Logical: "b", SyncTime: "1h", ReleaseState: "active",
			ActiveDate: "2026-01-01", Columns: []schema.DocColumn{column("a", "text"), column("b", "text")}}
	}
	doc := func(t ...schema.DocTable) schema.Document {
		return schema.Document{Schemas: []schema.DocSchema{{Name: "exports", Tables: t}}}
	}
	for _, c := range []struct {
		name   string
		change func(*schema.DocTable)
		diff   string
		wrong  string // "" where the rules are kept
	}{
		{"nothing", func(*schema.DocTable) {}, "", ""},
		{"a column added", func(d *schema.DocTable) {
			d.Columns = append(d.Columns, schema.DocColumn{Name: "c", Type: "text", Created: "2026-02-01"})
		}, `  t.c: added, text`, ""},
		{"a column added without its date", func(d *schema.DocTable) { d.Columns = append(d.Columns, column("c", "text")) }, `  t.c: added, text`, "since"},
		{"a column removed", func(d *schema.DocTable) { d.Columns = d.Columns[:1]; d.Version = "2" }, "  t: version is \"2\", was \"1\"\n! t.b: removed", ""},
		{"a column removed under the same version", func(d *schema.DocTable) { d.Columns = d.Columns[:1] }, `! t.b: removed`, "still 1"},
		{"a type changed", func(d *schema.DocTable) {
			d.Columns[1].Type, d.Columns[1].Updated, d.Version = "bigint", "2026-02-01", "2"
		}, "  t: version is \"2\", was \"1\"\n! t.b: type is \"bigint\", was \"text\"", ""},
		{"a type changed without its date", func(d *schema.DocTable) { d.Columns[1].Type, d.Version = "bigint", "2" }, "  t: version is \"2\", was \"1\"\n! t.b: type is \"bigint\", was \"text\"", "last change"},
		{"words", func(d *schema.DocTable) { d.Columns[1].Description, d.Columns[1].Updated = "E.", "2026-02-01" }, `  t.b: description is "E.", was "D."`, ""},
		{"the key", func(d *schema.DocTable) { d.PrimaryKey = "a, b" }, `! t: primary key is "a, b", was "a"`, "still 1"},
		{"the order", func(d *schema.DocTable) { d.OrderingKey = "" }, `! t: ordering is "", was "b DESC"`, "still 1"},
		{"no values any more", func(d *schema.DocTable) { d.Columns[1].Ignore = true }, `! t.b: has no values any more`, "still 1"},
		{"the version down", func(d *schema.DocTable) { d.Version = "0" }, `  t: version is "0", was "1"`, "whole number"},
	} {
		older, changed := doc(base()), base()
		c.change(&changed)
		newer := doc(changed)
		var lines []string
		for _, x := range schema.Diff(older, newer) {
			lines = append(lines, x.String())
		}
		if got := strings.Join(lines, "\n"); got != c.diff {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.diff)
		}
		errs := schema.Check(older, newer)
		if (len(errs) > 0) != (c.wrong != "") || c.wrong != "" && !strings.Contains(errors.Join(errs...).Error(), c.wrong) {
			t.Errorf("%s: %v", c.name, errs)
		}
	}
	if got := schema.Diff(doc(base()), doc()); len(got) != 1 || !got[0].Breaking {
		t.Errorf("a table removed: %v", got)
	}
	if got := schema.Diff(doc(), doc(base())); len(got) != 1 || got[0].Breaking {
		t.Errorf("a table added: %v", got)
	}
}
