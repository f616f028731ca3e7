package asterisk

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"trunkline/source"
	"trunkline/source/line"
)

// session is one connection to a PBX.
type session struct {
	*line.Conn
	c      *Client
	reader *Reader

	actions map[string]func(*Message) // what waits for an answer, by ActionID
	serial  int
	first   bool // the banner was taken

	holding  bool // events wait for the answer to CoreStatus
	held     []earlyMessage
	startup  time.Time     // as CoreStatus has it, in the PBX's own zone
	skew     time.Duration // how far the PBX's clock is behind ours
	booted   bool          // FullyBooted came and the snapshot was asked for
	listed   bool          // the snapshot is complete
	listing  time.Time     // when the list of channels was asked for, or its last row came
	pinging  bool
	pingedAt time.Time

	unfiltered, skewSaid bool
}

func (c *Client) begin(conn *line.Conn) *session {
	s := &session{Conn: conn, c: c, actions: make(map[string]func(*Message))}
	s.reader = NewReader(Limits{}, s.message, func(e *SyntaxError) {
		c.line.Note(func(h *source.Health) { h.Faults++ })
		c.line.Logger.Debug("the stream makes no sense", "error", e)
	})
	return s
}

// Take is part of [line.Session].
func (s *session) Take(data []byte) {
	_, _ = s.reader.Write(data)
	s.c.line.Note(func(h *source.Health) { h.Open = s.c.tr.Open() })
}

// Held is part of [line.Session].
func (s *session) Held(now time.Time) { s.listing, s.pingedAt = now, now }

// Listed is part of [line.Session].
func (s *session) Listed() bool { return s.listed }

// Goodbye is part of [line.Session].
func (s *session) Goodbye() string { return "Action: Logoff\r\n\r\n" }

// Now is the time by the PBX's clock, as far as it is known.
func (s *session) Now() time.Time { return s.c.line.Now().Add(-s.skew) }

// Tick lets time pass and looks after a connection that is quiet.
func (s *session) Tick(now time.Time) {
	quiet := now.Sub(s.Heard)
	switch {
	case !s.booted && now.Sub(s.Began) > s.c.line.LoginTimeout:
		s.Fail(fmt.Errorf("%w: %s within %v", ErrProtocol, s.missing(), s.c.line.LoginTimeout))
	case quiet > s.c.line.Silence:
		s.Fail(fmt.Errorf("nothing heard for %v", quiet.Round(time.Second)))
	case s.pinging && now.Sub(s.pingedAt) > s.c.line.Silence:
		s.Fail(fmt.Errorf("no answer to a ping for %v", now.Sub(s.pingedAt).Round(time.Second)))
	case s.booted && !s.listed && now.Sub(s.listing) > s.c.line.LoginTimeout:
		s.unlisted()
	case s.booted && !s.pinging && now.Sub(s.pingedAt) >= s.c.line.PingEvery:
		s.pinging, s.pingedAt = true, now
		s.ask("Ping", s.ponged)
	}
	if s.booted {
		s.c.tr.Advance(s.Now())
	}
	if s.Err() == nil && s.listed && s.c.line.Owes(now) {
		s.c.tr.alive()
	}
}

// missing says what the PBX still owes.
func (s *session) missing() string {
	switch {
	case !s.first:
		return "no banner"
	case s.holding:
		return "no answer to CoreStatus"
	case s.serial == 1:
		return "no challenge"
	case s.serial == 2:
		return "no answer to the login"
	}
	return "no FullyBooted (the user needs read = system, or the PBX is still starting)"
}

// message takes what the PBX says: answers to their actions, the rest to the
// translator.
func (s *session) message(m *Message) {
	if s.Err() != nil {
		return
	}
	if !s.first {
		if m.Kind != Banner {
			s.Fail(fmt.Errorf("%w: it began with %q", ErrProtocol, m.Name()))
			return
		}
		s.first = true
		s.c.tr.setRead(s.At)
		s.greeted(m)
		return
	}
	switch m.Kind {
	case ResponseMessage:
		id := m.Get("ActionID")
		if then := s.actions[id]; then != nil {
			delete(s.actions, id)
			then(m)
		}
	case EventMessage:
		if !s.holding {
			s.hand(m, s.At)
			return
		}
		s.held = append(s.held, earlyMessage{m.clone(), s.At})
		if len(s.held) > maxEarly {
			s.Fail(fmt.Errorf("%w: %d events and no answer to CoreStatus", ErrProtocol, len(s.held)))
		}
	}
}

// hand gives an event to the translator.
func (s *session) hand(m *Message, at time.Time) {
	tr := s.c.tr
	name := string(m.Name())
	if name == "QueueSummary" {
		s.summary(m)
		return
	}
	booted := name == "FullyBooted"
	if booted {
		uptime := time.Duration(max(number(m.Bytes("Uptime")), 0)) * time.Second
		tr.link.started = s.started(uptime)
	}
	tr.setRead(at.Add(-s.skew))
	tr.message(m)
	s.c.line.Note(func(h *source.Health) { h.Events, h.EventAt = h.Events+1, at })
	switch {
	case booted && !s.booted:
		s.snapshot()
	case name == "CoreShowChannel":
		s.listing = at
	case name == "CoreShowChannelsComplete":
		s.complete()
	}
}

// ask sends an action; then gets the answer.
func (s *session) ask(action string, then func(*Message), fields ...string) {
	s.serial++
	id := "tl-" + strconv.Itoa(s.serial)
	var b strings.Builder
	b.WriteString("Action: " + action + "\r\nActionID: " + id + "\r\n")
	for i := 0; i+1 < len(fields); i += 2 {
		b.WriteString(fields[i] + ": " + oneLine(fields[i+1]) + "\r\n")
	}
	b.WriteString("\r\n")
	s.actions[id] = then
	s.Send(b.String())
}
