//go:build linux

// Command measures measures the measures feed: how late live measures are at hundreds of clients, what a delivery costs, and how
// long a snapshot takes.
//
//	go run ./bench/measures [-keys 2000] [-conns 500,1000] [-time 10s] [-snapshot 20000] [-idle 10000] [-asleep 1000]
//
// The server is this process: a log with fsync, the floor that follows it, and the feed behind HTTP. Each key (an agent) changes
// once a second, and ten measures of it are delivered to every client. The clients are a second process that reads
// all sockets; it times every message of some of them, from the time of the fact, which is that of its append, to the moment
// at which the message is read, in steps of a millisecond. Both share the machine's processors.
//
// Before that, clients for which nothing happens are counted in bytes, and clients that never read: in bytes, and by how late others
// are beside them.
//
// Beside the rest stands what the machine can do: the same bytes to the same sockets, as fast as they take them, in writes of 64 KiB,
// with nothing in between.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"trunkline/bench/crowd"
)

func main() {
	keys := flag.Int("keys", 2000, "keys, each of which changes every second")
	conns := flag.String("conns", "500,1000", "numbers of clients, separated by commas")
	turn := flag.Duration("time", 10*time.Second, "length of each run")
	snapshot := flag.Int("snapshot", 20_000, "keys of the snapshot")
	idle := flag.Int("idle", 10_000, "clients for which nothing happens")
	asleep := flag.Int("asleep", 1000, "clients that never read")
	listenFlag := flag.String("listen", "", "run the clients; for the program itself")
	flag.Parse()
	crowd.RaiseFileLimit()
	err := func() error {
		if *listenFlag != "" {
			return listen(*listenFlag)
		}
		// Memory first: what a process has once had it keeps for a while.
		fmt.Printf("| clients that are held | memory of each | beside it |\n|---|---|---|\n")
		if err := holdIdle(*idle); err != nil {
			return err
		}
		if err := holdAsleep(*asleep, *keys, *turn); err != nil {
			return err
		}
		fmt.Printf("\n| run | deliveries a second | fact to client, p50 / p99 | CPU for each delivery | beside it |\n|---|---|---|---|---|\n")
		for one := range strings.SplitSeq(*conns, ",") {
			n, err := strconv.Atoi(one)
			if err != nil {
				return err
			}
			if err := live(*keys, n, *turn); err != nil {
				return err
			}
		}
		return snapshots(*snapshot)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/measures:", err)
		os.Exit(1)
	}
}

// live measures what changes every second.
func live(keys, conns int, turn time.Duration) error {
	w, err := open(keys, 4<<20)
	defer w.close()
	if err != nil {
		return err
	}
	ears, err := start(w, conns, false)
	if err != nil {
		return err
	}
	defer ears.Stop()
	if err := w.play(2 * time.Second); err != nil { // everything is warm, and all have their snapshot
		return err
	}
	if _, err := ears.take(); err != nil {
		return err
	}
	delivered, used, began := w.feed.Stats().Delivered, crowd.CPU(), time.Now()
	if err := w.play(turn); err != nil {
		return err
	}
	time.Sleep(time.Second)
	elapsed, cost := time.Since(began)-time.Second, crowd.CPU()-used
	h, err := ears.take()
	if err != nil {
		return err
	}
	n := float64(w.feed.Stats().Delivered - delivered)
	if sampled := float64(h.Messages) / n; sampled < 0.98/sampleEvery || h.Messages == 0 {
		return fmt.Errorf("%d messages were timed of %.0f that were delivered: clients do not keep up", h.Messages, n)
	}
	limit, bareCost, err := bare(conns, int(h.Bytes/int64(h.Messages)))
	if err != nil {
		return err
	}
	fmt.Printf("| %d keys × %d measures every second, %d clients | **%.0f** of %d bytes | **%v / %v** | **%.2f µs**, appending with fsync and the floor included | the same bytes with nothing in between: %.0f a second, %.2f µs with the clients' |\n",
		keys, len(wanted), conns, n/elapsed.Seconds(), h.Bytes/int64(h.Messages), h.P50, h.P99, float64(cost.Nanoseconds())/n/1000, limit, bareCost)
	return nil
}

// snapshots measures how long one client waits for all keys: the first, for whom everything is made, and the next one.
func snapshots(keys int) error {
	w, err := open(keys, 4<<20)
	defer w.close()
	if err != nil {
		return err
	}
	first, bytes, err := w.snapshot(keys)
	if err != nil {
		return err
	}
	next, _, err := w.snapshot(keys)
	if err != nil {
		return err
	}
	through, err := pipe(bytes)
	if err != nil {
		return err
	}
	fmt.Printf("\n| snapshot | from the authentication to the last key | the same bytes through one socket |\n|---|---|---|\n| %d keys, all measures, %.1f MB | **%v**, for the next client **%v** | %v |\n",
		keys, float64(bytes)/1e6, first.Round(time.Millisecond), next.Round(time.Millisecond), through.Round(time.Millisecond))
	return nil
}
