package webhook

import (
	"math/rand/v2"
	"time"
)

// Breaker knows whether an endpoint is down. It opens after a row of failures; then one message at a time probes, at
// longer and longer pauses, and the first success closes it.
type Breaker struct {
	Open    bool
	Probing bool      // a probe is being sent; the caller sets it, a failure unsets it
	Until   time.Time // the next probe
	Fails   int64     // failures in a row
	Since   time.Time // of the first of them
	pause   time.Duration
	streak  int // failures in a row, weighted
}

const (
	streakOpens   = 10          // this many failures in a row
	dialWeight    = 4           // one without any connection counts as so many
	longestPause  = time.Minute // between two retries, unless the first is longer
	longestProbes = time.Minute
)

// Fail takes a failure in. true: it has just opened.
func (b *Breaker) Fail(dialled bool, now time.Time, backoff time.Duration) bool {
	if b.Fails++; b.Fails == 1 {
		b.Since = now
	}
	if b.Open {
		if b.Probing {
			b.Probing = false
			b.pause = min(2*b.pause, max(longestProbes, backoff))
			b.Until = now.Add(b.pause/2 + rand.N(b.pause/2+1))
		}
		return false
	}
	if b.streak++; !dialled {
		b.streak += dialWeight - 1
	}
	if b.streak < streakOpens {
		return false
	}
	b.Open, b.pause = true, backoff
	b.Until = now.Add(b.pause/2 + rand.N(b.pause/2+1))
	return true
}

// Succeed takes a success in. true: it has just closed.
func (b *Breaker) Succeed() bool {
	was := b.Open
	*b = Breaker{Since: b.Since}
	return was
}

// RetryPause is the pause before a retry, of which the first is up to so long: exponential with full jitter.
func RetryPause(first time.Duration, tries int) time.Duration {
	most := first
	for range min(tries-1, 20) {
		most = min(2*most, max(longestPause, first))
	}
	return rand.N(most + 1)
}
