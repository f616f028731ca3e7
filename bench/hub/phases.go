//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"trunkline/bench/crowd"
	"trunkline/ws"
)

// burst broadcasts as fast as the sockets take it.
func burst(o options, proto string) error {
	r, err := begin(o, o.conns, proto)
	if err != nil {
		return err
	}
	defer r.end()
	for range 50 { // warm
		r.number++
		if err := r.send(message(r.number, time.Time{}, o.size)); err != nil {
			return err
		}
	}
	if err := r.counted(); err != nil {
		return err
	}
	size := r.pool.Stats().Bytes / int64(50*o.conns)
	stats, startCPU, start := r.pool.Stats(), crowd.CPU(), time.Now()
	sent, waited := stats.Bytes, 0
	for range o.broadcasts {
		for sent-r.pool.Stats().Bytes > int64(o.window)*int64(o.conns) {
			waited++
			time.Sleep(200 * time.Microsecond)
		}
		r.number++
		if err := r.send(message(r.number, time.Time{}, o.size)); err != nil {
			return err
		}
		sent += size * int64(o.conns)
	}
	if err := r.counted(); err != nil {
		return err
	}
	elapsed, used := time.Since(start), crowd.CPU()-startCPU
	after := r.pool.Stats()
	deliveries := int64(o.broadcasts) * int64(o.conns)
	extra := fmt.Sprintf("0 out of order, %d bytes each, %.0f messages per write", size, float64(deliveries)/float64(max(after.Writes-stats.Writes, 1)))
	if other := peer[proto]; other != "" {
		extra += "  [other server: " + other + "]"
	}
	report(proto, deliveries, elapsed, used, extra)
	return nil
}

// paced broadcasts at fixed rates.
func paced(o options) error {
	r, err := begin(o, o.conns, "json")
	if err != nil {
		return err
	}
	defer r.end()
	for i, rate := range []int{10, 40, 200} {
		startCPU, start := crowd.CPU(), time.Now()
		tick := time.NewTicker(time.Second / time.Duration(rate))
		messages := int64(o.turn.Seconds() * float64(rate))
		for range messages {
			<-tick.C
			r.number++
			now := time.Now()
			if err := r.send(message(r.number, now, o.size)); err != nil {
				return err
			}
		}
		tick.Stop()
		if err := r.counted(); err != nil {
			return err
		}
		elapsed, used := time.Since(start), crowd.CPU()-startCPU
		a, err := r.client.Do(crowd.Order{Op: "latency"})
		if err != nil {
			return err
		}
		if i == 0 { // warm
			continue
		}
		extra := fmt.Sprintf("p50 %.1f ms, p99 %.1f ms", a.P50, a.P99)
		if rate == 40 {
			extra += "  [other server: " + peer["paced"] + "]"
		}
		report(fmt.Sprintf("json, %d broadcasts/s", rate), messages*int64(o.conns), elapsed, used, extra)
	}
	return nil
}

// bareSockets takes WebSockets and does nothing with them.
type bareSockets struct {
	mu    sync.Mutex // guards conns
	conns []net.Conn
	ready chan struct{}
}

func (b *bareSockets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := ws.Upgrade(w, r, ws.Options{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	b.conns = append(b.conns, c.NetConn())
	b.mu.Unlock()
	b.ready <- struct{}{}
}

// bare writes the same bytes to sockets with nothing in between.
func bare(o options) error {
	frame := func(n int64) []byte {
		p := fmt.Appendf(nil, `{"type":1,"target":"MessageReceived","arguments":[{"seq":"%010d","sent":"%020d","fill":"`, n, 0)
		for len(p) < o.size-5 {
			p = append(p, 'x')
		}
		return ws.TextFrame(append(p, "\"}]}\x1e"...))
	}
	for _, each := range []int{1, max(1, (64<<10)/o.size)} {
		b := &bareSockets{ready: make(chan struct{}, o.conns)}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("listening: %w", err)
		}
		srv := &http.Server{Handler: b}
		go func() { _ = srv.Serve(ln) }()
		client, err := crowd.Start(ln.Addr().String())
		if err != nil {
			return err
		}
		_, err = client.Do(crowd.Order{Op: "dial", Conns: o.conns, Path: "/"})
		if err == nil {
			err = b.write(client, o, each, frame)
		}
		client.Stop()
		_ = srv.Close()
		for _, c := range b.conns {
			_ = c.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// write is two loops, each over half of the sockets, with each messages in one write.
func (b *bareSockets) write(client *crowd.Process, o options, each int, frame func(int64) []byte) error {
	for range o.conns {
		<-b.ready
	}
	startCPU, start := crowd.CPU(), time.Now()
	var wg sync.WaitGroup
	var failed [2]error
	for half := range 2 {
		mine := b.conns[half*len(b.conns)/2 : (half+1)*len(b.conns)/2]
		wg.Go(func() {
			for n := 1; n <= o.broadcasts; {
				var p []byte
				for range min(each, o.broadcasts-n+1) {
					p = append(p, frame(int64(n))...)
					n++
				}
				for _, c := range mine {
					if _, err := c.Write(p); err != nil {
						failed[half] = fmt.Errorf("writing: %w", err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return err
	}
	deliveries := int64(o.broadcasts) * int64(o.conns)
	if _, err := client.Do(crowd.Order{Op: "expect", Expect: deliveries}); err != nil {
		return err
	}
	report(fmt.Sprintf("bare, %d in a write", each), deliveries, time.Since(start), crowd.CPU()-startCPU, "the floor: no queue, no lock, no encoding for a protocol")
	return nil
}
