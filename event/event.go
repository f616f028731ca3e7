package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Event is one CloudEvent as it came, checked once.
type Event struct {
	// ID and Source together are the event's identity.
	ID, Source string
	// Type is a word of the vocabulary or a reverse-DNS name.
	Type string
	// Subject is the entity it is about, empty when absent.
	Subject string
	// Tenant is the tenant extension, empty when absent.
	Tenant string
	// Time is when it happened by the source's clock, zero when absent.
	Time time.Time
	// Raw is exactly one JSON object, the bytes as they came, without space
	// around it. Parsers do not copy: it lives in the buffer they were given.
	Raw []byte

	// data is where the value of the data member is in Raw, known after parsing.
	dataStart, dataEnd int
}

// Data returns the JSON value of the event's data member, nil when there is
// none. It is a part of Raw.
func (e Event) Data() []byte {
	if e.dataEnd > 0 && e.dataEnd <= len(e.Raw) {
		return e.Raw[e.dataStart:e.dataEnd]
	}
	var envelope struct {
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(e.Raw, &envelope) != nil {
		return nil
	}
	return envelope.Data
}

// Encode writes a fact as an event, in structured JSON. It checks what it
// wrote: a fact without a required field or with a word that the vocabulary
// does not have is an [InvalidError].
func Encode(m Meta, f Fact) (Event, error) {
	if raw, from, to, ok := quick(make([]byte, 0, 768), m, f); ok {
		e := Event{ID: m.ID, Source: m.Source, Type: f.EventType(), Subject: f.EventSubject(), Tenant: m.Tenant,
			Raw: slices.Clip(raw), dataStart: from, dataEnd: to}
		if !m.Time.IsZero() {
			e.Time = m.Time.UTC().Truncate(time.Millisecond)
		}
		return e, nil
	}
	raw, err := write(nil, m, f)
	if err != nil {
		return Event{}, err
	}
	return parseWritten(raw, f)
}

// AppendFact appends a fact to dst as one structured JSON object, without a
// line end. It checks what it wrote as [Encode] does.
func AppendFact(dst []byte, m Meta, f Fact) ([]byte, error) {
	if out, _, _, ok := quick(dst, m, f); ok {
		return out, nil
	}
	out, err := write(dst, m, f)
	if err != nil {
		return dst, err
	}
	if _, err := parseWritten(out[len(dst):], f); err != nil {
		return dst, err
	}
	return out, nil
}

func parseWritten(raw []byte, f Fact) (Event, error) {
	e, err := Parse(raw, Limits{})
	if err != nil {
		return Event{}, fmt.Errorf("encode %s: %w", f.EventType(), err)
	}
	return e, nil
}

func write(dst []byte, m Meta, f Fact) ([]byte, error) {
	dst = append(dst, `{"specversion":"1.0","id":`...)
	dst = appendText(dst, m.ID)
	dst = append(dst, `,"source":`...)
	dst = appendText(dst, m.Source)
	dst = append(dst, `,"type":`...)
	dst = appendText(dst, f.EventType())
	dst = append(dst, `,"subject":`...)
	dst = appendText(dst, f.EventSubject())
	if !m.Time.IsZero() {
		dst = append(dst, `,"time":"`...)
		dst = m.Time.UTC().AppendFormat(dst, timeLayout)
		dst = append(dst, '"')
	}
	if m.Tenant != "" {
		dst = append(dst, `,"tenant":`...)
		dst = appendText(dst, m.Tenant)
	}
	dst = append(dst, `,"data":`...)
	buf := bytes.NewBuffer(dst)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(f); err != nil {
		return nil, fmt.Errorf("encode %s: %w", f.EventType(), err)
	}
	return append(bytes.TrimSuffix(buf.Bytes(), []byte("\n")), '}'), nil
}

// appendText appends s as a JSON string. Bytes that are not ASCII are copied.
func appendText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
