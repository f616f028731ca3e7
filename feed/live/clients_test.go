package live_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/auth"
	"trunkline/feed/feedtest"
	"trunkline/feed/live"
)

// edge is a feed behind HTTP. The tenant stands in the header X-Tenant, in place of
// the gate that the server has.
type edge struct {
	*httptest.Server
	feed    *live.Feed
	log     *feedtest.Log
	revoked *auth.Principal // when set, everybody is this one
}

func serve(t testing.TB, log *feedtest.Log, o live.Options, tls bool) *edge {
	t.Helper()
	return serveLog(t, log, log, o, tls)
}

func serveLog(t testing.TB, l live.Log, log *feedtest.Log, o live.Options, tls bool) *edge {
	t.Helper()
	e := &edge{feed: live.New(l, o), log: log}
	mux := http.NewServeMux()
	for _, r := range e.feed.Routes() {
		mux.HandleFunc(r.Pattern, func(w http.ResponseWriter, req *http.Request) {
			who := e.revoked
			if who == nil {
				who = &auth.Principal{Tenant: req.Header.Get("X-Tenant"), Scopes: []auth.Scope{r.Scope}}
			}
			r.Handler.ServeHTTP(w, req.WithContext(auth.With(req.Context(), who)))
		})
	}
	e.Server = httptest.NewUnstartedServer(mux)
	if tls {
		e.EnableHTTP2 = true
		e.StartTLS()
	} else {
		e.Start()
	}
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

// message is one WebSocket message.
type message struct {
	Cursor string
	Event  struct {
		ID, Tenant, Type, Received string
		Sequence                   uint64
	}
}

// socket is a client over a WebSocket.
type socket struct {
	*websocket.Conn
	start string // the cursor in the answer to the handshake
}

func (e *edge) socket(t testing.TB, tenant, query string) *socket {
	t.Helper()
	c, resp, err := websocket.Dial(t.Context(), e.URL+"/v1/live?"+query, &websocket.DialOptions{
		HTTPClient: e.Client(), HTTPHeader: http.Header{"X-Tenant": {tenant}},
	})
	if err != nil {
		body := ""
		if resp != nil && resp.Body != nil {
			b, _ := io.ReadAll(resp.Body)
			body = string(b)
		}
		t.Fatalf("connecting with %q: %v %s", query, err, body)
	}
	c.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = c.CloseNow() })
	return &socket{c, resp.Header.Get(live.CursorHeader)}
}

func (s *socket) message(ctx context.Context) (message, error) {
	var m message
	kind, p, err := s.Read(ctx)
	if err != nil {
		return m, err
	}
	if kind != websocket.MessageText {
		return m, errors.New("not a text message")
	}
	return m, json.Unmarshal(p, &m)
}

func (s *socket) Next() (feedtest.Received, error) {
	m, err := s.message(context.Background())
	return feedtest.Received{Seq: m.Event.Sequence, ID: m.Event.ID, Cursor: m.Cursor}, err
}

func (s *socket) Close() { _ = s.CloseNow() }

// stream is a client over server-sent events.
type stream struct {
	resp  *http.Response
	lines *bufio.Reader
	last  string // the last id
}

// sse is one server-sent event.
type sse struct{ id, kind, data string }

func (e *edge) stream(t testing.TB, tenant, query, lastID string) *stream {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", e.URL+"/v1/live?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Tenant", tenant)
	req.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := e.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("connecting with %q: %d %s", query, resp.StatusCode, body)
	}
	return &stream{resp: resp, lines: bufio.NewReader(resp.Body)}
}

// event reads as a browser does: an event without data only sets the id.
func (s *stream) event() (sse, error) {
	e := sse{id: s.last}
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return e, err
		}
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" && e.data != "":
			return e, nil
		case line == "":
			e = sse{id: s.last}
		case field == "id":
			e.id, s.last = value, value
		case field == "event":
			e.kind = value
		case field == "data":
			e.data += value
		case field == "retry", line[0] == ':':
		default:
			return e, fmt.Errorf("unknown line %q", line)
		}
	}
}

func (s *stream) Next() (feedtest.Received, error) {
	e, err := s.event()
	if err != nil {
		return feedtest.Received{}, err
	}
	var ev struct {
		ID, Type string
		Sequence uint64
	}
	if err := json.Unmarshal([]byte(e.data), &ev); err != nil {
		return feedtest.Received{}, err
	}
	if ev.Type != e.kind {
		return feedtest.Received{}, fmt.Errorf("event %q is of type %q", e.kind, e.data)
	}
	return feedtest.Received{Seq: ev.Sequence, ID: ev.ID, Cursor: e.id}, nil
}

func (s *stream) Close() { _ = s.resp.Body.Close() }

func after(cursor string) string { return "after=" + url.QueryEscape(cursor) }
