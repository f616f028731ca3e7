package ingest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// errBody says that a body could not be read to its end: the client's
// connection broke, or what it sent is not gzip.
var errBody = errors.New("read the body")

// tooLargeError says that a body has more bytes than the limit.
type tooLargeError struct{ limit int }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("the body has more than %d bytes, decompressed", e.limit)
}

// codingError says that a body is compressed in a way that is not taken.
type codingError struct{ got string }

func (e *codingError) Error() string {
	return fmt.Sprintf("Content-Encoding %q is not taken: send gzip, or no compression", e.got)
}

// body holds the bytes of one request in memory that is used again.
type body struct {
	bytes []byte
	unzip *gzip.Reader // kept for the next compressed body
}

var bodies = sync.Pool{New: func() any { return &body{bytes: make([]byte, 0, 4<<10)} }}

// keepBytes bounds the memory that waits for the next request: large bodies
// are rare, and theirs is given back.
const keepBytes = 1 << 20

func newBody() *body { return bodies.Get().(*body) }

// free gives the memory back. Nobody may hold a part of it any more.
func (b *body) free() {
	if cap(b.bytes) > keepBytes {
		return
	}
	b.bytes = b.bytes[:0]
	bodies.Put(b)
}

// read takes the body of a request in, decompressed, up to a limit.
func (b *body) read(w http.ResponseWriter, r *http.Request, limit int) error {
	// A body is at most as long on the wire as it may be in memory; the server
	// closes the connection of one that is longer.
	wire := http.MaxBytesReader(w, r.Body, int64(limit))
	switch coding := strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ", "))); coding {
	case "", "identity":
		if r.ContentLength > int64(limit) {
			return &tooLargeError{limit}
		}
		return b.fill(wire, int(r.ContentLength), limit)
	case "gzip", "x-gzip":
		if b.unzip == nil {
			b.unzip = new(gzip.Reader)
		}
		if err := b.unzip.Reset(wire); err != nil {
			return readError(err, limit)
		}
		return b.fill(b.unzip, -1, limit)
	default:
		return &codingError{coding}
	}
}

// fill reads from src until it ends. The size is what is expected, -1 when that
// is not known.
func (b *body) fill(src io.Reader, size, limit int) error {
	buf := b.bytes[:0]
	if size >= cap(buf) {
		buf = make([]byte, 0, size+1) // one more, to see the end without growing
	}
	for {
		n, err := src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		b.bytes = buf
		switch {
		case len(buf) > limit:
			return &tooLargeError{limit}
		case err == io.EOF:
			return nil
		case err != nil:
			return readError(err, limit)
		case len(buf) == cap(buf):
			grown := make([]byte, len(buf), 2*cap(buf))
			copy(grown, buf)
			buf = grown
		}
	}
}

func readError(err error, limit int) error {
	if long := (*http.MaxBytesError)(nil); errors.As(err, &long) {
		return &tooLargeError{limit}
	}
	return fmt.Errorf("%w: %w", errBody, err)
}
