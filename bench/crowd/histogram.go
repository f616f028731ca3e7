//go:build linux

package crowd

import (
	"math/bits"
	"sync"
)

// histogram counts latencies in buckets that are at most 1/32 wide.
type histogram struct {
	mu     sync.Mutex
	counts [64 * 32]int64
	total  int64
}

func bucket(ns int64) int {
	v := uint64(max(ns, 1))
	top := bits.Len64(v) - 1
	if top < 5 {
		return int(v)
	}
	return top*32 + int(v>>(top-5)&31)
}

func lower(b int) float64 {
	if b < 32 {
		return float64(b)
	}
	top := b / 32
	return float64(uint64(32+b%32) << (top - 5))
}

func (h *histogram) add(ns int64) {
	h.mu.Lock()
	h.counts[bucket(ns)]++
	h.total++
	h.mu.Unlock()
}

// take gives the median and the 99th percentile in milliseconds and starts anew.
func (h *histogram) take() (p50, p99 float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var seen int64
	for b, n := range h.counts {
		if n == 0 {
			continue
		}
		seen += n
		if p50 == 0 && seen*2 >= h.total {
			p50 = lower(b) / 1e6
		}
		if p99 == 0 && seen*100 >= h.total*99 {
			p99 = lower(b) / 1e6
		}
		h.counts[b] = 0
	}
	h.total = 0
	return p50, p99
}
