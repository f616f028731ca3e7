// Package demo is the whole program in one command: a server with an embedded log and a simulated contact centre that
// works into it.
//
// [Run] starts the server, says how to look at it ([Options].JSON: in one line that scripts can rely on), lets the
// simulation of package sim run by the clock, and stops everything in order: first the simulation, whose last fact
// says that the source is down, then the server.
//
// Invariants: every simulated fact is appended once, in order, and repeated under the same id until the log says that
// it is durable; with a data directory the credentials and the people stay from one run to the next, and the
// ids of the facts never repeat; without one nothing is left behind.
package demo
