package fanout

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// owner passes what it is told on to channels.
type owner struct {
	drained chan *Conn
	closed  chan error
}

func (o *owner) Drained(c *Conn) {
	if o.drained != nil {
		o.drained <- c
	}
}

func (o *owner) Closed(c *Conn, err error) {
	if o.closed != nil {
		o.closed <- err
	}
}

// pipe is a TCP connection over loopback.
func pipe(t testing.TB) (server, client net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(); _ = client.Close() })
	return server, client
}

// numbered is a frame that holds its number and some filling.
func numbered(n uint64, size int) Frame {
	f := make([]byte, max(size, 12))
	binary.BigEndian.PutUint64(f, n)
	binary.BigEndian.PutUint32(f[8:], uint32(len(f)))
	return f
}

// readNumbered checks that the frames with the numbers from..to arrive.
func readNumbered(r io.Reader, from, to uint64) error {
	var head [12]byte
	for n := from; n <= to; n++ {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return err
		}
		if got := binary.BigEndian.Uint64(head[:]); got != n {
			return errors.New("out of order")
		}
		if _, err := io.CopyN(io.Discard, r, int64(binary.BigEndian.Uint32(head[8:]))-12); err != nil {
			return err
		}
	}
	return nil
}

// secure turns a TCP connection into the two ends of a TLS connection.
func secure(t testing.TB, server, client net.Conn) (net.Conn, net.Conn) {
	t.Helper()
	src := httptest.NewUnstartedServer(nil)
	src.StartTLS()
	cert := src.TLS.Certificates
	src.Close()
	s := tls.Server(server, &tls.Config{Certificates: cert})
	c := tls.Client(client, &tls.Config{InsecureSkipVerify: true})
	done := make(chan error, 1)
	go func() { done <- c.Handshake() }()
	if err := s.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return s, c
}

func TestFramesArriveInOrder(t *testing.T) {
	for _, kind := range []string{"tcp", "tls"} {
		t.Run(kind, func(t *testing.T) {
			p := New(PoolOptions{Writers: 2})
			defer p.Close()
			const conns, frames = 20, 3000
			var wg sync.WaitGroup
			var all []*Conn
			full := make([]atomic.Bool, conns)
			for range conns {
				server, client := pipe(t)
				if kind == "tls" {
					server, client = secure(t, server, client)
				}
				all = append(all, p.Add(server, &Terms{QueueBytes: 64 << 20}, &owner{}))
				wg.Add(1)
				go func() {
					defer wg.Done()
					if err := readNumbered(client, 1, frames); err != nil {
						t.Error(err)
					}
					if rest, err := io.ReadAll(client); err != nil || string(rest) != "bye" {
						t.Errorf("at the end %q, %v", rest, err)
					}
				}()
			}
			for n := uint64(1); n <= frames; n++ {
				size := int(n * n % 2000)
				if n%500 == 0 {
					size = 100_000
				}
				p.Publish(all, numbered(n, size), n, func(i int, s Status) { full[i].Store(true) })
			}
			for i, c := range all {
				if full[i].Load() {
					t.Errorf("connection %d refused a frame", i)
				}
				c.Finish(Frame("bye"), nil)
			}
			wg.Wait()
			for _, c := range all {
				c.Abort(nil)
			}
			if s := p.Stats(); s.Conns != 0 || s.Bytes == 0 {
				t.Errorf("at the end %+v", s)
			}
		})
	}
}

