package signalr

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Limits of a record of the MessagePack protocol.
const (
	maxArgs  = 64 // arguments of a call
	maxDepth = 64 // arrays and maps in one another
)

// errNoJSON is what an error wraps when a value is whole, but nothing that a method
// could take.
var errNoJSON = errors.New("an argument cannot be understood")

// packKind is a family of MessagePack.
type packKind uint8

const (
	packNil packKind = iota
	packBool
	packInt
	packUint
	packFloat
	packText
	packBin
	packArray
	packMap
	packExt
)

// packed is the beginning of a value: all of it, unless it is an array or a map.
type packed struct {
	kind  packKind
	n     uint64  // an integer's or a bool's value, as it lies; elements of an array, pairs of a map
	float float64 // of packFloat
	data  []byte  // of text, binary data and extensions, in the record
	ext   int8    // the type of an extension
}

// unpacker reads the MessagePack of one record. It allocates nothing by what a client
// announces: lengths are held against what is there.
type unpacker struct{ rest []byte }

func broken(what string) error { return fmt.Errorf("%w: %s", ErrProtocol, what) }

func (u *unpacker) take(n uint64) ([]byte, error) {
	if n > uint64(len(u.rest)) {
		return nil, broken("a message ends in the middle of a value")
	}
	p := u.rest[:n]
	u.rest = u.rest[n:]
	return p, nil
}

// number takes an unsigned number of so many bytes.
func (u *unpacker) number(bytes uint64) (uint64, error) {
	p, err := u.take(bytes)
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[8-bytes:], p)
	return binary.BigEndian.Uint64(wide[:]), nil
}

// next takes the beginning of a value.
func (u *unpacker) next() (packed, error) {
	first, err := u.take(1)
	if err != nil {
		return packed{}, err
	}
	c := first[0]
	switch {
	case c < 0x80:
		return packed{kind: packUint, n: uint64(c)}, nil
	case c < 0x90:
		return u.sized(packMap, uint64(c&0x0f))
	case c < 0xa0:
		return u.sized(packArray, uint64(c&0x0f))
	case c < 0xc0:
		return u.sized(packText, uint64(c&0x1f))
	case c == 0xc0:
		return packed{}, nil
	case c == 0xc2, c == 0xc3:
		return packed{kind: packBool, n: uint64(c & 1)}, nil
	case c >= 0xc4 && c <= 0xc6:
		return u.long(packBin, 1<<(c-0xc4))
	case c >= 0xc7 && c <= 0xc9:
		return u.long(packExt, 1<<(c-0xc7))
	case c == 0xca:
		n, err := u.number(4)
		return packed{kind: packFloat, float: float64(math.Float32frombits(uint32(n)))}, err
	case c == 0xcb:
		n, err := u.number(8)
		return packed{kind: packFloat, float: math.Float64frombits(n)}, err
	case c >= 0xcc && c <= 0xcf:
		n, err := u.number(1 << (c - 0xcc))
		return packed{kind: packUint, n: n}, err
	case c >= 0xd0 && c <= 0xd3:
		size := uint64(1) << (c - 0xd0)
		n, err := u.number(size)
		unused := 64 - 8*size // the sign is the highest bit of what was sent
		return packed{kind: packInt, n: uint64(int64(n<<unused) >> unused)}, err
	case c >= 0xd4 && c <= 0xd8:
		return u.sized(packExt, 1<<(c-0xd4))
	case c >= 0xd9 && c <= 0xdb:
		return u.long(packText, 1<<(c-0xd9))
	case c == 0xdc, c == 0xdd:
		return u.long(packArray, 2<<(c-0xdc))
	case c == 0xde, c == 0xdf:
		return u.long(packMap, 2<<(c-0xde))
	case c >= 0xe0:
		return packed{kind: packInt, n: uint64(int64(int8(c)))}, nil
	}
	return packed{}, broken("a value with a code that MessagePack does not use")
}

// long takes the length of a value, of so many bytes, and what follows it.
func (u *unpacker) long(kind packKind, bytes uint64) (packed, error) {
	n, err := u.number(bytes)
	if err != nil {
		return packed{}, err
	}
	return u.sized(kind, n)
}

