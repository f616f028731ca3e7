// Package ws is the WebSocket edge of the server: the opening handshake, a
// reader that holds a peer to RFC 6455, and finished frames for the way out.
//
// It is the only package that knows which WebSocket library is used. What it
// gives to the rest:
//
//   - [Upgrade] turns an HTTP/1.1 request into a [Conn]. The handler may return
//     at once afterwards, so that net/http gives its buffers back.
//   - [Conn.Serve] reads until the connection ends and hands messages and pongs
//     to a [Handler]. It answers pings and close frames through the Handler too,
//     because the bytes that leave a connection have exactly one owner.
//   - [TextFrame], [BinaryFrame], [PingFrame], [PongFrame] and [CloseFrame] make
//     complete server frames. A finished frame is immutable and may be written to
//     any number of connections.
//   - [CloseCode] and [Codes] are the numbered reasons for which the server ends a
//     connection; docs/close-codes.md shows the same table to users.
//
// Invariants:
//
//   - A Conn never writes. Pongs and close frames go to Handler.Send and
//     Handler.Finish as finished frames.
//   - A connection that is silent between two messages holds no read buffer when
//     it is a plain socket: the reader waits for readiness first and borrows a
//     buffer afterwards. Over TLS it holds one of [idleBuffer] bytes.
//   - A length that a peer only announces is never allocated; message memory grows
//     with the bytes that really arrive, up to Options.MaxMessage.
//   - Extensions are not negotiated, permessage-deflate least of all: one deflate
//     state per connection costs more memory than everything else together.
package ws
