package freeswitch_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/event"
	"trunkline/replay/asesl"
	"trunkline/source"
	"trunkline/source/freeswitch"
)

// withholding serves a switch of whose messages those are withheld that drop
// names by their headers.
func withholding(serve func(net.Conn), drop func(header string) bool) func(net.Conn) {
	return func(conn net.Conn) {
		near, far := net.Pipe()
		go serve(far)
		go func() {
			defer near.Close()
			_, _ = io.Copy(near, conn)
		}()
		defer conn.Close()
		from := bufio.NewReader(near)
		for {
			header, size := "", 0
			for !strings.HasSuffix(header, "\n\n") {
				line, err := from.ReadString('\n')
				if err != nil {
					return
				}
				header += line
				if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
					size, _ = strconv.Atoi(strings.TrimSpace(v))
				}
			}
			body := make([]byte, size)
			if _, err := io.ReadFull(from, body); err != nil {
				return
			}
			if !drop(header) {
				if _, err := conn.Write(append([]byte(header), body...)); err != nil {
					return
				}
			}
		}
	}
}

// TestASwitchThatAnswersNoMore goes on with its events, but its commands hang.
func TestASwitchThatAnswersNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := theSwitch(t, asesl.Options{Speed: 1, Patience: time.Minute})
		log := &notebook{}
		var hangs atomic.Bool
		o := clientOptions(sw.Start(), withholding(sw.ServeConn, func(header string) bool {
			return hangs.Load() && strings.Contains(header, "api/response")
		}), log)
		c := freeswitch.NewClient(o)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = c.Run(ctx) })
		running.Go(func() { _ = sw.Play(ctx) })
		time.Sleep(20 * time.Second)
		hangs.Store(true)
		for len(of[event.SourceDown](log.all())) == 0 {
			time.Sleep(time.Millisecond)
		}
		hangs.Store(false)
		time.Sleep(20 * time.Second)
		downs := of[event.SourceDown](log.all())
		if h := c.Health(); len(downs) != 1 || !strings.HasPrefix(downs[0].Reason, "no answer for 3") || h.State != source.StateUp {
			t.Errorf("got %+v, %+v", downs, h)
		}
		cancel()
		running.Wait()
	})
}
