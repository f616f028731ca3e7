package asterisk

import (
	"bytes"
	"errors"
	"fmt"

	"trunkline/source/clean"
)

// ErrSyntax is what every [SyntaxError] wraps.
var ErrSyntax = errors.New("malformed manager stream")

// SyntaxError is one place where the stream was not what it should be. The
// reader goes on after it.
type SyntaxError struct {
	Offset int64  // of the first byte that does not fit
	Got    string // what stood there, cut to a few dozen bytes
	Want   string // what is expected there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("manager stream, offset %d: got %q, want %s", e.Offset, e.Got, e.Want)
}

func (e *SyntaxError) Unwrap() error { return ErrSyntax }

// Limits bound what a reader keeps in memory. A zero field takes its default.
type Limits struct {
	MaxLine    int // bytes of one line without its end; default 64 KiB
	MaxMessage int // bytes of one message; default 256 KiB
	MaxFields  int // lines of one message; default 1,024
}

func (l Limits) withDefaults() Limits {
	if l.MaxLine <= 0 {
		l.MaxLine = 64 << 10
	}
	if l.MaxMessage <= 0 {
		l.MaxMessage = 256 << 10
	}
	if l.MaxFields <= 0 {
		l.MaxFields = 1024
	}
	return l
}

const (
	bannerPrefix = "Asterisk Call Manager/"
	wantStart    = `a banner, "Event:" or "Response:"`
	wantField    = `"Key: value" or an empty line`
)

// Reader cuts a byte stream into messages. The zero value is not usable, see
// [NewReader]. It is not safe for concurrent use.
//
// A message begins with a line "Event: name" or "Response: result" and ends
// with an empty line; a banner is a line of its own. Lines end with CR LF, a
// bare LF is accepted. What does not fit is reported and left out:
//
//   - a line that is no "Key: value", or is too long, is dropped and its
//     message goes on without it;
//   - lines before the start of a message are dropped;
//   - a message that grows over a limit, or is cut off by the start of another
//     one, is dropped as a whole, because what a half message says may be wrong.
type Reader struct {
	lim     Limits
	message func(*Message)
	fault   func(*SyntaxError)

	buf       []byte // the unfinished message, from its start
	lineStart int    // where the unfinished line starts in buf
	scanned   int    // how far buf is known to hold no line end
	end       int64  // stream offset after the last byte written
	lineOff   int64  // stream offset of the unfinished line
	long      bool   // the unfinished line is over the limit: its bytes are dropped
	state     state
	msg       Message
}

type state uint8

const (
	between  state = iota // no message begun
	inside                // collecting fields
	skipping              // dropping lines up to an empty one or the next start
)

// NewReader returns a reader that hands every message to message, in the order
// of the stream, and every fault to fault, which may be nil.
func NewReader(lim Limits, message func(*Message), fault func(*SyntaxError)) *Reader {
	return &Reader{lim: lim.withDefaults(), message: message, fault: fault}
}

// Offset returns how many bytes were written.
func (r *Reader) Offset() int64 { return r.end }

// Write takes the next bytes of the stream. It never fails and always takes
// all of p.
func (r *Reader) Write(p []byte) (int, error) {
	n := len(p)
	data := p
	kept := len(r.buf) > 0
	if kept {
		r.buf = append(r.buf, p...)
		data = r.buf
	}
	base := 0 // start of the unfinished message in data
	line := r.lineStart
	scan := r.scanned
	for {
		i := bytes.IndexByte(data[scan:], '\n')
		if i < 0 {
			break
		}
		next := scan + i + 1
		base += r.endLine(data[base:next], line-base)
		r.lineOff += int64(next - line)
		r.long = false
		line, scan = next, next
	}
	r.end += int64(n)
	if len(data)-line > r.lim.MaxLine+1 && !r.long { // one more for the CR
		r.tooLong(data[line:])
		r.long = true
	}
	rest := data[base:]
	r.lineStart = line - base
	if r.long {
		r.lineOff += int64(len(data) - line)
		rest = data[base:line]
	}
	if !kept {
		r.buf = append(r.buf[:0], rest...)
	} else if len(rest) < len(data) {
		r.buf = r.buf[:copy(r.buf, rest)]
	}
	r.scanned = len(r.buf)
	return n, nil
}

// Close says that the stream ends here. An unfinished message is a fault. The
// reader may be written to again: that is a new connection.
func (r *Reader) Close() error {
	if r.state == inside {
		r.report(r.msg.Offset, r.msgHead(r.buf), "an empty line at the end of the message")
	} else if r.state == between && (len(r.buf) > r.lineStart) {
		r.report(r.lineOff, r.buf[r.lineStart:], wantStart)
	}
	r.reset()
	return nil
}

