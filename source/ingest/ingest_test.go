package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/source/ingest"
)

// memory is an Appender that keeps what it was given, or fails with err.
type memory struct {
	mu     sync.Mutex
	tenant string
	raw    []string
	calls  int
	err    error
}

func (m *memory) Append(_ context.Context, tenant string, events []event.Event) (eventlog.Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.err != nil {
		return eventlog.Result{}, m.err
	}
	m.tenant = tenant
	for _, e := range events {
		m.raw = append(m.raw, string(e.Raw))
	}
	return eventlog.Result{Accepted: len(events), Duplicates: 2, Conflicts: 1, Cursor: eventlog.Cursor{Epoch: eventlog.Epoch{1}, Seq: uint64(len(m.raw))}, Durability: "fsync"}, nil
}

// as makes every request one of a principal.
func as(p *auth.Principal, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(auth.With(r.Context(), p)))
	})
}

var acme = &auth.Principal{Tenant: "acme", Scopes: []auth.Scope{auth.Ingest}}

// answer is what a request was answered with.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

// post sends one request to a handler over a real connection.
func post(t *testing.T, h http.Handler, body io.Reader, pairs ...string) answer {
	t.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	r, err := http.NewRequest(http.MethodPost, srv.URL+"/v1/events", body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	res, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, text: string(b)}
	if err := json.Unmarshal(b, &a.body); err != nil {
		t.Fatalf("%d: not JSON: %s", res.StatusCode, b)
	}
	return a
}

// one is an event of a foreign type with further members.
func one(id int, members string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/s","type":"com.example.x"%s}`, id, members)
}

func zipped(s string) *bytes.Buffer {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = io.WriteString(w, s) // a bytes.Buffer takes everything
	_ = w.Close()
	return &buf
}

