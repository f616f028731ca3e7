// Package export writes what happened into partitions of buckets, in the layout that
// customers of ASAPP's batch exports load already.
//
// A [Feed] follows each shard of the log with a fold of the floor and the books of
// each tenant (package rows) of its own. Where a quarter of an hour of the log's time
// has passed, the windows that end there are closed: their rows, which were kept on
// disk, become files (package encode) at each [Destination] of the tenant (package
// bucket), named as package layout says. The feeds are the tables of package schema.
//
// Invariants:
//
//   - A window closes by the log's time of receipt, so that what is in it never
//     changes: its rows are a function of the feed, its version, the window and the
//     log, and so are its files, byte for byte, unless they are encrypted.
//   - _SUCCESS comes last, is made by one writer only, and stands for good. What is
//     beside it is then complete, and is not written again.
//   - An empty window has its _SUCCESS too.
//   - A window of which the log has forgotten a part is not written: it is told as
//     missed.
//   - Destinations do not wait for each other, and neither do tenants.
//   - Memory does not grow with a window: its rows go through files on disk.
//
// Where the process has stopped is written down at quarter-hours: the fold, the
// books, the rows of open windows and the files that are still to be delivered. A new
// process goes on there. One that finds nothing to go on from, as on another machine,
// goes on from the last midnight whose windows were all delivered, or from the
// log's beginning: windows that have their _SUCCESS are passed over.
package export

import (
	"context"
	"errors"
	"time"

	"trunkline/control"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/floor"
)

// Errors of the feed.
var (
	// ErrFenced says that another process has taken over what this one was writing.
	ErrFenced = errors.New("another process exports this shard now")
	// ErrUnknown says that there is no such destination, feed or window.
	ErrUnknown = errors.New("there is none of that name")
	// ErrBusy says that a back-fill of the destination runs already.
	ErrBusy = errors.New("a back-fill of this destination runs already")
)

// Log is what the feed needs of the event log.
type Log interface {
	Shards() int
	ShardOf(tenant string) int
	FollowFrom(ctx context.Context, shard int, at eventlog.Position, fold writer.Fold, step func(*eventlog.Step) error, reached func()) error
	RestoreFold(ctx context.Context, shard int, fold writer.Fold) (eventlog.Position, error)
	Before(shard int) eventlog.Position
}

var _ Log = (*eventlog.Log)(nil)

// Objects keeps checkpoints for whichever process comes next.
type Objects interface {
	Put(ctx context.Context, name string, b []byte) error
	Get(ctx context.Context, name string) ([]byte, error)
}

// Options are what a feed is opened with.
type Options struct {
	Destinations []Destination
	// Dir is where rows of open windows, files and checkpoints of this process are.
	Dir string
	// Objects has the checkpoints of midnights; nil: none are kept.
	Objects Objects
	// Leases say who exports a shard; nil: this process does.
	Leases control.KV
	Node   string        // name of this process among others
	Lease  time.Duration // how long a silent process keeps its shards, 15 s by default
	// Floor are the settings of tenants' floors, the same as everywhere else.
	Floor func(tenant string) floor.Settings
	// WFM says which tenants have the tables for workforce management; nil: none.
	WFM func(tenant string) bool
	// SpoolBytes bounds the kept rows that wait for one destination, 4 GiB by default.
	// What a destination does not take by then is missed there, the oldest first.
	SpoolBytes int64
	// Checkpoint is how often at most a checkpoint is written, 10 s by default; it is
	// written where a quarter-hour ends.
	Checkpoint time.Duration
	// Retry is the first pause after a failure of a destination, 500 ms by default; each
	// following is twice the one before, up to 120 times the first.
	Retry time.Duration
}

func (o Options) withDefaults() Options {
	if o.Lease <= 0 {
		o.Lease = 15 * time.Second
	}
	if o.SpoolBytes <= 0 {
		o.SpoolBytes = 4 << 30
	}
	if o.Checkpoint <= 0 {
		o.Checkpoint = 10 * time.Second
	}
	if o.Retry <= 0 {
		o.Retry = 500 * time.Millisecond
	}
	if o.WFM == nil {
		o.WFM = func(string) bool { return false }
	}
	return o
}
