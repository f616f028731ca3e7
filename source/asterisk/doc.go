// Package asterisk turns what an Asterisk PBX says into facts of the vocabulary:
// on its manager interface (AMI), or in its queue_log where that is all there is.
//
// The parts know nothing of each other's insides:
//
//   - [Reader] takes bytes in whatever pieces they arrive and gives complete
//     messages: banners, responses and events. It bounds what it buffers and
//     finds its way back after garbage.
//   - [Translator] takes messages and gives facts. It follows channels, queue
//     visits, offers and talks, because an AMI event seldom says all that a
//     fact has to say, and the sign that tells two outcomes apart often comes
//     one or two events later. After a cut it makes what it knows agree with the
//     PBX's snapshot.
//   - [Client] keeps one PBX connected: login, snapshot, keep-alive, reconnect.
//     What it learns goes to the log; while the log refuses it stops reading.
//   - [QueueLogTranslator] takes lines of a queue_log and gives the same outcomes.
//   - [QueueLog] follows the file through rotation and restarts.
//
// # Invariants
//
//   - The facts depend on the bytes (and, where the PBX gives no time, on the
//     read times) only: not on how the bytes were split into reads, not on the
//     clock, not on map order.
//   - Every fact has an id that is derived from the PBX, its boot, the entity,
//     the kind of fact and an ordinal. The same capture translated twice gives
//     the same ids, so that the log drops the second as duplicates. Two PBXs,
//     or two boots of one PBX, never share an id.
//   - What was opened is ended: a visit by acceptance or a dequeued fact, an
//     interaction by an ended fact. What a crash left open is ended as lost
//     when the PBX is seen again with another boot.
//   - What nobody saw end is lost, not guessed.
//   - Nothing is invented. Asterisk tells nothing about after-call work, so
//     no wrap-up fact is produced; the floor derives it.
//
// The table of events and what becomes of them is in docs/asterisk.md.
package asterisk
