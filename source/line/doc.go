// Package line keeps a connection to a telephony system: it dials, lets a protocol work the connection, notices that it
// broke, and dials again; facts go through an outbox to the log, and nothing more is read while the log takes none.
//
// A source makes a [Line] of its [Settings] and runs it with a [Protocol], which gives a [Session] to each connection.
// Sessions are told what was read and that time passes; they answer with [Conn.Send] and end the connection with
// [Conn.Fail].
//
// Invariants: all of a protocol and its sessions runs in the goroutine of [Line.Run]; Health may be asked from any. The
// end of a connection, and each attempt that fails, is told to the protocol before the next one begins.
package line
