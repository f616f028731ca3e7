package floor

import (
	"strings"

	"trunkline/event"
	"trunkline/floor/interval"
)

// State is what an agent is doing: the most engaging thing that is true, in
// the order contact, wrap-up, offered, then the presence that the person set.
type State uint8

// The states of an agent.
const (
	Offline  State = iota // not logged in
	Away                  // logged in, not ready
	Idle                  // ready and free
	Alerting              // a phone rings or a chat knocks
	Contact               // connected with somebody, on hold or not
	WrapUp                // work after a contact
	NumStates
)

// String gives the state's name as the interfaces show it.
func (s State) String() string {
	return [...]string{"offline", "away", "idle", "alerting", "contact", "wrap_up", "unknown"}[min(s, NumStates)]
}

// Membership is a queue that an agent serves.
type Membership struct {
	Queue    *Queue
	Priority int
	Active   bool // serves it now
	Paused   bool // a presence set for this queue alone keeps the agent from it
	Since    int64

	used bool // utilised by this queue, as the tally has it
}

// AgentAtQueue is what is counted of an agent's work for one queue.
type AgentAtQueue struct {
	Queue *Queue
	AgentRow

	mark uint64
}

// AgentAtChannel is what is counted of an agent's work on one medium. What there is
// now is not kept in it: see [Agent.On].
type AgentAtChannel struct {
	Medium Medium
	AgentRow
}

// Details is what few agents have: kept apart, so that fifty thousand agents do
// not carry it empty.
type Details struct {
	External, Email, DeskMode string
	Note, Profile, TransferTo string // of the presence
	Terminal                  string // status of the device or program heard last

	byM *[]AgentAtChannel // once there is work on a second medium, since midnight
}

// detail sets one of an agent's details.
func (a *Agent) detail(pick func(*Details) *string, v string) {
	if *pick(a.Details) == v {
		return
	}
	own := *a.Details
	*pick(&own) = strings.Clone(v)
	a.Details = &own
}

// Agent is one agent as the floor knows it. Times are epoch milliseconds by the
// clock of the agent's source, 0 for none. Others than this package only read it.
type Agent struct {
	ID, GUID, Login, Name, GivenName, FamilyName, DisplayName, Address, Role string

	*Details // what most agents have nothing of; never nil, shared by those who have nothing

	Groups, Supervisors []string
	Skills              []event.AgentSkill
	Queues              []Membership
	Slots               map[string]int // contacts that fit at once, by medium; nil: one phone call
	Known               bool           // a source has announced the agent
	Disabled, Deleted   bool

	// Here since they take no place of their own beside what is above.
	talking bool // as Talking was when it was looked at last
	spent   interval.Spent

	// What the person set.
	Presence      event.Presence
	Reason        event.StatusReason
	PresenceSince int64
	Until         int64
	Next          event.Presence // to follow the work in hand
	LoginSince    int64

	// How the agent takes work.
	Fetch, NotServing, ServingCallbacks bool

	only uint8 // without byM: the medium of all work since midnight, 1 more than it is; 0: none yet

	// What routing is doing with the agent.
	State        State
	Since        int64 // in State
	TalkingSince int64 // when Talking last became what it is
	AgentRow           // counted since midnight
	Time         [NumStates]int64
	Aways        map[string]int32 // times not ready by the reason's name, since midnight
	ByQ          []AgentAtQueue

	use *usage // nil unless the tenant's statuses are kept

	accrued int64 // Time is counted up to here
	tallied int64 // the intervals are counted up to here; 0: not yet
	turned  int64 // when what is tallied changed last
	work    []*Part
	dialing int32
	watched int32 // supervisions in which the agent is on either side
	mark    uint64
}

// Talking says that the agent is taken, from the allocation or the dialling on.
func (a *Agent) Talking() bool { return a.AgentRow.Active+a.AgentRow.Alerting+a.dialing > 0 }

// talk notes when the agent was taken, or became free. It is called when whatever makes up
// Talking is whole: an offer that is taken is no pause.
func (a *Agent) talk(at int64) {
	if now := a.Talking(); now != a.talking {
		a.talking, a.TalkingSince = now, at
	}
}

