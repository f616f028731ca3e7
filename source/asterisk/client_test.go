package asterisk_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/replay/aspbx"
	"trunkline/source"
	"trunkline/source/asterisk"
	"trunkline/source/line"
)

// TestLiveEqualsTheTranslation follows the whole capture over the wire.
func TestLiveEqualsTheTranslation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pbx(t, aspbx.Options{Speed: 1, Patience: time.Minute, Zone: time.FixedZone("Kathmandu", 5*3600+45*60)})
		log := &notebook{}
		o := clientOptions(p, log)
		c := runClient(t, p, o)
		got, want := callFacts(log.all()), callFacts(translateTimed(t).facts)
		if got != want {
			t.Errorf("live facts differ: %s", firstDifference(got, want))
		}
		n := counts(log.all())
		for typ, w := range golden {
			if g := n[typ]; g != w && typ != "source.reset" && typ != "source.up" && typ != "agent.terminal_changed" {
				t.Errorf("%d %s, want %d", g, typ, w)
			}
		}
		if open := stillOpen(t, log.all()); len(open) > 0 {
			t.Errorf("still open: %v", open)
		}
		if h := c.Health(); h.Logins != 3 || h.Faults != 0 || h.State != source.StateDown || h.Open != 0 || h.Waiting != 0 {
			t.Errorf("got %+v", h)
		}
	})
}

func TestFiltersKeepTheVolumeDown(t *testing.T) {
	read := func(o aspbx.Options) (string, source.Health) {
		var facts string
		var health source.Health
		synctest.Test(t, func(t *testing.T) {
			o.Speed, o.Patience = 1, time.Minute
			p := pbx(t, o)
			log := &notebook{}
			c := runClient(t, p, clientOptions(p, log))
			facts, health = callFacts(log.all()), c.Health()
		})
		return facts, health
	}
	with, few := read(aspbx.Options{})
	without, many := read(aspbx.Options{Write: "reporting"})
	if with != without {
		t.Errorf("filters change facts: %s", firstDifference(with, without))
	}
	if few.Events*2 > many.Events || few.Bytes*2 > many.Bytes {
		t.Errorf("got %d of %d events, %d of %d bytes", few.Events, many.Events, few.Bytes, many.Bytes)
	}
	// What no fact is made of is named, so that one sees what a filter would save.
	if n := many.LeftOut["Newstate"]; n < 100 || many.LeftOut["Hangup"] != 0 || few.LeftOut["Newstate"] != 0 || many.LeftOut.Sum()-few.LeftOut.Sum() < n {
		t.Errorf("left out %v and %v", many.LeftOut, few.LeftOut)
	}
}

func TestClientWithoutWriteReporting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pbx(t, aspbx.Options{Speed: 1, Patience: time.Minute, Write: "none"})
		log := &notebook{}
		runClient(t, p, clientOptions(p, log))
		// Without CoreStatus the boot is known to a second or so only.
		boots := regexp.MustCompile(`\b(179521(0717|0718|1206|1254|1255|1207))([/-])`)
		got := boots.ReplaceAllString(callFacts(log.all()), "boot$3")
		if want := boots.ReplaceAllString(callFacts(translateTimed(t).facts), "boot$3"); got != want {
			t.Errorf("got %s", firstDifference(got, want))
		}
	})
}

func TestWrongSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pbx(t, aspbx.Options{Secret: "other"})
		log := &notebook{}
		o := clientOptions(p, log)
		dials := 0
		dial := o.Dial
		o.Dial = func(ctx context.Context) (net.Conn, error) { dials++; return dial(ctx) }
		c := asterisk.NewClient(o)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
		if dials < 15 || dials > 45 {
			t.Errorf("%d attempts in ten minutes", dials)
		}
		downs := of[event.SourceDown](log.all())
		if len(downs) != 1 || !strings.Contains(downs[0].Reason, "login refused: Authentication failed") {
			t.Errorf("got %+v", downs)
		}
	})
}

