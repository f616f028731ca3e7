package feedtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// Received is one event as a client of the feed got it.
type Received struct {
	Seq    uint64 // the tenant's number of the event
	ID     string // of the event; the suite's events are called tenant-number
	Cursor string // comes back in Connect
}

// Reader is a client of the feed.
type Reader interface {
	// Next waits for the next event. An error means that the connection has ended.
	Next() (Received, error)
	// Close cuts the connection.
	Close()
}

// Harness says how a feed is used.
type Harness struct {
	// Append appends n events to the tenant's log as [Event] numbers them and returns
	// when they are stored.
	Append func(tenant string, n int)
	// Connect opens a connection of the tenant. after is a cursor, "oldest", or "" for
	// what comes from now on.
	Connect func(t testing.TB, tenant, after string) Reader
}

// caseTime bounds a case: a feed that lost an event would make its reader wait.
const caseTime = 60 * time.Second

// Run runs the suite. open is called for each case and gives a feed on an empty log.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"from the oldest in order", fromOldest},
		{"from now", fromNow},
		{"history joins live", historyJoinsLive},
		{"cuts lose nothing", cutsLoseNothing},
		{"a slow reader harms nobody", slowReader},
		{"tenants are apart", tenantsApart},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t)
			stop := time.AfterFunc(caseTime, func() { panic("feedtest: " + t.Name() + " takes too long: something is missing") })
			defer stop.Stop()
			c.run(t, h)
		})
	}
}

// want reads the events from..to and demands that they follow each other.
func want(t testing.TB, r Reader, tenant string, from, to uint64) (cursor string) {
	t.Helper()
	for seq := from; seq <= to; seq++ {
		e, err := r.Next()
		if err != nil {
			t.Errorf("waiting for event %d of %s: %v", seq, tenant, err)
			return cursor
		}
		if e.Seq != seq || e.ID != fmt.Sprintf("%s-%d", tenant, seq) {
			t.Errorf("got event %d (%s) where %d of %s was due", e.Seq, e.ID, seq, tenant)
			return cursor
		}
		cursor = e.Cursor
	}
	return cursor
}

// shorter is how many events a case has: fewer in a short run, where the race
// detector makes each of them dear.
func shorter(n int) int {
	if testing.Short() {
		return n / 5
	}
	return n
}

func fromOldest(t *testing.T, h Harness) {
	h.Append("alpha", 5000)
	r := h.Connect(t, "alpha", "oldest")
	defer r.Close()
	want(t, r, "alpha", 1, 5000)
	h.Append("alpha", 10)
	want(t, r, "alpha", 5001, 5010)
}

func fromNow(t *testing.T, h Harness) {
	h.Append("alpha", 100)
	r := h.Connect(t, "alpha", "")
	defer r.Close()
	h.Append("alpha", 50)
	cursor := want(t, r, "alpha", 101, 150)
	again := h.Connect(t, "alpha", cursor)
	defer again.Close()
	h.Append("alpha", 1)
	want(t, again, "alpha", 151, 151)
}

func historyJoinsLive(t *testing.T, h Harness) {
	total, readers := shorter(10_000), 8
	h.Append("alpha", 1000)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for n := 1000; n < total; {
			step := min(1+rand.IntN(200), total-n)
			h.Append("alpha", step)
			n += step
		}
	}()
	for range readers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := h.Connect(t, "alpha", "oldest")
			defer r.Close()
			want(t, r, "alpha", 1, uint64(total))
		}()
	}
	wg.Wait()
}

func cutsLoseNothing(t *testing.T, h Harness) {
	total := shorter(10_000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; n < total; {
			step := min(1+rand.IntN(50), total-n)
			h.Append("alpha", step)
			n += step
		}
	}()
	next, cursor, cuts := uint64(1), "oldest", 0
	for next <= uint64(total) {
		r := h.Connect(t, "alpha", cursor)
		fresh := true
		for left := 1 + rand.IntN(800); left > 0 && next <= uint64(total); left-- {
			e, err := r.Next()
			if err != nil {
				t.Fatalf("waiting for event %d: %v", next, err)
			}
			if e.Seq > next || e.Seq < next && !fresh {
				t.Fatalf("got event %d where %d was due", e.Seq, next)
			}
			if e.Seq == next {
				next, fresh = next+1, false
			}
			cursor = e.Cursor
		}
		r.Close()
		cuts++
	}
	<-done
	t.Logf("%d cuts", cuts)
}

func slowReader(t *testing.T, h Harness) {
	total := shorter(60_000)
	slow := h.Connect(t, "alpha", "oldest")
	defer slow.Close()
	others := make([]Reader, 2)
	for i := range others {
		others[i] = h.Connect(t, "alpha", "oldest")
		defer others[i].Close()
	}
	go func() {
		for range total / 500 {
			h.Append("alpha", 500)
		}
	}()
	var wg sync.WaitGroup
	for _, r := range others {
		wg.Add(1)
		go func() {
			defer wg.Done()
			want(t, r, "alpha", 1, uint64(total))
		}()
	}
	wg.Wait() // all this time nobody has read from the slow one
	want(t, slow, "alpha", 1, uint64(total))
}

func tenantsApart(t *testing.T, h Harness) {
	tenants := []string{"alpha", "beta", "gamma"}
	var wg sync.WaitGroup
	for i, tenant := range tenants {
		r := h.Connect(t, tenant, "")
		defer r.Close()
		wg.Add(1)
		go func() {
			defer wg.Done()
			want(t, r, tenant, 1, uint64(1000*(i+1)))
		}()
	}
	for n := range 3000 {
		for i, tenant := range tenants {
			if n < 1000*(i+1) {
				h.Append(tenant, 1)
			}
		}
	}
	wg.Wait()
	foreign := h.Connect(t, "delta", "oldest")
	defer foreign.Close()
	h.Append("delta", 1)
	if e, err := foreign.Next(); err != nil || !strings.HasPrefix(e.ID, "delta-") {
		t.Errorf("a new tenant got %+v, %v", e, err)
	}
}
