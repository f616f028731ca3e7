package webhook

import (
	"math/rand/v2"
	"net/http"
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
	Probes  int       // that have failed since it is open
	pause   time.Duration
	streak  int    // failures in a row, weighted
	about   string // the first of them
	down    bool   // it is not one thing alone that fails
}

// Failure is an attempt that did not succeed.
type Failure struct {
	About   string // what waits when a message fails: its entity, or itself
	Dialled bool   // there was a connection
	Status  int    // of the answer, 0 when there was none
}

// refused says that the endpoint is there and did not take the message.
func (f Failure) refused() bool {
	switch f.Status {
	case 0, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false
	}
	return true
}

const (
	streakOpens   = 10          // this many failures in a row
	dialWeight    = 4           // one without any connection counts as so many
	longestPause  = time.Minute // between two retries, unless the first is longer
	longestProbes = time.Minute
)

// Fail takes a failure in. true: it has just opened. It does not open for what one entity alone is refused
// again and again: that will be given up, while behind an open breaker it would never be.
func (b *Breaker) Fail(f Failure, now time.Time, backoff time.Duration) bool {
	if b.Fails++; b.Fails == 1 {
		b.Since, b.about = now, f.About
	}
	b.down = b.down || !f.refused() || f.About != b.about
	if b.Open {
		if b.Probing {
			b.Probing = false
			b.Probes++
			b.pause = min(2*b.pause, max(longestProbes, backoff))
			b.Until = now.Add(b.pause/2 + rand.N(b.pause/2+1))
		}
		return false
	}
	if b.streak++; !f.Dialled {
		b.streak += dialWeight - 1
	}
	if b.streak < streakOpens || !b.down {
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
