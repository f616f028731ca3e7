package freeswitch

import (
	"bytes"
	"strings"
	"time"

	"trunkline/source/clean"
)

// Kind says what a message of the event socket is.
type Kind uint8

const (
	// AuthRequest greets a new connection and asks for the password. In a
	// capture of several connections each one marks a reconnect.
	AuthRequest Kind = iota + 1
	// CommandReply answers a command: auth, event, exit.
	CommandReply
	// APIResponse answers an api command; its body is what the command printed.
	APIResponse
	// EventMessage is an event in the plain format.
	EventMessage
	// DisconnectNotice is the last message of a connection that FreeSWITCH ends.
	DisconnectNotice
	// Rejection refuses the connection because of its address.
	Rejection
	// OtherMessage has a content type that is not known.
	OtherMessage
)

// kinds are the content types of messages.
var kinds = map[string]Kind{
	"auth/request":           AuthRequest,
	"command/reply":          CommandReply,
	"api/response":           APIResponse,
	"text/event-plain":       EventMessage,
	"text/disconnect-notice": DisconnectNotice,
	"text/rude-rejection":    Rejection,
}

// String names the kind for messages and tests.
func (k Kind) String() string {
	for name, kind := range kinds {
		if kind == k {
			return name
		}
	}
	return "other"
}

// Message is one message of the stream. Its bytes belong to the reader and are
// valid only until the callback that got it returns.
type Message struct {
	Kind Kind
	// Offset of the first byte of the message in the stream.
	Offset int64

	raw   []byte // from the first byte of the message on
	spans []span // the fields: of an event its own, else those of the frame
	body  []byte
}

// span is one line, key and value, as places relative to the message's start.
type span struct {
	key, keyEnd, val, valEnd int32
}

// Len returns the number of fields: of an event its own, else those of the
// frame.
func (m *Message) Len() int { return len(m.spans) }

// Field returns the key and value of the i-th field, as they were spelled.
func (m *Message) Field(i int) (key, value []byte) {
	s := m.spans[i]
	return m.raw[s.key:s.keyEnd], m.raw[s.val:s.valEnd]
}

// Body returns what follows the fields: the text of a response, or the body
// inside an event.
func (m *Message) Body() []byte { return m.body }

// Bytes returns the first value of a key as it was spelled, without regard to
// the key's case, or nil when the key is absent. An empty value is not nil.
func (m *Message) Bytes(key string) []byte {
	for i := range m.spans {
		s := &m.spans[i]
		if clean.SameKey(m.raw[s.key:s.keyEnd], key) {
			return m.raw[s.val:s.valEnd:s.valEnd]
		}
	}
	return nil
}

// Get returns the first value of a key, with the percent signs of an event
// decoded, or "" when it is absent.
func (m *Message) Get(key string) string {
	v := m.Bytes(key)
	if m.Kind == EventMessage && bytes.IndexByte(v, '%') >= 0 {
		return unescape(v)
	}
	return string(v)
}

// Time returns the time that FreeSWITCH gave an event.
func (m *Message) Time() (time.Time, bool) {
	return microseconds(m.Bytes("Event-Date-Timestamp"))
}

// clone copies a message out of the reader's buffer.
func (m *Message) clone() *Message {
	end := 0
	for _, s := range m.spans {
		end = max(end, int(s.valEnd))
	}
	return &Message{
		Kind:   m.Kind,
		Offset: m.Offset,
		raw:    bytes.Clone(m.raw[:end]),
		spans:  append([]span(nil), m.spans...),
		body:   bytes.Clone(m.body),
	}
}

// size is about what a message takes in memory.
func (m *Message) size() int { return len(m.raw) + len(m.body) + len(m.spans)*16 }

// unescape decodes percent signs. One that is not followed by two hexadecimal
// digits stands for itself.
func unescape(v []byte) string {
	var b strings.Builder
	b.Grow(len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) {
			hi, lo := hexDigit(v[i+1]), hexDigit(v[i+2])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
