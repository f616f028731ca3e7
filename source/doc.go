// Package source holds what live sources have in common, whatever system they
// listen to: the [Outbox] through which facts go to the log, [Health], and how
// long to stay away after a connection broke ([Pause]). The sources themselves
// are in the packages below.
package source
