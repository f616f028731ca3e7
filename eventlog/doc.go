// Package eventlog is the durable, ordered log of a contact centre's events,
// on NATS JetStream: embedded in the process by default, on somebody's cluster
// when one machine is not enough.
//
// A [Log] takes events of many tenants ([Log.Append]), numbers each tenant's
// 1, 2, 3 … without gaps, and gives them back by [Cursor]: from history
// ([Log.Read], [Log.ReadBack]) and live ([Log.Follow]). Tenants hash onto
// shards; each shard is one JetStream stream with one writer at a time
// (package writer), one message a commit (package commit), and an index in
// memory (package index). Package engine hides JetStream.
//
// Invariants:
//
//   - What Append acknowledged is on disk (see Durability) and is read by every
//     reader once and in order, until retention removes it.
//   - A reader that cannot be served is told so: [GoneError] when its place is
//     trimmed, of another epoch or ahead of the head; [BreakError] when the store
//     lost or changed something. Nothing is skipped in silence.
//   - Readers never slow the writer: one follower a shard decodes a commit once
//     and hands it to all; history is read by ranges at the reader's pace.
//   - When the disk is full or fails, appends are refused with the reason, reading
//     goes on, and writing resumes by itself when the cause is gone.
//
// Beside the embedded store (directory "store", which is JetStream's) lie three
// small files: "lock" keeps other processes off, "witness" names the last
// acknowledged commit of each shard, so that a lost end is noticed, and "ledger"
// has checksums of the control state, which has none of its own.
package eventlog
