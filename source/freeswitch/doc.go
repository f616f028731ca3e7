// Package freeswitch turns what a FreeSWITCH says on its event socket (ESL)
// into facts of the vocabulary.
//
// It has three parts that know nothing of each other's insides:
//
//   - [Reader] takes bytes in whatever pieces they arrive and gives complete
//     messages: replies, responses and events. It bounds what it buffers and
//     finds its way back after garbage.
//   - [Translator] takes messages and gives facts. It follows channels, queue
//     visits, offers and talks of mod_callcenter, and calls past the queues.
//   - [Client] is the live connection: it logs in, subscribes, asks for a
//     snapshot, notices silence, comes back after a break, and hands the facts
//     to the log, which it never outruns by more than a bound.
//
// # Invariants
//
//   - The facts depend on the bytes (and, where FreeSWITCH gives no time, on the
//     read times) only: not on how the bytes were split into reads, not on the
//     clock, not on map order.
//   - Every fact of an event has an id made of the core's UUID, the event's
//     Event-Sequence and the kind of fact, which are the same for every listener
//     and after every reconnect, so that the log drops what it has already.
//   - What was opened is ended: a visit by acceptance or a dequeued fact, an
//     interaction by an ended fact. What a restart left open is ended as lost
//     when another core is seen.
//   - Nothing is invented. mod_callcenter tells nothing about after-call work,
//     so no wrap-up fact is produced; the floor derives it.
//
// The table of events and what becomes of them is in docs/freeswitch.md.
package freeswitch
