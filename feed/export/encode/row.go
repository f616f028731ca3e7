// Package encode makes files of rows: JSON Lines or Parquet, compressed, split by
// size and encrypted as a destination wants them ([Write]), and keeps rows on disk
// until their window has closed ([AppendRow], [ReadRows]).
//
// Invariants:
//
//   - Files are a function of the rows and the options, byte for byte, unless they
//     are encrypted: there is no time and no name in them, and the compressor's level
//     is fixed.
//   - Memory does not grow with the number of rows.
package encode

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"trunkline/feed/export/schema"
)

// ErrRows says that kept rows cannot be read.
var ErrRows = errors.New("the kept rows cannot be read")

// maxRow bounds a kept row, so that a damaged length does not ask for all memory.
const maxRow = 256 << 20

// AppendRow appends a row as [ReadRows] reads it: its length, then for each column a
// byte that is 0 for null and 1 for a value, and the value.
func AppendRow(dst []byte, t *schema.Table, r schema.Row) ([]byte, error) {
	if len(r) != len(t.Columns) {
		return dst, fmt.Errorf("a row of %s has %d values for %d columns", t.Name, len(r), len(t.Columns))
	}
	begin := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for i := range r {
		v, kind := &r[i], t.Columns[i].Kind
		if !v.Fits(kind) {
			return dst[:begin], fmt.Errorf("the value %s of %s.%s is no %s", v, t.Name, t.Columns[i].Name, kind)
		}
		if v.IsNull() {
			dst = append(dst, 0)
			continue
		}
		dst = append(dst, 1)
		switch kind {
		case schema.String:
			dst = binary.AppendUvarint(dst, uint64(len(v.Str())))
			dst = append(dst, v.Str()...)
		case schema.Integer, schema.Timestamp:
			dst = binary.AppendVarint(dst, v.Integer())
		case schema.Float:
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Float()))
		case schema.Boolean:
			b := byte(0)
			if v.Bool() {
				b = 1
			}
			dst = append(dst, b)
		}
	}
	n := len(dst) - begin - 4
	if n > maxRow {
		return dst[:begin], fmt.Errorf("a row of %s has %d bytes, more than %d", t.Name, n, maxRow)
	}
	binary.LittleEndian.PutUint32(dst[begin:], uint32(n))
	return dst, nil
}

// ReadRows hands the rows that were kept to each, which must not keep them.
func ReadRows(r io.Reader, t *schema.Table, each func(schema.Row) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	row := make(schema.Row, len(t.Columns))
	var head [4]byte
	var b []byte
	for n := 0; ; n++ {
		if _, err := io.ReadFull(in, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%w: row %d: %w", ErrRows, n, err)
		}
		size := int(binary.LittleEndian.Uint32(head[:]))
		if size > maxRow {
			return fmt.Errorf("%w: row %d has %d bytes", ErrRows, n, size)
		}
		if cap(b) < size {
			b = make([]byte, size)
		}
		b = b[:size]
		if _, err := io.ReadFull(in, b); err != nil {
			return fmt.Errorf("%w: row %d: %w", ErrRows, n, err)
		}
		if err := parseRow(b, t, row); err != nil {
			return fmt.Errorf("%w: row %d of %s: %w", ErrRows, n, t.Name, err)
		}
		if err := each(row); err != nil {
			return err
		}
	}
}

var errShort = errors.New("it ends too early")

// parseRow reads one row. The texts of the row are copies.
func parseRow(b []byte, t *schema.Table, row schema.Row) error {
	text := string(b) // one copy for all texts
	at := 0
	for i := range t.Columns {
		if at >= len(b) {
			return errShort
		}
		there := b[at]
		at++
		if there == 0 {
			row[i] = schema.Value{}
			continue
		}
		switch t.Columns[i].Kind {
		case schema.String:
			n, size := binary.Uvarint(b[at:])
			if size <= 0 || n > uint64(len(b)-at-size) {
				return errShort
			}
			at += size
			row[i] = schema.Text(text[at : at+int(n)])
			at += int(n)
		case schema.Integer, schema.Timestamp:
			n, size := binary.Varint(b[at:])
			if size <= 0 {
				return errShort
			}
			at += size
			if row[i] = schema.Int(n); t.Columns[i].Kind == schema.Timestamp {
				row[i] = schema.Micros(n)
			}
		case schema.Float:
			if len(b)-at < 8 {
				return errShort
			}
			row[i] = schema.Real(math.Float64frombits(binary.LittleEndian.Uint64(b[at:])))
			at += 8
		case schema.Boolean:
			if at >= len(b) {
				return errShort
			}
			row[i] = schema.Truth(b[at] == 1)
			at++
		}
	}
	if at != len(b) {
		return errors.New("it goes on behind its end")
	}
	return nil
}
