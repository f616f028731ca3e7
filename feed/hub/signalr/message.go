package signalr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"trunkline/fanout"
	"trunkline/ws"
)

// Kinds of messages, as HubProtocol.md numbers them.
const (
	kindInvocation       = 1
	kindStreamItem       = 2
	kindCompletion       = 3
	kindStreamInvocation = 4
	kindCancelInvocation = 5
	kindPing             = 6
	kindClose            = 7
	kindAck              = 8
	kindSequence         = 9
)

// recordEnd ends a record of the JSON protocol, and the handshake in both.
const recordEnd = 0x1e

// Protocols.
const (
	protoJSON = iota
	protoMsgpack
	numProtos
)

// wrap is how a record travels.
type wrap uint8

const (
	wrapWebSocket wrap = iota // one record a WebSocket message
	wrapChunk                 // as a server-sent event in a chunk of an HTTP/1.1 body
	wrapEvent                 // as a server-sent event in a body of HTTP/2
	wrapBare                  // as it is, in the body of a poll
	numWraps
)

// Message is something to tell clients: made once, encoded once for each protocol
// when the first needs it, and never changed.
type Message struct {
	// Expires drops the message where it still waits then; zero keeps it. It is set before
	// the message is sent.
	Expires time.Time

	target string
	args   []any

	encoded [numProtos]struct {
		once   sync.Once
		record []byte
		err    error
	}
	wrapped [numProtos][numWraps]struct {
		once  sync.Once
		frame fanout.Frame
	}
}

// NewMessage is a call of the client's method target with arguments, which are
// encoded with their json tags and must not be changed any more. Values that have
// EncodeMsgpack are asked for their MessagePack.
func NewMessage(target string, args ...any) *Message { return &Message{target: target, args: args} }

// Err says whether the message can be encoded in both protocols.
func (m *Message) Err() error {
	for p := range numProtos {
		if _, err := m.record(p); err != nil {
			return err
		}
	}
	return nil
}

// record is the message in a protocol.
func (m *Message) record(proto int) ([]byte, error) {
	e := &m.encoded[proto]
	e.once.Do(func() {
		if proto == protoJSON {
			e.record, e.err = jsonRecord(struct {
				Kind   int    `json:"type"`
				Target string `json:"target"`
				Args   []any  `json:"arguments"`
			}{kindInvocation, m.target, m.args})
			return
		}
		e.record, e.err = packRecord(func(p *msgpack.Encoder) error {
			if err := errors.Join(p.EncodeArrayLen(6), p.EncodeInt(kindInvocation), p.EncodeMapLen(0), p.EncodeNil(), p.EncodeString(m.target), p.EncodeArrayLen(len(m.args))); err != nil {
				return err
			}
			for _, a := range m.args {
				if err := p.Encode(a); err != nil {
					return err
				}
			}
			return p.EncodeArrayLen(0)
		})
	})
	if e.err != nil {
		return nil, fmt.Errorf("encode a message to %s: %w", m.target, e.err)
	}
	return e.record, nil
}

// frame is the message as it goes to connections that take it this way.
func (m *Message) frame(proto int, w wrap) (fanout.Frame, error) {
	record, err := m.record(proto)
	if err != nil {
		return nil, err
	}
	f := &m.wrapped[proto][w]
	f.once.Do(func() { f.frame = wrapRecord(record, proto, w) })
	return f.frame, nil
}

// wrapRecord makes a finished frame of a record.
func wrapRecord(record []byte, proto int, w wrap) fanout.Frame {
	switch {
	case w == wrapChunk:
		return fanout.ChunkFrame(eventOf(record))
	case w == wrapEvent:
		return eventOf(record)
	case w == wrapBare:
		return record
	case proto == protoMsgpack:
		return ws.BinaryFrame(record)
	}
	return ws.TextFrame(record)
}

// eventOf makes a server-sent event of a record of the JSON protocol, in which no
// line ends.
func eventOf(record []byte) []byte {
	out := make([]byte, 0, len(record)+8)
	out = append(out, "data: "...)
	out = append(out, record...)
	return append(out, '\n', '\n')
}

