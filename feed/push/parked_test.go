package push_test

import (
	"context"
	"fmt"
	"testing"

	"trunkline/feed/push"
)

// TestAReplayIsOfWhatWasParked: the destination asks for other payloads of the record between parking and replay.
func TestAReplayIsOfWhatWasParked(t *testing.T) {
	e := newEndpoint(t, nil)
	e.set(func(_ int, g got) int {
		if g.kind == "QUEUED" {
			return 422
		}
		return 200
	})
	f := newFixture(t, nil)
	f.make(e.URL, map[string]any{"feeds": []string{"journey"}, "retries": 0})
	f.log.Append("acme", 3)
	until(t, "all done with", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	if got := f.state("d1")["parked"]; got != 3.0 {
		t.Fatalf("%v parked, want 3", got)
	}
	before := len(e.got())
	e.set(nil)
	if status, out := f.call("PATCH", "/v1/webhooks/d1", map[string]any{"event_list": []string{"QUEUED", "ASSIGNED"}}); status != 200 {
		t.Fatalf("change: %d %v", status, out)
	}
	f.replayParked()
	kinds := ""
	for _, g := range e.got()[before:] {
		kinds += " " + g.kind
	}
	if kinds != " QUEUED QUEUED QUEUED" || f.state("d1")["parked"] != 0.0 {
		t.Errorf("replayed%s; %v are still parked", kinds, f.state("d1")["parked"])
	}
}

func (f *fixture) replayParked() {
	f.t.Helper()
	if status, out := f.call("POST", "/v1/webhooks/d1/replay", map[string]any{"parked": true}); status != 202 {
		f.t.Fatalf("replay: %d %v", status, out)
	}
	until(f.t, "the end of the replay", func() bool {
		r, _ := f.state("d1")["replay"].(map[string]any)
		return r["running"] == false
	})
}

// TestADestinationThatIsMadeAgainBeginsAnew: the old one was deleted while nobody could clear away what it had.
func TestADestinationThatIsMadeAgainBeginsAnew(t *testing.T) {
	e := newEndpoint(t, nil)
	e.set(func(n int, _ got) int {
		if n == 1 {
			return 422
		}
		return 200
	})
	f := newFixture(t, nil)
	f.make(e.URL, map[string]any{"retries": 0})
	f.log.Append("acme", 10)
	until(t, "all done with", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	f.close()
	if err := f.destinations.Delete(context.WithoutCancel(t.Context()), "d.acme.d1"); err != nil {
		t.Fatal(err)
	}
	f.open()
	f.make(e.URL, nil)
	until(t, "everything again", func() bool { return len(e.got()) == 20 })
	if _, out := f.call("GET", "/v1/webhooks/d1/attempts?failed=true", nil); fmt.Sprint(out["attempts"]) != "[]" {
		t.Errorf("it has failures of the old one: %v", out)
	}
	if got := f.state("d1")["parked"]; got != 0.0 {
		t.Errorf("%v are parked", got)
	}
	until(t, "the end", func() bool { return f.state("d1")["lag_events"] == 0.0 && f.state("d1")["state"] == push.StateUp })
}
