package signalr

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"trunkline/jsonhttp"
	"trunkline/problem"
	"trunkline/ws"
)

// maxVersion is the version of the negotiation that is spoken here.
const maxVersion = 1

// Transport is one in the answer to a negotiation.
type Transport struct {
	Name    string   `json:"transport"`
	Formats []string `json:"transferFormats"`
}

// Negotiated is the answer to a negotiation.
type Negotiated struct {
	Version    int         `json:"negotiateVersion"`
	ID         string      `json:"connectionId"`
	Token      string      `json:"connectionToken,omitempty"` // from version 1 on; in version 0 the id has its part
	Transports []Transport `json:"availableTransports"`
}

// Refused is the answer to a negotiation that comes to nothing.
type Refused struct {
	Version int    `json:"negotiateVersion"`
	Error   string `json:"error"` // what the client shows
}

// transports in the order in which clients are to try them.
func transports() []Transport {
	return []Transport{
		{"WebSockets", []string{"Text", "Binary"}},
		{"ServerSentEvents", []string{"Text"}},
		{"LongPolling", []string{"Text", "Binary"}},
	}
}

// secret is 128 random bits that can stand in an address.
func secret() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// admit says who sends a request; false: it was refused.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) (Identity, bool) {
	if !s.Welcome(w, r) {
		return Identity{}, false
	}
	return s.o.Authenticate(w, r)
}

// Welcome says whether the page that a request comes from may use the hub, and tells the
// browser so; false: it has written the refusal. Endpoints beside the hub that its pages
// ask, such as one for tokens, ask it too.
func (s *Server) Welcome(w http.ResponseWriter, r *http.Request) bool {
	if s.origins.allow(w, r) {
		return true
	}
	problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "origin", Title: "Pages of this origin may not connect"})
	return false
}

// Negotiate serves POST …/negotiate.
func (s *Server) Negotiate(w http.ResponseWriter, r *http.Request) {
	who, ok := s.admit(w, r)
	if !ok {
		return
	}
	version := 0
	if text := r.URL.Query().Get("negotiateVersion"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			problem.Write(w, problem.Detail{Status: http.StatusBadRequest, Type: "negotiate-version", Title: "negotiateVersion is a whole number from 0 on"})
			return
		}
		version = min(n, maxVersion)
	}
	answer := Negotiated{Version: version, ID: secret(), Transports: transports()}
	token := answer.ID
	if version > 0 {
		answer.Token = secret()
		token = answer.Token
	}
	s.mu.Lock()
	full, crowded, closed := s.waiting[who.Key] >= s.o.MaxPending, s.open[who.Key] >= s.o.MaxConns, s.closed
	if !full && !crowded && !closed {
		s.pending[token] = pending{answer.ID, who.Key, time.Now()}
		s.waiting[who.Key]++
	}
	s.mu.Unlock()
	switch {
	case closed:
		stopping(w)
	case crowded: // clients show the text of an answer, and of a refusal its status only
		jsonhttp.Write(w, http.StatusOK, Refused{Version: version, Error: s.crowded()})
	case full:
		w.Header().Set("Retry-After", strconv.Itoa(int(s.o.HandshakeTimeout/time.Second)))
		problem.Write(w, problem.Detail{Status: http.StatusTooManyRequests, Type: "too-many-negotiations", Title: "Too many negotiations that no connection has followed"})
	default:
		w.Header().Set("Cache-Control", "no-store")
		jsonhttp.Write(w, http.StatusOK, answer)
	}
}

func stopping(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "stopping", Title: "The server is stopping"})
}

// unknown refuses a connection's request whose id nobody was given, or that is used
// already. Clients act on the status.
func (s *Server) unknown(w http.ResponseWriter, status int) {
	title := "There is no such connection"
	switch status {
	case http.StatusServiceUnavailable:
		stopping(w)
		return
	case http.StatusConflict:
		title = "The connection is in use already"
	case http.StatusTooManyRequests:
		title = s.crowded()
	case http.StatusForbidden:
		title = "The connection is somebody else's"
	case http.StatusBadRequest:
		title = "An id is needed: negotiate first"
	}
	problem.Write(w, problem.Detail{Status: status, Type: "connection", Title: title})
}

