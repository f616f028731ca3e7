package asterisk

import (
	"bytes"
	"time"

	"trunkline/source/clean"
)

// Kind says what a message of the manager interface is.
type Kind uint8

const (
	// Banner is the one line a PBX greets a new connection with. In a capture
	// of several connections every banner marks a reconnect.
	Banner Kind = iota + 1
	// EventMessage starts with the key Event.
	EventMessage
	// ResponseMessage starts with the key Response: the answer to an action.
	ResponseMessage
)

// String names the kind for messages and tests.
func (k Kind) String() string {
	switch k {
	case Banner:
		return "banner"
	case EventMessage:
		return "event"
	case ResponseMessage:
		return "response"
	}
	return "unknown"
}

// Message is one message of the stream. Its bytes belong to the reader and are
// valid only until the callback that got it returns.
type Message struct {
	Kind Kind
	// Offset of the first byte of the message in the stream.
	Offset int64

	raw   []byte // from the first byte of the message on
	spans []span
}

// span is one line, key and value, as places relative to the message's start.
type span struct {
	key, keyEnd, val, valEnd int32
}

// Len returns the number of fields, the leading Event or Response included. A
// banner has one field with an empty key.
func (m *Message) Len() int { return len(m.spans) }

// Field returns the key and value of the i-th line, as they were spelled.
func (m *Message) Field(i int) (key, value []byte) {
	s := m.spans[i]
	return m.raw[s.key:s.keyEnd], m.raw[s.val:s.valEnd]
}

// Name returns the value of the first line: the event's name, the response's
// result, or the banner's text.
func (m *Message) Name() []byte {
	if len(m.spans) == 0 {
		return nil
	}
	s := m.spans[0]
	return m.raw[s.val:s.valEnd]
}

// Bytes returns the first value of a key, without regard to case, or nil when
// the key is absent. An empty value is not nil.
func (m *Message) Bytes(key string) []byte {
	for i := range m.spans {
		s := &m.spans[i]
		if clean.SameKey(m.raw[s.key:s.keyEnd], key) {
			return m.raw[s.val:s.valEnd:s.valEnd]
		}
	}
	return nil
}

// Get returns the first value of a key as a string, "" when it is absent.
func (m *Message) Get(key string) string { return string(m.Bytes(key)) }

// All returns every value of a key that may be repeated, such as ChanVariable.
func (m *Message) All(key string) []string {
	var all []string
	for i := range m.spans {
		k, v := m.Field(i)
		if clean.SameKey(k, key) {
			all = append(all, string(v))
		}
	}
	return all
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
	}
}

// Time returns the time that the PBX gave the message, if it gave one.
func (m *Message) Time() (time.Time, bool) { return parseTimestamp(m.Bytes("Timestamp")) }
