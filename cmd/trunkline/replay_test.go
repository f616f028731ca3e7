package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/replay"
	"trunkline/source/asterisk"
	"trunkline/source/line"
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
		{"replay " + captureFile, exitUsage, "--format is missing, one of ami, "},
		{"replay --format ami", exitUsage, "exactly one file"},
		{"replay --format ami --speed fast " + captureFile, exitUsage, `--speed "fast"`},
		{"replay --format ami --speed NaN " + captureFile, exitUsage, `--speed "NaN"`},
		{"replay --format ami --sped 1 " + captureFile, exitUsage, "did you mean --speed?"},
		{"replay --format ami --timing " + captureFile + " " + captureFile, exitUsage, "timing file, line 1"},
		{"replay --format ami nowhere.txt", exitUsage, "open the recording"},
		{"replay --format ami --url localhost:1 " + captureFile, exitUsage, "no http or https URL"},
		{"replay --as-pbx nowhere.txt", exitUsage, "open the capture"},
		{"replay --as-pbx --speed fast " + captureFile, exitUsage, `--speed "fast"`},
		{"replay --as-pbx replay_test.go", exitUsage, "no banner"},
		{"replay --format xml --print " + captureFile, exitUsage, `unknown format "xml"`},
	} {
		var stdout, stderr strings.Builder
		if code := run(context.Background(), strings.Fields(c.args), &stdout, &stderr); code != c.code || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%s: got %d, %s", c.args, code, stderr.String())
		}
	}
}

func TestReplayCommandSummary(t *testing.T) {
	for _, args := range [][]string{
		{"replay", "--format", "ami", "--summary", captureFile},
		{"replay", "--format", "queue_log", "--summary", "--agent", "Alice=PJSIP/1001,Bob=PJSIP/1002", "--agent", "Carol=PJSIP/1003", "../../source/asterisk/testdata/queue_log"},
	} {
		var stdout, stderr strings.Builder
		if code := run(context.Background(), args, &stdout, &stderr); code != 0 || stderr.String() != "" {
			t.Fatalf("%v: code %d: %s", args, code, stderr.String())
		}
		var got replay.Outcomes
		d := json.NewDecoder(strings.NewReader(stdout.String()))
		if err := d.Decode(&got); err != nil || d.More() {
			t.Fatalf("%v: %v, more: %v", args, err, d.More())
		}
		if q := got.Queues["support"]; q == nil || q.Offered != 78 || q.Abandoned != 32 || q.Lost != 8 || len(got.Agents) != 3 {
			t.Errorf("%v: got %s", args, stdout.String())
		}
	}
}

// TestReplayCommandAsPBX lets a live client follow a capture over TCP.
func TestReplayCommandAsPBX(t *testing.T) {
	out, printed := io.Pipe()
	var stderr strings.Builder
	code := make(chan int, 1)
	go func() {
		args := []string{"replay", "--as-pbx", "--timing", timingFile, "--speed", "max", "--user", "u", "--secret", "s", captureFile}
		code <- run(context.Background(), args, printed, &stderr)
	}()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	log := &counted{types: make(map[string]int), down: make(chan struct{}, 100)}
	done := make(chan error, 1)
	c := asterisk.NewClient(asterisk.ClientOptions{User: "u", Settings: line.Settings{
		Name: "pbx1", Address: strings.TrimSpace(address), Secret: "s", Log: log,
		RetryMin: time.Millisecond, RetryMax: 10 * time.Millisecond,
	}})
	go func() { done <- c.Run(ctx) }()
	if got := <-code; got != 0 {
		t.Errorf("got code %d: %s", got, stderr.String())
	}
	for range 3 { // the client has seen all three connections end
		select {
		case <-log.down:
		case <-ctx.Done():
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if log.types["interaction.queued"] != 81 || log.types["interaction.accepted"] != 27 || log.types["interaction.ended"] != 84 {
		t.Errorf("got %v", log.types)
	}
}

// counted is a log that counts events by type.
type counted struct {
	types map[string]int
	down  chan struct{}
}

func (c *counted) Append(_ context.Context, _ string, events []event.Event) (eventlog.Result, error) {
	for _, e := range events {
		if c.types[e.Type]++; e.Type == "source.down" {
			c.down <- struct{}{}
		}
	}
	return eventlog.Result{Accepted: len(events)}, nil
}
