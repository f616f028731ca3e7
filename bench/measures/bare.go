//go:build linux

package main

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/bench/crowd"
)

// bareTime is how long the bare sockets are measured.
const bareTime = 3 * time.Second

// bare sends as much as so many sockets take, and says how many messages of a size that would be a second, and what each costs. Both
// ends are in this process, as otherwise both are on this machine.
func bare(conns, size int) (perSecond, micros float64, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, err
	}
	defer l.Close()
	var sent atomic.Int64
	var near, far []net.Conn
	defer func() {
		for _, c := range append(near, far...) {
			_ = c.Close()
		}
	}()
	for range conns {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return 0, 0, err
		}
		far = append(far, c)
		s, err := l.Accept()
		if err != nil {
			return 0, 0, err
		}
		near = append(near, s)
	}
	chunk := make([]byte, 64<<10)
	used, began := crowd.CPU(), time.Now()
	var work sync.WaitGroup
	for i := range conns {
		go func() {
			for buf := make([]byte, 64<<10); ; {
				if _, err := far[i].Read(buf); err != nil {
					return
				}
			}
		}()
		work.Go(func() {
			for time.Since(began) < bareTime {
				n, err := near[i].Write(chunk)
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		})
	}
	work.Wait()
	elapsed, cost := time.Since(began), crowd.CPU()-used
	n := float64(sent.Load()) / float64(size)
	return n / elapsed.Seconds(), float64(cost.Nanoseconds()) / n / 1000, nil
}

// pipe says how long a number of bytes takes through one socket.
func pipe(size int) (time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	began := time.Now()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return 0, err
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		return 0, err
	}
	go func() {
		defer s.Close()
		chunk := make([]byte, 64<<10)
		for left := size; left > 0; left -= len(chunk) {
			if _, err := s.Write(chunk[:min(left, len(chunk))]); err != nil {
				return
			}
		}
	}()
	_, err = io.Copy(io.Discard, c)
	return time.Since(began), err
}
