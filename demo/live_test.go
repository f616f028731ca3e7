package demo_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (r running) get(t *testing.T, ctx context.Context, path, scope string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", r.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Tokens[scope])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s", path, resp.Status)
	}
	return resp
}

// What the simulation does is seen from outside, as the printed commands do it.
func TestTheSimulationIsSeenLiveAndInHistory(t *testing.T) {
	o := options("")
	o.Speed = 20
	r := run(t, o)
	r.waitFor(t, 150)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	page := r.get(t, ctx, "/v1/events?order=desc&limit=5", "read")
	defer page.Body.Close()
	var history struct {
		Events []struct {
			Tenant, Source string
			Sequence       json.RawMessage
		}
	}
	if err := json.NewDecoder(page.Body).Decode(&history); err != nil {
		t.Fatal(err)
	}
	if len(history.Events) != 5 {
		t.Errorf("history %+v", history)
	}
	for _, e := range history.Events {
		if e.Tenant != "acmecorp01" || e.Source != "sim/acmecorp01" && !strings.HasPrefix(e.Source, "/trunkline/") {
			t.Errorf("an event of %s, of the tenant %s", e.Source, e.Tenant)
		}
	}

	live := r.get(t, ctx, "/v1/live", "read")
	defer live.Body.Close()
	seen := make(map[string]bool)
	n := 0
	for lines := bufio.NewScanner(live.Body); n < 100 && lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok || !strings.Contains(data, `"specversion"`) {
			continue
		}
		var e struct{ ID, Type string }
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if seen[e.ID] {
			t.Errorf("%s %s comes twice", e.Type, e.ID)
		}
		seen[e.ID] = true
		n++
	}
	if n < 100 {
		t.Errorf("%d events live", n)
	}
}
