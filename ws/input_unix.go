//go:build unix

package ws

import "syscall"

// readSocket is one read of a non-blocking socket.
func readSocket(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, p)
		if err == syscall.EINTR {
			continue
		}
		return max(n, 0), err
	}
}
