package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/server"
)

// The File Exporter's calls on a destination of the configuration, with a token of its tenant.
func TestTheFileExporterGivesAFile(t *testing.T) {
	dir := t.TempDir()
	s := start(t, func(c *config.Config) {
		c.Exports.Destinations = []config.Destination{{ID: "here", Tenant: "acme", Directory: dir, Gzip: true}}
	})
	window := filepath.Join(dir, "reps", "version=1", "format=jsonl", "dt=2026-03-02")
	if err := os.MkdirAll(window, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"reps.jsonl": "{}\n", "_SUCCESS": ""} {
		if err := os.WriteFile(filepath.Join(window, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	token, secret, err := s.Tokens().Create(t.Context(), "acme", []auth.Scope{auth.Read}, "")
	if err != nil {
		t.Fatal(err)
	}
	other, foreign, err := s.Tokens().Create(t.Context(), "globex", []auth.Scope{auth.Read}, "")
	if err != nil {
		t.Fatal(err)
	}
	ask := `{"feed":"reps","version":"version=1","format":"jsonl","date":"dt=2026-03-02","fileName":"reps.jsonl"}`
	getfeedfile := func(id, secret string) (int, string) {
		status, _, body := call(t, s.URL(), "POST", "/fileexporter/v1/static/getfeedfile", ask, "", http.Header{"Asapp-Api-Id": {id}, "Asapp-Api-Secret": {secret}})
		var got struct{ URL string }
		_ = json.Unmarshal([]byte(body), &got)
		return status, got.URL
	}
	status, link := getfeedfile(token.ID, secret)
	if status != 200 || !strings.HasPrefix(link, s.URL()) {
		t.Fatalf("%d %q", status, link)
	}
	res, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); string(b) != "{}\n" {
		t.Errorf("%s %s", res.Status, b)
	}
	if status, _ := getfeedfile(other.ID, foreign); status != 404 {
		t.Errorf("another tenant: %d", status)
	}
	if status, _ := getfeedfile(token.ID, foreign); status != 401 {
		t.Errorf("another's secret: %d", status)
	}
	if status, _, body := call(t, s.URL(), "GET", "/v1/exports", "", secret, nil); status != 200 || !strings.Contains(body, `"id":"here"`) {
		t.Errorf("%d %s", status, body)
	}
}

func TestWrongDestinationsStopTheStart(t *testing.T) {
	for name, d := range map[string]config.Destination{
		"an unknown feed": {ID: "a", Tenant: "acme", Directory: t.TempDir(), Feeds: []string{"nothing"}},
		"no secret":       {ID: "a", Tenant: "acme", Bucket: "b", KeyID: "k", SecretEnv: "TRUNKLINE_TEST_NO_SUCH"},
		"no key":          {ID: "a", Tenant: "acme", Directory: t.TempDir(), PublicKey: "/nowhere"},
	} {
		c := settings(t)
		c.Exports.Destinations = []config.Destination{d}
		if s, err := server.Start(t.Context(), c); err == nil {
			t.Errorf("%s is taken", name)
			_ = s.Close()
		} else if !strings.Contains(err.Error(), "export") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
