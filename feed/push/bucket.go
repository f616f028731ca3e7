package push

import "time"

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
