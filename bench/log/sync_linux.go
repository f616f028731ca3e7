package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// fdatasync is the cheapest way to make appended bytes durable.
func fdatasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
