package stream_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"trunkline/feed/feedtest"
	"trunkline/feed/stream"
)

// TestFeedPromises runs the suite of all feeds on both ways to listen. Queues are small,
// so that readers fall behind and rejoin all the time. Each connection is a subscription
// of its own, and goes on from a cursor.
func TestFeedPromises(t *testing.T) {
	var names atomic.Int64
	over := func(o stream.Options, connect func(e *edge, t testing.TB, tenant, query string) feedtest.Reader) func(*testing.T) {
		return func(t *testing.T) {
			feedtest.Run(t, func(t *testing.T) feedtest.Harness {
				o.Connected = 1000
				e := serve(t, numbered(), o)
				next := map[string]*atomic.Uint64{}
				for _, tenant := range []string{"alpha", "beta", "gamma", "delta"} {
					next[tenant] = new(atomic.Uint64)
				}
				return feedtest.Harness{
					Append: func(tenant string, n int) {
						appendTo(e.log, tenant, next[tenant].Add(uint64(n))-uint64(n)+1, n)
					},
					Connect: func(t testing.TB, tenant, after string) feedtest.Reader {
						query := fmt.Sprintf("subsId=s%d", names.Add(1))
						switch after {
						case "":
						case "oldest":
							query += "&after=" + e.log.Oldest(tenant).String()
						default:
							query += "&after=" + after
						}
						return connect(e, t, tenant, query)
					},
				}
			})
		}
	}
	socket := func(e *edge, t testing.TB, tenant, query string) feedtest.Reader { return e.socket(t, tenant, query) }
	plain := func(e *edge, t testing.TB, tenant, query string) feedtest.Reader { return e.plain(t, tenant, query) }
	t.Run("WebSocket", over(stream.Options{QueueBytes: 64 << 10}, socket))
	t.Run("WebSocket with room", over(stream.Options{}, socket))
	t.Run("HTTP streaming", over(stream.Options{QueueBytes: 64 << 10}, plain))
}
