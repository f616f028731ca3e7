package measures

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"trunkline/auth/jwt"
	"trunkline/fanout"
	"trunkline/floor/follow"
	"trunkline/ws"
)

// session is one connection, from the handshake to the end.
type session struct {
	feed *Feed
	// What the address says, "" where it says nothing.
	account, subscription string
	remote                string
	conn                  *fanout.Conn
	gone                  chan struct{}
	patience              *time.Timer // ends the wait for the authentication

	// Known from the authentication on; set before the session joins its room.
	sub    *stored
	terms  terms
	marker bool
	place  *room

	joined   atomic.Bool  // it is authenticated
	ending   atomic.Bool  // it was said goodbye to, and may still be there for a while
	started  atomic.Bool  // it has its snapshot
	pinged   atomic.Int64 // Unix nanoseconds of the last ping
	progress atomic.Int64 // when it last took something of what it was behind with
	room     atomic.Bool  // its queue, which was full, can take something again

	delivery
}

var (
	_ ws.Handler   = (*session)(nil)
	_ fanout.Owner = (*session)(nil)
)

// serve takes a connection over.
func (s *session) serve(c *ws.Conn) {
	s.pinged.Store(s.feed.o.Now().UnixNano())
	s.conn = s.feed.pool.Add(c.NetConn(), &s.feed.terms, s)
	if !s.feed.enter(s) {
		s.conn.Abort(errClosing)
		return
	}
	s.patience = time.AfterFunc(s.feed.o.AuthTimeout, func() {
		if !s.joined.Load() {
			s.refuse(statusConstraint, ws.CodeMeasuresConstraint, "no authentication came in time")
		}
	})
	go func() {
		err := c.Serve(s)
		s.patience.Stop()
		s.conn.Abort(err)
		s.feed.leave(s)
	}()
}

// Message implements ws.Handler.
func (s *session) Message(text bool, payload []byte) error {
	if text && len(payload) == 4 && strings.EqualFold(string(payload), "ping") {
		s.pinged.Store(s.feed.o.Now().UnixNano())
		s.conn.Control(pong)
		return nil
	}
	if s.joined.Load() {
		return &ws.CloseError{Code: ws.CodePolicy, Reason: "after the authentication nothing but pings is expected"}
	}
	status, code, reason := s.authenticate(text, payload)
	if status != statusConfirmed {
		s.refuse(status, code, reason)
	}
	return nil
}

var pong = ws.TextFrame([]byte("pong"))

// authenticate judges the first message.
func (s *session) authenticate(text bool, payload []byte) (status string, code ws.CloseCode, reason string) {
	a, err := parseAuthentication(text, payload)
	if err != nil {
		return statusConstraint, ws.CodeMeasuresConstraint, err.Error()
	}
	id := a.SubscriptionID
	if id == "" {
		id = s.subscription
	}
	if id == "" {
		return statusConstraint, ws.CodeMeasuresConstraint, "neither the message nor the address names a subscription"
	}
	ctx, cancel := context.WithTimeout(context.Background(), authPatience)
	defer cancel()
	c, err := s.feed.claims(ctx, a.Token)
	switch {
	case errors.Is(err, jwt.ErrInvalid):
		return statusToken, ws.CodeUnauthorized, "the token is not valid"
	case err != nil:
		s.feed.o.Logger.Error("a token cannot be checked", "error", err)
		return statusServerError, ws.CodeInternal, "the token cannot be checked at the moment"
	}
	if s.account != "" && s.account != s.feed.o.Account(c.Tenant) {
		return statusToken, ws.CodeUnauthorized, "the token is of another account"
	}
	sub, err := s.feed.subs.find(ctx, c.Tenant, id)
	switch {
	case err != nil && !errors.Is(err, errNoSubscription):
		s.feed.o.Logger.Error("a subscription cannot be read", "error", err)
		return statusServerError, ws.CodeInternal, "the subscription cannot be read at the moment"
	case err != nil || !sub.active(s.feed.o.Now()):
		return statusUnknown, ws.CodeMeasuresUnknown, "there is no such subscription, or it is not active"
	}
	if sub.Transport.Type != transportWebSocket {
		return statusConstraint, ws.CodeMeasuresConstraint, "the subscription is delivered by webhook"
	}
	if err := s.feed.o.State.View(c.Tenant, func(follow.View) {}); err != nil {
		return statusServerError, ws.CodeInternal, "the floor is not known yet"
	}
	s.sub, s.terms, s.marker = sub, termsOf(sub), sub.Extensions[extInitialized] == "true"
	s.patience.Stop()
	if s.conn.Enqueue(confirmed, 0) == fanout.OK {
		s.progress.Store(time.Now().UnixNano())
		s.pinged.Store(s.feed.o.Now().UnixNano())
		s.feed.admit(s)
	}
	return statusConfirmed, 0, ""
}

var confirmed = response(statusConfirmed)

// authPatience is how long the check of a token may take.
const authPatience = 15 * time.Second

// refuse answers an authentication that failed, and closes.
func (s *session) refuse(status string, code ws.CloseCode, reason string) {
	s.feed.o.Logger.Info("a measures client was refused", "status", status, "reason", reason, "remote", s.remote)
	s.conn.Enqueue(response(status), 0)
	s.conn.Finish(ws.CloseFrame(code, reason), &ws.CloseError{Code: code, Reason: reason})
}

// goodbye ends the session with a number; what is queued is dropped.
func (s *session) goodbye(code ws.CloseCode, reason string) {
	s.ending.Store(true)
	s.conn.Cut(ws.CloseFrame(code, reason), &ws.CloseError{Code: code, Reason: reason})
}

// Pong implements ws.Handler: this side sends no pings.
func (s *session) Pong([]byte) {}

// Send implements ws.Handler: a pong goes out, so a ping came in.
func (s *session) Send(frame []byte) {
	s.pinged.Store(s.feed.o.Now().UnixNano())
	s.conn.Control(frame)
}

// Finish implements ws.Handler.
func (s *session) Finish(frame []byte) { s.conn.Finish(frame, nil) }

// Drained implements fanout.Owner: there is room in the queue again.
func (s *session) Drained(*fanout.Conn) {
	s.room.Store(true)
	s.progress.Store(time.Now().UnixNano())
	if s.joined.Load() {
		nudge(s.place.hurry)
	}
}

// Closed implements fanout.Owner. The goroutine that reads notices too, and clears up.
func (s *session) Closed(_ *fanout.Conn, err error) {
	if err != nil && !errors.Is(err, net.ErrClosed) {
		s.feed.o.Logger.Log(context.Background(), slog.LevelDebug, "a measures connection ended", "remote", s.remote, "error", err)
	}
}
