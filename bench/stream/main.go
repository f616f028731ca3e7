// Command stream measures the stream feed: what it costs to make the vendor's
// events of stored records.
//
//	go run ./bench/stream
//
// Each figure stands beside another of the same run on the same records. Times
// are processor time, so that they say what a core does also while others use
// the machine.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := projection(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/stream:", err)
		os.Exit(1)
	}
}
