package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExportSchemaAndSQL(t *testing.T) {
	dir := t.TempDir()
	docs := filepath.Join(dir, "export_docs.yaml")
	call := func(args ...string) (int, string, string) {
		var out, bad bytes.Buffer
		code := run(t.Context(), append([]string{"export"}, args...), &out, &bad)
		return code, out.String(), bad.String()
	}
	code, out, bad := call("schema", "show")
	if code != 0 || !strings.Contains(out, "- name: convos_metrics") {
		t.Fatalf("%d %s", code, bad)
	}
	if err := os.WriteFile(docs, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, bad := call("schema", "diff", docs); code != 0 || out != "" {
		t.Errorf("%d %s %s", code, out, bad)
	}
	older := filepath.Join(dir, "older.yaml")
	if err := os.WriteFile(older, []byte(strings.Replace(out, "primary_key: queue_key", "primary_key: queue_id", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, bad := call("schema", "diff", older, docs); code != exitFound || !strings.Contains(out, `! dim_queues: primary key is "queue_key", was "queue_id"`) {
		t.Errorf("%d %s %s", code, out, bad)
	}
	if code, out, _ := call("schema", "show", "dim_queues"); code != 0 || !strings.Contains(out, "key: queue_key\n") || !strings.Contains(out, "queue_name") {
		t.Errorf("%d %s", code, out)
	}
	if code, out, _ := call("dedupe-sql", "dim_queues", "--from", "q", "--ordering", "guide"); code != 0 || !strings.Contains(out, "FROM q AS numbered") || !strings.HasSuffix(out, "row_idx = 1;\n") {
		t.Errorf("%d %s", code, out)
	}
	for _, wrong := range [][]string{
		{"dedupe-sql", "dim_queue"}, {"dedupe-sql"}, {"dedupe-sql", "reps", "--ordering", "any"}, {"schema", "show", "--format", "xml"},
		{"schema", "diff"}, {"schema", "diff", filepath.Join(dir, "none")}, {"schema", "diff", "export_test.go"},
	} {
		if code, _, bad := call(wrong...); code != exitUsage {
			t.Errorf("%v: %d %s", wrong, code, bad)
		}
	}
	if _, _, bad := call("dedupe-sql", "dim_queue"); !strings.Contains(bad, "did you mean dim_queues?") {
		t.Error(bad)
	}
}
