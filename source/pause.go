package source

import (
	"context"
	"math/rand/v2"
	"time"
)

// Pause lets a random part of a growing time pass before the next connection
// (full jitter), so that many sources do not come back at once: between nothing
// and least, doubled for every failure, and at most most. A login that was
// refused waits longest: the system may count the attempts.
func Pause(ctx context.Context, least, most time.Duration, failures int, refused bool) {
	bound := least << min(failures, 16)
	if bound > most || bound <= 0 || refused {
		bound = most
	}
	pause := rand.N(bound) + time.Millisecond
	if refused {
		pause = bound/2 + pause/2
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
