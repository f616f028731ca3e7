package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// ErrTiming is what every error of a timing file wraps.
var ErrTiming = errors.New("timing file")

// Read is one line of a timing file: what one read of the capture gave, or
// what became of a connection.
type Read struct {
	At     time.Time
	Offset int64  // in the capture
	Len    int    // bytes read; 0 for an event of the connection
	Event  string // "connected", "eof", "err ..."; empty for a read
}

// ReadTiming reads a timing file: JSON lines {"t":…,"off":…,"n":…} with the
// epoch seconds of a read, its offset and length, or {"t":…,"off":…,"ev":…}
// for what became of a connection. The reads have to follow each other without
// a gap and without going back in time by more than a second.
func ReadTiming(r io.Reader) ([]Read, error) {
	const maxLine = 64 << 10
	var (
		reads  []Read
		offset int64
		last   time.Time
	)
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 4096), maxLine)
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		fail := func(format string, args ...any) error {
			return fmt.Errorf("%w, line %d: %s", ErrTiming, n, fmt.Sprintf(format, args...))
		}
		var l struct {
			T   *float64 `json:"t"`
			Off *int64   `json:"off"`
			N   *int     `json:"n"`
			Ev  string   `json:"ev"`
		}
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fail("%v", err)
		}
		switch {
		case l.T == nil || *l.T < 0 || *l.T > 1e11 || math.IsNaN(*l.T):
			return nil, fail("t must be a time in epoch seconds")
		case l.Off == nil || *l.Off != offset:
			return nil, fail("off must be %d, where the read before ended", offset)
		case l.N == nil && l.Ev == "":
			return nil, fail("either n or ev must be there")
		case l.N != nil && (*l.N <= 0 || *l.N > 1<<30):
			return nil, fail("n must be from 1 to %d", 1<<30)
		}
		read := Read{At: time.UnixMicro(int64(math.Round(*l.T * 1e6))).UTC(), Offset: offset, Event: l.Ev}
		if read.At.Before(last.Add(-time.Second)) {
			return nil, fail("t goes back by %v", last.Sub(read.At))
		}
		if l.N != nil {
			read.Len, read.Event = *l.N, ""
			offset += int64(*l.N)
		}
		last = read.At
		reads = append(reads, read)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTiming, err)
	}
	return reads, nil
}