func (u *unpacker) sized(kind packKind, n uint64) (p packed, err error) {
	p = packed{kind: kind, n: n}
	switch kind {
	case packArray, packMap:
		least := n // every value takes a byte
		if kind == packMap {
			least *= 2
		}
		if least > uint64(len(u.rest)) {
			err = broken("an array or map is longer than its message")
		}
		return p, err
	case packExt:
		t, err := u.take(1)
		if err != nil {
			return p, err
		}
		p.ext = int8(t[0])
	}
	p.data, err = u.take(n)
	return p, err
}

// as takes a value of a kind.
func (u *unpacker) as(kind packKind, what string) (packed, error) {
	p, err := u.next()
	if err == nil && p.kind != kind {
		err = broken(what)
	}
	return p, err
}

// appendJSON takes a value and appends it to dst in JSON: binary data in base64, a
// timestamp as RFC 3339, keys of maps as text.
func (u *unpacker) appendJSON(dst []byte, depth int) ([]byte, error) {
	p, err := u.next()
	if err != nil {
		return dst, err
	}
	switch p.kind {
	case packNil:
		return append(dst, "null"...), nil
	case packBool:
		return strconv.AppendBool(dst, p.n == 1), nil
	case packInt:
		return strconv.AppendInt(dst, int64(p.n), 10), nil
	case packUint:
		return strconv.AppendUint(dst, p.n, 10), nil
	case packText:
		return appendText(dst, string(p.data)), nil
	case packBin:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, p.data)
		return append(dst, '"'), nil
	case packFloat:
		text, err := json.Marshal(p.float)
		if err != nil {
			return dst, fmt.Errorf("%w: it is %v", errNoJSON, p.float)
		}
		return append(dst, text...), nil
	case packExt:
		at, ok := timestamp(p)
		if !ok {
			return dst, fmt.Errorf("%w: it is an extension of type %d", errNoJSON, p.ext)
		}
		return at.AppendFormat(append(dst, '"'), `2006-01-02T15:04:05.999999999Z"`), nil
	}
	if depth == maxDepth {
		return dst, broken(fmt.Sprintf("arrays and maps in one another, more than %d deep", maxDepth))
	}
	open, shut := byte('['), byte(']')
	if p.kind == packMap {
		open, shut = '{', '}'
	}
	dst = append(dst, open)
	for i := range p.n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if p.kind == packMap {
			if dst, err = u.appendKey(dst); err != nil {
				return dst, err
			}
		}
		if dst, err = u.appendJSON(dst, depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, shut), nil
}

// appendKey takes the key of a pair: text, or an integer, which becomes text.
func (u *unpacker) appendKey(dst []byte) ([]byte, error) {
	p, err := u.next()
	if err != nil {
		return dst, err
	}
	switch p.kind {
	case packText:
		dst = appendText(dst, string(p.data))
	case packInt:
		dst = strconv.AppendInt(append(dst, '"'), int64(p.n), 10)
		dst = append(dst, '"')
	case packUint:
		dst = strconv.AppendUint(append(dst, '"'), p.n, 10)
		dst = append(dst, '"')
	default:
		return dst, broken("a key that is neither text nor an integer")
	}
	return append(dst, ':'), nil
}

func appendText(dst []byte, s string) []byte {
	text, _ := json.Marshal(s) // text can always be encoded
	return append(dst, text...)
}

// timestamp reads the timestamp extension, in its three lengths.
func timestamp(p packed) (time.Time, bool) {
	if p.ext != -1 {
		return time.Time{}, false
	}
	switch len(p.data) {
	case 4:
		return time.Unix(int64(binary.BigEndian.Uint32(p.data)), 0).UTC(), true
	case 8:
		n := binary.BigEndian.Uint64(p.data)
		return time.Unix(int64(n&(1<<34-1)), int64(n>>34)).UTC(), true
	case 12:
		at := time.Unix(int64(binary.BigEndian.Uint64(p.data[4:])), int64(binary.BigEndian.Uint32(p.data))).UTC()
		return at, at.Year() >= 0 && at.Year() < 10000
	}
	return time.Time{}, false
}
