//go:build !linux

// Command fanout measures fan-out over loopback; its client reads sockets through
// epoll and so needs Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "fanout: left out: this measurement needs Linux")
	os.Exit(1)
}
