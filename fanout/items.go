package fanout

import (
	"sync"
	"time"
)

// Item is one entry of a conflating queue: a frame, or a value whose frame is made when its
// turn has come.
type Item struct {
	Frame Frame
	// Late gives the frame in place of Frame, and when it expires; Size is what the item
	// counts for in the queue until then.
	Late Late
	Size int
	// Expires drops the item when it still waits at that time; zero keeps it.
	Expires time.Time

	control bool // a ping, a pong or a close frame
}

// Late is a value that a queue asks for when its turn to be written has come: whoever states
// it may do so any number of times before, and the queue need not hear of it. So a client
// that does not read costs next to nothing, however often its values change.
type Late interface {
	// Take gives the frame, nil for none, and when it expires, zero for never. It is called
	// once for each item, under the connection's lock, and must not wait.
	Take() (f Frame, expires time.Time)
}

// size is what the item counts for in its queue.
func (it *Item) size() int { return len(it.Frame) + it.Size }

// items is a queue of items.
type items struct{ list []Item }

// lists lends queues to connections that have something to queue.
var lists = sync.Pool{New: func() any { return new(items) }}

func (q *items) push(it Item) { q.list = append(q.list, it) }

// pop removes the first item.
func (q *items) pop() Item {
	it := q.list[0]
	q.list[0] = Item{}
	q.list = q.list[1:]
	return it
}

// recycle gives the memory of the queue to the next connection that needs one.
func (q *items) recycle() {
	clear(q.list)
	q.list = q.list[:0]
	lists.Put(q)
}
