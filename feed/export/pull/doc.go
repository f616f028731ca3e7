// Package pull is the consumer of the export feed: it takes complete partitions out of a
// bucket, or of the File Exporter, and keeps of each table one set without duplicates.
//
// A [Puller] asks a [Source] what is complete, fetches what it has not taken yet, checks
// and decrypts it, and merges it into the set: of the rows with one key the latest holds,
// by the rules of the de-duplication guide (package schema). [OpenBucket] and
// [OpenFileExporter] make sources. Instead of keeping sets a puller can hand the exported
// events to a log ([Options.Deliver]).
//
// What it keeps lies in a directory: the sets as FEED.jsonl or FEED.parquet, and in
// .pull/FEED the base of a set, which tells of each row from which window it is, the list
// of what was taken, and files that are being fetched.
//
// Invariants:
//
//   - A partition without _SUCCESS is never taken, and one that was taken is not taken
//     again: a second run over the same bucket changes nothing.
//   - Whatever happens on the way, the set is the one of before or the one with the new
//     partitions, whole; the list says of which.
//   - A file counts only when its size, and its hash where that is known, are right. A
//     file that was cut on the way goes on where it was.
//   - Memory does not grow with the rows.
package pull
