package push_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/control"
	"trunkline/feed/feedtest"
	"trunkline/feed/push"
	"trunkline/internal/devcert"
)

// shardedLog is the log in memory, of one shard.
type shardedLog struct{ feedtest.Log }

func (*shardedLog) ShardOf(string) int { return 0 }

// certs are made once for all tests.
var certs = sync.OnceValues(func() (c struct{ ca, server, client *devcert.Pair }, err error) {
	if c.ca, err = devcert.Authority("test", devcert.Terms{}); err != nil {
		return c, err
	}
	if c.server, err = c.ca.Server(devcert.Terms{}, "127.0.0.1", "localhost"); err != nil {
		return c, err
	}
	c.client, err = c.ca.Client(devcert.Terms{}, "trunkline")
	return c, err
})

// got is one request that an endpoint has answered.
type got struct {
	id, entity, kind string
	proto, remote    string
	client           string // common name of the certificate
	at               time.Time
	header           http.Header
	body             []byte
}

// endpoint is a server with required client certificates.
type endpoint struct {
	*httptest.Server
	mu   sync.Mutex
	reqs []got
	// answer decides what is answered; nil: 200.
	answer func(n int, g got) int
	after  string // Retry-After of what is no success
}

func newEndpoint(t *testing.T, change func(*tls.Config)) *endpoint {
	t.Helper()
	c, err := certs()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(c.server.Cert, c.server.Key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.ca.Cert)
	e := &endpoint{}
	e.Server = httptest.NewUnstartedServer(http.HandlerFunc(e.take))
	e.Server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	e.EnableHTTP2 = true
	if change != nil {
		change(e.Server.TLS)
	}
	e.StartTLS()
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	g := got{at: time.Now(), proto: r.Proto, remote: r.RemoteAddr, client: r.TLS.PeerCertificates[0].Subject.CommonName, id: r.Header.Get("Webhook-Id"), header: r.Header.Clone(), body: body}
	var p struct {
		Type string            `json:"event_type"`
		Data map[string]string `json:"data"`
		Meta struct {
			Issue string `json:"issue_id"`
		} `json:"meta_data"`
		Subject string `json:"subject"`
	}
	_ = json.Unmarshal(body, &p) // payloads with other members in data are looked at by other tests
	g.kind, g.entity = p.Type, p.Meta.Issue+p.Subject
	e.mu.Lock()
	e.reqs = append(e.reqs, g)
	n, answer, after := len(e.reqs), e.answer, e.after
	e.mu.Unlock()
	if answer != nil {
		if status := answer(n, g); status != 200 {
			if status > 0 {
				if after != "" {
					w.Header().Set("Retry-After", after)
				}
				w.WriteHeader(status)
				return
			}
			panic(http.ErrAbortHandler)
		}
	}
}

func (e *endpoint) got() []got {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]got{}, e.reqs...)
}

func (e *endpoint) set(answer func(n int, g got) int) {
	e.mu.Lock()
	e.answer = answer
	e.mu.Unlock()
}

// fixture is a feed on a log in memory.
type fixture struct {
	t            *testing.T
	log          *shardedLog
	destinations *control.Memory
	progress     *control.Memory
	feed         *push.Feed
	change       func(*push.Options)
}

func newFixture(t *testing.T, change func(*push.Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, log: &shardedLog{}, destinations: control.NewMemory(), progress: control.NewMemory(), change: change}
	f.open()
	t.Cleanup(f.close)
	return f
}

func (f *fixture) open() {
	f.t.Helper()
	o := push.Options{Destinations: f.destinations, Progress: f.progress, Checkpoint: 20 * time.Millisecond,
		Guard: push.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}}
	if f.change != nil {
		f.change(&o)
	}
	feed, err := push.Open(f.t.Context(), f.log, o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.feed = feed
}

func (f *fixture) close() {
	if err := f.feed.Close(context.WithoutCancel(f.t.Context())); err != nil {
		f.t.Errorf("close: %v", err)
	}
}

// call sends a request of the tenant acme to the feed's endpoints.
func (f *fixture) call(method, path string, in any) (int, map[string]any) {
	f.t.Helper()
	mux := http.NewServeMux()
	for _, r := range f.feed.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			f.t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	r := httptest.NewRequest(method, path, body)
	r = r.WithContext(auth.With(r.Context(), &auth.Principal{Tenant: "acme", TokenID: "test", Scopes: []auth.Scope{auth.Admin}}))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	out := map[string]any{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			f.t.Fatalf("%s %s: %s", method, path, w.Body)
		}
	}
	return w.Code, out
}

// settings are those of a destination with our certificates.
func (f *fixture) settings(url string, more map[string]any) map[string]any {
	c, err := certs()
	if err != nil {
		f.t.Fatal(err)
	}
	s := map[string]any{"id": "d1", "url": url, "ca": string(c.ca.Cert), "client_cert": string(c.client.Cert), "client_key": string(c.client.Key),
		"feeds": []string{"raw"}, "backoff_ms": 5, "after": "oldest"}
	for k, v := range more {
		s[k] = v
	}
	return s
}

func (f *fixture) make(url string, more map[string]any) map[string]any {
	f.t.Helper()
	status, out := f.call("POST", "/v1/webhooks", f.settings(url, more))
	if status != 201 {
		f.t.Fatalf("create: %d %v", status, out)
	}
	return out
}

func (f *fixture) state(id string) map[string]any {
	f.t.Helper()
	_, out := f.call("GET", "/v1/webhooks/"+id, nil)
	st, _ := out["state"].(map[string]any)
	return st
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
