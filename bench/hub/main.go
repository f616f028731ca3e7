//go:build linux

// Command hub measures how fast messages reach many SignalR clients over loopback,
// and what that costs.
//
//	go run ./bench/hub                          the figures of bench/RESULTS.md
//	go run ./bench/hub -broadcasts 200          a quick look
//
// The server is this process: net/http, authentication, the SignalR handshake, and a
// message encoded for each broadcast. The clients are one second process that reads all
// sockets from one thread and checks the number in every message (see bench/crowd), so
// that a run with one message lost, repeated or out of order fails. Both share the
// machine's processors; the server's processor time is getrusage of its process.
//
// What is run, in this order:
//
//	idle     resident memory per connection, pings running
//	json     broadcasts as fast as the sockets take them; the publisher waits while more
//	         than -window bytes per connection are on the way
//	msgpack  the same in the MessagePack protocol
//	paced    broadcasts at fixed rates; latency is from before the message is made to
//	         the client's parser
//	slow     one client that reads, in turns alone and beside twenty that never do
//	bare     the floor: the same bytes to the same sockets with nothing in between, a
//	         write for each message, and writes of 64 KiB
//	feed     the whole hub on a log, floor and directory: -audience clients, each of which has
//	         subscribed to a user and two queues, and a simulated centre at -rate events a
//	         second; latency is from before the append, its fsync included, to the client
//
// The other Go server for SignalR, philippseith/signalr v0.11.0, was measured once with
// the same number of clients, broadcasts and bytes on a machine of this kind; its figures
// are printed beside those of this run, and are from another day.
package main

import (
	"errors"
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
	conns, idle, broadcasts, size, window, queue int
	audience, agents, rate                       int
	turn                                         time.Duration
	listen                                       bool
	phases, connect                              string
}

func main() {
	var o options
	flag.IntVar(&o.conns, "conns", 500, "clients")
	flag.IntVar(&o.idle, "idle", 2000, "clients of the idle phase")
	flag.IntVar(&o.broadcasts, "broadcasts", 2000, "messages to each client in a burst")
	flag.IntVar(&o.size, "size", 700, "bytes of a message in JSON, about, at least 200")
	flag.IntVar(&o.window, "window", 64<<10, "bytes per connection on the way at which the publisher waits")
	flag.IntVar(&o.queue, "queue", 1<<20, "bytes that a connection's queue may hold")
	flag.DurationVar(&o.turn, "turn", 5*time.Second, "length of a paced turn")
	flag.IntVar(&o.audience, "audience", 20000, "clients of the feed phase")
	flag.IntVar(&o.agents, "agents", 1000, "agents of the simulated centre of the feed phase")
	flag.IntVar(&o.rate, "rate", 1000, "events a second of the feed phase")
	flag.BoolVar(&o.listen, "listen", false, "be the clients of the feed phase")
	flag.StringVar(&o.phases, "phases", "idle,json,msgpack,paced,slow,bare,feed", "what to run")
	flag.StringVar(&o.connect, "connect", "", "be the client process of the server at this address")
	flag.Parse()
	crowd.RaiseFileLimit()
	err := errors.New("a message has at least 200 bytes, and there is at least one client")
	switch {
	case o.listen:
		err = listen()
	case o.connect != "":
		err = crowd.Serve(o.connect)
	case o.size >= 200 && o.conns > 0:
		err = measure(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/hub:", err)
		os.Exit(1)
	}
}

// peer is what the other server was measured at, as printed behind the figures.
var peer = map[string]string{
	"idle":  "75 KB",
	"json":  "30,000-54,000/s, 23-32 µs, 16,000-32,000 out of order",
	"paced": "25-35 µs, p50 7-20 ms, p99 15-288 ms",
}

func measure(o options) error {
	fmt.Printf("# %d clients, %d broadcasts, messages of about %d bytes, %d processors, %s, %s\n", o.conns, o.broadcasts, o.size, runtime.NumCPU(), runtime.Version(), time.Now().UTC().Format(time.DateOnly))
	for _, phase := range []struct {
		name string
		run  func(options) error
	}{
		{"idle", idle},
		{"json", func(o options) error { return burst(o, "json") }},
		{"msgpack", func(o options) error { return burst(o, "messagepack") }},
		{"paced", paced},
		{"slow", slow},
		{"bare", bare},
		{"feed", feed},
	} {
		if !slices.Contains(strings.Split(o.phases, ","), phase.name) {
			continue
		}
		if err := phase.run(o); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
	}
	return nil
}

// report prints one line of results.
func report(name string, deliveries int64, elapsed, used time.Duration, extra string) {
	fmt.Printf("%-24s %9d deliveries in %5.2f s  %9.0f/s  %6.3f µs CPU each  %s\n",
		name, deliveries, elapsed.Seconds(), float64(deliveries)/elapsed.Seconds(), float64(used.Nanoseconds())/1e3/float64(deliveries), extra)
}
