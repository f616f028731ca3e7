package sim

import "slices"

// role says what an agent is there for.
type role int

const (
	voice   role = iota // calls that come in
	blended             // calls that come in and campaigns
	digital             // chats, several at once, and e-mail
)

// presence is what a person chose: the first of the two axes of an agent's
// state. The second, what routing is doing, follows from the legs.
type presence int

const (
	offline presence = iota
	available
	away
)

// State is what an agent is doing in the books: the most engaging thing that
// is true at the time, in the order contact, wrap-up, offered, then presence.
type State int

// The states of an agent.
const (
	Offline State = iota // not logged in
	Away                 // logged in, not ready
	Idle                 // ready and free
	Offered              // a phone rings or a chat knocks
	Contact              // connected with somebody, on hold or not
	WrapUp               // work after a contact
	numStates
)

func (s State) String() string {
	return [...]string{"offline", "away", "idle", "offered", "contact", "wrapup"}[s]
}

// agent is a person who answers.
type agent struct {
	num     int
	id      string
	guid    string
	given   string
	family  string
	login   string
	address string // where the phone rings
	role    role
	skills  []skill
	slots   int
	shift   shift
	boss    *supervisor
	site    *site

	presence  presence
	session   string // of the terminal
	leaving   bool   // the shift is over: logs out when free
	due       *pause // the break to take when free
	breakEnd  *alarm
	asked     bool // not to be asked for a moment, after a reject
	idleSince int64

	legs  []*leg // that ring, talk or wrap up
	load  int    // legs that take a slot
	mails int
	state State
	since int64
	book  *AgentBook
}

type skill struct {
	q     *queue
	level int
}

// shift is when an agent works, by the site's clock.
type shift struct{ from, length int64 }

// covers says whether the clock time lies in the shift and how much is left.
func (h shift) covers(clock int64) (left int64, ok bool) {
	into := floorMod(clock-h.from, day)
	return h.length - into, into < h.length
}

// supervisor listens in.
type supervisor struct {
	id, guid, given, family string
	busy                    bool
}

func (a *agent) name() string { return a.given + " " + a.family }

func (a *agent) serving() bool { return a.presence == available && !a.leaving && a.due == nil }

// free says whether routing may give the agent work of a medium.
func (a *agent) free(media string) bool {
	if !a.serving() || a.asked || a.load >= a.slots {
		return false
	}
	return media != email || a.mails == 0
}

func (a *agent) level(q *queue) int {
	for _, s := range a.skills {
		if s.q == q {
			return s.level
		}
	}
	return 0
}

func (a *agent) addSkill(q *queue, level int) {
	a.skills = append(a.skills, skill{q, level})
	q.agents = append(q.agents, a)
}

func (a *agent) dropSkill(q *queue) {
	a.skills = slices.DeleteFunc(a.skills, func(s skill) bool { return s.q == q })
	if i := slices.Index(q.agents, a); i >= 0 {
		q.agents = slices.Delete(q.agents, i, i+1)
	}
}

// doing works out the state from presence and legs.
func (a *agent) doing() State {
	var rings, wraps bool
	for _, l := range a.legs {
		switch l.phase {
		case talking:
			return Contact
		case afterwork:
			wraps = true
		case ringing:
			rings = true
		}
	}
	switch {
	case wraps:
		return WrapUp
	case rings:
		return Offered
	}
	return [...]State{offline: Offline, available: Idle, away: Away}[a.presence]
}

// next is the visit that a, who just got a free slot, serves first.
func (a *agent) next() *visit {
	var best *visit
	for _, s := range a.skills {
		if !a.free(s.q.media) {
			continue
		}
		if v := s.q.head(a); v != nil && (best == nil || v.before(best)) {
			best = v
		}
	}
	return best
}
