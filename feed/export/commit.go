package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"trunkline/feed/export/bucket"
	"trunkline/feed/export/encode"
	"trunkline/feed/export/layout"
)

// Manifest is what _manifest.json says of a partition.
type Manifest struct {
	Feed    string         `json:"feed"`
	Version string         `json:"version"`
	Format  string         `json:"format"`
	Start   string         `json:"start"` // of the window, UTC, RFC 3339
	End     string         `json:"end"`   // the first moment behind it
	Rows    int64          `json:"rows"`
	Files   []ManifestFile `json:"files"`
	// First and Last are the cursors of the first and last event that the log received
	// in the window; absent where there was none.
	First string `json:"first_cursor,omitempty"`
	Last  string `json:"last_cursor,omitempty"`
}

// ManifestFile is a file of a partition.
type ManifestFile struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// partition is what is to be put into a folder.
type partition struct {
	store  bucket.Store
	folder string
	held   func() bool // nobody has taken over
	files  []encode.File
	// manifest is nil where the destination wants none.
	manifest *Manifest
}

// committed says whether a partition is complete.
func committed(ctx context.Context, s bucket.Store, folder string) (bool, error) {
	_, err := s.Stat(ctx, folder+"/"+layout.SuccessFile)
	if errors.Is(err, bucket.ErrAbsent) {
		return false, nil
	}
	return err == nil, err
}

// errCommitted says that somebody has committed the partition meanwhile.
var errCommitted = errors.New("the partition is complete")

// commit puts the files there and then _SUCCESS. What another attempt has left is
// replaced or removed; a partition that is complete is not touched.
func (p *partition) commit(ctx context.Context) error {
	if err := p.fill(ctx); err != nil && !errors.Is(err, errCommitted) {
		return err
	}
	return nil
}

func (p *partition) fill(ctx context.Context) error {
	wanted := map[string]bool{}
	for i := range p.files {
		f := &p.files[i]
		wanted[f.Name] = true
		if err := p.upload(ctx, f); err != nil {
			return err
		}
	}
	if p.manifest != nil {
		wanted[layout.ManifestFile] = true
		raw, err := json.Marshal(p.manifest)
		if err != nil {
			return fmt.Errorf("write the manifest of %s: %w", p.folder, err)
		}
		raw = append(raw, '\n')
		sum := sha256.Sum256(raw)
		body := bucket.Body{Reader: bytes.NewReader(raw), Size: int64(len(raw)), SHA256: hex.EncodeToString(sum[:])}
		if err := p.put(ctx, layout.ManifestFile, body); err != nil {
			return err
		}
	}
	var stale []string
	err := p.store.List(ctx, p.folder+"/", func(o bucket.Object) error {
		name := o.Key[len(p.folder)+1:]
		if !wanted[name] && name != layout.SuccessFile {
			stale = append(stale, o.Key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range stale {
		if err := p.open(ctx); err != nil {
			return err
		}
		if err := p.store.Remove(ctx, key); err != nil {
			return err
		}
	}
	if !p.held() {
		return ErrFenced
	}
	empty := sha256.Sum256(nil)
	// Made or there already: the window is committed.
	_, err = p.store.Create(ctx, p.folder+"/"+layout.SuccessFile, bucket.Body{Reader: bytes.NewReader(nil), SHA256: hex.EncodeToString(empty[:])})
	return err
}

// open gives an error where nothing may be written to the partition any more.
func (p *partition) open(ctx context.Context) error {
	if !p.held() {
		return ErrFenced
	}
	done, err := committed(ctx, p.store, p.folder)
	if done {
		return errCommitted
	}
	return err
}

func (p *partition) upload(ctx context.Context, f *encode.File) error {
	r, err := os.Open(f.Path)
	if err != nil {
		return fmt.Errorf("read a finished file: %w", err)
	}
	defer r.Close()
	return p.put(ctx, f.Name, bucket.Body{Reader: r, Size: f.Bytes, SHA256: f.SHA256})
}

// puts is how often a file is tried that others write too.
const puts = 5

// put makes sure that a file has a content, as long as the partition is not complete.
func (p *partition) put(ctx context.Context, name string, body bucket.Body) error {
	key := p.folder + "/" + name
	for range puts {
		if !p.held() {
			return ErrFenced
		}
		made, err := p.store.Create(ctx, key, body)
		if err != nil || made {
			return err
		}
		now, err := p.store.Stat(ctx, key)
		if errors.Is(err, bucket.ErrAbsent) {
			continue
		}
		if err != nil || now.SHA256 == body.SHA256 && now.Size == body.Size {
			return err
		}
		if err := p.open(ctx); err != nil {
			return err
		}
		err = p.store.Replace(ctx, key, now.Tag, body)
		if !errors.Is(err, bucket.ErrChanged) {
			return err
		}
	}
	return fmt.Errorf("write %s: %w", key, bucket.ErrChanged)
}
