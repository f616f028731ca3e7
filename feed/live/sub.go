package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"trunkline/auth"
	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/feed/relay"
	"trunkline/ws"
)

// sub is one connection that listens.
type sub struct {
	relay.Sub

	feed     *Feed
	tenant   string
	who      *auth.Principal
	form     form
	holder   *relay.Holder // nil: nobody keeps its place
	explicit bool          // acknowledges by message, not by pong
	gone     chan struct{}

	stopRevoke func() bool
}

var (
	_ peer = (*sub)(nil)
	_ peer = (*viewer)(nil)
)

// Drained implements fanout.Owner: there is room in the queue again.
func (s *sub) Drained(*fanout.Conn) { s.Sub.Drained() }

// Closed implements fanout.Owner. The goroutine that reads from the peer notices too,
// and clears up.
func (s *sub) Closed(*fanout.Conn, error) {}

// Send implements ws.Handler.
func (s *sub) Send(frame []byte) { s.Conn.Control(frame) }

// Finish implements ws.Handler.
func (s *sub) Finish(frame []byte) { s.Conn.Cut(frame, nil) }

// Pong implements ws.Handler: what was queued before the ping has arrived.
func (s *sub) Pong(payload []byte) {
	seq, ok := s.Conn.Pong(payload)
	if ok && !s.explicit && s.holder != nil {
		s.holder.Acknowledge(eventlog.Cursor{Epoch: s.Start.Epoch, Seq: seq})
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
	case cursor.Epoch != s.Start.Epoch || cursor.Seq > s.Conn.Position():
		return refuse("ack: a cursor that was not sent on this connection")
	}
	if s.holder != nil {
		s.holder.Acknowledge(cursor)
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

// goodbye ends a connection with a number. With flush it is told after what is
// queued, otherwise instead of it.
func goodbye(conn *fanout.Conn, fm form, bye relay.Farewell, flush bool) {
	var last fanout.Frame
	switch fm {
	case formWebSocket:
		last = ws.CloseFrame(bye.Code, bye.Reason)
	case formSSE:
		last = sse(bye)
	case formSSEChunked:
		last = append(fanout.ChunkFrame(sse(bye)), fanout.LastChunk()...)
	}
	err := &ws.CloseError{Code: bye.Code, Reason: bye.Reason}
	if flush {
		conn.Finish(last, err)
	} else {
		conn.Cut(last, err)
	}
}

// sse is a farewell as a server-sent event. It has no id: a browser that comes
// back does so with the cursor of the last real event.
func sse(b relay.Farewell) []byte {
	name := ""
	for _, info := range ws.Codes() {
		if info.Code == b.Code {
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
	}{b.Code, name, b.Reason, b.Code.Reconnect(), b.From, b.To, b.Oldest, b.Newest})
	if err != nil {
		return nil // these fields always marshal
	}
	return fmt.Appendf(nil, "event: error\ndata: %s\n\n", data)
}
