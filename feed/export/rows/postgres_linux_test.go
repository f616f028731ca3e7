package rows_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"trunkline/feed/export/schema"
	"trunkline/internal/testenv"
)

// postgres starts a PostgreSQL that listens on a socket in a directory of its own, and
// gives what runs a script in it.
func postgres(t *testing.T) func(script string) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if p, err := exec.LookPath("initdb"); err == nil {
			found = []string{p}
		}
	}
	if len(found) == 0 {
		testenv.Optional(t, "PostgreSQL is not installed")
	}
	bin := filepath.Dir(found[len(found)-1])
	dir, err := os.MkdirTemp("", "pg") // short: the path of a socket is bounded
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	as := owner(t, dir)
	run := func(in, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(in)
		cmd.Env = append(os.Environ(), "PGTZ=UTC", "LC_ALL=C", "HOME="+dir)
		var out, bad bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &bad
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v: %s%.2000s", name, err, out.String(), bad.String())
		}
		return out.String()
	}
	data := filepath.Join(dir, "data")
	run("", "initdb", "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--no-sync")
	run("", "pg_ctl", "-D", data, "-w", "-t", "60", "-l", filepath.Join(dir, "log"), "-o", "-k "+dir+" -c listen_addresses='' -c fsync=off", "start")
	t.Cleanup(func() { run("", "pg_ctl", "-D", data, "-w", "-t", "60", "-m", "immediate", "stop") })
	return func(script string) string {
		t.Helper()
		return run(script, "psql", "-h", dir, "-U", "test", "-d", "postgres", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-")
	}
}

// owner gives who is to run PostgreSQL, which does not run as root, and the directory
// to them.
func owner(t *testing.T, dir string) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	testenv.Optional(t, "there is nobody but root to run PostgreSQL")
	return nil
}

var pgType = map[schema.Kind]string{schema.String: "text", schema.Integer: "bigint", schema.Float: "double precision", schema.Boolean: "boolean", schema.Timestamp: "timestamptz"}

func TestPostgreSQLRemovesTheSameDuplicates(t *testing.T) {
	if testing.Short() {
		t.Skip("starts PostgreSQL; runs without -short")
	}
	query := postgres(t)
	x := exported(t)
	var load strings.Builder
	lines := map[string][]written{}
	for _, w := range x.out {
		lines[w.table.Name] = append(lines[w.table.Name], w)
	}
	for _, tb := range filled() {
		var columns []string
		for _, c := range tb.Columns {
			columns = append(columns, fmt.Sprintf(`"%s" %s`, c.Name, pgType[c.Kind]))
		}
		for _, k := range tb.Partitions() {
			columns = append(columns, k+" text")
		}
		fmt.Fprintf(&load, "CREATE TABLE \"%s\" (%s);\nCREATE TEMP TABLE raw (line jsonb);\n\\copy raw FROM pstdin WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')\n", tb.Name, strings.Join(columns, ", "))
		for _, w := range lines[tb.Name] {
			keys := ""
			for _, k := range tb.Partitions() {
				keys += fmt.Sprintf(`,"%s":"%s"`, k, w.window.Format(keyLayout[k]))
			}
			load.WriteString(strings.TrimSuffix(w.json, "}") + keys + "}\n")
		}
		fmt.Fprintf(&load, "\\.\nINSERT INTO \"%s\" SELECT r.* FROM raw, jsonb_populate_record(NULL::\"%s\", line) AS r;\nDROP TABLE raw;\n", tb.Name, tb.Name)
	}
	query(load.String())
	for _, o := range []schema.Ordering{schema.ByLogical, schema.ByGuide} {
		var all strings.Builder
		for _, tb := range filled() {
			fmt.Fprintf(&all, "SELECT '%s ' || to_json(x) FROM (%s) AS x;\n", tb.Name, schema.DedupeSQL(tb, schema.Query{Ordering: o}))
		}
		compare(t, x, o, query(all.String()))
	}
	if n := strings.Count(query(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`), "\n"); n != len(filled()) {
		t.Errorf("%d tables were loaded", n)
	}
}