func TestOptionsOfTheClient(t *testing.T) {
	good := asterisk.ClientOptions{User: "u", Settings: line.Settings{Name: "p", Address: "a:5038", Secret: "s", Log: &notebook{}}}
	for name, change := range map[string]func(*asterisk.ClientOptions){
		"name":    func(o *asterisk.ClientOptions) { o.Name = "" },
		"a/b":     func(o *asterisk.ClientOptions) { o.Name = "a/b" },
		"log":     func(o *asterisk.ClientOptions) { o.Log = nil },
		"address": func(o *asterisk.ClientOptions) { o.Address = "nowhere" },
		"user":    func(o *asterisk.ClientOptions) { o.User = "a\r\nAction: x" },
		"secret":  func(o *asterisk.ClientOptions) { o.Secret = "" },
		"lines":   func(o *asterisk.ClientOptions) { o.Secret = "a\nb" },
		"file":    func(o *asterisk.ClientOptions) { o.Secret, o.SecretFile = "", "/does/not/exist" },
		"silence": func(o *asterisk.ClientOptions) { o.Silence = time.Second },
		"promise": func(o *asterisk.ClientOptions) { o.Promise = 29 * time.Second },
	} {
		o := good
		change(&o)
		if err := asterisk.NewClient(o).Run(context.Background()); !errors.Is(err, asterisk.ErrOptions) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSecretsFromFileAndEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AMI_SECRET", "hush")
	for name, set := range map[string]func(*asterisk.ClientOptions){
		"file":        func(o *asterisk.ClientOptions) { o.SecretFile = file },
		"environment": func(o *asterisk.ClientOptions) { o.SecretEnv = "AMI_SECRET" },
	} {
		synctest.Test(t, func(t *testing.T) {
			p := pbx(t, aspbx.Options{Secret: "hush"})
			log := &notebook{}
			o := clientOptions(p, log)
			o.Secret = ""
			set(&o)
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			if err := asterisk.NewClient(o).Run(ctx); err != nil {
				t.Error(err)
			}
			if ups := of[event.SourceUp](log.all()); len(ups) != 1 || ups[0].Address != "pbx.example:5038" {
				t.Errorf("%s: got %+v", name, ups)
			}
		})
	}
}

// TestOtherEndsThatAreNoPBX says garbage, nothing, or too little.
func TestOtherEndsThatAreNoPBX(t *testing.T) {
	for name, c := range map[string]struct {
		say  string
		want string
	}{
		"a web server": {"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", "no banner within"},
		"silence":      {"", "no banner within"},
		"noise":        {string(bytes.Repeat([]byte{0, 0xff, '\n', ':'}, 100_000)), "no banner within"},
		"events first": {"Event: Hangup\r\nUniqueid: 1.1\r\n\r\n", "not a manager interface: it began with"},
		"a banner":     {"Asterisk Call Manager/11.0.0\r\n", "no challenge within"},
	} {
		synctest.Test(t, func(t *testing.T) {
			log := &notebook{}
			o := clientOptions(pbx(t, aspbx.Options{}), log)
			o.Dial = func(context.Context) (net.Conn, error) {
				near, far := net.Pipe()
				go func() { _, _ = io.WriteString(far, c.say); _, _ = io.Copy(io.Discard, far) }()
				return near, nil
			}
			ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
			defer cancel()
			if err := asterisk.NewClient(o).Run(ctx); err != nil {
				t.Error(err)
			}
			downs := of[event.SourceDown](log.all())
			if len(downs) != 1 || !strings.Contains(downs[0].Reason, c.want) {
				t.Errorf("%s: got %+v", name, downs)
			}
		})
	}
}

// TestAQuietPBXStaysConnected has no events for a while, but answers pings.
func TestAQuietPBXStaysConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &notebook{}
		c := asterisk.NewClient(clientOptions(pbx(t, aspbx.Options{}), log)) // which never plays
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
		if h, downs := c.Health(), of[event.SourceDown](log.all()); h.Logins != 1 || len(downs) != 1 || downs[0].Reason != "stopped" {
			t.Errorf("got %+v, %+v", h, downs)
		}
		// The log hears of it often enough to know that it is there.
		ups := of[event.SourceUp](log.all())
		if len(ups) < 58 || len(ups) > 62 || ups[30].SilenceMS != 120_000 || ups[30].Address != "pbx.example:5038" {
			t.Errorf("%d signs of life in an hour, as %+v", len(ups), ups[len(ups)/2])
		}
	})
}

