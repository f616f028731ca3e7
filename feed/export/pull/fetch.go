package pull

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// ErrFile says that a file is not what it should be.
var ErrFile = errors.New("the file is not what it should be")

// attempts is how often a file is fetched that breaks off, and how long the pause before
// the second time is; it doubles.
const (
	attempts   = 5
	firstPause = 100 * time.Millisecond
)

// fetch brings a file to dir and gives its path. What is there of it already is not
// fetched again. progress is told of bytes.
func fetch(ctx context.Context, src Source, f Remote, dir string, progress func(int64)) (string, error) {
	path := filepath.Join(dir, f.Name)
	pause := firstPause
	for n := 1; ; n++ {
		err := advance(ctx, src, f, path+".part", progress)
		if err == nil {
			err = check(f, path+".part")
		}
		if err == nil {
			return path, os.Rename(path+".part", path)
		}
		if errors.Is(err, ErrFile) {
			_ = os.Remove(path + ".part") // from the beginning, the next time
		}
		if n == attempts || ctx.Err() != nil {
			return "", fmt.Errorf("fetch %s: %w", f.Key, err)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// advance fetches what is missing of a file.
func advance(ctx context.Context, src Source, f Remote, path string, progress func(int64)) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	have, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if f.Size >= 0 && have == f.Size {
		return nil
	}
	if f.Size >= 0 && have > f.Size {
		return fmt.Errorf("%w: %d bytes are here of %d", ErrFile, have, f.Size)
	}
	in, err := src.Open(ctx, f.Key, have)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if _, err := io.Copy(out, &counted{in, progress}); err != nil {
		return err
	}
	return out.Sync()
}

// counted tells of what is read.
type counted struct {
	io.Reader
	progress func(int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.progress(int64(n))
	return n, err
}

// check compares a file with what is known of it.
func check(f Remote, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	h := sha256.New()
	n, err := io.Copy(h, in)
	if err != nil {
		return err
	}
	if f.Size >= 0 && n < f.Size {
		return io.ErrUnexpectedEOF // it goes on where it broke off
	}
	if f.Size >= 0 && n != f.Size {
		return fmt.Errorf("%w: it has %d bytes, not %d", ErrFile, n, f.Size)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); f.SHA256 != "" && sum != f.SHA256 {
		return fmt.Errorf("%w: its SHA-256 is %s, not %s", ErrFile, sum, f.SHA256)
	}
	return nil
}
