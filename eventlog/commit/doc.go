// Package commit is the on-disk format of the event log: what one JetStream
// message of a shard holds, byte by byte (FORMAT.md beside this file).
//
// A [Commit] is what the writer of a shard made durable at one moment: a
// directory of tenant [Section]s, each with its first sequence, its count, a
// column of 16-byte identities and a compressed block of [Record]s. A reader
// that looks for one tenant reads the directory and decompresses one section;
// a start-up reads only the columns.
//
// Invariants:
//
//   - A commit carries the hash of the commit before it, so that a message that
//     vanished or changed anywhere in the log is noticed by whoever reads on.
//   - Parse checks the commit's own hash before it believes anything else.
//   - A parsed commit is immutable and may be shared; its sections decode their
//     records once, on first use, whoever asks.
package commit
