package export

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"trunkline/eventlog"
	"trunkline/feed/export/bucket"
	"trunkline/feed/export/encode"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

// Backfill asks for the windows of a stretch of time anew.
type Backfill struct {
	From  time.Time `json:"from"`            // the windows that begin here or later
	To    time.Time `json:"to,omitzero"`     // and end here or earlier
	Feeds []string  `json:"feeds,omitempty"` // none: all of the destination
	// Source is where the events come from: log, or raw, the exported table of events.
	Source string `json:"source,omitempty"`
	// Verify makes the files of windows that are complete again, too, and compares
	// them with what is there. Nothing that is complete is ever written.
	Verify bool `json:"verify,omitempty"`
}

// BackfillState is how far a back-fill is.
type BackfillState struct {
	Backfill
	State   string    `json:"state"` // running, done, failed
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended,omitzero"`
	Reached time.Time `json:"reached,omitzero"` // by the log's time
	Written int64     `json:"written"`          // windows that were missing
	There   int64     `json:"there"`            // windows that were complete
	Same    int64     `json:"same"`             // of these: verified
	// Different are windows whose files are others than the log makes now, in words.
	Different []string `json:"different"`
	Missed    []Missed `json:"missed"` // windows that the events do not reach back to
	Error     string   `json:"error,omitempty"`
}

// backfill is a run through the log for one destination.
type backfill struct {
	mu    sync.Mutex // guards state
	state BackfillState
}

func (b *backfill) now() BackfillState {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.state
	s.Different = append([]string{}, s.Different...)
	s.Missed = append([]Missed{}, s.Missed...)
	return s
}

func (b *backfill) change(fn func(s *BackfillState)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn(&b.state)
}

// differentKept bounds what is told of windows that are not the same.
const differentKept = 100

// Sources of a back-fill.
const (
	sourceLog = "log"
	sourceRaw = "raw"
)

// ErrBackfill says that a back-fill cannot be done as it is asked for.
var ErrBackfill = errors.New("the back-fill cannot be done")

