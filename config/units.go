package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time span as people write it: 1.5s, 15m, 72h, 3d.
type Duration time.Duration

// ParseDuration reads a span: what time.ParseDuration reads, and whole days with d.
func ParseDuration(s string) (Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		if err == nil && n <= math.MaxInt64/uint64(24*time.Hour) {
			return Duration(n) * Duration(24*time.Hour), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("not a duration such as 500ms, 15m, 72h or 3d")
	}
	return Duration(d), nil
}

// String writes the span without its empty tail: 72h, not 72h0m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Std is the span as the standard library has it.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Size is a number of bytes as people write it: 512B, 64KiB, 8MiB, 20GiB; kB, MB, GB and TB are powers of ten.
type Size int64

var units = []struct {
	name  string
	bytes int64
}{
	{"PiB", 1 << 50}, {"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
}

// ParseSize reads a size. A number without a unit is bytes.
func ParseSize(s string) (Size, error) {
	number, unit := strings.ReplaceAll(s, "_", ""), int64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("not a size such as 512B, 64KiB, 8MiB or 20GiB")
	}
	return Size(n * unit), nil
}

// String writes the size in the largest unit of 1024 that divides it.
func (s Size) String() string {
	for _, u := range units[:5] {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}
