// Package push sends facts to endpoints as webhooks, in the form of ASAPP's real-time events. docs/push-feed.md is what
// users read.
//
// [Project] makes the payloads of one stored record. One [Feed] serves all tenants; each [Destination] has a lane: its
// own reader of the log, its own queue for each entity, its own goroutines, connections, limits and breaker.
//
// Invariants:
//
//   - An event_id is a function of the record and the event type: the same over retries, restarts and replays.
//   - A lane's low watermark never passes a record of which a message was neither delivered, dropped nor parked; what is
//     parked is stored before the watermark that has passed it.
//   - Of one entity at most one message is on its way, and the next follows when it is done with.
//   - What waits in memory is bounded, and is forgotten and read again when the endpoint is down.
//   - Nothing is dialled that the [Guard] has not seen.
//
// Of what feedtest.Run promises for all feeds its own tests show the same: a destination does not come and say where it
// was, as the harness's clients do, but is gone to, and its place is the feed's own.
//
// Locks, in the order in which they may be taken: Feed.making, Feed.mu, lane.mu.
package push
