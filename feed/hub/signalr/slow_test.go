package signalr_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"trunkline/feed/hub/signalr"
)

// What waits for a client that does not read: the latest of each value, in its place
// between the transitions, and nothing whose time is over.
func TestWhatWaits(t *testing.T) {
	var conn atomic.Pointer[signalr.Conn]
	opened := func(o *signalr.Options) { o.Opened = func(c *signalr.Conn) { conn.Store(c) } }
	still(t, opened, func(t *testing.T, s *signalr.Server, client *http.Client) {
		c, _, err := websocket.Dial(t.Context(), "http://hub.test/hub?"+good, &websocket.DialOptions{HTTPClient: client})
		if err != nil {
			t.Fatal(err)
		}
		say(t, c, hello)
		hear(t, c, "{}|")
		synctest.Wait() // it was told that it is open
		var never time.Time
		send := func(to interface {
			Send(*signalr.Message) bool
		}, text string, expires time.Time) {
			m := signalr.NewMessage("E", text)
			if m.Expires = expires; !to.Send(m) {
				t.Errorf("%s was not taken", text)
			}
		}
		whole := conn.Load()
		send(whole, "on its way", never)
		time.Sleep(time.Second) // nobody reads it: what follows waits
		a, b, c1 := whole.Value(), whole.Value(), whole.Value()
		soon := time.Now().Add(5 * time.Second)
		send(a, "a 1", never)
		send(b, "b 1", never)
		send(a, "a 2", never)
		a = a.Sealed()
		send(whole, "a logs off", time.Now().Add(time.Minute))
		send(a, "a 3", never)
		send(b, "b 2", never)
		send(whole, "too old", soon)
		send(a, "a 4", never)
		send(c1, "a status that is too old", soon)
		time.Sleep(10 * time.Second)
		send(a, "a 5", never)
		send(whole, "last", never)
		var got []string
		for len(got) == 0 || got[len(got)-1] != "last" {
			_, b, err := c.Read(t.Context())
			if err != nil {
				t.Fatalf("%q, then %v", got, err)
			}
			_, text, ok := strings.Cut(string(b), `"arguments":["`)
			if text, _, _ = strings.Cut(text, `"`); ok {
				got = append(got, text)
			}
		}
		if want := []string{"on its way", "a 2", "b 2", "a logs off", "a 5", "last"}; !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		if st := s.Stats(); st.Expired != 2 || st.Lost != 0 || st.Conns != 1 {
			t.Errorf("%+v", st)
		}
		_ = c.CloseNow()
	})
}

// smallBuffers is a listener whose connections keep little in the kernel.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tc, ok := c.(*net.TCPConn); ok {
		_ = tc.SetWriteBuffer(16 << 10)
	}
	return c, err
}

// beside is a hub with one client that reads and some that never do.
type beside struct {
	server *signalr.Server
	url    string
	mu     sync.Mutex // guards conns
	conns  map[string][]*listener
	number int          // of the last event
	moves  int          // of the last transition
	gone   atomic.Bool  // the fast client reads no more
	seen   atomic.Int64 // the last event that the fast client has
}

// listener is one client, with the value of each entity.
type listener struct {
	conn   *signalr.Conn
	values [besideEntities]*signalr.Value
}

const (
	besideEntities = 47
	besideQueue    = 128 << 10
	besideSlow     = 10  // of each of two kinds
	besideLag      = 100 // events by which the fast client may be behind: far less than a queue
)

func newBeside(t *testing.T) *beside {
	b := &beside{conns: map[string][]*listener{}}
	s, handler := hub(t, func(o *signalr.Options) {
		o.QueueBytes = besideQueue
		o.Opened = func(c *signalr.Conn) {
			l := &listener{conn: c}
			for i := range l.values {
				l.values[i] = c.Value()
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.conns[c.User().(string)] = append(b.conns[c.User().(string)], l)
		}
		o.Closed = func(c *signalr.Conn, _ error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			list := b.conns[c.User().(string)]
			b.conns[c.User().(string)] = slices.DeleteFunc(list, func(l *listener) bool { return l.conn == c })
		}
	})
	h := httptest.NewUnstartedServer(handler)
	h.Listener = smallBuffers{h.Listener}
	h.Start()
	b.server, b.url = s, h.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		s.Close(ctx)
		h.Close()
	})
	return b
}

// event is what the hub sends: a status of an entity, or a transition of it.
type besideEvent struct {
	Number int    `json:"number"`
	Entity int    `json:"entity"`
	Move   int    `json:"move"` // the number of a transition, 0 for a status
	Sent   int64  `json:"sent"`
	Fill   string `json:"fill"`
}

// publish sends events at 5,000 a second, or as fast as the fast client reads where the
// machine is slower. One in ten is a transition, which those who are there for statuses
// only do not get.
func (b *beside) publish(events int) {
	fill := strings.Repeat("x", 600)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for sent := 0; sent < events; sent++ {
		if sent%10 == 0 {
			<-tick.C
		}
		for int64(b.number)-b.seen.Load() > besideLag && !b.gone.Load() {
			time.Sleep(100 * time.Microsecond)
		}
		b.number++
		e := besideEvent{Number: b.number, Entity: b.number % besideEntities, Sent: time.Now().UnixNano(), Fill: fill}
		users := []string{"fast", "all", "status"}
		if b.number%10 == 0 {
			b.moves++
			e.Move = b.moves
			users = users[:2]
		}
		m := signalr.NewMessage("E", e)
		b.mu.Lock()
		for _, user := range users {
			for _, l := range b.conns[user] {
				if e.Move == 0 {
					l.values[e.Entity].Send(m)
					continue
				}
				l.values[e.Entity] = l.values[e.Entity].Sealed()
				l.conn.Send(m)
			}
		}
		b.mu.Unlock()
	}
}

