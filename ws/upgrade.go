package ws

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/gobwas/ws"
)

// Options are the terms of one upgrade.
type Options struct {
	// MaxMessage is the longest message, in bytes and over all its fragments, that
	// a peer may send. 0 means [DefaultMaxMessage].
	MaxMessage int
	// Pieces hands data on as it arrives, in pieces that say nothing of where a
	// message ends: for protocols that are a stream of bytes over any number of
	// messages. Such a protocol bounds what it takes, and checks its text, itself.
	Pieces bool
	// Subprotocols are those the server speaks, best first as the client lists
	// them; a client that names none of them is served without one.
	Subprotocols []string
	// Origins lists the origins of web pages that may connect besides those of the
	// same host: "https://board.example.com", "https://*.example.com", or "*" for
	// any. Requests without an Origin header do not come from a page and pass.
	Origins []string
	// Header is added to the answer of the handshake.
	Header http.Header
	// Timeout bounds the writing of the answer; 0 means 10 seconds.
	Timeout time.Duration
}

// DefaultMaxMessage is 64 KiB: clients of a feed send acknowledgements and
// subscriptions, not data.
const DefaultMaxMessage = 64 << 10

// HandshakeError says why a request was not upgraded and which HTTP status
// belongs in the answer. Nothing has been written when Upgrade returns it, unless
// Hijacked is set: then the connection is already closed.
type HandshakeError struct {
	Status   int
	Reason   string
	Hijacked bool
	Cause    error
}

func (e *HandshakeError) Error() string {
	if e.Cause != nil {
		return "websocket handshake: " + e.Reason + ": " + e.Cause.Error()
	}
	return "websocket handshake: " + e.Reason
}

// Unwrap gives the cause.
func (e *HandshakeError) Unwrap() error { return e.Cause }

// Requested says whether r asks for a WebSocket, well or badly.
func Requested(r *http.Request) bool {
	return hasToken(r.Header, "Upgrade", "websocket")
}

// Upgrade answers the opening handshake and takes the connection away from
// net/http. The handler should return afterwards and let a goroutine of its own
// call [Conn.Serve]: the stack and the buffers of the HTTP server are free then.
func Upgrade(w http.ResponseWriter, r *http.Request, o Options) (*Conn, error) {
	if err := checkRequest(r); err != nil {
		return nil, err
	}
	if !originAllowed(r, o.Origins) {
		return nil, &HandshakeError{Status: http.StatusForbidden, Reason: fmt.Sprintf("the origin %q is not allowed", r.Header.Get("Origin"))}
	}
	up := ws.HTTPUpgrader{Header: o.Header, Timeout: o.Timeout}
	if up.Timeout == 0 {
		up.Timeout = 10 * time.Second
	}
	if len(o.Subprotocols) > 0 {
		up.Protocol = ws.SelectFromSlice(o.Subprotocols)
	}
	if _, ok := w.(http.Hijacker); !ok {
		// A wrapper may still unwrap to one; http.ResponseController finds out, but
		// writes its own answer when it does not, so ask first.
		if !canHijack(w) {
			return nil, &HandshakeError{Status: http.StatusHTTPVersionNotSupported, Reason: "a WebSocket needs HTTP/1.1"}
		}
	}
	nc, rw, hs, err := up.Upgrade(r, w)
	if err != nil {
		if nc != nil {
			_ = nc.Close()
		}
		return nil, &HandshakeError{Status: http.StatusBadRequest, Reason: "the handshake failed", Hijacked: true, Cause: err}
	}
	c := newConn(nc, o.MaxMessage)
	c.subprotocol, c.pieces = hs.Protocol, o.Pieces
	// A client may send frames together with its request; they are in the
	// buffer of net/http, which is given up here.
	if n := rw.Reader.Buffered(); n > 0 {
		early, err := rw.Reader.Peek(n)
		if err != nil {
			_ = nc.Close()
			return nil, &HandshakeError{Status: http.StatusBadRequest, Reason: "reading early frames", Hijacked: true, Cause: err}
		}
		c.in.preload(early)
	}
	return c, nil
}

func canHijack(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

// checkRequest looks at everything that can be refused with a plain HTTP answer.
func checkRequest(r *http.Request) error {
	bad := func(status int, reason string) error { return &HandshakeError{Status: status, Reason: reason} }
	switch {
	case r.Method != http.MethodGet:
		return bad(http.StatusMethodNotAllowed, "the method must be GET")
	case !r.ProtoAtLeast(1, 1) || r.ProtoMajor != 1:
		return bad(http.StatusHTTPVersionNotSupported, "a WebSocket needs HTTP/1.1")
	case !hasToken(r.Header, "Upgrade", "websocket"):
		return bad(http.StatusUpgradeRequired, `the header "Upgrade: websocket" is missing`)
	case !hasToken(r.Header, "Connection", "upgrade"):
		return bad(http.StatusBadRequest, `the header "Connection: Upgrade" is missing`)
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return bad(http.StatusUpgradeRequired, "Sec-WebSocket-Version must be 13")
	case len(r.Header.Get("Sec-WebSocket-Key")) != 24:
		return bad(http.StatusBadRequest, "Sec-WebSocket-Key must be 16 bytes in base64")
	}
	return nil
}

func hasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// originAllowed compares hosts only for "the same origin": behind a proxy that
// ends TLS the scheme that the browser saw is not known here.
func originAllowed(r *http.Request, allowed []string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	origin = strings.ToLower(origin)
	for _, pattern := range allowed {
		if pattern == "*" {
			return true
		}
		if ok, err := path.Match(strings.ToLower(pattern), origin); err == nil && ok {
			return true
		}
	}
	return false
}

// rawConn gives the descriptor of a plain socket, nil for anything in which bytes
// are changed on the way, such as TLS.
func rawConn(nc net.Conn) syscall.RawConn {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// AsHandshakeError finds a HandshakeError in err.
func AsHandshakeError(err error) (*HandshakeError, bool) {
	var he *HandshakeError
	ok := errors.As(err, &he)
	return he, ok
}
