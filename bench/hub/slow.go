//go:build linux

package main

import (
	"fmt"
	"time"

	"trunkline/bench/crowd"
	"trunkline/feed/hub/signalr"
)

// The slow phase: so many clients that never read beside one that does.
const (
	slowClients = 20
	slowRate    = 5000 // events a second, of slowValues values
	slowValues  = 50
	slowTurns   = 5 // with and without the slow ones; all before their write time-out of 30 s
)

// slow takes turns without and with clients that never read, whose sockets are full.
// Their values replace one another while they wait, so that they are not cut.
func slow(o options) error {
	r, err := begin(o, 1, "json")
	if err != nil {
		return err
	}
	defer r.end()
	if _, err := r.client.Do(crowd.Order{Op: "dead", Conns: slowClients, Path: "/hub?access_token=bench", Hello: hello("json")}); err != nil {
		return err
	}
	for range slowClients {
		<-r.ready
	}
	fast, rest := r.conns[0], r.conns[1:]
	r.conns = r.conns[:1]
	filling := message(0, time.Time{}, o.size)
	var values [][]*signalr.Value // of each client that never reads
	for _, c := range rest {
		var of []*signalr.Value
		for range slowValues {
			of = append(of, c.Value())
		}
		values = append(values, of)
	}
	for full := 0; full < 80; full++ { // until the kernel takes no more
		for _, of := range values {
			for _, v := range of {
				v.Send(filling)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	var p50, p99 [2][]float64
	before := crowd.RSS()
	for turn := range 2*slowTurns + 1 {
		with := turn % 2
		tick := time.NewTicker(time.Millisecond)
		for n := range int64(o.turn.Seconds() * slowRate / 3) {
			if n%(slowRate/1000) == 0 {
				<-tick.C
			}
			r.number++
			m := message(r.number, time.Now(), o.size)
			if !fast.Send(m) {
				return fmt.Errorf("the client that reads took no message")
			}
			if with == 0 {
				continue
			}
			for _, of := range values {
				of[r.number%slowValues].Send(m)
			}
		}
		tick.Stop()
		if err := r.counted(); err != nil {
			return err
		}
		a, err := r.client.Do(crowd.Order{Op: "latency"})
		if err != nil {
			return err
		}
		if turn > 0 { // the first warms
			p50[with], p99[with] = append(p50[with], a.P50), append(p99[with], a.P99)
		}
	}
	alone, beside := crowd.Median(p99[0]), crowd.Median(p99[1])
	fmt.Printf("%-24s p99 %.2f ms alone (turns %s), %.2f ms beside %d clients that never read (turns %s): %+.0f %%; p50 %.2f and %.2f ms; memory %+.1f MB; %d of them still connected  [other server: 2.44 GB, 370,000 goroutines]\n",
		fmt.Sprintf("slow, %d events/s", slowRate), alone, crowd.List(p99[0]), beside, slowClients, crowd.List(p99[1]), (beside/alone-1)*100, crowd.Median(p50[0]), crowd.Median(p50[1]), float64(crowd.RSS()-before)/1e6, r.server.Stats().Conns-1)
	return nil
}