// follow reads what the fast client gets: every transition, in order, and values that
// never go back. late gets the milliseconds that each took.
func follow(c *websocket.Conn, until func(besideEvent) bool) (late []float64, err error) {
	latest := map[int]int{}
	move := 0
	for {
		_, raw, err := c.Read(context.Background())
		if err != nil {
			return late, err
		}
		now := time.Now().UnixNano()
		var m struct {
			Type int           `json:"type"`
			Args []besideEvent `json:"arguments"`
		}
		if err := json.Unmarshal(raw[:len(raw)-1], &m); err != nil {
			return late, fmt.Errorf("%s: %w", raw, err)
		}
		if m.Type == 7 {
			return late, fmt.Errorf("closed: %s", raw)
		}
		if len(m.Args) == 0 {
			continue
		}
		e := m.Args[0]
		if e.Number <= latest[e.Entity] {
			return late, fmt.Errorf("entity %d went from %d to %d", e.Entity, latest[e.Entity], e.Number)
		}
		latest[e.Entity] = e.Number
		if e.Move > 0 {
			if move != 0 && e.Move != move+1 {
				return late, fmt.Errorf("transition %d follows %d", e.Move, move)
			}
			move = e.Move
		}
		late = append(late, float64(now-e.Sent)/1e6)
		if until(e) {
			return late, nil
		}
	}
}

// slow is a client that says that it is alive, and never reads.
func (b *beside) slow(ctx context.Context, t *testing.T, user string) {
	c, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	handshake := `{"protocol":"json","version":1}` + "\x1e"
	request := "GET /hub?access_token=" + user + "-1 HTTP/1.1\r\nHost: hub.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	frame := func(text string) string { return string([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}) + text }
	for data := request + frame(handshake); ; data = frame("{\"type\":6}\x1e") {
		if _, err := c.Write([]byte(data)); err != nil {
			return // it was cut
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// has waits until so many clients of a user are connected.
func (b *beside) has(t *testing.T, user string, n int) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		b.mu.Lock()
		now := len(b.conns[user])
		b.mu.Unlock()
		if now == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d clients of %s, not %d", now, user, n)
		}
	}
}

// TestSlowBesideFast has twenty clients that never read beside one that does: ten that
// get statuses only, which conflate and never fill a queue, and ten that get
// transitions too and are cut, and come back. The fast one misses nothing, and what the
// slow ones hold in memory is bounded. TRUNKLINE_LONG=1 makes it a minute, and wants the
// fast one's p99 within a fifth of what it is without the others.
func TestSlowBesideFast(t *testing.T) {
	alone, together, long := 1000, 5000, os.Getenv("TRUNKLINE_LONG") != ""
	if long {
		alone, together = 20*5000, 60*5000
	}
	b := newBeside(t)
	c, _, err := websocket.Dial(t.Context(), b.url+"/hub?access_token=fast-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	say(t, c, hello)
	hear(t, c, "{}|")
	b.has(t, "fast", 1)

	run := func(events int) []float64 {
		type result struct {
			late []float64
			err  error
		}
		done := make(chan result, 1)
		last := b.number + events // a transition: it is always delivered
		go func() {
			late, err := follow(c, func(e besideEvent) bool {
				b.seen.Store(int64(e.Number))
				return e.Number == last
			})
			b.gone.Store(err != nil)
			done <- result{late, err}
		}()
		b.publish(events)
		select {
		case r := <-done:
			if r.err != nil {
				t.Fatal(r.err)
			}
			slices.Sort(r.late)
			return r.late
		case <-time.After(60 * time.Second):
			t.Fatal("the fast client waits for its last event")
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for c.Write(ctx, websocket.MessageText, []byte("{\"type\":6}\x1e")) == nil {
			time.Sleep(time.Second)
		}
	})
	defer wg.Wait()
	defer cancel()
	before := run(alone)
	for range besideSlow {
		for _, user := range []string{"all", "status"} {
			wg.Go(func() {
				for ctx.Err() == nil {
					b.slow(ctx, t, user)
				}
			})
		}
	}
	b.has(t, "all", besideSlow)
	b.has(t, "status", besideSlow)
	runtime.GC()
	var start, end runtime.MemStats
	runtime.ReadMemStats(&start)
	after := run(together)
	runtime.GC()
	runtime.ReadMemStats(&end)
	if grown := int64(end.HeapAlloc) - int64(start.HeapAlloc); grown > 2*besideSlow*besideQueue+8<<20 {
		t.Errorf("the memory grew by %d KB", grown>>10)
	}
	st := b.server.Stats()
	if st.Slow < besideSlow {
		t.Errorf("%d clients were cut, of those that get transitions there are %d: %+v", st.Slow, besideSlow, st)
	}
	b.has(t, "status", besideSlow)
	p99 := func(late []float64) float64 { return late[len(late)*99/100] }
	t.Logf("p99 %.2f ms alone, %.2f ms beside %d slow clients; p50 %.2f and %.2f ms; %d cut", p99(before), p99(after), 2*besideSlow, before[len(before)/2], after[len(after)/2], st.Slow)
	if long && p99(after) > 1.2*p99(before)+0.5 {
		t.Error("the slow clients are felt")
	}
}
