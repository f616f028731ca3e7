package bucket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Directory is a bucket in a local directory. Files are written beside their place,
// synced, and put there whole. Several processes may write to the same directory.
type Directory struct{ root string }

var _ Store = (*Directory)(nil)

// temporary begins the names of files that are being written.
const temporary = ".writing-"

// lockName is the file whose lock is held while files are replaced.
const lockName = temporary + "lock"

// OpenDirectory makes the directory if it is not there.
func OpenDirectory(root string) (*Directory, error) {
	if err := os.MkdirAll(root, 0o750); err != nil {
		return nil, fmt.Errorf("make the directory of exports: %w", err)
	}
	return &Directory{root}, nil
}

// Root is where the directory is.
func (d *Directory) Root() string { return d.root }

func (d *Directory) path(key string) (string, error) {
	if err := checkKey(key); err != nil {
		return "", fmt.Errorf("%w: %q", err, key)
	}
	return filepath.Join(d.root, filepath.FromSlash(key)), nil
}

// write writes a file beside its place and gives its name.
func (d *Directory) write(ctx context.Context, path string, body Body) (name string, err error) {
	if err := makeFolders(filepath.Dir(path)); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(path), temporary)
	if err != nil {
		return "", err
	}
	n := int64(0)
	if _, err = body.Reader.Seek(0, io.SeekStart); err == nil {
		n, err = io.Copy(f, &stopping{ctx, body.Reader})
	}
	if err == nil && n != body.Size {
		err = fmt.Errorf("%d bytes came instead of %d", n, body.Size)
	}
	err = errors.Join(err, f.Chmod(0o640), f.Sync(), f.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// makeFolders makes a folder and those above it last.
func makeFolders(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := makeFolders(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o750); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// Create is part of [Store].
func (d *Directory) Create(ctx context.Context, key string, body Body) (bool, error) {
	path, err := d.path(key)
	if err != nil {
		return false, err
	}
	name, err := d.write(ctx, path, body)
	if err != nil {
		return false, fmt.Errorf("write %s: %w", key, err)
	}
	// A link fails where a rename would replace.
	err = os.Link(name, path)
	made := err == nil
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err = errors.Join(err, os.Remove(name), syncFolder(filepath.Dir(path))); err != nil {
		return false, fmt.Errorf("write %s: %w", key, err)
	}
	return made, nil
}

// Replace is part of [Store].
func (d *Directory) Replace(ctx context.Context, key, tag string, body Body) error {
	path, err := d.path(key)
	if err != nil {
		return err
	}
	name, err := d.write(ctx, path, body)
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	defer os.Remove(name) // gone already where it took its place
	unlock, err := d.lock()
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	defer unlock()
	now, err := d.Stat(ctx, key)
	if err != nil && !errors.Is(err, ErrAbsent) {
		return err
	}
	if err != nil || now.Tag != tag {
		return fmt.Errorf("write %s: %w", key, ErrChanged)
	}
	if err := errors.Join(os.Rename(name, path), syncFolder(filepath.Dir(path))); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

// lock keeps others, in whatever process, from replacing.
func (d *Directory) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(d.root, lockName), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("lock the directory of exports: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the directory of exports: %w", err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// syncFolder makes new names in a folder last.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Stat is part of [Store]. The tag is the content's hash: it reads the whole file.
func (d *Directory) Stat(ctx context.Context, key string) (Object, error) {
	f, err := d.Open(ctx, key, 0)
	if err != nil {
		return Object{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, &stopping{ctx, f})
	if err != nil {
		return Object{}, fmt.Errorf("read %s: %w", key, err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	return Object{Key: key, Size: n, SHA256: sum, Tag: sum}, nil
}

// Open is part of [Store].
func (d *Directory) Open(_ context.Context, key string, from int64) (io.ReadCloser, error) {
	path, err := d.path(key)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", key, ErrAbsent)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if i, err := f.Stat(); err == nil && i.IsDir() {
		return nil, errors.Join(fmt.Errorf("%s: %w", key, ErrAbsent), f.Close())
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", key, err), f.Close())
	}
	return f, nil
}

// List is part of [Store]. Hashes are not told.
func (d *Directory) List(ctx context.Context, prefix string, each func(Object) error) error {
	folder := ""
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		folder = prefix[:i+1]
	}
	return d.list(ctx, folder, prefix, each)
}

// list walks a folder, which is "" or ends with a slash, in the order of the full
// names: a slash stands between other characters there, not before them.
func (d *Directory) list(ctx context.Context, folder, prefix string, each func(Object) error) error {
	entries, err := d.entries(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		key := folder + e.Name()
		switch {
		case e.IsDir():
			if key += "/"; strings.HasPrefix(key, prefix) || strings.HasPrefix(prefix, key) {
				if err := d.list(ctx, key, prefix, each); err != nil {
					return err
				}
			}
		case strings.HasPrefix(key, prefix):
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return fmt.Errorf("list %s: %w", prefix, err)
			}
			if err := each(Object{Key: key, Size: info.Size()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// entries gives what is in a folder, by the names that are listed.
func (d *Directory) entries(folder string) ([]fs.DirEntry, error) {
	path := d.root
	if folder != "" {
		var err error
		if path, err = d.path(strings.TrimSuffix(folder, "/")); err != nil {
			return nil, err
		}
	}
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", folder, err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), temporary) })
	name := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(name(a), name(b)) })
	return entries, nil
}

// Folders is part of [Store].
func (d *Directory) Folders(_ context.Context, folder string) ([]string, error) {
	entries, err := d.entries(folder)
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, err
}

// Remove is part of [Store].
func (d *Directory) Remove(_ context.Context, key string) error {
	path, err := d.path(key)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", key, err)
	}
	return nil
}
