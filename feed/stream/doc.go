// Package stream is the stream feed: a tenant's events in the protocol of the
// 8x8 Streaming API, from a numbered place on and without losses.
//
// [Projection] turns one stored record into the events that such a client
// expects, in one of four [Format]s. It is a stateless function of the record:
// what an event says beyond the fact comes from the context that the log's
// writer stored with it ([floor.Context]). So every node says the same, and a
// replay from any place says what was said before, byte for byte.
//
// Invariants: a record makes exactly as many events as its context says
// (streamEvents), numbered from streamSequence on; the numbers of a tenant are
// dense; every event of the four formats has the same content.
package stream