// TestReplayRefusesAndTells lets a reader stand still: its queue keeps its limit,
// the feed learns when to go on, and nothing is lost or repeated.
func TestReplayRefusesAndTells(t *testing.T) {
	p := New(PoolOptions{Writers: 1})
	defer p.Close()
	server, client := pipe(t)
	o := &owner{drained: make(chan *Conn, 1), closed: make(chan error, 1)}
	const limit = 100_000
	c := p.Add(server, &Terms{QueueBytes: limit}, o)
	n := uint64(1)
	for ; c.Enqueue(numbered(n, 1000), n) == OK; n++ {
		if q := c.Queued(); q > limit {
			t.Fatalf("%d bytes are queued", q)
		}
	}
	if n < 100 {
		t.Fatalf("full after %d frames", n)
	}
	done := make(chan error, 1)
	const total = 50_000
	go func() { done <- readNumbered(client, 1, total) }()
	for n <= total {
		select {
		case <-o.drained:
		case err := <-done:
			t.Fatal(err)
		}
		for n <= total && c.Enqueue(numbered(n, 1000), n) == OK {
			n++
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	c.Abort(io.EOF)
	if err := <-o.closed; err != io.EOF {
		t.Fatal(err)
	}
	if c.Enqueue(Frame("x"), 1) != Gone {
		t.Fatal("a closed connection took a frame")
	}
}

// TestDeadReadersHarmNobody fills sockets that are never read, more of them than
// there are writers, and then wants others to be served at once.
func TestDeadReadersHarmNobody(t *testing.T) {
	p := New(PoolOptions{Writers: 1})
	defer p.Close()
	closed := make(chan error, 8)
	var dead []*Conn
	for range 8 {
		server, client := pipe(t)
		_ = server.(*net.TCPConn).SetWriteBuffer(16 << 10)
		_ = client.(*net.TCPConn).SetReadBuffer(16 << 10)
		c := p.Add(server, &Terms{QueueBytes: 16 << 20, WriteTimeout: 500 * time.Millisecond}, &owner{closed: closed})
		for c.Enqueue(make([]byte, 64<<10), 0) == OK {
		}
		dead = append(dead, c)
	}
	server, client := pipe(t)
	c := p.Add(server, &Terms{}, &owner{})
	start := time.Now()
	for n := uint64(1); n <= 100; n++ {
		c.Enqueue(numbered(n, 100), n)
		if err := readNumbered(client, n, n); err != nil {
			t.Fatal(err)
		}
	}
	if d := time.Since(start); d > 400*time.Millisecond {
		t.Errorf("100 round trips beside dead readers took %v", d)
	}
	for range dead {
		if err := <-closed; err != ErrWriteTimeout {
			t.Errorf("a dead reader was closed for %v", err)
		}
	}
}

func TestCloseDiscipline(t *testing.T) {
	p := New(PoolOptions{Writers: 1})
	defer p.Close()
	server, client := pipe(t)
	o := &owner{closed: make(chan error, 1)}
	c := p.Add(server, &Terms{Discipline: Close, QueueBytes: 50_000, SlowFrame: Frame("slow")}, o)
	status := OK
	for status == OK {
		status = c.Enqueue(bytes.Repeat([]byte("x"), 1000), 0)
	}
	if status != Full {
		t.Fatalf("overflow gave %v", status)
	}
	got, err := io.ReadAll(client)
	if err != nil || !bytes.HasSuffix(got, []byte("slow")) || (len(got)-4)%1000 != 0 {
		t.Fatalf("the peer saw %d bytes, %v", len(got), err)
	}
	_ = client.Close()
	c.Abort(nil)
	if err := <-o.closed; err != ErrSlow || p.Stats().Overflows != 1 {
		t.Fatalf("closed for %v", err)
	}
}

func TestOneLongFrameFits(t *testing.T) {
	p := New(PoolOptions{Writers: 1})
	defer p.Close()
	server, client := pipe(t)
	c := p.Add(server, &Terms{QueueBytes: 1000}, &owner{})
	if c.Enqueue(numbered(1, 5_000_000), 1) != OK {
		t.Fatal("a frame longer than the queue was refused by an empty one")
	}
	if err := readNumbered(client, 1, 1); err != nil {
		t.Fatal(err)
	}
}

func TestEnqueueAllocatesNothing(t *testing.T) {
	p := &Pool{} // no writers: what is queued stays
	p.cond.L = &p.mu
	server, _ := pipe(t)
	c := &Conn{pool: p, nc: server, terms: &Terms{QueueBytes: 1 << 30}, owner: &owner{}}
	f := make(Frame, 254)
	c.Enqueue(f, 0)
	conns := []*Conn{c}
	// A chunk holds 63 frames: one allocation in 63 calls, none once chunks are
	// recycled.
	if n := testing.AllocsPerRun(20, func() { c.fifo.clear(); c.Enqueue(f, 1) }); n > 0 {
		t.Errorf("Enqueue allocates %v times", n)
	}
	if n := testing.AllocsPerRun(20, func() { c.fifo.clear(); p.Publish(conns, f, 1, nil) }); n > 0 {
		t.Errorf("Publish allocates %v times", n)
	}
	c.Mark(7)
	if c.position != 7 || len(c.fifo.head.frames[0]) != 254 {
		t.Error("a mark is no frame")
	}
}

func TestStreamOverHTTP(t *testing.T) {
	p := New(PoolOptions{Writers: 1})
	defer p.Close()
	serve := func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 {
			nc, err := HijackStream(w, r, http.Header{"Content-Type": {"text/event-stream"}})
			if err != nil {
				t.Error(err)
				return
			}
			c := p.Add(nc, &Terms{}, &owner{})
			go func() { c.Abort(c.WatchPeer()) }()
			c.Enqueue(ChunkFrame([]byte("data: 1\n\n")), 1)
			c.Finish(append(ChunkFrame([]byte("data: 2\n\n")), LastChunk()...), nil)
			return
		}
		if _, err := HijackStream(w, r, nil); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("hijacking %s: %v", r.Proto, err)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		rc, err := NewResponseConn(w)
		if err != nil {
			t.Error(err)
			return
		}
		c := p.Add(rc, &Terms{}, &owner{})
		c.Enqueue(Frame("data: 1\n\n"), 1)
		c.Finish(Frame("data: 2\n\n"), nil)
		rc.Wait(r)
		c.Abort(nil)
		if _, err := rc.Write([]byte("late")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("writing after the end: %v", err)
		}
	}
	for _, http2 := range []bool{false, true} {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(serve))
		srv.EnableHTTP2 = http2
		srv.StartTLS()
		resp, err := srv.Client().Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != "data: 1\n\ndata: 2\n\n" || resp.Header.Get("Content-Type") != "text/event-stream" || (resp.ProtoMajor == 2) != http2 {
			t.Errorf("%s: %q, %v", resp.Proto, body, err)
		}
		_ = resp.Body.Close()
		srv.Close()
	}
}
