package signalr_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"trunkline/feed/hub/signalr"
)

// pipes is a listener without a network, so that time may stand still.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.done)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	server, client := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// still runs fn with a hub and a client for it, in a world where time passes when
// everybody waits.
func still(t *testing.T, change func(*signalr.Options), fn func(t *testing.T, s *signalr.Server, client *http.Client)) {
	synctest.Test(t, func(t *testing.T) {
		s, handler := hub(t, change)
		p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		h := &http.Server{Handler: handler}
		served := make(chan error, 1)
		go func() { served <- h.Serve(p) }()
		transport := &http.Transport{DialContext: p.dial, DisableKeepAlives: true}
		defer func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			s.Close(ctx)
			_ = h.Close()
			<-served
			transport.CloseIdleConnections()
			time.Sleep(time.Minute) // timers of connections that are being closed
		}()
		fn(t, s, &http.Client{Transport: transport})
	})
}

// peer is a socket of which everything that comes is noted, with its time.
type peer struct {
	*websocket.Conn
	start time.Time
	heard chan note
}

type note struct {
	text  string
	after time.Duration
	err   error
}

func join(t *testing.T, client *http.Client, handshake string) *peer {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), "http://hub.test/hub?"+good, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{Conn: c, start: time.Now(), heard: make(chan note, 1000)}
	go func() {
		for {
			_, b, err := c.Read(context.Background())
			p.heard <- note{strings.ReplaceAll(string(b), "\x1e", "|"), time.Since(p.start), err}
			if err != nil {
				_ = c.CloseNow()
				return
			}
		}
	}()
	if handshake != "" {
		say(t, c, handshake)
		if n := <-p.heard; n.text != "{}|" {
			t.Fatalf("the handshake was answered %+v", n)
		}
	}
	return p
}

// No client waits longer than the interval for a sign of life, whatever else it is
// sent, and nobody has to go who pings too.
func TestKeepAlive(t *testing.T) {
	for _, tt := range []struct {
		proto, ping string
		kind        websocket.MessageType
	}{
		{"json", "{\"type\":6}\x1e", websocket.MessageText},
		{"messagepack", "\x02\x91\x06", websocket.MessageBinary},
	} {
		for _, pause := range []time.Duration{time.Hour, 19 * time.Second, 8 * time.Second, 3 * time.Second} {
			var conn atomic.Pointer[signalr.Conn]
			opened := func(o *signalr.Options) { o.Opened = func(c *signalr.Conn) { conn.Store(c) } }
			still(t, opened, func(t *testing.T, s *signalr.Server, client *http.Client) {
				p := join(t, client, `{"protocol":"`+tt.proto+`","version":1}|`)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() {
					m := signalr.NewMessage("Event", 1)
					for ctx.Err() == nil {
						time.Sleep(pause)
						conn.Load().Send(m)
					}
				}()
				go func() {
					for p.Write(ctx, tt.kind, []byte(tt.ping)) == nil {
						time.Sleep(15 * time.Second)
					}
				}()
				pings, last := 0, p.start
				for time.Since(p.start) < 5*time.Minute {
					n := <-p.heard
					if n.err != nil || time.Since(last) > 17*time.Second {
						t.Fatalf("%s, something every %v: %v of silence, then %+v", tt.proto, pause, time.Since(last), n)
					}
					if last = time.Now(); n.text == strings.ReplaceAll(tt.ping, "\x1e", "|") {
						pings++
					}
				}
				if want := pause > 4*time.Second; (pings > 0) != want || s.Stats().Conns != 1 {
					t.Errorf("%s, something every %v: %d pings, %+v", tt.proto, pause, pings, s.Stats())
				}
				cancel()
				_ = p.CloseNow()
				time.Sleep(pause + 15*time.Second)
			})
		}
	}
}

