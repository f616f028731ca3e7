package freeswitch

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// ErrSyntax is what every [SyntaxError] wraps.
var ErrSyntax = errors.New("malformed event socket stream")

// SyntaxError is one place where the stream was not what it should be. The
// reader goes on after it.
type SyntaxError struct {
	Offset int64  // of the first byte that does not fit
	Got    string // what stood there, cut to a few dozen bytes
	Want   string // what is expected there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("event socket stream, offset %d: got %q, want %s", e.Offset, e.Got, e.Want)
}

func (e *SyntaxError) Unwrap() error { return ErrSyntax }

// Limits bound what a reader keeps in memory. A zero field takes its default.
type Limits struct {
	MaxLine   int // bytes of one line of a frame's head without its end; default 8 KiB
	MaxHead   int // lines of a frame's head; default 64
	MaxBody   int // bytes of a frame's body; default 16 MiB, a list of some 30,000 channels
	MaxFields int // lines of an event; default 4,096
}

func (l Limits) withDefaults() Limits {
	if l.MaxLine <= 0 {
		l.MaxLine = 8 << 10
	}
	if l.MaxHead <= 0 {
		l.MaxHead = 64
	}
	if l.MaxBody <= 0 {
		l.MaxBody = 16 << 20
	}
	if l.MaxFields <= 0 {
		l.MaxFields = 4096
	}
	return l
}

const (
	wantField  = `"Key: value" or an empty line`
	wantType   = "a frame with a Content-Type"
	wantLength = "a Content-Length in bytes"
	// farBody is a length from which on a Content-Length is taken for garbage: to
	// skip that much would be to lose the stream.
	farBody = 1 << 30
)

// Reader cuts a byte stream into messages. The zero value is not usable, see
// [NewReader]. It is not safe for concurrent use.
//
// A frame is a head of lines "Key: value", an empty line and a body of
// Content-Length bytes. The body of an event has the same form again, with
// percent-encoded values and a body of its own. Lines end with LF, CR LF is
// accepted. What does not fit is reported and left out:
//
//   - a line that is no "Key: value" is dropped and its frame or event goes on
//     without it;
//   - a head without a Content-Type, with a line or a number of lines over the
//     limits, or with a Content-Length that is none, is dropped up to its empty
//     line, and what follows is taken for the next head;
//   - a body over the limit is skipped with its frame.
type Reader struct {
	lim     Limits
	message func(*Message)
	fault   func(*SyntaxError)

	buf     []byte // the unfinished frame, from its start
	off     int64  // stream offset of the unfinished frame
	scanned int    // how far the unfinished frame is known to hold no line end
	line    int    // where its unfinished line starts
	head    []span // the lines of its head so far
	fields  []span // of the event in hand
	need    int    // its length when the head is complete, else 0
	bodyAt  int    // where its body starts
	skip    int    // bytes of a dropped body still to come
	lost    bool   // dropping lines up to an empty one
	midLine bool   // a dropped line has begun and not ended
	msg     Message
}

// NewReader returns a reader that hands every message to message, in the order
// of the stream, and every fault to fault, which may be nil.
func NewReader(lim Limits, message func(*Message), fault func(*SyntaxError)) *Reader {
	return &Reader{lim: lim.withDefaults(), message: message, fault: fault}
}

// Offset returns how many bytes were written.
func (r *Reader) Offset() int64 { return r.off + int64(len(r.buf)) }

// Write takes the next bytes of the stream. It never fails and always takes
// all of p.
func (r *Reader) Write(p []byte) (int, error) {
	data := p
	kept := len(r.buf) > 0
	if kept {
		r.buf = append(r.buf, p...)
		data = r.buf
	}
	done := 0
	for {
		n := r.step(data[done:])
		if n == 0 {
			break
		}
		done += n
		r.off += int64(n)
	}
	rest := data[done:]
	switch {
	case !kept:
		r.buf = append(r.buf[:0], rest...)
	case done > 0:
		r.buf = r.buf[:copy(r.buf, rest)]
	}
	if len(r.buf) == 0 && cap(r.buf) > 1<<20 {
		r.buf = nil // a large response is over
	}
	return len(p), nil
}

// Close says that the stream ends here. An unfinished frame is a fault. The
// reader may be written to again: that is a new connection.
func (r *Reader) Close() error {
	switch {
	case r.need > 0:
		r.report(r.off, r.buf, fmt.Sprintf("%d more bytes of the frame", r.need-len(r.buf)))
	case len(r.buf) > 0:
		r.report(r.off, r.buf, "an empty line at the end of the head")
	}
	r.off += int64(len(r.buf))
	r.buf = r.buf[:0]
	r.begin()
	r.skip, r.lost, r.midLine = 0, false, false
	return nil
}

// begin gets ready for the next frame.
func (r *Reader) begin() {
	r.scanned, r.line, r.need, r.bodyAt = 0, 0, 0, 0
	r.head = r.head[:0]
}

