package floor

// Counter is one of the numbers that are counted since the tenant's midnight.
// Package floor/measure says what each is and makes the measures of them.
type Counter uint8

// The counters. Durations are milliseconds.
const (
	Offered           Counter = iota // visits that began, the refused ones included
	Answered                         // visits that an agent took
	AnsweredInTarget                 // of these: within the queue's service level threshold
	AbandonedShort                   // visits given up within the queue's short threshold
	AbandonedLong                    // visits given up later
	AbandonedInTarget                // visits given up within the service level threshold
	AbandonedAlerting                // visits given up while an agent was being offered them
	TimedOut                         // visits ended by the queue's limit
	Overflowed                       // visits moved on by a rule
	LeftByKey                        // visits left by a key
	Refused                          // visits that a full queue did not take
	MovedOn                          // visits moved on by hand
	LostWaiting                      // visits whose end nobody saw
	WaitAnswered                     // waiting time of the answered
	WaitLeft                         // waiting time of all others
	WaitAbandoned                    // of these: of those given up
	Suspect                          // ends within seconds of the source's own shutdown

	Alerts      // offers made to an agent
	Accepted    // offers taken
	NotAnswered // offers that rang out
	Rejected    // offers refused
	Cancelled   // offers withdrawn
	AlertTime   // how long offers stood

	Contacts     // contacts that began
	ContactsIn   // of these: of interactions that came in
	ContactsOut  // of these: of interactions that went out
	Handled      // contacts that are over, with their wrap-up
	Talk         // of the handled: connected and not on hold
	Hold         // of the handled: on hold
	Wrap         // of the handled: wrap-up
	LostContacts // contacts whose end nobody saw
	ActiveTime   // connected, hold included, up to the end of each contact
	HoldTime     // on hold, up to the end of each hold
	WrapTime     // in wrap-up, up to the end of each
	Holds        // holds that began
	WrapUps      // wrap-ups that began

	Transfers    // transfers completed by an agent
	Consults     // consultations begun by an agent
	Conferences  // lines asked to be joined
	Coached      // coachings that a supervisor gave to agents
	CoachedTime  // how long, up to the end of each
	Coaching     // coachings that a supervisor gave
	CoachingTime // how long, up to the end of each
	Monitored    // silent monitorings and barges
	MessagesIn   // messages by customers
	MessagesOut  // messages by agents
	Dispositions // outcomes noted

	Logins // log-ins

	NumCounters
)

// counterNames are what the counters are called where a number is explained.
var counterNames = [NumCounters]string{
	"offered", "answered", "answered_in_target", "abandoned_short", "abandoned_long", "abandoned_in_target", "abandoned_alerting", "timed_out",
	"overflowed", "left_by_key", "refused", "transferred", "lost", "wait_answered_ms", "wait_left_ms", "wait_abandoned_ms", "suspect",
	"alerts", "accepted", "not_answered", "rejected", "cancelled", "alert_ms",
	"contacts", "contacts_in", "contacts_out", "handled", "talk_ms", "hold_ms", "wrap_ms", "lost_contacts", "active_ms", "held_ms", "wrapup_ms",
	"holds", "wrap_ups", "transfers", "consults", "conferences", "coached", "coached_ms", "coaching", "coaching_ms", "monitored",
	"messages_in", "messages_out", "dispositions", "logins",
}

// String gives the counter's name; that of a duration ends in _ms.
func (c Counter) String() string {
	if c < NumCounters {
		return counterNames[c]
	}
	return ""
}

// Row is what is counted for one key: a queue, a channel, or a queue's channel.
type Row = counts[int64]

// AgentRow is the same for an agent, or an agent at a queue: of these there are
// many, and what one person does in a day fits smaller numbers.
type AgentRow = counts[int32]

type counts[T int32 | int64] struct {
	N [NumCounters]T

	// How many there are now; these outlive midnight.
	Active   int32 // contacts connected
	Held     int32 // of these: on hold
	Wrapping int32 // wrap-ups running
	Alerting int32 // offers standing
	Waiting  int32 // visits waiting
	Coaches  int32 // coachings running
}

