package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"trunkline/eventlog"
	"trunkline/eventlog/logtest"
)

// Two nodes on one cluster: appends reach the log through either, readers of
// both see the same, and the second takes over when the first ends in order.
func twoNodes(t *testing.T, cfg eventlog.Config) {
	cfg.Shards = 2
	nodes := [2]*eventlog.Log{}
	for i := range nodes {
		cfg.Node = fmt.Sprint("node", i)
		nodes[i] = logtest.Open(t, cfg)
	}
	live := follow(nodes[1])
	defer live.stop()
	var wg sync.WaitGroup
	for c := range 16 {
		wg.Go(func() {
			for i := range 20 {
				res, err := nodes[c%2].Append(t.Context(), logtest.Tenant, logtest.Events(fmt.Sprint("src", c), i*3, i*3+3))
				if err != nil || res.Accepted != 3 || res.Durability != "fsync" || res.Cursor.Seq == 0 {
					t.Errorf("%+v, %v", res, err)
				}
			}
		})
	}
	wg.Wait()
	same := func(n uint64) {
		t.Helper()
		for _, l := range nodes {
			logtest.Eventually(t, "both nodes see the head", func() bool { return l.Head(logtest.Tenant).Seq == n })
			var k tally
			k.read(t, l)
			if k.n != int(n) || l.Head(logtest.Tenant) != nodes[0].Head(logtest.Tenant) {
				t.Fatalf("%d events", k.n)
			}
		}
	}
	same(960)
	// A duplicate is one through either node.
	for _, l := range nodes {
		if res, err := l.Append(t.Context(), logtest.Tenant, logtest.Events("src3", 0, 60)); err != nil || res.Duplicates != 60 || res.Cursor.Seq != 960 {
			t.Fatalf("%+v, %v", res, err)
		}
		if res, err := l.Append(t.Context(), logtest.Tenant, nil); err != nil || res.Accepted != 0 {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	logtest.Clean(t, nodes[1])
	// The first node, which writes, ends while the other appends.
	done := make(chan int)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		n := 0
		for ctx.Err() == nil {
			switch _, err := nodes[1].Append(t.Context(), logtest.Tenant, logtest.Events("more", n, n+1)); {
			case err == nil:
				n++
			case !errors.Is(err, eventlog.ErrUnknown) && !isUnavailable(err):
				t.Error(err)
			}
		}
		done <- n
	}()
	logtest.Eventually(t, "the other node appends", func() bool { return nodes[1].Head(logtest.Tenant).Seq > 1000 })
	if err := nodes[0].Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := nodes[1].Head(logtest.Tenant).Seq
	began := time.Now()
	logtest.Eventually(t, "the other node takes over", func() bool { return nodes[1].Head(logtest.Tenant).Seq > at+50 })
	t.Logf("taken over within %v", time.Since(began))
	cancel()
	n := <-done
	var k tally
	k.read(t, nodes[1])
	k.has(t, map[string]int{"more": n})
	live.complete(t, nodes[1])
	logtest.Close(t, nodes[1])
}

// Nodes that start at the same moment on a cluster that has nothing of the log yet
// make it together: none of them fails because another was first.
func nodesAtOnce(t *testing.T, cfg eventlog.Config) {
	cfg.Shards = 2
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			cfg := cfg
			cfg.Node = fmt.Sprint("node", i)
			l, err := eventlog.Open(t.Context(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close(context.WithoutCancel(t.Context()))
			for _, bucket := range []string{"one", "two", "three"} {
				kv, err := l.KV(t.Context(), bucket)
				if err == nil {
					_, err = kv.Get(t.Context(), "nothing")
				}
				if !errors.Is(err, eventlog.ErrNotFound) {
					t.Errorf("node %d, bucket %s: %v", i, bucket, err)
				}
			}
			if _, err := l.OpenObjects(t.Context(), "objects"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func isUnavailable(err error) bool {
	var un *eventlog.UnavailableError
	return errors.As(err, &un)
}

// live is a follower that keeps all it gets.
type live struct {
	at   eventlog.Cursor
	stop func()
	mu   sync.Mutex
	recs []eventlog.Record
}

func follow(l *eventlog.Log) *live {
	f := &live{}
	f.at, f.stop = l.Follow(logtest.Tenant, func(b *eventlog.Batch) {
		f.mu.Lock()
		f.recs = append(f.recs, b.Records...)
		f.mu.Unlock()
	})
	return f
}

// complete fails the test unless the follower got all there is, in order.
func (f *live) complete(t *testing.T, l *eventlog.Log) {
	t.Helper()
	want := logtest.All(t, l, logtest.Tenant, f.at)
	logtest.Eventually(t, "the follower has all", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.recs) >= len(want)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := logtest.Dense(f.recs); err != nil || len(f.recs) != len(want) {
		t.Fatalf("the follower has %d records of %d, %v", len(f.recs), len(want), err)
	}
}

// childNode starts a node in a process of its own.
func childNode(t *testing.T, cfg eventlog.Config, name string, callers int) *child {
	t.Helper()
	o := order{Name: name, Callers: callers}
	o.Config.URL, o.Config.SystemURL, o.Config.Lease = cfg.URL, cfg.SystemURL, cfg.Lease
	o.Config.Node, o.Config.Timeout = name, 2*time.Second
	c := startChild(t, o)
	c.waitReady(t)
	return c
}

// takeOver has a child write, strikes it down, and sees the parent's node take
// the shard over within a few lease periods. It gives the parent's log, under
// its own load.
func takeOver(t *testing.T, cfg eventlog.Config, strike func(*child)) (*eventlog.Log, *child, *load) {
	t.Helper()
	c := childNode(t, cfg, "first", 8)
	cfg.Node, cfg.Timeout, cfg.UnknownWait = "second", 2*time.Second, time.Second
	l := logtest.Open(t, cfg)
	w := startLoad(l, 4, "")
	logtest.Eventually(t, "both nodes append", func() bool { return w.total() > 200 && len(c.acks()) == 8 })
	strike(c)
	began, before := time.Now(), w.total()
	logtest.Eventually(t, "the second node appends", func() bool { return w.total() > before+200 })
	took := time.Since(began)
	t.Logf("taken over within %v, the lease is %v", took, cfg.Lease)
	if took > 10*cfg.Lease+5*time.Second {
		t.Errorf("taking over took %v", took)
	}
	return l, c, w
}

// The writing node is killed: what it acknowledged, to its own callers and to
// those of the other node, is there.
func ownerDies(t *testing.T, cfg eventlog.Config) {
	l, c, w := takeOver(t, cfg, (*child).kill)
	acked := w.end(t)
	var k tally
	k.read(t, l)
	k.has(t, acked)
	k.has(t, c.acks())
	logtest.Close(t, l)
}

// The writing node is stopped in the middle of its work and goes on when another
// has long taken its shard over: it cannot write any more. What it still wants
// to append is forwarded or refused, nothing is lost and nothing is there twice.
func ownerIsPaused(t *testing.T, cfg eventlog.Config) {
	l, c, w := takeOver(t, cfg, func(c *child) {
		if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	})
	c.quiet()
	before := c.acks()
	if err := c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	logtest.Eventually(t, "the paused node's appends are forwarded", func() bool {
		for source, n := range c.acks() {
			if n < before[source]+50 {
				return false
			}
		}
		return true
	})
	c.end(t)
	acked := w.end(t)
	t.Logf("the paused node was refused: %v", c.refused)
	var k tally
	k.read(t, l) // every source's events once and in order
	k.has(t, acked)
	k.has(t, c.acks())
	logtest.Close(t, l)
}

// A server of the cluster is killed with -9 under load, three times.
func serverDies(t *testing.T, c *logtest.Cluster) {
	cfg := c.Config(t)
	cfg.Timeout, cfg.UnknownWait = 3*time.Second, 2*time.Second
	l := logtest.Open(t, cfg)
	f := follow(l)
	defer f.stop()
	w := startLoad(l, 16, "")
	for i := range 3 {
		before := w.total()
		logtest.Eventually(t, "events", func() bool { return w.total() > before+500 })
		c.Server(i).Kill(t)
		at, began := w.total(), time.Now()
		logtest.Eventually(t, "the cluster goes on without a server", func() bool { return w.total() > at+500 })
		t.Logf("server %d killed, 500 more events after %v", i, time.Since(began))
		c.Server(i).Start(t)
		c.WaitReady(t)
	}
	acked := w.end(t)
	var k tally
	k.read(t, l)
	k.has(t, acked)
	f.complete(t, l)
	logtest.Close(t, l)
}
