package aspbx_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/replay"
	"trunkline/replay/aspbx"
)

const testdata = "../../source/asterisk/testdata/"

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

func load(t *testing.T, o aspbx.Options) *aspbx.PBX {
	t.Helper()
	reads, err := replay.ReadTiming(unzip(t, "ami-capture.timing.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := aspbx.Load(unzip(t, "ami-capture.txt.gz"), reads, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// phone is a plain client: it sends text and reads messages.
type phone struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func call(t *testing.T, p *aspbx.PBX) *phone {
	near, far := net.Pipe()
	go p.ServeConn(far)
	ph := &phone{t, near, bufio.NewReader(near)}
	if banner, err := ph.in.ReadString('\n'); err != nil || !strings.HasPrefix(banner, "Asterisk Call Manager/") {
		t.Fatalf("got %q, %v", banner, err)
	}
	return ph
}

func (p *phone) ask(action string) {
	if _, err := io.WriteString(p.conn, strings.ReplaceAll(action, "\n", "\r\n")+"\r\n\r\n"); err != nil {
		p.t.Fatal(err)
	}
}

// message reads one message; "" is the end of the connection.
func (p *phone) message() string {
	var b strings.Builder
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return ""
		}
		if line == "\r\n" {
			return b.String()
		}
		b.WriteString(strings.TrimRight(line, "\r\n") + "\n")
	}
}

// until reads up to the message that starts with a line and returns how many of
// each there were.
func (p *phone) until(first string) map[string]int {
	n := make(map[string]int)
	for {
		m := p.message()
		if m == "" {
			p.t.Fatalf("the connection ended before %s", first)
		}
		head, _, _ := strings.Cut(m, "\n")
		n[head]++
		if head == first {
			return n
		}
	}
}

func (p *phone) login() {
	p.ask("Action: Login\nUsername: trunkline\nSecret: trunkline")
	p.until("Event: FullyBooted")
}

func TestSnapshotOfAPlaceInTheCapture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := load(t, aspbx.Options{Speed: 1})
		ctx, cancel := context.WithCancel(context.Background())
		played := make(chan error, 1)
		go func() { played <- p.Play(ctx) }()
		// 120 s into the capture one waits in overflow, before the dynamic member
		// there answers; see testdata/truth.jsonl.
		time.Sleep(time.Unix(1795210869, 0).Sub(p.Start()))
		ph := call(t, p)
		ph.login()
		ph.ask("Action: QueueStatus\nActionID: 1")
		if n := ph.until("Event: QueueStatusComplete"); n["Event: QueueParams"] != 3 || n["Event: QueueMember"] != 4 || n["Event: QueueEntry"] != 1 {
			t.Errorf("got %v", n)
		}
		ph.ask("Action: QueueSummary\nQueue: overflow")
		if n := ph.until("Event: QueueSummaryComplete"); n["Event: QueueSummary"] != 1 {
			t.Errorf("got %v", n)
		}
		ph.ask("Action: CoreShowChannels")
		if n := ph.until("Event: CoreShowChannelsComplete"); n["Event: CoreShowChannel"] != 2 {
			t.Errorf("got %v", n)
		}
		ph.ask("Action: DeviceStateList")
		if n := ph.until("Event: DeviceStateListComplete"); n["Event: DeviceStateChange"] < 10 {
			t.Errorf("got %v", n)
		}
		ph.ask("Action: Command\nCommand: core restart now")
		if m := ph.until("Response: Error"); len(m) == 0 {
			t.Error("no answer")
		}
		ph.ask("Action: Logoff")
		ph.until("Response: Goodbye")
		cancel()
		if err := <-played; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestLoginsThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := load(t, aspbx.Options{})
		for _, action := range []string{
			"Action: Login\nUsername: trunkline\nSecret: wrong",
			"Action: Login\nUsername: other\nSecret: trunkline",
			"Action: Login\nAuthType: MD5\nUsername: trunkline\nKey: d41d8cd98f00b204e9800998ecf8427e", // without a challenge
		} {
			ph := call(t, p)
			ph.ask("Action: QueueStatus")
			if m := ph.message(); !strings.Contains(m, "Permission denied") {
				t.Errorf("got %q", m)
			}
			ph.ask(action)
			if m := ph.message(); !strings.Contains(m, "Authentication failed") {
				t.Errorf("got %q", m)
			}
			if m := ph.message(); m != "" {
				t.Errorf("the connection goes on: %q", m)
			}
		}
		ph := call(t, p)
		ph.ask("Action: Challenge\nAuthType: plain")
		if m := ph.message(); !strings.Contains(m, "Must specify AuthType") {
			t.Errorf("got %q", m)
		}
		ph.conn.Close()
	})
}

// TestTheWholeCapturePasses at any speed, with connections that end where they
// ended.
func TestTheWholeCapturePasses(t *testing.T) {
	for _, speed := range []float64{0, 1, 50} {
		t.Run(fmt.Sprint(speed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := load(t, aspbx.Options{Speed: speed, Patience: time.Minute})
				start := time.Now()
				played := make(chan error, 1)
				go func() { played <- p.Play(context.Background()) }()
				events := 0
				for range 3 {
					ph := call(t, p)
					ph.login()
					ph.ask("Action: QueueSummary")
					ph.until("Event: QueueSummaryComplete")
					for ph.message() != "" {
						events++
					}
					time.Sleep(10 * time.Second) // the next one is up by then
				}
				if err := <-played; err != nil {
					t.Error(err)
				}
				if events != 5965 {
					t.Errorf("%d events", events)
				}
				if took, least := time.Since(start), time.Duration(speed*float64(p.End().Sub(p.Start()))); speed == 1 && took < least {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestCapturesThatAreNone(t *testing.T) {
	for _, text := range []string{"", "hello\n", "Event: Hangup\r\n\r\n"} {
		if _, err := aspbx.Load(strings.NewReader(text), nil, aspbx.Options{}); !errors.Is(err, aspbx.ErrCapture) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	p, err := aspbx.Load(unzip(t, "ami-capture.txt.gz"), nil, aspbx.Options{})
	if err != nil || p.Name() != "pbx1" || p.End().Sub(p.Start()) < 9*time.Minute || p.End().Sub(p.Start()) > 11*time.Minute {
		t.Errorf("without timing: %v to %v, %v", p.Start(), p.End(), err)
	}
}
