package stream_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"trunkline/auth"
	"trunkline/control"
	"trunkline/feed/feedtest"
	"trunkline/feed/stream"
	"trunkline/ws"
)

// pipes is a listener without a network, so that a test's own time passes for both sides.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := duplex()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.done:
		return nil, errors.New("closed")
	}
}

// halfway is one end of a connection of which each direction can be closed alone, as TCP
// can: a client may still answer a ping while it reads what is in front of the goodbye.
type halfway struct {
	net.Conn          // what comes
	out      net.Conn // what goes
}

func duplex() (near, far *halfway) {
	a, b := net.Pipe()
	c, d := net.Pipe()
	return &halfway{a, c}, &halfway{d, b}
}

func (h *halfway) Write(p []byte) (int, error)        { return h.out.Write(p) }
func (h *halfway) CloseWrite() error                  { return h.out.Close() }
func (h *halfway) Close() error                       { return errors.Join(h.out.Close(), h.Conn.Close()) }
func (h *halfway) SetWriteDeadline(t time.Time) error { return h.out.SetWriteDeadline(t) }
func (h *halfway) SetReadDeadline(t time.Time) error  { return h.Conn.SetReadDeadline(t) }
func (h *halfway) SetDeadline(t time.Time) error {
	return errors.Join(h.out.SetDeadline(t), h.Conn.SetDeadline(t))
}

// site is a feed with clients in a bubble of time.
type site struct {
	t      *testing.T
	feed   *stream.Feed
	log    *feedtest.Log
	client *http.Client
	next   uint64
	stop   func()
}

func openSite(t *testing.T, log *feedtest.Log, o stream.Options) *site {
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	s := &site{t: t, feed: stream.New(log, o), log: log, client: &http.Client{Transport: &http.Transport{DialContext: p.dial, DisableKeepAlives: true}}}
	mux := http.NewServeMux()
	for _, r := range s.feed.Routes() {
		mux.HandleFunc(r.Pattern, func(w http.ResponseWriter, req *http.Request) {
			r.Handler.ServeHTTP(w, req.WithContext(auth.With(req.Context(), &auth.Principal{Tenant: "alpha"})))
		})
	}
	srv := &http.Server{Handler: mux}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(p)
	}()
	s.stop = func() {
		if err := s.feed.Close(context.Background()); err != nil {
			t.Error(err)
		}
		_ = srv.Close()
		<-served
	}
	return s
}

func (s *site) add(n int) {
	appendTo(s.log, "alpha", s.next+1, n)
	s.next += uint64(n)
}

// listen connects and hands what comes to got until the connection ends; then its end.
func (s *site) listen(query string) (got chan uint64, end chan error, c *websocket.Conn) {
	s.t.Helper()
	c, _, err := websocket.Dial(context.Background(), "http://x"+updates+"tenantId=alpha&"+query, &websocket.DialOptions{HTTPClient: s.client})
	if err != nil {
		s.t.Fatal(err)
	}
	got, end = make(chan uint64, 10_000), make(chan error, 1)
	go func() {
		for {
			_, msg, err := c.Read(context.Background())
			if err != nil {
				end <- err
				return
			}
			if r, ok, err := received(msg, s.log.Head("alpha").Epoch); err != nil {
				end <- err
				return
			} else if ok {
				got <- r.Seq
			} else {
				got <- 0 // a heartbeat
			}
		}
	}()
	return got, end, c
}

// all takes what has come.
func all(got chan uint64) (list []uint64) {
	for {
		select {
		case n := <-got:
			list = append(list, n)
		default:
			return list
		}
	}
}

