package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

// Codec turns the bytes of a bucket into values and back.
type Codec[T any] struct {
	Encode func(T) ([]byte, error)
	Decode func([]byte) (T, error)
	// Changed is told of each change of a key, in order: old is the zero value when the key is new, now when it is
	// gone. It runs while the mirror is locked: it must be quick and must not call the mirror.
	Changed func(key string, old, now T)
	// Broken is told of values that cannot be decoded and of watches that broke; nil: nobody is told.
	// A value that cannot be decoded counts as absent, so that a damaged token opens nothing.
	Broken func(key string, err error)
}

// Mirror is a decoded copy of a bucket that follows it.
type Mirror[T any] struct {
	kv    KV
	codec Codec[T]

	mu      sync.RWMutex // guards what is below
	values  map[string]T
	seen    map[string]uint64 // the revision each key is known at; stays after a deletion here until the watch tells of it
	through uint64            // the newest revision that the watch brought
}

// How long the mirror waits before it watches a broken bucket again, doubling.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// OpenMirror reads the whole bucket and then follows it until ctx ends.
func OpenMirror[T any](ctx context.Context, kv KV, codec Codec[T]) (*Mirror[T], error) {
	m := &Mirror[T]{kv: kv, codec: codec, values: map[string]T{}, seen: map[string]uint64{}}
	ready, failed := make(chan struct{}), make(chan error, 1)
	go m.follow(ctx, ready, failed)
	select {
	case <-ready:
		return m, nil
	case err := <-failed:
		return nil, fmt.Errorf("read control state: %w", err)
	case <-ctx.Done():
		return nil, fmt.Errorf("read control state: %w", ctx.Err())
	}
}

// follow watches again whenever the watch breaks. A bucket that cannot be watched at all fails the opening.
func (m *Mirror[T]) follow(ctx context.Context, ready chan<- struct{}, failed chan<- error) {
	opened, wait := false, firstRetry
	for {
		before := m.known()
		present := map[string]bool{} // nil once this watch has told all there is
		err := m.kv.Watch(ctx, func(e Entry) {
			if present != nil {
				present[e.Key] = !e.Deleted
			}
			m.heard(e)
		}, func() {
			m.forget(before, present)
			present, wait = nil, firstRetry
			if !opened {
				opened = true
				close(ready)
			}
		})
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = fmt.Errorf("the watch ended")
		}
		if !opened {
			failed <- err
			return
		}
		m.broken("", fmt.Errorf("follow control state: %w", err))
		select {
		case <-time.After(wait):
			wait = min(2*wait, lastRetry)
		case <-ctx.Done():
			return
		}
	}
}

// heard takes what the watch says.
func (m *Mirror[T]) heard(e Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.through = max(m.through, e.Revision)
	if e.Revision <= m.seen[e.Key] {
		return // what was written here is newer, or the watch began anew
	}
	if e.Deleted {
		delete(m.seen, e.Key)
		m.drop(e.Key)
		return
	}
	m.seen[e.Key] = e.Revision
	m.take(e.Key, e.Value)
}

func (m *Mirror[T]) known() map[string]uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return maps.Clone(m.seen)
}

// forget removes what was there before a watch began and what that watch did not bring: it is gone, and so is the
// news of it.
func (m *Mirror[T]) forget(before map[string]uint64, present map[string]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, revision := range before {
		if !present[key] && m.seen[key] == revision {
			delete(m.seen, key)
			m.drop(key)
		}
	}
}

// take sets a value; mu is held.
func (m *Mirror[T]) take(key string, raw []byte) {
	if id, sealed := sealedWith(raw); sealed {
		// Another process has a key that this one has not. The value is not gone: what was known of it stays.
		m.broken(key, fmt.Errorf("%w: it has the id %s", ErrKey, id))
		return
	}
	v, err := m.codec.Decode(raw)
	if err != nil {
		m.broken(key, fmt.Errorf("decode: %w", err))
		m.drop(key)
		return
	}
	old := m.values[key]
	m.values[key] = v
	if m.codec.Changed != nil {
		m.codec.Changed(key, old, v)
	}
}

