// Package bucket is where exports are put: a [Store] is an object store, or a folder
// of one. [OpenDirectory] makes one of a local directory, [OpenS3] of a bucket of S3
// or of what speaks its protocol.
//
// Invariants, which package buckettest tests for every store:
//
//   - A file is there whole or not at all.
//   - Of those who Create the same name at the same time one makes it.
//   - Replace writes only over what its caller has seen.
//
// Secrets are in no error and no log.
package bucket

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"
)

// Errors of stores.
var (
	// ErrAbsent says that there is no such file.
	ErrAbsent = errors.New("no such file in the bucket")
	// ErrChanged says that somebody else has written the file meanwhile.
	ErrChanged = errors.New("the file in the bucket was changed meanwhile")
	// ErrKey says that a name cannot be used in a bucket.
	ErrKey = errors.New("not a name for a file in a bucket")
)

// Object is a file in a bucket.
type Object struct {
	Key    string // path in the bucket, below the store's prefix
	Size   int64  // bytes
	SHA256 string // hexadecimal, as it was written with; empty where it is not known
	Tag    string // changes with each content; empty in lists of stores that do not tell
}

// Body is what is to be written, from its beginning.
type Body struct {
	Reader io.ReadSeeker
	Size   int64  // bytes
	SHA256 string // hexadecimal
}

// Store is a bucket, or a folder of one. It is safe for many goroutines.
type Store interface {
	// Create writes a file that must not be there yet; false says that it is there.
	Create(ctx context.Context, key string, body Body) (made bool, err error)
	// Replace writes over the file that has a tag. ErrChanged: it has another one now,
	// or is gone.
	Replace(ctx context.Context, key, tag string, body Body) error
	// Stat gives a file; ErrAbsent.
	Stat(ctx context.Context, key string) (Object, error)
	// List gives the files whose names begin with prefix, by name.
	List(ctx context.Context, prefix string, each func(Object) error) error
	// Folders gives the names that stand directly below a folder and have files below
	// them, without slashes, by name. The folder is "" or ends with a slash.
	Folders(ctx context.Context, folder string) ([]string, error)
	// Open reads a file from a byte on; ErrAbsent.
	Open(ctx context.Context, key string, from int64) (io.ReadCloser, error)
	// Remove removes a file; one that is not there is removed already.
	Remove(ctx context.Context, key string) error
}

// Presigner is a store that gives links to its files.
type Presigner interface {
	// Presign gives a link under which anybody reads a file for a while.
	Presign(ctx context.Context, key string, valid time.Duration) (string, error)
}

// checkKey refuses names that would leave the bucket or mean different things to
// different stores.
func checkKey(key string) error {
	if key == "" || len(key) > 900 || strings.ContainsAny(key, "\\\x00") {
		return ErrKey
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." || strings.HasPrefix(part, temporary) {
			return ErrKey
		}
	}
	return nil
}

// stopping reads until a context ends.
type stopping struct {
	ctx context.Context
	r   io.Reader
}

func (s *stopping) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}
