package encode

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/ProtonMail/go-crypto/openpgp"

	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

// Options are how a destination wants its files.
type Options struct {
	Format string // layout.JSONL or layout.Parquet
	Gzip   bool   // of JSON Lines; Parquet is compressed in itself
	// SplitBytes is from which size on a file is followed by another one, 256 MiB by
	// default. A row is never split, and the hundredth file takes all that is left.
	SplitBytes int64
	// Recipients are whom the files are encrypted to; none: they are not encrypted.
	Recipients openpgp.EntityList
	// Always makes a file where there are no rows, too.
	Always bool
}

// DefaultSplit is the size of files where nothing else is said.
const DefaultSplit = 256 << 20

// File is a finished file.
type File struct {
	Name   string // in its partition
	Path   string // on disk
	Rows   int64
	Bytes  int64
	SHA256 string // hexadecimal
}

// encoder writes rows in one format.
type encoder interface {
	add(schema.Row) error
	// close writes what is left; the file below is not closed.
	close() error
}

// Write makes the files of a window in a directory. rows hands the rows to add, in
// their order. Without a row there is no file. On an error what was made is removed.
func Write(ctx context.Context, dir string, t *schema.Table, o Options, rows func(add func(schema.Row) error) error) (files []File, err error) {
	if o.SplitBytes <= 0 {
		o.SplitBytes = DefaultSplit
	}
	if o.Format != layout.JSONL && o.Format != layout.Parquet {
		return nil, fmt.Errorf("there is no format %q: jsonl and parquet", o.Format)
	}
	w := &writer{ctx: ctx, dir: dir, t: t, o: o}
	defer func() {
		if err != nil {
			w.abandon()
		}
	}()
	if err := rows(w.add); err != nil {
		return nil, err
	}
	if o.Always && len(w.files) == 0 {
		if err := w.open(); err != nil {
			return nil, fmt.Errorf("make a file of %s: %w", t.Name, err)
		}
	}
	if err := w.finish(); err != nil {
		return nil, err
	}
	for i := range w.files {
		name := layout.File{Feed: t.Name, Format: o.Format, Split: i, Gzip: o.gzipped(), Encrypted: len(o.Recipients) > 0}
		if len(w.files) == 1 {
			name.Split = -1
		}
		w.files[i].Name = name.String()
	}
	return w.files, nil
}

func (o *Options) gzipped() bool { return o.Gzip && o.Format == layout.JSONL }

// writer writes the files of a window, one after the other.
type writer struct {
	ctx   context.Context
	dir   string
	t     *schema.Table
	o     Options
	files []File
	f     *os.File // the open one, nil for none
	sum   hash.Hash
	buf   *bufio.Writer
	out   *counter // of the bytes before encryption, which would not come out the same
	last  *counter // of the file's bytes
	crypt io.WriteCloser
	enc   encoder
	n     int64
}

// counter counts what passes.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (w *writer) add(r schema.Row) error {
	if w.n++; w.n%1024 == 0 && w.ctx.Err() != nil {
		return w.ctx.Err()
	}
	if w.f == nil {
		if err := w.open(); err != nil {
			return fmt.Errorf("make a file of %s: %w", w.t.Name, err)
		}
	}
	if err := w.enc.add(r); err != nil {
		return fmt.Errorf("write a row of %s: %w", w.t.Name, err)
	}
	w.files[len(w.files)-1].Rows++
	if w.out.n >= w.o.SplitBytes && len(w.files) < layout.MaxSplits {
		return w.finish()
	}
	return nil
}

func (w *writer) open() (err error) {
	if w.f, err = os.CreateTemp(w.dir, "file-"); err != nil {
		return err
	}
	w.files = append(w.files, File{Path: w.f.Name()})
	w.sum = sha256.New()
	w.buf = bufio.NewWriterSize(io.MultiWriter(w.f, w.sum), 64<<10)
	w.last = &counter{w: w.buf}
	w.out, w.crypt = w.last, nil
	if len(w.o.Recipients) > 0 {
		if w.crypt, err = openpgp.Encrypt(w.last, w.o.Recipients, nil, &openpgp.FileHints{IsBinary: true}, nil); err != nil {
			return err
		}
		w.out = &counter{w: w.crypt}
	}
	if w.o.Format == layout.Parquet {
		w.enc = newParquet(w.out, w.t)
	} else {
		w.enc = newLines(w.out, w.t, w.o.Gzip)
	}
	return nil
}

// finish ends the open file.
func (w *writer) finish() error {
	if w.f == nil {
		return nil
	}
	err := w.enc.close()
	if w.crypt != nil && err == nil {
		err = w.crypt.Close()
	}
	if err == nil {
		err = w.buf.Flush()
	}
	err = errors.Join(err, w.f.Close())
	w.f, w.enc = nil, nil
	if err != nil {
		return fmt.Errorf("finish a file of %s: %w", w.t.Name, err)
	}
	f := &w.files[len(w.files)-1]
	f.Bytes, f.SHA256 = w.last.n, hex.EncodeToString(w.sum.Sum(nil))
	return nil
}

func (w *writer) abandon() {
	if w.f != nil {
		_ = w.f.Close()
	}
	Remove(w.files)
}

// Remove removes files from the disk.
func Remove(files []File) {
	for _, f := range files {
		_ = os.Remove(filepath.Clean(f.Path))
	}
}
