package ws

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// Sizes of read buffers in bytes. A plain socket borrows a shared one only while
// bytes are there; other connections own a small one.
const (
	sharedBuffer = 4096
	idleBuffer   = 512
)

// buffers lends read buffers to all connections. It holds *[sharedBuffer]byte.
var buffers = sync.Pool{New: func() any { return new([sharedBuffer]byte) }}

// input is the receiving side of a connection: a window of bytes that have
// arrived and were not used yet. It is used by one goroutine.
type input struct {
	nc    net.Conn
	raw   syscall.RawConn // nil when the connection is not a plain socket
	fn    func(fd uintptr) bool
	lent  *[sharedBuffer]byte // the borrowed buffer that buf lies in, nil when owned or idle
	buf   []byte
	r, w  int // buf[r:w] has arrived and is not used yet
	err   error
	count int // bytes of the last read
}

func (in *input) init(nc net.Conn) {
	in.nc = nc
	if in.raw = rawConn(nc); in.raw != nil {
		in.fn = in.tryRead
	}
}

// preload puts bytes that were read elsewhere in front of what the socket gives.
func (in *input) preload(p []byte) {
	in.buf = make([]byte, max(len(p), sharedBuffer))
	in.w = copy(in.buf, p)
}

// need makes sure that n bytes are in the window, n at most idleBuffer.
func (in *input) need(n int) error {
	for in.w-in.r < n {
		if err := in.fill(); err != nil {
			if err == io.EOF && in.w > in.r {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// take uses up n bytes of the window. They stay valid until the next call of need.
func (in *input) take(n int) []byte {
	p := in.buf[in.r : in.r+n]
	in.r += n
	return p
}

// buffered is what has arrived and was not used yet.
func (in *input) buffered() int { return in.w - in.r }

// fill waits for bytes and adds them to the window.
func (in *input) fill() error {
	if in.r == in.w {
		in.r, in.w = 0, 0
		in.release()
	} else if in.r > 0 && in.w == len(in.buf) {
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	}
	if in.raw == nil {
		if in.buf == nil {
			in.buf = make([]byte, idleBuffer)
		}
		n, err := in.nc.Read(in.buf[in.w:])
		in.w += n
		if n > 0 {
			return nil
		}
		return err
	}
	in.count, in.err = 0, nil
	if err := in.raw.Read(in.fn); err != nil {
		return err
	}
	if in.err != nil {
		return in.err
	}
	if in.count == 0 {
		return io.EOF
	}
	return nil
}

// tryRead is called when the socket may be readable; false means wait. The buffer
// is given back before waiting when it holds nothing.
func (in *input) tryRead(fd uintptr) bool {
	if in.buf == nil {
		in.lent = buffers.Get().(*[sharedBuffer]byte)
		in.buf = in.lent[:]
	}
	n, err := readSocket(int(fd), in.buf[in.w:])
	if err == syscall.EAGAIN {
		if in.w == 0 {
			in.release()
		}
		return false
	}
	if err != nil {
		in.err = err
		return true
	}
	in.count = n
	in.w += n
	return true
}

// release gives an empty buffer back. Owned ones stay with connections that
// cannot wait without one.
func (in *input) release() {
	if in.lent != nil {
		buffers.Put(in.lent)
		in.lent, in.buf = nil, nil
	} else if in.raw != nil {
		in.buf = nil
	}
}
