// Package aspbx plays the part of an Asterisk PBX whose manager connection was
// captured: it serves the capture over TCP with its timing, so that a client is
// tried as against the PBX itself.
//
// A [PBX] is made of a capture by [Load] and plays on a [stage.Stage]: whoever is
// connected and logged in gets the events as they come. While it plays, the PBX folds the events into what an Asterisk
// would know at that place, and answers Challenge, Login, Ping, CoreStatus,
// QueueStatus, QueueSummary, CoreShowChannels, DeviceStateList, Filter, Events
// and Logoff from that.
//
// # Invariants
//
//   - An answer agrees with the events that were sent before it, and no event
//     comes between the rows of a list.
//   - What the PBX knew is forgotten where a connection of the capture ends, as
//     by a restart.
//   - What answered an action in the capture is not played: answers go to those
//     who ask.
package aspbx
