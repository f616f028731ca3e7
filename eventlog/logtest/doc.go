// Package logtest is the conformance suite of the event log: what every engine
// under package eventlog has to do, told as tests.
//
// [Run] takes a [Factory], which makes a fresh place for a log, and runs every
// case on it. The same cases run on the embedded engine and on a cluster of
// three server processes ([StartCluster]).
//
// A case opens its log through [Open], appends events made by [Events], and
// reads back with [All], which fails the test on any gap. When a case ends, the
// whole log is verified: no case may leave a break behind.
//
// [Counter] is a small fold whose context tells the whole history of a tenant,
// so that a fold that was restored wrongly shows in the next record.
package logtest
