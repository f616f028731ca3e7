package server_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"trunkline/internal/typedoc"
)

var update = flag.Bool("update", false, "write what docs/openapi.yaml says of the Go types")

// described are the Go types that the endpoints read and write. Structs that they lead to follow by themselves.
var described = []typedoc.Wanted{
	{Name: "AccessToken", Type: "auth.Token"}, {Type: "auth.Issued"}, {Name: "TokenWanted", Type: "auth.wanted", Request: true},
	{Type: "directory.Tenant"}, {Name: "TenantChange", Type: "directory.Tenant", Request: true, Without: []string{"static"}},
	{Type: "directory.Agent"}, {Name: "AgentChange", Type: "directory.Agent", Request: true, Without: []string{"static"}},
	{Type: "directory.Queue", Without: []string{"queue", "removed"}},
	{Name: "QueueChange", Type: "directory.Queue", Request: true, Without: []string{"static", "queue", "removed"}},
	{Type: "directory.User"}, {Name: "UserChange", Type: "directory.User", Request: true, Without: []string{"static"}},
	{Type: "directory.Group"}, {Name: "GroupChange", Type: "directory.Group", Request: true, Without: []string{"static"}},
	{Type: "directory.Channel"}, {Name: "ChannelChange", Type: "directory.Channel", Request: true, Without: []string{"static"}},
	{Name: "Webhook", Type: "feed/push.view", Without: hidden}, {Name: "WebhookMade", Type: "feed/push.answer", Without: hidden},
	{Name: "WebhookSettings", Type: "feed/push.settings", Request: true}, {Name: "WebhookState", Type: "feed/push.Status"},
	{Name: "WebhookRotation", Type: "feed/push.rotation", Request: true}, {Name: "WebhookPause", Type: "feed/push.pausing", Request: true},
	{Name: "WebhookReplay", Type: "feed/push.again", Request: true}, {Name: "WebhookAttempt", Type: "feed/push.Attempt"},
	{Name: "WebhookCounts", Type: "feed/push.Counts"}, {Name: "WebhookCertificate", Type: "feed/push.certificateView"},
	{Name: "WebhookSecret", Type: "feed/push.secretView"}, {Type: "feed/push.Parked"}, {Type: "feed/push.ReplayStatus"},
	{Type: "feed/live.queueState"}, {Type: "feed/live.agentState"}, {Type: "feed/live.interactionState"}, {Type: "feed/live.channelState"},
	{Type: "feed/live.sourceState"}, {Type: "feed/live.explanation"},
	{Name: "ExportDestination", Type: "feed/export.wholeView"}, {Name: "ExportDestinationListed", Type: "feed/export.DestinationView"},
	{Name: "ExportFeed", Type: "feed/export.feedView"}, {Name: "ExportWindow", Type: "feed/export.windowView"}, {Name: "ExportMissed", Type: "feed/export.Missed"},
	{Name: "BackfillWanted", Type: "feed/export.Backfill", Request: true}, {Type: "feed/export.BackfillState"},
	{Name: "Source", Type: "server.sourceView"}, {Name: "SourceConnection", Type: "server.connectionView"},
}

// hidden are the members of a destination that no answer has.
var hidden = []string{"secrets", "client_key", "client_cert"}

const (
	firstLine = "    # Written from the Go types by \"go test ./server -run OpenAPI -update\", up to the end of the file.\n"
	moment    = "{type: string, format: date-time}"
)

// TestOpenAPIHasTheTypes holds the schemas of docs/openapi.yaml that come from Go types against their source.
func TestOpenAPIHasTheTypes(t *testing.T) {
	want, err := typedoc.Schemas(typedoc.Options{
		Root: "..", Module: "trunkline",
		Known: map[string]string{
			"time.Time": moment, "feed/live.moment": moment, "encoding/json.RawMessage": "{type: object}", "eventlog.Cursor": "{type: string}",
			"event.Time": moment,
		},
	}, 4, described...)
	if err != nil {
		t.Fatal(err)
	}
	const file = "../docs/openapi.yaml"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, now, ok := strings.Cut(string(raw), firstLine)
	if !ok {
		t.Fatalf("%s has no line %q", file, firstLine)
	}
	switch {
	case now == want:
	case *update:
		if err := os.WriteFile(file, []byte(before+firstLine+want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what the types say: run go test ./server -run OpenAPI -update", file)
	}
}
