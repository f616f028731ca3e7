//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"trunkline/bench/crowd"
	"trunkline/fanout"
	"trunkline/feed/hub/signalr"
)

// body is the argument of a message: the shape of a queue's status.
type body struct {
	Seq          string  `json:"seq"`
	Sent         string  `json:"sent"`
	EventName    string  `json:"eventName"`
	EntityID     string  `json:"entityId"`
	Waiting      int     `json:"waiting"`
	Longest      float64 `json:"longest"`
	ServiceLevel float64 `json:"serviceLevel"`
	Nothing      *string `json:"nothing"`
	Fill         string  `json:"fill"`
}

func message(n int64, sent time.Time, size int) *signalr.Message {
	at := int64(0)
	if !sent.IsZero() {
		at = sent.UnixNano()
	}
	const rest = 257 // bytes that the others take, with the target
	return signalr.NewMessage("MessageReceived", body{
		Seq: fmt.Sprintf("%010d", n), Sent: fmt.Sprintf("%020d", at), EventName: "queueStatus", EntityID: "8c5f0a2e-6d0b-4b43-9d5e-3a0a4f8f2b11",
		Waiting: int(n % 50), Longest: 12.5, ServiceLevel: 0.8125, Fill: strings.Repeat("x", max(size-rest, 0)),
	})
}

// run is a server with its clients.
type run struct {
	o      options
	pool   *fanout.Pool
	server *signalr.Server
	http   *http.Server
	client *crowd.Process
	before int // bytes of memory without clients

	mu    sync.Mutex // guards conns
	conns []*signalr.Conn
	ready chan struct{}

	number int64 // of the last message
}

// begin starts a server and its clients in a protocol.
func begin(o options, conns int, proto string) (*run, error) {
	runtime.GC()
	debug.FreeOSMemory()
	r := &run{o: o, pool: fanout.New(fanout.PoolOptions{}), ready: make(chan struct{}, conns)}
	var err error
	r.server, err = signalr.New(signalr.Options{
		Pool: r.pool, QueueBytes: o.queue, MaxConns: 1 << 20, ClientTimeout: time.Hour, // the clients send no pings
		Authenticate: func(_ http.ResponseWriter, r *http.Request) (signalr.Identity, bool) {
			return signalr.Identity{Key: "bench"}, r.URL.Query().Get("access_token") == "bench"
		},
		Opened: func(c *signalr.Conn) {
			r.mu.Lock()
			r.conns = append(r.conns, c)
			r.mu.Unlock()
			r.ready <- struct{}{}
		},
	})
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hub", r.server.Connect)
	r.http = &http.Server{Handler: mux}
	go func() { _ = r.http.Serve(ln) }()
	r.before = crowd.RSS()
	if r.client, err = crowd.Start(ln.Addr().String()); err != nil {
		return nil, err
	}
	if _, err := r.client.Do(crowd.Order{Op: "dial", Conns: conns, Path: "/hub?access_token=bench", Hello: hello(proto)}); err != nil {
		return nil, err
	}
	for range conns {
		<-r.ready
	}
	return r, nil
}

// hello is the frame of a handshake, masked with zeros.
func hello(proto string) []byte {
	text := fmt.Sprintf("{\"protocol\":%q,\"version\":1}\x1e", proto)
	return append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
}

// end stops the clients and the server.
func (r *run) end() {
	r.client.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r.server.Close(ctx)
	_ = r.http.Close()
	r.pool.Close()
}

// send broadcasts one message.
func (r *run) send(m *signalr.Message) error {
	for _, c := range r.conns {
		if !c.Send(m) {
			return fmt.Errorf("a client of %s took no message: the queues are too small for the window", c.Remote())
		}
	}
	return nil
}

// counted waits until the clients have everything.
func (r *run) counted() error {
	_, err := r.client.Do(crowd.Order{Op: "expect", Expect: r.number * int64(len(r.conns))})
	return err
}

func idle(o options) error {
	r, err := begin(o, o.idle, "json")
	if err != nil {
		return err
	}
	defer r.end()
	time.Sleep(2 * time.Second)
	asIs := crowd.RSS() - r.before
	runtime.GC()
	debug.FreeOSMemory()
	each := func(bytes int) float64 { return float64(bytes) / 1e3 / float64(o.idle) }
	fmt.Printf("%-24s %.2f KB RSS per connection of %d as it is, %.2f KB after a garbage collection  [other server: %s]\n", "idle", each(asIs), o.idle, each(crowd.RSS()-r.before), peer["idle"])
	return nil
}
