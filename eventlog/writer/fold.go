package writer

import (
	"time"

	"trunkline/event"
	"trunkline/eventlog/commit"
)

// Fold is what the writer needs of a state that grows out of the log: the
// floor. The writer calls it from one goroutine, in the order of the log. After
// a failure it throws the state away and restores it from a snapshot and the
// log's tail.
//
// The state changes in Apply, Tick and SetVersion only. What Apply derives and
// what Fire gives comes back to Apply as a derived record, live as in a replay;
// a timer is disarmed when the record that it caused is applied. Tenants are
// independent: within one commit only the order of one tenant's records is kept.
type Fold interface {
	// Version is the meaning that the program would like the fold to have;
	// SetVersion tells which one is in force from here on.
	Version() int
	SetVersion(int)
	// Apply folds a record in. It gives the context to be stored with it (nil:
	// none) and the facts that follow from it, which are appended right behind.
	// On a replay both results are left unused. The record's bytes may not be
	// kept.
	Apply(tenant string, r *commit.Record) (context []byte, derived []Derived)
	// Tick says that time has passed: nothing was received up to now.
	Tick(now time.Time)
	// Due is when the earliest timer fires.
	Due() (at time.Time, ok bool)
	// Fire gives the facts of the timers due at or before now, earliest first.
	Fire(now time.Time) []Derived
	// Snapshot and Restore carry the state across restarts. Restore(nil) empties it.
	Snapshot() ([]byte, error)
	Restore([]byte) error
}

// Derived is a fact that the fold appends by itself.
type Derived struct {
	Tenant string
	Event  event.Event
}

// maxDerived bounds how many facts may follow from one record, directly or
// through each other: a fold that derives without end is broken.
const maxDerived = 10_000