// drop removes a value; mu is held.
func (m *Mirror[T]) drop(key string) {
	old, ok := m.values[key]
	if !ok {
		return
	}
	delete(m.values, key)
	if m.codec.Changed != nil {
		var none T
		m.codec.Changed(key, old, none)
	}
}

func (m *Mirror[T]) broken(key string, err error) {
	if m.codec.Broken != nil {
		m.codec.Broken(key, err)
	}
}

// Get gives the value under key.
func (m *Mirror[T]) Get(key string) (T, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok := m.values[key]
	return v, ok
}

// Fetch is Get that asks the bucket for what is not here: another node may have written it a moment ago.
func (m *Mirror[T]) Fetch(ctx context.Context, key string) (T, bool, error) {
	if v, ok := m.Get(key); ok {
		return v, true, nil
	}
	e, err := m.kv.Get(ctx, key)
	switch {
	case err == nil:
		m.learn(key, e.Value, e.Revision)
	case !errors.Is(err, ErrNotFound):
		var none T
		return none, false, fmt.Errorf("read %s: %w", key, err)
	}
	// What was deleted here in the meantime stays so, whatever a node said that has not heard of it.
	v, ok := m.Get(key)
	return v, ok, nil
}

// All gives a copy of everything.
func (m *Mirror[T]) All() map[string]T {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return maps.Clone(m.values)
}

// Len says how many values there are.
func (m *Mirror[T]) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.values)
}

// Create writes a value under a new key, otherwise ErrExists. When it returns, this mirror shows the value.
func (m *Mirror[T]) Create(ctx context.Context, key string, v T) error {
	return m.write(key, v, func(raw []byte) (uint64, error) { return m.kv.Create(ctx, key, raw) })
}

// Put writes a value whatever was there. When it returns, this mirror shows the value.
func (m *Mirror[T]) Put(ctx context.Context, key string, v T) error {
	return m.write(key, v, func(raw []byte) (uint64, error) { return m.kv.Put(ctx, key, raw) })
}

// Change writes what fn makes of the value that the bucket holds now; when somebody else was quicker it is done
// again on theirs. ErrNotFound when there is none. An error of fn ends it.
func (m *Mirror[T]) Change(ctx context.Context, key string, fn func(T) (T, error)) (T, error) {
	var none T
	for {
		e, err := m.kv.Get(ctx, key)
		if err != nil {
			return none, fmt.Errorf("read %s: %w", key, err)
		}
		v, err := m.codec.Decode(e.Value)
		if err != nil {
			return none, fmt.Errorf("decode %s: %w", key, err)
		}
		if v, err = fn(v); err != nil {
			return none, err
		}
		err = m.write(key, v, func(raw []byte) (uint64, error) { return m.kv.Update(ctx, key, raw, e.Revision) })
		if err == nil {
			return v, nil
		}
		if !errors.Is(err, ErrRevision) {
			return none, err
		}
	}
}

// Delete removes the value under key, ErrNotFound when there is none. When it returns, this mirror has lost it.
func (m *Mirror[T]) Delete(ctx context.Context, key string) error {
	e, err := m.kv.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	if err := m.kv.Delete(ctx, key); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// Not when the watch already told of it, or of a newer value.
	if m.through <= e.Revision || m.seen[key] == e.Revision {
		m.seen[key] = max(e.Revision, m.seen[key])
		m.drop(key)
	}
	return nil
}

func (m *Mirror[T]) write(key string, v T, put func([]byte) (uint64, error)) error {
	raw, err := m.codec.Encode(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	revision, err := put(raw)
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	m.learn(key, raw, revision)
	return nil
}

// learn takes a value of the bucket, unless the watch has told of it or of what came after.
func (m *Mirror[T]) learn(key string, raw []byte, revision uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if revision > m.through && revision > m.seen[key] {
		m.seen[key] = revision
		m.take(key, raw)
	}
}
