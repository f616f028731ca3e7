package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const closedStatus = nats.CLOSED

// Objects is an object bucket: snapshots and index segments.
type Objects struct {
	e      *Engine
	bucket string
}

// Objects opens an object bucket, which is made when it is not there.
func (e *Engine) Objects(ctx context.Context, bucket string) (*Objects, error) {
	s, err := e.session()
	if err != nil {
		return nil, err
	}
	if _, err := s.js.ObjectStore(ctx, bucket); errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = s.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: bucket, Replicas: e.opt.Replicas})
		if err != nil && !errors.Is(err, jetstream.ErrBucketExists) {
			return nil, fmt.Errorf("make object bucket %s: %w", bucket, err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("open object bucket %s: %w", bucket, err)
	}
	return &Objects{e: e, bucket: bucket}, nil
}

func (o *Objects) open(ctx context.Context) (jetstream.ObjectStore, error) {
	s, err := o.e.session()
	if err != nil {
		return nil, err
	}
	return s.js.ObjectStore(ctx, o.bucket)
}

// Put stores an object under a name, replacing what was there.
func (o *Objects) Put(ctx context.Context, name string, b []byte) error {
	os, err := o.open(ctx)
	if err == nil {
		_, err = os.Put(ctx, jetstream.ObjectMeta{
			Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: 512 << 10},
		}, bytes.NewReader(b))
	}
	if err != nil {
		return fmt.Errorf("store object %s/%s: %w", o.bucket, name, err)
	}
	return nil
}

// Get reads an object; ErrNotFound when it is not there.
func (o *Objects) Get(ctx context.Context, name string) ([]byte, error) {
	os, err := o.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("read object %s/%s: %w", o.bucket, name, err)
	}
	b, err := os.GetBytes(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, fmt.Errorf("read object %s/%s: %w", o.bucket, name, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read object %s/%s: %w", o.bucket, name, err)
	}
	return b, nil
}

// Delete removes an object; one that is not there is no error.
func (o *Objects) Delete(ctx context.Context, name string) error {
	os, err := o.open(ctx)
	if err == nil {
		err = os.Delete(ctx, name)
	}
	if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("delete object %s/%s: %w", o.bucket, name, err)
	}
	return nil
}

// List gives the names of all objects.
func (o *Objects) List(ctx context.Context) ([]string, error) {
	os, err := o.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("list objects of %s: %w", o.bucket, err)
	}
	infos, err := os.List(ctx)
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list objects of %s: %w", o.bucket, err)
	}
	names := make([]string, 0, len(infos))
	for _, i := range infos {
		names = append(names, i.Name)
	}
	return names, nil
}
