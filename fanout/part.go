package fanout

import (
	"context"
	"time"
)

// Leaver is a connection that was told goodbye.
type Leaver struct {
	Conn *Conn
	Gone <-chan struct{} // closed when its owner has cleared up after it
}

// partTime is how long connections get to take their goodbye.
const partTime = time.Second

// Part waits until all have gone. Those that do not take their goodbye in time are cut.
func Part(ctx context.Context, reason error, leavers []Leaver) {
	patience, cancel := context.WithTimeout(ctx, partTime)
	defer cancel()
	for _, l := range leavers {
		select {
		case <-l.Gone:
		case <-patience.Done():
			l.Conn.Abort(reason)
			<-l.Gone
		}
	}
}
