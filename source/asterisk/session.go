package asterisk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"trunkline/source"
)

// session is one connection to a PBX. All of it runs in the client's goroutine,
// except the reading of the socket.
type session struct {
	c      *Client
	conn   net.Conn
	ctx    context.Context // of run
	reader *Reader
	chunks chan chunk
	err    error // why the connection is to be closed

	actions map[string]func(*Message) // what waits for an answer, by ActionID
	serial  int
	first   bool      // the banner was taken
	heard   time.Time // when anything was last read
	at      time.Time // of the read in hand
	began   time.Time

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

// chunk is what one read of the socket gave.
type chunk struct {
	data []byte
	at   time.Time
	err  error
}

// readSize bounds one read; readAhead how many may wait.
const (
	readSize  = 32 << 10
	readAhead = 4
)

// connect dials. The session is not nil when the connection was made.
func (c *Client) connect(ctx context.Context) (*session, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	now := c.o.Now()
	s := &session{
		c: c, conn: conn, chunks: make(chan chunk, readAhead),
		actions: make(map[string]func(*Message)), heard: now, began: now, at: now,
	}
	s.reader = NewReader(Limits{}, s.message, func(e *SyntaxError) {
		c.note(func(h *source.Health) { h.Faults++ })
		c.o.Logger.Debug("the stream makes no sense", "error", e)
	})
	return s, nil
}

// run works the connection until it breaks, is found dead, or ctx ends.
func (s *session) run(ctx context.Context) error {
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.read(stop)
	}()
	defer func() {
		close(stop)
		source.Hangup(s.conn)
		<-done
	}()
	s.ctx = ctx
	// What hangs in a write is not waited for when the end has come.
	defer context.AfterFunc(ctx, func() { _ = s.conn.SetWriteDeadline(time.Now().Add(source.Farewell)) })()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for s.err == nil {
		chunks := s.chunks
		held := s.c.up.Full()
		if held {
			chunks = nil // the PBX waits in its socket until the log takes events
			s.hold()
		} else if s.listed {
			s.c.set(source.StateUp, "")
		}
		select {
		case got := <-chunks:
			s.take(got)
		case <-s.c.up.Room():
		case <-tick.C:
			if !held {
				s.tick()
			}
		case <-ctx.Done():
			s.send("Action: Logoff\r\n\r\n")
			return ctx.Err()
		}
	}
	return s.err
}

// hold says that nothing is read at present.
func (s *session) hold() {
	_, refused, _ := s.c.up.State()
	if refused == "" {
		refused = "the log is slow"
	}
	s.c.set(source.StateHeld, refused)
	now := s.c.o.Now()
	s.heard, s.listing, s.pingedAt = now, now, now // what was said meanwhile is not read yet
}

// read hands on what comes.
func (s *session) read(stop <-chan struct{}) {
	for {
		buf := make([]byte, readSize)
		n, err := s.conn.Read(buf)
		select {
		case s.chunks <- chunk{buf[:n], s.c.o.Now(), err}:
		case <-stop:
			return
		}
		if err != nil {
			return
		}
	}
}

func (s *session) take(got chunk) {
	if len(got.data) > 0 {
		s.heard, s.at = got.at, got.at
		_, _ = s.reader.Write(got.data)
		s.c.note(func(h *source.Health) {
			h.Heard, h.Open = got.at, s.c.tr.Open()
			h.Bytes += int64(len(got.data))
		})
	}
	switch {
	case got.err == nil || s.err != nil:
	case errors.Is(got.err, io.EOF):
		s.fail(errors.New("the PBX closed the connection"))
	default:
		s.fail(fmt.Errorf("read: %w", got.err))
	}
}

// pbxNow is the time by the PBX's clock, as far as it is known.
func (s *session) pbxNow() time.Time { return s.c.o.Now().Add(-s.skew) }

// tick lets time pass and looks after a connection that is quiet.
func (s *session) tick() {
	now := s.c.o.Now()
	quiet := now.Sub(s.heard)
	switch {
	case !s.booted && now.Sub(s.began) > s.c.o.LoginTimeout:
		s.fail(fmt.Errorf("%w: %s within %v", ErrProtocol, s.missing(), s.c.o.LoginTimeout))
	case quiet > s.c.o.Silence:
		s.fail(fmt.Errorf("nothing heard for %v", quiet.Round(time.Second)))
	case s.pinging && now.Sub(s.pingedAt) > s.c.o.Silence:
		s.fail(fmt.Errorf("no answer to a ping for %v", now.Sub(s.pingedAt).Round(time.Second)))
	case s.booted && !s.listed && now.Sub(s.listing) > s.c.o.LoginTimeout:
		s.unlisted()
	case s.booted && !s.pinging && now.Sub(s.pingedAt) >= s.c.o.PingEvery:
		s.pinging, s.pingedAt = true, now
		s.ask("Ping", s.ponged)
	}
	if s.booted {
		s.c.tr.Advance(s.pbxNow())
	}
	if p := s.c.o.Promise; s.err == nil && s.listed && p > 0 && now.Sub(s.c.said) >= p/2 {
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

func (s *session) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// message takes what the PBX says: answers to their actions, the rest to the
// translator.
func (s *session) message(m *Message) {
	if s.err != nil {
		return
	}
	if !s.first {
		if m.Kind != Banner {
			s.fail(fmt.Errorf("%w: it began with %q", ErrProtocol, m.Name()))
			return
		}
		s.first = true
		s.c.tr.setRead(s.at)
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
			s.hand(m, s.at)
			return
		}
		s.held = append(s.held, earlyMessage{m.clone(), s.at})
		if len(s.held) > maxEarly {
			s.fail(fmt.Errorf("%w: %d events and no answer to CoreStatus", ErrProtocol, len(s.held)))
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
	s.c.note(func(h *source.Health) { h.Events, h.EventAt = h.Events+1, at })
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
	s.send(b.String())
}

// sendTimeout bounds how long the PBX may take to read an action.
const sendTimeout = 10 * time.Second

func (s *session) send(text string) {
	limit := sendTimeout
	if s.ctx.Err() != nil {
		limit = source.Farewell
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(limit))
	if _, err := io.WriteString(s.conn, text); err != nil {
		s.fail(fmt.Errorf("write: %w", err))
	}
}
