// Package floor is the contact-centre floor as a fold of the log: who waits, who
// talks, who is free, what came of it, and every number that is counted of it.
//
// A [Fold] holds the floor of all tenants of a shard and is what the writer of
// the log takes as its fold: it enriches each fact with its [Context], derives
// the facts that follow from it, and arms timers. Whoever follows the log runs a
// fold of its own and reads the [Tenant]: [Agent], [Queue], [Interaction],
// [Source], the [Row] of counters of each, and after each record what it changed.
//
// # Two axes, and parts
//
// An agent has a presence, which a person sets, and a [State], which is the most
// engaging thing that is true: contact, wrap-up, alerting, then the presence.
// What ties an agent to an interaction is a [Part], from the offer to the end of
// the wrap-up; what ties an interaction to a queue is a [Visit], which ends in
// exactly one outcome.
//
// # Time
//
// The fold has no clock. Durations are taken from the times that sources give,
// windows and timers from when the log received a record. Where a source tells of
// no wrap-up, the floor begins one of the configured length with the release and
// ends it when that time has passed, by the source's clock or by the log's,
// whichever says so first.
//
// # What real systems send
//
// A second begin or end of the same thing changes nothing. Times that step back
// give no negative durations. A begin that was missed is made up, an end that was
// missed is counted as lost, and both are said in a floor.corrected fact. When a
// source begins anew, what it left open ends as lost, in derived facts. What is
// never heard of again is given up in time, and everything that is kept is
// bounded ([Settings]).
//
// # Invariants
//
//   - The state is a function of the records: every node and every replay has the
//     same, down to the ids of derived facts. Map order and the clock have no part
//     in it.
//   - Agents over all states are the agents. Offered is the outcomes together with
//     those who wait, but for those who waited across midnight.
//   - A fold restored from a [Fold.Snapshot] goes on as the one that made it.
//   - State changes in Apply, Tick and SetVersion only; Fire only says what is due.
package floor