// Work gives the agent's parts in interactions, oldest first. The slice is the
// floor's.
func (a *Agent) Work() []*Part { return a.work }

// Busy is how many contacts and offers of a medium take the agent's slots.
func (a *Agent) Busy(m Medium) int {
	n := 0
	for _, p := range a.work {
		if p.Interaction.Media == m && (p.Stage == PartContact || p.Stage == PartOffered) {
			n++
		}
	}
	return n
}

// TimeIn is the time since midnight that the agent spent in a state, up to now.
func (a *Agent) TimeIn(s State, now int64) int64 {
	if s == a.State && now > a.accrued {
		return a.Time[s] + now - a.accrued
	}
	return a.Time[s]
}

// at gives the agent's row for a queue.
func (a *Agent) at(q *Queue) *AgentAtQueue {
	if r := a.For(q); r != nil {
		return r
	}
	a.ByQ = append(a.ByQ, AgentAtQueue{Queue: q})
	return &a.ByQ[len(a.ByQ)-1]
}

// For gives what is counted of the agent's work for a queue, nil for nothing.
func (a *Agent) For(q *Queue) *AgentAtQueue {
	for i := range a.ByQ {
		if a.ByQ[i].Queue == q {
			return &a.ByQ[i]
		}
	}
	return nil
}

// On is how many contacts, holds, wrap-ups and offers of a medium the agent has now.
func (a *Agent) On(m Medium) Present {
	var n Present
	for _, p := range a.work {
		if p.Interaction.Media != m {
			continue
		}
		switch p.Stage {
		case PartContact:
			n.Active++
			if p.HeldSince > 0 {
				n.Held++
			}
		case PartWrapUp:
			n.Wrapping++
		case PartOffered:
			n.Alerting++
		}
	}
	return n
}

// EachChannel gives what is counted of the agent's work by medium, until f says false. As long
// as it is of one medium it is all that is counted of the agent, and is not kept twice.
func (a *Agent) EachChannel(f func(AgentAtChannel) bool) {
	if a.byM == nil {
		if a.only > 0 {
			one := AgentAtChannel{Medium: Medium(a.only - 1), AgentRow: a.AgentRow}
			one.N[Logins] = 0
			f(one)
		}
		return
	}
	for _, r := range *a.byM {
		if !f(r) {
			return
		}
	}
}

// keepChannels keeps the rows by medium with the agent's details.
func (a *Agent) keepChannels(rows *[]AgentAtChannel) {
	own := *a.Details
	own.byM = rows
	a.Details = &own
}

// countOn adds to a counter of the agent's row for a medium, after it was added to the agent's own.
func (a *Agent) countOn(m Medium, c Counter, n int64) {
	if a.byM == nil {
		if a.only == 0 {
			a.only = uint8(m) + 1
		}
		if a.only == uint8(m)+1 {
			return
		}
		first := AgentAtChannel{Medium: Medium(a.only - 1), AgentRow: a.AgentRow}
		first.N[Logins] = 0
		first.add(c, -n)
		a.keepChannels(&[]AgentAtChannel{first})
	}
	for i := range *a.byM {
		if (*a.byM)[i].Medium == m {
			(*a.byM)[i].add(c, n)
			return
		}
	}
	row := AgentAtChannel{Medium: m}
	row.add(c, n)
	*a.byM = append(*a.byM, row)
}

// overflowID names the agent or queue that stands for all that are too many.
const overflowID = "~"

// agent gives an agent by its id and makes it known when it is not; nil for no id.
func (t *Tenant) agent(id string) *Agent {
	if id == "" {
		return nil
	}
	a := t.agents[id]
	if a != nil {
		return a
	}
	if len(t.agents) >= t.set.MaxAgents {
		if id = overflowID; t.agents[id] != nil {
			return t.agents[id]
		}
	}
	id = strings.Clone(id)
	a = &Agent{ID: id, GUID: event.GUID(t.Name, event.EntityAgent, id), Details: &t.plain, Presence: event.PresenceLoggedOut, State: Offline, Since: t.at, TalkingSince: t.at, accrued: t.at, PresenceSince: t.at}
	t.agents[id] = a
	t.inState[Offline]++
	t.touchAgent(a)
	return a
}

