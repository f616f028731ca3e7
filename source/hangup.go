package source

import (
	"crypto/tls"
	"net"
	"time"
)

// Farewell is how long a system may take to read the last words to it.
const Farewell = 500 * time.Millisecond

// Hangup closes a connection at once. A TLS connection that is closed in order
// waits up to five seconds for a system that reads nothing any more.
func Hangup(c net.Conn) {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	_ = c.Close()
}
