// Command stream measures the stream feed: what it costs to make the vendor's
// events of stored records, how fast a reader that was away gets what it missed,
// and how late events are at three thousand connections.
//
//	go run ./bench/stream [-facts N]
//
// Each figure stands beside another of the same run on the same records. Costs
// are processor time, so that they say what a core does also while others use
// the machine.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	facts := flag.Int("facts", 1_000_000, "facts that are replayed; two hours at 500 a second are 3,600,000")
	flag.Parse()
	err := projection(os.Stdout)
	if err == nil {
		err = replay(os.Stdout, *facts)
	}
	if err == nil {
		err = crowd(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/stream:", err)
		os.Exit(1)
	}
}
