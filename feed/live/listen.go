package live

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"trunkline/auth"
	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/feed/relay"
	"trunkline/problem"
	"trunkline/ws"
)

// CursorHeader is in the answer to a request to listen: the place at which it starts,
// for a client that is cut before its first event.
const CursorHeader = "Trunkline-Cursor"

// revokedGrace is how long a connection whose token was revoked may take to read its
// goodbye before it is cut: together with the news of it, within a second.
const revokedGrace = 500 * time.Millisecond

// maxAckMessage bounds what a client may send, in bytes.
const maxAckMessage = 1024

// live serves GET /v1/live, as a WebSocket when the request asks for one.
func (f *Feed) live(w http.ResponseWriter, r *http.Request) {
	who := auth.From(r.Context())
	socket := ws.Requested(r)
	if asksForState(r.URL.RawQuery) {
		f.liveState(w, r, who, socket)
		return
	}
	q, err := parseLive(r.URL.RawQuery, r.Header.Get("Last-Event-ID"), socket)
	if err != nil {
		badQuery(w, err)
		return
	}
	if !socket && !acceptable(w, r) {
		return
	}
	s := &sub{feed: f, tenant: who.Tenant, who: who, explicit: q.explicit, gone: make(chan struct{})}
	s.Tenant = who.Tenant
	if q.filter != nil {
		s.Filter = q.filter
	}
	start, err := f.start(r.Context(), s, q)
	if err != nil {
		f.refuse(w, s.tenant, err)
		return
	}
	s.Start = start
	if socket {
		how := wayWebSocket
		if s.holder != nil && !s.explicit {
			how = wayAck
		}
		f.webSocket(w, r, s, how, http.Header{CursorHeader: {start.String()}})
		return
	}
	// An event without data is not dispatched, but its id counts: a browser that is
	// cut before the first event comes back with this one.
	w.Header().Set(CursorHeader, start.String())
	f.eventStream(w, r, s, fmt.Appendf(nil, "retry: 2000\nid: %s\n\n", start))
}

// peer is what listens at the other end of a connection, to events or to the state.
type peer interface {
	ws.Handler
	fanout.Owner
	// begin hands the connection to the writers and lets it be served. False says that
	// it was closed instead.
	begin(nc net.Conn, fm form, how way, hello fanout.Frame) bool
	// watch waits until the peer of a stream has gone.
	watch() error
	// finish clears up after the connection.
	finish(err error)
}

// acceptable says whether the client takes server-sent events, and refuses it if not.
func acceptable(w http.ResponseWriter, r *http.Request) bool {
	if acceptsSSE(r.Header.Values("Accept")) {
		return true
	}
	problem.Write(w, problem.Detail{Status: http.StatusNotAcceptable, Type: "accept", Title: "Only text/event-stream is served here",
		Detail: "Ask for text/event-stream or for a WebSocket."})
	return false
}

// start finds the cursor after which a subscriber begins.
func (f *Feed) start(ctx context.Context, s *sub, q liveQuery) (eventlog.Cursor, error) {
	start := q.cursor
	switch {
	case q.after == oldest:
		start = f.log.Oldest(s.tenant)
	case q.after == "":
		start = f.log.Head(s.tenant)
	}
	if q.consumer != "" {
		h, err := f.places.Ask(ctx, s.tenant, q.consumer, start, q.given)
		if err != nil {
			return start, err
		}
		s.holder = h
		return h.Start, nil
	}
	return start, relay.Check(f.log, s.tenant, start)
}

// acceptsSSE says whether an Accept header lets text/event-stream through.
func acceptsSSE(accept []string) bool {
	if len(accept) == 0 {
		return true
	}
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "text/event-stream", "text/*", "*/*":
			return true
		}
	}
	return false
}

func (f *Feed) webSocket(w http.ResponseWriter, r *http.Request, p peer, how way, h http.Header) {
	c, err := ws.Upgrade(w, r, ws.Options{MaxMessage: maxAckMessage, Origins: f.o.Origins, Header: h})
	if err != nil {
		if he, ok := ws.AsHandshakeError(err); ok && !he.Hijacked {
			if he.Status == http.StatusUpgradeRequired {
				w.Header().Set("Sec-WebSocket-Version", "13")
			}
			problem.Write(w, problem.Detail{Status: he.Status, Type: "handshake", Title: "The WebSocket handshake was refused", Detail: "The reason: " + he.Reason + "."})
		}
		return
	}
	if p.begin(c.NetConn(), formWebSocket, how, nil) {
		go func() { p.finish(c.Serve(p)) }()
	}
}

func (f *Feed) eventStream(w http.ResponseWriter, r *http.Request, p peer, hello fanout.Frame) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for nginx, which would hold events back
	if r.ProtoAtLeast(1, 1) && r.ProtoMajor == 1 {
		nc, err := fanout.HijackStream(w, r, h)
		if err != nil {
			f.o.Logger.Debug("a stream was not begun", "err", err)
			return
		}
		if p.begin(nc, formSSEChunked, wayChunked, fanout.ChunkFrame(hello)) {
			go func() { p.finish(p.watch()) }()
		}
		return
	}
	rc, err := fanout.NewResponseConn(w)
	if err != nil {
		f.o.Logger.Debug("a stream was not begun", "err", err)
		return
	}
	if p.begin(rc, formSSE, waySSE, hello) {
		rc.Wait(r)
		p.finish(r.Context().Err())
	}
}

func (s *sub) begin(nc net.Conn, fm form, how way, hello fanout.Frame) bool {
	f := s.feed
	s.form, s.Form = fm, fm
	s.Conn = f.pool.Add(nc, f.terms[how], s)
	s.Bye = func(bye relay.Farewell) { goodbye(s.Conn, s.form, bye, true) }
	if err := f.enter(s); err != nil {
		s.Conn.Abort(err)
		return false
	}
	if len(hello) > 0 {
		s.Conn.Enqueue(hello, s.Start.Seq)
	} else {
		s.Conn.Mark(s.Start.Seq)
	}
	s.stopRevoke = revocation(s.who, s.Conn, fm)
	if s.holder != nil {
		// Nothing was sent yet, so that no pong can come before this.
		s.holder.Take(func() {
			goodbye(s.Conn, s.form, relay.Farewell{Code: ws.CodeReplaced, Reason: "another connection of this consumer took over"}, false)
		})
	}
	f.relay.Start(&s.Sub)
	return true
}

// revocation says goodbye to a connection when its token is revoked or expires.
func revocation(who *auth.Principal, conn *fanout.Conn, fm form) (stop func() bool) {
	return who.OnRevoke(func() {
		goodbye(conn, fm, relay.Farewell{Code: ws.CodeUnauthorized, Reason: who.Ended()}, false)
		time.AfterFunc(revokedGrace, func() { conn.Abort(nil) })
	})
}

func (s *sub) watch() error { return s.Conn.WatchPeer() }

func (s *sub) finish(err error) {
	s.Conn.Abort(err)
	s.stopRevoke()
	s.feed.leave(s)
	if s.holder != nil {
		s.holder.Leave()
	}
}
