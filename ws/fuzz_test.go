package ws

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
	"unicode/utf8"
)

// script is a connection from which a fixed text is read in pieces of one size.
type script struct {
	net.Conn
	r     *bytes.Reader
	piece int
}

func (s *script) Read(p []byte) (int, error)      { return s.r.Read(p[:min(len(p), s.piece)]) }
func (s *script) SetReadDeadline(time.Time) error { return nil }

type recorder struct {
	t        *testing.T
	max      int
	messages []string
	last     []byte
	sent     int
}

func (h *recorder) Message(text bool, p []byte) error {
	if len(p) > h.max {
		h.t.Fatalf("a message of %d bytes came through a limit of %d", len(p), h.max)
	}
	if text && !utf8.Valid(p) {
		h.t.Fatal("a text message that is not UTF-8 came through")
	}
	if h.last != nil {
		h.t.Fatal("a message after the closing handshake began")
	}
	h.messages = append(h.messages, string(p))
	return nil
}
func (h *recorder) Pong([]byte)   {}
func (h *recorder) Send(f []byte) { h.sent++ }
func (h *recorder) Finish(f []byte) {
	if len(f) < 2 || f[0] != 0x88 || int(f[1]) != len(f)-2 || len(f) == 3 {
		h.t.Fatalf("a broken close frame: %q", f)
	}
	h.last = f
}

// FuzzReader feeds arbitrary bytes in arbitrary pieces: the reader must end, keep
// the limits, and say the same whatever the pieces.
func FuzzReader(f *testing.F) {
	f.Add([]byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), 1)
	f.Add([]byte("\x89\x80\x00\x00\x00\x00\x88\x82\x00\x00\x00\x00\x03\xe8"), 3)
	f.Add([]byte("\x01\x81\x00\x00\x00\x00a\x80\x81\x00\x00\x00\x00b"), 7)
	f.Add([]byte("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"), 2)
	f.Add([]byte("\x82\xfe\x02\x58\x00\x00\x00\x00"+string(make([]byte, 700))), 100)
	f.Add([]byte("\x88\x81\x00\x00\x00\x00\x03"), 4096)
	f.Fuzz(func(t *testing.T, in []byte, piece int) {
		run := func(piece int) (*recorder, error) {
			h := &recorder{t: t, max: 600}
			c := newConn(&script{r: bytes.NewReader(in), piece: piece}, h.max)
			return h, c.Serve(h)
		}
		if piece < 1 || piece > 1<<16 {
			piece = 5
		}
		a, errA := run(piece)
		b, errB := run(1 << 16)
		if len(a.messages) != len(b.messages) || a.sent != b.sent || !bytes.Equal(a.last, b.last) || errA.Error() != errB.Error() {
			t.Fatalf("pieces of %d: %d messages, %v; whole: %d messages, %v", piece, len(a.messages), errA, len(b.messages), errB)
		}
		for i := range a.messages {
			if a.messages[i] != b.messages[i] {
				t.Fatalf("message %d differs", i)
			}
		}
		var ce *CloseError
		if errors.As(errA, &ce) != (a.last != nil) {
			t.Fatalf("ended with %v but the last frame is %q", errA, a.last)
		}
		if ce == nil && errA != io.EOF && errA != io.ErrUnexpectedEOF && !errors.Is(errA, os.ErrDeadlineExceeded) {
			t.Fatalf("ended with %v", errA)
		}
	})
}
