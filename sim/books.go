package sim

import (
	"maps"
	"time"
)

// Books are the simulator's own account of what happened, kept where things
// happen and not read off the facts: what a fold of the facts must arrive at.
// All durations are milliseconds and exact. docs/simulator.md defines every
// number in terms of the facts.
type Books struct {
	At        time.Time // the books are closed up to here
	Queues    map[string]*QueueBook
	Agents    map[string]*AgentBook
	Facts     map[string]int // by type
	Messages  map[string]int // by the speaker's role
	Outcomes  map[Outcome]int
	Created   int // interactions
	Ended     int
	Callbacks CallbackBook
	// Interactions has every interaction when Config.KeepInteractions is set.
	Interactions map[string]*InteractionBook
}

// Outcome is what became of an interaction as a whole.
type Outcome string

// The outcomes of an interaction.
const (
	Answered  Outcome = "answered"  // the other side spoke with an agent
	LeftEarly Outcome = "left_ivr"  // the customer ended it before it was queued
	SelfServe Outcome = "self_serv" // the flow did what was asked
	Abandoned Outcome = "abandoned" // the customer left a queue, and that was the end
	TimedOut  Outcome = "timeout"   // ended at a queue's limit
	ByKey     Outcome = "key"       // left the queue by a key, for a callback
	Refused   Outcome = "full"      // refused by a full queue
	Unreached Outcome = "unreached" // the called side did not answer
)

// QueueBook counts visits to a queue, each in exactly one of the outcomes or
// still Waiting, and the work that came out of it.
type QueueBook struct {
	Offered           int
	Answered          int
	AbandonedShort    int // within the queue's short threshold
	AbandonedLong     int
	Timeout           int
	Overflow          int
	Key               int
	Full              int
	Transferred       int
	Waiting           int
	AnsweredInTarget  int // within the service level's threshold
	AbandonedInTarget int
	WaitAnswered      Waits
	WaitLeft          Waits // of those who were not answered

	Handled int   // contacts that are over, with their wrap-up
	Talk    int64 // of these: connected and not on hold
	Hold    int64
	Wrap    int64
}

// WaitBounds are the upper bounds of the buckets of Waits, in milliseconds,
// inclusive; one more bucket holds what is longer.
var WaitBounds = [...]int64{0, 1000, 2000, 5000, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000, 300_000, 600_000, 1_800_000}

// Waits is a distribution of waiting times.
type Waits struct {
	Count   int
	Sum     int64
	Max     int64
	Buckets [len(WaitBounds) + 1]int
}

func (w *Waits) add(ms int64) {
	w.Count++
	w.Sum += ms
	w.Max = max(w.Max, ms)
	for i, bound := range WaitBounds {
		if ms <= bound {
			w.Buckets[i]++
			return
		}
	}
	w.Buckets[len(WaitBounds)]++
}

// AgentBook is an agent's time and work.
type AgentBook struct {
	Time      [numStates]int64 // by State, since the start
	Logins    int
	Offers    int
	Accepted  int
	NoAnswer  int
	Rejected  int
	Cancelled int
	Handled   int // contacts that are over, with their wrap-up
	Talk      int64
	Hold      int64
	Wrap      int64
	Away      map[string]int // times not ready, by the reason's name
}

// CallbackBook counts callbacks.
type CallbackBook struct {
	Created  int
	Attempts int
	Closed   int
	Open     int
}

// InteractionBook is what became of one interaction.
type InteractionBook struct {
	Media    string
	Parent   string
	Created  time.Time
	Ended    time.Time // zero while it is open
	Outcome  Outcome   // "" while it is open
	Messages int
	Visits   int
	Contacts int // agents who were connected
}

// In is the time since the start that the agent spent in a state.
func (b *AgentBook) In(s State) int64 { return b.Time[s] }

// Occupancy is the share of the time in which the agents were on contacts, in
// wrap-up or being offered work, of that time and the idle time together.
func (b *Books) Occupancy() float64 {
	var busy, idle int64
	for _, a := range b.Agents {
		busy += a.Time[Contact] + a.Time[WrapUp] + a.Time[Offered]
		idle += a.Time[Idle]
	}
	if busy+idle == 0 {
		return 0
	}
	return float64(busy) / float64(busy+idle)
}

// Sum adds up the queues.
func (b *Books) Sum() QueueBook {
	var t QueueBook
	for _, q := range b.Queues {
		t.Offered += q.Offered
		t.Answered += q.Answered
		t.AbandonedShort += q.AbandonedShort
		t.AbandonedLong += q.AbandonedLong
		t.Timeout += q.Timeout
		t.Overflow += q.Overflow
		t.Key += q.Key
		t.Full += q.Full
		t.Transferred += q.Transferred
		t.Waiting += q.Waiting
		t.AnsweredInTarget += q.AnsweredInTarget
		t.AbandonedInTarget += q.AbandonedInTarget
		t.WaitAnswered.merge(q.WaitAnswered)
		t.WaitLeft.merge(q.WaitLeft)
		t.Handled += q.Handled
		t.Talk += q.Talk
		t.Hold += q.Hold
		t.Wrap += q.Wrap
	}
	return t
}

func (w *Waits) merge(o Waits) {
	w.Count += o.Count
	w.Sum += o.Sum
	w.Max = max(w.Max, o.Max)
	for i, n := range o.Buckets {
		w.Buckets[i] += n
	}
}

// clone copies the books, so that the caller's stay as they are while the
// simulation goes on.
func (b *Books) clone() *Books {
	c := *b
	c.Queues = cloneEach(b.Queues)
	c.Agents = cloneEach(b.Agents)
	for _, a := range c.Agents {
		a.Away = maps.Clone(a.Away)
	}
	c.Facts = maps.Clone(b.Facts)
	c.Messages = maps.Clone(b.Messages)
	c.Outcomes = maps.Clone(b.Outcomes)
	c.Interactions = cloneEach(b.Interactions)
	return &c
}

func cloneEach[T any](m map[string]*T) map[string]*T {
	if m == nil {
		return nil
	}
	out := make(map[string]*T, len(m))
	for k, v := range m {
		x := *v
		out[k] = &x
	}
	return out
}
