package pull

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"trunkline/feed/export/schema"
)

// bucketBytes is about how much of the rows is de-duplicated at once.
const bucketBytes = 16 << 20

// maxBuckets bounds the files that are open while rows are dealt out.
const maxBuckets = 1000

// A base is the set of a table on disk: lines of JSON, each behind the start of the
// window that it came from (Unix seconds) and a tab.

// merger makes a new base of an old one and of rows that came since.
type merger struct {
	table   *schema.Table
	dedupe  *schema.Dedupe
	dir     string // for files on the way
	buckets []*os.File
	out     []*bufio.Writer
	rows    int64
}

func newMerger(t *schema.Table, o schema.Ordering, dir string, bytes int64) (*merger, error) {
	m := &merger{table: t, dedupe: schema.NewDedupe(t, o), dir: dir}
	n := min(maxBuckets, int(bytes/bucketBytes)+1)
	for i := range n {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("bucket-%03d", i)))
		if err != nil {
			m.close()
			return nil, err
		}
		m.buckets = append(m.buckets, f)
		m.out = append(m.out, bufio.NewWriterSize(f, 64<<10))
	}
	return m, nil
}

func (m *merger) close() {
	for _, f := range m.buckets {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
}

// add deals a row out. Of two rows that are otherwise equal the one that was added later
// is the later one.
func (m *merger) add(window int64, line []byte) error {
	mark, err := m.dedupe.Mark(m.table, line)
	if err != nil {
		return err
	}
	w := m.out[crc32.ChecksumIEEE(mark.Key)%uint32(len(m.out))]
	var head [24]byte
	b := append(strconv.AppendInt(head[:0], window, 10), '\t')
	if _, err := w.Write(b); err != nil {
		return err
	}
	if _, err := w.Write(line); err != nil {
		return err
	}
	return w.WriteByte('\n')
}

// base adds the rows of an old base; there may be none yet.
func (m *merger) base(path string) error {
	return baseLines(path, func(window int64, line []byte) error { return m.add(window, line) })
}

// baseLines hands the rows of a base to each.
func baseLines(path string, each func(window int64, line []byte) error) error {
	in, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	return pairs(in, each)
}

func pairs(in io.Reader, each func(window int64, line []byte) error) error {
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 64<<10), maxLine+64)
	for s.Scan() {
		head, line, ok := bytes.Cut(s.Bytes(), []byte{'\t'})
		window, err := strconv.ParseInt(string(head), 10, 64)
		if !ok || err != nil {
			return fmt.Errorf("%w: a base has a line without a window", ErrFile)
		}
		if err := each(window, line); err != nil {
			return err
		}
	}
	return s.Err()
}

// held is the row of a key that holds so far.
type held struct {
	mark   schema.Mark
	window int64
	place  int
}

// write writes the rows that hold, those of one bucket in the order in which they were added.
func (m *merger) write(ctx context.Context, path string) (err error) {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := bufio.NewWriterSize(out, 1<<20)
	for i, f := range m.buckets {
		if err := m.out[i].Flush(); err != nil {
			return err
		}
		if err := m.settle(f, w); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Sync()
}

// settle writes the rows of a bucket that hold.
func (m *merger) settle(f *os.File, w *bufio.Writer) error {
	holds, place := map[string]held{}, 0
	again := func(each func(window int64, line []byte) error) error {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		place = 0
		return pairs(f, func(window int64, line []byte) error {
			place++
			return each(window, line)
		})
	}
	err := again(func(window int64, line []byte) error {
		mark, err := m.dedupe.Mark(m.table, line)
		if err != nil {
			return err
		}
		old, ok := holds[string(mark.Key)]
		if !ok || mark.Newer(time.Unix(window, 0), old.mark, time.Unix(old.window, 0)) {
			key := string(mark.Key)
			mark.Key = nil
			holds[key] = held{mark, window, place}
		}
		return nil
	})
	if err != nil {
		return err
	}
	winners := make(map[int]struct{}, len(holds))
	for _, h := range holds {
		winners[h.place] = struct{}{}
	}
	return again(func(window int64, line []byte) error {
		if _, ok := winners[place]; !ok {
			return nil
		}
		m.rows++
		var head [24]byte
		if _, err := w.Write(append(strconv.AppendInt(head[:0], window, 10), '\t')); err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
		return w.WriteByte('\n')
	})
}
