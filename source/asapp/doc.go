// Package asapp stands where a customer of ASAPP stands: it takes the real-time events that ASAPP (or a push feed of
// Trunkline) posts over mutual TLS, and makes facts of them. docs/push-feed.md is what users read.
//
//   - [Handler] answers POST /v1/receive/asapp: 200 once the event is durable, and also for one that was there before
//     (by event_id) or that the configuration leaves out.
//   - [Allow] knows which client certificates belong to which tenant. Its file is read again when it changes, so that a
//     certificate can be revoked without a restart.
//   - [Translate] makes facts of one payload. What the vocabulary has no fact for is kept whole, under the name of its
//     feed as type: nothing that was acknowledged is lost.
//
// A payload's facts are named by its event_id, so that a repeated payload changes nothing, whoever repeats it.
package asapp
