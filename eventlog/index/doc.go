// Package index is what a process remembers of one shard of the log, so that
// the log itself need not be read to answer where, who and how far.
//
// A [Shard] holds, for each tenant, its epoch, its head and a sparse list of
// places (which commit holds which sequence); for the shard, the chain's end,
// the breaks that were met and the window of known identities. It is built by
// applying commits in order: the writer applies its own, a follower those of
// another node, a start-up those of the log's tail behind the last [Segment].
//
// Invariants:
//
//   - Apply is idempotent: a commit at or before the applied one changes nothing.
//   - Everything in a Shard is a function of the commits applied to it, so every
//     node that has read the same log knows the same.
//   - Memory is bounded by the retained log: one place per tenant and 64
//     commits, 16 bytes an identity in a window of bounded count and age.
package index