// Backfill begins to write the windows of a destination that are missing. One runs at
// a time for each destination.
func (f *Feed) Backfill(tenant, id string, want Backfill) (BackfillState, error) {
	d, err := f.find(tenant, id)
	if err != nil {
		return BackfillState{}, err
	}
	if want.Source == "" {
		want.Source = sourceLog
	}
	reached := f.seen[d.key()].view(d).ClosedUpTo
	if want.To.IsZero() || want.To.After(reached) {
		want.To = reached
	}
	want.From, want.To = want.From.UTC(), want.To.UTC()
	own := *d
	switch {
	case want.Source != sourceLog && want.Source != sourceRaw:
		return BackfillState{}, fmt.Errorf("%w: the source %q is not known: log and raw", ErrBackfill, want.Source)
	case !want.From.Before(want.To):
		return BackfillState{}, fmt.Errorf("%w: from lies behind what has been closed so far, %s", ErrBackfill, reached.Format(time.RFC3339))
	case want.Source == sourceRaw && len(d.Recipients) > 0:
		return BackfillState{}, fmt.Errorf("%w: the exported events are encrypted to the customer", ErrBackfill)
	}
	if len(want.Feeds) > 0 {
		own.Feeds = want.Feeds
		if err := own.check(); err != nil {
			return BackfillState{}, fmt.Errorf("%w: %w", ErrBackfill, err)
		}
		for _, name := range want.Feeds {
			if t, _ := schema.Find(name); !d.takes(t, f.o.WFM(tenant)) {
				return BackfillState{}, fmt.Errorf("%w: %s does not go to the destination", ErrBackfill, name)
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return BackfillState{}, fmt.Errorf("%w: the server is stopping", ErrBackfill)
	}
	if r := f.runs[d.key()]; r != nil && r.now().State == "running" {
		return r.now(), ErrBusy
	}
	r := &backfill{state: BackfillState{Backfill: want, State: "running", Began: time.Now().UTC()}}
	f.runs[d.key()] = r
	f.done.Go(func() { f.runBackfill(f.ctx, r, &own) })
	return r.now(), nil
}

// BackfillState gives the last back-fill of a destination; ErrUnknown: there was none.
func (f *Feed) BackfillState(tenant, id string) (BackfillState, error) {
	d, err := f.find(tenant, id)
	if err != nil {
		return BackfillState{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.runs[d.key()]
	if r == nil {
		return BackfillState{}, fmt.Errorf("a back-fill of %q: %w", id, ErrUnknown)
	}
	return r.now(), nil
}

func (f *Feed) runBackfill(ctx context.Context, r *backfill, d *Destination) {
	err := f.backfill(ctx, r, d)
	r.change(func(s *BackfillState) {
		s.State, s.Ended = "done", time.Now().UTC()
		if err != nil {
			s.State, s.Error = "failed", err.Error()
		}
	})
	if err != nil {
		slog.Warn("a back-fill has failed", "destination", d.key(), "error", err)
	}
}

// errThrough says that a back-fill has closed its last window.
var errThrough = errors.New("the back-fill is through")

func (f *Feed) backfill(ctx context.Context, r *backfill, d *Destination) error {
	dir := filepath.Join(f.o.Dir, "backfill-"+d.Tenant+"-"+d.ID)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("make room for the back-fill: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(filepath.Join(dir, "files"), 0o700); err != nil {
		return fmt.Errorf("make room for the back-fill: %w", err)
	}
	seen := newProgress()
	w := newWorker(d, dir, 1<<62, f.o.Retry, func() bool { return ctx.Err() == nil }, seen)
	w.filling = r
	p := newPass(dir, f.o.Floor, []*account{newAccount(d.Tenant, f.o.WFM(d.Tenant), []*worker{w})})
	want := r.now().Backfill
	p.only = func(v layout.Window) bool { return !v.Start.Before(want.From) && !v.End().After(want.To) }
	p.closed = func(end time.Time) error {
		r.change(func(s *BackfillState) { s.Reached, s.Missed = end, seen.missedNow() })
		if !end.Before(want.To) {
			return errThrough
		}
		// What was made is delivered before more is: the disk is not the bucket's.
		return w.drain(ctx)
	}
	work, end := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() { w.run(work) })
	defer func() {
		end()
		working.Wait()
	}()
	var err error
	if want.Source == sourceRaw {
		p.enrich()
		err = f.followRaw(ctx, d, want.To, p.step)
	} else {
		shard := f.log.ShardOf(d.Tenant)
		err = f.log.FollowFrom(ctx, shard, p.at, p.follow(), p.step, func() {})
		if errors.Is(err, eventlog.ErrOvertaken) {
			if err = f.later(ctx, shard, p); err == nil {
				err = f.log.FollowFrom(ctx, shard, p.at, p.follow(), p.step, func() {})
			}
		}
	}
	if !errors.Is(err, errThrough) {
		return err
	}
	err = w.drain(ctx)
	r.change(func(s *BackfillState) { s.Missed = seen.missedNow() })
	return err
}

// drain waits until nothing is to be delivered.
func (w *worker) drain(ctx context.Context) error {
	for {
		if n, _ := w.pending(); n == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// note counts a window of a back-fill.
func (r *backfill) note(ctx context.Context, w *worker, j *job, format, folder string, there bool) error {
	if !there {
		r.change(func(s *BackfillState) { s.Written++ })
		return nil
	}
	if !r.now().Verify {
		r.change(func(s *BackfillState) { s.There++ })
		return nil
	}
	why, err := w.compare(ctx, j, format, folder)
	if err != nil {
		return err
	}
	r.change(func(s *BackfillState) {
		s.There++
		if why == "" {
			s.Same++
		} else if len(s.Different) < differentKept {
			s.Different = append(s.Different, folder+": "+why)
		}
	})
	return nil
}

// compare makes the files of a window again and says how they differ from what is
// there, "" for not at all.
func (w *worker) compare(ctx context.Context, j *job, format, folder string) (string, error) {
	if len(w.d.Recipients) > 0 {
		return "encrypted files cannot be compared", nil
	}
	files, err := encode.Write(ctx, w.files, j.Table, w.d.encoding(format), func(add func(schema.Row) error) error {
		return readKept(w.dir, j.Table, j.Kept, add)
	})
	if err != nil {
		return "", err
	}
	defer encode.Remove(files)
	there := map[string]bool{}
	err = w.d.Store.List(ctx, folder+"/", func(o bucket.Object) error {
		there[o.Key[len(folder)+1:]] = true
		return nil
	})
	if err != nil {
		return "", err
	}
	delete(there, layout.SuccessFile)
	delete(there, layout.ManifestFile)
	for _, f := range files {
		if !there[f.Name] {
			return f.Name + " is not there", nil
		}
		delete(there, f.Name)
		o, err := w.d.Store.Stat(ctx, folder+"/"+f.Name)
		if err != nil {
			return "", err
		}
		if o.Size != f.Bytes || o.SHA256 != "" && o.SHA256 != f.SHA256 {
			return f.Name + " is another file", nil
		}
	}
	for name := range there {
		return name + " is there too", nil
	}
	return "", nil
}
