package asesl_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/replay"
	"trunkline/replay/asesl"
	"trunkline/source/freeswitch"
)

const testdata = "../../source/freeswitch/testdata/"

func unzip(t *testing.T, name string) io.Reader {
	t.Helper()
	f, err := os.Open(testdata + name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func load(t *testing.T, o asesl.Options) *asesl.Switch {
	t.Helper()
	reads, err := replay.ReadTiming(unzip(t, "esl-capture.timing.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := asesl.Load(unzip(t, "esl-capture.txt.gz"), reads, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// phone is a plain client: it sends commands and reads messages.
type phone struct {
	t    *testing.T
	conn net.Conn
	got  []string // kind and text of messages, as they came
	r    *freeswitch.Reader
}

func call(t *testing.T, s *asesl.Switch) *phone {
	near, far := net.Pipe()
	go s.ServeConn(far)
	p := &phone{t: t, conn: near}
	p.r = freeswitch.NewReader(freeswitch.Limits{}, func(m *freeswitch.Message) {
		text := m.Get("Reply-Text") + string(m.Body())
		if m.Kind == freeswitch.EventMessage {
			text = m.Get("Event-Name") + " " + m.Get("CC-Action")
		}
		p.got = append(p.got, m.Kind.String()+" "+strings.TrimSpace(text))
	}, func(e *freeswitch.SyntaxError) { t.Error(e) })
	p.until("auth/request")
	return p
}

// until reads up to a message of a kind and returns its text, "" at the end of
// the connection.
func (p *phone) until(kind string) string {
	buf := make([]byte, 4096)
	for {
		for i, m := range p.got {
			if text, ok := strings.CutPrefix(m, kind+" "); ok {
				p.got = p.got[i+1:]
				return text
			}
		}
		n, err := p.conn.Read(buf)
		if err != nil {
			return ""
		}
		_, _ = p.r.Write(buf[:n])
	}
}

func (p *phone) ask(command, kind string) string {
	if _, err := io.WriteString(p.conn, command+"\n\n"); err != nil {
		p.t.Fatal(err)
	}
	return p.until(kind)
}

func (p *phone) api(command string) string { return p.ask("api "+command, "api/response") }

// rows counts the rows of a list.
func rows(list string) int {
	n := 0
	for line := range strings.Lines(list) {
		if strings.ContainsAny(line, "|,") {
			n++
		}
	}
	return n - 1
}

func TestSnapshotOfAPlaceInTheCapture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := load(t, asesl.Options{Speed: 1})
		ctx, cancel := context.WithCancel(context.Background())
		played := make(chan error, 1)
		go func() { played <- s.Play(ctx) }()
		// Both agents talk, and a third caller waits; see testdata/truth-fs.jsonl.
		at := time.Unix(1795212073, 0)
		time.Sleep(at.Sub(s.Start()))
		p := call(t, s)
		if got := p.ask("api version", "command/reply"); got != "-ERR command not found" {
			t.Errorf("before the login: got %q", got)
		}
		if got := p.ask("auth ClueCon", "command/reply"); got != "+OK accepted" {
			t.Errorf("got %q", got)
		}
		for command, want := range map[string]int{
			"callcenter_config agent list":                         2,
			"callcenter_config tier list":                          3,
			"callcenter_config queue list":                         2,
			"callcenter_config queue list members support@default": 4, // one of them abandoned before the capture
			"callcenter_config queue list members sales@default":   0,
			"show channels as delim |":                             5,
			"show channels":                                        5,
		} {
			if got := rows(p.api(command)); got != want {
				t.Errorf("%s: got %d rows, want %d", command, got, want)
			}
		}
		for command, want := range map[string]string{
			"global_getvar core_uuid": "d5ee12c9-e806-4834-9bf9-50ee0d075da3",
			"version":                 "FreeSWITCH Version 1.10.12-release~64bit (64bit)",
			"strmicroepoch":           "1795212073000000",
			"fsctl shutdown":          "-ERR fsctl Command not found!",
		} {
			if got := p.api(command); got != want {
				t.Errorf("%s: got %q, want %q", command, got, want)
			}
		}
		if got := p.ask("event json ALL", "command/reply"); !strings.HasPrefix(got, "-ERR") {
			t.Errorf("got %q", got)
		}
		if got := p.ask("event plain SHUTDOWN CUSTOM callcenter::info", "command/reply"); got != "+OK event listener enabled plain" {
			t.Errorf("got %q", got)
		}
		if got := p.until("text/event-plain"); got != "CUSTOM member-queue-end" {
			t.Errorf("the next event is %q", got)
		}
		if got := p.ask("exit", "command/reply"); got != "+OK bye" {
			t.Errorf("got %q", got)
		}
		if got := p.until("text/disconnect-notice"); got == "" || p.until("x") != "" {
			t.Errorf("got %q", got)
		}
		cancel()
		if err := <-played; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWrongPasswordEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := call(t, load(t, asesl.Options{Password: "other"}))
		if got := p.ask("auth ClueCon", "command/reply"); got != "-ERR invalid" || p.until("x") != "" {
			t.Errorf("got %q", got)
		}
	})
}

// TestPlayEndsWithItsCapture: the notice of the captured connection is the last
// that a client hears, and no connection is taken afterwards.
func TestPlayEndsWithItsCapture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := load(t, asesl.Options{Patience: time.Minute})
		go func() {
			if err := s.Play(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		p := call(t, s)
		p.ask("auth ClueCon", "command/reply")
		p.ask("event plain ALL", "command/reply")
		p.api("show channels") // the end of a snapshot
		events := 0
		for p.until("text/event-plain") != "" {
			events++
		}
		if last := p.got[len(p.got)-1]; events != 184 || last != "text/disconnect-notice The system is being shut down." {
			t.Errorf("got %d events and %q", events, last)
		}
		synctest.Wait()
		near, far := net.Pipe()
		go s.ServeConn(far)
		if n, err := near.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("a connection is taken: %d, %v", n, err)
		}
	})
}

func TestACutGoesThroughAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := load(t, asesl.Options{Speed: 1, Patience: time.Minute})
		s.Cut(100_000, 3*time.Second)
		go func() { _ = s.Play(t.Context()) }()
		near, far := net.Pipe()
		go s.ServeConn(far)
		go func() { _, _ = io.WriteString(near, "auth ClueCon\n\nevent plain ALL\n\napi show channels\n\n") }()
		data, err := io.ReadAll(near)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := io.ReadAll(unzip(t, "esl-capture.txt.gz"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasSuffix(data, whole[99_000:100_000]) {
			t.Errorf("it ends with %q", data[max(len(data)-100, 0):])
		}
		near, far = net.Pipe()
		go s.ServeConn(far)
		if n, _ := near.Read(make([]byte, 1)); n != 0 {
			t.Error("a connection is taken during the cut")
		}
		time.Sleep(4 * time.Second)
		call(t, s)
	})
}

func TestLoadWantsAnEventSocket(t *testing.T) {
	if _, err := asesl.Load(strings.NewReader("Event: FullyBooted\r\n\r\n"), nil, asesl.Options{}); !errors.Is(err, asesl.ErrCapture) {
		t.Errorf("got %v, want ErrCapture", err)
	}
}
