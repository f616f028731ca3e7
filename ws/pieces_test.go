package ws_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"trunkline/ws"
)

// collect is a Handler that joins what it gets.
type collect struct {
	echo
	got []byte
	max int
}

func (c *collect) Message(_ bool, p []byte) error {
	if string(p) == "fail" {
		return c.echo.Message(true, p)
	}
	c.got = append(c.got, p...)
	c.max = max(c.max, len(p))
	return nil
}

// With Pieces everything arrives in order, whatever the frames, and nothing is kept
// until a message is whole: messages have no limit then.
func TestPieces(t *testing.T) {
	long := strings.Repeat("0123456789", 50_000)
	want := "a" + long + "b" + long + "\xff" + "c"
	for _, secure := range []bool{false, true} {
		done := make(chan *collect, 1)
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := ws.Upgrade(w, r, ws.Options{Pieces: true, MaxMessage: 10})
			if err != nil {
				t.Error(err)
				return
			}
			go func() {
				got := &collect{echo: echo{conn: c}}
				_ = c.Serve(got)
				_ = c.NetConn().Close()
				done <- got
			}()
		})
		srv := httptest.NewUnstartedServer(h)
		if secure {
			srv.StartTLS()
		} else {
			srv.Start()
		}
		nc, br := dial(t, srv.URL, "", secure)
		for _, f := range []string{
			frame(0x81, "a"), frame(0x01, long), frame(0x89, "?"), frame(0x00, ""), frame(0x80, "b"), frame(0x82, long), frame(0x81, "\xff"), frame(0x81, ""), frame(0x81, "c"),
			frame(0x81, "fail"),
		} {
			if _, err := nc.Write([]byte(f)); err != nil {
				t.Fatal(err)
			}
		}
		answer := readAll(t, br)
		_ = nc.Close()
		got := <-done
		if string(got.got) != want || got.max > 4096 {
			t.Errorf("%d of %d bytes in pieces of %d", len(got.got), len(want), got.max)
		}
		if !bytes.Equal(answer, append(ws.PongFrame([]byte("?")), ws.CloseFrame(ws.CodeInternal, "the message could not be handled")...)) {
			t.Errorf("answered %q", answer)
		}
		// A fragment without a beginning is no more taken than elsewhere.
		nc, br = dial(t, srv.URL, frame(0x80, "x"), secure)
		if answer := readAll(t, br); len(answer) < 4 || answer[0] != 0x88 || answer[2] != 0x03 || answer[3] != 0xea {
			t.Errorf("answered %q", answer)
		}
		_ = nc.Close()
		<-done
		srv.Close()
	}
}
