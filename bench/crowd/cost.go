//go:build linux

package crowd

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// RaiseFileLimit lets this process open as many files as it may.
func RaiseFileLimit() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) == nil {
		l.Cur = l.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
	}
}

// FileLimit is how many files this process may open.
func FileLimit() int {
	var l syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	return int(l.Cur)
}

// FileRoom is how many more files this process may open.
func FileRoom() int {
	open, _ := os.ReadDir("/proc/self/fd")
	return FileLimit() - len(open)
}

// CPU is the processor time of this process so far.
func CPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// RSS is the resident memory of this process in bytes.
func RSS() int {
	var pages, resident int
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	_, _ = fmt.Sscan(string(b), &pages, &resident)
	return resident * os.Getpagesize()
}