// jsonRecord encodes a message of the JSON protocol.
func jsonRecord(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	b.Truncate(b.Len() - 1) // the line's end
	b.WriteByte(recordEnd)
	return b.Bytes(), nil
}

// packRecord encodes a message of the MessagePack protocol, with its length in front.
func packRecord(fill func(*msgpack.Encoder) error) ([]byte, error) {
	var b bytes.Buffer
	enc := msgpack.NewEncoder(&b)
	enc.SetCustomStructTag("json")
	enc.UseCompactInts(true)
	enc.SetSortMapKeys(true)
	if err := fill(enc); err != nil {
		return nil, err
	}
	return append(appendLength(make([]byte, 0, b.Len()+5), b.Len()), b.Bytes()...), nil
}

// appendLength appends a length as the MessagePack protocol has it: seven bits a
// byte, the lowest first.
func appendLength(dst []byte, n int) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

// completion is the answer to a call: failure, a result, or neither.
func completion(proto int, id string, result any, failure string) ([]byte, error) {
	if proto == protoJSON {
		answer := struct {
			Kind   int             `json:"type"`
			ID     string          `json:"invocationId"`
			Result json.RawMessage `json:"result,omitempty"`
			Error  string          `json:"error,omitempty"`
		}{Kind: kindCompletion, ID: id, Error: failure}
		if _, void := result.(Void); !void && failure == "" {
			var err error
			if answer.Result, err = json.Marshal(result); err != nil {
				return nil, err
			}
		}
		return jsonRecord(answer)
	}
	return packRecord(func(p *msgpack.Encoder) error {
		_, void := result.(Void)
		n, kind := 5, 3
		switch {
		case failure != "":
			kind = 1
		case void:
			n, kind = 4, 2
		}
		err := errors.Join(p.EncodeArrayLen(n), p.EncodeInt(kindCompletion), p.EncodeMapLen(0), p.EncodeString(id), p.EncodeInt(int64(kind)))
		switch {
		case err != nil || kind == 2:
			return err
		case kind == 1:
			return p.EncodeString(failure)
		}
		return p.Encode(result)
	})
}

// Void is the result of a method that has none.
type Void struct{}

// closing is the message that ends a connection.
func closing(proto int, reason string, reconnect bool) []byte {
	var record []byte
	var err error
	if proto == protoJSON {
		record, err = jsonRecord(struct {
			Kind      int    `json:"type"`
			Error     string `json:"error,omitempty"`
			Reconnect bool   `json:"allowReconnect,omitempty"`
		}{kindClose, reason, reconnect})
	} else {
		record, err = packRecord(func(p *msgpack.Encoder) error {
			err := errors.Join(p.EncodeArrayLen(3), p.EncodeInt(kindClose))
			if reason == "" {
				err = errors.Join(err, p.EncodeNil())
			} else {
				err = errors.Join(err, p.EncodeString(reason))
			}
			return errors.Join(err, p.EncodeBool(reconnect))
		})
	}
	if err != nil { // neither a string nor a bool can fail into memory
		return nil
	}
	return record
}

// ping is the message that says that the server is there.
func ping(proto int) []byte {
	if proto == protoJSON {
		return []byte(`{"type":6}` + string(rune(recordEnd)))
	}
	return []byte{0x02, 0x91, kindPing}
}

// handshakeAnswer ends a handshake: in order, or with what is wrong.
func handshakeAnswer(wrong string) []byte {
	answer := map[string]string{}
	if wrong != "" {
		answer["error"] = wrong
	}
	record, _ := jsonRecord(answer) // a map of strings can be encoded
	return record
}

// protoNamed finds a protocol; false: there is none of that name.
func protoNamed(name string) (int, bool) {
	switch strings.ToLower(name) {
	case "json":
		return protoJSON, true
	case "messagepack":
		return protoMsgpack, true
	}
	return 0, false
}
