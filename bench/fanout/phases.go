//go:build linux

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"trunkline/bench/crowd"
	"trunkline/fanout"
	"trunkline/ws"
)

// message makes a text message of the given size: a number and a time at fixed
// places, and filling.
func message(dst []byte, number int64, sent int64, size int) []byte {
	start := len(dst)
	dst = fmt.Appendf(dst, `{"seq":"%010d","t":"%020d","fill":"`, number, sent)
	for len(dst)-start < size-2 {
		dst = append(dst, 'x')
	}
	return append(dst, `"}`...)
}

// run is the state of the phases that share connections.
type run struct {
	o      options
	hub    *hub
	client *crowd.Process
	number int64 // of the last message; every live connection has had them all
	count  int64 // messages that the client has counted
}

func pooled(o options) error {
	runtime.GC()
	debug.FreeOSMemory()
	h := newHub(o)
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
	if _, err := client.Do(crowd.Order{Op: "dial", Path: "/feed", Conns: o.conns}); err != nil {
		return err
	}
	for range o.conns {
		<-h.ready
	}
	r := &run{o: o, hub: h, client: client}
	if o.has("idle") {
		time.Sleep(2 * time.Second)
		asIs := crowd.RSS() - before
		runtime.GC()
		debug.FreeOSMemory()
		fmt.Printf("idle     %.2f KB RSS per connection as it is, %.2f KB after a garbage collection, %d goroutines\n",
			float64(asIs)/1e3/float64(o.conns), float64(crowd.RSS()-before)/1e3/float64(o.conns), runtime.NumGoroutine())
	}
	for _, phase := range []struct {
		name  string
		batch int
		wait  bool
	}{{"live", 1, true}, {"flood", 1, false}, {"batched", o.batch, true}} {
		if !o.has(phase.name) {
			continue
		}
		if err := r.burst(phase.name, phase.batch, phase.wait); err != nil {
			return err
		}
	}
	if o.has("dead") {
		return r.deadReaders()
	}
	return nil
}

// burst publishes messages as fast as it may and waits until the client has them.
func (r *run) burst(name string, batch int, wait bool) error {
	h, total := r.hub, int64(r.o.messages(r.o.mb))
	h.reset()
	debug.FreeOSMemory()
	stats, startCPU, start := h.pool.Stats(), crowd.CPU(), time.Now()
	sent, limit := stats.Bytes, int64(r.o.window)*int64(r.o.conns)
	waited, deepest := 0, 0
	payload := make([]byte, 0, r.o.size)
	for n := int64(1); n <= total; {
		var frame fanout.Frame
		for range min(int64(batch), total-n+1) {
			payload = message(payload[:0], r.number+n, 0, r.o.size)
			if frame == nil {
				frame = make([]byte, 0, batch*(len(payload)+4))
			}
			frame = ws.AppendTextFrame(frame, payload)
			n++
		}
		for wait && sent-h.pool.Stats().Bytes > limit {
			waited++
			time.Sleep(200 * time.Microsecond)
		}
		sent += int64(len(frame)) * int64(r.o.conns)
		h.publish(frame, uint64(r.number+n-1))
		deepest = max(deepest, int(h.pool.Stats().Stalled))
	}
	published := time.Since(start)
	a, err := r.client.Do(crowd.Order{Op: "expect", Expect: r.count + total*int64(r.o.conns)})
	if err != nil {
		return err
	}
	elapsed, used := time.Since(start), crowd.CPU()-startCPU
	after := h.pool.Stats()
	deliveries := a.Messages - r.count
	r.count, r.number = a.Messages, r.number+total
	report(name, deliveries, elapsed, used, fmt.Sprintf("%.0f messages per write, published in %.2f s, waited %d times, %d connections fell back, up to %d sockets full at once",
		float64(deliveries)/float64(max(after.Writes-stats.Writes, 1)), published.Seconds(), waited, h.missed, deepest))
	return nil
}

// paced publishes at a fixed rate and gives the latencies.
func (r *run) paced(d time.Duration) (crowd.Answer, error) {
	tick := time.NewTicker(time.Second / time.Duration(r.o.rate))
	defer tick.Stop()
	messages := int64(d.Seconds() * float64(r.o.rate))
	for range messages {
		<-tick.C
		r.number++
		payload := message(nil, r.number, time.Now().UnixNano(), r.o.size)
		r.hub.publish(ws.TextFrame(payload), uint64(r.number))
	}
	if a, err := r.client.Do(crowd.Order{Op: "expect", Expect: r.count + messages*int64(r.o.conns)}); err != nil {
		return a, err
	}
	r.count += messages * int64(r.o.conns)
	return r.client.Do(crowd.Order{Op: "latency"})
}

// deadReaders alternates turns without and with connections that never read. In a
// turn with them they are live like all others, with sockets and queues full.
func (r *run) deadReaders() error {
	h := r.hub
	h.reset()
	if _, err := r.client.Do(crowd.Order{Op: "dead", Path: "/feed?dead=1", Conns: r.o.dead}); err != nil {
		return err
	}
	for range r.o.dead {
		<-h.ready
	}
	filling := make([]byte, 64<<10)
	for full := false; !full; {
		full = true
		for _, s := range h.dead {
			for s.conn.Enqueue(filling, 0) == fanout.OK {
				full = false
			}
		}
		time.Sleep(100 * time.Millisecond) // the kernel's buffers take what they can
	}
	if _, err := r.paced(time.Second); err != nil { // warm
		return err
	}
	var p99 [2][]float64
	var p50 [2][]float64
	for turn := range 2 * r.o.turns {
		with := turn % 2
		if with == 1 {
			h.mu.Lock()
			for _, s := range h.dead {
				h.join(s)
			}
			h.mu.Unlock()
		}
		a, err := r.paced(r.o.turn)
		if err != nil {
			return err
		}
		if with == 1 {
			h.mu.Lock()
			for _, s := range h.dead {
				if s.at >= 0 {
					h.leave(s)
				}
			}
			h.mu.Unlock()
		}
		p50[with], p99[with] = append(p50[with], a.P50), append(p99[with], a.P99)
	}
	without, with := crowd.Median(p99[0]), crowd.Median(p99[1])
	fmt.Printf("dead     p99 %.2f ms without (turns %s), %.2f ms with %d dead readers (turns %s): %+.1f %%; p50 %.2f and %.2f ms; %d sockets waiting\n",
		without, crowd.List(p99[0]), with, r.o.dead, crowd.List(p99[1]), (with/without-1)*100, crowd.Median(p50[0]), crowd.Median(p50[1]), h.pool.Stats().Stalled)
	return nil
}
