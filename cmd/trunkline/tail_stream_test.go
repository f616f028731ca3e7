package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"trunkline/auth"
	"trunkline/feed/feedtest"
	"trunkline/feed/stream"
)

func TestTailStreamCommand(t *testing.T) {
	log := &feedtest.Log{Context: func(_ string, seq uint64) []byte {
		return fmt.Appendf(nil, `{"streamSequence":%d,"streamEvents":1,"direction":"in","media":"phone"}`, seq)
	}}
	for n := range 10 {
		log.AppendRaw("acme", fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"/test","type":"interaction.recording_started","subject":"interaction/%[1]d",`+
			`"time":"2026-03-02T09:00:00Z","data":{"interaction":"%[1]d","media":"phone","recording":"r"}}`, n+1))
	}
	feed := stream.New(log, stream.Options{})
	mux := http.NewServeMux()
	for _, r := range feed.Routes() {
		mux.HandleFunc(r.Pattern, func(w http.ResponseWriter, req *http.Request) {
			r.Handler.ServeHTTP(w, req.WithContext(auth.With(req.Context(), &auth.Principal{Tenant: "acme"})))
		})
	}
	srv := httptest.NewServer(mux)
	defer srv.Close()
	defer func() { _ = feed.Close(context.Background()) }()
	oldest := log.Oldest("acme").String()
	for _, c := range []struct {
		args           string
		code, lines    int
		stdout, stderr string
	}{
		{"--tenant acme --subscription a --count 10 --after " + oldest, 0, 10, `"sequenceId":10`, "10 events, numbers 1 to 10, 0 gaps, 0 repeats"},
		{"--tenant acme --subscription b --count 3 --output XML --after " + oldest, 0, 3, "<Interaction>", "numbers 1 to 3"},
		{"--tenant acme --subscription c --duration 50ms", 0, 0, "", "0 events"},
		{"--subscription a", exitUsage, 0, "", "--tenant is needed"},
		{"--tenant acme --output YAML", exitUsage, 0, "", "NEWLINE_JSON"},
		{"--tenant globex", exitFailed, 0, "", "403"},
	} {
		code, stdout, stderr := try(t, strings.Fields("tail stream --url "+srv.URL+" "+c.args)...)
		if code != c.code || strings.Count(stdout, "\n") != c.lines && code == 0 || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%s: code %d, %d lines: %s%s", c.args, code, strings.Count(stdout, "\n"), stdout, stderr)
		}
	}
}
