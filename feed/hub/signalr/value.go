package signalr

import (
	"sync/atomic"
	"time"

	"trunkline/fanout"
)

// Value is something of which a client needs the latest state only: a message that waits
// is replaced by the next one, in its place. To a client that does not read, stating a value
// again costs one exchange of a pointer. A Value belongs to one connection; it is stated by
// one goroutine at a time.
type Value struct {
	conn  *Conn
	waits atomic.Pointer[Message] // nil: no writer has to ask for it
}

// Value makes a value of a connection.
func (c *Conn) Value() *Value { return &Value{conn: c} }

// Send queues the state of the value, or puts it in the place of the one that waits. It
// never waits itself; false says that the connection is closing and takes nothing.
func (v *Value) Send(m *Message) bool {
	// The frame is made here, as the writer that takes it must not wait for anything.
	out, frame := v.conn.frame(m)
	switch {
	case frame == nil:
		return false
	case v.waits.Swap(m) != nil:
		v.conn.server.sent.Add(1)
		return true
	case v.conn.put(out, fanout.Item{Late: v, Size: len(frame)}):
		return true
	}
	v.waits.Store(nil)
	return false
}

// Sealed gives the value for what is stated from now on: messages sent in between stay
// between. What waits is replaced no more.
func (v *Value) Sealed() *Value {
	if v.waits.Load() == nil {
		return v
	}
	return v.conn.Value()
}

// Take implements [fanout.Late].
func (v *Value) Take() (fanout.Frame, time.Time) {
	m := v.waits.Swap(nil)
	if m == nil {
		return nil, time.Time{}
	}
	frame, _ := m.frame(v.conn.proto, v.conn.wrap) // Send has made it
	return frame, m.Expires
}
