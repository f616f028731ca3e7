//go:build linux

package crowd

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Order is what the server process tells the client process; both speak JSON lines
// over standard input and output.
type Order struct {
	// Op is what to do: "dial" connections, or "dead" ones that never read; wait until
	// so many messages are there ("expect"); or tell the "latency" since the last time.
	Op    string `json:"op"`
	Conns int    `json:"conns,omitempty"`
	// Path is the resource that WebSockets ask for.
	Path string `json:"path,omitempty"`
	// Hello is sent once by each connection after the handshake, as it is.
	Hello []byte `json:"hello,omitempty"`
	// Expect is a number of messages over all connections and since the start.
	Expect int64 `json:"expect,omitempty"`
}

// Answer is sent when an order is carried out.
type Answer struct {
	Error    string  `json:"error,omitempty"`
	Messages int64   `json:"messages"`      // since the start, over all connections
	P50      float64 `json:"p50,omitempty"` // milliseconds
	P99      float64 `json:"p99,omitempty"`
}

// headRoom is where a part of a frame that was cut by the end of a read is put, in
// front of the next read.
const headRoom = 256

// Messages have a number in ten digits, later a time in twenty, and no other digits
// behind "seq". The client looks at their beginning only; what is shorter than
// shortest is no message but a ping or the like.
const (
	prefix   = 128
	shortest = 50
)

// peer is one socket of the client.
type peer struct {
	fd   int
	skip int    // bytes of a payload still to come
	part []byte // the start of a frame, too short to be understood
	next int64  // number of the next message
}

// places are where the number and the time lie in a message.
type places struct{ number, sent int }

// find learns the places from a message.
func find(payload []byte) (places, error) {
	at := bytes.Index(payload, []byte("seq"))
	if at < 0 {
		return places{}, fmt.Errorf("a message without a number: %q", payload)
	}
	var p places
	for _, place := range []*int{&p.number, &p.sent} {
		n := bytes.IndexAny(payload[at:], "0123456789")
		if *place = at + n; n < 0 {
			return p, fmt.Errorf("a message without its number or time: %q", payload)
		}
		at = *place + 10
	}
	if p.sent+20 > len(payload) {
		return p, fmt.Errorf("the time of a message begins at %d, behind what is looked at", p.sent)
	}
	return p, nil
}

type client struct {
	addr     unix.Sockaddr
	epoll    int
	peers    map[int32]*peer
	count    int64
	total    atomic.Int64 // count, for other goroutines
	expect   atomic.Int64
	reached  chan struct{}
	hist     histogram
	places   places
	failed   error
	deadConn []int
}

// Serve is the client process: it carries out orders until there are no more.
func Serve(addr string) error {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return fmt.Errorf("parsing the address to connect to: %w", err)
	}
	ep, err := unix.EpollCreate1(0)
	if err != nil {
		return fmt.Errorf("creating an epoll instance: %w", err)
	}
	c := &client{addr: &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}, epoll: ep, peers: map[int32]*peer{}, reached: make(chan struct{}, 1)}
	c.expect.Store(-1)
	reading := false
	out := json.NewEncoder(os.Stdout)
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	for {
		var ord Order
		if err := in.Decode(&ord); err != nil {
			if err == io.EOF {
				return nil
			}
			return fmt.Errorf("reading an order: %w", err)
		}
		var a Answer
		switch ord.Op {
		case "dial", "dead":
			for i := 0; i < ord.Conns && err == nil; i++ {
				err = c.dial(ord, i)
			}
			if err == nil && !reading {
				reading = true
				go c.read()
			}
		case "expect":
			c.expect.Store(ord.Expect)
			// Who sets expect back tells of it, or need not.
			if c.total.Load() < ord.Expect || !c.expect.CompareAndSwap(ord.Expect, -1) {
				<-c.reached
			}
		case "latency":
			a.P50, a.P99 = c.hist.take()
		default:
			err = fmt.Errorf("unknown order %q", ord.Op)
		}
		if err == nil {
			err = c.failed
		}
		a.Messages = c.total.Load()
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			return fmt.Errorf("answering: %w", err)
		}
	}
}

