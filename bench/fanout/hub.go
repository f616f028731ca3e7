//go:build linux

package main

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"trunkline/fanout"
	"trunkline/ws"
)

// hub is a feed in small: it publishes to the connections that are live and lets
// the others catch up from the messages it keeps, which stand for the log.
type hub struct {
	pool  *fanout.Pool
	terms *fanout.Terms
	ready chan struct{} // one for each new connection

	// mu guards what is below. It is held while one message is published.
	mu     sync.Mutex
	live   []*fanout.Conn
	subs   []*sub // subs[i] owns live[i]
	all    []*sub
	dead   []*sub
	kept   []fanout.Frame // kept[i] ends with message ends[i]
	ends   []uint64
	missed int64 // frames that live connections refused

	behind chan *sub
}

// sub is one connection of the hub.
type sub struct {
	hub  *hub
	conn *fanout.Conn
	ws   *ws.Conn
	next int // kept[next] is due; used by one goroutine at a time
	at   int // its place in live, -1 when it is catching up; guarded by hub.mu
	dead bool
}

func newHub(o options) *hub {
	h := &hub{
		pool:   fanout.New(fanout.PoolOptions{}),
		terms:  &fanout.Terms{QueueBytes: o.queue, Ping: ws.PingFrame, PingInterval: 25 * time.Second, WriteTimeout: 5 * time.Minute},
		ready:  make(chan struct{}, o.conns+o.dead),
		behind: make(chan *sub, o.conns+o.dead),
	}
	for range 2 {
		go func() {
			for s := range h.behind {
				h.catchUp(s)
			}
		}()
	}
	return h
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := ws.Upgrade(w, r, ws.Options{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s := &sub{hub: h, ws: c, dead: r.URL.RawQuery != ""}
	s.conn = h.pool.Add(c.NetConn(), h.terms, s)
	h.mu.Lock()
	if s.dead {
		h.dead = append(h.dead, s)
	} else {
		h.all = append(h.all, s)
		h.join(s)
	}
	h.mu.Unlock()
	go s.serve()
	h.ready <- struct{}{}
}

func (s *sub) serve() { s.conn.Abort(s.ws.Serve(s)) }

func (s *sub) Message(bool, []byte) error { return nil }
func (s *sub) Pong(p []byte)              { s.conn.Pong(p) }
func (s *sub) Send(f []byte)              { s.conn.Control(f) }
func (s *sub) Finish(f []byte)            { s.conn.Cut(f, nil) }
func (s *sub) Closed(*fanout.Conn, error) {}
func (s *sub) Drained(*fanout.Conn)       { s.hub.behind <- s }

// join makes s live, under mu.
func (h *hub) join(s *sub) {
	s.at = len(h.live)
	h.live = append(h.live, s.conn)
	h.subs = append(h.subs, s)
}

// leave takes s off the live path, under mu.
func (h *hub) leave(s *sub) {
	last := len(h.live) - 1
	h.live[s.at], h.subs[s.at] = h.live[last], h.subs[last]
	h.subs[s.at].at = s.at
	h.live, h.subs = h.live[:last], h.subs[:last]
	s.at = -1
}

// publish keeps a frame that ends with message last and gives it to all that are
// live.
func (h *hub) publish(f fanout.Frame, last uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept, h.ends = append(h.kept, f), append(h.ends, last)
	var refused []*sub
	h.pool.Publish(h.live, f, last, func(i int, _ fanout.Status) { refused = append(refused, h.subs[i]) })
	for _, s := range refused {
		s.next = len(h.kept) - 1
		h.missed++
		h.leave(s)
	}
}

// catchUp gives s what it missed until its queue is full, in which case Drained
// brings it back, or until it is live again.
func (h *hub) catchUp(s *sub) {
	for {
		h.mu.Lock()
		kept, ends := h.kept[s.next:], h.ends[s.next:]
		if len(kept) == 0 {
			if !s.dead {
				h.join(s)
			}
			h.mu.Unlock()
			return
		}
		h.mu.Unlock()
		for i, f := range kept {
			if s.conn.Enqueue(f, ends[i]) != fanout.OK {
				return
			}
			s.next++
		}
	}
}

// reset forgets the messages of the phase before.
func (h *hub) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept, h.ends, h.missed = nil, nil, 0
	for _, s := range h.all {
		s.next = 0
	}
}

// listen serves handler on a free loopback port.
func listen(handler http.Handler) (addr string, srv *http.Server, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listening: %w", err)
	}
	srv = &http.Server{Handler: handler}
	go func() { _ = srv.Serve(ln) }()
	return ln.Addr().String(), srv, nil
}
