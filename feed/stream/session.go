package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"trunkline/auth"
	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/feed/relay"
	"trunkline/ws"
)

// session is one connection of a subscription.
type session struct {
	relay.Sub

	feed    *Feed
	who     *auth.Principal
	req     request
	variant variant
	holder  *relay.Holder
	claim   uint64 // of its seat
	gone    chan struct{}

	stopRevoke func() bool
	beats      *time.Timer
	over       *time.Timer // fires when the validity ends

	looking sync.Mutex // lets one acknowledge at a time; mu is taken under it

	mu      sync.Mutex      // guards what is below
	ended   bool            // no timer is armed any more
	before  eventlog.Cursor // HTTP streaming: what had been queued at the heartbeat before
	claimed uint64          // explicit: the number that was acknowledged
}

// begin hands the connection to the writers.
func (s *session) begin(nc net.Conn) bool {
	f := s.feed
	s.Form = s.variant
	terms := &f.socket
	if s.variant.chunked {
		terms = &f.plain
	}
	s.Conn = f.pool.Add(nc, terms, s)
	s.Bye = s.lost
	if !f.enter(s) {
		s.Conn.Abort(relay.ErrClosed)
		return false
	}
	s.Conn.Mark(s.Start.Seq)
	if s.req.atmosphere.greeted {
		_ = s.Conn.Enqueue(s.variant.append(nil, []byte(greeting())), 0)
	}
	s.stopRevoke = s.who.OnRevoke(func() {
		s.goodbye(relay.Farewell{Code: ws.CodeUnauthorized, Reason: s.who.Ended()}, false)
		time.AfterFunc(revokedGrace, func() { s.Conn.Abort(nil) })
	})
	s.holder.Take(func() { s.evicted(takenOver) })
	s.mu.Lock()
	s.before = s.Start
	s.beats = time.AfterFunc(f.o.Heartbeat, s.beat)
	s.over = time.AfterFunc(f.o.Validity, func() {
		s.Conn.Ping() // what was written so far is acknowledged if the client answers before it goes
		s.goodbye(relay.Farewell{Code: ws.CodeStreamExpired, Reason: fmt.Sprintf("the subscription was valid for %s; connect again with the same subsId", f.o.Validity)}, true)
	})
	s.mu.Unlock()
	f.relay.Start(&s.Sub)
	if f.seats.over(s.Tenant, s.req.subscription, s.claim) {
		s.evicted(takenOver)
	}
	return true
}

// evicted ends a session whose seat another node has given to others.
func (s *session) evicted(why ended) {
	if why == givenAway {
		s.goodbye(relay.Farewell{Code: ws.CodeStreamExpired, Reason: "this node was taken for dead, and other subscriptions have the tenant's seats; connect again with the same subsId"}, true)
		return
	}
	s.goodbye(relay.Farewell{Code: ws.CodeReplaced, Reason: "another connection of this subscription took over"}, false)
}

// lost ends a session whose next events the log has lost. It may come back, and goes on
// behind them once it has acknowledged what was before; over HTTP streaming, where that
// would take two heartbeats, at once.
func (s *session) lost(bye relay.Farewell) {
	behind, err := eventlog.ParseCursor(bye.Oldest)
	if err == nil && bye.From > 0 && (s.variant.chunked || s.holder.Acknowledged().Seq+1 >= bye.From) {
		s.holder.Acknowledge(behind)
	}
	s.Conn.Ping()
	s.goodbye(relay.Farewell{Code: ws.CodeStreamLost, Reason: bye.Reason}, true)
}

// revokedGrace is how long a connection whose token was revoked may take to read its
// goodbye before it is cut.
const revokedGrace = 500 * time.Millisecond

func (f *Feed) enter(s *session) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.relay.Enter(&s.Sub) != nil {
		return false
	}
	f.sessions[s] = struct{}{}
	return true
}

// finish clears up after the connection.
func (s *session) finish(err error) {
	s.Conn.Abort(err)
	s.stopRevoke()
	s.mu.Lock()
	s.ended = true
	s.beats.Stop()
	s.over.Stop()
	s.mu.Unlock()
	s.feed.relay.Leave(&s.Sub)
	s.acknowledge()
	s.holder.Leave()
	s.feed.mu.Lock()
	delete(s.feed.sessions, s)
	s.feed.mu.Unlock()
	s.feed.seats.rise(s.Tenant, s.req.subscription)
	close(s.gone)
}

