package push_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/feed/push"
	"trunkline/internal/devcert"
)

// TestRetryAfterIsKept: what an endpoint asks for is waited for where it is longer than the back-off, by one message or,
// when the endpoint as a whole is busy, by all.
func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		after  func() string
		all    bool
	}{
		"503 in seconds": {http.StatusServiceUnavailable, func() string { return "1" }, true},
		"429 in seconds": {http.StatusTooManyRequests, func() string { return "1" }, true},
		"500 in seconds": {http.StatusInternalServerError, func() string { return "1" }, false},
		"503 as a date":  {http.StatusServiceUnavailable, func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t, nil)
			e.after = tc.after()
			e.set(func(n int, _ got) int {
				if n == 1 {
					return tc.status
				}
				return 200
			})
			f := newFixture(t, nil)
			f.make(e.URL, map[string]any{"concurrency": 1})
			f.log.Append("acme", 10)
			until(t, "all", func() bool { return f.state("d1")["lag_events"] == 0.0 })
			reqs := e.got()
			next := reqs[1]
			if !tc.all { // the others go on meanwhile
				for _, r := range reqs[1:] {
					if r.id == reqs[0].id {
						next = r
						break
					}
				}
				if reqs[1].id == reqs[0].id {
					t.Error("other entities waited as well")
				}
			}
			if next.id != reqs[0].id && !tc.all {
				t.Errorf("the first was not sent again")
			}
			// A date has whole seconds only.
			if paused := next.at.Sub(reqs[0].at); paused < 900*time.Millisecond {
				t.Errorf("it was tried again after %v", paused)
			}
		})
	}
}

// TestConnections: HTTP/2 has one connection for all attempts at once, HTTP/1.1 one for each, and both are kept.
func TestConnections(t *testing.T) {
	for setting, want := range map[string]struct {
		proto string
		most  int
	}{"auto": {"HTTP/2.0", 1}, "1.1": {"HTTP/1.1", 4}} {
		e := newEndpoint(t, nil)
		f := newFixture(t, nil)
		f.make(e.URL, map[string]any{"http": setting, "concurrency": 4})
		f.log.Append("acme", 300)
		until(t, "all", func() bool { return f.state("d1")["lag_events"] == 0.0 })
		inOrder(t, e.got(), 300)
		connections := map[string]bool{}
		for _, g := range e.got() {
			connections[g.remote] = true
			if g.proto != want.proto || g.client != "trunkline" {
				t.Fatalf("%s by %q, want %s", g.proto, g.client, want.proto)
			}
		}
		// A race of two dials at the start may open one more than is used.
		if n := len(connections); n > want.most+4 {
			t.Errorf("%s: %d connections for 300 requests", setting, n)
		}
	}
}

func TestAttemptsSurviveARestart(t *testing.T) {
	e := newEndpoint(t, nil)
	e.set(func(_ int, g got) int {
		if g.entity == "interaction/3" {
			return 418
		}
		return 200
	})
	f := newFixture(t, nil)
	f.make(e.URL, map[string]any{"retries": 1})
	f.log.Append("acme", 40)
	until(t, "all", func() bool { return f.state("d1")["lag_events"] == 0.0 })
	list := func(query string) []any {
		_, out := f.call("GET", "/v1/webhooks/d1/attempts"+query, nil)
		l, _ := out["attempts"].([]any)
		return l
	}
	failed, all := list("?failed=true"), list("")
	f.close()
	f.open()
	if got := list("?failed=true"); len(failed) != 8 || fmt.Sprint(got) != fmt.Sprint(failed) {
		t.Errorf("failures were %v, are %v", failed, got)
	}
	if got := list(""); len(got) < 20 || fmt.Sprint(got[0]) != fmt.Sprint(all[0]) {
		t.Errorf("%d attempts, the latest %v, which was %v", len(got), got[0], all[0])
	}
	f.call("DELETE", "/v1/webhooks/d1", nil)
	until(t, "nothing of it is left", func() bool {
		_, err := f.progress.Get(t.Context(), "a.acme.d1")
		return err != nil
	})
}

// TestCertificatesAreExchanged: other certificates, of either side, are in use without a restart and without a loss.
func TestCertificatesAreExchanged(t *testing.T) {
	c, err := certs()
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := c.ca.Client(devcert.Terms{}, "renewed")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(c.server.Cert, c.server.Key)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newOther()
	if err != nil {
		t.Fatal(err)
	}
	var serving atomic.Pointer[tls.Certificate]
	serving.Store(&pair)
	e := newEndpoint(t, func(c *tls.Config) {
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			one := c.Clone()
			one.Certificates, one.GetConfigForClient = []tls.Certificate{*serving.Load()}, nil
			one.SessionTicketsDisabled = true // a session that goes on shows no certificate
			return one, nil
		}
	})
	of := func(p *devcert.Pair) push.Destination {
		return push.Destination{ID: "d1", Tenant: "acme", URL: e.URL, Feeds: []push.Kind{push.Raw}, BackoffMS: 5, Retries: 50, CA: string(c.ca.Cert),
			ClientCert: string(p.Cert), ClientKey: string(p.Key)}
	}
	f := newFixture(t, nil)
	f.log.Append("acme", 1) // before the destination begins: not for it
	if err := f.feed.SetStatic([]push.Destination{of(c.client)}); err != nil {
		t.Fatal(err)
	}
	f.log.Append("acme", 20)
	until(t, "by the first certificate", func() bool { return len(e.got()) == 20 })
	if err := f.feed.SetStatic([]push.Destination{{ID: "d1", Tenant: "acme", URL: "ftp://x"}}); err == nil {
		t.Error("half of a renewal is taken")
	}
	if err := f.feed.SetStatic([]push.Destination{of(renewed)}); err != nil {
		t.Fatal(err)
	}
	f.log.Append("acme", 20)
	until(t, "by the second", func() bool { _, n := sequences(t, e.got()); return n == 40 })
	inOrder(t, e.got(), 40)
	if last := e.got()[len(e.got())-1].client; last != "renewed" {
		t.Errorf("the last came by %s", last)
	}
	// The endpoint's certificate is of another name for a while: nothing arrives, nothing is lost.
	serving.Store(&other.wrongName)
	e.CloseClientConnections()
	f.log.Append("acme", 20)
	until(t, "a clear error", func() bool { return len(failures(f)) > 0 })
	serving.Store(&pair)
	until(t, "by the right one", func() bool { _, n := sequences(t, e.got()); return n == 60 })
	inOrder(t, e.got(), 60)
}

func failures(f *fixture) []any {
	_, out := f.call("GET", "/v1/webhooks/d1/attempts?failed=true", nil)
	l, _ := out["attempts"].([]any)
	return l
}
