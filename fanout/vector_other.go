//go:build unix && !linux

package fanout

import "syscall"

// vector gathers frames for one write. Systems other than Linux copy them.
type vector struct {
	buf   [64 << 10]byte
	n     int
	bytes int
	sent  int
	errno error
}

// fill gathers what c has taken.
func (v *vector) fill(c *Conn) {
	v.n, v.bytes = 0, 0
	c.out.each(c.off, func(f Frame) bool {
		v.bytes += copy(v.buf[v.bytes:], f)
		return v.bytes < len(v.buf)
	})
}

// write is one write. It never blocks: net sockets are non-blocking.
func (v *vector) write(fd uintptr) {
	for {
		n, err := syscall.Write(int(fd), v.buf[:v.bytes])
		if err == syscall.EINTR {
			continue
		}
		v.sent, v.errno = max(n, 0), err
		return
	}
}

func (v *vector) wouldBlock() bool { return v.errno == syscall.EAGAIN }

func (v *vector) err() error {
	if v.errno == syscall.EAGAIN {
		return nil
	}
	return v.errno
}

// reset lets go of the frames, of which it holds copies only.
func (v *vector) reset() {}
