package hub

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// moment is a time as .NET sends one: text with ticks of 100 ns in JSON, a timestamp in
// MessagePack. The zero moment is DateTime.MinValue.
type moment struct{ at time.Time }

// forever is DateTime.MaxValue: a state without an end.
var forever = moment{time.Date(9999, 12, 31, 23, 59, 59, 999999900, time.UTC)}

// momentOf is a time in epoch milliseconds; 0 is no time.
func momentOf(ms int64) moment {
	if ms == 0 {
		return moment{}
	}
	return moment{time.UnixMilli(ms).UTC()}
}

// instant is a moment where there is one, else null.
func instant(ms int64) any {
	if ms == 0 {
		return nil
	}
	return momentOf(ms)
}

// MarshalJSON writes the text. The two ends of time have no zone.
func (m moment) MarshalJSON() ([]byte, error) {
	switch {
	case m.at.IsZero():
		return []byte(`"0001-01-01T00:00:00"`), nil
	case m == forever:
		return []byte(`"9999-12-31T23:59:59.9999999"`), nil
	}
	return m.at.UTC().AppendFormat(make([]byte, 0, 32), `"2006-01-02T15:04:05.9999999Z"`), nil
}

// EncodeMsgpack writes a timestamp.
func (m moment) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeTime(m.at) }

// object is an object whose members have an order.
type object struct {
	names  []string
	values []any
}

func (o *object) add(name string, value any) {
	o.names = append(o.names, name)
	o.values = append(o.values, value)
}

// MarshalJSON writes the members in their order.
func (o *object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(name)
		b.WriteString(`":`)
		if err := enc.Encode(o.values[i]); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1) // the line's end
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// EncodeMsgpack writes the members in their order.
func (o *object) EncodeMsgpack(e *msgpack.Encoder) error {
	if err := e.EncodeMapLen(len(o.names)); err != nil {
		return err
	}
	for i, name := range o.names {
		if err := e.EncodeString(name); err != nil {
			return err
		}
		if err := e.Encode(o.values[i]); err != nil {
			return err
		}
	}
	return nil
}

// values are what an event says, by the names of the page; what is not there is what
// nothing is known of.
type values map[string]any

// text is a text where there is one, else null.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// style is how members are named.
type style struct{ pascal bool }

func (s style) name(pascal string) string {
	if s.pascal {
		return pascal
	}
	return camel(pascal)
}

// list makes objects of rows of members, which are given by turns of name and value.
func (s style) object(members ...any) *object {
	o := &object{}
	for i := 0; i+1 < len(members); i += 2 {
		o.add(s.name(members[i].(string)), members[i+1])
	}
	return o
}

// data is an event as a client reads it.
func (s style) data(k *kind, org, entity, id string, at time.Time, v values) *object {
	o := &object{names: make([]string, 0, len(k.props)+8), values: make([]any, 0, len(k.props)+8)}
	put := func(name string, value any) { o.add(s.name(name), value) }
	put("RootEntityType", organization)
	put("RootEntityId", org)
	put("EventType", k.name)
	put("EntityType", k.entity)
	put("EntityId", entity)
	if k.status {
		put("MessageTTLSeconds", k.ttl)
	}
	for i := range k.props {
		p := &k.props[i]
		value, ok := v[p.name]
		if !ok || value == nil {
			value = p.zero
		}
		name := p.camel
		if s.pascal {
			name = p.name
		}
		o.add(name, value)
	}
	put("Id", id)
	put("Timestamp", moment{at})
	if !k.status {
		put("MessageTTLSeconds", k.ttl)
	}
	return o
}

// block is what a message says of the subscription that it answers.
func (s style) block(k *kind, org, entity, id string) *object {
	return s.object("Id", id, "AllRootEntities", false, "RootEntityId", org, "RootEntityType", organization, "OrganizationId", org,
		"EventType", k.name, "EntityType", k.entity, "EntityId", entity, "AllEntities", false)
}
