//go:build unix

package fanout

import "syscall"

// canVector says whether descriptors can be written directly here.
const canVector = true

// readSocket is one read of a non-blocking socket; again says that it had nothing.
func readSocket(fd uintptr, p []byte) (n int, again bool, err error) {
	for {
		n, err = syscall.Read(int(fd), p)
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return 0, true, nil
		}
		return n, false, err
	}
}
