package push_test

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/control"
	"trunkline/feed/push"
)

// TestOneNodeDelivers: of nodes with one log and one store the one that owns the tenant's shard delivers, and the next
// owner goes on from the last checkpoint: nothing is left out, though what came after it may come again.
func TestOneNodeDelivers(t *testing.T) {
	e := newEndpoint(t, nil)
	log := &shardedLog{}
	destinations, progress := control.NewMemory(), control.NewMemory()
	var owner atomic.Int32
	nodes := make([]*fixture, 3)
	for i := range nodes {
		feed, err := push.Open(t.Context(), log, push.Options{Destinations: destinations, Progress: progress, Checkpoint: 10 * time.Millisecond,
			Owns:  func(int) bool { return owner.Load() == int32(i) },
			Guard: push.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
		if err != nil {
			t.Fatal(err)
		}
		nodes[i] = &fixture{t: t, log: log, destinations: destinations, progress: progress, feed: feed}
		t.Cleanup(nodes[i].close)
	}
	lanes := func() (n int) {
		for _, node := range nodes {
			n += len(node.feed.Numbers())
		}
		return n
	}
	owner.Store(1)
	nodes[2].make(e.URL, nil) // at any node, not only at the owner
	total := 0
	for round := range int32(6) {
		owner.Store(-1)
		until(t, "nobody delivers", func() bool { return lanes() == 0 })
		owner.Store(round % 3)
		log.Append("acme", 30)
		total += 30
		until(t, "all of the round", func() bool { _, n := sequences(t, e.got()); return n == total })
		until(t, "one lane", func() bool { return lanes() == 1 })
		if n := nodes[round%3].feed.Numbers(); len(n) != 1 || n[0].ID != "d1" {
			t.Fatalf("round %d: the owner has %v", round, n)
		}
	}
	inOrder(t, e.got(), total)
}
