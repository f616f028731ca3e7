package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"trunkline/auth"
	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/ws"
)

// subState is where a subscriber gets its events from.
type subState uint8

const (
	behind subState = iota // from the log
	live                   // from its room
	over                   // the connection has ended
)

// sub is one connection that listens.
type sub struct {
	feed     *Feed
	tenant   string
	who      *auth.Principal
	room     *room
	conn     *fanout.Conn
	form     form
	filter   *filter // nil: everything
	epoch    eventlog.Epoch
	name     string    // of the consumer, "" for none
	consumer *consumer // nil: nobody keeps its place
	turn     uint64    // of its request for the place, see consumers.turn
	explicit bool      // acknowledges by message, not by pong
	gone     chan struct{}

	stopRevoke func() bool

	// state, next and the place in a group are guarded by room.mu.
	state subState
	next  uint64 // the sequence that is due while it is behind
	group *group
	place int

	job      jobState  // guarded by readers.mu
	troubled time.Time // since when its reads fail; used by the reader whose turn it is
}

var (
	_ peer = (*sub)(nil)
	_ peer = (*viewer)(nil)
)

func (s *sub) isLive() bool {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.state == live
}

// Drained implements fanout.Owner: there is room in the queue again.
func (s *sub) Drained(*fanout.Conn) { s.feed.readers.wake(s) }

// Closed implements fanout.Owner. The goroutine that reads from the peer notices too,
// and clears up.
func (s *sub) Closed(*fanout.Conn, error) {}

// Send implements ws.Handler.
func (s *sub) Send(frame []byte) { s.conn.Control(frame) }

// Finish implements ws.Handler.
func (s *sub) Finish(frame []byte) { s.conn.Cut(frame, nil) }

// Pong implements ws.Handler: what was queued before the ping has arrived.
func (s *sub) Pong(payload []byte) {
	seq, ok := s.conn.Pong(payload)
	if ok && !s.explicit && s.consumer != nil {
		s.feed.consumers.acknowledge(s.consumer, s, eventlog.Cursor{Epoch: s.epoch, Seq: seq})
	}
}

// Message implements ws.Handler: the only message there is acknowledges.
func (s *sub) Message(text bool, payload []byte) error {
	if !text {
		return &ws.CloseError{Code: ws.CodeUnsupported, Reason: "only text messages are understood"}
	}
	refuse := func(reason string) error { return &ws.CloseError{Code: ws.CodePolicy, Reason: reason} }
	if !s.explicit {
		return refuse("messages are taken with ack=explicit only")
	}
	cursor, err := parseAck(payload)
	switch {
	case err != nil:
		return refuse(err.Error())
	case cursor.Epoch != s.epoch || cursor.Seq > s.conn.Position():
		return refuse("ack: a cursor that was not sent on this connection")
	}
	if s.consumer != nil {
		s.feed.consumers.acknowledge(s.consumer, s, cursor)
	}
	return nil
}

// parseAck reads {"ack":"<cursor>"}.
func parseAck(payload []byte) (eventlog.Cursor, error) {
	var msg struct {
		Ack *string `json:"ack"`
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(&msg); err != nil || msg.Ack == nil || d.Decode(&struct{}{}) != io.EOF {
		return eventlog.Cursor{}, errors.New(`the only message is {"ack":"<cursor>"}`)
	}
	c, err := eventlog.ParseCursor(*msg.Ack)
	if err != nil {
		return c, errors.New("ack: not a cursor")
	}
	return c, nil
}

func (s *sub) goodbye(bye farewell, flush bool) { goodbye(s.conn, s.form, bye, flush) }

// goodbye ends a connection with a number. With flush it is told after what is
// queued, otherwise instead of it.
func goodbye(conn *fanout.Conn, fm form, bye farewell, flush bool) {
	var last fanout.Frame
	switch fm {
	case formWebSocket:
		last = ws.CloseFrame(bye.code, bye.reason)
	case formSSE:
		last = bye.sse()
	case formSSEChunked:
		last = append(fanout.ChunkFrame(bye.sse()), fanout.LastChunk()...)
	}
	err := &ws.CloseError{Code: bye.code, Reason: bye.reason}
	if flush {
		conn.Finish(last, err)
	} else {
		conn.Cut(last, err)
	}
}

// sse is the farewell as a server-sent event. It has no id: a browser that comes
// back does so with the cursor of the last real event.
func (b farewell) sse() []byte {
	name := ""
	for _, info := range ws.Codes() {
		if info.Code == b.code {
			name = info.Name
		}
	}
	data, err := json.Marshal(struct {
		Code      ws.CloseCode `json:"code"`
		Name      string       `json:"name"`
		Reason    string       `json:"reason"`
		Reconnect bool         `json:"reconnect"`
		LostFrom  uint64       `json:"lost_from,omitempty"`
		LostTo    uint64       `json:"lost_to,omitempty"`
		Oldest    string       `json:"oldest,omitempty"`
		Newest    string       `json:"newest,omitempty"`
	}{b.code, name, b.reason, b.code.Reconnect(), b.from, b.to, b.oldest, b.newest})
	if err != nil {
		return nil // these fields always marshal
	}
	return fmt.Appendf(nil, "event: error\ndata: %s\n\n", data)
}