// Connect serves GET: a connection of one of the transports.
func (s *Server) Connect(w http.ResponseWriter, r *http.Request) {
	who, ok := s.admit(w, r)
	if !ok {
		return
	}
	token, socket := r.URL.Query().Get("id"), ws.Requested(r)
	events := !socket && acceptsEvents(r)
	if token == "" && !socket {
		s.unknown(w, http.StatusBadRequest)
		return
	}
	if !socket && !events {
		s.polled(w, r, token, who)
		return
	}
	way := wrapWebSocket
	if events {
		if way = wrapEvent; r.ProtoMajor == 1 {
			way = wrapChunk
		}
	}
	c, status := s.claim(r, token, who, way)
	if status != 0 {
		s.unknown(w, status)
		return
	}
	if socket {
		s.webSocket(w, r, c)
		return
	}
	s.events(w, r, c)
}

func acceptsEvents(r *http.Request) bool {
	for _, v := range r.Header.Values("Accept") {
		if strings.Contains(strings.ToLower(v), "text/event-stream") {
			return true
		}
	}
	return false
}

// claim makes a connection of a pending negotiation, or, for a WebSocket without an
// id, of none. status says why not.
func (s *Server) claim(r *http.Request, token string, who Identity, way wrap) (c *Conn, status int) {
	c = &Conn{server: s, id: secret(), token: token, who: who, wrap: way, remote: r.RemoteAddr, gone: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, http.StatusServiceUnavailable
	}
	if token != "" {
		if s.conns[token] != nil {
			return nil, http.StatusConflict
		}
		p, ok := s.pending[token]
		switch {
		case !ok:
			return nil, http.StatusNotFound
		case p.key != who.Key:
			return nil, http.StatusForbidden
		}
		c.id = p.id
	} else {
		c.token = c.id
	}
	if s.open[who.Key] >= s.o.MaxConns {
		return nil, http.StatusTooManyRequests
	}
	s.forget(token)
	if way == wrapBare {
		c.poll = newPoll()
	}
	c.alive()
	s.add(c)
	return c, 0
}

// find gives the connection that a request belongs to.
func (s *Server) find(token string, who Identity) (*Conn, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.conns[token]
	switch {
	case c == nil:
		return nil, http.StatusNotFound
	case c.who.Key != who.Key:
		return nil, http.StatusForbidden
	}
	return c, 0
}

// findOrClaim gives the connection that a request belongs to, and opens one of long
// polling when there is none yet: a send may come before the first poll, or with it.
func (s *Server) findOrClaim(r *http.Request, token string, who Identity) (c *Conn, opened bool, status int) {
	if c, status = s.find(token, who); status != http.StatusNotFound {
		return c, false, status
	}
	if c, status = s.claim(r, token, who, wrapBare); status == http.StatusConflict {
		c, status = s.find(token, who) // another request was faster
		return c, false, status
	}
	return c, status == 0, status
}

// Post serves POST: what a client says that has no way of its own.
func (s *Server) Post(w http.ResponseWriter, r *http.Request) {
	who, ok := s.admit(w, r)
	if !ok {
		return
	}
	token := r.URL.Query().Get("id")
	if token == "" {
		s.unknown(w, http.StatusBadRequest)
		return
	}
	c, _, status := s.findOrClaim(r, token, who)
	if status == 0 && c.wrap == wrapWebSocket {
		status = http.StatusConflict
	}
	if status != 0 {
		s.unknown(w, status)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.o.MaxMessage)+1))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		c.quit(tooLong(s.o.MaxMessage))
		problem.Write(w, problem.Detail{Status: http.StatusRequestEntityTooLarge, Type: "too-long", Title: "The message is too long",
			Detail: "At most " + strconv.Itoa(s.o.MaxMessage) + " bytes are taken."})
		return
	case err != nil:
		return // the client has gone
	}
	if !c.shaken.Load() {
		c.receiving.Lock()
	} else if !c.receiving.TryLock() {
		s.unknown(w, http.StatusConflict)
		return
	}
	err = c.receive(body)
	c.receiving.Unlock()
	if err != nil {
		c.quit(err)
	}
	w.WriteHeader(http.StatusOK)
}

// Delete serves DELETE: the client leaves.
func (s *Server) Delete(w http.ResponseWriter, r *http.Request) {
	who, ok := s.admit(w, r)
	if !ok {
		return
	}
	c, status := s.find(r.URL.Query().Get("id"), who)
	if status == 0 && c.poll == nil {
		status = http.StatusBadRequest
	}
	if status != 0 {
		s.unknown(w, status)
		return
	}
	c.leave(errLeft)
	w.WriteHeader(http.StatusAccepted)
}
