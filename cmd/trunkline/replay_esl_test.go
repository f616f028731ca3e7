package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"trunkline/replay"
	"trunkline/source/freeswitch"
	"trunkline/source/line"
)

const (
	eslFile   = "../../source/freeswitch/testdata/esl-capture.txt.gz"
	eslTiming = "../../source/freeswitch/testdata/esl-capture.timing.jsonl.gz"
)

func TestReplayCommandSummaryOfESL(t *testing.T) {
	var stdout, stderr strings.Builder
	args := []string{"replay", "--format", "esl", "--timing", eslTiming, "--summary", eslFile}
	if code := run(context.Background(), args, &stdout, &stderr); code != 0 || stderr.String() != "" {
		t.Fatalf("code %d: %s", code, stderr.String())
	}
	var got replay.Outcomes
	if err := json.Unmarshal([]byte(stdout.String()), &got); err != nil {
		t.Fatal(err)
	}
	want := replay.QueueOutcomes{Offered: 8, Answered: 6, Completed: 6, Abandoned: 2}
	if q := got.Queues["support@default"]; q == nil || *q != want || got.Queues["sales@default"].Timeout != 1 || len(got.Agents) != 3 {
		t.Errorf("got %s", stdout.String())
	}
}

func TestReplayCommandServesOneSystem(t *testing.T) {
	var stdout, stderr strings.Builder
	args := []string{"replay", "--as-esl", "--as-pbx", eslFile}
	if code := run(context.Background(), args, &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "exclude each other") {
		t.Errorf("got %d, %s", code, stderr.String())
	}
}

// TestReplayCommandAsESL lets a live client follow a capture over TCP.
func TestReplayCommandAsESL(t *testing.T) {
	out, printed := io.Pipe()
	var stderr strings.Builder
	code := make(chan int, 1)
	go func() {
		args := []string{"replay", "--as-esl", "--timing", eslTiming, "--speed", "max", "--secret", "s", eslFile}
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
	c := freeswitch.NewClient(freeswitch.ClientOptions{Settings: line.Settings{
		Name: "fs1", Address: strings.TrimSpace(address), Secret: "s", Log: log, RetryMin: time.Second, RetryMax: time.Second,
	}})
	go func() { done <- c.Run(ctx) }()
	if got := <-code; got != 0 {
		t.Errorf("got code %d: %s", got, stderr.String())
	}
	select {
	case <-log.down: // the client has seen the shutdown
	case <-ctx.Done():
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if log.types["interaction.queued"] != 9 || log.types["interaction.accepted"] != 6 || log.types["interaction.dequeued"] != 3 || log.types["interaction.ended"] != 9 {
		t.Errorf("got %v", log.types)
	}
}
