package fanout

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestFifoModel compares the queue of frames with a plain byte slice.
func TestFifoModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q fifo
		var model []byte
		off, next := 0, byte(0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				for range rapid.IntRange(1, 200).Draw(t, "n") {
					f := make([]byte, rapid.IntRange(1, 5).Draw(t, "len"))
					for i := range f {
						f[i] = next
						next++
					}
					q.push(f)
					model = append(model, f...)
				}
			},
			"drop": func(t *rapid.T) {
				n := rapid.IntRange(0, len(model)).Draw(t, "n")
				off = q.drop(off, n)
				model = model[n:]
			},
			"clear": func(t *rapid.T) {
				q.clear()
				off, model = 0, nil
			},
			"": func(t *rapid.T) {
				var got []byte
				q.each(off, func(f Frame) bool { got = append(got, f...); return true })
				if !slices.Equal(got, model) {
					t.Fatalf("queue %v, want %v", got, model)
				}
				if q.empty() != (len(model) == 0) {
					t.Fatal("an empty queue keeps a chunk")
				}
			},
		})
	})
}

// latest is a value for tests.
type latest struct {
	f       Frame
	expires time.Time
	asked   int
}

func (l *latest) Take() (Frame, time.Time) {
	l.asked++
	return l.f, l.expires
}

// A value is asked for when its turn has come, once for each item; what it counts for until
// then was said when it was queued.
func TestValuesAreAskedForInTheirTurn(t *testing.T) {
	now := time.Now()
	c := &Conn{pool: &Pool{}, scheduled: true, terms: &Terms{Discipline: Conflate, QueueBytes: 1 << 20}} // nobody writes: the test takes
	grown, gone, old := &latest{f: Frame("a")}, &latest{}, &latest{f: Frame("too old"), expires: now.Add(-time.Second)}
	for _, it := range []Item{{Frame: Frame("first,")}, {Late: grown, Size: 1}, {Late: gone, Size: 100}, {Frame: Frame("late"), Expires: now.Add(-time.Second)},
		{Late: old, Size: 7}, {Frame: Frame(",last"), Expires: now.Add(time.Hour)}} {
		if c.Put(it) != OK {
			t.Fatal("refused")
		}
	}
	grown.f = Frame("a that has grown")
	if want := 6 + 1 + 100 + 4 + 7 + 5; c.Queued() != want || grown.asked != 0 {
		t.Errorf("%d bytes are counted, want %d; asked %d times", c.Queued(), want, grown.asked)
	}
	if more, _ := c.take(); !more {
		t.Fatal("nothing is there")
	}
	var got string
	c.out.each(0, func(f Frame) bool { got += string(f); return true })
	if got != "first,a that has grown,last" || c.Queued() != len(got) || c.pool.expired.Load() != 2 || grown.asked*gone.asked*old.asked != 1 {
		t.Errorf("wrote %q, %d bytes are counted, %d have expired", got, c.Queued(), c.pool.expired.Load())
	}
	if c.wrote(len(got)); c.Queued() != 0 {
		t.Errorf("%d bytes are counted of nothing", c.Queued())
	}
	c.scheduled = true
	c.Put(Item{Late: gone, Size: 100})
	if more, _ := c.take(); more || c.Queued() != 0 {
		t.Errorf("something is written of nothing, %d bytes are counted", c.Queued())
	}
	c.Put(Item{Late: grown, Size: 50})
	c.dropQueued()
	if c.Queued() != 0 {
		t.Errorf("%d bytes are counted of what was dropped", c.Queued())
	}
}

func TestConflateClosesWhenItDoesNotFit(t *testing.T) {
	p := New(PoolOptions{Writers: 1})
	defer p.Close()
	closed := make(chan error, 1)
	server, client := pipe(t)
	c := p.Add(server, &Terms{Discipline: Conflate, QueueBytes: 100, CloseTimeout: time.Second}, &owner{closed: closed})
	c.mu.Lock()
	c.scheduled = true // the writer is busy elsewhere
	c.mu.Unlock()
	for i := range 10 {
		it := Item{Frame: make([]byte, 10)}
		if i%2 == 0 {
			it = Item{Late: &latest{}, Size: 10}
		}
		if status := c.Put(it); status != OK {
			t.Fatalf("number %d: %v", i, status)
		}
	}
	if status := c.Put(Item{Late: &latest{}, Size: 1}); status != Full || c.Put(Item{}) != Gone {
		t.Fatalf("the queue overflowed with %v", status)
	}
	_ = client.Close()
	c.Abort(nil)
	if err := <-closed; err != ErrSlow {
		t.Fatalf("closed for %v", err)
	}
}