// beat sends a ClientCheck and plans the next one.
func (s *session) beat() {
	seq := s.LastMark()
	msg := s.feed.proj.Heartbeat(nil, s.req.format, s.Tenant, s.req.subscription, s.Start.Epoch, seq, time.Now())
	// A connection whose queue is full has enough to read.
	_ = s.Conn.Enqueue(s.variant.append(make([]byte, 0, len(msg)+16), msg), 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.beats.Reset(s.feed.o.Heartbeat)
	if !s.variant.chunked {
		return
	}
	// There is no pong. What was queued when the last heartbeat but one was sent has been
	// on its way for a whole period on a connection that is still there.
	if s.Conn.Queued() <= len(msg)+16 {
		s.holder.Acknowledge(s.before)
		s.before = eventlog.Cursor{Epoch: s.Start.Epoch, Seq: s.Conn.Position()}
	}
}

// goodbye ends the connection with a number, behind what is queued with flush. HTTP
// streaming has no numbers: its body ends.
func (s *session) goodbye(bye relay.Farewell, flush bool) {
	last := ws.CloseFrame(bye.Code, bye.Reason)
	if s.variant.chunked {
		last = fanout.LastChunk()
	}
	err := &ws.CloseError{Code: bye.Code, Reason: bye.Reason}
	if flush {
		s.Conn.Finish(last, err)
	} else {
		s.Conn.Cut(last, err)
	}
}

// Drained implements fanout.Owner.
func (s *session) Drained(*fanout.Conn) { s.Sub.Drained() }

// Closed implements fanout.Owner. The goroutine that reads from the peer notices too,
// and clears up.
func (s *session) Closed(*fanout.Conn, error) {}

// Send implements ws.Handler.
func (s *session) Send(frame []byte) { s.Conn.Control(frame) }

// Finish implements ws.Handler.
func (s *session) Finish(frame []byte) { s.Conn.Cut(frame, nil) }

// Pong implements ws.Handler: what was queued before the ping has arrived.
func (s *session) Pong(payload []byte) {
	if seq, ok := s.Conn.Pong(payload); ok && !s.req.explicit {
		s.holder.Acknowledge(eventlog.Cursor{Epoch: s.Start.Epoch, Seq: seq})
	}
}

// Message implements ws.Handler. Clients of the vendor's framework send signs of life of
// their own, which mean nothing here; with ack=explicit a message acknowledges.
func (s *session) Message(text bool, payload []byte) error {
	if !s.req.explicit {
		return nil
	}
	var msg struct {
		Ack *uint64 `json:"ack"`
	}
	if err := json.Unmarshal(payload, &msg); !text || err != nil || msg.Ack == nil {
		return &ws.CloseError{Code: ws.CodePolicy, Reason: `the only message is {"ack":<sequenceId>}`}
	}
	if *msg.Ack > s.LastMark() {
		return &ws.CloseError{Code: ws.CodePolicy, Reason: "ack: the event " + strconv.FormatUint(*msg.Ack, 10) + " was not sent on this connection"}
	}
	s.mu.Lock()
	again := s.claimed == 0
	s.claimed = max(s.claimed, *msg.Ack)
	s.mu.Unlock()
	if again {
		// Several acknowledgements are looked up at once.
		time.AfterFunc(s.feed.o.AckInterval, s.acknowledge)
	}
	return nil
}

// acknowledge finds the records behind what was acknowledged by number.
func (s *session) acknowledge() {
	s.looking.Lock()
	defer s.looking.Unlock()
	s.mu.Lock()
	upTo := s.claimed
	s.claimed = 0
	s.mu.Unlock()
	if upTo == 0 {
		return
	}
	at := s.holder.Acknowledged()
	scratch := numbersOnly()
	_ = s.feed.log.Read(s.feed.ctx, s.Tenant, at, func(b *eventlog.Batch) (bool, error) {
		for i := range b.Records {
			last := uint64(0)
			_ = s.feed.proj.Each(&b.Records[i], b.Tenant, b.Epoch, JSON, scratch, func(seq uint64, _ []byte) error {
				last = seq
				return nil
			})
			if last > upTo {
				return false, nil
			}
			at = eventlog.Cursor{Epoch: b.Epoch, Seq: b.Records[i].Seq}
			if last == upTo {
				return false, nil
			}
		}
		return true, nil
	})
	s.holder.Acknowledge(at)
}

// numbersOnly is for who wants the numbers of events and not the events.
func numbersOnly() *Scratch { return &Scratch{only: []string{}} }

// numberScan is how many records are looked at for the number of the event before a
// place: more only where a tenant's facts make no events of the stream.
const numberScan = 2000

// numberAt finds the number of the last event up to a place, 0 when there is none near.
func (f *Feed) numberAt(ctx context.Context, tenant string, at eventlog.Cursor) (number uint64) {
	seen := 0
	scratch := numbersOnly()
	_ = f.log.ReadBack(ctx, tenant, at.Seq+1, func(b *eventlog.Batch) (bool, error) {
		for i := range b.Records {
			_ = f.proj.Each(&b.Records[i], tenant, b.Epoch, JSON, scratch, func(seq uint64, _ []byte) error {
				number = seq
				return nil
			})
		}
		seen += len(b.Records)
		return number == 0 && seen < numberScan, nil
	})
	return number
}
