package pull

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"trunkline/feed/export/encode"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

// merge makes the new set.
func (p *Puller) merge(ctx context.Context, t *schema.Table, s *state, parts []Part, fetched [][]string, r *Result) error {
	work, err := os.MkdirTemp(s.dir, workPrefix+"*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	size := int64(0)
	for i := range fetched {
		for _, path := range fetched[i] {
			if info, err := os.Stat(path); err == nil {
				size += info.Size() * 8 // compressed, as a rule
			}
		}
	}
	if info, err := os.Stat(s.base()); err == nil {
		size += info.Size()
	}
	m, err := newMerger(t, p.o.Ordering, work, size)
	if err != nil {
		return err
	}
	defer m.close()
	if s.head.Base != "" {
		if err := m.base(s.base()); err != nil {
			return err
		}
	}
	var folders []string
	for i, q := range parts {
		folders = append(folders, q.Folder())
		for _, path := range fetched[i] {
			if err := lines(path, t, p.o.Keys, func(line []byte) error {
				r.Rows++
				return m.add(q.Window.Start.Unix(), line)
			}); err != nil {
				return fmt.Errorf("%s/%s: %w", q.Folder(), filepath.Base(path), err)
			}
		}
		r.Parts++
	}
	base := basePrefix + strconv.Itoa(s.head.Taken+len(parts))
	if err := m.write(ctx, filepath.Join(s.dir, base)); err != nil {
		return err
	}
	if err := p.publish(ctx, t, filepath.Join(s.dir, base), work); err != nil {
		return err
	}
	r.Kept = m.rows
	next := head{Base: base, Rows: m.rows, Format: p.o.Format, Ordering: p.o.Ordering.String()}
	return s.commit(next, folders)
}

// publishAgain writes the set where it was asked for in another format before, or is gone.
func (p *Puller) publishAgain(ctx context.Context, t *schema.Table, s *state) error {
	switch _, err := os.Stat(p.setPath(t, p.o.Format)); {
	case s.head.Base == "", err == nil && s.head.Format == p.o.Format:
		return nil
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return err
	}
	work, err := os.MkdirTemp(s.dir, workPrefix+"*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := p.publish(ctx, t, s.base(), work); err != nil {
		return err
	}
	next := s.head
	next.Format = p.o.Format
	return s.commit(next, nil)
}

func (p *Puller) setPath(t *schema.Table, format string) string {
	return filepath.Join(p.o.Dir, t.Name+"."+format)
}

// publish writes the set for those who read it. One in the other format, which would stay
// as it is from here on, goes.
func (p *Puller) publish(ctx context.Context, t *schema.Table, base, work string) error {
	path, other := filepath.Join(work, "set"), layout.Parquet
	if p.o.Format == layout.JSONL {
		if err := writeLines(base, path); err != nil {
			return err
		}
	} else {
		other = layout.JSONL
		files, err := encode.Write(ctx, work, t, encode.Options{Format: layout.Parquet, SplitBytes: 1 << 62, Always: true}, func(add func(schema.Row) error) error {
			return baseLines(base, func(_ int64, line []byte) error {
				row, _, err := t.ParseJSON(line)
				if err != nil {
					return err
				}
				return add(row)
			})
		})
		if err != nil {
			return err
		}
		path = files[0].Path
		if err := syncPath(path); err != nil {
			return err
		}
	}
	if err := os.Rename(path, p.setPath(t, p.o.Format)); err != nil {
		return err
	}
	if err := os.Remove(p.setPath(t, other)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return syncPath(p.o.Dir)
}

// writeLines writes the rows of a base without their windows.
func writeLines(base, to string) (err error) {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := bufio.NewWriterSize(out, 1<<20)
	err = baseLines(base, func(_ int64, line []byte) error {
		if _, err := w.Write(line); err != nil {
			return err
		}
		return w.WriteByte('\n')
	})
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = out.Sync()
	}
	return err
}
