// Package live is the native way out: history by cursor over HTTP, and what comes
// next as server-sent events or over a WebSocket. docs/live.md is what users read.
//
// One [Feed] serves all tenants. Of each tenant that somebody listens to there is a
// room, which gets every new batch of the log once and gives it to those who are
// live. A subscriber is in one of two states:
//
//   - behind: readers, a few goroutines for all, read the log for it and queue what
//     they find until its queue is full or it has caught up;
//   - live: the room queues each batch.
//
// A new subscriber starts behind and joins its room when it has read everything that
// the room has given out. One whose queue is full leaves the room, and is behind
// again from exactly the event that did not fit. So history joins live without gap
// or repeat, whatever a reader's pace, and nothing waits in memory for the slow.
//
// A batch is encoded once for each format and the frames are shared by all, those
// who read history included (see frames).
//
// The state of the floor is served beside the events: by request, and to viewers, who
// get a snapshot and then what changes. Of each tenant with viewers there is a board,
// which looks at the floor in rounds. A viewer whose queue is full is owed entities by
// name, and gets them as they are when there is room: what waits for it is bounded by
// what there is, and it is never closed for being slow.
//
// Invariants:
//
//   - Each subscriber gets the events of its tenant that its filter lets through in
//     order, each once on one connection, and from its cursor on.
//   - What cannot be given any more is said with a number and the lost range, never
//     skipped.
//   - The follower of the log is never held up: a room that falls behind forgets its
//     inbox and sends everybody to the log.
//   - A consumer's stored cursor is a position that the peer has acknowledged.
//   - A viewer's snapshot is the state at one cursor, and every change behind that
//     cursor reaches it, the latest state of each entity at the end.
//
// Locks, in the order in which they may be taken: Feed.mu, room.mu; inbox.mu,
// readers.mu, frames.mu, consumers.mu, board.mu and board.marks are taken last, alone
// and briefly. board.marks is taken while the floor is locked.
package live
