package fanout

import (
	"syscall"
	"unsafe"
)

// vector gathers frames for one writev. It keeps no frame alive between writes.
type vector struct {
	iov   [1024]syscall.Iovec // IOV_MAX
	n     int
	bytes int
	sent  int
	errno syscall.Errno
}

// maxVectorBytes bounds one writev: a socket takes no more at once anyhow.
const maxVectorBytes = 1 << 20

// fill gathers what c has taken.
func (v *vector) fill(c *Conn) {
	v.n, v.bytes = 0, 0
	off := c.off
	for ch := c.out.head; ch != nil; ch = ch.next {
		for i := ch.first; i < ch.last; i++ {
			f := ch.frames[i][off:]
			off = 0
			v.iov[v.n].Base = unsafe.SliceData(f)
			v.iov[v.n].SetLen(len(f))
			v.n++
			v.bytes += len(f)
			if v.n == len(v.iov) || v.bytes >= maxVectorBytes {
				return
			}
		}
	}
}

// write is one writev. It never blocks: net sockets are non-blocking.
func (v *vector) write(fd uintptr) {
	for {
		n, _, errno := syscall.Syscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&v.iov[0])), uintptr(v.n))
		if errno == syscall.EINTR {
			continue
		}
		v.sent, v.errno = int(n), errno
		if errno != 0 {
			v.sent = 0
		}
		return
	}
}

func (v *vector) wouldBlock() bool { return v.errno == syscall.EAGAIN }

func (v *vector) err() error {
	if v.errno == 0 || v.errno == syscall.EAGAIN {
		return nil
	}
	return v.errno
}

// reset lets go of the frames.
func (v *vector) reset() { clear(v.iov[:v.n]) }
