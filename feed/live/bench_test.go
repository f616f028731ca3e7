package live_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/live"
)

// benchEvent is an event of about 600 bytes.
func benchEvent(i int) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"01890a5d-ac96-774b-bcce-%012x","source":"/pbx/one","type":"com.example.call.queued","subject":"call/%d","time":"2026-05-04T09:30:00.%03dZ","datacontenttype":"application/json","data":{"call":"%d","queue":"%04x","note":%q}}`,
		i*2654435761, i, i%1000, i, i*40503%65536, strings.Repeat(fmt.Sprintf("%08x ", i*7919), 34))
}

// BenchmarkHistoryOverWebSocket is how fast one connection gets history out of the
// event log: an operation is one event, read by a client that hops from frame to frame.
func BenchmarkHistoryOverWebSocket(b *testing.B) {
	for _, cached := range []bool{false, true} {
		b.Run(map[bool]string{false: "first reader", true: "frames shared"}[cached], func(b *testing.B) {
			const total = 100_000
			log, err := eventlog.Open(b.Context(), eventlog.Config{Dir: b.TempDir(), NoSync: true})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = log.Close(context.Background()) }()
			if err := log.WaitWritable(b.Context()); err != nil {
				b.Fatal(err)
			}
			for n := 0; n < total; n += 256 {
				var events []event.Event
				for i := n; i < min(n+256, total); i++ {
					e, err := event.Parse(benchEvent(i), event.DefaultLimits())
					if err != nil {
						b.Fatal(err)
					}
					events = append(events, e)
				}
				if _, err := log.Append(b.Context(), "alpha", events); err != nil {
					b.Fatal(err)
				}
			}
			e := serveBench(b, log)
			if cached {
				readFrames(b, e, 20_000)
			}
			b.ResetTimer()
			start := time.Now()
			events := 0
			for events < b.N {
				n := min(b.N-events, total)
				if cached {
					n = min(n, 20_000)
				}
				readFrames(b, e, n)
				events += n
			}
			b.ReportMetric(float64(events)/time.Since(start).Seconds(), "events/s")
		})
	}
}

func serveBench(b *testing.B, log live.Log) *edge {
	return serveLog(b, log, nil, live.Options{}, false)
}

// readFrames reads n messages of a connection from the oldest event on.
func readFrames(b *testing.B, e *edge, n int) {
	b.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(e.URL, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	_, _ = io.WriteString(nc, "GET /v1/live?after=oldest HTTP/1.1\r\nHost: x\r\nX-Tenant: alpha\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	r := bufio.NewReaderSize(nc, 256<<10)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		if line == "\r\n" {
			break
		}
	}
	for range n {
		head, err := r.Peek(4)
		if err != nil {
			b.Fatal(err)
		}
		size := 2 + int(head[1])
		if head[1] == 126 {
			size = 4 + int(binary.BigEndian.Uint16(head[2:]))
		}
		if _, err := r.Discard(size); err != nil {
			b.Fatal(err)
		}
	}
}
