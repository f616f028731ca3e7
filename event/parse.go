package event

import (
	"bytes"
	"fmt"
	"time"
	"unicode/utf8"

	"trunkline/event/internal/strictjson"
)

// Parse reads one event in structured JSON. The event's Raw is a part of raw,
// which the caller must not change while the event is in use. What is wrong
// with an event is an [InvalidError].
func Parse(raw []byte, lim Limits) (Event, error) {
	p := newReader(lim)
	if len(raw) > p.lim.MaxEvent {
		p.large("", "the event has more than %d bytes", p.lim.MaxEvent)
		return Event{}, p.err()
	}
	e, err := p.single(raw)
	return e, err
}

// ParseBatch reads a JSON array of events. One bad event refuses the batch;
// the [InvalidError] names every bad one.
func ParseBatch(raw []byte, lim Limits) ([]Event, error) {
	p := newReader(lim)
	if len(raw) > p.lim.MaxBatchBytes {
		p.large("", "the batch has more than %d bytes", p.lim.MaxBatchBytes)
		return nil, p.err()
	}
	if !utf8.Valid(raw) {
		p.problem("", "not valid UTF-8 at byte %d", firstInvalid(raw))
		return nil, p.err()
	}
	// The array is one level above its events.
	s := strictjson.New(raw, p.lim.MaxDepth+1)
	s.Array()
	var list []Event
	for s.OK() && s.Next() {
		if p.index == p.lim.MaxBatchEvents {
			p.large("", "the batch has more than %d events", p.lim.MaxBatchEvents)
			return nil, p.err()
		}
		if s.Peek() != '{' {
			if got := s.Value(); got != nil {
				p.problem("", "must be an object, not %.20s", got)
			}
		} else if e := p.event(&s, raw); s.OK() {
			if len(e.Raw) > p.lim.MaxEvent {
				p.large("", "the event has more than %d bytes", p.lim.MaxEvent)
			}
			list = append(list, e)
		}
		p.index++
	}
	s.End()
	if reason, at := s.Problem(); reason != "" {
		p.index = max(0, p.index-1)
		p.problem("", "not valid JSON at byte %d of the batch: %s", at, reason)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return list, nil
}

// ParseNDJSON reads events line by line: one object on each line, empty lines
// are passed over. One bad event refuses the batch; the [InvalidError] names
// every bad one by its place among the events.
func ParseNDJSON(raw []byte, lim Limits) ([]Event, error) {
	p := newReader(lim)
	if len(raw) > p.lim.MaxBatchBytes {
		p.large("", "the batch has more than %d bytes", p.lim.MaxBatchBytes)
		return nil, p.err()
	}
	list := make([]Event, 0, min(bytes.Count(raw, []byte{'\n'})+1, p.lim.MaxBatchEvents))
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte{'\n'})
		raw = rest
		if line = bytes.Trim(line, " \t\r"); len(line) == 0 {
			continue
		}
		if p.index == p.lim.MaxBatchEvents {
			p.large("", "the batch has more than %d events", p.lim.MaxBatchEvents)
			return nil, p.err()
		}
		if len(line) > p.lim.MaxEvent {
			p.large("", "the event has more than %d bytes", p.lim.MaxEvent)
		} else if e, err := p.single(line); err == nil {
			list = append(list, e)
		}
		p.index++
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return list, nil
}

// reader holds what the parsing of one input needs.
type reader struct {
	lim   Limits
	dict  *vocabulary
	index int           // of the event in the batch
	bad   *InvalidError // nil while nothing is wrong

	// Strings that tend to repeat are taken from the event before.
	lastSource, lastTenant string

	subjectShape *Shape // where the id that the subject must name is, with
	subjectField int    // the field's place in it and, once seen,
	subjectID    strictjson.Text

	way  []step // to the value that is being read
	room [4]step
}

func newReader(lim Limits) *reader {
	p := &reader{lim: lim.WithDefaults(), dict: dictionary()}
	p.way = p.room[:0]
	return p
}

func (p *reader) err() error {
	if p.bad == nil {
		return nil
	}
	return p.bad
}

func (p *reader) problem(field, format string, args ...any) {
	if p.bad == nil {
		p.bad = &InvalidError{}
	}
	p.bad.add(Problem{Index: p.index, Field: field, Reason: fmt.Sprintf(format, args...)})
}

func (p *reader) large(field, format string, args ...any) {
	p.problem(field, format, args...)
	p.bad.TooLarge = true
}

// count is the number of problems so far.
func (p *reader) count() int {
	if p.bad == nil {
		return 0
	}
	return len(p.bad.Problems) + p.bad.More
}

// single reads raw as exactly one event.
func (p *reader) single(raw []byte) (Event, error) {
	if !utf8.Valid(raw) {
		p.problem("", "not valid UTF-8 at byte %d", firstInvalid(raw))
		return Event{}, p.bad
	}
	s := strictjson.New(raw, p.lim.MaxDepth)
	before := p.count()
	e := p.event(&s, raw)
	s.End()
	if reason, at := s.Problem(); reason != "" {
		p.problem("", "not valid JSON at byte %d: %s", at, reason)
	}
	if p.count() > before {
		return Event{}, p.bad
	}
	return e, nil
}

func firstInvalid(b []byte) int {
	at := 0
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
		b = b[n:]
	}
	return at
}

// event reads the object at the scanner's place. Problems of JSON stay in the
// scanner, all others are noted in p.
func (p *reader) event(s *strictjson.Scanner, buf []byte) Event {
	var env envelope
	s.Peek()
	start := s.Pos()
	if s.Object(); !s.OK() {
		return Event{}
	}
	for {
		key, ok := s.Key()
		if !ok {
			break
		}
		p.member(s, &env, key, start)
	}
	if !s.OK() {
		return Event{}
	}
	e := p.finish(&env, buf[start:s.Pos()])
	return e
}

// strings copies the attributes of an event out of its bytes, with as few
// allocations as possible: type, source and tenant are shared where they are
// known, and the others lie in one string.
func (p *reader) strings(env *envelope, known *TypeInfo) Event {
	var e Event
	source, tenant := env.source.Bytes(), env.tenant.Bytes()
	var room [256]byte
	all := append(room[:0], env.id.Bytes()...)
	id := len(all)
	all = append(all, env.subject.Bytes()...)
	subject := len(all)
	if known == nil {
		all = append(all, env.typ.Bytes()...)
	}
	typ := len(all)
	if string(source) != p.lastSource {
		all = append(all, source...)
	}
	src := len(all)
	if string(tenant) != p.lastTenant {
		all = append(all, tenant...)
	}
	text := string(all)
	e.ID, e.Subject = text[:id], text[id:subject]
	if known != nil {
		e.Type = known.Type
	} else {
		e.Type = text[subject:typ]
	}
	if string(source) != p.lastSource {
		p.lastSource = text[typ:src]
	}
	if string(tenant) != p.lastTenant {
		p.lastTenant = text[src:]
	}
	e.Source, e.Tenant = p.lastSource, p.lastTenant
	return e
}

// timestamp reads an RFC 3339 time. It must be one in UTC too: an offset must
// not carry it out of the four digits of the year.
func timestamp(t strictjson.Text) (time.Time, bool) {
	var at time.Time
	if err := at.UnmarshalText(t.Bytes()); err != nil {
		return at, false
	}
	year := at.UTC().Year()
	return at, 0 <= year && year <= 9999
}
