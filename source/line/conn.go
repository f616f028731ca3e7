package line

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"trunkline/source"
)

// Conn is one connection to a system. It is used in the goroutine of [Line.Run] alone, except for the reading of the
// socket.
type Conn struct {
	Heard time.Time // when anything was last read
	At    time.Time // of the read in hand
	Began time.Time

	line   *Line
	net    net.Conn
	ctx    context.Context // of the line
	chunks chan chunk
	err    error // why the connection is to be closed
}

// chunk is what one read of the socket gave.
type chunk struct {
	data []byte
	at   time.Time
	err  error
}

// readSize bounds one read; readAhead how many may wait.
const (
	readSize  = 32 << 10
	readAhead = 4
)

// sendTimeout bounds how long the system may take to read what is sent to it.
const sendTimeout = 10 * time.Second

// Err is why the connection is to be closed, nil while it is not.
func (c *Conn) Err() error { return c.err }

// Fail ends the connection. The first error counts.
func (c *Conn) Fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// Send writes to the system.
func (c *Conn) Send(text string) {
	limit := sendTimeout
	if c.ctx.Err() != nil {
		limit = source.Farewell
	}
	_ = c.net.SetWriteDeadline(time.Now().Add(limit))
	if _, err := io.WriteString(c.net, text); err != nil {
		c.Fail(fmt.Errorf("write: %w", err))
	}
}

// work lets the session work the connection until it breaks, is found dead, or ctx ends.
func (c *Conn) work(ctx context.Context, s Session) error {
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.read(stop)
	}()
	defer func() {
		close(stop)
		source.Hangup(c.net)
		<-done
	}()
	c.ctx = ctx
	// What hangs in a write is not waited for when the end has come.
	defer context.AfterFunc(ctx, func() { _ = c.net.SetWriteDeadline(time.Now().Add(source.Farewell)) })()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for c.err == nil {
		chunks := c.chunks
		held := c.line.out.Full()
		if held {
			chunks = nil // the system waits in its socket until the log takes events
			c.hold(s)
		} else if s.Listed() {
			c.line.Set(source.StateUp, "")
		}
		select {
		case got := <-chunks:
			c.take(s, got)
		case <-c.line.out.Room():
		case <-tick.C:
			if !held {
				s.Tick(c.line.Now())
			}
		case <-ctx.Done():
			c.Send(s.Goodbye())
			return ctx.Err()
		}
	}
	return c.err
}

// hold says that nothing is read at present.
func (c *Conn) hold(s Session) {
	_, refused, _ := c.line.out.State()
	if refused == "" {
		refused = "the log is slow"
	}
	c.line.Set(source.StateHeld, refused)
	c.Heard = c.line.Now()
	s.Held(c.Heard)
}

// read hands on what comes.
func (c *Conn) read(stop <-chan struct{}) {
	for {
		buf := make([]byte, readSize)
		n, err := c.net.Read(buf)
		select {
		case c.chunks <- chunk{buf[:n], c.line.Now(), err}:
		case <-stop:
			return
		}
		if err != nil {
			return
		}
	}
}

func (c *Conn) take(s Session, got chunk) {
	if len(got.data) > 0 {
		c.Heard, c.At = got.at, got.at
		s.Take(got.data)
		c.line.Note(func(h *source.Health) {
			h.Heard = got.at
			h.Bytes += int64(len(got.data))
		})
	}
	switch {
	case got.err == nil:
	case errors.Is(got.err, io.EOF):
		c.Fail(fmt.Errorf("%s closed the connection", c.line.peer))
	default:
		c.Fail(fmt.Errorf("read: %w", got.err))
	}
}
