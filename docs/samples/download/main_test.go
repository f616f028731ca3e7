package main

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/auth"
	"trunkline/feed/export/bucket"
	"trunkline/feed/export/bucket/buckettest"
	"trunkline/feed/export/download"
)

// files are what is in the bucket of the tests.
var files = map[string]string{
	"acme/reps/version=1/format=jsonl/dt=2026-03-02/hr=09/reps.jsonl.00.gz": "one",
	"acme/reps/version=1/format=jsonl/dt=2026-03-02/hr=09/reps.jsonl.01.gz": "two",
	"acme/reps/version=1/format=jsonl/dt=2026-03-02/hr=09/_SUCCESS":         "",
	"acme/reps/version=1/format=jsonl/dt=2026-03-02/hr=10/_SUCCESS":         "",
	"acme/reps/version=1/format=jsonl/dt=2026-03-02/hr=11/reps.jsonl.gz":    "not finished",
}

// tree gives all files below a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, path))
		out[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func check(t *testing.T, dir string) {
	t.Helper()
	got := tree(t, dir)
	want := map[string]string{"reps/dt=2026-03-02/hr=09/reps.jsonl.00.gz": "one", "reps/dt=2026-03-02/hr=09/reps.jsonl.01.gz": "two",
		"reps/dt=2026-03-02/hr=09/_SUCCESS": "", "reps/dt=2026-03-02/hr=10/_SUCCESS": ""}
	for k, v := range want {
		if g, ok := got[k]; !ok || g != v {
			t.Errorf("%s is %q, %v", k, g, ok)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files instead of %d: %v", len(got), len(want), got)
	}
}

func TestTheGoSampleTakesCompleteWindows(t *testing.T) {
	s := buckettest.NewMemory()
	for k, v := range files {
		if _, err := s.Create(t.Context(), strings.TrimPrefix(k, "acme/"), buckettest.Body([]byte(v))); err != nil {
			t.Fatal(err)
		}
	}
	api := download.New(download.Options{Store: func(string) (bucket.Store, bool) { return s, true }, Key: []byte("key"),
		Authenticate: func(secret string) (*auth.Principal, error) {
			if secret != "secret" {
				return nil, errors.New("unknown")
			}
			return &auth.Principal{TokenID: "app", Tenant: "acme", Scopes: []auth.Scope{auth.Read}}, nil
		}})
	mux := http.NewServeMux()
	for _, r := range api.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	a := asked{URL: srv.URL, ID: "app", Secret: "secret", Feed: "reps", Version: "1", Format: "jsonl", Date: "2026-03-02", Into: t.TempDir()}
	var out bytes.Buffer
	if err := a.download(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	check(t, a.Into)
	out.Reset()
	if err := a.download(t.Context(), &out); err != nil || out.Len() > 0 {
		t.Errorf("the second time: %s, %v", &out, err)
	}
	a.Secret = "wrong"
	if err := a.download(t.Context(), &out); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("with a wrong secret: %v", err)
	}
}

// aws stands for the AWS command line: it knows the two uses that the sample makes of it.
const aws = `#!/bin/sh
[ "$1" = --endpoint-url ] && shift 2
case "$1 $2" in
"s3api list-objects-v2") cd "$BUCKETS/$4" && find "$6" -type f | sort ;;
"s3 cp") shift 6
  while [ "$1" = --include ]; do shift 2; done
  from=$BUCKETS/${1#s3://}
  for f in "$from"reps.*; do [ -e "$f" ] && cp "$f" "$2"; done; true ;;
*) echo "aws: $*" >&2; exit 1 ;;
esac
`

func TestTheShellSampleTakesCompletePartitions(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no shell")
	}
	buckets, bin, into := t.TempDir(), t.TempDir(), t.TempDir()
	for k, v := range files {
		path := filepath.Join(buckets, "mine", filepath.FromSlash(k))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(v), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(bin, "aws"), []byte(aws), 0o700); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		cmd := exec.CommandContext(t.Context(), "sh", "../download.sh", "mine/acme", "reps", "2026-03-02", into)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "BUCKETS="+buckets, "ENDPOINT=http://localhost:1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if lines := strings.Count(string(out), "\n"); round == 0 && lines != 2 || round == 1 && lines != 0 {
			t.Errorf("round %d: %s", round, out)
		}
		check(t, into)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "../download.sh", "nowhere", "reps", "2026-03-02", t.TempDir())
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "BUCKETS="+buckets)
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("a bucket that cannot be listed is taken for an empty one: %s", out)
	}
}
