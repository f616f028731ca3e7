package stage

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
)

const (
	// keepUp is how much may be queued for a client before the play waits for it,
	// when it has no speed of its own.
	keepUp = 256 << 10
	// maxBehind is how much a client may leave unread before it is cut off, as
	// telephony systems do with those who do not keep up.
	maxBehind = 32 << 20
	// maxLine bounds a line that a client sends.
	maxLine = 64 << 10
)

// Client is one connection.
type Client struct {
	p       *Stage
	conn    net.Conn
	wake    chan struct{} // of the writer
	out     []byte        // under p.mu
	closing bool          // no more is taken into out
}

// Put queues bytes for the client; for systems and visitors while they are
// called.
func (c *Client) Put(b []byte) {
	if c.closing || len(b) == 0 {
		return
	}
	c.out = append(c.out, b...)
	if len(c.out) > maxBehind {
		c.drop()
		return
	}
	c.signal()
}

// End closes the connection once the client has what is queued; for systems and
// visitors while they are called.
func (c *Client) End() {
	c.closing = true
	c.signal()
}

func (c *Client) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// drop closes the connection at once.
func (c *Client) drop() {
	c.closing = true
	c.out = nil
	c.conn.Close()
	c.signal()
}

func (c *Client) write() {
	defer c.conn.Close()
	for range c.wake {
		for {
			c.p.mu.Lock()
			out, closing := c.out, c.closing
			c.out = nil
			c.p.drained.Broadcast()
			c.p.mu.Unlock()
			if len(out) == 0 {
				if closing {
					return
				}
				break
			}
			if _, err := c.conn.Write(out); err != nil {
				return
			}
		}
	}
}

// Serve takes connections until the listener is closed.
func (p *Stage) Serve(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept a connection: %w", err)
		}
		go p.ServeConn(conn)
	}
}

// ServeConn serves one client until it hangs up or the capture's connection
// ends. Where the system is down, the connection is closed at once.
func (p *Stage) ServeConn(conn net.Conn) {
	c := &Client{p: p, conn: conn, wake: make(chan struct{}, 1)}
	p.mu.Lock()
	if !p.open {
		p.mu.Unlock()
		conn.Close()
		return
	}
	v := p.system.Greet(c)
	p.clients[c] = v
	p.mu.Unlock()
	var writer sync.WaitGroup
	writer.Go(c.write)
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 4096), maxLine)
	for lines.Scan() {
		p.mu.Lock()
		v.Take(strings.TrimSuffix(lines.Text(), "\r"))
		p.mu.Unlock()
	}
	p.mu.Lock()
	delete(p.clients, c)
	c.drop()
	p.drained.Broadcast()
	p.mu.Unlock()
	close(c.wake)
	writer.Wait()
}
