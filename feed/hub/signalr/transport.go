package signalr

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"trunkline/fanout"
	"trunkline/problem"
	"trunkline/ws"
)

// webSocket opens a WebSocket.
func (s *Server) webSocket(w http.ResponseWriter, r *http.Request, c *Conn) {
	// Clients put any number of records into a message, and parts of one: only records
	// are bounded.
	up, err := ws.Upgrade(w, r, ws.Options{Pieces: true, Origins: s.o.Origins})
	if err != nil {
		c.leave(err)
		if he, ok := ws.AsHandshakeError(err); ok && !he.Hijacked {
			if he.Status == http.StatusUpgradeRequired {
				w.Header().Set("Sec-WebSocket-Version", "13")
			}
			problem.Write(w, problem.Detail{Status: he.Status, Type: "handshake", Title: "The WebSocket handshake was refused", Detail: "The reason: " + he.Reason + "."})
		}
		return
	}
	c.receiving.Lock()
	defer c.receiving.Unlock()
	if c.dead { // it took too long
		_ = up.NetConn().Close()
		return
	}
	c.nc = up.NetConn()
	s.wg.Go(func() { c.leave(up.Serve(socket{c})) })
}

// socket reads a WebSocket.
type socket struct{ c *Conn }

// Message implements ws.Handler.
func (s socket) Message(_ bool, payload []byte) error {
	// What a message leads to needs a deep stack, and a stack that has grown stays with
	// the reader for as long as it waits: the work is done on another.
	done := make(chan error, 1)
	go func() { done <- s.c.take(payload) }()
	err := <-done
	if err == nil || s.c.out.Load() != nil {
		return nil // a close frame has gone out, or soon does
	}
	return &ws.CloseError{Code: ws.CodeProtocolError, Reason: "it begins with a handshake: " + err.Error()}
}

// Pong implements ws.Handler.
func (s socket) Pong([]byte) { s.c.alive() }

// Send implements ws.Handler.
func (s socket) Send(frame []byte) {
	if out := s.c.out.Load(); out != nil {
		s.c.alive()
		out.Control(frame)
	}
}

// Finish implements ws.Handler.
func (s socket) Finish(frame []byte) {
	if out := s.c.out.Load(); out != nil {
		out.Finish(frame, nil)
		return
	}
	// Nobody else writes before the handshake.
	_ = s.c.nc.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = s.c.nc.Write(frame)
}

// events serves the transport that sends server-sent events.
func (s *Server) events(w http.ResponseWriter, r *http.Request, c *Conn) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for nginx, which would hold events back
	// The handshake may come as soon as the header is out, by another connection: it
	// waits for the lock.
	c.receiving.Lock()
	out, wait, err := c.listen(w, r, h)
	c.stream = out
	waits := false
	switch {
	case err != nil:
	case c.dead: // it took too long
		out.Abort(errNoHandshake)
	case c.wrap == wrapChunk:
		s.wg.Go(func() { c.leave(wait()) })
	default:
		waits = true
	}
	c.receiving.Unlock()
	switch {
	case errors.Is(err, http.ErrNotSupported):
		c.leave(err)
		problem.Write(w, problem.Detail{Status: http.StatusHTTPVersionNotSupported, Type: "http-version", Title: "Server-sent events need HTTP/1.1 or later"})
	case err != nil:
		c.leave(err)
	case waits:
		c.leave(wait())
	}
}

// listen opens the stream of a connection of server-sent events; wait ends with it.
func (c *Conn) listen(w http.ResponseWriter, r *http.Request, h http.Header) (out *fanout.Conn, wait func() error, err error) {
	terms := &c.server.terms[protoJSON][c.wrap]
	if c.wrap == wrapChunk {
		nc, err := fanout.HijackStream(w, r, h)
		if err != nil {
			return nil, nil, err
		}
		out = c.server.pool.Add(nc, terms, c)
		return out, out.WatchPeer, nil
	}
	rc, err := fanout.NewResponseConn(w)
	if err != nil {
		return nil, nil, err
	}
	return c.server.pool.Add(rc, terms, c), func() error {
		rc.Wait(r)
		return net.ErrClosed
	}, nil
}

// polled serves a poll.
func (s *Server) polled(w http.ResponseWriter, r *http.Request, token string, who Identity) {
	c, opened, status := s.findOrClaim(r, token, who)
	if opened {
		w.WriteHeader(http.StatusOK) // the first poll opens the connection
		return
	}
	switch {
	case status != 0:
		s.unknown(w, status)
		return
	case c.poll == nil:
		s.unknown(w, http.StatusConflict)
		return
	}
	c.alive()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // the server's own limit is for answers that do not wait
	records, over := c.poll.take(r.Context(), s.o.PollTimeout)
	c.alive()
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if over {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.Itoa(len(records)))
	_, _ = w.Write(records)
}
