package relay

import (
	"time"

	"trunkline/eventlog"
	"trunkline/fanout"
)

// subState is where a subscriber gets its events from.
type subState uint8

const (
	behind subState = iota // from the log
	live                   // from its room
	over                   // the connection has ended
)

// Sub is one connection that listens. The fields that are to be seen are set before
// Enter and not changed.
type Sub struct {
	Tenant string
	Conn   *fanout.Conn
	Form   Form
	Filter Filter          // nil: everything
	Start  eventlog.Cursor // it gets what follows
	Mark   uint64          // the feed's number of the last event up to Start, 0: not known
	// Bye ends the connection with a reason, after what is queued.
	Bye func(Farewell)

	relay   *Relay
	room    *room
	drained chan struct{} // holds one: there is room in the queue since it was found full

	// What follows is guarded by room.mu.
	state subState
	epoch eventlog.Epoch
	next  uint64 // the sequence that is due while it is behind
	group *group
	place int

	job      jobState  // guarded by readers.mu
	troubled time.Time // since when its reads fail; used by the reader whose turn it is
}

// Drained says that there is room in the queue of the connection again.
func (s *Sub) Drained() {
	select {
	case s.drained <- struct{}{}:
	default:
	}
	s.relay.readers.wake(s)
}

func (s *Sub) isLive() bool {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.state == live
}

// LastMark is the number of the last event that was queued for the subscriber, as far
// as it is known.
func (s *Sub) LastMark() uint64 {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	if s.state == live && s.group != nil {
		return max(s.Mark, s.room.mark)
	}
	return s.Mark
}