// Who says nothing for 30 s is told so and let go; what is said counts, whatever it is.
func TestSilence(t *testing.T) {
	still(t, nil, func(t *testing.T, s *signalr.Server, client *http.Client) {
		p := join(t, client, hello)
		time.Sleep(25 * time.Second)
		say(t, p.Conn, `{"type":99}|`)
		var pings int
		for {
			n := <-p.heard
			if n.err != nil {
				t.Fatalf("it ended with %v after %v", n.err, n.after)
			}
			if n.text == `{"type":6}|` {
				pings++
				continue
			}
			if n.text != `{"type":7,"error":"The client said nothing for too long.","allowReconnect":true}|` || n.after < 54*time.Second || n.after > 58*time.Second || pings < 2 {
				t.Fatalf("after %d pings: %+v", pings, n)
			}
			break
		}
		if n := <-p.heard; websocket.CloseStatus(n.err) != 3012 {
			t.Error(n.err)
		}
		time.Sleep(10 * time.Second)
		if st := s.Stats(); st.Conns != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// A socket whose client never shakes hands is freed after 15 s, however many pieces of
// a handshake it sends, and one that drops before at once.
func TestNoHandshake(t *testing.T) {
	still(t, nil, func(t *testing.T, s *signalr.Server, client *http.Client) {
		for range 20 {
			dropped := join(t, client, "")
			_ = dropped.CloseNow()
		}
		time.Sleep(time.Second)
		if n := s.Stats().Conns; n != 0 {
			t.Errorf("%d that have dropped are still there", n)
		}
		mute, slow := join(t, client, ""), join(t, client, "")
		go func() {
			for _, piece := range strings.Split(hello, "") {
				time.Sleep(time.Second)
				if slow.Write(context.Background(), websocket.MessageText, []byte(piece)) != nil {
					return
				}
			}
		}()
		for _, p := range []*peer{mute, slow} {
			if n := <-p.heard; n.err == nil || n.after < 14*time.Second || n.after > 17*time.Second {
				t.Errorf("%+v", n)
			}
		}
		time.Sleep(10 * time.Second)
		if n := s.Stats().Conns; n != 0 {
			t.Errorf("%d connections are still there", n)
		}
	})
}

// A negotiation that nobody follows is forgotten after 15 s.
func TestNegotiationIsForgotten(t *testing.T) {
	still(t, nil, func(t *testing.T, s *signalr.Server, client *http.Client) {
		post := func() int {
			resp, err := client.Post("http://hub.test/hub/negotiate?negotiateVersion=1&"+good, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			return resp.StatusCode
		}
		for range 1000 {
			if status := post(); status != 200 {
				t.Fatal(status)
			}
		}
		if status := post(); status != 429 {
			t.Errorf("one over the limit: %d", status)
		}
		time.Sleep(14 * time.Second)
		if n := s.Stats().Pending; n != 1000 {
			t.Errorf("%d after 14 s", n)
		}
		time.Sleep(2500 * time.Millisecond)
		if n := s.Stats().Pending; n != 0 || post() != 200 {
			t.Errorf("%d after 16.5 s", n)
		}
	})
}

// Polls end empty after 90 s and keep the connection; without polls it ends after 30 s.
func TestPollTimes(t *testing.T) {
	still(t, nil, func(t *testing.T, s *signalr.Server, client *http.Client) {
		ask := func(method, query, body string) (int, string, time.Duration) {
			start := time.Now()
			req, err := http.NewRequestWithContext(t.Context(), method, "http://hub.test/hub"+query+good, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return resp.StatusCode, string(b), time.Since(start)
		}
		_, answer, _ := ask("POST", "/negotiate?", "")
		_, id, _ := strings.Cut(answer, `"connectionId":"`)
		id, _, _ = strings.Cut(id, `"`)
		query := "?id=" + id + "&"
		ask("GET", query, "")
		ask("POST", query, "{\"protocol\":\"json\",\"version\":1}\x1e")
		if _, body, _ := ask("GET", query, ""); body != "{}\x1e" {
			t.Fatalf("%q", body)
		}
		for range 3 {
			if status, body, took := ask("GET", query, ""); status != 200 || body != "" || took < 89*time.Second || took > 91*time.Second {
				t.Errorf("%d %q after %v", status, body, took)
			}
		}
		time.Sleep(28 * time.Second)
		if n := s.Stats().Conns; n != 1 {
			t.Errorf("%d connections 28 s after the last poll", n)
		}
		time.Sleep(4 * time.Second)
		if status, body, _ := ask("GET", query, ""); status != 200 || !strings.Contains(body, "said nothing") {
			t.Errorf("%d %q", status, body)
		}
		if status, _, _ := ask("GET", query, ""); status != 204 {
			t.Errorf("%d after the end", status)
		}
		time.Sleep(10 * time.Second)
		if status, _, _ := ask("GET", query, ""); status != 404 {
			t.Errorf("%d long after the end", status)
		}
	})
}
