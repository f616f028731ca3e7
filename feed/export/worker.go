package export

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/feed/export/encode"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

// job is a window that is to be delivered to one destination.
type job struct {
	Table  *schema.Table
	Window layout.Window
	Kept   kept
	First  string // cursors, "" where nothing was received
	Last   string
	// shared counts the destinations that the kept rows wait for; nil without rows.
	shared *atomic.Int32
}

// done lets go of the kept rows.
func (j *job) done(dir string) {
	if j.shared != nil && j.shared.Add(-1) == 0 {
		_ = os.Remove(filepath.Join(dir, j.Kept.File))
	}
}

// worker delivers the windows of one destination, as long as its shard is ours.
type worker struct {
	d       *Destination
	dir     string // of kept rows
	files   string // for files that are being made
	limit   int64  // of bytes that wait
	retry   time.Duration
	held    func() bool
	seen    *progress
	filling *backfill // that it works for, nil for the feed itself

	mu      sync.Mutex    // guards what is below
	queue   []*job        // in the order of their windows' ends
	active  []*job        // being delivered
	changed chan struct{} // closed when there is something new to do
	waiting int64         // bytes of kept rows
}

func newWorker(d *Destination, dir string, limit int64, retry time.Duration, held func() bool, p *progress) *worker {
	return &worker{d: d, dir: dir, files: filepath.Join(dir, "files"), limit: limit, retry: retry, held: held, seen: p, changed: make(chan struct{})}
}

// add takes a window on. Where more waits than may, the oldest is given up.
func (w *worker) add(j *job) {
	w.mu.Lock()
	w.queue = append(w.queue, j)
	w.waiting += j.Kept.Size
	var given []*job
	for w.waiting > w.limit && len(w.queue) > 1 {
		old := w.queue[0]
		w.queue = w.queue[1:]
		w.waiting -= old.Kept.Size
		given = append(given, old)
	}
	close(w.changed)
	w.changed = make(chan struct{})
	w.mu.Unlock()
	for _, old := range given {
		w.seen.miss(old.Table.Name, old.Window, "the destination was away for longer than the spool holds")
		old.done(w.dir)
	}
	w.seen.waits(w.pending)
}

// take gives the next window, nil when ctx has ended.
func (w *worker) take(ctx context.Context) *job {
	for {
		w.mu.Lock()
		if len(w.queue) > 0 && ctx.Err() == nil {
			j := w.queue[0]
			w.queue = w.queue[1:]
			w.active = append(w.active, j)
			w.mu.Unlock()
			return j
		}
		changed := w.changed
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// leave ends the delivery of a window; again puts it back to its place.
func (w *worker) leave(j *job, again bool) {
	w.mu.Lock()
	w.active = slices.DeleteFunc(w.active, func(a *job) bool { return a == j })
	if again {
		w.queue = slices.Insert(w.queue, 0, j)
	} else {
		w.waiting -= j.Kept.Size
	}
	w.mu.Unlock()
	if !again {
		j.done(w.dir)
	}
	w.seen.waits(w.pending)
}

// jobs lists what is still to be delivered, for checkpoints.
func (w *worker) jobs() []*job {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Concat(w.active, w.queue)
}

func (w *worker) pending() (n int, oldest time.Time) {
	for _, j := range w.jobs() {
		if n++; oldest.IsZero() || j.Window.End().Before(oldest) {
			oldest = j.Window.End()
		}
	}
	return n, oldest
}

// run delivers until ctx ends.
func (w *worker) run(ctx context.Context) {
	var all sync.WaitGroup
	for range w.d.Parallel {
		all.Go(func() { w.deliverAll(ctx) })
	}
	all.Wait()
}

func (w *worker) deliverAll(ctx context.Context) {
	pause := w.retry
	for {
		j := w.take(ctx)
		if j == nil {
			return
		}
		err := w.deliver(ctx, j)
		switch {
		case err == nil:
			w.leave(j, false)
			pause = w.retry
			continue
		case errors.Is(err, errSpool), errors.Is(err, encode.ErrRows):
			slog.Error("a window cannot be exported", "destination", w.d.key(), "feed", j.Table.Name, "window", j.Window.String(), "error", err)
			w.seen.miss(j.Table.Name, j.Window, err.Error())
			w.leave(j, false)
			continue
		}
		w.leave(j, true)
		if ctx.Err() != nil {
			return
		}
		if w.seen.fail(j.Table.Name, err) {
			slog.Warn("an export waits", "destination", w.d.key(), "feed", j.Table.Name, "window", j.Window.String(), "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, 120*w.retry)
	}
}

// deliver delivers a window in all formats.
func (w *worker) deliver(ctx context.Context, j *job) error {
	if j.Table == docsTable {
		return w.deliverDocs(ctx, j.Window)
	}
	for _, format := range w.d.Formats {
		if err := w.deliverAs(ctx, j, format); err != nil {
			return fmt.Errorf("export %s %s: %w", j.Table.Name, j.Window, err)
		}
	}
	return nil
}

func (w *worker) deliverAs(ctx context.Context, j *job, format string) error {
	folder := layout.Path(j.Table.Name, j.Table.Version, format, j.Window)
	there, err := committed(ctx, w.d.Store, folder)
	if err != nil {
		return err
	}
	if w.filling != nil {
		if err := w.filling.note(ctx, w, j, format, folder, there); err != nil {
			return err
		}
	}
	if there {
		w.seen.delivered(j.Table.Name, j.Window, j.Kept.Rows, 0, false)
		return nil
	}
	files, err := encode.Write(ctx, w.files, j.Table, w.d.encoding(format), func(add func(schema.Row) error) error {
		return readKept(w.dir, j.Table, j.Kept, add)
	})
	if err != nil {
		return err
	}
	defer encode.Remove(files)
	p := partition{store: w.d.Store, folder: folder, held: w.held, files: files}
	if w.d.Manifest {
		p.manifest = manifest(j, format, files)
	}
	if err := p.commit(ctx); err != nil {
		return err
	}
	bytes := int64(0)
	for _, f := range files {
		bytes += f.Bytes
	}
	w.seen.delivered(j.Table.Name, j.Window, j.Kept.Rows, bytes, true)
	return nil
}

func manifest(j *job, format string, files []encode.File) *Manifest {
	m := &Manifest{Feed: j.Table.Name, Version: j.Table.Version, Format: format, Start: j.Window.Start.UTC().Format(time.RFC3339),
		End: j.Window.End().UTC().Format(time.RFC3339), Rows: j.Kept.Rows, First: j.First, Last: j.Last, Files: []ManifestFile{}}
	for _, f := range files {
		m.Files = append(m.Files, ManifestFile{Name: f.Name, Rows: f.Rows, Bytes: f.Bytes, SHA256: f.SHA256})
	}
	return m
}
