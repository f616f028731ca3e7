// Package signalr is a SignalR server: what the official clients expect of one
// (.NET, JavaScript, Java, C++), and nothing of what it is used for.
//
// A [Server] answers negotiations and takes connections over WebSockets,
// Server-Sent Events and long polling, in the JSON and the MessagePack protocol. A
// [Conn] is one client. A client may call the methods of [Options.Methods] and no
// others; the server sends it messages that [NewMessage] made. The wire is that of
// HubProtocol.md and TransportProtocols.md in dotnet/aspnetcore.
//
// Invariants:
//
//   - A message is encoded once for each protocol, whatever the number of
//     connections, and leaves each connection in the order in which it was sent.
//     Only a [Value] is replaced by a later state of it while it waits.
//   - Sending never waits. A client that does not read is closed when its queue is
//     full, with a reason and with leave to come back; nobody else notices.
//   - Calls of one connection run one after the other, and are answered in their
//     order. A call without an id is never answered.
//   - What goes wrong inside a method stays inside: the caller reads its name, and
//     more only of a [CallError].
//   - A token that was given out by a negotiation opens one connection, for the user
//     who negotiated.
//
// Streaming calls are refused with an answer that says so. Stateful reconnect is
// not offered, which clients take for what it is: they connect without.
package signalr
