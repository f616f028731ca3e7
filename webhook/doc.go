// Package webhook sends messages to endpoints over HTTP: one attempt at a time, signed by Standard Webhooks, over TLS that is as
// strict as its owner wants it, to no address that is not public unless it was allowed. What to send when, and what to do with
// what failed, is the business of the feeds that use it.
//
// [Client] makes an attempt and says what became of it; [Guard] looks at each address that is dialled; [Breaker] knows whether
// an endpoint is down; [RetryPause] says how long to wait.
package webhook
