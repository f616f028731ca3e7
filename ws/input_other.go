//go:build !unix

package ws

import "syscall"

// readSocket exists on systems with non-blocking reads on descriptors only; on
// others the connection is read through net.Conn.
func readSocket(fd int, p []byte) (int, error) { return 0, syscall.EWOULDBLOCK }