const request = "GET %s HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// dial opens one WebSocket. Source addresses change so that ports do not run out.
func (c *client) dial(o Order, i int) error {
	dead := o.Op == "dead"
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("making a socket: %w", err)
	}
	if dead {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + i/4000)}}); err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	if err := unix.Connect(fd, c.addr); err != nil {
		return fmt.Errorf("connecting number %d: %w", i, err)
	}
	if _, err := unix.Write(fd, fmt.Appendf(nil, request, o.Path)); err != nil {
		return fmt.Errorf("asking for a WebSocket: %w", err)
	}
	// One byte at a time to the end of the head: frames may follow it at once.
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		var b [1]byte
		if n, err := unix.Read(fd, b[:]); n != 1 {
			return fmt.Errorf("reading the handshake: %w", errors.Join(err, io.ErrUnexpectedEOF))
		}
		head = append(head, b[0])
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101")) {
		return fmt.Errorf("refused: %.60q", head)
	}
	if len(o.Hello) > 0 {
		if _, err := unix.Write(fd, o.Hello); err != nil {
			return fmt.Errorf("sending the first message: %w", err)
		}
	}
	if dead {
		c.deadConn = append(c.deadConn, fd)
		return nil
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err := unix.SetNonblock(fd, true); err != nil {
		return fmt.Errorf("making a socket non-blocking: %w", err)
	}
	c.peers[int32(fd)] = &peer{fd: fd, next: 1}
	return unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// read serves all sockets from one thread, for ever.
func (c *client) read() {
	events := make([]unix.EpollEvent, 512)
	buf := make([]byte, headRoom+256<<10)
	for {
		n, err := unix.EpollWait(c.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			c.fail(fmt.Errorf("waiting for sockets: %w", err))
			return
		}
		for _, ev := range events[:max(n, 0)] {
			p := c.peers[ev.Fd]
			n, err := unix.Read(p.fd, buf[headRoom:])
			if err == unix.EAGAIN {
				continue
			}
			if err != nil || n == 0 {
				c.fail(fmt.Errorf("a connection ended early: %w", errors.Join(err, io.ErrUnexpectedEOF)))
				return
			}
			start := headRoom - len(p.part)
			copy(buf[start:], p.part)
			if err := c.parse(p, buf[start:headRoom+n]); err != nil {
				c.fail(err)
				return
			}
		}
		c.total.Store(c.count)
		if e := c.expect.Load(); e >= 0 && c.count >= e && c.expect.CompareAndSwap(e, -1) {
			c.reached <- struct{}{}
		}
	}
}

func (c *client) fail(err error) {
	c.failed = err
	c.reached <- struct{}{}
}

// parse hops over the frames in b, checks the number of each message and answers
// pings.
func (c *client) parse(p *peer, b []byte) error {
	p.part = p.part[:0]
	if p.skip > 0 {
		n := min(p.skip, len(b))
		p.skip -= n
		b = b[n:]
	}
	for len(b) > 0 {
		if len(b) < 4 {
			p.part = append(p.part, b...)
			return nil
		}
		head, n := 2, int(b[1])
		if n == 126 {
			head, n = 4, int(binary.BigEndian.Uint16(b[2:]))
		}
		if len(b) < head+min(n, prefix) {
			p.part = append(p.part, b...)
			return nil
		}
		switch payload := b[head : head+min(n, prefix)]; b[0] {
		case 0x81, 0x82:
			if n < shortest {
				break
			}
			if c.places == (places{}) {
				var err error
				if c.places, err = find(payload); err != nil {
					return err
				}
			}
			if got := digits(payload[c.places.number:][:10]); got != p.next {
				return fmt.Errorf("message %d came where %d was due", got, p.next)
			}
			p.next++
			c.count++
			if sent := digits(payload[c.places.sent:][:20]); sent != 0 {
				c.hist.add(time.Now().UnixNano() - sent)
			}
		case 0x89:
			pong := append([]byte{0x8a, 0x80 | byte(n), 0, 0, 0, 0}, payload...)
			if _, err := unix.Write(p.fd, pong); err != nil {
				return fmt.Errorf("answering a ping: %w", err)
			}
		default:
			return fmt.Errorf("a frame with the first byte %#x: %.100q", b[0], payload)
		}
		if len(b) < head+n {
			p.skip = head + n - len(b)
			return nil
		}
		b = b[head+n:]
	}
	return nil
}

func digits(b []byte) int64 {
	var n int64
	for _, d := range b {
		n = n*10 + int64(d-'0')
	}
	return n
}
