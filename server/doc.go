// Package server wires the program together: configuration in, listener out, orderly shutdown.
//
// Start is the one place that knows all parts. It opens the listener first, so that a health check is answered while
// the log still starts, then the log, the control state, and mounts the routes of all parts through one
// function: every endpoint passes the same gate, limits, metrics and request log. A new source or feed is one line in
// (*Server).parts.
//
// Invariants: no endpoint is reached around the gate; no token, secret or credential is ever logged, nor the values of
// query parameters that may carry one; readiness is false whenever appends would be refused, and says why;
// after Close nothing of the server runs, and the log was closed after everything that uses it.
package server
