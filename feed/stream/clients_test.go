package stream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/auth"
	"trunkline/eventlog"
	"trunkline/feed/feedtest"
	"trunkline/feed/stream"
)

// numbered is a log in which record n of a tenant makes event n of its stream, about the
// interaction tenant-n.
func numbered() *feedtest.Log {
	return &feedtest.Log{PerBatch: 50, Context: func(tenant string, seq uint64) []byte {
		return fmt.Appendf(nil, `{"streamSequence":%d,"streamEvents":1,"direction":"in","media":"phone","created":1772442000000}`, seq)
	}}
}

func appendTo(l *feedtest.Log, tenant string, from uint64, n int) {
	raws := make([][]byte, n)
	for i := range raws {
		raws[i] = fmt.Appendf(nil, `{"specversion":"1.0","id":"%[1]s-%[2]d","source":"/test","type":"interaction.recording_started","subject":"interaction/%[1]s-%[2]d",`+
			`"time":"2026-03-02T09:00:00Z","data":{"interaction":"%[1]s-%[2]d","media":"phone","recording":"r"}}`, tenant, from+uint64(i))
	}
	l.AppendRaw(tenant, raws...)
}

// edge is a feed behind HTTP. The tenant stands in the header X-Tenant, in place of the
// gate that the server has.
type edge struct {
	*httptest.Server
	feed *stream.Feed
	log  *feedtest.Log
	next map[string]uint64
	who  *auth.Principal // when set, everybody is this one
}

func serve(t testing.TB, log *feedtest.Log, o stream.Options) *edge {
	t.Helper()
	return serveLog(t, log, log, o)
}

// serveLog serves any log; the one in memory is nil or the same.
func serveLog(t testing.TB, l stream.Log, log *feedtest.Log, o stream.Options) *edge {
	t.Helper()
	e := &edge{feed: stream.New(l, o), log: log, next: map[string]uint64{}}
	mux := http.NewServeMux()
	for _, r := range e.feed.Routes() {
		mux.HandleFunc(r.Pattern, func(w http.ResponseWriter, req *http.Request) {
			who := e.who
			if who == nil {
				who = &auth.Principal{Tenant: req.Header.Get("X-Tenant"), Scopes: []auth.Scope{r.Scope}}
			}
			r.Handler.ServeHTTP(w, req.WithContext(auth.With(req.Context(), who)))
		})
	}
	e.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		e.stop(t)
		e.Server.Close()
	})
	return e
}

func (e *edge) stop(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := e.feed.Close(ctx); err != nil {
		t.Errorf("closing the feed: %v", err)
	}
}

// add appends the tenant's next events.
func (e *edge) add(tenant string, n int) {
	appendTo(e.log, tenant, e.next[tenant]+1, n)
	e.next[tenant] += uint64(n)
}

const updates = "/api/streaming/v1/clientconnect/subscribe/TenantUpdates?"

// told is what a message says.
type told struct {
	ClientCheck *struct {
		MsgInfo struct{ SequenceID uint64 } `json:"msgInfo"`
	}
	Interaction struct {
		Event   string
		GUID    string                      `json:"interactionGUID"`
		MsgInfo struct{ SequenceID uint64 } `json:"msgInfo"`
	}
}

// socket is a client over a WebSocket.
type socket struct {
	*websocket.Conn
	epoch eventlog.Epoch
}

func (e *edge) dial(t testing.TB, tenant, query string) (*websocket.Conn, *http.Response, error) {
	return websocket.Dial(t.Context(), e.URL+updates+"tenantId="+tenant+"&"+query, &websocket.DialOptions{HTTPHeader: http.Header{"X-Tenant": {tenant}}})
}

func (e *edge) socket(t testing.TB, tenant, query string) *socket {
	t.Helper()
	c, resp, err := e.dial(t, tenant, query)
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
	s := &socket{Conn: c}
	if e.log != nil {
		s.epoch = e.log.Head(tenant).Epoch
	}
	return s
}

// Next gives the next event; heartbeats are passed over.
func (s *socket) Next() (feedtest.Received, error) {
	for {
		_, msg, err := s.Read(context.Background())
		if err != nil {
			return feedtest.Received{}, err
		}
		if r, ok, err := received(msg, s.epoch); err != nil || ok {
			return r, err
		}
	}
}

func (s *socket) Close() { _ = s.CloseNow() }

// closed reads to the end and gives the number of the close frame.
func (s *socket) closed(t testing.TB) websocket.StatusCode {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if _, _, err := s.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func received(msg []byte, epoch eventlog.Epoch) (r feedtest.Received, ok bool, err error) {
	var m told
	if err := json.Unmarshal(msg, &m); err != nil {
		return r, false, fmt.Errorf("%w: %s", err, msg)
	}
	if m.ClientCheck != nil {
		return r, false, nil
	}
	if m.Interaction.Event != "InteractionRecordingStarted" {
		return r, false, fmt.Errorf("got %s", msg)
	}
	n := m.Interaction.MsgInfo.SequenceID
	return feedtest.Received{Seq: n, ID: m.Interaction.GUID, Cursor: eventlog.Cursor{Epoch: epoch, Seq: n}.String()}, true, nil
}

// plain is a client over HTTP streaming.
type plain struct {
	resp   *http.Response
	lines  *bufio.Reader
	epoch  eventlog.Epoch
	cancel context.CancelFunc
}

func (e *edge) plain(t testing.TB, tenant, query string) *plain {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", e.URL+updates+"tenantId="+tenant+"&desiredOutputType=NEWLINE_JSON&"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Tenant", tenant)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(resp.Body)
		t.Fatalf("%d %s", resp.StatusCode, b)
	}
	t.Cleanup(func() { cancel(); resp.Body.Close() })
	return &plain{resp, bufio.NewReader(resp.Body), e.log.Head(tenant).Epoch, cancel}
}

func (p *plain) Next() (feedtest.Received, error) {
	for {
		line, err := p.lines.ReadBytes('\n')
		if err != nil {
			return feedtest.Received{}, err
		}
		if len(strings.TrimSpace(string(line))) == 0 {
			continue
		}
		if r, ok, err := received(line, p.epoch); err != nil || ok {
			return r, err
		}
	}
}

func (p *plain) Close() { p.cancel(); p.resp.Body.Close() }

// need reads events and demands these numbers.
func need(t testing.TB, r feedtest.Reader, from, to uint64) {
	t.Helper()
	for n := from; n <= to; n++ {
		got, err := r.Next()
		if err != nil || got.Seq != n {
			t.Fatalf("got event %d, %v where %d was due", got.Seq, err, n)
		}
	}
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen: %s", what)
		}
		time.Sleep(2 * time.Millisecond) // a condition outside of this process's control
	}
}
