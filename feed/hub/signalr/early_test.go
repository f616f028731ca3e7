package signalr

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A send that is faster than the stream it belongs to has nobody to answer to: it ends
// the connection, and the stream that opens then ends at once.
func TestSendBeforeItsStream(t *testing.T) {
	var late *Conn
	s, err := New(Options{
		Authenticate: func(http.ResponseWriter, *http.Request) (Identity, bool) { return Identity{}, true },
	})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if late.wrap == wrapWebSocket {
			s.webSocket(w, r, late)
		} else {
			s.events(w, r, late)
		}
	}))
	defer h.Close()
	for _, way := range []wrap{wrapChunk, wrapEvent, wrapWebSocket} {
		s.mu.Lock()
		s.pending["token"] = pending{id: "id"}
		s.waiting[""]++
		s.mu.Unlock()
		r := httptest.NewRequest("GET", "/", nil)
		var status int
		if late, status = s.claim(r, "token", Identity{}, way); status != 0 {
			t.Fatal(status)
		}
		if err := late.take([]byte("{\"protocol\":\"json\",\"version\":1}\x1e")); !errors.Is(err, ErrProtocol) {
			t.Errorf("%d: %v", way, err)
		}
		<-late.gone
		req, err := http.NewRequestWithContext(t.Context(), "GET", h.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if way == wrapWebSocket {
			req.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := resp.Body.Read(make([]byte, 100)); n > 0 || err == nil {
			t.Errorf("%d: %d bytes, %v", way, n, err)
		}
		_ = resp.Body.Close()
		if st := s.Stats(); st.Conns != 0 || st.Pending != 0 {
			t.Errorf("%d: %+v", way, st)
		}
	}
	s.Close(context.Background())
	// The peer hears of the end before the pool has let go of the connection.
	for deadline := time.Now().Add(30 * time.Second); s.pool.Stats().Conns != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are still written to", s.pool.Stats().Conns)
		}
	}
}
