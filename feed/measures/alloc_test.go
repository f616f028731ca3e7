package measures

import (
	"net"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/fanout"
	"trunkline/floor"
	"trunkline/ws"
)

// owner is of connections that nobody looks after.
type owner struct{}

func (owner) Drained(*fanout.Conn)       {}
func (owner) Closed(*fanout.Conn, error) {}

// What a round gives to its sessions is made once: more sessions cost no more memory.
func TestDeliveryAllocatesForNoSession(t *testing.T) {
	pool := fanout.New(fanout.PoolOptions{})
	defer pool.Close()
	fold := floor.NewFold(floor.Options{})
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	say := func(f event.Fact) {
		at = at.Add(time.Second)
		fold.FoldFact("acme", uint64(at.Unix()), at, &event.Meta{ID: at.String(), Source: "s", Time: at}, f)
	}
	allocs := func(sessions int) float64 {
		r := &room{feed: &Feed{o: Options{}.withDefaults(), pool: pool}, tenant: "acme", sheets: map[terms]*sheet{}}
		sh := newSheet(terms{producer: "Queue_itd_1.0.0"}, "EZCLTR", "IXCC_1.0.0")
		policy := &fanout.Terms{QueueBytes: 1 << 30, SlowFrame: ws.CloseFrame(ws.CodeSlow, "slow")}
		for range sessions {
			near, far := net.Pipe() // nobody reads: all stays queued
			s := &session{feed: r.feed, terms: sh.terms}
			s.conn = pool.Add(near, policy, owner{})
			sh.sessions[s] = struct{}{}
			defer near.Close()
			defer far.Close()
		}
		names := []string{"one", "two"}
		round := func() {
			names[0], names[1] = names[1], names[0]
			say(event.QueueConfigured{Queue: "q", Name: names[0]})
			sh.changed = sh.changed[:0]
			sh.update(fold.Tenant("acme"), told{any: true, queues: map[string]struct{}{"q": {}}})
			r.give(sh)
		}
		for range 100 {
			round() // queues grow as they fill
		}
		return testing.AllocsPerRun(20, round)
	}
	few, lots := allocs(2), allocs(200)
	t.Logf("%v allocations for 2 sessions, %v for 200", few, lots)
	if lots > few+20 {
		t.Errorf("a round for 200 sessions allocates %v times, one for 2 %v times", lots, few)
	}
}
