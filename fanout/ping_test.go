package fanout

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs fn with a pool and one connection over an in-memory pipe, on which
// nothing is buffered: time passes only when everybody waits.
func bubble(t *testing.T, terms *Terms, fn func(c *Conn, client net.Conn, closed chan error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := New(PoolOptions{Writers: 1})
		defer p.Close()
		server, client := net.Pipe()
		closed := make(chan error, 1)
		c := p.Add(server, terms, &owner{closed: closed})
		fn(c, client, closed)
		_ = client.Close()
		c.Abort(nil)
		time.Sleep(time.Minute) // timers of closing connections
	})
}

func echoPayload(p []byte) Frame { return append(Frame{}, p...) }

func read(t *testing.T, client net.Conn, n int) []byte {
	t.Helper()
	p := make([]byte, n)
	if _, err := io.ReadFull(client, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPongAcknowledgesWhatWasBeforeThePing(t *testing.T) {
	terms := &Terms{Ping: echoPayload, PingInterval: 20 * time.Second, AckInterval: time.Second, PongTimeout: time.Minute}
	bubble(t, terms, func(c *Conn, client net.Conn, closed chan error) {
		c.Enqueue(Frame("a"), 5)
		read(t, client, 1)
		start := time.Now()
		first := read(t, client, 8)
		if d := time.Since(start); d > 1200*time.Millisecond {
			t.Fatalf("new data was pinged after %v", d)
		}
		c.Enqueue(Frame("b"), 9)
		read(t, client, 1)
		second := read(t, client, 8)
		c.Mark(12)
		third := read(t, client, 8)

		stranger := append([]byte{}, second...)
		stranger[0] ^= 1
		unsent := append([]byte{}, third...)
		binary.BigEndian.PutUint32(unsent[4:], 99)
		for _, p := range [][]byte{nil, []byte("12345678"), stranger, unsent} {
			if _, ok := c.Pong(p); ok {
				t.Fatalf("pong %x was taken", p)
			}
		}
		if pos, ok := c.Pong(second); !ok || pos != 9 {
			t.Fatalf("the second pong acknowledges %d, %v", pos, ok)
		}
		for _, p := range [][]byte{first, second} {
			if _, ok := c.Pong(p); ok {
				t.Fatalf("pong %x was taken after a later one", p)
			}
		}
		if pos, ok := c.Pong(third); !ok || pos != 12 {
			t.Fatalf("the third pong acknowledges %d, %v", pos, ok)
		}
		start = time.Now()
		c.Pong(read(t, client, 8))
		if d := time.Since(start); d < 17*time.Second || d > 23*time.Second {
			t.Fatalf("an idle connection was pinged after %v", d)
		}
	})
}

func TestMissingPongCloses(t *testing.T) {
	terms := &Terms{Ping: echoPayload, PingInterval: 10 * time.Second, PongTimeout: 30 * time.Second, NoPongFrame: Frame("gone")}
	bubble(t, terms, func(c *Conn, client net.Conn, closed chan error) {
		start := time.Now()
		all, err := io.ReadAll(client)
		if err != nil || len(all) != 3*8+4 || string(all[24:]) != "gone" {
			t.Fatalf("the peer saw %q, %v", all, err)
		}
		if err := <-closed; err != ErrNoPong {
			t.Fatalf("closed for %v", err)
		}
		if d := time.Since(start); d < 30*time.Second || d > 70*time.Second {
			t.Fatalf("closed after %v", d)
		}
	})
}

// A ping that waits behind data is not the peer's fault as long as data moves.
func TestPongTimeoutStartsWhenThePingIsWritten(t *testing.T) {
	terms := &Terms{Ping: echoPayload, PingInterval: 10 * time.Second, PongTimeout: 30 * time.Second, WriteTimeout: time.Minute, QueueBytes: 1 << 20}
	bubble(t, terms, func(c *Conn, client net.Conn, closed chan error) {
		for n := range uint64(20) {
			c.Enqueue(make(Frame, record), n)
		}
		for range 20 {
			time.Sleep(20 * time.Second)
			read(t, client, record)
		}
		select {
		case err := <-closed:
			t.Fatalf("closed for %v", err)
		default:
		}
	})
}

func TestHeartbeatsOnlyWhileIdle(t *testing.T) {
	terms := &Terms{Ping: func([]byte) Frame { return Frame(":\n\n") }, NoPong: true, PingInterval: 10 * time.Second}
	bubble(t, terms, func(c *Conn, client net.Conn, closed chan error) {
		for n := range uint64(60) {
			time.Sleep(time.Second)
			c.Enqueue(Frame("x"), n)
			if p := read(t, client, 1); p[0] != 'x' {
				t.Fatal("a heartbeat between data")
			}
		}
		start := time.Now()
		read(t, client, 6)
		if d := time.Since(start); d < 17*time.Second || d > 35*time.Second {
			t.Fatalf("two heartbeats took %v", d)
		}
	})
}

func TestFinishAndTimeouts(t *testing.T) {
	terms := &Terms{WriteTimeout: 10 * time.Second, CloseTimeout: 3 * time.Second}
	bubble(t, terms, func(c *Conn, client net.Conn, closed chan error) {
		c.Enqueue(Frame("data"), 1)
		c.Finish(Frame("bye"), io.EOF)
		c.Finish(Frame("twice"), nil)
		start := time.Now()
		if err := <-closed; err != io.EOF || time.Since(start) != 3*time.Second {
			t.Fatalf("a peer that never read: closed after %v for %v", time.Since(start), err)
		}
	})
	bubble(t, terms, func(c *Conn, client net.Conn, closed chan error) {
		c.Enqueue(Frame("data"), 1)
		start := time.Now()
		if err := <-closed; err != ErrWriteTimeout || time.Since(start) != 10*time.Second {
			t.Fatalf("a peer that never read: closed after %v for %v", time.Since(start), err)
		}
	})
	bubble(t, terms, func(c *Conn, client net.Conn, closed chan error) {
		for n := range uint64(3) {
			c.Enqueue(make(Frame, record), n)
		}
		synctest.Wait()
		c.Enqueue(Frame("dropped"), 4)
		c.Cut(Frame("cut"), nil)
		all, err := io.ReadAll(client)
		if err != nil || len(all) < record || string(all[len(all)-3:]) != "cut" || len(all)%record != 3 {
			t.Fatalf("the peer saw %d bytes, %v", len(all), err)
		}
	})
}

func TestControlFramesAreBounded(t *testing.T) {
	terms := &Terms{Ping: echoPayload, PingInterval: time.Hour}
	bubble(t, terms, func(c *Conn, client net.Conn, closed chan error) {
		for range 10_000 {
			c.Control(Frame("pong pong "))
		}
		if q := c.Queued(); q > 2*controlBytes {
			t.Fatalf("%d bytes of pongs are queued", q)
		}
		c.Ping()
	})
}
