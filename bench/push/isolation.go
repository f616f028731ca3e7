package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// isolation sends 200 events a second to three destinations: one that takes four seconds for each answer, one that
// refuses connections, and a healthy one, whose times from append to answer are measured. Before that the healthy one
// stands alone, for comparison.
func (b *bench) isolation(seconds int) error {
	alone, err := b.healthy(seconds, nil)
	if err != nil {
		return err
	}
	release := make(chan struct{})
	slow, err := b.serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(4 * time.Second):
		case <-release:
		}
	}))
	if err != nil {
		return err
	}
	defer slow.Close()
	defer close(release)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("find a port that refuses: %w", err)
	}
	dead := "https://" + closed.Addr().String()
	if err := closed.Close(); err != nil {
		return fmt.Errorf("close the port that refuses: %w", err)
	}
	beside, err := b.healthy(seconds, []string{slow.URL, dead})
	if err != nil {
		return err
	}
	at := func(list []time.Duration, q float64) float64 {
		return float64(list[int(q*float64(len(list)-1))].Microseconds()) / 1000
	}
	fmt.Printf("push, healthy destination at 200/s     p50 %.1f ms, p99 %.1f ms from append to answer, alone\n", at(alone, .5), at(alone, .99))
	fmt.Printf("  beside one that takes 4 s and        p50 %.1f ms, p99 %.1f ms (bound: p99 20 ms)\n  one that refuses connections\n", at(beside, .5), at(beside, .99))
	return nil
}

// healthy gives the times from append to answer of one destination beside others, sorted.
func (b *bench) healthy(seconds int, others []string) ([]time.Duration, error) {
	var mu sync.Mutex // guards what is below
	began := map[string]time.Time{}
	var took []time.Duration
	srv, err := b.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		_, id, _ := strings.Cut(string(body), `"issue_id":"call-`)
		id, _, _ = strings.Cut(id, `"`)
		w.WriteHeader(http.StatusOK)
		mu.Lock()
		defer mu.Unlock()
		if at, ok := began[id]; ok {
			took = append(took, time.Since(at))
		}
	}))
	if err != nil {
		return nil, err
	}
	defer srv.Close()
	f, err := b.feed(append([]string{srv.URL}, others...), 8)
	if err != nil {
		return nil, err
	}
	defer f.Close(context.Background())
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(took)
	}
	const warm = 200 // a second that opens connections and breakers
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	n := 200*seconds + warm
	for i := range n {
		<-tick.C
		mu.Lock()
		began[strconv.Itoa(b.next+1)] = time.Now()
		mu.Unlock()
		if err := b.append(1); err != nil {
			return nil, err
		}
		if i == warm {
			for count() < warm {
				time.Sleep(time.Millisecond)
			}
			mu.Lock()
			took = took[:0]
			mu.Unlock()
		}
	}
	for end := time.Now().Add(30 * time.Second); count() < n-warm-1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return nil, fmt.Errorf("%d of %d events were answered", count(), n-warm-1)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(took)
	return took, nil
}
