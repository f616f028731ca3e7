package eventlog

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"trunkline/eventlog/commit"
)

// Epoch names one unbroken numbering of a tenant's events.
type Epoch = commit.Epoch

// ErrCursor says that a text is not a cursor.
var ErrCursor = errors.New("not a cursor")

// Cursor is a position in a tenant's events: right behind event Seq of an
// epoch. Clients treat its text form as opaque. The zero Cursor is before the
// oldest event that is kept.
type Cursor struct {
	Epoch Epoch
	Seq   uint64
}

// The text of a cursor: "c1" and the unpadded base64url of 8 bytes epoch and
// the sequence as uvarint.
const cursorPrefix = "c1"

// String gives the cursor as clients see it.
func (c Cursor) String() string {
	b := append(make([]byte, 0, 18), c.Epoch[:]...)
	b = binary.AppendUvarint(b, c.Seq)
	return cursorPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// IsZero says whether the cursor is the zero Cursor.
func (c Cursor) IsZero() bool { return c == Cursor{} }

// MarshalText is String, for JSON.
func (c Cursor) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is ParseCursor, for JSON.
func (c *Cursor) UnmarshalText(b []byte) (err error) {
	*c, err = ParseCursor(string(b))
	return err
}

// ParseCursor reads what String wrote; anything else is ErrCursor.
func ParseCursor(s string) (Cursor, error) {
	bad := fmt.Errorf("%w: %.40q; a cursor begins with %q and comes from an answer of this server", ErrCursor, s, cursorPrefix)
	if len(s) < len(cursorPrefix) || s[:len(cursorPrefix)] != cursorPrefix || len(s) > 40 {
		return Cursor{}, bad
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s[len(cursorPrefix):])
	if err != nil || len(b) < 9 {
		return Cursor{}, bad
	}
	var c Cursor
	copy(c.Epoch[:], b)
	seq, n := binary.Uvarint(b[8:])
	if n != len(b)-8 {
		return Cursor{}, bad
	}
	if c.Seq = seq; c.String() != s {
		return Cursor{}, bad // an overlong spelling
	}
	return c, nil
}
