package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/event"
	"trunkline/server"
)

func TestTailMeasuresCommand(t *testing.T) {
	const secret = "a-secret-of-the-wallboard"
	c := config.Default()
	c.Listen.Addr = "127.0.0.1:0"
	c.Log.Dir, c.Log.DiskReserve = filepath.Join(t.TempDir(), "log"), 16<<20
	c.Tenants = []config.Tenant{{ID: "acme", TimeZone: "UTC", Account: "EZCLTR"}}
	c.Clients = []config.Client{{ID: "wallboard", Tenant: "acme", Hash: auth.HashOf(secret).String()}}
	s, err := server.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Log().WaitWritable(ctx); err != nil {
		t.Fatal(err)
	}
	var events []event.Event
	for _, id := range []string{"q1", "q2"} {
		e, err := event.Encode(event.Meta{Tenant: "acme", ID: id, Source: "/test", Time: time.Now()}, event.QueueConfigured{Queue: id, Name: "Queue " + id})
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	if _, err := s.Append(ctx, "acme", events); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TRUNKLINE_SECRET", secret)
	for _, c := range []struct {
		args           string
		code, lines    int
		stdout, stderr string
	}{
		{"--account EZCLTR --client wallboard --queues q1,q2 --count 2", 0, 2, `"payloadType":"INITIALIZING"`, "2 keys; 2 messages of snapshots, 0 live"},
		{"--account EZCLTR --client wallboard --queues q2 --only queueName --short --count 1", 0, 1, `{"keys":{"queueId":"q2"},"measures":{"queueName":"Queue q2"}}`, "1 keys"},
		{"--account EZCLTR --client wallboard --producer Agent_itd --duration 100ms", 0, 0, "", "0 keys"},
		{"--account EZCLTR --client wallboard --producer Agents_itd", exitUsage, 0, "", "Did you mean"},
		{"--account EZCLTR --client wallbord", exitFailed, 0, "", "401"},
		{"--account NOBODY --client wallboard", exitFailed, 0, "", "40"},
		{"--account EZCLTR", exitUsage, 0, "", "it needs --account"},
		{"--account EZCLTR --client wallboard --secret-file /nowhere", exitUsage, 0, "", "read the secret"},
	} {
		code, stdout, stderr := try(t, strings.Fields("tail measures --url "+s.URL()+" "+c.args)...)
		if code != c.code || strings.Count(stdout, "\n") != c.lines && code == 0 || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%s: code %d, %d lines: %s%s", c.args, code, strings.Count(stdout, "\n"), stdout, stderr)
		}
	}
}
