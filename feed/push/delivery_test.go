package push_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/push"
)

// sequences gives the sequences that an endpoint got, the first time each came, by subject.
func sequences(t *testing.T, reqs []got) (bySubject map[string][]uint64, distinct int) {
	t.Helper()
	bySubject, seen := map[string][]uint64{}, map[string]bool{}
	for _, g := range reqs {
		if seen[g.id] {
			continue
		}
		seen[g.id] = true
		var e struct {
			Sequence uint64 `json:"sequence"`
			Subject  string `json:"subject"`
		}
		if err := json.Unmarshal(g.body, &e); err != nil {
			t.Fatal(err)
		}
		bySubject[e.Subject] = append(bySubject[e.Subject], e.Sequence)
	}
	return bySubject, len(seen)
}

func inOrder(t *testing.T, reqs []got, want int) {
	t.Helper()
	bySubject, distinct := sequences(t, reqs)
	if distinct != want {
		t.Errorf("%d distinct events, want %d", distinct, want)
	}
	for subject, seqs := range bySubject {
		for i := 1; i < len(seqs); i++ {
			if seqs[i] <= seqs[i-1] {
				t.Errorf("%s: %d after %d", subject, seqs[i], seqs[i-1])
				break
			}
		}
	}
}

func TestEveryEventArrivesInOrderThroughFailures(t *testing.T) {
	total := 4000
	if testing.Short() {
		total = 800
	}
	e := newEndpoint(t, nil)
	e.set(func(int, got) int {
		switch n := rand.IntN(100); {
		case n < 20:
			return 500
		case n < 21:
			return -1
		}
		return 200
	})
	f := newFixture(t, nil)
	f.make(e.URL, map[string]any{"concurrency": 16, "retries": 50, "http": "1.1"})
	for range 10 {
		f.log.Append("acme", total/10)
	}
	until(t, "all delivered", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	inOrder(t, e.got(), total)
}

func TestARestartRepeatsOnlyWhatWasInFlight(t *testing.T) {
	e := newEndpoint(t, nil)
	f := newFixture(t, nil)
	made := f.make(e.URL, nil)
	f.log.Append("acme", 100)
	until(t, "delivered", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	f.close()
	before := len(e.got())
	f.log.Append("acme", 50)
	f.open()
	until(t, "the rest", func() bool { _, n := sequences(t, e.got()); return n == 150 })
	inOrder(t, e.got(), 150)
	if before != 100 || len(e.got()) != 150 {
		t.Errorf("%d requests, then %d: a stop in order repeats nothing", before, len(e.got()))
	}
	if made["client_key"] != nil || made["client_cert"] != nil {
		t.Errorf("secrets are shown: %v", made)
	}
}

// TestOneEntityDoesNotHoldUpTheOthers: all but one entity get through while that one fails.
func TestOneEntityDoesNotHoldUpTheOthers(t *testing.T) {
	e := newEndpoint(t, nil)
	var mu sync.Mutex
	heal := false
	e.set(func(_ int, g got) int {
		mu.Lock()
		defer mu.Unlock()
		if g.entity == "interaction/3" && !heal {
			return 500
		}
		return 200
	})
	f := newFixture(t, nil)
	f.make(e.URL, map[string]any{"retries": 50, "backoff_ms": 20})
	f.log.Append("acme", 200)
	until(t, "the others", func() bool {
		by, _ := sequences(t, e.got())
		n := 0
		for s, l := range by {
			if s != "interaction/3" {
				n += len(l)
			}
		}
		return n == 180
	})
	mu.Lock()
	heal = true
	mu.Unlock()
	until(t, "the one", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	inOrder(t, e.got(), 200)
}

func TestParkedEventsAreReplayed(t *testing.T) {
	for _, after := range []string{push.AfterPark, push.AfterStrict, push.AfterDrop} {
		t.Run(after, func(t *testing.T) {
			e := newEndpoint(t, nil)
			var mu sync.Mutex
			heal := false
			e.set(func(_ int, g got) int {
				mu.Lock()
				defer mu.Unlock()
				if strings.Contains(string(g.body), `"acme-13"`) && !heal {
					return 422
				}
				return 200
			})
			f := newFixture(t, nil)
			f.make(e.URL, map[string]any{"retries": 1, "after_last": after})
			f.log.Append("acme", 40) // 13, 23, 33 and 3 are of one entity
			until(t, "all done with", func() bool { return f.state("d1")["lag_events"] == 0.0 })
			mu.Lock()
			heal = true
			mu.Unlock()
			want := map[string]float64{push.AfterPark: 1, push.AfterStrict: 3, push.AfterDrop: 0}[after]
			if got := f.state("d1")["parked"]; got != want {
				t.Fatalf("%v parked, want %v", got, want)
			}
			f.close() // what is parked survives
			f.open()
			if got := f.state("d1")["parked"]; got != want {
				t.Fatalf("%v parked after a restart, want %v", got, want)
			}
			f.replayParked()
			if got := f.state("d1")["parked"]; got != 0.0 {
				t.Errorf("%v are still parked", got)
			}
			all := 40
			if after == push.AfterDrop {
				all = 40 // it came, though it was refused
			}
			by, n := sequences(t, e.got())
			if n != all {
				t.Errorf("%d distinct events", n)
			}
			if seqs := fmt.Sprint(by["interaction/3"]); seqs != "[3 13 23 33]" && after == push.AfterStrict {
				t.Errorf("the held entity came as %s", seqs)
			}
			f.log.Append("acme", 10) // 43 is of the entity that was held
			until(t, "what follows", func() bool { _, n := sequences(t, e.got()); return n == all+10 })
		})
	}
}

func TestADestinationThatIsDownUsesUpNoRetries(t *testing.T) {
	e := newEndpoint(t, nil)
	var mu sync.Mutex
	var told []string
	down := true
	e.set(func(int, got) int {
		mu.Lock()
		defer mu.Unlock()
		if down {
			return 503
		}
		return 200
	})
	f := newFixture(t, func(o *push.Options) {
		o.Append = func(_ context.Context, _ string, events []event.Event) (eventlog.Result, error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, events[0].Type)
			return eventlog.Result{}, nil
		}
	})
	f.make(e.URL, map[string]any{"retries": 2, "concurrency": 16})
	f.log.Append("acme", 2000)
	until(t, "down", func() bool { return f.state("d1")["state"] == push.StateDown })
	until(t, "probes", func() bool { return len(e.got()) > 16 })
	if n := f.state("d1")["waiting"].(float64); n > 20 {
		t.Errorf("%v messages wait in memory for an endpoint that is down", n)
	}
	mu.Lock()
	down = false
	mu.Unlock()
	until(t, "up", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	if p := f.state("d1")["parked"]; p != 0.0 {
		t.Errorf("%v parked", p)
	}
	inOrder(t, e.got(), 2000)
	until(t, "told", func() bool { mu.Lock(); defer mu.Unlock(); return len(told) == 2 })
	if told[0] != "destination.down" || told[1] != "destination.up" {
		t.Errorf("told %v", told)
	}
}

// TestOneEventDoesNotKeepADestinationDown: when the endpoint is back, it does not take the very event that comes first.
func TestOneEventDoesNotKeepADestinationDown(t *testing.T) {
	e := newEndpoint(t, nil)
	e.set(func(int, got) int { return 500 })
	f := newFixture(t, nil)
	// With so many retries the first entity alone may come to the last of them before the breaker opens.
	f.make(e.URL, map[string]any{"concurrency": 1, "retries": 9, "backoff_ms": 1})
	f.log.Append("acme", 40)
	until(t, "down", func() bool { return f.state("d1")["state"] == push.StateDown })
	first := e.got()[0].entity
	e.set(func(_ int, g got) int {
		if g.entity == first {
			return 500
		}
		return 200
	})
	until(t, "the others", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	delivered := 0
	bySubject, _ := sequences(t, e.got())
	for entity, seqs := range bySubject {
		if entity != first {
			delivered += len(seqs)
		}
	}
	if parked := f.state("d1")["parked"]; delivered != 36 || parked != 4.0 {
		t.Errorf("%d were delivered and %v parked, want 36 and 4", delivered, parked)
	}
}

func TestGonePausesAndResumeGoesOn(t *testing.T) {
	e := newEndpoint(t, nil)
	e.set(func(int, got) int { return 410 })
	f := newFixture(t, nil)
	f.make(e.URL, map[string]any{"concurrency": 1})
	f.log.Append("acme", 30)
	until(t, "paused", func() bool { return f.state("d1")["state"] == push.StatePaused })
	until(t, "stored", func() bool {
		_, err := f.destinations.Get(t.Context(), "s.acme.d1")
		return err == nil
	})
	if n := len(e.got()); n != 1 {
		t.Errorf("%d requests", n)
	}
	f.close()
	f.open()
	if f.state("d1")["state"] != push.StatePaused {
		t.Error("a restart has ended the pause")
	}
	e.set(nil)
	if status, out := f.call("POST", "/v1/webhooks/d1/resume", nil); status != 200 {
		t.Fatalf("resume: %d %v", status, out)
	}
	until(t, "delivered", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	inOrder(t, e.got()[1:], 30)
}

func TestTheRateIsKept(t *testing.T) {
	e := newEndpoint(t, nil)
	f := newFixture(t, nil)
	var first time.Time
	e.set(func(n int, _ got) int {
		if n == 1 {
			first = time.Now()
		}
		return 200
	})
	f.make(e.URL, map[string]any{"rate_per_second": 50, "concurrency": 4})
	f.log.Append("acme", 30)
	until(t, "all", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	if took := time.Since(first); took < 400*time.Millisecond {
		t.Errorf("30 events at 50 a second with a burst of 4 took %v", took)
	}
}

// TestRefusals has endpoints that are not what they should be, and looks for a clear record of the attempt.
func TestRefusals(t *testing.T) {
	c, err := certs()
	if err != nil {
		t.Fatal(err)
	}
	other, err := newOther()
	if err != nil {
		t.Fatal(err)
	}
	redirecting := newEndpoint(t, nil)
	redirecting.Config.Handler = http.RedirectHandler("https://10.0.0.1/", http.StatusFound)
	plain := newEndpoint(t, nil)
	old := newEndpoint(t, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 })
	wrong := newEndpoint(t, func(c *tls.Config) { c.Certificates = []tls.Certificate{other.wrongName} })
	for _, tc := range []struct {
		name, url, says string
		more            map[string]any
		guarded         bool
	}{
		{"an authority that is not trusted", plain.URL, "not trusted", map[string]any{"ca": string(other.ca.Cert)}, false},
		{"another name", wrong.URL, "another name", nil, false},
		{"an expired client certificate", plain.URL, "refused the TLS handshake", map[string]any{"client_cert": string(other.expired.Cert), "client_key": string(other.expired.Key)}, false},
		{"a client certificate of another authority", plain.URL, "refused the TLS handshake", map[string]any{"client_cert": string(other.client.Cert), "client_key": string(other.client.Key)}, false},
		{"no client certificate", plain.URL, "refused the TLS handshake", map[string]any{"client_cert": "", "client_key": ""}, false},
		{"TLS 1.1", old.URL, "TLS", map[string]any{"min_tls": "1.2"}, false},
		{"a redirect", redirecting.URL, "redirects are not followed", nil, false},
		{"a loopback address", plain.URL, "not a public address", nil, true},
		{"a name that resolves to loopback", strings.Replace(plain.URL, "127.0.0.1", "localhost", 1), "not a public address", nil, true},
		{"nobody there", "https://127.0.0.1:1/", "refused", nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, func(o *push.Options) {
				if tc.guarded {
					o.Guard = push.Guard{}
				}
			})
			more := map[string]any{"ca": string(c.ca.Cert), "retries": 0}
			for k, v := range tc.more {
				more[k] = v
			}
			f.make(tc.url, more)
			f.log.Append("acme", 1)
			var a map[string]any
			until(t, "an attempt", func() bool {
				_, out := f.call("GET", "/v1/webhooks/d1/attempts?failed=true", nil)
				list, _ := out["attempts"].([]any)
				if len(list) == 0 {
					return false
				}
				a = list[0].(map[string]any)
				return true
			})
			if s, _ := a["error"].(string); !strings.Contains(s, tc.says) {
				t.Errorf("the attempt says %q, want something with %q", s, tc.says)
			}
			if a["outcome"] != push.OutcomeParked {
				t.Errorf("outcome %v", a["outcome"])
			}
		})
	}
}

// A destination with a filter gets what the expression is true of, and is done with the rest.
func TestAFilteredDestination(t *testing.T) {
	e := newEndpoint(t, nil)
	f := newFixture(t, nil)
	f.make(e.URL, map[string]any{"filter": `type == "interaction.queued" && data.interaction in ["3", "7"]`})
	f.log.Append("acme", 100)
	until(t, "all dealt with", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	inOrder(t, e.got(), 20)
	bySubject, _ := sequences(t, e.got())
	if len(bySubject) != 2 || len(bySubject["interaction/3"]) != 10 {
		t.Errorf("got %v", bySubject)
	}
}
