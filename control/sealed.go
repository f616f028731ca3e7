package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// sealMark begins each sealed value. No text, and so no value that was written before there were keys, begins with it.
var sealMark = []byte{0, 'T', 'L', 1}

// Sealed is a bucket whose values are encrypted: sealMark, the key's id, a nonce, and the value with AES-256-GCM, bound
// to its bucket and key, so that no value can be put in the place of another. Names are not hidden, and neither is
// when what was changed. Values from before are read as they are, until Renew seals them.
type Sealed struct {
	kv   KV
	name string
	keys *Keys
}

var _ KV = (*Sealed)(nil)

// Seal gives the bucket of that name with its values sealed by keys.
func Seal(kv KV, name string, keys *Keys) *Sealed { return &Sealed{kv: kv, name: name, keys: keys} }

// bound is what a value is bound to.
func (s *Sealed) bound(key string) []byte {
	return []byte("trunkline control\x00" + s.name + "\x00" + key)
}

func (s *Sealed) seal(key string, value []byte) ([]byte, error) {
	if len(s.keys.list) == 0 {
		return nil, fmt.Errorf("%s: there is no key to seal %s of %s with", s.keys.from, key, s.name)
	}
	k := s.keys.list[0]
	out := append(bytes.Clone(sealMark), k.id[:]...)
	return k.aead.Seal(out, nil, value, s.bound(key)), nil
}

// sealedWith says which key a value is sealed with, false for one that is not.
func sealedWith(value []byte) (id keyID, ok bool) {
	rest, ok := bytes.CutPrefix(value, sealMark)
	if !ok || len(rest) < len(id) {
		return id, false
	}
	return keyID(rest[:len(id)]), true
}

func (s *Sealed) open(key string, value []byte) ([]byte, error) {
	id, ok := sealedWith(value)
	if !ok {
		return value, nil
	}
	for _, k := range s.keys.list {
		if k.id != id {
			continue
		}
		out, err := k.aead.Open(nil, nil, value[len(sealMark)+len(id):], s.bound(key))
		if err != nil {
			return nil, fmt.Errorf("%s of %s was changed after it was sealed, or belongs elsewhere: %w", key, s.name, err)
		}
		return out, nil
	}
	return nil, fmt.Errorf("%s of %s: %w: it has the id %s and is not in %s", key, s.name, ErrKey, id, s.keys.from)
}

// Get implements KV.
func (s *Sealed) Get(ctx context.Context, key string) (Entry, error) {
	e, err := s.kv.Get(ctx, key)
	if err != nil {
		return e, err
	}
	e.Value, err = s.open(key, e.Value)
	return e, err
}

// Put implements KV.
func (s *Sealed) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	raw, err := s.seal(key, value)
	if err != nil {
		return 0, err
	}
	return s.kv.Put(ctx, key, raw)
}

// Create implements KV.
func (s *Sealed) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	raw, err := s.seal(key, value)
	if err != nil {
		return 0, err
	}
	return s.kv.Create(ctx, key, raw)
}

// Update implements KV.
func (s *Sealed) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	raw, err := s.seal(key, value)
	if err != nil {
		return 0, err
	}
	return s.kv.Update(ctx, key, raw, revision)
}

// Delete implements KV.
func (s *Sealed) Delete(ctx context.Context, key string) error { return s.kv.Delete(ctx, key) }

// Watch implements KV. A value that cannot be opened is told of as it is stored: a Mirror keeps what it knew.
func (s *Sealed) Watch(ctx context.Context, fn func(Entry), ready func()) error {
	return s.kv.Watch(ctx, func(e Entry) {
		if !e.Deleted {
			if value, err := s.open(e.Key, e.Value); err == nil {
				e.Value = value
			}
		}
		fn(e)
	}, ready)
}

// Renew seals everything with the first key that is not yet, and says how many values that were. ErrKey when there are
// values that no key opens; with discard these are removed instead, and counted too. Several processes may do it at the
// same time.
func (s *Sealed) Renew(ctx context.Context, discard bool) (renewed, discarded int, err error) {
	stale, lost, err := s.stale(ctx)
	if err != nil {
		return 0, 0, err
	}
	if len(lost) > 0 && !discard {
		_, err := s.open(lost[0].Key, lost[0].Value)
		return 0, 0, err
	}
	for _, e := range lost {
		if err := s.kv.Delete(ctx, e.Key); err != nil {
			return renewed, discarded, fmt.Errorf("remove %s of %s: %w", e.Key, s.name, err)
		}
		discarded++
	}
	for _, e := range stale {
		value, err := s.open(e.Key, e.Value)
		if err == nil {
			_, err = s.Update(ctx, e.Key, value, e.Revision)
		}
		switch {
		case errors.Is(err, ErrRevision), errors.Is(err, ErrNotFound):
			continue // whoever was quicker has sealed it
		case err != nil:
			return renewed, discarded, fmt.Errorf("seal %s of %s anew: %w", e.Key, s.name, err)
		}
		renewed++
	}
	return renewed, discarded, nil
}

// Readable says whether the keys open everything that is sealed: ErrKey when not.
func (s *Sealed) Readable(ctx context.Context) error {
	_, lost, err := s.stale(ctx)
	if err == nil && len(lost) > 0 {
		_, err = s.open(lost[0].Key, lost[0].Value)
	}
	return err
}

// stale lists the values that the first key has not sealed, and apart from them those that cannot be opened.
func (s *Sealed) stale(ctx context.Context) (stale, lost []Entry, err error) {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	now, complete := map[string]Entry{}, false
	err = s.kv.Watch(ctx, func(e Entry) {
		if complete {
			return
		}
		delete(now, e.Key)
		if !e.Deleted {
			now[e.Key] = e
		}
	}, func() { complete = true; enough() })
	if !complete {
		return nil, nil, fmt.Errorf("read the bucket %s: %w", s.name, err)
	}
	for _, e := range now {
		id, sealed := sealedWith(e.Value)
		if _, err := s.open(e.Key, e.Value); err != nil {
			lost = append(lost, e)
		} else if len(s.keys.list) > 0 && (!sealed || id != s.keys.list[0].id) {
			stale = append(stale, e)
		}
	}
	return stale, lost, nil
}
