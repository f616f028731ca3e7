//go:build linux

package crowd

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
)

// Dial opens a WebSocket whose messages are read one by one, and says hello.
func Dial(d *net.Dialer, addr, path string, hello []byte, buffer int) (net.Conn, *bufio.Reader, error) {
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	r := bufio.NewReaderSize(conn, buffer)
	_, err = fmt.Fprintf(conn, request, path)
	if err == nil {
		var resp *http.Response
		if resp, err = http.ReadResponse(r, nil); err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
			err = fmt.Errorf("refused: %s", resp.Status)
		}
	}
	if err == nil {
		_, err = conn.Write(hello)
	}
	return conn, r, err
}

// Head reads the head of a server's frame: the bytes of its payload follow.
func Head(r *bufio.Reader) (size int, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, err
	}
	switch size = int(head[1] & 0x7f); size {
	case 126:
		_, err = io.ReadFull(r, head[:2])
		size = int(binary.BigEndian.Uint16(head[:]))
	case 127:
		_, err = io.ReadFull(r, head[:8])
		size = int(binary.BigEndian.Uint64(head[:]))
	}
	return size, err
}

// Frame reads the payload of a server's frame.
func Frame(r *bufio.Reader, into []byte) ([]byte, error) {
	size, err := Head(r)
	if err != nil {
		return nil, err
	}
	into = slices.Grow(into[:0], size)[:size]
	_, err = io.ReadFull(r, into)
	return into, err
}
