//go:build linux

package main

import (
	"fmt"
	"runtime/debug"
	"time"

	"trunkline/bench/crowd"
)

// held is what the process takes of the machine's memory, in bytes, once what is not needed was given back.
func held() float64 {
	debug.FreeOSMemory()
	return float64(crowd.RSS())
}

// queueBytes is what may wait for a client here: the default.
const queueBytes = 256 << 10

// holdIdle counts the memory of clients that are connected, have their snapshot, and for which nothing happens.
func holdIdle(n int) error {
	w, err := open(100, queueBytes)
	defer w.close()
	if err != nil {
		return err
	}
	before := held()
	clients, err := start(w, n, false)
	if err != nil {
		return err
	}
	defer clients.Stop()
	if err := w.delivered(uint64(n) * 100); err != nil {
		return err
	}
	time.Sleep(5 * time.Second) // the snapshot that they share is let go of
	fmt.Printf("| %d, for which nothing happens | **%.1f KB** of the process | |\n", n, (held()-before)/float64(n)/1024)
	return nil
}

// delivered waits until so many messages were queued for clients.
func (w *world) delivered(n uint64) error {
	for end := time.Now().Add(time.Minute); w.feed.Stats().Delivered < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("%d messages of %d were delivered", w.feed.Stats().Delivered, n)
		}
	}
	return nil
}

// holdAsleep counts the memory of clients that never read, and says how late others are with them and without.
func holdAsleep(n, keys int, turn time.Duration) error {
	w, err := open(keys, queueBytes)
	defer w.close()
	if err != nil {
		return err
	}
	readers, err := start(w, 100, false)
	if err != nil {
		return err
	}
	defer readers.Stop()
	turns := func() (h heard, err error) {
		if err := w.play(turn); err != nil {
			return h, err
		}
		time.Sleep(time.Second)
		return readers.take()
	}
	if _, err := turns(); err != nil { // everything is warm
		return err
	}
	alone, err := turns()
	if err != nil {
		return err
	}
	before := held()
	sleepers, err := start(w, n, true)
	if err != nil {
		return err
	}
	defer sleepers.Stop()
	if _, err := turns(); err != nil { // their queues fill
		return err
	}
	soon := held() - before
	beside, err := turns()
	if err != nil {
		return err
	}
	still := w.feed.Stats().Connections - 100
	fmt.Printf("| %d that never read, with %d KiB that may wait for each | **%.1f KB** after %v, %.1f KB after as long again; %d are still connected | to 100 clients that read, %d keys every second: %v / %v without them, **%v / %v** beside them |\n",
		n, queueBytes>>10, soon/float64(n)/1024, turn, (held()-before)/float64(n)/1024, still, keys, alone.P50, alone.P99, beside.P50, beside.P99)
	return nil
}
