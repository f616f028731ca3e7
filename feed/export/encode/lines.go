package encode

import (
	"io"
	"time"

	"github.com/klauspost/compress/gzip"

	"trunkline/feed/export/schema"
)

// gzipLevel is fixed: another one would make other bytes.
const gzipLevel = 5

// lines writes JSON Lines.
type lines struct {
	t    *schema.Table
	w    io.Writer
	zip  *gzip.Writer // nil: not compressed
	b    []byte
	full int
}

const linesBuffer = 64 << 10

func newLines(w io.Writer, t *schema.Table, zip bool) *lines {
	l := &lines{t: t, w: w, full: linesBuffer}
	if zip {
		l.zip, _ = gzip.NewWriterLevel(w, gzipLevel) // the level is a good one
		l.zip.ModTime = time.Unix(0, 0)              // which is none in the file
		l.w = l.zip
	}
	return l
}

func (l *lines) add(r schema.Row) error {
	l.b = append(l.t.AppendJSON(l.b, r), '\n')
	if len(l.b) < l.full {
		return nil
	}
	return l.flush()
}

func (l *lines) flush() error {
	_, err := l.w.Write(l.b)
	l.b = l.b[:0]
	return err
}

func (l *lines) close() error {
	if err := l.flush(); err != nil {
		return err
	}
	if l.zip != nil {
		return l.zip.Close()
	}
	return nil
}
