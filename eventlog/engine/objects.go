package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// answerWait bounds a question about one entry: the engine does not answer one
// about a message that is damaged.
const answerWait = 4 * time.Second

// Objects is an object bucket: snapshots and index segments.
type Objects struct {
	e      *Engine
	bucket string
}

// Objects opens an object bucket, which is made when it is not there.
func (e *Engine) Objects(ctx context.Context, bucket string) (*Objects, error) {
	err := e.open(ctx, func(ctx context.Context) error { return e.makeObjects(ctx, bucket) })
	if err != nil {
		return nil, err
	}
	o := &Objects{e: e, bucket: bucket}
	if e.ledger != nil {
		if err := e.ledger.open(ctx, e, o.stream()); err != nil {
			return nil, fmt.Errorf("open object bucket %s: %w", bucket, err)
		}
	}
	return o, nil
}

func (e *Engine) makeObjects(ctx context.Context, bucket string) error {
	s, err := e.session()
	if err != nil {
		return err
	}
	if _, err := s.js.ObjectStore(ctx, bucket); errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = s.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: bucket, Replicas: e.opt.Replicas})
		if err != nil && !errors.Is(err, jetstream.ErrBucketExists) {
			return fmt.Errorf("make object bucket %s: %w", bucket, err)
		}
	} else if err != nil {
		return fmt.Errorf("open object bucket %s: %w", bucket, err)
	}
	return nil
}

func (o *Objects) stream() string { return "OBJ_" + o.bucket }

// changed makes a change of one object and notes it.
func (o *Objects) changed(ctx context.Context, name string, do func() error) error {
	subject := "$O." + o.bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(name))
	return o.e.ledger.change(o.stream(), do, func(err error) bool { return errors.Is(err, jetstream.ErrObjectNotFound) },
		o.e.reread(ctx, o.stream(), subject))
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
		err = o.changed(ctx, name, func() error {
			_, err := os.Put(ctx, jetstream.ObjectMeta{
				Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: 512 << 10},
			}, bytes.NewReader(b))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("store object %s/%s: %w", o.bucket, name, err)
	}
	return nil
}

// Get reads an object; ErrNotFound when it is not there. Its chunks are read as
// a range: where one is lost, that is known at once.
func (o *Objects) Get(ctx context.Context, name string) ([]byte, error) {
	b, err := o.get(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read object %s/%s: %w", o.bucket, name, err)
	}
	return b, nil
}

func (o *Objects) get(ctx context.Context, name string) ([]byte, error) {
	os, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	look, done := context.WithTimeout(ctx, answerWait)
	var info *jetstream.ObjectInfo
	err = o.e.patiently(look, func() (err error) {
		info, err = os.GetInfo(look, name)
		return err
	})
	done()
	if err != nil {
		return nil, err
	}
	s, err := o.e.session()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	b := make([]byte, 0, min(info.Size, 64<<20))
	for next := uint64(1); uint64(len(b)) < info.Size; {
		req := fmt.Appendf(nil, `{"seq":%d,"next_by_subj":"$O.%s.C.%s","batch":64,"max_bytes":%d}`, next, o.bucket, info.NUID, batchBytes)
		n, err := s.readRange(ctx, "OBJ_"+o.bucket, req, func(m *nats.Msg) error {
			seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
			if err != nil || seq < next {
				return fmt.Errorf("chunk with sequence %q", m.Header.Get("Nats-Sequence"))
			}
			next = seq + 1
			b = append(b, m.Data...)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
	}
	want, err := jetstream.DecodeObjectDigest(info.Digest)
	if err != nil {
		return nil, fmt.Errorf("its checksum cannot be read: %w", err)
	}
	if sum := sha256.Sum256(b); !bytes.Equal(sum[:], want) {
		return nil, fmt.Errorf("%w: %d bytes of %d", jetstream.ErrDigestMismatch, len(b), info.Size)
	}
	return b, nil
}

// Delete removes an object; one that is not there is no error.
func (o *Objects) Delete(ctx context.Context, name string) error {
	os, err := o.open(ctx)
	if err == nil {
		err = o.changed(ctx, name, func() error { return os.Delete(ctx, name) })
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
	ctx, cancel := context.WithTimeout(ctx, 2*answerWait)
	defer cancel()
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
