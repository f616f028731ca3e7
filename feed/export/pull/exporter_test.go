package pull_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/auth"
	"trunkline/feed/export/bucket"
	"trunkline/feed/export/download"
	"trunkline/feed/export/pull"
)

// exporter serves the bucket of a shop by the calls of a File Exporter.
func (s *shop) exporter() string {
	s.t.Helper()
	api := download.New(download.Options{
		Store: func(string) (bucket.Store, bool) { return s.store, true },
		Authenticate: func(secret string) (*auth.Principal, error) {
			if secret != "right" {
				return nil, errors.New("unknown")
			}
			return &auth.Principal{TokenID: "app", Tenant: "acme", Scopes: []auth.Scope{auth.Read}}, nil
		},
		Known: func(string) bool { return true }, Key: bytes.Repeat([]byte{1}, 32), Rate: 1_000_000,
	})
	mux := http.NewServeMux()
	for _, r := range api.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	srv := httptest.NewServer(mux)
	s.t.Cleanup(srv.Close)
	return srv.URL
}

// A File Exporter gives the same set as the bucket behind it.
func TestFileExporter(t *testing.T) {
	s := open(t)
	first := s.window(feed, 0, jsonl, row(1, 1, 10), row(2, 2, 20))
	s.success(s.window(feed, 2, jsonl, row(2, 2, 21)))
	s.success(s.window("reps", 0, jsonl, `{"rep_id":"r1"}`))
	base := s.exporter()
	from := func(secret string) func(*pull.Options) {
		src, err := pull.OpenFileExporter(base, "app", secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		return func(o *pull.Options) { o.Source = src }
	}
	if res, err := s.pull(from("right")); err != nil || len(res) != 2 || s.set() != "2=21" {
		t.Fatalf("%v, %+v, %s", err, res, s.set())
	}
	if _, err := os.Stat(filepath.Join(s.to, "reps.jsonl")); err != nil {
		t.Error(err)
	}
	s.success(first)
	if _, err := s.pull(from("right")); err != nil || s.set() != "1=10 2=21" {
		t.Fatalf("%v, %s", err, s.set())
	}
	if res, err := s.pull(from("right")); err != nil || res[0].Parts+res[1].Parts != 0 {
		t.Errorf("again: %v, %+v", err, res)
	}
	if _, err := s.pull(from("wrong")); err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "wrong") {
		t.Error(err)
	}
	// A file that is cut on the way goes on by a range.
	src, err := pull.OpenFileExporter(base, "app", "right", nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := src.Complete(t.Context(), feed, func(string) bool { return false })
	if err != nil || len(list) != 2 || len(list[0].Files) != 1 {
		t.Fatalf("%v, %+v", err, list)
	}
	whole, _ := os.ReadFile(filepath.Join(s.store.Root(), filepath.FromSlash(first), list[0].Files[0].Name))
	for _, at := range []int64{0, 5, int64(len(whole))} {
		r, err := src.Open(t.Context(), list[0].Files[0].Key, at)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(r); err != nil || !bytes.Equal(b.Bytes(), whole[at:]) {
			t.Errorf("from %d: %v, %d bytes", at, err, b.Len())
		}
		_ = r.Close()
	}
	for _, wrong := range []string{"", "ftp://x", "https://u:p@x", "x"} {
		if _, err := pull.OpenFileExporter(wrong, "a", "b", nil); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
	if _, err := pull.OpenFileExporter("https://x", "", "", nil); err == nil {
		t.Error("no credentials are taken")
	}
}
