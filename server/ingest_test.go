package server_test

import (
	"fmt"
	"strings"
	"testing"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/server"
)

// Events go in over HTTP, are counted, are there after a restart, and the log is whole.
func TestIngest(t *testing.T) {
	c := settings(t)
	s := start(t, func(own *config.Config) { *own = c })
	_, secret, err := s.Tokens().Create(t.Context(), "acme", []auth.Scope{auth.Ingest}, "")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`"accepted":1,"duplicates":0,"conflicts":0`, `"accepted":0,"duplicates":1,"conflicts":0`} {
		status, _, body := call(t, s.URL(), "POST", "/v1/events", fact(""), secret, structured)
		if status != 200 || !strings.Contains(body, want) || !strings.Contains(body, `"durability":"fsync"`) {
			t.Errorf("append %d: %d %s, want %s", i, status, body, want)
		}
	}
	if status, _, body := call(t, s.URL(), "POST", "/v1/events", `{"specversion":"1.0"}`, secret, structured); status != 400 {
		t.Errorf("a bad event: %d %s", status, body)
	}
	_, _, metrics := call(t, s.URL(), "GET", "/metrics", "", "", nil)
	for _, want := range []string{
		`trunkline_ingest_events_total{outcome="accepted"} 1`,
		`trunkline_ingest_events_total{outcome="duplicate"} 1`,
		fmt.Sprintf("trunkline_ingest_bytes_total %d", 2*len(fact(""))),
		`trunkline_log_appends_total{outcome="ok"} 2`,
		`trunkline_log_writable 1`,
		`trunkline_log_events 1`,
		`trunkline_log_breaks 0`,
		`trunkline_http_requests_total{endpoint="POST /v1/events",status="400"} 1`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	store, err := server.OpenOffline(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	report, err := store.Verify(t.Context(), nil)
	if err != nil || report.Events != 1 || len(report.Breaks) != 0 {
		t.Errorf("verify: %+v, %v", report, err)
	}
	if err := store.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// A tenant whose own quota is used up is refused, others are not.
func TestTenantQuota(t *testing.T) {
	s := start(t, func(c *config.Config) { c.Tenants[0].LogBytes = 1 << 20 })
	send := func(tenant string, n int) (status int, header string) {
		_, secret, err := s.Tokens().Create(t.Context(), tenant, []auth.Scope{auth.Ingest}, "")
		if err != nil {
			t.Fatal(err)
		}
		e := strings.Replace(fact(""), `"data":{}`, `"data":{"x":"`+strings.Repeat("x", 200_000)+`"}`, 1)
		for i := range n {
			one := strings.Replace(e, `"id":"1"`, fmt.Sprintf(`"id":"%d"`, i), 1)
			st, h, body := call(t, s.URL(), "POST", "/v1/events", one, secret, structured)
			if st != 200 && st != 429 {
				t.Fatalf("%s: %d %s", tenant, st, body)
			}
			status, header = st, h.Get("Retry-After")
		}
		return status, header
	}
	if status, after := send("acme", 8); status != 429 || after == "" {
		t.Errorf("acme over its quota: %d, Retry-After %q", status, after)
	}
	if status, _ := send("globex", 8); status != 200 {
		t.Errorf("globex: %d", status)
	}
}
