// Package crowd is the other side of the fan-out measurements: a process of its own
// that holds many WebSockets and reads all of them from one thread. It hops from frame
// header to frame header, checks that the numbers of the messages of each connection
// follow one another, and counts: deliveries are what it has counted, and a run with one
// message lost, repeated or out of order fails. It needs Linux (epoll).
//
// [Start] runs the program of the caller again, which is to call [Serve]; [Process.Do]
// gives it orders. Measurements whose clients do more than count run such a process of
// their own by [Spawn], and read from it by [Dial] and [Frame]. [CPU] and [RSS] are the
// costs of the process that serves.
package crowd