// step takes bytes off the start of data, which begins with the unfinished
// frame, and returns how many, or 0 when more are needed.
func (r *Reader) step(data []byte) int {
	switch {
	case len(data) == 0:
		return 0
	case r.skip > 0:
		n := min(r.skip, len(data))
		r.skip -= n
		return n
	case r.lost:
		return r.dropLine(data)
	case r.need > 0:
		if len(data) < r.need {
			return 0
		}
		return r.deliver(data[:r.need])
	}
	i := bytes.IndexByte(data[r.scanned:], '\n')
	if i < 0 {
		r.scanned = len(data)
		if len(data)-r.line > r.lim.MaxLine+1 { // one more for the CR
			return r.lose(data, r.tooLong())
		}
		return 0
	}
	end := r.scanned + i
	line := data[r.line:end]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	next := end + 1
	switch {
	case len(line) > r.lim.MaxLine:
		return r.lose(data, r.tooLong())
	case len(line) == 0 && len(r.head) == 0:
		r.begin()
		return next // between frames, or the end of a head of garbage
	case len(line) == 0:
		return r.endHead(data, next)
	case len(r.head) >= r.lim.MaxHead:
		return r.lose(data[:next], fmt.Sprintf("a head of at most %d lines", r.lim.MaxHead))
	}
	if s, ok := field(line, r.line); ok {
		r.head = append(r.head, s)
	} else {
		r.report(r.off+int64(r.line), line, wantField)
		if len(r.head) == 0 {
			r.begin()
			return next
		}
	}
	r.line, r.scanned = next, next
	return r.step(data)
}

func (r *Reader) tooLong() string { return fmt.Sprintf("a line of at most %d bytes", r.lim.MaxLine) }

// lose drops the head in hand and what follows up to an empty line.
func (r *Reader) lose(data []byte, want string) int {
	at := r.line
	r.report(r.off+int64(at), data[at:min(len(data), at+r.lim.MaxLine)], want)
	r.lost = true
	r.begin()
	return at + r.dropLine(data[at:])
}

// dropLine drops one line, or what there is of it.
func (r *Reader) dropLine(data []byte) int {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		// A CR alone may be the first half of an empty line's end.
		if !r.midLine && len(data) == 1 && data[0] == '\r' {
			return 0
		}
		r.midLine = len(data) > 0 || r.midLine
		return len(data)
	}
	if !r.midLine && (i == 0 || i == 1 && data[0] == '\r') {
		r.lost = false
	}
	r.midLine = false
	return i + 1
}

// endHead looks at a complete head and finds out how long the frame is.
func (r *Reader) endHead(data []byte, next int) int {
	r.msg.raw, r.msg.spans = data, r.head
	kind, length := r.msg.Bytes("Content-Type"), r.msg.Bytes("Content-Length")
	r.msg.raw = nil
	drop := func(want string) int {
		r.report(r.off, data[:next], want)
		r.begin()
		return next
	}
	if kind == nil {
		return drop(wantType)
	}
	n := 0
	if length != nil {
		var err error
		if n, err = strconv.Atoi(string(length)); err != nil || n < 0 || n > farBody {
			return drop(wantLength)
		}
	}
	if n > r.lim.MaxBody {
		r.skip = n
		return drop(fmt.Sprintf("a body of at most %d bytes", r.lim.MaxBody))
	}
	r.bodyAt, r.need = next, next+n
	return r.step(data)
}

// deliver hands out a complete frame.
func (r *Reader) deliver(data []byte) int {
	m := &r.msg
	m.Offset, m.raw, m.spans, m.body = r.off, data, r.head, data[r.bodyAt:]
	m.Kind = OtherMessage
	if kind, ok := kinds[string(m.Bytes("Content-Type"))]; ok {
		m.Kind = kind
	}
	if m.Kind != EventMessage || r.event(m) {
		r.message(m)
	}
	m.raw, m.body = nil, nil
	r.head = r.head[:0]
	r.begin()
	return len(data)
}

// event reads the fields of an event behind those of its frame, and reports
// whether it is one. The frame's own fields go.
func (r *Reader) event(m *Message) bool {
	fields := r.fields[:0]
	at, end := r.bodyAt, len(m.raw)
	for at < end {
		next := end
		line := m.raw[at:]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			next = at + i + 1
			line = line[:i]
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if len(line) == 0 {
			at = next
			break
		}
		if len(fields) >= r.lim.MaxFields {
			r.report(m.Offset, m.raw, fmt.Sprintf("an event of at most %d lines", r.lim.MaxFields))
			return false
		}
		if s, ok := field(line, at); ok {
			fields = append(fields, s)
		} else {
			r.report(m.Offset+int64(at), line, wantField)
		}
		at = next
	}
	r.fields, m.spans = fields, fields
	m.body = m.raw[at:end]
	if m.Bytes("Event-Name") == nil {
		r.report(m.Offset, m.raw, "an event with an Event-Name")
		return false
	}
	if length := m.Bytes("Content-Length"); length != nil {
		n, err := strconv.Atoi(string(length))
		if err != nil || n < 0 || n > len(m.body) {
			r.report(m.Offset+int64(at), m.body, fmt.Sprintf("the %s bytes of the event's body", length))
		} else {
			m.body = m.body[:n]
		}
	}
	return true
}

// field cuts a line that starts at a place into key and value.
func field(line []byte, at int) (span, bool) {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return span{}, false
	}
	for _, c := range line[:colon] {
		if c <= ' ' || c >= 0x7f {
			return span{}, false
		}
	}
	val := colon + 1
	for val < len(line) && line[val] == ' ' {
		val++
	}
	return span{key: int32(at), keyEnd: int32(at + colon), val: int32(at + val), valEnd: int32(at + len(line))}, true
}

func (r *Reader) report(off int64, got []byte, want string) {
	if r.fault == nil {
		return
	}
	const shown = 32
	if len(got) > shown {
		got = got[:shown]
	}
	r.fault(&SyntaxError{Offset: off, Got: string(got), Want: want})
}