func TestEveryFormIsTaken(t *testing.T) {
	lines := one(1, "") + "\n" + one(2, `,"tenant":"acme"`)
	for _, c := range []struct {
		name   string
		body   io.Reader
		header []string
		want   int
	}{
		{"one", strings.NewReader(one(1, "")), []string{"Content-Type", event.MediaTypeEvent}, 1},
		{"batch", strings.NewReader("[" + one(1, "") + "," + one(2, "") + "]"), []string{"Content-Type", event.MediaTypeBatch}, 2},
		{"empty batch", strings.NewReader("[]"), []string{"Content-Type", event.MediaTypeBatch}, 0},
		{"lines", strings.NewReader(lines), []string{"Content-Type", event.MediaTypeNDJSON}, 2},
		{"lines, chunked", io.MultiReader(strings.NewReader(lines)), []string{"Content-Type", event.MediaTypeNDJSON}, 2},
		{"lines, gzip", zipped(lines), []string{"Content-Type", event.MediaTypeNDJSON, "Content-Encoding", "GZIP"}, 2},
		{"lines, identity", strings.NewReader(lines), []string{"Content-Type", event.MediaTypeNDJSON, "Content-Encoding", "identity"}, 2},
		{"large", strings.NewReader(one(1, `,"data":"`+strings.Repeat("x", 100_000)+`"`)), []string{"Content-Type", event.MediaTypeJSON}, 1},
		{"binary", strings.NewReader(`{"a":1}`), []string{"Content-Type", "application/json", "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "com.example.x"}, 1},
	} {
		log := &memory{}
		a := post(t, as(acme, ingest.New(log, event.Limits{})), c.body, c.header...)
		if a.status != http.StatusOK || a.body["accepted"] != float64(c.want) || a.body["durability"] != "fsync" {
			t.Errorf("%s: %d %s", c.name, a.status, a.text)
			continue
		}
		if len(log.raw) != c.want || log.tenant != "acme" {
			t.Errorf("%s: appended %q for %q", c.name, log.raw, log.tenant)
		}
		cursor, err := eventlog.ParseCursor(a.body["cursor"].(string))
		if err != nil || cursor.Seq != uint64(c.want) || a.body["duplicates"] != 2.0 || a.body["conflicts"] != 1.0 {
			t.Errorf("%s: %v %s", c.name, err, a.text)
		}
	}
}

func TestRefusals(t *testing.T) {
	lim := event.Limits{MaxEvent: 1000, MaxBatchBytes: 5000, MaxBatchEvents: 3}
	ndjson := []string{"Content-Type", event.MediaTypeNDJSON}
	gz := append([]string{"Content-Encoding", "gzip"}, ndjson...)
	huge := strings.Repeat(one(1, "")+"\n", 1000)
	broken := zipped(one(1, "") + "\n" + one(2, ""))
	broken.Truncate(broken.Len() / 2)
	for _, c := range []struct {
		name   string
		body   io.Reader
		header []string
		status int
		kind   string
		want   string
	}{
		{"bad events", strings.NewReader(one(1, "") + "\n" + one(2, `,"time":"x"`) + "\n{}"), ndjson, 400, "invalid-event", `"problems":[{"index":1,"field":"time","reason":"must be an RFC 3339`},
		{"nothing", strings.NewReader(""), []string{"Content-Type", event.MediaTypeEvent}, 400, "invalid-event", `"index":0`},
		{"other tenant", strings.NewReader(one(1, "") + "\n" + one(2, `,"tenant":"other"`)), ndjson, 403, "other-tenant", `"problems":[{"index":1,"field":"tenant"`},
		{"too many", strings.NewReader(strings.Repeat(one(1, "")+"\n", 4)), ndjson, 413, "too-large", "more than 3 events"},
		{"large event", strings.NewReader(one(1, `,"data":"`+strings.Repeat("x", 1000)+`"`)), ndjson, 413, "too-large", "more than 1000 bytes"},
		{"large body", strings.NewReader(huge), ndjson, 413, "too-large", "more than 5000 bytes"},
		{"large body, chunked", io.MultiReader(strings.NewReader(huge)), ndjson, 413, "too-large", "more than 5000 bytes"},
		{"gzip bomb", zipped(huge), gz, 413, "too-large", "more than 5000 bytes, decompressed"},
		{"broken gzip", broken, gz, 400, "body", "read the body"},
		{"no gzip", strings.NewReader(one(1, "")), gz, 400, "body", "read the body"},
		{"zstd", strings.NewReader("x"), []string{"Content-Encoding", "zstd", "Content-Type", event.MediaTypeNDJSON}, 415, "content-encoding", `"accepted":["gzip","identity"]`},
		{"gzip twice", strings.NewReader("x"), []string{"Content-Encoding", "gzip, gzip", "Content-Type", event.MediaTypeNDJSON}, 415, "content-encoding", "gzip, gzip"},
		{"form", strings.NewReader("a=b"), []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "content-type", `"application/x-ndjson"`},
	} {
		log := &memory{}
		a := post(t, as(acme, ingest.New(log, lim)), c.body, c.header...)
		if a.status != c.status || a.body["type"] != "urn:trunkline:problem:"+c.kind || !strings.Contains(a.text, c.want) || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", c.name, a.status, a.text)
		}
		if c.status == 415 && a.header.Get("Accept-Encoding") == "" && a.header.Get("Accept-Post") == "" {
			t.Errorf("%s: does not say what is taken", c.name)
		}
		if log.calls != 0 {
			t.Errorf("%s: appended", c.name)
		}
	}
}

func TestErrorsOfTheLog(t *testing.T) {
	for _, c := range []struct {
		err     error
		status  int
		retry   string
		outcome string
		detail  string
	}{
		{&eventlog.QuotaError{RetryAfter: 1500 * time.Millisecond, Reason: "acme keeps 3 GiB of 2"}, 429, "2", "not written", "acme keeps 3 GiB of 2"},
		{&eventlog.QuotaError{Reason: "full"}, 429, "1", "not written", "full"},
		{fmt.Errorf("append: %w", eventlog.ErrBusy), 429, "1", "not written", ""},
		{&eventlog.UnavailableError{Reason: "the disk is full"}, 503, "2", "not written", "the disk is full"},
		{eventlog.ErrClosed, 503, "2", "not written", "stopping"},
		{fmt.Errorf("append: %w", eventlog.ErrUnknown), 503, "1", "unknown", "repeat with the same ids"},
		{context.DeadlineExceeded, 503, "1", "unknown", "repeat with the same ids"},
		{errors.New("something else"), 503, "1", "unknown", "repeat with the same ids"},
		{eventlog.ErrTooLarge, 413, "", "", "larger than the log can take"},
	} {
		a := post(t, as(acme, ingest.New(&memory{err: c.err}, event.Limits{})), strings.NewReader(one(1, "")), "Content-Type", event.MediaTypeEvent)
		outcome, _ := a.body["outcome"].(string)
		if a.status != c.status || a.header.Get("Retry-After") != c.retry || outcome != c.outcome || !strings.Contains(a.text, c.detail) {
			t.Errorf("%v: %d, Retry-After %q, %s", c.err, a.status, a.header.Get("Retry-After"), a.text)
		}
		if strings.Contains(a.text, "something else") {
			t.Errorf("the answer shows an inner error: %s", a.text)
		}
	}
}

func TestEventsNeedATenant(t *testing.T) {
	for _, p := range []*auth.Principal{nil, {Tenant: auth.Operator}} {
		a := post(t, as(p, ingest.New(&memory{}, event.Limits{})), strings.NewReader(one(1, "")), "Content-Type", event.MediaTypeEvent)
		if a.status != http.StatusForbidden {
			t.Errorf("%v: %d %s", p, a.status, a.text)
		}
	}
}

// TestRequestsDoNotShareBytes has many clients send different events at once:
// what the log was given must be what each sent, though memory is used again.
func TestRequestsDoNotShareBytes(t *testing.T) {
	log := &memory{}
	srv := httptest.NewServer(as(acme, ingest.New(log, event.Limits{})))
	defer srv.Close()
	const clients, requests = 8, 40
	want := map[string]bool{}
	for c := range clients {
		for r := range requests {
			want[one(c*requests+r, "")] = true
		}
	}
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for r := range requests {
				var body io.Reader = strings.NewReader(one(c*requests+r, ""))
				req, err := http.NewRequest(http.MethodPost, srv.URL, body)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Content-Type", event.MediaTypeNDJSON)
				if r%2 == 0 {
					req.Header.Set("Content-Encoding", "gzip")
					req.Body = io.NopCloser(zipped(one(c*requests+r, "")))
					req.ContentLength = -1
				}
				res, err := srv.Client().Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
					t.Errorf("%d %v", res.StatusCode, err)
				}
				res.Body.Close()
			}
		})
	}
	wg.Wait()
	if len(log.raw) != clients*requests {
		t.Errorf("%d events", len(log.raw))
	}
	for _, raw := range log.raw {
		if !want[raw] {
			t.Fatalf("appended %q, which nobody sent, or twice", raw)
		}
		delete(want, raw)
	}
}

