package fanout

import "sync"

// Frame is finished bytes, immutable and shared.
type Frame = []byte

// chunkFrames makes a chunk fill a 1,536-byte size class.
const chunkFrames = 63

// chunk is a piece of a fifo.
type chunk struct {
	frames      [chunkFrames]Frame
	next        *chunk
	first, last int16 // frames[first:last] are queued
}

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// fifo is a queue of frames that owns no memory while it is empty.
type fifo struct{ head, tail *chunk }

func (q *fifo) empty() bool { return q.head == nil }

func (q *fifo) push(f Frame) {
	t := q.tail
	if t == nil || t.last == chunkFrames {
		c := chunks.Get().(*chunk)
		if t == nil {
			q.head = c
		} else {
			t.next = c
		}
		q.tail, t = c, c
	}
	t.frames[t.last] = f
	t.last++
}

// drop removes n bytes from the front, of which the first frame has lost off
// already, and returns how many bytes of the new first frame are gone.
func (q *fifo) drop(off, n int) int {
	n += off
	for q.head != nil {
		c := q.head
		for c.first < c.last {
			f := c.frames[c.first]
			if n < len(f) {
				return n
			}
			n -= len(f)
			c.frames[c.first] = nil
			c.first++
		}
		q.head = c.next
		c.next, c.first, c.last = nil, 0, 0
		chunks.Put(c)
	}
	q.tail = nil
	return 0
}

// clear forgets everything.
func (q *fifo) clear() {
	for c := q.head; c != nil; {
		next := c.next
		clear(c.frames[c.first:c.last])
		c.next, c.first, c.last = nil, 0, 0
		chunks.Put(c)
		c = next
	}
	q.head, q.tail = nil, nil
}

// each calls fn for the queued frames in order, the first one shortened by off
// bytes, until fn returns false.
func (q *fifo) each(off int, fn func(Frame) bool) {
	for c := q.head; c != nil; c = c.next {
		for i := c.first; i < c.last; i++ {
			if !fn(c.frames[i][off:]) {
				return
			}
			off = 0
		}
	}
}
