package fanout

import (
	"fmt"
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

// modelItem is an item of the conflation model: the values merged into it.
type modelItem struct {
	key, entity string
	barrier     bool
	values      []int
	expired     bool
}

// TestConflateModel compares conflation with a model that says the rules in the
// plainest way: look from the back for the key, stop at a barrier of the entity.
func TestConflateModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_700_000_000, 0)
		c := &Conn{
			pool: &Pool{}, scheduled: true, // nobody writes: the test takes
			terms: &Terms{Discipline: Conflate, QueueBytes: 1 << 20, Merge: func(old, new Item) Item {
				new.Value = append(slices.Clone(old.Value.([]int)), new.Value.([]int)...)
				new.Frame = fmt.Appendf(nil, "%s%v", new.Entity, new.Value)
				return new
			}},
		}
		var model []modelItem
		serial := 0
		add := func(it Item, expired bool) {
			serial++
			it.Value = []int{serial}
			it.Frame = fmt.Appendf(nil, "%s%v", it.Entity, it.Value)
			if expired {
				it.Expires = now
			}
			if c.Put(it) != OK {
				t.Fatal("refused")
			}
			if it.Key != "" && !it.Barrier {
				for i := len(model) - 1; i >= 0; i-- {
					if m := &model[i]; m.barrier && m.entity == it.Entity {
						break
					} else if m.key == it.Key && !m.barrier {
						m.values, m.expired = append(m.values, serial), expired
						return
					}
				}
			}
			model = append(model, modelItem{it.Key, it.Entity, it.Barrier, []int{serial}, expired})
		}
		entity := rapid.SampledFrom([]string{"a", "b", "c"})
		t.Repeat(map[string]func(*rapid.T){
			"status": func(t *rapid.T) {
				e := entity.Draw(t, "entity")
				key := e + rapid.SampledFrom([]string{"1", "2"}).Draw(t, "key")
				add(Item{Key: key, Entity: e}, rapid.IntRange(0, 5).Draw(t, "expired") == 0)
			},
			"transition": func(t *rapid.T) { add(Item{Entity: entity.Draw(t, "entity"), Barrier: true}, false) },
			"other":      func(t *rapid.T) { add(Item{}, false) },
			"take": func(t *rapid.T) {
				if c.items == nil {
					if len(model) > 0 {
						t.Fatalf("%d items are missing", len(model))
					}
					return
				}
				for range rapid.IntRange(1, len(c.items.items)).Draw(t, "n") {
					it, m := c.items.pop(), model[0]
					model = model[1:]
					c.queued -= len(it.Frame)
					if !slices.Equal(it.Value.([]int), m.values) || it.Barrier != m.barrier || it.Expires.IsZero() == m.expired {
						t.Fatalf("took %v (barrier %v), want %v", it.Value, it.Barrier, m)
					}
				}
				if len(c.items.items) == 0 {
					if len(c.items.at)+len(c.items.barrier) > 0 {
						t.Fatal("an empty queue remembers keys")
					}
					c.items.recycle()
					c.items = nil
				}
			},
			"takeAll": func(t *rapid.T) {
				more, _ := c.take()
				c.scheduled = true
				var got, want string
				c.out.each(0, func(f Frame) bool { got += string(f); return true })
				for _, m := range model {
					if !m.expired {
						want += fmt.Sprintf("%s%v", m.entity, m.values)
					}
				}
				if got != want || more != (want != "") {
					t.Fatalf("wrote %q, want %q", got, want)
				}
				c.wrote(len(got))
				model = nil
			},
			"": func(t *rapid.T) {
				total := 0
				for _, m := range model {
					total += len(fmt.Sprintf("%s%v", m.entity, m.values))
				}
				if c.queued != total {
					t.Fatalf("%d bytes are counted, want %d", c.queued, total)
				}
			},
		})
	})
}

func TestConflateClosesWhenItDoesNotFit(t *testing.T) {
	p := New(PoolOptions{Writers: 1})
	defer p.Close()
	for _, key := range []string{"same", ""} {
		closed := make(chan error, 1)
		server, client := pipe(t)
		c := p.Add(server, &Terms{Discipline: Conflate, QueueBytes: 100, CloseTimeout: time.Second}, &owner{closed: closed})
		c.mu.Lock()
		c.scheduled = true // the writer is busy elsewhere
		c.mu.Unlock()
		status := OK
		for i := 0; i < 30 && status == OK; i++ {
			status = c.Put(Item{Key: key, Frame: make([]byte, 10)})
		}
		if key == "same" && (status != OK || c.Queued() != 10) {
			t.Fatalf("one key: %v with %d bytes queued", status, c.Queued())
		}
		if key == "same" {
			if status = c.Put(Item{Key: key, Frame: make([]byte, 101)}); status != Full {
				t.Fatalf("a value that outgrew the queue: %v", status)
			}
		}
		if status != Full || c.Put(Item{}) != Gone {
			t.Fatalf("the queue overflowed with %v", status)
		}
		_ = client.Close()
		c.Abort(nil)
		if err := <-closed; err != ErrSlow {
			t.Fatalf("closed for %v", err)
		}
	}
}
