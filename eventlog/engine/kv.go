package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Errors of key-value buckets.
var (
	ErrNotFound = errors.New("no such key")
	ErrExists   = errors.New("key exists already")
	ErrRevision = errors.New("key has another revision")
)

// Entry is one key of a bucket as it stands.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64
	Deleted  bool // only in a watch
}

// KV is a key-value bucket. It stays usable across restarts of the engine.
type KV struct {
	e      *Engine
	bucket string
}

// KV opens a bucket, which is made when it is not there.
func (e *Engine) KV(ctx context.Context, bucket string) (*KV, error) {
	err := e.open(ctx, func(ctx context.Context) error { return e.makeKV(ctx, bucket) })
	if err != nil {
		return nil, err
	}
	k := &KV{e: e, bucket: bucket}
	if e.ledger != nil {
		if err := e.ledger.open(ctx, e, k.stream()); err != nil {
			return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
		}
	}
	return k, nil
}

func (e *Engine) makeKV(ctx context.Context, bucket string) error {
	s, err := e.session()
	if err != nil {
		return err
	}
	if _, err := s.js.KeyValue(ctx, bucket); errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = s.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, Replicas: e.opt.Replicas, History: 1})
		if err != nil && !errors.Is(err, jetstream.ErrBucketExists) {
			return fmt.Errorf("make bucket %s: %w", bucket, err)
		}
	} else if err != nil {
		return fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	return nil
}

func (k *KV) stream() string { return "KV_" + k.bucket }

// written makes a change that gives a new revision, and notes it.
func (k *KV) written(ctx context.Context, key string, value []byte, do func() (uint64, error)) (rev uint64, err error) {
	err = k.e.ledger.change(k.stream(), func() error {
		return k.e.patiently(ctx, func() (err error) {
			rev, err = do()
			return err
		})
	}, isOld, func(b *book) { b.set(key, rev, value) })
	return rev, err
}

// isOld says that a change was refused for what the bucket held: nothing was
// written.
func isOld(err error) bool {
	return errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrInvalidKey)
}

func (k *KV) open(ctx context.Context) (jetstream.KeyValue, error) {
	s, err := k.e.session()
	if err != nil {
		return nil, err
	}
	return s.js.KeyValue(ctx, k.bucket)
}

func (k *KV) wrap(what, key string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrKeyDeleted):
		return fmt.Errorf("%s %s/%s: %w", what, k.bucket, key, ErrNotFound)
	case errors.Is(err, jetstream.ErrKeyExists):
		if what == "create" {
			return fmt.Errorf("%s %s/%s: %w", what, k.bucket, key, ErrExists)
		}
		return fmt.Errorf("%s %s/%s: %w", what, k.bucket, key, ErrRevision)
	}
	return fmt.Errorf("%s %s/%s: %w", what, k.bucket, key, err)
}

// Get reads a key; ErrNotFound when it is not there.
func (k *KV) Get(ctx context.Context, key string) (Entry, error) {
	kv, err := k.open(ctx)
	if err != nil {
		return Entry{}, k.wrap("get", key, err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	var e jetstream.KeyValueEntry
	err = k.e.patiently(ctx, func() (err error) {
		e, err = kv.Get(ctx, key)
		return err
	})
	if err != nil {
		return Entry{}, k.wrap("get", key, err)
	}
	return Entry{Key: key, Value: e.Value(), Revision: e.Revision()}, nil
}

// Put writes a key whatever it held, and gives its new revision.
func (k *KV) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	kv, err := k.open(ctx)
	if err != nil {
		return 0, k.wrap("put", key, err)
	}
	rev, err := k.written(ctx, key, value, func() (uint64, error) { return kv.Put(ctx, key, value) })
	return rev, k.wrap("put", key, err)
}

// Create writes a key that must not exist; ErrExists otherwise.
func (k *KV) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	kv, err := k.open(ctx)
	if err != nil {
		return 0, k.wrap("create", key, err)
	}
	rev, err := k.written(ctx, key, value, func() (uint64, error) { return kv.Create(ctx, key, value) })
	return rev, k.wrap("create", key, err)
}

// Update writes a key that must be at revision rev; ErrRevision otherwise.
func (k *KV) Update(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
	kv, err := k.open(ctx)
	if err != nil {
		return 0, k.wrap("update", key, err)
	}
	n, err := k.written(ctx, key, value, func() (uint64, error) { return kv.Update(ctx, key, value, rev) })
	return n, k.wrap("update", key, err)
}

// Delete removes a key; a key that is not there is no error.
func (k *KV) Delete(ctx context.Context, key string) error {
	kv, err := k.open(ctx)
	if err != nil {
		return k.wrap("delete", key, err)
	}
	err = k.e.ledger.change(k.stream(), func() error {
		return k.e.patiently(ctx, func() error { return kv.Delete(ctx, key) })
	}, isOld, k.e.reread(ctx, k.stream(), "$KV."+k.bucket+"."+key))
	return k.wrap("delete", key, err)
}

// Keys lists the keys that have a value.
func (k *KV) Keys(ctx context.Context) ([]string, error) {
	kv, err := k.open(ctx)
	if err != nil {
		return nil, k.wrap("list", "", err)
	}
	keys, err := kv.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, nil
	}
	return keys, k.wrap("list", "", err)
}

// Watch hands all current values to fn, calls ready, then hands on every
// change, until ctx ends. When the engine restarts in between it starts over
// with all current values; ready is called once.
func (k *KV) Watch(ctx context.Context, fn func(Entry), ready func()) error {
	begun := false
	for {
		err := k.watch(ctx, fn, func() {
			if !begun {
				begun = true
				ready()
			}
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !begun {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (k *KV) watch(ctx context.Context, fn func(Entry), ready func()) error {
	s, err := k.e.session()
	if err != nil {
		return err
	}
	kv, err := s.js.KeyValue(ctx, k.bucket)
	if err != nil {
		return k.wrap("watch", "", err)
	}
	w, err := kv.WatchAll(ctx)
	if err != nil {
		return k.wrap("watch", "", err)
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.gone.Done():
			return fmt.Errorf("watch %s: %w", k.bucket, ErrDown)
		case e, ok := <-w.Updates():
			if !ok {
				return ErrDown
			}
			if e == nil {
				ready()
				continue
			}
			fn(Entry{
				Key: e.Key(), Value: e.Value(), Revision: e.Revision(),
				Deleted: e.Operation() != jetstream.KeyValuePut,
			})
		}
	}
}
