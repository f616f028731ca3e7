package live_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/feedtest"
	"trunkline/feed/live"
)

// TestFeedPromises runs the suite of all feeds on every way to listen. Queues are
// small, so that readers fall behind and rejoin all the time.
func TestFeedPromises(t *testing.T) {
	small := live.Options{QueueBytes: 32 << 10, Readers: 2}
	over := func(tls bool, o live.Options, connect func(e *edge, t testing.TB, tenant, after string) feedtest.Reader) func(*testing.T) {
		return func(t *testing.T) {
			feedtest.Run(t, func(t *testing.T) feedtest.Harness {
				log := &feedtest.Log{PerBatch: 50}
				e := serve(t, log, o, tls)
				return feedtest.Harness{
					Append: log.Append,
					Connect: func(t testing.TB, tenant, after string) feedtest.Reader {
						return connect(e, t, tenant, after)
					},
				}
			})
		}
	}
	socket := func(e *edge, t testing.TB, tenant, cursor string) feedtest.Reader {
		return e.socket(t, tenant, after(cursor))
	}
	stream := func(e *edge, t testing.TB, tenant, cursor string) feedtest.Reader {
		return e.stream(t, tenant, after(cursor), "")
	}
	t.Run("WebSocket", over(false, small, socket))
	t.Run("WebSocket with room", over(false, live.Options{}, socket))
	t.Run("SSE", over(false, small, stream))
	t.Run("SSE over HTTP 2", over(true, small, stream))
}

// TestOnTheRealLog does it once with the event log itself.
func TestOnTheRealLog(t *testing.T) {
	feedtest.Run(t, func(t *testing.T) feedtest.Harness {
		log, err := eventlog.Open(t.Context(), eventlog.Config{Dir: t.TempDir(), NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			if err := log.Close(ctx); err != nil {
				t.Errorf("closing the log: %v", err)
			}
		})
		if err := log.WaitWritable(t.Context()); err != nil {
			t.Fatal(err)
		}
		e := serveLog(t, log, nil, live.Options{QueueBytes: 64 << 10}, false)
		var mu sync.Mutex
		numbers := map[string]uint64{}
		return feedtest.Harness{
			Append: func(tenant string, n int) {
				mu.Lock()
				defer mu.Unlock()
				events := make([]event.Event, n)
				for i := range events {
					numbers[tenant]++
					var err error
					if events[i], err = event.Parse(feedtest.Event(tenant, numbers[tenant]), event.DefaultLimits()); err != nil {
						panic(fmt.Sprintf("the suite's event is not valid: %v", err))
					}
				}
				if _, err := log.Append(context.Background(), tenant, events); err != nil {
					t.Errorf("append: %v", err)
				}
			},
			Connect: func(t testing.TB, tenant, cursor string) feedtest.Reader {
				return e.socket(t, tenant, after(cursor))
			},
		}
	})
}
