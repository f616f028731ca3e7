//go:build linux

// Command fanout measures how fast finished frames reach many WebSocket
// connections over loopback, and what that costs.
//
//	go run ./bench/fanout                       the figures of bench/RESULTS.md
//	go run ./bench/fanout -conns 1000 -mb 2     a quick look
//
// The server side is this process: net/http, ws and fanout as the feeds use them. The
// connections are made by a second process (this program again) that reads all sockets
// from one thread, hops from frame header to frame header, checks the number in every
// message and counts; deliveries are what it counted. Both share the machine's
// processors, and the server's processor time is getrusage of its process: publishing,
// queues, system calls, the garbage collector.
//
// What is run, in this order:
//
//	idle     resident memory per connection, pings running
//	live     one message at a time to all connections; the publisher waits while more
//	         than -window bytes per connection are on the way
//	flood    the same without waiting (only when named in -phases): where the publisher
//	         is faster than the sockets, queues overflow, and connections leave the live
//	         path, catch up from the messages kept in memory, and rejoin (replay)
//	batched  live, with -batch messages in one frame list entry, as a feed has them when
//	         a commit of the log held so many events
//	dead     paced messages with and without -dead readers that never read, in turns;
//	         latency is from the publish call to the client's parser
//	pair     the usual design for comparison: two goroutines and a channel for each
//	         connection, finished frames, one write per message
//	coder    the same pair with coder/websocket writing each message
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"trunkline/bench/crowd"
)

type options struct {
	conns, mb, size, batch, window, queue, dead, rate, turns, pairConns, pairMB int
	phases                                                                      string
	turn                                                                        time.Duration
	connect                                                                     string
}

func main() {
	var o options
	flag.IntVar(&o.conns, "conns", 8000, "WebSocket connections")
	flag.IntVar(&o.mb, "mb", 10, "megabytes to each connection in a burst; less than 10 mostly measures kernel buffers")
	flag.IntVar(&o.size, "size", 250, "bytes of a message, at least 64")
	flag.IntVar(&o.batch, "batch", 64, "messages in one entry in the batched phase")
	flag.IntVar(&o.window, "window", 64<<10, "bytes per connection on the way at which the publisher waits")
	flag.IntVar(&o.queue, "queue", 256<<10, "bytes that a connection's queue may hold")
	flag.IntVar(&o.dead, "dead", 20, "connections that never read")
	flag.IntVar(&o.rate, "rate", 10, "messages per second in the dead phase")
	flag.IntVar(&o.turns, "turns", 6, "turns with and without dead readers")
	flag.DurationVar(&o.turn, "turn", 3*time.Second, "length of a turn")
	flag.IntVar(&o.pairConns, "pair-conns", 2000, "connections of the pair and coder phases")
	flag.IntVar(&o.pairMB, "pair-mb", 1, "megabytes to each connection in the pair and coder phases")
	flag.StringVar(&o.phases, "phases", "idle,live,batched,dead,pair,coder", "what to run; flood is left out unless named")
	flag.StringVar(&o.connect, "connect", "", "be the client process of the server at this address")
	flag.Parse()
	crowd.RaiseFileLimit()
	var err error
	if o.connect != "" {
		err = crowd.Serve(o.connect)
	} else {
		err = runServer(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fanout:", err)
		os.Exit(1)
	}
}

func (o options) has(phase string) bool {
	return slices.Contains(strings.Split(o.phases, ","), phase)
}

// messages is how many fill a burst.
func (o options) messages(mb int) int { return mb * 1_000_000 / o.size }

func runServer(o options) error {
	fmt.Printf("# %d connections, %d-byte messages, %d processors, %s, %s\n", o.conns, o.size, runtime.NumCPU(), runtime.Version(), time.Now().UTC().Format(time.DateOnly))
	for _, phase := range []struct {
		names string
		run   func(options) error
	}{
		{"idle,live,flood,batched,dead", pooled},
		{"pair", func(o options) error { return pairs(o, "pair") }},
		{"coder", func(o options) error { return pairs(o, "coder") }},
	} {
		if !slices.ContainsFunc(strings.Split(phase.names, ","), o.has) {
			continue
		}
		if err := phase.run(o); err != nil {
			return err
		}
	}
	return nil
}

// report prints one line of results.
func report(phase string, deliveries int64, elapsed, used time.Duration, extra string) {
	fmt.Printf("%-8s %12d deliveries  %7.2f s  %10.0f deliveries/s  %6.3f us CPU/delivery  %s\n",
		phase, deliveries, elapsed.Seconds(), float64(deliveries)/elapsed.Seconds(), float64(used.Nanoseconds())/1e3/float64(deliveries), extra)
}