func (r *Reader) reset() {
	r.buf = r.buf[:0]
	r.lineStart, r.scanned = 0, 0
	r.lineOff = r.end
	r.long = false
	r.state = between
	r.msg.spans = r.msg.spans[:0]
}

// endLine takes the line that starts at from in data and ends with it; data
// starts with the unfinished message. It returns how many bytes of data are not
// needed any more: none while the message goes on, all but the line when a
// message starts with it, all when nothing is under way.
func (r *Reader) endLine(data []byte, from int) (done int) {
	if r.long {
		return r.settle(data)
	}
	line := data[from : len(data)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if len(line) > r.lim.MaxLine {
		r.tooLong(line)
		return r.settle(data)
	}
	if len(line) == 0 {
		if r.state == inside {
			r.flush(data)
		}
		r.state = between
		return len(data)
	}
	if kind := r.startKind(line); kind != 0 {
		if r.state == inside {
			r.report(r.msg.Offset, r.msgHead(data), "an empty line before the next message")
		}
		return from + r.begin(data[from:], line, kind)
	}
	switch r.state {
	case between:
		r.report(r.lineOff, line, wantStart)
		r.state = skipping
	case inside:
		if r.lineOff+int64(len(line))-r.msg.Offset > int64(r.lim.MaxMessage) {
			r.report(r.msg.Offset, r.msgHead(data), fmt.Sprintf("a message of at most %d bytes", r.lim.MaxMessage))
			r.state = skipping
			break
		}
		r.field(data, from, line)
	}
	return r.settle(data)
}

// settle tells how much of data can go: nothing of a message under way.
func (r *Reader) settle(data []byte) int {
	if r.state == inside {
		return 0
	}
	return len(data)
}

// begin starts a message at its first line, which is at the start of data.
func (r *Reader) begin(data, line []byte, kind Kind) (done int) {
	r.msg.Kind = kind
	r.msg.Offset = r.lineOff
	r.msg.spans = r.msg.spans[:0]
	if kind == Banner {
		r.msg.spans = append(r.msg.spans, span{valEnd: int32(len(line))})
		r.flush(data)
		r.state = between
		return len(data)
	}
	r.state = inside
	r.field(data, 0, line)
	return 0
}

func (r *Reader) field(data []byte, from int, line []byte) {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !keyLike(line[:colon]) {
		r.report(r.lineOff, line, wantField)
		return
	}
	if len(r.msg.spans) >= r.lim.MaxFields {
		r.report(r.msg.Offset, r.msgHead(data), fmt.Sprintf("a message of at most %d lines", r.lim.MaxFields))
		r.state = skipping
		return
	}
	val := colon + 1
	for val < len(line) && line[val] == ' ' {
		val++
	}
	r.msg.spans = append(r.msg.spans, span{
		key: int32(from), keyEnd: int32(from + colon),
		val: int32(from + val), valEnd: int32(from + len(line)),
	})
}

func (r *Reader) flush(data []byte) {
	r.msg.raw = data
	r.message(&r.msg)
	r.msg.raw = nil
}

func (r *Reader) tooLong(line []byte) {
	want := fmt.Sprintf("a line of at most %d bytes", r.lim.MaxLine)
	r.report(r.lineOff, line[:r.lim.MaxLine], want)
	if r.state == between {
		r.state = skipping
	}
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

// msgHead returns the first line of the message in hand.
func (r *Reader) msgHead(data []byte) []byte {
	if len(r.msg.spans) == 0 {
		return nil
	}
	s := r.msg.spans[0]
	return data[s.key:s.valEnd]
}

// startKind tells what a line starts, or 0. Inside an event a line "Response:"
// is a field, as OriginateResponse has it.
func (r *Reader) startKind(line []byte) Kind {
	switch line[0] {
	case 'E', 'e':
		if len(line) > 5 && line[5] == ':' && clean.SameKey(line[:5], "Event") {
			return EventMessage
		}
	case 'R', 'r':
		if len(line) > 8 && line[8] == ':' && clean.SameKey(line[:8], "Response") &&
			(r.state != inside || r.msg.Kind == ResponseMessage) {
			return ResponseMessage
		}
	case 'A':
		if bytes.HasPrefix(line, []byte(bannerPrefix)) {
			return Banner
		}
	}
	return 0
}

// keyLike tells whether b can be a key: printable ASCII without a space.
func keyLike(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
