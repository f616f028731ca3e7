package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	captureFile = "../../source/asterisk/testdata/ami-capture.txt.gz"
	timingFile  = "../../source/asterisk/testdata/ami-capture.timing.jsonl.gz"
)

func TestReplayCommand(t *testing.T) {
	lines := 0
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		lines += bytes.Count(body, []byte("\n"))
		if r.Header.Get("Authorization") != "Bearer tl_a_b" {
			t.Errorf("got %q", r.Header.Get("Authorization"))
		}
		_, _ = io.WriteString(w, `{"accepted":1,"duplicates":0,"conflicts":0,"cursor":"c9","durability":"fsync"}`)
	}))
	defer ts.Close()
	t.Setenv("TRUNKLINE_TOKEN", "tl_a_b")
	var stdout, stderr strings.Builder
	code := run(context.Background(), []string{"replay", "--format", "ami", "--timing", timingFile, "--url", ts.URL, captureFile}, &stdout, &stderr)
	if code != 0 || lines != 554 {
		t.Errorf("got code %d and %d events: %s", code, lines, stderr.String())
	}
	for _, want := range []string{"interaction.dequeued                 57\n", "cursor c9\n"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
}

func TestReplayCommandPrints(t *testing.T) {
	var stdout, stderr strings.Builder
	if code := run(context.Background(), []string{"replay", "--format", "ami", "--print", captureFile}, &stdout, &stderr); code != 0 {
		t.Fatalf("got code %d: %s", code, stderr.String())
	}
	if n := strings.Count(stdout.String(), "\n"); n != 554 || !strings.Contains(stderr.String(), "sent") {
		t.Errorf("got %d lines, and %s", n, stderr.String())
	}
}

func TestReplayCommandRefuses(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"replay " + captureFile, exitUsage, "--format is missing, one of ami, ndjson"},
		{"replay --format ami", exitUsage, "exactly one file"},
		{"replay --format ami --speed fast " + captureFile, exitUsage, `--speed "fast"`},
		{"replay --format ami --speed NaN " + captureFile, exitUsage, `--speed "NaN"`},
		{"replay --format ami --sped 1 " + captureFile, exitUsage, "did you mean --speed?"},
		{"replay --format ami --timing " + captureFile + " " + captureFile, exitUsage, "timing file, line 1"},
		{"replay --format ami nowhere.txt", exitUsage, "open the recording"},
		{"replay --format ami --url localhost:1 " + captureFile, exitUsage, "no http or https URL"},
		{"replay --format xml --print " + captureFile, exitUsage, `unknown format "xml"`},
	} {
		var stdout, stderr strings.Builder
		if code := run(context.Background(), strings.Fields(c.args), &stdout, &stderr); code != c.code || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%s: got %d, %s", c.args, code, stderr.String())
		}
	}
}
