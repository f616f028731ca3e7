// Package strictjson reads JSON text in one pass without building values.
//
// A [Scanner] is stricter than most parsers where they disagree, so that a
// text it accepts means the same to every reader: strings hold no unpaired
// surrogates, numbers fit a 64-bit float, nesting has a bound. It leaves two
// things to its caller: that the text is valid UTF-8, and that the names of an
// object are unique.
//
// A Scanner is used as a value on the stack and allocates nothing. After the
// first error every method does nothing and Err tells what was wrong.
package strictjson

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// Scanner reads one JSON text from the front.
type Scanner struct {
	buf   []byte
	pos   int
	depth int
	limit int
	// fresh is set between the opening of an object or array and its first member.
	fresh bool

	problem string
	at      int
}

// New returns a scanner of buf that allows limit levels of objects and arrays.
func New(buf []byte, limit int) Scanner { return Scanner{buf: buf, limit: limit} }

// Problem returns what is wrong and where; the text is empty when nothing is.
func (s *Scanner) Problem() (reason string, offset int) { return s.problem, s.at }

// OK reports whether nothing was wrong so far.
func (s *Scanner) OK() bool { return s.problem == "" }

// Pos returns the offset of the next byte to be read.
func (s *Scanner) Pos() int { return s.pos }

func (s *Scanner) fail(reason string) {
	if s.problem == "" {
		s.problem, s.at = reason, s.pos
		s.buf = s.buf[:0] // nothing more is to be read
	}
}

// Peek skips space and returns the next byte without reading it, 0 at the end
// of the text or after an error.
func (s *Scanner) Peek() byte {
	if s.pos < len(s.buf) {
		if c := s.buf[s.pos]; c > ' ' {
			return c
		}
	}
	return s.skipSpace()
}

