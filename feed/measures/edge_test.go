package measures_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/auth"
	"trunkline/auth/jwt"
	"trunkline/control"
	"trunkline/feed/measures"
	"trunkline/floor"
)

const (
	tenant   = "acme"
	account  = "EZCLTR"
	audience = "measures"
)

// edge is a feed behind HTTP.
type edge struct {
	*httptest.Server
	stage *stage
	feed  *measures.Feed
	keys  *jwt.Keys

	mu    sync.Mutex
	shift time.Duration // how far the clock is put forward
}

func (e *edge) now() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Now().Add(e.shift)
}

func (e *edge) forward(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shift += d
}

func serve(t testing.TB, o measures.Options) *edge {
	t.Helper()
	return serveStage(t, newStage(floor.Options{}), o)
}

func serveStage(t testing.TB, st *stage, o measures.Options) *edge {
	t.Helper()
	e := &edge{stage: st}
	var err error
	if e.keys, err = jwt.OpenKeys(t.Context(), control.NewMemory(), jwt.Options{Now: e.now}); err != nil {
		t.Fatal(err)
	}
	accounts := map[string]string{account: tenant, "globex": "globex"}
	o.State, o.Audience, o.Now = st, audience, e.now
	if o.Tokens == nil {
		o.Tokens = e.keys
	}
	o.Tenant = func(account string) (string, bool) { t, ok := accounts[account]; return t, ok }
	o.Account = func(tenant string) string {
		for account, t := range accounts {
			if t == tenant {
				return account
			}
		}
		return ""
	}
	if o.Tick == 0 {
		o.Tick = 20 * time.Millisecond
	}
	if o.Attempts == nil {
		o.Attempts = &auth.Attempts{Burst: 1000}
	}
	if e.feed, err = measures.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, r := range e.feed.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	e.Server = httptest.NewUnstartedServer(mux)
	// What the kernel holds for a client that does not read is kept small, so that tests see queues fill up.
	e.Server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(16 << 10)
		return ctx
	}
	e.Server.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		if err := e.feed.Close(ctx); err != nil {
			t.Errorf("closing the feed: %v", err)
		}
		e.Server.Close()
	})
	return e
}

// token gives a token of a tenant that is good for a quarter of an hour.
func (e *edge) token(t testing.TB, tenant string, edit ...func(*jwt.Claims)) string {
	t.Helper()
	c := jwt.Claims{Audience: audience, Tenant: tenant, Subject: "client", Expires: e.now().Add(15 * time.Minute)}
	for _, fn := range edit {
		fn(&c)
	}
	token, err := e.keys.Sign(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// ask sends a request and decodes the answer.
func (e *edge) ask(t testing.TB, method, path, token, body string, into any) (status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, e.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := e.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode/100 == 4 && resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s %s: %d is not a problem document: %s", method, path, resp.StatusCode, raw)
	}
	if into != nil && len(raw) > 0 {
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatalf("%s %s: %d %s: %v", method, path, resp.StatusCode, raw, err)
		}
	}
	return resp.StatusCode
}

const subscriptions = "/api/notification/v1/accounts/" + account + "/subscriptions"

// subscribe makes a subscription. extensions are pairs.
func (e *edge) subscribe(t testing.TB, producer string, extensions ...string) measures.Subscription {
	t.Helper()
	ext := map[string]string{"measureProducerId": producer}
	for i := 0; i+1 < len(extensions); i += 2 {
		ext[extensions[i]] = extensions[i+1]
	}
	body, err := json.Marshal(map[string]any{"family": "ANALYTICS", "events": []string{"ALL"}, "transport": map[string]string{"type": "WEBSOCKET"}, "extensions": ext})
	if err != nil {
		t.Fatal(err)
	}
	var s measures.Subscription
	if status := e.ask(t, "POST", subscriptions, e.token(t, tenant), string(body), &s); status != 201 {
		t.Fatalf("subscribing: %d %+v", status, s)
	}
	return s
}

// client is one connection, with what its messages add up to.
type client struct {
	*websocket.Conn
	values  map[string]map[string]string // by key
	initial int                          // INITIALIZING messages
	live    int
	deleted int
}

