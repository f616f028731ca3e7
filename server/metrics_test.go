package server

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"trunkline/eventlog"
	"trunkline/feed/hub"
	"trunkline/feed/push"
)

// docs/operations.md names every metric, and no other.
func TestMetricsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := newMetrics()
	m.logGauges(func() eventlog.Health { return eventlog.Health{} })
	m.endpoint("GET /x")()(200, 1, false)
	m.feedGauges("live", func() (int, int) { return 0, 0 })
	m.sourceGauges(func() []sourceView { return []sourceView{{Source: "asterisk/pbx1", Connection: &connectionView{}}} })
	m.registry.MustRegister(newPushCollector(func() []push.Numbers { return []push.Numbers{{Tenant: "acme", ID: "crm"}} }))
	m.hubCounters(func() hub.Stats { return hub.Stats{} })
	m.receiver().WithLabelValues("accepted")
	m.refusal("missing")
	m.events.WithLabelValues("accepted")
	m.appends.WithLabelValues("ok")
	names, err := m.names()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.Contains(string(doc), "`"+name+"`") {
			t.Errorf("docs/operations.md does not explain %s", name)
		}
	}
	for _, name := range regexp.MustCompile("`(trunkline_[a-z_]+)`").FindAllStringSubmatch(string(doc), -1) {
		if !slices.Contains(names, name[1]) {
			t.Errorf("docs/operations.md explains %s, which is not there", name[1])
		}
	}
}

func TestRedactQuery(t *testing.T) {
	for raw, want := range map[string]string{
		"":                           "",
		"after=abc&limit=10":         "after=abc&limit=10",
		"access_token=x&after=1":     "access_token=(hidden)&after=1",
		"API%5FKEY=x":                "API%5FKEY=(hidden)",
		"a=tl_abc_secret":            "a=(hidden)",
		"%zz=1&ok=2":                 "(malformed)&ok=2",
		"password&x":                 "password=(hidden)&x",
		"X-Amz-Signature=deadbeef&b": "X-Amz-Signature=(hidden)&b",
	} {
		if got := redactQuery(raw); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}
