package pull

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"

	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
	"trunkline/internal/dirlock"
)

// Options are the terms of a Puller.
type Options struct {
	Source Source
	// Dir is where the sets are kept.
	Dir string
	// Feeds are those that are taken; empty: all.
	Feeds []string
	// Format is that of the sets: layout.JSONL (the default) or layout.Parquet.
	Format string
	// Ordering says which of the rows with one key holds.
	Ordering schema.Ordering
	// Since leaves out windows that begin before it.
	Since time.Time
	// Keys open encrypted files.
	Keys openpgp.EntityList
	// Deliver takes rows of the feed of events in place of a set: the events as they came. It
	// may be called again with what it took before.
	Deliver func(ctx context.Context, events [][]byte) error
	// Progress is told of what is fetched; may be nil.
	Progress func(Progress)
	Logger   *slog.Logger
}

// Progress is how far a run is.
type Progress struct {
	Feed        string
	Part, Parts int   // of the feed's new partitions
	Bytes, Of   int64 // of the feed's new files; Of is 0 where that is not known
}

// Result is what a run did to a feed.
type Result struct {
	Feed     string
	Parts    int   // partitions that were taken
	Rows     int64 // in them
	Bytes    int64 // fetched
	Kept     int64 // rows in the set
	Handed   bool  // the rows were handed on, and there is no set
	Changes  []schema.Change
	Incident error // why the feed is as it was
}

// Puller takes exports.
type Puller struct{ o Options }

