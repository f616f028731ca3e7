package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"trunkline/auth"
	"trunkline/feed/feedtest"
	"trunkline/feed/live"
	"trunkline/ws"
)

// liveServer serves the live feed of a log in memory.
func liveServer(t *testing.T, log *feedtest.Log) string {
	t.Helper()
	feed := live.New(log, live.Options{})
	mux := http.NewServeMux()
	for _, r := range feed.Routes() {
		mux.HandleFunc(r.Pattern, func(w http.ResponseWriter, req *http.Request) {
			r.Handler.ServeHTTP(w, req.WithContext(auth.With(req.Context(), &auth.Principal{Tenant: "acme"})))
		})
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(func() {
		_ = feed.Close(context.Background())
		srv.Close()
	})
	return srv.URL
}

func TestTailLiveCommand(t *testing.T) {
	log := &feedtest.Log{}
	log.Append("acme", 20)
	url := liveServer(t, log)
	for _, c := range []struct {
		args           string
		code, lines    int
		stdout, stderr string
	}{
		{"tail live --after oldest --count 20 --url " + url, 0, 20, `"id":"acme-20"`, ""},
		{"tail live --after oldest --count 3 --cursors --url " + url, 0, 3, `{"cursor":"c1`, ""},
		{"tail live --after oldest --idle 100ms --check --quiet --url " + url, 0, 0, "", "sequences 1 to 20: nothing missing"},
		{"tail live --after oldest --idle 100ms --subject interaction/3 --ack explicit --consumer x --url " + url, 0, 2, `"acme-13"`, ""},
		{"tail live --after oldest --idle 100ms --filter data.interaction=='3' --url " + url, 0, 2, `"acme-13"`, ""},
		{"tail live --filter nothing --url " + url, exitUsage, 0, "", "undeclared"},
		{"tail live --duration 50ms --url " + url, 0, 0, "", ""},
		{"tail live --after nonsense --url " + url, exitUsage, 0, "", "Not a cursor"},
		{"tail live --ack maybe --url " + url, exitUsage, 0, "", `--ack is "maybe"`},
		{"tail live --url nowhere", exitUsage, 0, "", "is not the URL of a server"},
		{"tail live --url http://127.0.0.1:1 --patience 1ms", exitFailed, 0, "", "no connection for"},
		{"tail liv", exitUsage, 0, "", "did you mean trunkline tail live?"},
	} {
		code, stdout, stderr := try(t, strings.Fields(c.args)...)
		if code != c.code || strings.Count(stdout, "\n") != c.lines && code == 0 || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%s: code %d, %d lines: %s%s", c.args, code, strings.Count(stdout, "\n"), stdout, stderr)
		}
	}
}

// TestTailLiveCommandFinds has a server that leaves an event out.
func TestTailLiveCommandFinds(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Upgrade(w, r, ws.Options{})
		if err != nil {
			t.Error(err)
			return
		}
		for _, event := range []string{`{"sequence":5}`, `{"sequence":7}`} {
			_, _ = c.NetConn().Write(ws.TextFrame([]byte(`{"cursor":"c1","event":` + event + `}`)))
		}
	}))
	defer srv.Close()
	code, _, stderr := try(t, "tail", "live", "--check", "--count", "2", "--url", srv.URL)
	if code != exitFound || !strings.Contains(stderr, "1 missing, 0 repeated") || !strings.Contains(stderr, "a gap: 7 follows 5") {
		t.Errorf("code %d: %s", code, stderr)
	}
}
