// Package replay plays what was recorded into a running server: a capture of a
// telephony system, translated on the way, or a file of CloudEvents.
//
// [Run] is the whole of it: a file goes in, batches of NDJSON go to
// POST /v1/events, one after the other over one kept connection, and a
// [Summary] comes out. The parts are
//
//   - the formats ([FormatAMI], [FormatQueueLog], [FormatESL], [FormatNDJSON]), which turn a file into events
//     with the times they happened;
//   - the pace, which sends them as they happened, N times faster, or as fast
//     as the server takes them;
//   - the sender, which repeats a batch under the same ids until the server has
//     said what became of it.
//
// # Invariants
//
//   - Events are sent in the order of the file, and a batch only after the one
//     before it was acknowledged.
//   - Nothing is changed on the way unless asked: ids and times are those of
//     the recording, so that a second replay gives only duplicates.
package replay
