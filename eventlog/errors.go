package eventlog

import (
	"errors"
	"fmt"
	"time"

	"trunkline/eventlog/engine"
	"trunkline/eventlog/writer"
)

// Errors of appends.
var (
	// ErrUnknown says that the outcome of an append is not known: its events are
	// there once or not at all; repeat it with the same ids. HTTP 503.
	ErrUnknown = writer.ErrUnknown
	// ErrBusy says that too much waits to be written; come back in a moment. HTTP 429.
	ErrBusy = writer.ErrBusy
	// ErrTooLarge says that one event is larger than a commit may be. HTTP 413.
	ErrTooLarge = writer.ErrTooLarge
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("log is closed")
)

// Errors of key-value buckets.
var (
	ErrNotFound = engine.ErrNotFound
	ErrExists   = engine.ErrExists
	ErrRevision = engine.ErrRevision
)

// UnavailableError says why nothing can be appended at the moment. Nothing was
// written. HTTP 503.
type UnavailableError = writer.UnavailableError

// QuotaError says that a tenant has used up what it may keep or send. Nothing
// was written. HTTP 429.
type QuotaError struct {
	RetryAfter time.Duration
	Reason     string
}

func (e *QuotaError) Error() string { return "quota: " + e.Reason }

// The reasons of a GoneError.
const (
	GoneTrimmed = "trimmed" // retention has removed what follows the cursor
	GoneEpoch   = "epoch"   // the cursor is of another numbering: a restore or a lost tail
	GoneAhead   = "ahead"   // the cursor is ahead of the newest event
)

// GoneError says that a cursor cannot be gone on from. Oldest and Newest are
// cursors that can: Oldest reads everything that is kept, Newest what comes.
// HTTP 410.
type GoneError struct {
	Reason           string
	Oldest, Newest   Cursor
	LostFrom, LostTo uint64 // sequences that are kept no more, when trimmed
}

func (e *GoneError) Error() string {
	switch e.Reason {
	case GoneTrimmed:
		return fmt.Sprintf("events %d to %d are no longer kept", e.LostFrom, e.LostTo)
	case GoneEpoch:
		return "cursor belongs to an earlier numbering of the tenant's events"
	}
	return "cursor is ahead of the tenant's newest event"
}

// BreakError says that the store lost or changed events of a tenant. After is a
// cursor behind the damage, from which reading goes on.
type BreakError struct {
	Shard    int
	Tenant   string
	From, To uint64 // sequences of the tenant that cannot be read
	After    Cursor
	Reason   string
}

func (e *BreakError) Error() string {
	return fmt.Sprintf("the log of tenant %s is damaged: events %d to %d cannot be read (shard %d): %s",
		e.Tenant, e.From, e.To, e.Shard, e.Reason)
}
