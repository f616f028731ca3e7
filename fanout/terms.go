package fanout

import (
	"errors"
	"time"
)

// Discipline is what happens when a queue is full.
type Discipline uint8

const (
	// Replay refuses the frame; the feed reads the log for the connection.
	Replay Discipline = iota
	// Conflate asks for values when their turn has come, and closes when what waits does
	// not fit.
	Conflate
	// Close closes the connection with Terms.SlowFrame.
	Close
)

// Terms are what all connections of one kind have in common. They are shared and
// not changed after the first use.
type Terms struct {
	Discipline Discipline
	// QueueBytes bounds what waits in one connection's queue. 0 means 256 KiB.
	QueueBytes int
	// WriteTimeout ends a connection of which the socket took no byte for so long.
	// 0 means 30 seconds.
	WriteTimeout time.Duration
	// CloseTimeout ends a connection that is being closed. 0 means 5 seconds.
	CloseTimeout time.Duration

	// Ping makes a ping that carries payload, or a heartbeat that ignores it. nil
	// sends none.
	Ping func(payload []byte) Frame
	// NoPong says that pings are heartbeats that nobody answers. They are left out
	// while data flows.
	NoPong bool
	// PingInterval is the pause between pings on an idle connection, varied by up
	// to a tenth so that pings never march in step. 0 means 25 seconds.
	PingInterval time.Duration
	// AckInterval is the pause before a ping that acknowledges new data; 0 pings
	// at PingInterval only.
	AckInterval time.Duration
	// PongTimeout ends a connection that left a ping unanswered for so long after
	// the socket took it. 0 means 60 seconds.
	PongTimeout time.Duration

	// SlowFrame and NoPongFrame are the last frames of connections that are closed
	// for a full queue or a missing pong.
	SlowFrame, NoPongFrame Frame
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

func (t *Terms) queueBytes() int             { return orDefault(t.QueueBytes, 256<<10) }
func (t *Terms) writeTimeout() time.Duration { return orDefault(t.WriteTimeout, 30*time.Second) }
func (t *Terms) closeTimeout() time.Duration { return orDefault(t.CloseTimeout, 5*time.Second) }
func (t *Terms) pingInterval() time.Duration { return orDefault(t.PingInterval, 25*time.Second) }
func (t *Terms) pongTimeout() time.Duration  { return orDefault(t.PongTimeout, 60*time.Second) }

// Status is the answer to a frame.
type Status uint8

const (
	// OK: the frame is queued.
	OK Status = iota
	// Full: the frame was not queued. Under Replay Owner.Drained follows once there
	// is room; under the other disciplines the connection is being closed.
	Full
	// Gone: the connection is closing or closed.
	Gone
)

// Reasons for which a connection ends by itself, given to Owner.Closed.
var (
	ErrSlow         = errors.New("the queue was full")
	ErrWriteTimeout = errors.New("the socket took nothing for the write time-out")
	ErrNoPong       = errors.New("a ping was not answered")
	ErrPoolClosed   = errors.New("the pool was closed")
)

// Owner is told what happens to its connection. Both methods are called with no
// lock held, from a goroutine that others wait for: they must not block.
type Owner interface {
	// Drained says that a queue that had refused a frame is half empty again.
	Drained(c *Conn)
	// Closed is called once, when the socket is closed, with the reason.
	Closed(c *Conn, err error)
}
