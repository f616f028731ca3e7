package rows_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/feed/export/encode"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/rows"
	"trunkline/feed/export/schema"
	"trunkline/internal/testenv"
)

// filled lists the tables whose rows the books make.
func filled() []*schema.Table {
	return slices.DeleteFunc(slices.Clone(schema.Tables()), func(t *schema.Table) bool { return t.Empty != "" || t.Raw })
}

// exported is a short day whose rows are in two hours, so that there are duplicates.
func exported(t *testing.T) *exporter {
	j := newJournal(t)
	cfg := centre(12, 10, 35*time.Minute)
	cfg.Start = start.Add(40 * time.Minute)
	j.simulate(cfg)
	x := newExporter(rows.Options{WFM: true}, j.records[0].Received)
	x.take(j.records)
	x.close(j.records[len(j.records)-1].Received.Add(25 * time.Hour))
	return x
}

// compare holds what an oracle read, lines of a table's name and a JSON object, against
// the rows without duplicates.
func compare(t *testing.T, x *exporter, o schema.Ordering, lines string) {
	t.Helper()
	got := map[string]map[string]bool{}
	for line := range strings.Lines(lines) {
		name, row, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		tb, known := schema.Find(name)
		if !ok || !known {
			t.Fatalf("the oracle says %.300s", line)
		}
		r, _, err := tb.ParseJSON([]byte(row))
		if err != nil {
			t.Fatalf("%v: %.600s", err, row)
		}
		if got[name] == nil {
			got[name] = map[string]bool{}
		}
		got[name][string(tb.AppendJSON(nil, r))] = true
	}
	duplicates := 0
	for _, tb := range filled() {
		want := latest(t, x, tb.Name, o)
		duplicates += len(x.of(tb.Name)) - len(want)
		if len(got[tb.Name]) != len(want) {
			t.Errorf("%s: the oracle has %d rows, there are %d", tb.Name, len(got[tb.Name]), len(want))
		}
		wrong := 0
		for _, w := range want {
			if !got[tb.Name][w.json] {
				if wrong++; wrong == 1 {
					near := slices.Sorted(maps.Keys(got[tb.Name]))
					t.Errorf("%s: the oracle does not have\n%s\nbut for instance\n%.3000s", tb.Name, w.json, append(near, "nothing")[0])
				}
			}
		}
		if wrong > 1 {
			t.Errorf("%s: and %d more", tb.Name, wrong-1)
		}
	}
	if duplicates < 100 {
		t.Errorf("only %d duplicates were there to remove", duplicates)
	}
}

