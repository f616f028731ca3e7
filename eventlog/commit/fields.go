package commit

import "encoding/binary"

// Fields takes fields off a byte slice. Bad is set, and stays, when it ran out:
// callers look once, behind the last field.
type Fields struct {
	B   []byte
	Bad bool
}

// Uvarint takes one unsigned varint.
func (r *Fields) Uvarint() uint64 {
	v, n := binary.Uvarint(r.B)
	if n <= 0 {
		r.Bad = true
		return 0
	}
	r.B = r.B[n:]
	return v
}

// Bytes takes n bytes, without copying them.
func (r *Fields) Bytes(n uint64) []byte {
	if r.Bad || n > uint64(len(r.B)) {
		r.Bad = true
		return nil
	}
	out := r.B[:n:n]
	r.B = r.B[n:]
	return out
}