// dial opens a connection and sends nothing.
func (e *edge) dial(t testing.TB, path string) *client {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(e.URL, "http")+path, &websocket.DialOptions{HTTPClient: e.Client()})
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = c.CloseNow() })
	return &client{Conn: c, values: map[string]map[string]string{}}
}

// connect opens a connection and authenticates.
func (e *edge) connect(t testing.TB, s measures.Subscription) *client {
	t.Helper()
	c := e.dial(t, "/ws/notification/v1/analytics/realtime")
	if status := c.authenticate(t, `{"event":"authentication","subscriptionId":"`+s.ID+`","token":"`+e.token(t, tenant)+`"}`); status != "CONNECTION_CONFIRMED" {
		t.Fatalf("got %s", status)
	}
	return c
}

func (c *client) authenticate(t testing.TB, message string) (status string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		t.Fatal(err)
	}
	return c.answer(t)
}

// answer reads the answer to an authentication.
func (c *client) answer(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, raw, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var r measures.AuthenticationResponse
	strict(t, raw, &r)
	if r.Event != "authenticationResponse" {
		t.Errorf("got %s", raw)
	}
	return r.Status
}

func strict(t testing.TB, raw []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
}

// next reads one message and adds it up.
func (c *client) next(ctx context.Context) (measures.EventData, error) {
	var m measures.EventData
	kind, raw, err := c.Read(ctx)
	if err != nil {
		return m, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || kind != websocket.MessageText {
		return m, fmt.Errorf("%s: %w", raw, err)
	}
	return m, c.take(m)
}

// keyOf names a key as stage.snapshot does.
func keyOf(m measures.EventData) string {
	var parts []string
	for _, name := range []string{"agentId", "channelId", "queueId"} {
		if v, ok := m.Keys[name]; ok {
			parts = append(parts, name+"="+v)
		}
	}
	return strings.Join(parts, ",")
}

func (c *client) take(m measures.EventData) error {
	key := keyOf(m)
	switch {
	case m.PayloadType == "INITIALIZING" && m.EventAction == "UPSERT":
		if c.live > 0 {
			return fmt.Errorf("INITIALIZING after LIVE: %s", key)
		}
		if _, twice := c.values[key]; twice {
			return fmt.Errorf("%s is twice in the snapshot", key)
		}
		c.initial++
		c.values[key] = m.Measures
	case m.PayloadType == "LIVE" && m.EventAction == "UPSERT":
		c.live++
		if maps.Equal(c.values[key], m.Measures) {
			return fmt.Errorf("nothing of %s has changed", key)
		}
		c.values[key] = m.Measures
	case m.PayloadType == "LIVE" && m.EventAction == "DELETE":
		c.live++
		c.deleted++
		if len(m.Measures) > 0 {
			return errors.New("a DELETE with measures")
		}
		delete(c.values, key)
	default:
		return fmt.Errorf("%s %s", m.PayloadType, m.EventAction)
	}
	return nil
}

// until reads until the values are those wanted.
func (c *client) until(t testing.TB, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !done() {
		if _, err := c.next(ctx); err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}

// equals reads until the values are the stage's.
func (c *client) equals(t testing.TB, e *edge, producer string) {
	t.Helper()
	want := e.stage.snapshot(tenant, producer)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !maps.EqualFunc(c.values, want, maps.Equal) {
		if _, err := c.next(ctx); err != nil {
			t.Fatalf("%s: %v, %d of %d keys, %d initial, %d live, %d deleted\n%s", producer, err, len(c.values), len(want), c.initial, c.live, c.deleted, difference(c.values, want))
		}
	}
}

func difference(got, want map[string]map[string]string) string {
	var out []string
	for key, values := range want {
		for name, v := range values {
			if got[key][name] != v && len(out) < 20 {
				out = append(out, fmt.Sprintf("%s %s is %q, want %q", key, name, got[key][name], v))
			}
		}
	}
	for key := range got {
		if want[key] == nil {
			out = append(out, key+" should not be there")
		}
	}
	return strings.Join(out, "\n")
}

// closed reads until the connection ends and gives the number.
func (c *client) closed(t testing.TB) websocket.StatusCode {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if _, _, err := c.Read(ctx); err != nil {
			if ctx.Err() != nil {
				t.Fatal("the connection is not closed")
			}
			return websocket.CloseStatus(err)
		}
	}
}
