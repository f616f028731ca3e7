//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/coder/websocket"

	"trunkline/bench/crowd"
	"trunkline/ws"
)

// pairHub is the design to compare with: each connection has a reader goroutine, a
// writer goroutine and a channel between it and the publisher.
type pairHub struct {
	library string
	ready   chan struct{}
	mu      sync.Mutex // guards queues
	queues  []chan []byte
}

const pairQueue = 256

func (h *pairHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	queue := make(chan []byte, pairQueue)
	var write func([]byte) error
	if h.library == "coder" {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
		if err != nil {
			return
		}
		ctx := context.Background()
		ctx = c.CloseRead(ctx)
		write = func(p []byte) error { return c.Write(ctx, websocket.MessageText, p) }
	} else {
		c, err := ws.Upgrade(w, r, ws.Options{})
		if err != nil {
			return
		}
		go func() {
			_ = c.Serve(discard{})
			_ = c.NetConn().Close()
		}()
		write = func(p []byte) error {
			_, err := c.NetConn().Write(p)
			return err
		}
	}
	h.mu.Lock()
	h.queues = append(h.queues, queue)
	h.mu.Unlock()
	h.ready <- struct{}{}
	go func() {
		for p := range queue {
			if write(p) != nil {
				return
			}
		}
	}()
}

type discard struct{}

func (discard) Message(bool, []byte) error { return nil }
func (discard) Pong([]byte)                {}
func (discard) Send([]byte)                {}
func (discard) Finish([]byte)              {}

// pairs measures the pair design with one of two libraries.
func pairs(o options, library string) error {
	runtime.GC()
	debug.FreeOSMemory()
	h := &pairHub{library: library, ready: make(chan struct{}, o.pairConns)}
	addr, srv, err := listen(h)
	if err != nil {
		return err
	}
	defer func() { _ = srv.Close() }()
	before := crowd.RSS()
	client, err := crowd.Start(addr)
	if err != nil {
		return err
	}
	defer client.Stop()
	if _, err := client.Do(crowd.Order{Op: "dial", Path: "/feed", Conns: o.pairConns}); err != nil {
		return err
	}
	for range o.pairConns {
		<-h.ready
	}
	time.Sleep(time.Second)
	idle := float64(crowd.RSS()-before) / 1e3 / float64(o.pairConns)
	total := int64(o.messages(o.pairMB))
	startCPU, start := crowd.CPU(), time.Now()
	for n := range total {
		p := message(nil, n+1, 0, o.size)
		if library == "pair" {
			p = ws.TextFrame(p)
		}
		for _, q := range h.queues {
			q <- p
		}
	}
	a, err := client.Do(crowd.Order{Op: "expect", Expect: total * int64(o.pairConns)})
	if err != nil {
		return err
	}
	report(library, a.Messages, time.Since(start), crowd.CPU()-startCPU, fmt.Sprintf("%d connections, %.2f KB RSS per idle connection", o.pairConns, idle))
	for _, q := range h.queues {
		close(q)
	}
	return nil
}
