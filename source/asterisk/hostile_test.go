package asterisk_test

import (
	"bufio"
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/event"
	"trunkline/replay/aspbx"
	"trunkline/source"
	"trunkline/source/asterisk"
)

// withholding dials a PBX of whose messages those are withheld that drop names.
func withholding(p *aspbx.PBX, drop func(message string) bool) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		pbx, served := net.Pipe()
		go p.ServeConn(served)
		go func() { // to the PBX
			defer pbx.Close()
			buf := make([]byte, 4096)
			for {
				n, err := far.Read(buf)
				if err != nil {
					return
				}
				if _, err := pbx.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
		go func() { // from the PBX
			defer far.Close()
			lines := bufio.NewReader(pbx)
			var message strings.Builder
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				message.WriteString(line)
				if line != "\r\n" && !strings.HasPrefix(line, "Asterisk Call Manager") {
					continue
				}
				if m := message.String(); !drop(m) {
					if _, err := far.Write([]byte(m)); err != nil {
						return
					}
				}
				message.Reset()
			}
		}()
		return near, nil
	}
}

// TestTheListOfChannelsHasNoEnd is a PBX with an event filter for its user that
// keeps the rows of CoreShowChannels away: the source is up without them.
func TestTheListOfChannelsHasNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pbx(t, aspbx.Options{})
		log := &notebook{}
		o := clientOptions(p, log)
		o.Dial = withholding(p, func(m string) bool { return strings.Contains(m, "Event: CoreShowChannel") })
		c := asterisk.NewClient(o)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = c.Run(ctx) })
		time.Sleep(10 * time.Second)
		if h := c.Health(); h.State != source.StateConnecting {
			t.Errorf("without a complete snapshot it is %+v", h)
		}
		time.Sleep(10 * time.Second)
		if h := c.Health(); h.State != source.StateUp || h.Logins != 1 {
			t.Errorf("got %+v", h)
		}
		cancel()
		running.Wait()
	})
}

// TestAPBXThatAnswersNoMore goes on with its events, but its actions hang.
func TestAPBXThatAnswersNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pbx(t, aspbx.Options{Speed: 1, Patience: time.Minute})
		log := &notebook{}
		o := clientOptions(p, log)
		var hangs atomic.Bool
		o.Dial = withholding(p, func(m string) bool { return hangs.Load() && strings.HasPrefix(m, "Response:") })
		c := asterisk.NewClient(o)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = c.Run(ctx) })
		running.Go(func() { _ = p.Play(ctx) })
		time.Sleep(time.Minute)
		hangs.Store(true)
		for len(of[event.SourceDown](log.all())) == 0 {
			time.Sleep(time.Millisecond)
		}
		hangs.Store(false)
		time.Sleep(time.Minute)
		downs := of[event.SourceDown](log.all())
		if h := c.Health(); len(downs) != 1 || !strings.HasPrefix(downs[0].Reason, "no answer to a ping for 3") || h.State != source.StateUp {
			t.Errorf("got %+v, %+v", downs, h)
		}
		cancel()
		running.Wait()
	})
}