func equal(t *testing.T, what string, got []uint64, want ...uint64) {
	t.Helper()
	same := len(got) == len(want)
	for i := range want {
		same = same && got[i] == want[i]
	}
	if !same {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// A connection lasts 60 minutes, and what comes after it is kept for the subscription.
func TestSixtyMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openSite(t, numbered(), stream.Options{Heartbeat: 20 * time.Minute})
		defer s.stop()
		got, end, _ := s.listen("subsId=wfm")
		s.add(2)
		time.Sleep(time.Hour - time.Second)
		synctest.Wait()
		equal(t, "with heartbeats", all(got), 1, 2, 0, 0)
		select {
		case err := <-end:
			t.Fatalf("ended early: %v", err)
		default:
		}
		s.add(1)
		time.Sleep(2 * time.Second)
		if err := <-end; websocket.CloseStatus(err) != websocket.StatusCode(ws.CodeStreamExpired) {
			t.Errorf("ended with %v", err)
		}
		s.add(2)
		time.Sleep(time.Minute)
		first := all(got)
		again, _, c := s.listen("subsId=wfm")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		// The third event may come twice: its pong may have been on the way when the hour was
		// over.
		last := uint64(2)
		for _, n := range append(first, all(again)...) {
			switch n {
			case 0, last:
			case last + 1:
				last = n
			default:
				t.Errorf("got %d behind %d", n, last)
			}
		}
		if last != 5 {
			t.Errorf("the last one was %d", last)
		}
		_ = c.CloseNow()
		time.Sleep(time.Minute)
	})
}

// Who comes back within two hours gets what was not acknowledged; who comes later is a
// new subscription. A long quiet connection counts to its end, not to its last event.
func TestTwoHours(t *testing.T) {
	for name, kill := range map[string]bool{"in order": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kv, log := control.NewMemory(), numbered()
				o := stream.Options{Subscriptions: kv, Validity: 10 * time.Hour}
				s := openSite(t, log, o)
				got, _, c := s.listen("subsId=wfm")
				s.add(3)
				time.Sleep(5 * time.Hour) // quiet
				synctest.Wait()
				if list := all(got); len(list) < 3 || list[2] != 3 {
					t.Fatalf("got %v", list)
				}
				if kill {
					// What the process knew besides is lost: the bucket has what it has.
					s.stop()
					next := s.next
					s = openSite(t, log, o)
					s.next = next
				} else {
					_ = c.CloseNow()
				}
				s.add(2)
				time.Sleep(2*time.Hour - 16*time.Minute)
				got, _, c = s.listen("subsId=wfm")
				time.Sleep(5 * time.Second)
				synctest.Wait()
				equal(t, "within two hours", all(got), 4, 5)
				_ = c.CloseNow()
				s.add(2)
				time.Sleep(2*time.Hour + time.Minute)
				got, _, c = s.listen("subsId=wfm")
				s.add(1)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				equal(t, "later", all(got), 8)
				_ = c.CloseNow()
				time.Sleep(4 * time.Hour)
				if entry, err := kv.Get(t.Context(), "alpha/wfm"); err == nil {
					t.Errorf("kept for nobody: %s", entry.Value)
				}
				s.stop()
			})
		})
	}
}

// Over HTTP streaming there is no pong: what was on its way for a whole heartbeat counts
// as arrived.
func TestHTTPStreamingIsAcknowledgedByHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openSite(t, numbered(), stream.Options{})
		defer s.stop()
		open := func() (texts chan string, cut func()) {
			ctx, cancel := context.WithCancel(context.Background())
			req, _ := http.NewRequestWithContext(ctx, "GET", "http://x"+updates+"tenantId=alpha&subsId=old&desiredOutputType=NEWLINE_JSON", nil)
			resp, err := s.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			texts = make(chan string, 1000)
			go func() {
				buf := make([]byte, 64<<10)
				for {
					n, err := resp.Body.Read(buf)
					if n > 0 {
						texts <- string(buf[:n])
					}
					if err != nil {
						return
					}
				}
			}()
			return texts, func() { cancel(); _ = resp.Body.Close(); time.Sleep(time.Second) }
		}
		events := func(texts chan string) (n int) {
			for {
				select {
				case text := <-texts:
					n += strings.Count(text, "InteractionRecordingStarted")
				default:
					return n
				}
			}
		}
		texts, cut := open()
		s.add(3)
		time.Sleep(31 * time.Second) // one heartbeat: nothing is acknowledged yet
		s.add(2)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := events(texts); n != 5 {
			t.Fatalf("%d events", n)
		}
		cut()
		texts, cut = open()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := events(texts); n != 5 {
			t.Errorf("%d events come again, want all 5", n)
		}
		time.Sleep(60 * time.Second) // two more heartbeats
		s.add(1)
		time.Sleep(time.Second)
		cut()
		texts, cut = open()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := events(texts); n != 1 {
			t.Errorf("%d events come again, want the one that was on its way", n)
		}
		cut()
	})
}
