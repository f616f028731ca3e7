package freeswitch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"trunkline/source"
)

// session is one connection to a FreeSWITCH. All of it runs in the client's
// goroutine, except the reading of the socket.
type session struct {
	c      *Client
	conn   net.Conn
	ctx    context.Context // of run
	reader *Reader
	chunks chan chunk
	err    error // why the connection is to be closed

	asked  []func(*Message) // what waits for an answer, in the order of asking
	owed   time.Time        // since when the first of them does
	first  bool             // the greeting was taken
	heard  time.Time        // when anything was last read
	at     time.Time        // of the read in hand
	began  time.Time
	skew   time.Duration // how far the clock of FreeSWITCH is behind ours
	known  bool          // the core is, so that time may pass
	listed bool          // the snapshot is complete
	pinged time.Time
	polled time.Time

	waiting            bool // for the answer to a ping
	skewSaid, noQueues bool
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
	s := &session{c: c, conn: conn, chunks: make(chan chunk, readAhead), heard: now, began: now, at: now, polled: now}
	s.reader = NewReader(c.o.Limits, s.message, func(e *SyntaxError) {
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
			chunks = nil // FreeSWITCH waits in its socket until the log takes events
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
			s.send("exit\n\n")
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
	s.heard = s.c.o.Now()
	s.owed = s.heard // what was said meanwhile is not read yet
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
			h.Heard, h.Open, h.Lag = got.at, s.c.tr.Open(), s.c.tr.link.lag
			h.Bytes += int64(len(got.data))
		})
	}
	switch {
	case got.err == nil || s.err != nil:
	case errors.Is(got.err, io.EOF):
		s.fail(errors.New("FreeSWITCH closed the connection"))
	default:
		s.fail(fmt.Errorf("read: %w", got.err))
	}
}

// switchNow is the time by FreeSWITCH's clock, as far as it is known.
func (s *session) switchNow() time.Time { return s.c.o.Now().Add(-s.skew) }

// tick lets time pass and looks after a connection that is quiet.
func (s *session) tick() {
	now := s.c.o.Now()
	quiet := now.Sub(s.heard)
	switch {
	case !s.listed && now.Sub(s.began) > s.c.o.LoginTimeout:
		s.fail(fmt.Errorf("%w: %s within %v", ErrProtocol, s.missing(), s.c.o.LoginTimeout))
	case quiet > s.c.o.Silence:
		s.fail(fmt.Errorf("nothing heard for %v", quiet.Round(time.Second)))
	case len(s.asked) > 0 && now.Sub(s.owed) > s.c.o.Silence:
		s.fail(fmt.Errorf("no answer for %v", now.Sub(s.owed).Round(time.Second)))
	case s.listed && now.Sub(s.polled) >= s.c.o.Poll:
		s.polled = now
		s.poll()
	case s.listed && !s.waiting && now.Sub(s.pinged) >= s.c.o.PingEvery:
		s.ping()
	}
	if s.known {
		s.c.tr.Advance(s.switchNow())
	}
	if p := s.c.o.Promise; s.err == nil && s.listed && p > 0 && now.Sub(s.c.said) >= p/2 {
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

func (s *session) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// message takes what FreeSWITCH says: answers to who asked, the rest to the
// translator.
func (s *session) message(m *Message) {
	if s.err != nil {
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
			s.fail(fmt.Errorf("%w: an answer to nothing", ErrProtocol))
			return
		}
		then := s.asked[0]
		s.asked, s.owed = s.asked[1:], s.at
		then(m)
	case EventMessage:
		s.hand(m)
		s.c.note(func(h *source.Health) { h.Events, h.EventAt = h.Events+1, s.at })
	case DisconnectNotice:
		s.hand(m)
	}
}

// hand gives a message to the translator.
func (s *session) hand(m *Message) {
	s.c.tr.setRead(s.at.Add(-s.skew))
	s.c.tr.message(m)
	s.known = s.known || s.c.tr.ready
}

// ask sends a command; then gets the answer. FreeSWITCH answers in the order in
// which it was asked.
func (s *session) ask(command string, then func(*Message)) {
	if len(s.asked) == 0 {
		s.owed = s.c.o.Now()
	}
	s.asked = append(s.asked, then)
	s.send(command + "\n\n")
}

// sendTimeout bounds how long FreeSWITCH may take to read a command.
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
