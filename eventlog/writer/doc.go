// Package writer is the one writer of a shard of the event log.
//
// A [Writer] takes appends from any number of callers, gathers what arrives
// while the last commit is being synced, and makes each gathering durable as
// one commit. It owns the shard from its claim on: it reads the log up to the
// claim, so that it knows every number and identity, and only then numbers
// events. Every commit expects the stream's sequence after the last, so a
// writer that was overtaken (paused, partitioned, taken for dead) cannot write
// any more, whatever it believes.
//
// Invariants:
//
//   - An append returns nil only when its events are in a commit that the engine
//     has acknowledged, or were already.
//   - Sequences of a tenant have no gaps: numbers are given when a commit is
//     built and given back when it fails.
//   - After any failure the writer believes nothing: it reads what is there and
//     claims anew. An append whose outcome could not be found out in time is
//     answered [ErrUnknown]; its events are there once or not at all, and the
//     same identities may be sent again.
//   - `received` never goes back, also across owners.
//
// The [Fold] is the hook through which the floor enriches each event before it
// is stored and appends derived facts in the same commit.
package writer
