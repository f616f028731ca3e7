package line_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/source"
	"trunkline/source/line"
)

// ledger is a log that takes events, or refuses them.
type ledger struct {
	refuses atomic.Bool
	events  atomic.Int64
}

func (l *ledger) Append(_ context.Context, _ string, events []event.Event) (eventlog.Result, error) {
	if l.refuses.Load() {
		return eventlog.Result{}, eventlog.ErrBusy
	}
	l.events.Add(int64(len(events)))
	return eventlog.Result{}, nil
}

// echo is a protocol that makes a fact of each thing it reads, and says how connections ended.
type echo struct {
	line    *line.Line
	ends    []string
	at      []time.Time
	taken   atomic.Int64
	ticks   atomic.Int64
	held    atomic.Int64
	refused bool // the system refuses the login
	closed  bool
}

type echoed struct {
	*line.Conn
	e *echo
}

func (e *echo) Begin(c *line.Conn) line.Session { return &echoed{Conn: c, e: e} }
func (e *echo) Close()                          { e.closed = true }
func (e *echo) Ended(now time.Time, reason string) {
	e.ends, e.at = append(e.ends, reason), append(e.at, now)
}

func (s *echoed) Take(data []byte) {
	taken := s.e.taken.Add(int64(len(data)))
	if s.e.refused {
		s.Fail(fmt.Errorf("%w: no", line.ErrLogin))
		s.Fail(errors.New("another error"))
		return
	}
	s.Send("got " + string(data))
	id := fmt.Sprint(taken)
	s.e.line.Put(event.Meta{ID: id, Source: "t/x", Time: s.At}, event.SourceUp{SourceRef: event.SourceRef{Source: "t/x"}, Kind: "t"})
}
func (s *echoed) Tick(time.Time)  { s.e.ticks.Add(1) }
func (s *echoed) Held(time.Time)  { s.e.held.Add(1) }
func (s *echoed) Listed() bool    { return s.e.taken.Load() > 0 }
func (s *echoed) Now() time.Time  { return s.Began.Add(-time.Hour) }
func (s *echoed) Goodbye() string { return "bye" }

// begin runs a line to systems that serve plays, one a connection; stop ends it and gives what Run returned.
func begin(t *testing.T, refused bool, s line.Settings, serve func(n int, c net.Conn)) (e *echo, stop func() error) {
	t.Helper()
	n := 0
	s.Name, s.Address = "x", "system.example:1"
	s.Dial = func(context.Context) (net.Conn, error) {
		n++
		if serve == nil {
			return nil, errors.New("nobody there")
		}
		near, far := net.Pipe()
		go serve(n, far)
		return near, nil
	}
	l := line.New("t", "the system", s)
	e = &echo{line: l, refused: refused}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx, e) }()
	return e, func() error { cancel(); return <-done }
}

func read(c net.Conn) string {
	b := make([]byte, 100)
	n, _ := c.Read(b)
	return string(b[:n])
}

func TestAConnectionThatBreaksIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &ledger{}
		last := make(chan string, 1)
		e, stop := begin(t, false, line.Settings{Log: log, Secret: "s"}, func(n int, c net.Conn) {
			_, _ = io.WriteString(c, fmt.Sprint("hello ", n))
			if got := read(c); got != fmt.Sprint("got hello ", n) {
				t.Errorf("connection %d was told %q", n, got)
			}
			if n < 3 {
				_ = c.Close()
				return
			}
			last <- read(c)
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		h := e.line.Health()
		if h.State != source.StateUp || h.Reason != "" || h.Bytes != 21 || h.Waiting != 0 || h.Name != "x" || h.Heard.IsZero() || log.events.Load() != 3 {
			t.Errorf("%+v, %d events", h, log.events.Load())
		}
		if err := stop(); err != nil || !e.closed {
			t.Errorf("run: %v", err)
		}
		if got := <-last; got != "bye" {
			t.Errorf("the last word was %q", got)
		}
		if got := strings.Join(e.ends, "; "); got != "the system closed the connection; the system closed the connection; stopped" {
			t.Errorf("ends: %s", got)
		}
		if e.ticks.Load() < 30 || e.held.Load() != 0 {
			t.Errorf("%d ticks in a minute, held %d times", e.ticks.Load(), e.held.Load())
		}
		if e.at[0].After(time.Now().Add(-time.Hour)) {
			t.Errorf("the first connection ended at %v, not by the system's clock", e.at[0])
		}
		if h := e.line.Health(); h.State != source.StateDown || h.Reason != "stopped" {
			t.Errorf("%+v", h)
		}
	})
}

func TestWhoIsRefusedStaysAwayLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := func(serve func(int, net.Conn), refused bool) int {
			e, stop := begin(t, refused, line.Settings{Log: &ledger{}, Secret: "s", RetryMin: time.Second, RetryMax: time.Minute}, serve)
			time.Sleep(10 * time.Second)
			if err := stop(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if h := e.line.Health(); h.State != source.StateDown {
				t.Errorf("%+v", h)
			}
			want := "connect: nobody there"
			if refused {
				want = "login refused: no"
			}
			if e.ends[0] != want {
				t.Errorf("the reason is %q, want %q", e.ends[0], want)
			}
			return len(e.ends)
		}
		if n := attempts(nil, false); n < 2 {
			t.Errorf("%d attempts within 10 s to reach who does not answer", n)
		}
		if n := attempts(func(_ int, c net.Conn) { _, _ = io.WriteString(c, "x"); _ = c.Close() }, true); n != 1 {
			t.Errorf("%d logins within 10 s that are refused, want one in half a minute", n)
		}
	})
}

func TestNothingIsReadWhileTheLogTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &ledger{}
		log.refuses.Store(true)
		var written atomic.Int64
		more := make(chan struct{})
		e, stop := begin(t, false, line.Settings{Log: log, Secret: "s", MaxWaiting: 3}, func(_ int, c net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			for range 20 {
				if _, err := io.WriteString(c, "x"); err != nil {
					return
				}
				written.Add(1)
			}
			<-more
			_, _ = io.WriteString(c, "x")
		})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		h := e.line.Health()
		if h.State != source.StateHeld || h.Waiting != 3 || h.Refused == "" || h.Reason != h.Refused || written.Load() > 10 {
			t.Errorf("%+v, %d were read", h, written.Load())
		}
		if e.held.Load() == 0 || e.ticks.Load() > 1 {
			t.Errorf("held %d times, %d ticks: nobody is silent who is not read", e.held.Load(), e.ticks.Load())
		}
		log.refuses.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if h := e.line.Health(); h.State != source.StateUp || h.Waiting != 0 || log.events.Load() != 20 {
			t.Errorf("%+v, %d events", h, log.events.Load())
		}
		if now := time.Now(); e.line.Owes(now) || !e.line.Owes(now.Add(time.Minute)) {
			t.Error("a sign of life is due after half of the promise of two minutes")
		}
		log.refuses.Store(true)
		close(more)
		synctest.Wait()
		if err := stop(); !errors.Is(err, source.ErrUndelivered) {
			t.Errorf("run: %v", err)
		}
	})
}

func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from a file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LINE_SECRET", "from the environment")
	good := line.Settings{Name: "p", Address: "a:5038", Secret: "s", Log: &ledger{}}
	for _, tt := range []struct {
		name   string
		change func(*line.Settings)
		secret string // empty: refused
	}{
		{"as they are", func(*line.Settings) {}, "s"},
		{"a file", func(s *line.Settings) { s.Secret, s.SecretFile = "", file }, "from a file"},
		{"the environment", func(s *line.Settings) { s.Secret, s.SecretEnv = "", "LINE_SECRET" }, "from the environment"},
		{"silence as long as the promise", func(s *line.Settings) { s.Promise = 30 * time.Second }, "s"},
		{"no promise", func(s *line.Settings) { s.Promise = -1 }, "s"},
		{"no name", func(s *line.Settings) { s.Name = "" }, ""},
		{"a slash", func(s *line.Settings) { s.Name = "a/b" }, ""},
		{"a control character", func(s *line.Settings) { s.Name = "a\x00" }, ""},
		{"no log", func(s *line.Settings) { s.Log = nil }, ""},
		{"no port", func(s *line.Settings) { s.Address = "a" }, ""},
		{"silence as short as a ping", func(s *line.Settings) { s.Silence = 10 * time.Second }, ""},
		{"a promise shorter than silence", func(s *line.Settings) { s.Promise = 29 * time.Second }, ""},
		{"no secret", func(s *line.Settings) { s.Secret = "" }, ""},
		{"no file", func(s *line.Settings) { s.Secret, s.SecretFile = "", file+"x" }, ""},
		{"a second line", func(s *line.Settings) { s.Secret = "a\nb" }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := good
			tt.change(&s)
			l := line.New("t", "the system", s)
			if err := l.Check(); (err == nil) != (tt.secret != "") || err != nil && !errors.Is(err, line.ErrOptions) {
				t.Errorf("check: %v", err)
			}
			if secret, err := l.ReadSecret(); tt.secret != "" && (secret != tt.secret || err != nil) {
				t.Errorf("secret %q, %v", secret, err)
			}
		})
	}
}