// Present is how many there are now.
type Present struct{ Active, Held, Wrapping, Alerting, Waiting, Coaches int32 }

// Present gives how many there are now.
func (r *counts[T]) Present() Present {
	return Present{r.Active, r.Held, r.Wrapping, r.Alerting, r.Waiting, r.Coaches}
}

// Get gives a counter.
func (r *counts[T]) Get(c Counter) int64 { return int64(r.N[c]) }

// add adds to a counter. One that is full stays so.
func (r *counts[T]) add(c Counter, n int64) {
	v := int64(r.N[c]) + n
	if int64(T(v)) == v {
		r.N[c] = T(v)
	}
}

// Abandoned is all visits given up.
func (r *counts[T]) Abandoned() int64 { return r.Get(AbandonedShort) + r.Get(AbandonedLong) }

// Outcomes is the number of visits that are over. Together with those waiting
// it is the number offered, apart from those that waited at midnight.
func (r *counts[T]) Outcomes() int64 {
	n := int64(0)
	for _, c := range [...]Counter{Answered, AbandonedShort, AbandonedLong, TimedOut, Overflowed, LeftByKey, Refused, MovedOn, LostWaiting} {
		n += r.Get(c)
	}
	return n
}

// reset begins a new day.
func (r *counts[T]) reset() { r.N = [NumCounters]T{} }

// gauge is one of the numbers of a row that say how many there are now.
type gauge uint8

const (
	gaugeActive gauge = iota
	gaugeHeld
	gaugeWrapping
	gaugeAlerting
	gaugeWaiting
	gaugeCoaches
)

func (r *counts[T]) move(g gauge, n int32) {
	switch g {
	case gaugeActive:
		r.Active += n
	case gaugeHeld:
		r.Held += n
	case gaugeWrapping:
		r.Wrapping += n
	case gaugeAlerting:
		r.Alerting += n
	case gaugeWaiting:
		r.Waiting += n
	case gaugeCoaches:
		r.Coaches += n
	}
}

// WaitBounds are the upper bounds of the buckets of Waits in milliseconds,
// inclusive; one more bucket holds what is longer.
var WaitBounds = [...]int64{0, 1000, 2000, 5000, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000, 300_000, 600_000, 1_800_000}

// Waits is a distribution of waiting times since midnight.
type Waits struct {
	Count, Sum, Max int64
	Buckets         [len(WaitBounds) + 1]int32
}

func (w *Waits) add(ms int64) {
	w.Count++
	w.Sum += ms
	w.Max = max(w.Max, ms)
	i := 0
	for i < len(WaitBounds) && ms > WaitBounds[i] {
		i++
	}
	w.Buckets[i]++
}

// count adds n to a counter of every row that a queue, an agent and a medium
// belong to; queue and agent may be nil.
func (t *Tenant) count(c Counter, n int64, q *Queue, a *Agent, m Medium) {
	t.Channels[m].add(c, n)
	t.touchChannel(m)
	var r *AgentAtQueue
	if q != nil {
		q.Row.add(c, n)
		q.channel(m).add(c, n)
		t.touchQueue(q)
	}
	if a != nil {
		a.AgentRow.add(c, n)
		t.touchAgent(a)
		if c != Logins {
			a.countOn(m, c, n)
		}
		if q != nil {
			r = a.at(q)
			r.add(c, n)
		}
	}
	t.touchCount(q, m, r, a)
}

// gauge moves a number of every row that a queue, an agent and a medium belong to.
func (t *Tenant) gauge(g gauge, n int32, q *Queue, a *Agent, m Medium) {
	t.Channels[m].move(g, n)
	t.touchChannel(m)
	var r *AgentAtQueue
	if q != nil {
		q.Row.move(g, n)
		q.channel(m).move(g, n)
		t.touchQueue(q)
	}
	if a != nil {
		a.AgentRow.move(g, n)
		t.touchAgent(a)
		if q != nil {
			r = a.at(q)
			r.move(g, n)
		}
	}
	t.touchCount(q, m, r, a)
}
