package freeswitch

import (
	"fmt"
	"time"

	"trunkline/source"
	"trunkline/source/line"
)

// session is one connection to a FreeSWITCH.
type session struct {
	*line.Conn
	c      *Client
	reader *Reader

	asked  []func(*Message) // what waits for an answer, in the order of asking
	owed   time.Time        // since when the first of them does
	first  bool             // the greeting was taken
	skew   time.Duration    // how far the clock of FreeSWITCH is behind ours
	known  bool             // the core is, so that time may pass
	listed bool             // the snapshot is complete
	pinged time.Time
	polled time.Time

	waiting            bool // for the answer to a ping
	skewSaid, noQueues bool
}

func (c *Client) begin(conn *line.Conn) *session {
	s := &session{Conn: conn, c: c, polled: conn.Began}
	s.reader = NewReader(c.o.Limits, s.message, func(e *SyntaxError) {
		c.line.Note(func(h *source.Health) { h.Faults++ })
		c.line.Logger.Debug("the stream makes no sense", "error", e)
	})
	return s
}

// Take is part of [line.Session].
func (s *session) Take(data []byte) {
	_, _ = s.reader.Write(data)
	s.c.line.Note(func(h *source.Health) { h.Open, h.Lag = s.c.tr.Open(), s.c.tr.link.lag })
}

// Held is part of [line.Session].
func (s *session) Held(now time.Time) { s.owed = now }

// Listed is part of [line.Session].
func (s *session) Listed() bool { return s.listed }

// Goodbye is part of [line.Session].
func (s *session) Goodbye() string { return "exit\n\n" }

// Now is the time by FreeSWITCH's clock, as far as it is known.
func (s *session) Now() time.Time { return s.c.line.Now().Add(-s.skew) }

// Tick lets time pass and looks after a connection that is quiet.
func (s *session) Tick(now time.Time) {
	quiet := now.Sub(s.Heard)
	switch {
	case !s.listed && now.Sub(s.Began) > s.c.line.LoginTimeout:
		s.Fail(fmt.Errorf("%w: %s within %v", ErrProtocol, s.missing(), s.c.line.LoginTimeout))
	case quiet > s.c.line.Silence:
		s.Fail(fmt.Errorf("nothing heard for %v", quiet.Round(time.Second)))
	case len(s.asked) > 0 && now.Sub(s.owed) > s.c.line.Silence:
		s.Fail(fmt.Errorf("no answer for %v", now.Sub(s.owed).Round(time.Second)))
	case s.listed && now.Sub(s.polled) >= s.c.o.Poll:
		s.polled = now
		s.poll()
	case s.listed && !s.waiting && now.Sub(s.pinged) >= s.c.line.PingEvery:
		s.ping()
	}
	if s.known {
		s.c.tr.Advance(s.Now())
	}
	if s.Err() == nil && s.listed && s.c.line.Owes(now) {
		s.c.tr.alive()
	}
}

// missing says what FreeSWITCH still owes.
func (s *session) missing() string {
	if !s.first {
		return "no greeting"
	}
	return "no end of the snapshot"
}

// message takes what FreeSWITCH says: answers to who asked, the rest to the
// translator.
func (s *session) message(m *Message) {
	if s.Err() != nil {
		return
	}
	if !s.first {
		s.first = true
		s.greeted(m)
		return
	}
	switch m.Kind {
	case CommandReply, APIResponse:
		if len(s.asked) == 0 {
			s.Fail(fmt.Errorf("%w: an answer to nothing", ErrProtocol))
			return
		}
		then := s.asked[0]
		s.asked, s.owed = s.asked[1:], s.At
		then(m)
	case EventMessage:
		s.hand(m)
		s.c.line.Note(func(h *source.Health) { h.Events, h.EventAt = h.Events+1, s.At })
	case DisconnectNotice:
		s.hand(m)
	}
}

// hand gives a message to the translator.
func (s *session) hand(m *Message) {
	s.c.tr.setRead(s.At.Add(-s.skew))
	s.c.tr.message(m)
	s.known = s.known || s.c.tr.ready
}

// ask sends a command; then gets the answer. FreeSWITCH answers in the order in
// which it was asked.
func (s *session) ask(command string, then func(*Message)) {
	if len(s.asked) == 0 {
		s.owed = s.c.line.Now()
	}
	s.asked = append(s.asked, then)
	s.Send(command + "\n\n")
}
