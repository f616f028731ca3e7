package stream

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"trunkline/auth"
	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/feed/relay"
	"trunkline/problem"
	"trunkline/ws"
)

// CursorHeader is in the answer to a subscription: the place in the log behind which it
// begins.
const CursorHeader = "Trunkline-Cursor"

// maxMessage bounds what a client may send, in bytes.
const maxMessage = 4096

// subscribe serves a subscription, as a WebSocket when the request asks for one.
func (f *Feed) subscribe(w http.ResponseWriter, r *http.Request) {
	f.serve(w, r, auth.From(r.Context()), r.PathValue("updates"))
}

func (f *Feed) serve(w http.ResponseWriter, r *http.Request, who *auth.Principal, updates string) {
	req, err := parseRequest(updates, r.URL.RawQuery, r.Header, who.Tenant)
	switch {
	case errors.Is(err, errOtherTenant):
		problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "other-tenant", Title: "The token is another tenant's",
			Detail: "It opens the stream of the tenant that it was made for alone."})
		return
	case errors.Is(err, errNoUpdates):
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-endpoint", Title: "There is nothing at this path", Detail: err.Error() + "."})
		return
	case err != nil:
		problem.Write(w, problem.Detail{Status: http.StatusBadRequest, Type: "query", Title: "The subscription cannot be served", Detail: err.Error() + "."})
		return
	}
	if req.atmosphere.leaves || r.Method == http.MethodHead {
		// Nothing is subscribed to: such a request must not take a connection's place.
		streamHeader(w.Header())
		return
	}
	socket := ws.Requested(r)
	if req.explicit && !socket {
		problem.Write(w, problem.Detail{Status: http.StatusBadRequest, Type: "query", Title: "The subscription cannot be served",
			Detail: "ack=explicit needs a WebSocket: over HTTP streaming a client cannot answer."})
		return
	}
	if f.over() {
		f.refuse(w, nil, relay.ErrClosed)
		return
	}
	others, err := f.seats.sit(r.Context(), who.Tenant, req.subscription)
	if err != nil {
		f.refuse(w, others, err)
		return
	}
	s := &session{feed: f, who: who, req: req, gone: make(chan struct{}),
		variant: variant{format: req.format, chunked: !socket, sized: req.atmosphere.sized, types: req.types}}
	s.Tenant = who.Tenant
	if req.filter != nil {
		s.Filter = req.filter
	}
	begun := false
	defer func() {
		if !begun {
			f.seats.rise(who.Tenant, req.subscription)
		}
	}()
	if s.holder, err = f.place(r, s); err != nil {
		f.refuse(w, nil, err)
		return
	}
	if s.claim, err = f.seats.claim(r.Context(), who.Tenant, req.subscription); err != nil {
		f.refuse(w, nil, err)
		return
	}
	s.Start = s.holder.Start
	s.Mark = f.numberAt(r.Context(), s.Tenant, s.Start)
	if socket {
		begun = f.webSocket(w, r, s)
	} else {
		begun = f.httpStream(w, r, s)
	}
}

// place finds where a subscription goes on. What the log has lost meanwhile is lost: it
// goes on with the oldest that there is, and the numbers show the gap.
func (f *Feed) place(r *http.Request, s *session) (*relay.Holder, error) {
	start, given := f.log.Head(s.Tenant), false
	if s.req.given {
		if err := relay.Check(f.log, s.Tenant, s.req.after); err != nil {
			return nil, err
		}
		start, given = s.req.after, true
	}
	// Names may hold what a bucket's keys may not.
	h, err := f.places.Ask(r.Context(), s.Tenant, placeName(s.req.subscription), start, given)
	var gone *eventlog.GoneError
	if errors.As(err, &gone) && h != nil {
		h.Start = gone.Oldest
		if gone.Reason == eventlog.GoneAhead {
			h.Start = gone.Newest
		}
		f.o.Logger.Warn("a subscription's place is lost; it goes on elsewhere", "tenant", s.Tenant, "reason", gone.Error())
		err = nil
	}
	return h, err
}

// placeName makes a key of any text: what a bucket takes stays as it is.
func placeName(subscription string) string {
	var b strings.Builder
	for _, c := range []byte(subscription) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "=%02x", c)
		}
	}
	return b.String()
}

func (f *Feed) webSocket(w http.ResponseWriter, r *http.Request, s *session) bool {
	c, err := ws.Upgrade(w, r, ws.Options{MaxMessage: maxMessage, Origins: f.o.Origins, Header: http.Header{CursorHeader: {s.Start.String()}}})
	if err != nil {
		if he, ok := ws.AsHandshakeError(err); ok && !he.Hijacked {
			if he.Status == http.StatusUpgradeRequired {
				w.Header().Set("Sec-WebSocket-Version", "13")
			}
			problem.Write(w, problem.Detail{Status: he.Status, Type: "handshake", Title: "The WebSocket handshake was refused", Detail: "The reason: " + he.Reason + "."})
		}
		return false
	}
	if !s.begin(c.NetConn()) {
		return false
	}
	go func() { s.finish(c.Serve(s)) }()
	return true
}

// httpStream serves older clients: the events one behind the other in a body that does
// not end.
func (f *Feed) httpStream(w http.ResponseWriter, r *http.Request, s *session) bool {
	h := w.Header()
	streamHeader(h)
	h.Set(CursorHeader, s.Start.String())
	nc, err := fanout.HijackStream(w, r, h)
	if errors.Is(err, http.ErrNotSupported) {
		problem.Write(w, problem.Detail{Status: http.StatusHTTPVersionNotSupported, Type: "http-version", Title: "HTTP streaming needs HTTP/1.1"})
		return false
	}
	if err != nil {
		f.o.Logger.Debug("a stream was not begun", "err", err)
		return false
	}
	if !s.begin(nc) {
		return false
	}
	go func() { s.finish(s.Conn.WatchPeer()) }()
	return true
}

func streamHeader(h http.Header) {
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for nginx, which would hold events back
}

func (f *Feed) refuse(w http.ResponseWriter, others []string, err error) {
	var gone *eventlog.GoneError
	switch {
	case errors.Is(err, errFull):
		slices.Sort(others)
		w.Header().Set("Retry-After", "60")
		problem.Write(w, problem.Detail{Status: http.StatusTooManyRequests, Type: "too-many-subscriptions", Title: "Too many subscriptions are connected",
			Detail:     fmt.Sprintf("A tenant may have %d; connected are %s. One that connects again takes over from itself.", f.o.Connected, strings.Join(others, ", ")),
			Extensions: map[string]any{"connected": others}})
	case errors.As(err, &gone):
		problem.Write(w, problem.Detail{Status: http.StatusGone, Type: "gone", Title: "The place cannot be gone on from", Detail: gone.Error() + ".",
			Extensions: map[string]any{"reason": gone.Reason, "oldest": gone.Oldest.String(), "newest": gone.Newest.String()}})
	default:
		w.Header().Set("Retry-After", "1")
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "unavailable", Title: "The stream cannot be served at present",
			Detail: "The reason: " + err.Error() + "."})
	}
}
