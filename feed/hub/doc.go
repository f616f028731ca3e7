// Package hub is the hub feed: entities of a contact centre over SignalR, as clients of
// Enreach's Real-Time Engine expect it (RTE, the vendor's page enreach-rte).
//
// A [Feed] gives users tokens, lets them connect (package signalr) and subscribe to
// events of users, queues and call lists. There are two sorts of events. Transitions are
// projections of single facts, told as the log brings them. Statuses (UserStatus,
// QueueStatus) are read off the floor, at most one an entity and tick, and at once to who
// subscribes.
//
// Invariants:
//
//   - A client hears only of what its user may see, when it subscribes and for as long as
//     that is so: a subscription whose right is withdrawn ends with a notice.
//   - Every event has all its documented properties, in their documented order.
//   - A message is made once, whoever many have subscribed to it, and encoded once for
//     each protocol; nothing is made that nobody has subscribed to.
//   - Transitions of an entity arrive in their order; a status is replaced by the next one
//     while it waits, but never moves in front of a transition that it came behind.
//   - Subscriptions end with the connection, as the page says: the hub is no replay. Who
//     must not miss anything reads a feed that is (package live, package stream), which is
//     why the suite of what replaying feeds promise is not run on this one.
package hub
