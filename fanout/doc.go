// Package fanout writes finished frames to many sockets.
//
// A [Frame] is bytes that need nothing more: a WebSocket frame, an SSE chunk,
// several of them in a row. It is made once, shared by all connections and never
// changed; a connection queues only the slice header. A [Pool] owns a few writers;
// a [Conn] is one socket with its queue and the [Terms] of its feed.
//
// How bytes get out: the first frame in an empty queue puts the connection on the
// pool's ready list. A writer takes it, hands everything queued to the socket with
// one non-blocking writev and goes on to the next. A socket that would block leaves
// the pool: a goroutine of its own waits until it can be written, and gives it back
// when its queue is empty. So a reader that stands still costs one goroutine and
// stalls nobody, and an idle connection costs no goroutine at all. Sockets whose
// bytes are changed on the way (TLS, HTTP/2) are written by such a goroutine always,
// a record at a time from a pooled buffer.
//
// What happens when a queue is full is the [Discipline]:
//
//   - Replay: [Conn.Enqueue] answers [Full] and forgets the frame. The feed reads
//     the log for this connection instead and is told by [Owner.Drained] when
//     there is room again.
//   - Conflate: [Conn.Put] queues values ([Late]) beside frames, which are asked for
//     when their turn has come: in the place of the first state stands the latest.
//     When even that does not fit the connection is closed.
//   - Close: the connection is closed with [Terms.SlowFrame].
//
// Acknowledgement: each frame carries a position. Pings queue behind the data and
// remember the position in front of them; a pong for one that is outstanding on
// this very connection says that everything up to there arrived ([Conn.Pong]).
//
// Invariants:
//
//   - The frames of a connection leave in the order in which they were accepted,
//     whole, each once; a close frame is the last.
//   - At any time at most one goroutine writes to a connection: the one that owns
//     Conn.scheduled.
//   - Queued bytes never exceed Terms.QueueBytes, except for one frame that alone
//     is longer, for values that have grown since they were queued, and for 4 KiB of
//     control frames.
//   - No method blocks on a socket; [Owner] is called with no lock held.
//
// Locks, none of which is ever taken while another is held: Conn.mu (one
// connection's queue and state), Pool.mu (the ready list), wheel.mu (ping times).
package fanout
