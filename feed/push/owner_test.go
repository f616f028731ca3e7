package push_test

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/control"
	"trunkline/feed/push"
)

// TestOneNodeDelivers: of nodes with one log and one store the one that owns the tenant's shard delivers, and the next
// owner goes on where it was.
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
		// The checkpoint of the owner is what the next one begins with.
		until(t, "a checkpoint", func() bool { return checkpointed(t, nodes[round%3], log.Head("acme").Seq) })
	}
	inOrder(t, e.got(), total)
	if n := len(e.got()); n != total {
		t.Errorf("%d requests for %d events: owners that leave in order repeat nothing", n, total)
	}
}

// checkpointed says that what is stored is as far as the destination.
func checkpointed(t *testing.T, f *fixture, seq uint64) bool {
	t.Helper()
	if f.state("d1")["lag_events"] != 0.0 {
		return false
	}
	before, err := f.progress.Get(context.WithoutCancel(t.Context()), "c.0")
	if err != nil {
		return false
	}
	time.Sleep(30 * time.Millisecond) // a few checkpoints: the last has nothing new
	after, err := f.progress.Get(context.WithoutCancel(t.Context()), "c.0")
	return err == nil && before.Revision == after.Revision && seq > 0
}
