package buckettest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"trunkline/feed/export/bucket"
)

// Memory is a bucket in memory.
type Memory struct {
	mu    sync.Mutex // guards what is below
	files map[string][]byte
}

var _ bucket.Store = (*Memory)(nil)

// NewMemory makes an empty bucket.
func NewMemory() *Memory { return &Memory{files: map[string][]byte{}} }

func (m *Memory) write(ctx context.Context, key string, body bucket.Body, may func(old []byte, there bool) bool) (bool, error) {
	if err := m.check(key); err != nil {
		return false, err
	}
	if _, err := body.Reader.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	b, err := io.ReadAll(body.Reader)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old, there := m.files[key]
	if !may(old, there) {
		return false, nil
	}
	m.files[key] = b
	return true, nil
}

// check refuses the names that other stores refuse.
func (m *Memory) check(key string) error {
	if key == "" || len(key) > 900 || strings.ContainsAny(key, "\\\x00") {
		return fmt.Errorf("%w: %q", bucket.ErrKey, key)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("%w: %q", bucket.ErrKey, key)
		}
	}
	return nil
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// Create is part of [bucket.Store].
func (m *Memory) Create(ctx context.Context, key string, body bucket.Body) (bool, error) {
	return m.write(ctx, key, body, func(_ []byte, there bool) bool { return !there })
}

// Replace is part of [bucket.Store].
func (m *Memory) Replace(ctx context.Context, key, tag string, body bucket.Body) error {
	made, err := m.write(ctx, key, body, func(old []byte, there bool) bool { return there && sum(old) == tag })
	if err == nil && !made {
		err = fmt.Errorf("write %s: %w", key, bucket.ErrChanged)
	}
	return err
}

func (m *Memory) get(key string) ([]byte, error) {
	if err := m.check(key); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.files[key]
	if !ok {
		return nil, fmt.Errorf("%s: %w", key, bucket.ErrAbsent)
	}
	return b, nil
}

// Stat is part of [bucket.Store].
func (m *Memory) Stat(_ context.Context, key string) (bucket.Object, error) {
	b, err := m.get(key)
	if err != nil {
		return bucket.Object{}, err
	}
	return bucket.Object{Key: key, Size: int64(len(b)), SHA256: sum(b), Tag: sum(b)}, nil
}

// Open is part of [bucket.Store].
func (m *Memory) Open(_ context.Context, key string, from int64) (io.ReadCloser, error) {
	b, err := m.get(key)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(b[min(from, int64(len(b))):])), nil
}

// keys lists the names with a prefix.
func (m *Memory) keys(prefix string) []bucket.Object {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []bucket.Object
	for _, k := range slices.Sorted(maps.Keys(m.files)) {
		if strings.HasPrefix(k, prefix) {
			out = append(out, bucket.Object{Key: k, Size: int64(len(m.files[k]))})
		}
	}
	return out
}

// List is part of [bucket.Store].
func (m *Memory) List(ctx context.Context, prefix string, each func(bucket.Object) error) error {
	for _, o := range m.keys(prefix) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(o); err != nil {
			return err
		}
	}
	return nil
}

// Folders is part of [bucket.Store].
func (m *Memory) Folders(_ context.Context, folder string) ([]string, error) {
	var out []string
	for _, o := range m.keys(folder) {
		if name, _, below := strings.Cut(o.Key[len(folder):], "/"); below && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Remove is part of [bucket.Store].
func (m *Memory) Remove(_ context.Context, key string) error {
	if err := m.check(key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, key)
	return nil
}