func TestRoutes(t *testing.T) {
	routes := ingest.New(&memory{}, event.Limits{}).Routes()
	if len(routes) != 1 || routes[0].Pattern != "POST /v1/events" || routes[0].Scope != auth.Ingest {
		t.Errorf("%+v", routes)
	}
}

// null is an Appender that does nothing, to measure what is before it.
type null struct{}

func (null) Append(_ context.Context, _ string, events []event.Event) (eventlog.Result, error) {
	return eventlog.Result{Accepted: len(events), Durability: "fsync"}, nil
}

// batch is a body of n realistic events of about 600 bytes.
func batch(n int) []byte {
	var buf bytes.Buffer
	for i := range n {
		fmt.Fprintf(&buf, `{"specversion":"1.0","id":"pbx1-1789560001.%d-queued-1","source":"/asterisk/pbx1","type":"interaction.queued","subject":"interaction/pbx1-1789560001.%d","time":"2026-09-16T12:00:01.238Z","tenant":"acme","datacontenttype":"application/json","data":{"interaction":"pbx1-1789560001.%d","media":"phone","leg":"pbx1-1789560001.118","queue":"support","reason":"overflow","priority":50,"position":3,"skills":["finnish","billing","mobile-subscriptions"],"limit_ms":60000,"estimated_wait_ms":41250,"channel":"+358401234567","note":"asked to be called by the name on the contract","trace":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}`+"\n", i, i, i)
	}
	return buf.Bytes()
}

// BenchmarkNDJSON256 sends batches of 256 events over HTTP, load generator and
// server in one process, with a log that does nothing.
func BenchmarkNDJSON256(b *testing.B) {
	srv := httptest.NewServer(as(acme, ingest.New(null{}, event.Limits{})))
	defer srv.Close()
	body := batch(256)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		client := &http.Client{Transport: &http.Transport{}}
		for pb.Next() {
			res, err := client.Post(srv.URL, event.MediaTypeNDJSON, bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
				b.Errorf("%d %v", res.StatusCode, err)
			}
			res.Body.Close()
		}
	})
	b.ReportMetric(256*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkSingle sends one event a request.
func BenchmarkSingle(b *testing.B) {
	h := as(acme, ingest.New(null{}, event.Limits{}))
	body := bytes.TrimSpace(batch(1))
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/v1/events", bytes.NewReader(body))
		r.Header.Set("Content-Type", event.MediaTypeEvent)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
