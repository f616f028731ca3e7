package fanout

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// ChunkFrame makes one chunk of a chunked HTTP/1.1 body.
func ChunkFrame(payload []byte) Frame {
	return AppendChunk(make([]byte, 0, len(payload)+12), payload)
}

// AppendChunk appends one chunk of a chunked HTTP/1.1 body, of all parts together.
func AppendChunk(dst []byte, parts ...[]byte) []byte {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	dst = strconv.AppendInt(dst, int64(size), 16)
	dst = append(dst, '\r', '\n')
	for _, p := range parts {
		dst = append(dst, p...)
	}
	return append(dst, '\r', '\n')
}

// LastChunk ends a chunked HTTP/1.1 body.
func LastChunk() Frame { return Frame("0\r\n\r\n") }

// HijackStream answers an HTTP/1.1 request with 200, the given header and a chunked
// body, and takes the connection away from net/http: the caller adds it to a pool,
// queues chunks, and lets a goroutine call Conn.WatchPeer. Requests of other
// versions give http.ErrNotSupported with nothing written; see ResponseConn.
func HijackStream(w http.ResponseWriter, r *http.Request, header http.Header) (net.Conn, error) {
	if r.ProtoMajor != 1 || r.ProtoMinor < 1 {
		return nil, http.ErrNotSupported
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("taking over the connection of a stream: %w", err)
	}
	_ = nc.SetDeadline(time.Time{})
	_ = nc.SetWriteDeadline(time.Now().Add(10 * time.Second))
	_, _ = rw.WriteString("HTTP/1.1 200 OK\r\n")
	_ = header.Write(rw)
	_, _ = rw.WriteString("Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
	if err := rw.Flush(); err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("answering a stream: %w", err)
	}
	_ = nc.SetWriteDeadline(time.Time{})
	return nc, nil
}

// WatchPeer throws away what the peer sends and returns when it ends its side or
// the connection is closed. On a plain socket it waits without a buffer.
func (c *Conn) WatchPeer() error {
	buf := make([]byte, 64)
	if c.raw == nil {
		for {
			if _, err := c.nc.Read(buf); err != nil {
				return endOf(err)
			}
		}
	}
	var n int
	var failed error
	discard := func(fd uintptr) bool {
		var again bool
		n, again, failed = readSocket(fd, buf)
		return !again
	}
	for {
		if err := c.raw.Read(discard); err != nil {
			return endOf(err)
		}
		if failed != nil {
			return failed
		}
		if n <= 0 {
			return io.EOF
		}
	}
}

func endOf(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
		return io.EOF
	}
	return err
}

// ResponseConn lets a pool write the body of a response that cannot be hijacked, as
// with HTTP/2. The handler adds it to a pool and stays in Wait.
type ResponseConn struct {
	net.Conn // nil: the methods that a pool does not use are not there

	w    http.ResponseWriter
	rc   *http.ResponseController
	done chan struct{}
	once sync.Once

	// After the end of the handler, over, the writer may not be touched. mu orders
	// writes against it and is held while writing; limit orders changes of the
	// deadline against it and is never held for long, so that a deadline can free a
	// write. over is set under both; limit is taken under mu, never the other way.
	mu, limit sync.Mutex
	over      bool
}

// NewResponseConn sends the status and header of w.
func NewResponseConn(w http.ResponseWriter) (*ResponseConn, error) {
	c := &ResponseConn{w: w, rc: http.NewResponseController(w), done: make(chan struct{})}
	_ = c.rc.SetWriteDeadline(time.Time{}) // the server's own limit is for answers that end
	w.WriteHeader(http.StatusOK)
	if err := c.rc.Flush(); err != nil {
		return nil, fmt.Errorf("answering a stream: %w", err)
	}
	return c, nil
}

// Write writes and flushes.
func (c *ResponseConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return 0, net.ErrClosed
	}
	n, err := c.w.Write(p)
	if err == nil {
		err = c.rc.Flush()
	}
	return n, err
}

// SetWriteDeadline bounds writes where the server supports it.
func (c *ResponseConn) SetWriteDeadline(t time.Time) error {
	c.limit.Lock()
	defer c.limit.Unlock()
	if c.over {
		return net.ErrClosed
	}
	return c.rc.SetWriteDeadline(t)
}

// SetReadDeadline does nothing: the request has been read.
func (c *ResponseConn) SetReadDeadline(time.Time) error { return nil }

// Close lets Wait return and frees a write that is waiting.
func (c *ResponseConn) Close() error {
	c.once.Do(func() {
		_ = c.SetWriteDeadline(time.Now())
		close(c.done)
	})
	return nil
}

// CloseWrite ends the body in order.
func (c *ResponseConn) CloseWrite() error {
	c.once.Do(func() { close(c.done) })
	return nil
}

// Wait blocks until the connection is closed or the request ends. The handler must
// return after it.
func (c *ResponseConn) Wait(r *http.Request) {
	select {
	case <-c.done:
	case <-r.Context().Done():
		_ = c.Close()
	}
	c.mu.Lock()
	c.limit.Lock()
	c.over = true
	c.limit.Unlock()
	c.mu.Unlock()
}
