package follow_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/logtest"
	"trunkline/eventlog/writer"
	"trunkline/floor"
	"trunkline/floor/follow"
	"trunkline/sim"
)

// On a cluster every node has the same floor at the same cursor, whichever of them
// writes, and after the one that wrote has gone; and what is stored beside the facts
// is what a fold of the log says.
func TestEveryNodeHasTheSameFloor(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: three server processes are not for -short")
	}
	cfg := logtest.StartCluster(t, false).Config(t)
	cfg.Shards, cfg.SnapshotEach = 2, 500
	cfg.Fold = func(int) writer.Fold { return floor.NewFold(floor.Options{}) }
	var nodes [2]*eventlog.Log
	var floors [2]*follow.Floor
	for i := range nodes {
		cfg.Node = fmt.Sprint("node", i)
		nodes[i] = logtest.Open(t, cfg)
		floors[i] = follow.New(nodes[i], floor.Options{})
		defer floors[i].Close()
	}
	c := sim.DefaultConfig()
	c.Tenant, c.Seed, c.Agents, c.Start = "alpha", 6, 20, time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	s, err := sim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	work := func(through []*eventlog.Log) {
		for i := range 12 {
			var batch []event.Event
			for range 100 {
				n, _ := s.Next()
				switch n.Fact.(type) {
				case event.InteractionWrapupStarted, event.InteractionWrapupEnded:
					continue // for the floor to derive
				}
				e, err := event.Encode(n.Meta, n.Fact)
				if err != nil {
					t.Fatal(err)
				}
				batch = append(batch, e)
			}
			if _, err := through[i%len(through)].Append(t.Context(), "alpha", batch); err != nil {
				t.Fatal(err)
			}
		}
	}
	look := func(i int) (out map[floor.Change]string, at eventlog.Cursor) {
		_ = floors[i].View("alpha", func(v follow.View) {
			if at = v.At; v.Tenant != nil {
				out = values(v.Tenant)
			}
		})
		return out, at
	}
	same := func() {
		t.Helper()
		logtest.Eventually(t, "both floors are at the head and the same", func() bool {
			a, at := look(0)
			b, bt := look(1)
			return at == bt && at == nodes[1].Head("alpha") && len(a) > 40 && maps.Equal(a, b)
		})
	}
	work(nodes[:])
	same()
	floors[0].Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := nodes[0].Close(ctx); err != nil {
		t.Fatal(err)
	}
	work(nodes[1:])
	// A node that comes now begins with the snapshot.
	cfg.Node = "node2"
	nodes[0] = logtest.Open(t, cfg)
	floors[0] = follow.New(nodes[0], floor.Options{})
	defer floors[0].Close()
	same()
	fresh, wrong, derived := floor.NewFold(floor.Options{}), 0, 0
	err = nodes[0].Read(t.Context(), "alpha", eventlog.Cursor{}, func(b *eventlog.Batch) (bool, error) {
		for i := range b.Records {
			r := &b.Records[i]
			if r.Derived {
				derived++
			}
			if context, _ := fresh.Apply("alpha", r); !bytes.Equal(context, r.Context) {
				wrong++
			}
		}
		return true, nil
	})
	if err != nil || wrong > 0 || derived == 0 {
		t.Errorf("%v; %d contexts are not those of the fold, %d derived facts", err, wrong, derived)
	}
	for i, l := range nodes {
		floors[i].Close()
		logtest.Close(t, l)
	}
}
