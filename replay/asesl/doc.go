// Package asesl plays the part of a FreeSWITCH whose event socket was captured:
// it serves the capture over TCP with its timing, so that a client is tried as
// against FreeSWITCH itself.
//
// A [Switch] is made of a capture by [Load] and plays on a [stage.Stage]: whoever
// is connected, logged in and has subscribed gets the events as they come. While it plays, the switch folds the
// events into what a FreeSWITCH would know at that place, and answers auth,
// event, exit and the api commands version, global_getvar core_uuid,
// strmicroepoch, callcenter_config and show channels from that.
//
// # Invariants
//
//   - An answer agrees with the events that were sent before it.
//   - What the switch knew is forgotten where a connection of the capture ends,
//     as by a restart.
//   - What answered a command in the capture is not played: answers go to those
//     who ask. The lists among it are what the switch knows at the start.
package asesl
