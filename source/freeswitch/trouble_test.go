package freeswitch_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/replay/asesl"
	"trunkline/source"
	"trunkline/source/freeswitch"
	"trunkline/source/line"
)

func TestWrongPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := theSwitch(t, asesl.Options{Password: "other"})
		log := &notebook{}
		o := clientOptions(sw.Start(), sw.ServeConn, log)
		dials := 0
		dial := o.Dial
		o.Dial = func(ctx context.Context) (net.Conn, error) { dials++; return dial(ctx) }
		while(t, o, func(context.Context) { time.Sleep(10 * time.Minute) })
		if dials < 15 || dials > 45 {
			t.Errorf("%d attempts in ten minutes", dials)
		}
		downs := of[event.SourceDown](log.all())
		if len(downs) != 1 || !strings.Contains(downs[0].Reason, "login refused: -ERR invalid") {
			t.Errorf("got %+v", downs)
		}
	})
}

// TestOthersAreNoEventSocket tries what may answer at a port, each for a minute.
func TestOthersAreNoEventSocket(t *testing.T) {
	for name, c := range map[string]struct{ says, want string }{
		"garbage":              {"\x00\x01\x02 nonsense\n\n", "within 15s"},
		"another server":       {"HTTP/1.1 400 Bad Request\nContent-Type: text/plain\nContent-Length: 0\n\n", "not an event socket: it began with other"},
		"silence":              {"", "no greeting within 15s"},
		"a closed list":        {"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n", "login refused: Access Denied, go away."},
		"only a greeting":      {"Content-Type: auth/request\n\n", "no end of the snapshot within 15s"},
		"an answer to nothing": {"Content-Type: auth/request\n\n" + strings.Repeat("Content-Type: command/reply\nReply-Text: -ERR no\n\n", 2), "login refused: -ERR no"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &notebook{}
				serve := func(conn net.Conn) {
					defer conn.Close()
					go func() { _, _ = io.WriteString(conn, c.says) }()
					_, _ = io.Copy(io.Discard, conn)
				}
				while(t, clientOptions(scriptStart, serve, log), func(context.Context) { time.Sleep(time.Minute) })
				downs := of[event.SourceDown](log.all())
				if len(downs) != 1 || !strings.Contains(downs[0].Reason, c.want) {
					t.Errorf("got %+v, want one with %q", downs, c.want)
				}
			})
		})
	}
}

// TestSilenceIsNoticed lets everything stop without a word, as a cut cable does.
func TestSilenceIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := theSwitch(t, asesl.Options{})
		log := &notebook{}
		dead := make(chan struct{})
		serve := func(conn net.Conn) {
			near, far := net.Pipe()
			go sw.ServeConn(far)
			pass := func(to, from net.Conn) {
				buf := make([]byte, 4096)
				for {
					n, err := from.Read(buf)
					if err != nil {
						to.Close()
						return
					}
					select {
					case <-dead: // what is sent arrives nowhere
					default:
						_, _ = to.Write(buf[:n])
					}
				}
			}
			go pass(near, conn)
			pass(conn, near)
		}
		first := true
		o := clientOptions(sw.Start(), func(conn net.Conn) {
			if first {
				first = false
				serve(conn)
				return
			}
			sw.ServeConn(conn)
		}, log)
		c := freeswitch.NewClient(o)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = c.Run(ctx) })
		time.Sleep(time.Minute)
		if h := c.Health(); h.State != source.StateUp {
			t.Errorf("got %+v", h)
		}
		close(dead)
		time.Sleep(2 * time.Minute)
		downs := of[event.SourceDown](log.all())
		if h := c.Health(); len(downs) != 1 || !strings.HasPrefix(downs[0].Reason, "nothing heard for 3") || h.State != source.StateUp || h.Logins != 2 {
			t.Errorf("got %+v, %+v", downs, h)
		}
		cancel()
		running.Wait()
	})
}

// TestALogThatRefusesHoldsTheSwitch fills the bound, reads no further, and loses
// nothing.
func TestALogThatRefusesHoldsTheSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := theSwitch(t, asesl.Options{Speed: 1, Patience: time.Minute})
		log := &notebook{}
		until := time.Now().Add(80 * time.Second)
		log.fail = func(call int) error {
			switch {
			case time.Now().Before(until) && call > 3:
				return &eventlog.UnavailableError{Reason: "no disk"}
			case call%3 == 0:
				return eventlog.ErrUnknown
			}
			return nil
		}
		o := clientOptions(sw.Start(), sw.ServeConn, log)
		o.MaxWaiting = 20
		var held source.Health
		c := freeswitch.NewClient(o)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		go func() {
			time.Sleep(75 * time.Second)
			held = c.Health()
		}()
		if err := sw.Play(ctx); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		cancel()
		running.Wait()
		if held.State != source.StateHeld || held.Waiting < 20 || held.Waiting > 60 || held.Refused == "" {
			t.Errorf("got %+v", held)
		}
		got, want := callFacts(log.all()), callFacts(translate(t))
		if got != want {
			t.Errorf("facts differ: %s", firstDifference(got, want))
		}
	})
}

func TestStopDoesNotWaitForALogForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := theSwitch(t, asesl.Options{})
		log := &notebook{fail: func(int) error { return eventlog.ErrBusy }}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		start := time.Now()
		err := freeswitch.NewClient(clientOptions(sw.Start(), sw.ServeConn, log)).Run(ctx)
		if took := time.Since(start); !errors.Is(err, source.ErrUndelivered) || took > 16*time.Second {
			t.Errorf("got %v after %v", err, took)
		}
	})
}

func TestPasswordFromAFileIsReadAtEachLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := theSwitch(t, asesl.Options{Password: "second"})
		log := &notebook{}
		o := clientOptions(sw.Start(), sw.ServeConn, log)
		o.Secret, o.SecretFile = "", filepath.Join(t.TempDir(), "password")
		write := func(s string) {
			if err := os.WriteFile(o.SecretFile, []byte(s), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("first\n")
		c := while(t, o, func(context.Context) {
			time.Sleep(time.Minute)
			write("second\n")
			time.Sleep(time.Minute)
		})
		if h := c.Health(); h.Logins != 1 {
			t.Errorf("got %+v", h)
		}
	})
}

func TestClientOptions(t *testing.T) {
	good := freeswitch.ClientOptions{Settings: line.Settings{Name: "fs1", Address: "fs.example:8021", Secret: "x", Log: &notebook{}}}
	for name, change := range map[string]func(*freeswitch.ClientOptions){
		"no name":           func(o *freeswitch.ClientOptions) { o.Name = "" },
		"a slash":           func(o *freeswitch.ClientOptions) { o.Name = "a/b" },
		"no log":            func(o *freeswitch.ClientOptions) { o.Log = nil },
		"no port":           func(o *freeswitch.ClientOptions) { o.Address = "fs.example" },
		"no password":       func(o *freeswitch.ClientOptions) { o.Secret = "" },
		"a second command":  func(o *freeswitch.ClientOptions) { o.Secret = "x\n\napi shutdown" },
		"no file":           func(o *freeswitch.ClientOptions) { o.Secret, o.SecretFile = "", "/nowhere" },
		"silence too short": func(o *freeswitch.ClientOptions) { o.Silence, o.PingEvery = time.Second, 2*time.Second },
	} {
		o := good
		change(&o)
		if err := freeswitch.NewClient(o).Run(t.Context()); !errors.Is(err, freeswitch.ErrOptions) {
			t.Errorf("%s: got %v, want ErrOptions", name, err)
		}
	}
}
