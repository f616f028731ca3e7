package signalr

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A message costs what it costs to make it, in the protocols that are spoken: more
// connections cost no more memory.
func TestDeliveryAllocatesForNoConnection(t *testing.T) {
	allocs := func(each int) float64 {
		s, err := New(Options{
			Authenticate: func(http.ResponseWriter, *http.Request) (Identity, bool) { return Identity{}, true },
			QueueBytes:   1 << 30,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(context.Background())
		var values []*Value
		for range each {
			for proto := range numProtos {
				near, far := net.Pipe() // nobody reads: all stays queued
				defer near.Close()
				defer far.Close()
				c := &Conn{server: s, proto: proto, wrap: wrapWebSocket, nc: near, gone: make(chan struct{})}
				c.out.Store(s.pool.Add(near, &s.terms[proto][wrapWebSocket], c))
				values = append(values, c.Value())
			}
		}
		broadcast := func() {
			m := NewMessage("Event", map[string]any{"text": strings.Repeat("x", 500), "number": 1})
			for _, v := range values {
				if !v.Send(m) {
					t.Fatal("a message was not taken")
				}
			}
		}
		// Each writer has taken a message, which nobody reads, and another one waits behind it.
		blocked := func() bool {
			for _, v := range values {
				if v.conn.out.Load().Queued() < 1000 { // one has about 600 bytes
					return false
				}
			}
			return true
		}
		for deadline := time.Now().Add(time.Minute); !blocked(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the writers do not take what they are to write")
			}
			broadcast()
		}
		return testing.AllocsPerRun(100, broadcast)
	}
	few, lots := allocs(1), allocs(200)
	t.Logf("%v allocations for 2 connections, %v for 400", few, lots)
	if lots > few+5 {
		t.Errorf("a message to 400 connections allocates %v times, one to 2 %v times", lots, few)
	}
}
