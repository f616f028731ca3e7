package push

import (
	"slices"
	"time"
)

// Attempt is what is kept of one attempt.
type Attempt struct {
	At       time.Time `json:"at"`
	Event    string    `json:"event_id"`
	Type     string    `json:"event_type"`
	Feed     Kind      `json:"feed"`
	Entity   string    `json:"entity"`
	Sequence uint64    `json:"sequence,omitempty"` // of the record in the log
	Attempt  int       `json:"attempt"`            // 1 is the first
	Outcome  string    `json:"outcome"`
	Status   int       `json:"status,omitempty"` // of the answer; absent when there was none
	Latency  float64   `json:"latency_ms"`
	Error    string    `json:"error,omitempty"`
	Excerpt  string    `json:"response,omitempty"` // the beginning of an answer that was no success
	Next     time.Time `json:"next,omitzero"`      // of the next attempt
	Replay   bool      `json:"replay,omitempty"`
}

// The outcomes of attempts.
const (
	OutcomeDelivered = "delivered"
	OutcomeRetry     = "retry"   // it will be tried again
	OutcomeParked    = "parked"  // after the last retry
	OutcomeDropped   = "dropped" // after the last retry
	OutcomeFailed    = "failed"  // a replay or a test that did not succeed
	OutcomeLost      = "lost"    // the log kept it no more
)

// Counts are what became of messages since the start.
type Counts struct {
	Delivered uint64 `json:"delivered"`
	Failed    uint64 `json:"failed_attempts"`
	Parked    uint64 `json:"parked_total"`
	Dropped   uint64 `json:"dropped"`
	Lost      uint64 `json:"lost_records"`
}

// journalSize is how many attempts are kept of each destination: so many of all, and so many that failed.
const journalSize = 200

// journal keeps the last attempts, and the last failures apart, so that successes do not push them out.
type journal struct {
	all, bad ring

	added bool      // since it was saved
	saved time.Time // when that was
}

// What is stored of a journal, for the time after a restart: so many attempts of all, so many failures, at pauses of
// journalPause and when the feed ends.
const (
	storedAttempts = 20
	storedFailures = 50
	journalPause   = time.Minute
)

// storedJournal is how it is stored, the oldest first.
type storedJournal struct {
	All []Attempt `json:"all,omitempty"`
	Bad []Attempt `json:"failed,omitempty"`
}

// due gives what is to be stored, false when there is nothing new or it is too early.
func (j *journal) due(now time.Time, last bool) (storedJournal, bool) {
	if !j.added || !last && now.Sub(j.saved) < journalPause {
		return storedJournal{}, false
	}
	j.added, j.saved = false, now
	return storedJournal{All: j.all.latest(storedAttempts), Bad: j.bad.latest(storedFailures)}, true
}

// load takes in what was stored.
func (j *journal) load(s *storedJournal) {
	for _, a := range s.All {
		j.all.add(a)
	}
	for _, a := range s.Bad {
		j.bad.add(a)
	}
}

// latest gives the last attempts, the oldest first.
func (r *ring) latest(n int) []Attempt {
	out := append(slices.Clone(r.list[r.at:]), r.list[:r.at]...)
	return out[max(0, len(out)-n):]
}

type ring struct {
	list []Attempt
	at   int
}

func (r *ring) add(a Attempt) {
	if len(r.list) < journalSize {
		r.list = append(r.list, a)
		return
	}
	r.list[r.at] = a
	r.at = (r.at + 1) % journalSize
}

func (j *journal) add(a Attempt) {
	j.added = true
	j.all.add(a)
	if a.Outcome != OutcomeDelivered {
		j.bad.add(a)
	}
}

// find gives the attempts that keep to the conditions, the newest first.
func (j *journal) find(event string, failed bool, limit int) []Attempt {
	seen := map[attemptKey]bool{}
	out := []Attempt{}
	for _, r := range []*ring{&j.bad, &j.all} {
		for _, a := range r.list {
			k := attemptKey{a.Event, a.Attempt, a.At}
			if seen[k] || event != "" && a.Event != event || failed && a.Outcome == OutcomeDelivered {
				continue
			}
			seen[k] = true
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b Attempt) int { return b.At.Compare(a.At) })
	return out[:min(limit, len(out))]
}

type attemptKey struct {
	event   string
	attempt int
	at      time.Time
}

func attemptOf(it *item, o outcome, now time.Time) Attempt {
	return Attempt{At: now.UTC(), Event: it.msg.ID, Type: it.msg.Type, Feed: it.msg.Feed, Entity: it.msg.Key, Sequence: it.seq,
		Attempt: it.sent, Status: o.Status, Latency: float64(o.Took.Microseconds()) / 1000, Error: o.Err, Excerpt: o.Excerpt, Replay: it.replay != nil}
}
