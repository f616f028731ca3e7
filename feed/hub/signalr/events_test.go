package signalr_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Server-sent events over HTTP/1.1 and HTTP/2: a record is an event, calls are answered
// there, and the end is told.
func TestServerSentEvents(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		s, handler := hub(t, nil)
		h := httptest.NewUnstartedServer(handler)
		h.EnableHTTP2 = http2
		h.StartTLS()
		client := h.Client()
		ask := func(method, query, body string) *http.Response {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), method, h.URL+"/hub"+query+good, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if method == "GET" {
				req.Header.Set("Accept", "text/event-stream")
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = resp.Body.Close() })
			return resp
		}
		answer, err := io.ReadAll(ask("POST", "/negotiate?negotiateVersion=1&", "").Body)
		if err != nil {
			t.Fatal(err)
		}
		_, token, _ := strings.Cut(string(answer), `"connectionToken":"`)
		token, _, _ = strings.Cut(token, `"`)
		query := "?id=" + token + "&"
		stream := ask("GET", query, "")
		if stream.StatusCode != 200 || stream.Header.Get("Content-Type") != "text/event-stream" || stream.Header.Get("Cache-Control") != "no-store" || (stream.ProtoMajor == 2) != http2 {
			t.Fatalf("%s %d %v", stream.Proto, stream.StatusCode, stream.Header)
		}
		events := bufio.NewReader(stream.Body)
		next := func() string {
			t.Helper()
			line, err := events.ReadString('\n')
			empty, err2 := events.ReadString('\n')
			if err != nil || err2 != nil || empty != "\n" {
				t.Fatalf("%q %v, %q %v", line, err, empty, err2)
			}
			return strings.TrimSuffix(strings.ReplaceAll(line, "\x1e", "|"), "\n")
		}
		if again := ask("GET", query, ""); again.StatusCode != 409 {
			t.Errorf("a second stream: %d", again.StatusCode)
		}
		for _, tt := range []struct{ say, want string }{
			{`{"protocol":"json","version":1}|`, `data: {}|`},
			{`{"type":1,"invocationId":"1","target":"Echo","arguments":["two\nlines"]}|`, `data: {"type":3,"invocationId":"1","result":"two\nlines"}|`},
		} {
			if resp := ask("POST", query, strings.ReplaceAll(tt.say, "|", "\x1e")); resp.StatusCode != 200 {
				t.Errorf("%s: %d", tt.say, resp.StatusCode)
			}
			if got := next(); got != tt.want {
				t.Errorf("%s", got)
			}
		}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			s.Close(ctx)
		}()
		if got := next(); got != `data: {"type":7,"error":"The server is stopping.","allowReconnect":true}|` {
			t.Error(got)
		}
		if rest, err := io.ReadAll(events); len(rest) > 0 || err != nil {
			t.Errorf("behind the end: %q, %v", rest, err)
		}
		<-closed
		if resp := ask("POST", query, "{\"type\":6}\x1e"); resp.StatusCode != 503 {
			t.Errorf("after the end: %d", resp.StatusCode)
		}
		h.Close()
	}
}

// MessagePack cannot be sent as text: the handshake says so.
func TestEventsAreText(t *testing.T) {
	_, h := plain(t, nil)
	n := negotiate(t, h.URL, good+"&negotiateVersion=1")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", h.URL+"/hub?"+good+"&id="+n.Token, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if status, _, _ := request(t, "POST", h.URL+"/hub?"+good+"&id="+n.Token, "{\"protocol\":\"messagepack\",\"version\":1}\x1e"); status != 200 {
		t.Error(status)
	}
	if all, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(all), `data: {"error":"The messagepack protocol cannot be used over this transport`) {
		t.Errorf("%q, %v", all, err)
	}
}

// HTTP/1.0 has no chunks to send events in.
func TestEventsNeedChunks(t *testing.T) {
	s, h := plain(t, nil)
	n := negotiate(t, h.URL, good+"&negotiateVersion=1")
	c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, "GET /hub?"+good+"&id="+n.Token+" HTTP/1.0\r\nHost: hub.test\r\nAccept: text/event-stream\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if all, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(all), "HTTP/1.0 505") || !strings.Contains(string(all), "application/problem+json") || s.Stats().Conns != 0 {
		t.Errorf("%s, %v, %+v", all, err, s.Stats())
	}
}
