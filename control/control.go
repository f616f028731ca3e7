// Package control is the small side of the storage: tokens, tenants and whatever else
// is made at run time and must be the same on every node.
//
// KV is what a bucket of such state must offer; the log's buckets do, and Memory does for
// tests. Mirror keeps a decoded copy of a bucket in memory and follows it, so that a lookup on a hot
// path never leaves the process and a change made on any node shows on all of them
// as soon as the bucket tells. Sealed encrypts the values of a bucket with Keys before they are stored.
//
// Invariants: revisions of one bucket only grow; a watcher sees the changes of a
// bucket in the order of their revisions.
package control

import (
	"context"

	"trunkline/eventlog"
)

// Errors that a KV answers with, to be tested with errors.Is.
var (
	ErrNotFound = eventlog.ErrNotFound // no value under the key
	ErrExists   = eventlog.ErrExists   // Create found a value under the key
	ErrRevision = eventlog.ErrRevision // Update found another revision than the one named
)

// Entry is one value of a bucket, or the news that it was deleted.
type Entry = eventlog.Entry

var _ KV = (*eventlog.KV)(nil)

// KV is one bucket. Keys consist of letters, digits, '-', '_', '.', '=' and '/'.
type KV interface {
	// Get gives the value under key, or ErrNotFound.
	Get(ctx context.Context, key string) (Entry, error)
	// Put sets the value whatever was there and gives its revision.
	Put(ctx context.Context, key string, value []byte) (uint64, error)
	// Create sets the value only where there is none, otherwise ErrExists.
	Create(ctx context.Context, key string, value []byte) (uint64, error)
	// Update sets the value only over the named revision, otherwise ErrRevision.
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	// Delete removes the value. Deleting what is not there is no error.
	Delete(ctx context.Context, key string) error
	// Watch calls fn with all current values and the deletions that are still remembered, then ready once, then
	// fn with every change, until ctx ends or the watch breaks. The calls come from one goroutine.
	Watch(ctx context.Context, fn func(Entry), ready func()) error
}
