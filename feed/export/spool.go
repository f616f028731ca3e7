package export

import (
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"trunkline/feed/export/encode"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

// errSpool says that kept rows are not what was written.
var errSpool = errors.New("the rows that were kept on disk are lost or damaged")

// kept names rows that are kept on disk, for checkpoints.
type kept struct {
	File string `json:"file,omitempty"` // in the spool's directory; "" for none
	Size int64  `json:"size,omitempty"`
	Rows int64  `json:"rows,omitempty"`
	CRC  uint32 `json:"crc,omitempty"` // CRC-32C of the file
}

// spool keeps the rows of an open window on disk.
type spool struct {
	kept
	dir    string
	table  *schema.Table
	window layout.Window
	sum    hash.Hash32
	buf    []byte
	dirty  bool // there is something on disk that is not synced
}

// spoolBuffer is from how many bytes on rows are written to disk.
const spoolBuffer = 32 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newSpool begins with nothing, whatever is on disk.
func newSpool(dir, tenant string, t *schema.Table, w layout.Window) *spool {
	s := &spool{dir: dir, table: t, window: w, sum: crc32.New(castagnoli)}
	s.File = fmt.Sprintf("%s.%s.%d.rows", tenant, t.Name, w.Start.Unix())
	_ = os.Remove(s.path())
	return s
}

// reopenSpool goes on where a checkpoint was written.
func reopenSpool(dir string, t *schema.Table, w layout.Window, k kept) (*spool, error) {
	s := &spool{dir: dir, table: t, window: w, sum: crc32.New(castagnoli), kept: k}
	f, err := os.OpenFile(s.path(), os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSpool, err)
	}
	n, err := io.CopyN(s.sum, f, k.Size)
	if err == nil {
		err = f.Truncate(k.Size)
	}
	if err = errors.Join(err, f.Close()); err != nil || n != k.Size || s.sum.Sum32() != k.CRC {
		return nil, fmt.Errorf("%w: %s: %w", errSpool, k.File, err)
	}
	return s, nil
}

// remove gives the rows up.
func (s *spool) remove() { _ = os.Remove(s.path()) }

func (s *spool) path() string { return filepath.Join(s.dir, s.File) }

func (s *spool) add(r schema.Row) (err error) {
	if s.buf, err = encode.AppendRow(s.buf, s.table, r); err != nil {
		return err
	}
	s.Rows++
	if len(s.buf) >= spoolBuffer {
		return s.flush()
	}
	return nil
}

// flush writes to the file, which is open only meanwhile: there are many.
func (s *spool) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	f, err := os.OpenFile(s.path(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("keep rows of %s: %w", s.table.Name, err)
	}
	_, err = f.Write(s.buf)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keep rows of %s: %w", s.table.Name, err)
	}
	s.Size += int64(len(s.buf))
	_, _ = s.sum.Write(s.buf)
	s.CRC = s.sum.Sum32()
	s.buf, s.dirty = s.buf[:0], true
	return nil
}

// sync makes what was added last.
func (s *spool) sync() error {
	if err := s.flush(); err != nil || !s.dirty {
		return err
	}
	f, err := os.OpenFile(s.path(), os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep rows of %s: %w", s.table.Name, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keep rows of %s: %w", s.table.Name, err)
	}
	s.dirty = false
	return nil
}

// readKept hands kept rows to add.
func readKept(dir string, t *schema.Table, k kept, add func(schema.Row) error) error {
	if k.File == "" {
		return nil
	}
	f, err := os.Open(filepath.Join(dir, k.File))
	if err != nil {
		return fmt.Errorf("%w: %w", errSpool, err)
	}
	defer f.Close()
	sum := crc32.New(castagnoli)
	n := int64(0)
	err = encode.ReadRows(io.TeeReader(io.LimitReader(f, k.Size), sum), t, func(r schema.Row) error {
		n++
		return add(r)
	})
	if err != nil {
		return err
	}
	if n != k.Rows || sum.Sum32() != k.CRC {
		return fmt.Errorf("%w: %s: %d rows of %d", errSpool, k.File, n, k.Rows)
	}
	return nil
}
