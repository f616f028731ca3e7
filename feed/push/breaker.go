package push

import (
	"math/rand/v2"
	"time"
)

// breaker knows whether an endpoint is down. It opens after a row of failures; then one message at a time probes, at
// longer and longer pauses, and the first success closes it.
type breaker struct {
	open    bool
	probing bool // a probe is being sent
	until   time.Time
	pause   time.Duration
	streak  int       // failures in a row, weighted
	fails   int64     // failures in a row
	since   time.Time // of the first of them
}

const (
	streakOpens   = 10 // this many failures in a row
	dialWeight    = 4  // one without any connection counts as so many
	longestProbes = time.Minute
)

// fail takes a failure in. true: it has just opened.
func (b *breaker) fail(dialled bool, now time.Time, backoff time.Duration) bool {
	if b.fails++; b.fails == 1 {
		b.since = now
	}
	if b.open {
		if b.probing {
			b.probing = false
			b.pause = min(2*b.pause, max(longestProbes, backoff))
			b.until = now.Add(b.pause/2 + rand.N(b.pause/2+1))
		}
		return false
	}
	if b.streak++; !dialled {
		b.streak += dialWeight - 1
	}
	if b.streak < streakOpens {
		return false
	}
	b.open, b.pause = true, backoff
	b.until = now.Add(b.pause/2 + rand.N(b.pause/2+1))
	return true
}

// succeed takes a success in. true: it has just closed.
func (b *breaker) succeed() bool {
	was := b.open
	*b = breaker{since: b.since}
	return was
}

// retryPause is the pause before a retry: exponential with full jitter.
func retryPause(backoffMS, tries int) time.Duration {
	base := time.Duration(backoffMS) * time.Millisecond
	most := base
	for range min(tries-1, 20) {
		most = min(2*most, max(longestPause, base))
	}
	return rand.N(most + 1)
}

// bucket lets so many through a second.
type bucket struct {
	rate, burst, tokens float64
	at                  time.Time
}

// take gives 0 and takes a token, or says how long until there is one.
func (b *bucket) take(now time.Time) time.Duration {
	if b.rate == 0 {
		return 0
	}
	if !b.at.IsZero() {
		b.tokens = min(b.burst, b.tokens+now.Sub(b.at).Seconds()*b.rate)
	}
	b.at = now
	if b.tokens < 1 {
		return time.Duration((1-b.tokens)/b.rate*float64(time.Second)) + time.Millisecond
	}
	b.tokens--
	return 0
}
