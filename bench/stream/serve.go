package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"

	"trunkline/auth"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/feed/stream"
	"trunkline/floor"
)

// served is the feed on a log of its own, behind HTTP. The tenant stands in a header, in
// place of the gate that the server has.
type served struct {
	log  *eventlog.Log
	feed *stream.Feed
	web  *httptest.Server
	dir  string
}

func serve(o stream.Options) (*served, error) {
	dir, err := os.MkdirTemp(".", ".bench-data-")
	if err != nil {
		return nil, err
	}
	log, err := eventlog.Open(context.Background(), eventlog.Config{Dir: dir, RetainBytes: 100 << 30, TenantBytes: 100 << 30,
		Fold: func(int) writer.Fold { return floor.NewFold(floor.Options{}) }})
	if err != nil {
		return nil, err
	}
	if err := log.WaitWritable(context.Background()); err != nil {
		return nil, err
	}
	s := &served{log: log, feed: stream.New(log, o), dir: dir}
	mux := http.NewServeMux()
	for _, r := range s.feed.Routes() {
		mux.HandleFunc(r.Pattern, func(w http.ResponseWriter, req *http.Request) {
			r.Handler.ServeHTTP(w, req.WithContext(auth.With(req.Context(), &auth.Principal{Tenant: req.Header.Get("X-Tenant")})))
		})
	}
	s.web = httptest.NewServer(mux)
	return s, nil
}

func (s *served) close() {
	_ = s.feed.Close(context.Background())
	s.web.Close()
	_ = s.log.Close(context.Background())
	_ = os.RemoveAll(s.dir)
}

// subscribe opens a WebSocket and hands on its bytes: a library that copies each message
// would be measured on the same cores.
func (s *served) subscribe(tenant, query string, buffer int) (net.Conn, *bufio.Reader, error) {
	conn, err := net.Dial("tcp", s.web.Listener.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	_, err = fmt.Fprintf(conn, "GET /api/streaming/v1/clientconnect/subscribe/TenantUpdates?tenantId=%s&%s HTTP/1.1\r\nHost: bench\r\nX-Tenant: %[1]s\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", tenant, query)
	r := bufio.NewReaderSize(conn, buffer)
	var resp *http.Response
	if err == nil {
		resp, err = http.ReadResponse(r, nil)
	}
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(resp.Body)
		err = fmt.Errorf("the feed answers %s: %s", resp.Status, body)
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return conn, r, nil
}

// frame reads the head of a server's frame.
func frame(r *bufio.Reader) (text bool, size int, err error) {
	head, err := r.Peek(2)
	if err != nil {
		return false, 0, err
	}
	wide := 0
	switch size = int(head[1] & 0x7f); size {
	case 126:
		wide = 2
	case 127:
		wide = 8
	}
	if head, err = r.Peek(2 + wide); err != nil {
		return false, 0, err
	}
	switch wide {
	case 2:
		size = int(binary.BigEndian.Uint16(head[2:]))
	case 8:
		size = int(binary.BigEndian.Uint64(head[2:]))
	}
	text = head[0] == 0x81
	_, err = r.Discard(2 + wide)
	return text, size, err
}