// New checks the options.
func New(o Options) (*Puller, error) {
	if o.Format == "" {
		o.Format = layout.JSONL
	}
	switch {
	case o.Source == nil || o.Dir == "":
		return nil, errors.New("pull: a source and a directory are needed")
	case o.Format != layout.JSONL && o.Format != layout.Parquet:
		return nil, fmt.Errorf("pull: format %q: it is %s or %s", o.Format, layout.JSONL, layout.Parquet)
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Puller{o}, nil
}

// ErrName says that a source names something as nothing in an export is named. Names become
// paths here, and a source may be anybody's.
var ErrName = errors.New("not a name of an export")

// ErrOrdering says that a set was made with another ordering. Of the rows that did not hold
// none is there any more, so that it cannot be made anew from what is kept.
var ErrOrdering = errors.New("the set was made with another ordering; give another directory")

var feedName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`)

// eventsFeed is the feed whose rows are the events of the log, and deliveredFolder, which
// is no feed's name, where is kept what was handed on of it.
const (
	eventsFeed      = "events"
	deliveredFolder = "events-delivered"
)

// Run takes what is complete and was not taken yet, feed by feed. A feed that cannot be
// taken stays as it was, and does not keep the others from being taken. [dirlock.ErrInUse]:
// another process keeps the sets of the directory now.
func (p *Puller) Run(ctx context.Context) ([]Result, error) {
	lock, err := dirlock.Lock(filepath.Join(p.o.Dir, ".pull"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }()
	feeds := p.o.Feeds
	if len(feeds) == 0 {
		if feeds, err = p.o.Source.Feeds(ctx); err != nil {
			return nil, err
		}
	}
	docs, changes, err := p.docs(ctx)
	if err != nil {
		return nil, err
	}
	var results []Result
	var failed error
	for _, feed := range feeds {
		r, err := p.feed(ctx, feed, docs)
		for _, c := range changes {
			if c.Table == feed {
				r.Changes = append(r.Changes, c)
			}
		}
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
		if err != nil {
			r.Incident = err
			failed = errors.Join(failed, fmt.Errorf("%s: %w", feed, err))
		}
		results = append(results, r)
	}
	return results, failed
}

// docs reads the schema document of the source, and says what is different from the one
// before. Without one the tables are those that are known here.
func (p *Puller) docs(ctx context.Context) (schema.Document, []schema.Change, error) {
	raw, err := p.o.Source.Docs(ctx)
	if err != nil {
		return schema.Document{}, nil, err
	}
	if raw == nil {
		return schema.Docs(), nil, nil
	}
	now, err := schema.ParseDocs(raw)
	if err != nil {
		return now, nil, err
	}
	path := filepath.Join(p.o.Dir, ".pull", layout.DocsFile)
	before, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return now, nil, err
	}
	var changes []schema.Change
	if len(before) > 0 && !bytes.Equal(before, raw) {
		old, err := schema.ParseDocs(before)
		if err != nil {
			return now, nil, err
		}
		changes = schema.Diff(old, now)
		for _, c := range changes {
			p.o.Logger.Info("the schema has changed", "change", c.String(), "breaking", c.Breaking)
		}
	}
	return now, changes, replace(path, raw)
}

// tableOf is how a feed is read: as the document says, else as it is known here.
func tableOf(feed string, docs schema.Document) (*schema.Table, error) {
	if t, ok := docs.Find(feed); ok {
		return t.Table()
	}
	if t, ok := schema.Find(feed); ok {
		return t, nil
	}
	return nil, fmt.Errorf("nothing is known of this feed: no schema document describes it")
}

// feed takes the new partitions of one feed.
func (p *Puller) feed(ctx context.Context, feed string, docs schema.Document) (r Result, err error) {
	r.Feed = feed
	if !feedName.MatchString(feed) {
		return r, fmt.Errorf("%w: a feed has a name of small letters, digits and underscores, not %.100q", ErrName, feed)
	}
	t, err := tableOf(feed, docs)
	if err != nil {
		return r, err
	}
	// What was handed on and what is in a set are two things.
	r.Handed = feed == eventsFeed && p.o.Deliver != nil
	folder := feed
	if r.Handed {
		folder = deliveredFolder
	}
	s, err := openState(filepath.Join(p.o.Dir, ".pull", folder))
	if err != nil {
		return r, err
	}
	if s.head.Ordering != "" && s.head.Ordering != p.o.Ordering.String() {
		return r, fmt.Errorf("%w: it is ordered by %q", ErrOrdering, s.head.Ordering)
	}
	r.Kept = s.head.Rows
	parts, err := p.o.Source.Complete(ctx, feed, func(folder string) bool { return s.taken[folder] })
	if err != nil {
		return r, err
	}
	parts = slices.DeleteFunc(parts, func(q Part) bool { return q.Window.Start.Before(p.o.Since) })
	if len(parts) == 0 {
		return r, p.publishAgain(ctx, t, s)
	}
	incoming := filepath.Join(s.dir, "incoming")
	fetched := make([][]string, len(parts))
	progress := Progress{Feed: feed, Parts: len(parts)}
	for _, q := range parts {
		for _, f := range q.Files {
			if name, err := layout.ParseFile(f.Name); err != nil || name.Feed != feed || filepath.Base(f.Name) != f.Name {
				return r, fmt.Errorf("%w: %s has a file %.100q", ErrName, q.Folder(), f.Name)
			}
			progress.Of += max(f.Size, 0)
		}
	}
	for i, q := range parts {
		progress.Part = i + 1
		p.o.Progress(progress)
		dir := filepath.Join(incoming, q.Version, q.Window.Date(), q.Window.Interval())
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return r, err
		}
		for _, f := range q.Files {
			path := filepath.Join(dir, f.Name)
			if check(f, path) != nil { // an earlier run may have fetched it
				if path, err = fetch(ctx, p.o.Source, f, dir, func(n int64) {
					r.Bytes += n
					progress.Bytes += n
					p.o.Progress(progress)
				}); err != nil {
					return r, err
				}
			}
			fetched[i] = append(fetched[i], path)
		}
	}
	if r.Handed {
		err = p.deliver(ctx, t, s, parts, fetched, &r)
	} else {
		err = p.merge(ctx, t, s, parts, fetched, &r)
	}
	if err != nil {
		return r, err
	}
	return r, os.RemoveAll(incoming)
}

// Watch runs again and again until ctx ends. done is told of each run.
func (p *Puller) Watch(ctx context.Context, every time.Duration, done func([]Result, error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		results, err := p.Run(ctx)
		if ctx.Err() == nil {
			done(results, err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