// write writes the rows into files as exports have them.
func write(t *testing.T, x *exporter, dir string) {
	t.Helper()
	parts := map[string]*bytes.Buffer{}
	for _, w := range x.out {
		path := filepath.Join(dir, w.table.Name, "version="+w.table.Version, "format=jsonl")
		for _, k := range w.table.Partitions() {
			path = filepath.Join(path, k+"="+w.window.Format(keyLayout[k]))
		}
		path = filepath.Join(path, w.table.Name+".jsonl.gz")
		if parts[path] == nil {
			parts[path] = &bytes.Buffer{}
		}
		parts[path].WriteString(w.json + "\n")
	}
	for path, b := range parts {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, _ = w.Write(b.Bytes())
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, z.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// writeParquet writes a table's rows as Parquet and gives how many files that makes.
func writeParquet(t *testing.T, x *exporter, tb *schema.Table, dir string) int {
	t.Helper()
	windows := map[string][]schema.Row{}
	for _, w := range x.of(tb.Name) {
		path := filepath.Join(dir, tb.Name, "version="+tb.Version, "format=parquet")
		for _, k := range tb.Partitions() {
			path = filepath.Join(path, k+"="+w.window.Format(keyLayout[k]))
		}
		windows[path] = append(windows[path], w.row)
	}
	for path, all := range windows {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		files, err := encode.Write(t.Context(), path, tb, encode.Options{Format: layout.Parquet}, func(add func(schema.Row) error) error {
			for _, r := range all {
				if err := add(r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(files) != 1 {
			t.Fatalf("%d files: %v", len(files), err)
		}
		if err := os.Rename(files[0].Path, filepath.Join(path, files[0].Name)); err != nil {
			t.Fatal(err)
		}
	}
	return len(windows)
}

// keyLayout is the form of the values of the paths' keys.
var keyLayout = map[string]string{"dt": "2006-01-02", "hr": "15", "mi": "04"}

// duckdb builds the program that runs a statement in DuckDB.
func duckdb(t *testing.T) func(statement string) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		testenv.Optional(t, "no C compiler: DuckDB is a library in C++")
	}
	program := filepath.Join(t.TempDir(), "duckdb")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "../../../tools/duckdb"
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		testenv.Optional(t, fmt.Sprintf("DuckDB cannot be built: %v: %s", err, out))
	}
	return func(statement string) string {
		t.Helper()
		cmd := exec.Command(program)
		cmd.Stdin = strings.NewReader(statement)
		var bad bytes.Buffer
		cmd.Stderr = &bad
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, bad.String())
		}
		return string(out)
	}
}

// duckType is DuckDB's type for a kind.
var duckType = map[schema.Kind]string{schema.String: "VARCHAR", schema.Integer: "BIGINT", schema.Float: "DOUBLE", schema.Boolean: "BOOLEAN", schema.Timestamp: "TIMESTAMP"}

func duckReads(dir string, tb *schema.Table) string {
	types := make([]string, len(tb.Columns))
	for i, c := range tb.Columns {
		types[i] = fmt.Sprintf("'%s': '%s'", c.Name, duckType[c.Kind])
	}
	return fmt.Sprintf("read_json('%s/%s/version=1/format=jsonl/**/*.jsonl.gz', format = 'newline_delimited', hive_partitioning = true, columns = {%s})",
		dir, tb.Name, strings.Join(types, ", "))
}

func TestDuckDBRemovesTheSameDuplicates(t *testing.T) {
	if testing.Short() {
		t.Skip("builds DuckDB; runs without -short")
	}
	query := duckdb(t)
	x, dir := exported(t), t.TempDir()
	write(t, x, dir)
	for _, o := range []schema.Ordering{schema.ByLogical, schema.ByGuide} {
		var all []string
		for _, tb := range filled() {
			if len(x.of(tb.Name)) == 0 {
				continue // there is no file to read
			}
			all = append(all, fmt.Sprintf("SELECT '%s ' || CAST(to_json(x) AS VARCHAR) FROM (%s) AS x", tb.Name, schema.DedupeSQL(tb, schema.Query{From: duckReads(dir, tb), Ordering: o})))
		}
		compare(t, x, o, query(strings.Join(all, "\nUNION ALL\n")))
	}
	// Parquet tells the same.
	var all []string
	for _, tb := range filled() {
		if writeParquet(t, x, tb, dir) == 0 {
			continue
		}
		from := fmt.Sprintf("read_parquet('%s/%s/version=1/format=parquet/**/*.parquet', hive_partitioning = true)", dir, tb.Name)
		all = append(all, fmt.Sprintf("SELECT '%s ' || CAST(to_json(x) AS VARCHAR) FROM (%s) AS x", tb.Name, schema.DedupeSQL(tb, schema.Query{From: from})))
	}
	compare(t, x, schema.ByLogical, query(strings.Join(all, "\nUNION ALL\n")))
	// All rows are there with all columns, and the keys of the paths beside them.
	for _, name := range []string{"convos_metrics", "queue_wfm", "reps"} {
		tb, _ := schema.Find(name)
		got := query("SELECT column_name FROM (DESCRIBE SELECT * FROM " + duckReads(dir, tb) + ")")
		var want []string
		for _, c := range tb.Columns {
			want = append(want, c.Name)
		}
		have := strings.Fields(got)
		if !slices.Equal(have[:len(want)], want) {
			t.Errorf("%s has the columns %v", name, have)
		}
		rest := slices.Sorted(slices.Values(have[len(want):]))
		if keys := slices.Sorted(slices.Values(append(tb.Partitions(), "format", "version"))); !slices.Equal(rest, keys) {
			t.Errorf("%s has the keys %v beside its columns", name, rest)
		}
		// As the help of the command says, with the types left to DuckDB.
		from := "read_json('" + dir + "/" + name + "/version=1/format=jsonl/**/*.jsonl.gz', hive_partitioning = true)"
		n := query("SELECT count(*) || ' ' || (SELECT count(*) FROM (" + schema.DedupeSQL(tb, schema.Query{From: from}) + ")) FROM " + from)
		if want := fmt.Sprintln(len(x.of(name)), len(latest(t, x, name, schema.ByLogical))); n != want {
			t.Errorf("%s: %s rows and without duplicates, want %s", name, n, want)
		}
	}
}
