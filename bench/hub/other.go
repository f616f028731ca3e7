//go:build !linux

// Command hub measures the SignalR server over loopback; its client reads sockets
// through epoll and so needs Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "hub: left out: this measurement needs Linux")
	os.Exit(1)
}
