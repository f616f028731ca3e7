package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/event"
	"trunkline/feed/stream"
)

// The crowd: three subscriptions of each of a thousand tenants.
const (
	crowdTenants = 1000
	crowdEach    = 3
	crowdRate    = 20_000 // facts a second in all
	crowdTime    = 10 * time.Second
	crowdSample  = 50 // one connection in so many is timed
)

// crowd measures from the append to the frame, as clients see it, and what a delivery
// costs. Appending, the feed and the clients share the cores.
func crowd(w io.Writer) error {
	s, err := serve(stream.Options{})
	if err != nil {
		return err
	}
	defer s.close()
	var delivered atomic.Int64
	var mu sync.Mutex
	var late []time.Duration
	for n := range crowdTenants * crowdEach {
		tenant := "t" + strconv.Itoa(n/crowdEach)
		conn, r, err := s.subscribe(tenant, "subsId=s"+strconv.Itoa(n%crowdEach), 4096)
		if err != nil {
			return err
		}
		defer conn.Close()
		timed := n%crowdSample == 0
		go func() {
			msg := make([]byte, 0, 4096)
			for {
				text, size, err := frame(r)
				if err != nil {
					return
				}
				if !timed || !text {
					if _, err := r.Discard(size); err != nil {
						return
					}
				} else {
					msg = slices.Grow(msg[:0], size)[:size]
					if _, err := io.ReadFull(r, msg); err != nil {
						return
					}
					if at, ok := appended(msg); ok {
						d := time.Since(at)
						mu.Lock()
						late = append(late, d)
						mu.Unlock()
					}
				}
				if text {
					delivered.Add(1)
				}
			}
		}()
	}
	began, used := time.Now(), cpu()
	var appends sync.WaitGroup
	const workers = 64
	for worker := range workers {
		appends.Go(func() {
			tick := time.NewTicker(workers * time.Second / crowdRate)
			defer tick.Stop()
			for n := worker; time.Since(began) < crowdTime; n += workers {
				tenant := "t" + strconv.Itoa(n%crowdTenants)
				f := event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "a" + strconv.Itoa(n/crowdTenants%10)}, Presence: event.PresenceAvailable}
				if n/crowdTenants/10%2 == 1 {
					f.Presence = event.PresenceBreak
				}
				e, err := event.Encode(event.Meta{ID: strconv.Itoa(n), Source: "/bench", Tenant: tenant, Time: time.Now()}, f)
				if err == nil {
					_, err = s.log.Append(context.Background(), tenant, []event.Event{e})
				}
				if err != nil {
					fmt.Fprintln(w, "append:", err)
					return
				}
				<-tick.C
			}
		})
	}
	appends.Wait()
	took := time.Since(began)
	time.Sleep(500 * time.Millisecond)
	used = cpu() - used
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(late)
	if len(late) == 0 {
		return fmt.Errorf("nothing was delivered")
	}
	fmt.Fprintf(w, "\n### %d connections over %d tenants, %d facts/s offered\n\n| what | |\n|---|---|\n", crowdTenants*crowdEach, crowdTenants, crowdRate)
	fmt.Fprintf(w, "| **deliveries a second** | %.0f |\n", float64(delivered.Load())/took.Seconds())
	fmt.Fprintf(w, "| **append to frame at the client, p50 / p99** (clock of 1 ms) | %v / %v |\n", late[len(late)/2].Round(time.Millisecond), late[len(late)*99/100].Round(time.Millisecond))
	fmt.Fprintf(w, "| CPU for each delivery, appending with fsync and the clients included | %.2f µs |\n", float64(used.Nanoseconds())/float64(delivered.Load())/1000)
	return nil
}

// appended reads when the fact behind an event was appended.
func appended(msg []byte) (time.Time, bool) {
	_, rest, ok := bytes.Cut(msg, []byte(`"timestamp":`))
	if !ok {
		return time.Time{}, false
	}
	digits, _, _ := bytes.Cut(rest, []byte(`}`))
	digits, _, _ = bytes.Cut(digits, []byte(`,`))
	ms, err := strconv.ParseInt(string(digits), 10, 64)
	return time.UnixMilli(ms), err == nil
}
