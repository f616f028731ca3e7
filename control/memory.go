package control

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// Memory is a bucket that lives and dies with the process: for tests and for programs that keep nothing.
type Memory struct {
	mu       sync.Mutex // guards what is below
	revision uint64
	entries  map[string]Entry // deleted ones stay as tombstones
	changed  chan struct{}    // closed and replaced at each change
}

var _ KV = (*Memory)(nil)

// NewMemory gives an empty bucket.
func NewMemory() *Memory {
	return &Memory{entries: map[string]Entry{}, changed: make(chan struct{})}
}

// Get implements KV.
func (m *Memory) Get(ctx context.Context, key string) (Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	if !ok || e.Deleted {
		return Entry{}, ErrNotFound
	}
	return e, ctx.Err()
}

// Put implements KV.
func (m *Memory) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return m.set(ctx, key, value, func(Entry) error { return nil })
}

// Create implements KV.
func (m *Memory) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	return m.set(ctx, key, value, func(old Entry) error {
		if old.Revision != 0 && !old.Deleted {
			return ErrExists
		}
		return nil
	})
}

// Update implements KV.
func (m *Memory) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return m.set(ctx, key, value, func(old Entry) error {
		if old.Revision != revision {
			return ErrRevision
		}
		return nil
	})
}

// Delete implements KV.
func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.entries[key]; ok && !e.Deleted {
		m.store(Entry{Key: key, Deleted: true})
	}
	return nil
}

func (m *Memory) set(ctx context.Context, key string, value []byte, may func(old Entry) error) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := may(m.entries[key]); err != nil {
		return 0, err
	}
	return m.store(Entry{Key: key, Value: slices.Clone(value)}), nil
}

// store takes e as the newest entry; mu is held.
func (m *Memory) store(e Entry) uint64 {
	m.revision++
	e.Revision = m.revision
	m.entries[e.Key] = e
	close(m.changed)
	m.changed = make(chan struct{})
	return e.Revision
}

// Watch implements KV. Several changes of one key between two looks are seen as the last of them.
func (m *Memory) Watch(ctx context.Context, fn func(Entry), ready func()) error {
	var seen uint64
	for first := true; ; first = false {
		news, changed := m.since(seen)
		for _, e := range news {
			seen = e.Revision
			fn(e)
		}
		if first {
			ready()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m *Memory) since(seen uint64) ([]Entry, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var news []Entry
	for _, e := range m.entries {
		if e.Revision > seen {
			news = append(news, e)
		}
	}
	slices.SortFunc(news, func(a, b Entry) int { return cmp.Compare(a.Revision, b.Revision) })
	return news, m.changed
}
