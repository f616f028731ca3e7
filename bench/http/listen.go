package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// listen opens the live feed at the oldest event. The client does next to
// nothing with what comes: it runs on the cores that are measured, and a
// library that copies every message would be measured with them.
func (t *target) listen(ctx context.Context) (net.Conn, *bufio.Reader, error) {
	addr := strings.TrimPrefix(t.url, "http://")
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	_, err = fmt.Fprintf(conn, "GET /v1/live?after=oldest HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", addr, t.read)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	r := bufio.NewReaderSize(conn, 256<<10)
	resp, err := http.ReadResponse(r, nil)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("server answered %s", resp.Status)
	}
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, r, nil
}

// skipFrame reads one frame of a server and says whether it was a text message.
func skipFrame(r *bufio.Reader) (text bool, err error) {
	head, err := r.Peek(2)
	if err != nil {
		return false, err
	}
	size, wide := int(head[1]&0x7f), 0
	switch size {
	case 126:
		wide = 2
	case 127:
		wide = 8
	}
	text = head[0] == 0x81
	if wide > 0 {
		if head, err = r.Peek(2 + wide); err != nil {
			return false, err
		}
		if wide == 2 {
			size = int(binary.BigEndian.Uint16(head[2:]))
		} else {
			size = int(binary.BigEndian.Uint64(head[2:]))
		}
	}
	_, err = r.Discard(2 + wide + size)
	return text, err
}