func (s *Scanner) skipSpace() byte {
	for s.pos < len(s.buf) {
		switch c := s.buf[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// End checks that nothing but space is left.
func (s *Scanner) End() {
	if s.Peek() != 0 || s.pos < len(s.buf) {
		s.fail("unexpected text after the value")
	}
}

// Object reads the opening of an object.
func (s *Scanner) Object() { s.open('{', "expected an object") }

// Array reads the opening of an array.
func (s *Scanner) Array() { s.open('[', "expected an array") }

func (s *Scanner) open(bracket byte, reason string) {
	if s.Peek() != bracket {
		s.fail(reason)
		return
	}
	if s.depth++; s.depth > s.limit {
		s.fail("nested deeper than " + strconv.Itoa(s.limit) + " levels")
		return
	}
	s.pos++
	s.fresh = true
}

// Key reads the name of the next member of an object, up to its value. It
// returns false when the object is over, having read its end.
func (s *Scanner) Key() (Text, bool) {
	if !s.more('}', "expected a comma or the end of the object") {
		return Text{}, false
	}
	if s.Peek() != '"' {
		s.fail("expected a name in quotes")
		return Text{}, false
	}
	name := s.Text()
	if s.Peek() != ':' {
		s.fail("expected a colon after the name")
		return Text{}, false
	}
	s.pos++
	return name, true
}

// Next moves to the next item of an array. It returns false when the array is
// over, having read its end.
func (s *Scanner) Next() bool {
	return s.more(']', "expected a comma or the end of the array")
}

func (s *Scanner) more(end byte, reason string) bool {
	c := s.Peek()
	if c == 0 {
		s.fail("the text ends early")
		return false
	}
	fresh := s.fresh
	s.fresh = false
	switch {
	case c == end:
		s.pos++
		s.depth--
		return false
	case fresh:
		return true
	case c == ',':
		s.pos++
		return true
	}
	s.fail(reason)
	return false
}

// Value reads any value and returns its text.
func (s *Scanner) Value() []byte {
	c := s.Peek()
	start := s.pos
	switch c {
	case '"':
		s.Text()
	case '{':
		s.Object()
		for {
			if _, ok := s.Key(); !ok {
				break
			}
			s.Value()
		}
	case '[':
		s.Array()
		for s.OK() && s.Next() {
			s.Value()
		}
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	case 0:
		if s.pos >= len(s.buf) {
			s.fail("the text ends early")
		} else {
			s.fail("expected a value")
		}
	default:
		s.number()
	}
	if s.problem != "" {
		return nil
	}
	return s.buf[start:s.pos]
}

func (s *Scanner) literal(word string) {
	if len(s.buf)-s.pos < len(word) || string(s.buf[s.pos:s.pos+len(word)]) != word {
		s.fail("expected a value")
		return
	}
	s.pos += len(word)
}

// longNumber is the length from which a number may be too large for a float
// without having an exponent.
const longNumber = 300

func (s *Scanner) number() {
	start := s.pos
	i := s.pos
	if i < len(s.buf) && s.buf[i] == '-' {
		i++
	}
	switch {
	case i < len(s.buf) && s.buf[i] == '0':
		i++
	case i < len(s.buf) && '1' <= s.buf[i] && s.buf[i] <= '9':
		i = s.digits(i)
	case i == start:
		s.fail("expected a value")
		return
	default:
		s.fail("expected a digit")
		return
	}
	if i < len(s.buf) && s.buf[i] == '.' {
		from := i + 1
		if i = s.digits(from); i == from {
			s.fail("expected a digit after the point")
			return
		}
	}
	power := false
	if i < len(s.buf) && (s.buf[i] == 'e' || s.buf[i] == 'E') {
		power = true
		i++
		if i < len(s.buf) && (s.buf[i] == '+' || s.buf[i] == '-') {
			i++
		}
		from := i
		if i = s.digits(from); i == from {
			s.fail("expected a digit in the exponent")
			return
		}
	}
	if power || i-start > longNumber {
		if f, err := strconv.ParseFloat(string(s.buf[start:i]), 64); err != nil || math.IsInf(f, 0) {
			s.fail("number out of range")
			return
		}
	}
	s.pos = i
}

func (s *Scanner) digits(i int) int {
	for i < len(s.buf) && '0' <= s.buf[i] && s.buf[i] <= '9' {
		i++
	}
	return i
}

// Masks to look at eight bytes at once.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns the offset of the first byte from i on that a string does not
// simply contain: a quote, a backslash or a control character.
func plain(buf []byte, i int) int {
	for i+8 <= len(buf) {
		x := binary.LittleEndian.Uint64(buf[i:])
		quote := x ^ ones*'"'
		slash := x ^ ones*'\\'
		// Each term marks its bytes exactly up to its first hit; a borrow can
		// only make false marks above it, so the lowest mark is right.
		hit := ((x-ones*0x20)&^x | (quote-ones)&^quote | (slash-ones)&^slash) & highs
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
		i += 8
	}
	for i < len(buf) && buf[i] >= 0x20 && buf[i] != '"' && buf[i] != '\\' {
		i++
	}
	return i
}

// Text reads a string.
func (s *Scanner) Text() Text {
	if s.Peek() != '"' {
		s.fail("expected a string")
		return Text{}
	}
	start := s.pos + 1
	i := plain(s.buf, start)
	if i < len(s.buf) && s.buf[i] == '"' {
		s.pos = i + 1
		return Text{Raw: s.buf[start:i]}
	}
	return s.escaped(start, i)
}

// escaped reads on from i in a string that is not simply there to its end.
func (s *Scanner) escaped(start, i int) Text {
	t := Text{}
	for {
		switch {
		case i >= len(s.buf):
			s.pos = i
			s.fail("the text ends inside a string")
			return Text{}
		case s.buf[i] == '"':
			s.pos = i + 1
			t.Raw = s.buf[start:i]
			return t
		case s.buf[i] < 0x20:
			s.pos = i
			s.fail("control character in a string")
			return Text{}
		}
		t.Escaped = true
		n, reason := escape(s.buf[i:])
		if n == 0 {
			s.pos = i
			s.fail(reason)
			return Text{}
		}
		i = plain(s.buf, i+n)
	}
}
