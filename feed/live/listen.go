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
	q, err := parseLive(r.URL.RawQuery, r.Header.Get("Last-Event-ID"), socket)
	if err != nil {
		badQuery(w, err)
		return
	}
	if !socket && !acceptsSSE(r.Header.Values("Accept")) {
		problem.Write(w, problem.Detail{Status: http.StatusNotAcceptable, Type: "accept", Title: "Only text/event-stream is served here",
			Detail: "Ask for text/event-stream or for a WebSocket."})
		return
	}
	s := &sub{feed: f, tenant: who.Tenant, filter: q.filter, explicit: q.explicit, gone: make(chan struct{})}
	start, err := f.start(r.Context(), s, q)
	if err != nil {
		f.refuse(w, s.tenant, err)
		return
	}
	s.epoch, s.next = start.Epoch, start.Seq+1
	if socket {
		f.webSocket(w, r, who, s, start, q.consumer)
	} else {
		f.eventStream(w, r, who, s, start)
	}
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
		return f.consumers.place(ctx, s.tenant, q.consumer, start, q.given)
	}
	return start, check(f.log, s.tenant, start)
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

func (f *Feed) webSocket(w http.ResponseWriter, r *http.Request, who *auth.Principal, s *sub, start eventlog.Cursor, consumer string) {
	c, err := ws.Upgrade(w, r, ws.Options{MaxMessage: maxAckMessage, Origins: f.o.Origins, Header: http.Header{CursorHeader: {start.String()}}})
	if err != nil {
		if he, ok := ws.AsHandshakeError(err); ok && !he.Hijacked {
			if he.Status == http.StatusUpgradeRequired {
				w.Header().Set("Sec-WebSocket-Version", "13")
			}
			problem.Write(w, problem.Detail{Status: he.Status, Type: "handshake", Title: "The WebSocket handshake was refused", Detail: "The reason: " + he.Reason + "."})
		}
		return
	}
	how := wayWebSocket
	if consumer != "" && !s.explicit {
		how = wayAck
	}
	if f.begin(s, c.NetConn(), who, formWebSocket, how, nil) {
		if consumer != "" {
			f.consumers.claim(s, consumer, start)
		}
		go func() { f.finish(s, c.Serve(s)) }()
	}
}

func (f *Feed) eventStream(w http.ResponseWriter, r *http.Request, who *auth.Principal, s *sub, start eventlog.Cursor) {
	// An event without data is not dispatched, but its id counts: a browser that is
	// cut before the first event comes back with this one.
	hello := fmt.Appendf(nil, "retry: 2000\nid: %s\n\n", start)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for nginx, which would hold events back
	h.Set(CursorHeader, start.String())
	if r.ProtoAtLeast(1, 1) && r.ProtoMajor == 1 {
		nc, err := fanout.HijackStream(w, r, h)
		if err != nil {
			f.o.Logger.Debug("a stream was not begun", "err", err)
			return
		}
		if f.begin(s, nc, who, formSSEChunked, wayChunked, fanout.ChunkFrame(hello)) {
			go func() { f.finish(s, s.conn.WatchPeer()) }()
		}
		return
	}
	rc, err := fanout.NewResponseConn(w)
	if err != nil {
		f.o.Logger.Debug("a stream was not begun", "err", err)
		return
	}
	if f.begin(s, rc, who, formSSE, waySSE, hello) {
		rc.Wait(r)
		f.finish(s, r.Context().Err())
	}
}

// begin hands a connection to the writers and lets it be read for. False says that it
// was closed instead.
func (f *Feed) begin(s *sub, nc net.Conn, who *auth.Principal, fm form, how way, hello fanout.Frame) bool {
	s.form = fm
	s.conn = f.pool.Add(nc, f.terms[how], s)
	if err := f.enter(s); err != nil {
		s.conn.Abort(err)
		return false
	}
	if len(hello) > 0 {
		s.conn.Enqueue(hello, s.next-1)
	} else {
		s.conn.Mark(s.next - 1)
	}
	s.stopRevoke = who.OnRevoke(func() {
		s.goodbye(farewell{code: ws.CodeUnauthorized, reason: "the token was revoked"}, false)
		time.AfterFunc(revokedGrace, func() { s.conn.Abort(nil) })
	})
	f.readers.wake(s)
	return true
}

// finish clears up after a connection.
func (f *Feed) finish(s *sub, err error) {
	s.conn.Abort(err)
	s.stopRevoke()
	f.leave(s)
	f.consumers.detach(s)
}
