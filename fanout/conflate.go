package fanout

import (
	"sync"
	"time"
)

// Item is one entry of a conflating queue.
type Item struct {
	// Key names the value that Frame states; a later item with the same key takes
	// its place. "" is never conflated.
	Key string
	// Entity is what the item is about. With Barrier set the item is a transition
	// of it: statuses of the entity that come later stay behind it.
	Entity  string
	Barrier bool
	Frame   Frame
	// Value is what a MergeFunc needs to know of Frame; nothing else looks at it.
	Value any
	// Expires drops the item when it still waits at that time; zero keeps it.
	Expires time.Time

	control bool // a ping, a pong or a close frame
}

// MergeFunc makes one item of an earlier one that still waits and a later one with
// the same key. It must not change the old frame, which others may share. Without
// one the later item replaces the earlier.
type MergeFunc func(old, new Item) Item

// conflater is a queue of items in which each key stands once since the last
// barrier of its entity. Places are numbered from the first item ever queued.
type conflater struct {
	items   []Item
	base    uint64            // the place of items[0]
	at      map[string]uint64 // the last place of each key
	barrier map[string]uint64 // the last barrier of each entity
}

var conflaters = sync.Pool{New: func() any {
	return &conflater{at: map[string]uint64{}, barrier: map[string]uint64{}}
}}

// find gives the waiting item that it may be merged into.
func (q *conflater) find(it *Item) *Item {
	if it.Key == "" || it.Barrier {
		return nil
	}
	place, ok := q.at[it.Key]
	if !ok || place < q.base {
		return nil
	}
	if b, ok := q.barrier[it.Entity]; ok && place < b {
		return nil
	}
	return &q.items[place-q.base]
}

func (q *conflater) push(it Item) {
	place := q.base + uint64(len(q.items))
	q.items = append(q.items, it)
	if it.Barrier {
		if it.Entity != "" {
			q.barrier[it.Entity] = place
		}
	} else if it.Key != "" {
		q.at[it.Key] = place
	}
}

// pop removes the first item.
func (q *conflater) pop() Item {
	it := q.items[0]
	q.items[0] = Item{}
	q.items = q.items[1:]
	if it.Barrier {
		if q.barrier[it.Entity] == q.base {
			delete(q.barrier, it.Entity)
		}
	} else if it.Key != "" && q.at[it.Key] == q.base {
		delete(q.at, it.Key)
	}
	q.base++
	return it
}

// recycle gives the memory of an empty conflater to the next that needs one.
func (q *conflater) recycle() {
	clear(q.items)
	clear(q.at)
	clear(q.barrier)
	q.items, q.base = q.items[:0], 0
	conflaters.Put(q)
}