// TestPromises holds the signs of life to what was promised, on both sides.
func TestPromises(t *testing.T) {
	for promise, want := range map[time.Duration]int{-1: 1, 40 * time.Second: 30, 10 * time.Minute: 2} {
		synctest.Test(t, func(t *testing.T) {
			log := &notebook{}
			o := clientOptions(pbx(t, aspbx.Options{}), log)
			o.Promise = promise
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
			defer cancel()
			if err := asterisk.NewClient(o).Run(ctx); err != nil {
				t.Error(err)
			}
			if ups := of[event.SourceUp](log.all()); len(ups) < want-1 || len(ups) > want+1 || ups[0].SilenceMS != max(promise, 0).Milliseconds() {
				t.Errorf("%v: %d times up, want %d, %+v", promise, len(ups), want, ups[0])
			}
		})
	}
}

// TestAPBXThatStopsTalking is connected, and says nothing any more.
func TestAPBXThatStopsTalking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pbx(t, aspbx.Options{Speed: 1, Patience: time.Minute})
		log := &notebook{}
		o := clientOptions(p, log)
		var conns []*stopping
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			go p.ServeConn(far)
			s := &stopping{Conn: near, wait: make(chan struct{})}
			conns = append(conns, s)
			return s, nil
		}
		c := asterisk.NewClient(o)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = c.Run(ctx) })
		running.Go(func() { _ = p.Play(ctx) })
		time.Sleep(3 * time.Minute)
		conns[0].stop()
		time.Sleep(2 * time.Minute)
		h := c.Health()
		cancel()
		running.Wait()
		facts := log.all()
		downs, gaps, resets := of[event.SourceDown](facts), of[event.SourceGap](facts), of[event.SourceReset](facts)
		if len(downs) != 2 || !strings.HasPrefix(downs[0].Reason, "nothing heard for 3") || h.State != source.StateUp || h.Logins != 2 {
			t.Errorf("got %+v, %+v", downs, h)
		}
		if len(gaps) != 1 || gaps[0].To.Sub(gaps[0].From.Time) < 20*time.Second {
			t.Errorf("got %+v", gaps)
		}
		if len(resets) != 2 || resets[1].Reason != event.ResetResync {
			t.Errorf("got %+v", resets)
		}
	})
}

// TestALogThatRefuses answers busy, unknown and over quota for a while.
func TestALogThatRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pbx(t, aspbx.Options{Speed: 1, Patience: time.Minute})
		log := &notebook{fail: func(call int) error {
			switch call % 5 {
			case 0:
				return eventlog.ErrBusy
			case 1:
				return eventlog.ErrUnknown
			case 2:
				return &eventlog.QuotaError{RetryAfter: 3 * time.Second, Reason: "too many"}
			case 3:
				return &eventlog.UnavailableError{Reason: "no disk"}
			}
			return nil
		}}
		runClient(t, p, clientOptions(p, log))
		if got, want := callFacts(log.all()), callFacts(translateTimed(t).facts); got != want {
			t.Errorf("got %s", firstDifference(got, want))
		}
		if log.duplicates != 0 {
			t.Errorf("%d duplicates", log.duplicates)
		}
	})
}

// TestALogThatIsAwayStopsTheReading holds the PBX in its socket, and says so.
func TestALogThatIsAwayStopsTheReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pbx(t, aspbx.Options{Speed: 1, Patience: time.Minute})
		away := true
		log := &notebook{fail: func(int) error {
			if away {
				return &eventlog.UnavailableError{Reason: "no disk"}
			}
			return nil
		}}
		o := clientOptions(p, log)
		o.MaxWaiting = 50
		c := asterisk.NewClient(o)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = c.Run(ctx) })
		running.Go(func() { _ = p.Play(ctx) })
		time.Sleep(4 * time.Minute)
		h := c.Health()
		if h.State != source.StateHeld || h.Reason != "log takes no appends: no disk" || h.Waiting < 50 || h.Waiting > 200 {
			t.Errorf("got %+v", h)
		}
		log.mu.Lock()
		away = false
		log.mu.Unlock()
		time.Sleep(30 * time.Minute)
		cancel()
		running.Wait()
		if got, want := callFacts(log.all()), callFacts(translateTimed(t).facts); got != want {
			t.Errorf("got %s", firstDifference(got, want))
		}
	})
}

// TestAStopWithALogThatIsAway ends all the same and says what was lost.
func TestAStopWithALogThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pbx(t, aspbx.Options{})
		o := clientOptions(p, &notebook{fail: func(int) error { return eventlog.ErrBusy }})
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		start := time.Now()
		err := asterisk.NewClient(o).Run(ctx)
		if took := time.Since(start); !errors.Is(err, source.ErrUndelivered) || took > 16*time.Second {
			t.Errorf("got %v after %v", err, took)
		}
	})
}
