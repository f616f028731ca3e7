package push_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"trunkline/feed/push"
)

func TestSecretsAreShownOnceAndRotate(t *testing.T) {
	e := newEndpoint(t, nil)
	f := newFixture(t, nil)
	made := f.make(e.URL, map[string]any{"signing_secret": "new", "headers": map[string]string{"X-Key": "hush"}})
	secret, _ := made["signing_secret"].(string)
	if !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("the secret is %q", secret)
	}
	shown := func() string {
		_, one := f.call("GET", "/v1/webhooks/d1", nil)
		_, all := f.call("GET", "/v1/webhooks", nil)
		raw, err := json.Marshal([]any{one, all})
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	if text := shown(); strings.Contains(text, secret) || strings.Contains(text, "hush") || strings.Contains(text, "PRIVATE") || !strings.Contains(text, "CN=trunkline") {
		t.Errorf("shown: %s", text)
	}
	// A change gives up what is being sent and sends it again: it must be settled before.
	settled := func(n int) func() bool {
		return func() bool { return len(e.got()) == n && f.state("d1")["lag_events"] == 0.0 }
	}
	f.log.Append("acme", 1)
	until(t, "delivered", settled(1))
	if sig := e.got()[0].header.Get("webhook-signature"); strings.Count(sig, "v1,") != 1 || e.got()[0].header.Get("X-Key") != "hush" {
		t.Errorf("signature %q", sig)
	}
	status, out := f.call("POST", "/v1/webhooks/d1/rotate", map[string]any{"overlap_seconds": 600})
	if fresh, _ := out["signing_secret"].(string); status != 200 || fresh == secret || !strings.HasPrefix(fresh, "whsec_") {
		t.Errorf("rotate: %d %v", status, out)
	}
	f.log.Append("acme", 1)
	until(t, "delivered", settled(2))
	if sig := e.got()[1].header.Get("webhook-signature"); strings.Count(sig, "v1,") != 2 {
		t.Errorf("two secrets should sign: %q", sig)
	}
	if status, _ := f.call("POST", "/v1/webhooks/d1/rotate", map[string]any{"overlap_seconds": 0}); status != 200 {
		t.Errorf("rotate at once: %d", status)
	}
	f.log.Append("acme", 1)
	until(t, "delivered", settled(3))
	if sig := e.got()[2].header.Get("webhook-signature"); strings.Count(sig, "v1,") != 1 {
		t.Errorf("one secret should sign: %q", sig)
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	f := newFixture(t, nil)
	for name, more := range map[string]map[string]any{
		"url":             {"url": "http://example.com/"},
		"credentials":     {"url": "https://a:b@example.com/"},
		"filter":          {"filter": "data.queue =="},
		"timeout_ms 9":    {"timeout_ms": 9},
		"timeout_ms 60":   {"timeout_ms": 60_001},
		"retries":         {"retries": 51},
		"concurrency":     {"concurrency": 257},
		"ordering":        {"ordering": "total"},
		"after_last":      {"after_last": "strict", "ordering": "none"},
		"event_list":      {"feeds": []string{"journey"}, "event_list": []string{"queue_info_updated"}},
		"feeds":           {"feeds": []string{"jurney"}},
		"Webhook-Id":      {"headers": map[string]string{"webhook-id": "x"}},
		"Upgrade":         {"headers": map[string]string{"upgrade": "h2c"}},
		"twice":           {"headers": map[string]string{"x-key": "1", "X-Key": "2"}},
		"url no host":     {"url": "https://:443/"},
		"url port":        {"url": "https://example.com:65536/"},
		"ca":              {"ca": "rubbish"},
		"client_key":      {"client_key": ""},
		"secrets":         {"signing_secret": "whsec_short"},
		"not a cursor":    {"after": "yesterday"},
		"unknown field":   {"rettries": 1},
		"rate_per_second": {"rate_per_second": -1},
	} {
		status, out := f.call("POST", "/v1/webhooks", f.settings("https://events.example.com/", more))
		word, _, _ := strings.Cut(name, " ")
		if detail, _ := out["detail"].(string); status != 422 || !strings.Contains(detail, word) {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	for _, ok := range []map[string]any{{"id": "a", "timeout_ms": 10, "retries": 50, "concurrency": 256}, {"id": "b", "timeout_ms": 60_000, "feeds": []string{"queue"}}} {
		if status, out := f.call("POST", "/v1/webhooks", f.settings("https://events.example.com/", ok)); status != 201 {
			t.Errorf("%v: %d %v", ok, status, out)
		}
	}
	if status, _ := f.call("POST", "/v1/webhooks", f.settings("https://events.example.com/", map[string]any{"id": "c"})); status != 422 {
		t.Errorf("a second raw destination: %d", status)
	}
	if status, _ := f.call("POST", "/v1/webhooks", f.settings("https://events.example.com/", map[string]any{"id": "b", "feeds": []string{"queue"}})); status != 409 {
		t.Errorf("the same id again: %d", status)
	}
}

func TestAChangeKeepsThePlace(t *testing.T) {
	first, second := newEndpoint(t, nil), newEndpoint(t, nil)
	f := newFixture(t, nil)
	f.make(first.URL, nil)
	f.log.Append("acme", 20)
	until(t, "the first", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	if status, out := f.call("PATCH", "/v1/webhooks/d1", map[string]any{"url": second.URL}); status != 200 || out["url"] != second.URL {
		t.Fatalf("change: %d %v", status, out)
	}
	f.log.Append("acme", 20)
	until(t, "the second", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	if a, b := len(first.got()), len(second.got()); a != 20 || b != 20 {
		t.Errorf("%d and %d", a, b)
	}
	// A range of what the log has, and one event, again.
	if status, out := f.call("POST", "/v1/webhooks/d1/replay", map[string]any{"after": "oldest"}); status != 202 {
		t.Fatalf("replay: %d %v", status, out)
	}
	until(t, "the replay", func() bool { return len(second.got()) == 60 })
	until(t, "its end", func() bool { r, _ := f.state("d1")["replay"].(map[string]any); return r["running"] == false })
	id := second.got()[0].id
	if status, out := f.call("POST", "/v1/webhooks/d1/replay", map[string]any{"event": id}); status != 202 {
		t.Fatalf("replay of one: %d %v", status, out)
	}
	until(t, "the one", func() bool { return len(second.got()) == 61 })
	if got := second.got()[60].id; got != id {
		t.Errorf("replayed %s, want %s", got, id)
	}
	_, out := f.call("GET", "/v1/webhooks/d1/attempts?event="+id, nil)
	if list, _ := out["attempts"].([]any); len(list) < 2 {
		t.Errorf("attempts of one event: %v", out)
	}
	status, out := f.call("POST", "/v1/webhooks/d1/test", nil)
	if status != 200 || out["outcome"] != push.OutcomeDelivered || out["event_type"] != "test" {
		t.Errorf("test: %d %v", status, out)
	}
	if status, _ := f.call("DELETE", "/v1/webhooks/d1", nil); status != 204 {
		t.Errorf("delete: %d", status)
	}
	if status, _ := f.call("GET", "/v1/webhooks/d1", nil); status != 404 {
		t.Errorf("a deleted destination: %d", status)
	}
}

// TestASlowNeighbourHarmsNobody: one destination never answers in time, one refuses connections, and the third gets
// everything at once.
func TestASlowNeighbourHarmsNobody(t *testing.T) {
	slow, good := newEndpoint(t, nil), newEndpoint(t, nil)
	release := make(chan struct{})
	slow.set(func(int, got) int { <-release; return 200 })
	t.Cleanup(func() { close(release) })
	f := newFixture(t, nil)
	list := map[string]any{"feeds": []string{"journey"}}
	for id, url := range map[string]string{"slow": slow.URL, "dead": "https://127.0.0.1:1/"} {
		list["id"] = id
		f.make(url, list)
	}
	f.make(good.URL, nil)
	var worst time.Duration
	for i := range 50 {
		began := time.Now()
		f.log.Append("acme", 4)
		until(t, "delivered", func() bool { return len(good.got()) == 4*(i+1) })
		worst = max(worst, time.Since(began))
	}
	t.Logf("the slowest took %v", worst)
	inOrder(t, good.got(), 200)
}
