// Package measures is the measures feed: what is counted of the floor since midnight, by
// agent, queue and channel, in the form of Avaya's Analytics Realtime Data API. A client
// written for that asks for a token, makes a [Subscription], connects, authenticates with
// its first message, and gets a snapshot and then whatever changes.
//
// # Ways through
//
// The floor tells a room (one for each tenant somebody listens to) what changed. At each
// tick the room looks at the floor once and brings its sheets up to date: a sheet has one
// row for each key of a producer, as finished JSON. What is new in a sheet becomes a few
// frames, made once, which all its sessions get. A session that does not take them gets a
// note of which rows it missed, one bit each, and their values as they are by the time it reads.
//
// A session begins with an edition: all rows of a sheet at one cursor, finished, shared
// by all who begin within a few seconds. A subscription with a webhook has a hook in the place of a session: it holds on to
// the rows that its endpoint has not taken yet.
//
// # Invariants
//
//   - A snapshot is the floor at one cursor; what a session gets after it is what changed
//     from there on. No change is left out, none is sent before the snapshot it belongs to.
//   - Every message about a key carries all its measures; values are texts.
//   - A connection costs a bounded number of bytes, however long its client sleeps.
//   - A subscription is active from the moment it is made until it expires, is deleted, or
//     its client stops pinging. Whatever ends a connection says so with a number.
//   - A token opens the account of its own tenant alone.
//
// The conformance suite of feedtest is about events and places in the log. There are neither here: a client that comes back
// gets a snapshot. What takes its place is that snapshot and live messages, through cuts, are the floor's own values.
//
// Locks, in the order in which they may be held: room.marks under the floor's lock;
// Feed.mu; room.mu; hook.mu. None is held while a socket is written.
package measures