// settle brings an agent's state up to what is true at a time.
func (t *Tenant) settle(a *Agent, at int64) {
	if a == nil {
		return
	}
	t.touchAgent(a)
	a.talk(at)
	next := Away
	switch {
	case a.AgentRow.Active > 0:
		next = Contact
	case a.AgentRow.Wrapping > 0:
		next = WrapUp
	case a.AgentRow.Alerting > 0:
		next = Alerting
	case a.Presence == event.PresenceLoggedOut || a.Presence == event.PresenceOffWork || a.Presence == "":
		next = Offline
	case a.Presence == event.PresenceAvailable:
		next = Idle
	}
	if next == a.State {
		t.tally(a, at)
		t.use(a, at)
		return
	}
	if at > a.accrued {
		a.Time[a.State] += at - a.accrued
		a.accrued = at
	}
	t.inState[a.State]--
	t.inState[next]++
	for i := range a.Queues {
		q := a.Queues[i].Queue
		q.InState[a.State]--
		q.InState[next]++
		t.touchQueue(q)
	}
	t.moved = append(t.moved, moved{a, a.State})
	a.State, a.Since = next, at
	t.tally(a, at)
	t.use(a, at)
}

// status takes in what a person set.
func (t *Tenant) status(in *input) {
	a := t.agent(in.agent)
	if a == nil {
		return
	}
	f, _ := in.fact.(event.AgentStatusChanged)
	if len(f.Queues) > 0 && !t.paused(a, &f) {
		t.settle(a, in.at)
		return
	}
	at := in.at
	if s := millis(f.Since.Time); s > 0 && s < at {
		at = max(s, a.PresenceSince)
	}
	was := a.Presence
	if f.Presence != was {
		a.PresenceSince = at
	}
	a.Presence, a.Until, a.Next = event.Presence(strings.Clone(string(f.Presence))), millis(f.Until.Time), event.Presence(strings.Clone(string(f.Next)))
	a.detail(func(d *Details) *string { return &d.Note }, f.Note)
	a.detail(func(d *Details) *string { return &d.Profile }, f.Profile)
	a.detail(func(d *Details) *string { return &d.TransferTo }, f.TransferNumber)
	a.Reason = event.StatusReason{}
	if f.Reason != nil {
		a.Reason = event.StatusReason{List: strings.Clone(f.Reason.List), Item: strings.Clone(f.Reason.Item), Name: strings.Clone(f.Reason.Name)}
		if a.Aways == nil {
			a.Aways = make(map[string]int32)
		}
		if _, ok := a.Aways[a.Reason.Name]; ok || len(a.Aways) < 100 {
			a.Aways[a.Reason.Name]++
		}
	}
	out := func(p event.Presence) bool {
		return p == event.PresenceLoggedOut || p == event.PresenceOffWork || p == ""
	}
	switch {
	case out(was) && !out(f.Presence):
		a.LoginSince = at
		t.count(Logins, 1, nil, a, MediumUnknown)
	case out(f.Presence):
		a.LoginSince = 0
		t.logout(a, in.at)
	}
	t.settle(a, at)
}

// paused takes in a presence that holds for some of the agent's queues. It
// gives true when it holds for all of them and so is the agent's own.
func (t *Tenant) paused(a *Agent, f *event.AgentStatusChanged) bool {
	for _, id := range f.Queues {
		for i := range a.Queues {
			if a.Queues[i].Queue.ID == id {
				a.Queues[i].Paused = f.Presence != event.PresenceAvailable
			}
		}
	}
	first := false
	for i := range a.Queues {
		if p := a.Queues[i].Paused; i == 0 {
			first = p
		} else if p != first {
			return false
		}
	}
	return len(a.Queues) > 0 && first == (f.Presence != event.PresenceAvailable)
}

// logout ends the wrap-ups that only the floor knows of: a source that tells of
// wrap-up ends its own.
func (t *Tenant) logout(a *Agent, at int64) {
	for i := len(a.work) - 1; i >= 0; i-- {
		if p := a.work[i]; p.Stage == PartWrapUp && p.derived {
			t.endWrapDerived(p, at, event.WrapupManual)
		}
	}
}
