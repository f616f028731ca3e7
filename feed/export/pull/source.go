package pull

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"trunkline/feed/export/bucket"
	"trunkline/feed/export/layout"
)

// ErrIncomplete says that a partition has no _SUCCESS: it must not be imported.
var ErrIncomplete = errors.New("the partition has no _SUCCESS")

// Source is where exports lie.
type Source interface {
	// Feeds lists the feeds that have partitions.
	Feeds(ctx context.Context) ([]string, error)
	// Complete lists the partitions of a feed that are complete, by window. taken says of a
	// folder that nothing needs to be found out about it.
	Complete(ctx context.Context, feed string, taken func(folder string) bool) ([]Part, error)
	// Open reads a file from a byte on.
	Open(ctx context.Context, key string, from int64) (io.ReadCloser, error)
	// Docs gives the schema document; nil: there is none.
	Docs(ctx context.Context) ([]byte, error)
}

// Part is a complete partition.
type Part struct {
	layout.Partition
	Files []Remote
}

// Remote is a file of a partition.
type Remote struct {
	Name   string // in its partition
	Key    string // how the source finds it
	Size   int64  // bytes; below 0 where it is not known
	SHA256 string // hexadecimal; "" where it is not known
}

// Bucket is a source in a bucket.
type Bucket struct{ store bucket.Store }

var _ Source = (*Bucket)(nil)

// OpenBucket makes a source of a bucket, or of a folder of one.
func OpenBucket(store bucket.Store) *Bucket { return &Bucket{store} }

// Feeds implements Source.
func (b *Bucket) Feeds(ctx context.Context) ([]string, error) {
	folders, err := b.store.Folders(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("list the feeds: %w", err)
	}
	var feeds []string
	for _, name := range folders {
		versions, err := b.store.Folders(ctx, name+"/")
		if err != nil {
			return nil, fmt.Errorf("list the versions of %s: %w", name, err)
		}
		if slices.ContainsFunc(versions, func(v string) bool { return strings.HasPrefix(v, "version=") }) {
			feeds = append(feeds, name)
		}
	}
	return feeds, nil
}

// Open implements Source.
func (b *Bucket) Open(ctx context.Context, key string, from int64) (io.ReadCloser, error) {
	return b.store.Open(ctx, key, from)
}

// Docs implements Source.
func (b *Bucket) Docs(ctx context.Context) ([]byte, error) {
	r, err := b.store.Open(ctx, layout.DocsFile, 0)
	switch {
	case errors.Is(err, bucket.ErrAbsent):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", layout.DocsFile, err)
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(io.LimitReader(r, maxDocs))
}

// maxDocs bounds the schema document, in bytes.
const maxDocs = 64 << 20

// Complete implements Source. Of a partition that is there in several formats JSON Lines
// are taken, of several versions all: they have paths of their own.
func (b *Bucket) Complete(ctx context.Context, feed string, taken func(folder string) bool) ([]Part, error) {
	open, done := map[string]*Part{}, map[string]bool{}
	err := b.store.List(ctx, feed+"/", func(o bucket.Object) error {
		p, err := layout.ParsePath(o.Key)
		if err != nil || p.Feed != feed {
			return nil // something of somebody else's
		}
		folder := p.Folder()
		if taken(folder) {
			return nil
		}
		part := open[folder]
		if part == nil {
			part = &Part{Partition: p}
			part.File = ""
			open[folder] = part
		}
		switch p.File {
		case layout.SuccessFile:
			done[folder] = true
		case "", layout.ManifestFile:
		default:
			part.Files = append(part.Files, Remote{Name: p.File, Key: o.Key, Size: o.Size, SHA256: o.SHA256})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the partitions of %s: %w", feed, err)
	}
	windows := map[string]bool{} // that are there as JSON Lines
	for folder := range done {
		if p := open[folder]; p.Format == layout.JSONL {
			windows[p.Version+p.Window.String()] = true
		}
	}
	var parts []Part
	for _, folder := range slices.Sorted(maps.Keys(done)) {
		p := open[folder]
		if p.Format != layout.JSONL && windows[p.Version+p.Window.String()] {
			continue
		}
		if err := b.manifest(ctx, folder, p); err != nil {
			return nil, err
		}
		parts = append(parts, *p)
	}
	sortParts(parts)
	return parts, nil
}

func sortParts(parts []Part) {
	slices.SortStableFunc(parts, func(a, b Part) int { return a.Window.Start.Compare(b.Window.Start) })
}

// manifest adds what a manifest knows of the files.
func (b *Bucket) manifest(ctx context.Context, folder string, p *Part) error {
	r, err := b.store.Open(ctx, folder+"/"+layout.ManifestFile, 0)
	switch {
	case errors.Is(err, bucket.ErrAbsent):
		return nil
	case err != nil:
		return fmt.Errorf("read the manifest of %s: %w", folder, err)
	}
	defer func() { _ = r.Close() }()
	var m struct {
		Files []struct {
			Name   string `json:"name"`
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
	if err := json.NewDecoder(io.LimitReader(r, 1<<20)).Decode(&m); err != nil {
		return fmt.Errorf("read the manifest of %s: %w", folder, err)
	}
	for _, f := range m.Files {
		i := slices.IndexFunc(p.Files, func(r Remote) bool { return r.Name == f.Name })
		if i < 0 {
			return fmt.Errorf("the manifest of %s names %s, which is not there", folder, f.Name)
		}
		p.Files[i].SHA256 = f.SHA256
	}
	return nil
}
