package floor

import (
	"hash/fnv"

	"trunkline/event"
	"trunkline/eventlog/writer"
)

// windowMS is how long a window of utilisation is, by the log's clock.
const windowMS = 5 * 60 * 1000

// Engagement is an agent's state in the four words of routing.
type Engagement uint8

// The engagements.
const (
	EngagedOffline Engagement = iota
	EngagedAway
	EngagedActive // ready, alerting or with contacts
	EngagedWrapUp
	NumEngagements
)

// Engagement puts a state into the words of routing.
func (s State) Engagement() Engagement {
	switch s {
	case Away:
		return EngagedAway
	case Idle, Alerting, Contact:
		return EngagedActive
	case WrapUp:
		return EngagedWrapUp
	}
	return EngagedOffline
}

// String gives the word as the push feed writes it.
func (e Engagement) String() string {
	return [...]string{"OFFLINE", "AWAY", "ACTIVE", "WRAPPING_UP", "UNKNOWN"}[min(e, NumEngagements)]
}

// spans are the milliseconds in each engagement: linear, with a contact, times the
// slots, times the contacts.
type spans [NumEngagements][4]int64

// usage is what only tenants whose statuses are kept know of an agent.
type usage struct {
	measured
	loadAt      int64 // when the number of contacts changed last, by the source's clock
	since       int64 // when the engagement began, by the source's clock
	before      Engagement
	beforeSince int64 // when the one before began; 0: not known

	engaged Engagement // as of at
	load    int64
	slots   int64
	offset  int64 // of the windows from the full five minutes
	at      int64 // accrued up to here, by the log's clock
	from    int64 // the window at hand begins
	spans   spans // of the window at hand
	last    spans // of the window before
	lastEnd int64 // when that ended and is not said yet; 0: nothing to say

	windowArmed int64 // the end of the window that is said at its end
}

// usage gives what is kept of an agent's utilisation.
func (t *Tenant) usage(a *Agent) *usage {
	if a.use == nil {
		u := &usage{since: a.Since, engaged: a.State.Engagement(), at: t.now, slots: a.room(), offset: windowOffset(a.ID)}
		u.from = u.window(t.now)
		a.use = u
	}
	return a.use
}

// windowOffset spreads the agents' windows over the five minutes, by whole seconds: fifty
// thousand that end at once would keep all else waiting.
func windowOffset(agent string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(agent)) // never fails
	return int64(h.Sum32()%(windowMS/1000)) * 1000
}

// window is when the window began in which a moment lies.
func (u *usage) window(at int64) int64 { return at - (at-u.offset)%windowMS }

// room is how many contacts fit at once: one phone call where nobody has said.
func (a *Agent) room() int64 {
	n := 0
	for _, s := range a.Slots {
		n += s
	}
	return int64(max(n, 1))
}

// use brings an agent's utilisation up to the log's time, with what was true until now,
// and takes in what is true from now on. at is when that began, by the source's clock.
func (t *Tenant) use(a *Agent, at int64) {
	if !t.set.Statuses {
		return
	}
	u := t.usage(a)
	u.accrue(t.now)
	if e := a.State.Engagement(); e != u.engaged {
		u.before, u.beforeSince = u.engaged, u.since
		u.engaged, u.since = e, at
	}
	if n := int64(a.AgentRow.Active); n != u.load {
		u.load, u.loadAt = n, at
	}
	u.slots = a.room()
	if u.engaged != EngagedOffline {
		t.armWindow(a, u)
	}
}

// accrue counts the time since it was counted last. Where a window ended meanwhile it is
// closed, and what was open then goes on in the one at hand.
func (u *usage) accrue(now int64) {
	if now <= u.at {
		return
	}
	if end := u.from + windowMS; now >= end {
		u.last, u.lastEnd = u.upTo(end), 0
		if u.last.there() {
			u.lastEnd = end
		}
		u.spans, u.from = spans{}, u.window(now)
		u.at = max(u.from, u.at)
	}
	u.spans = u.upTo(now)
	u.at = now
}

// upTo gives the window at hand as it is at a moment.
func (u *usage) upTo(at int64) spans {
	s := u.spans
	if d := at - max(u.at, u.from); d > 0 {
		row := &s[u.engaged]
		row[0] += d
		if u.load > 0 {
			row[1] += d
		}
		row[2] += d * u.slots
		row[3] += d * u.load
	}
	return s
}

// there says that the agent was not offline all the time.
func (s *spans) there() bool {
	return s[EngagedAway][0]+s[EngagedActive][0]+s[EngagedWrapUp][0] > 0
}

// armWindow has the window at hand said when it is over.
func (t *Tenant) armWindow(a *Agent, u *usage) {
	if end := u.from + windowMS; u.windowArmed != end {
		u.windowArmed = end
		t.timers.push(timer{at: end, tenant: t, agent: a})
	}
}

// ends says that a window that ends at a moment is still to be said.
func (u *usage) ends(at int64) bool {
	if at == u.lastEnd {
		return true
	}
	if at != u.from+windowMS || at != u.windowArmed {
		return false
	}
	s := u.upTo(at)
	return s.there()
}

// utilisationDue gives what a timer says of an agent's utilisation.
func (t *Tenant) utilisationDue(a *Agent, at int64) (writer.Derived, bool) {
	s := a.use.last
	if at != a.use.lastEnd {
		s = a.use.upTo(at)
	}
	of := func(e Engagement) event.Utilisation {
		return event.Utilisation{LinearMS: s[e][0], LinearUsedMS: s[e][1], CumulativeMS: s[e][2], CumulativeUsedMS: s[e][3]}
	}
	var all event.Utilisation
	for e := range NumEngagements {
		all.LinearMS += s[e][0]
		all.LinearUsedMS += s[e][1]
		all.CumulativeMS += s[e][2]
		all.CumulativeUsedMS += s[e][3]
	}
	return t.timed(event.AgentUtilised{
		AgentRef: event.AgentRef{Agent: a.ID}, From: event.At(moment(at - windowMS)), To: event.At(moment(at)),
		Any: all, Active: of(EngagedActive), Away: of(EngagedAway), Offline: of(EngagedOffline), WrappingUp: of(EngagedWrapUp),
	}, at, "utilisation timer", a.ID, 0)
}

// utilisationTold takes in that a window was said: the next one begins, and is said too
// when the agent is still there.
func (t *Tenant) utilisationTold(a *Agent, end int64) {
	u := a.use
	u.accrue(t.now)
	if u.lastEnd == end {
		u.lastEnd = 0
	}
	if u.engaged != EngagedOffline {
		t.armWindow(a, u)
	}
}
