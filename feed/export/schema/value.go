package schema

import (
	"cmp"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// Value is one value of a row. The zero Value is null.
type Value struct {
	text string
	bits uint64
	kind valueKind
}

type valueKind uint8

const (
	null valueKind = iota
	isString
	isInteger
	isFloat
	isBoolean
	isTimestamp
)

// Text makes a text.
func Text(s string) Value { return Value{text: s, kind: isString} }

// Some makes a text; the empty one is null.
func Some(s string) Value {
	if s == "" {
		return Value{}
	}
	return Text(s)
}

// Int makes a whole number.
func Int[T ~int | ~int32 | ~int64](n T) Value { return Value{bits: uint64(int64(n)), kind: isInteger} }

// Real makes a number. What is not a finite one is null.
func Real(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	return Value{bits: math.Float64bits(f), kind: isFloat}
}

// Truth makes a truth value.
func Truth(b bool) Value {
	v := Value{kind: isBoolean}
	if b {
		v.bits = 1
	}
	return v
}

// Micros makes a moment of microseconds since 1970; 0 is null.
func Micros(us int64) Value {
	if us == 0 {
		return Value{}
	}
	return Value{bits: uint64(us), kind: isTimestamp}
}

// Millis makes a moment of milliseconds since 1970; 0 is null.
func Millis(ms int64) Value { return Micros(ms * 1000) }

// IsNull says that there is no value.
func (v Value) IsNull() bool { return v.kind == null }

// Str gives a text, "" for anything else.
func (v Value) Str() string { return v.text }

// Integer gives a whole number, and of a moment its microseconds since 1970; 0 for
// anything else.
func (v Value) Integer() int64 {
	if v.kind == isInteger || v.kind == isTimestamp {
		return int64(v.bits)
	}
	return 0
}

// Float gives a number; 0 for anything else.
func (v Value) Float() float64 {
	switch v.kind {
	case isFloat:
		return math.Float64frombits(v.bits)
	case isInteger:
		return float64(int64(v.bits))
	}
	return 0
}

// Bool gives a truth value, false for anything else.
func (v Value) Bool() bool { return v.kind == isBoolean && v.bits == 1 }

// Time gives a moment, the zero time for anything else.
func (v Value) Time() time.Time {
	if v.kind != isTimestamp {
		return time.Time{}
	}
	return time.UnixMicro(int64(v.bits)).UTC()
}

// Fits says that the value may stand in a column of the kind: null fits all.
func (v Value) Fits(k Kind) bool {
	return v.kind == null || v.kind == valueKind(k)+isString
}

// Compare orders two values of a column: null before everything else.
func (v Value) Compare(o Value) int {
	if v.kind != o.kind {
		return cmp.Compare(v.kind, o.kind)
	}
	switch v.kind {
	case isString:
		return cmp.Compare(v.text, o.text)
	case isFloat:
		return cmp.Compare(v.Float(), o.Float())
	}
	return cmp.Compare(int64(v.bits), int64(o.bits))
}

// timeLayout is the form of moments in text, which the offset follows: it always
// has the same width.
const timeLayout = "2006-01-02T15:04:05.000000"

// AppendJSON appends the value as JSON. Moments are texts such as
// "2026-03-02T09:00:00.000000+00:00"; control characters are escaped.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case isString:
		return appendText(dst, v.text)
	case isInteger:
		return strconv.AppendInt(dst, int64(v.bits), 10)
	case isFloat:
		return strconv.AppendFloat(dst, math.Float64frombits(v.bits), 'f', -1, 64)
	case isBoolean:
		return strconv.AppendBool(dst, v.bits == 1)
	case isTimestamp:
		dst = time.UnixMicro(int64(v.bits)).UTC().AppendFormat(append(dst, '"'), timeLayout)
		return append(dst, `+00:00"`...)
	}
	return append(dst, "null"...)
}

// String gives the value as text: that of its JSON, without quotes and escapes.
func (v Value) String() string {
	switch v.kind {
	case isString:
		return v.text
	case isTimestamp:
		b := v.AppendJSON(nil)
		return string(b[1 : len(b)-1])
	}
	return string(v.AppendJSON(nil))
}

// AppendJSON appends a row as one JSON object without a line end: all columns in
// their order, null where there is no value.
func (t *Table) AppendJSON(dst []byte, r Row) []byte {
	dst = append(dst, '{')
	for i := range r {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), t.Columns[i].Name...), '"', ':')
		dst = r[i].AppendJSON(dst)
	}
	return append(dst, '}')
}

const hex = "0123456789abcdef"

// appendText appends a JSON text. Bytes that are no UTF-8 become U+FFFD, and the
// line separators that old readers take for line ends are escaped.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		size, plain := 1, false
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			plain = r >= 0xa0 && r != 0x2028 && r != 0x2029 && (r != utf8.RuneError || size > 1)
			if !plain {
				dst = append(dst, s[from:i]...)
				dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
			}
		} else {
			dst = append(dst, s[from:i]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
		}
		i += size
		if !plain {
			from = i
		}
	}
	return append(append(dst, s[from:]...), '"')
}
