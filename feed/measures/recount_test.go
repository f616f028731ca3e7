package measures_test

import (
	"cmp"
	"time"

	"trunkline/event"
	"trunkline/sim"
)

// recount counts what the vendor's samples show and the simulator's books do not keep, from the facts alone. It knows nothing of
// how the floor counts.
type recount struct {
	now    time.Time
	queues map[string]*queueCount
	agents map[string]*agentCount
	calls  map[string]*callCount
}

type queueCount struct {
	conf                                event.QueueConfigured
	members                             map[string]bool
	active, wrapping, coached, coaching int
	activeTime, alertTime, coachedTime  time.Duration
}

type agentCount struct {
	event.AgentProvisioned
	presence           event.Presence
	reason             string
	rings, talks, wrap int
	state              sim.State
	since, login       time.Time
	held               map[string]time.Time // by interaction
}

type callCount struct {
	offers map[string]stay // by agent
	talks  map[string]stay
	wraps  map[string]string // queue by agent
	from   map[string]string // the queue of an agent's last contact
	queue  string            // of the last answer
	coach  map[string]stay   // by the supervisor's leg
	ended  bool
}

type stay struct {
	queue string
	from  time.Time
}

func newRecount() *recount {
	return &recount{queues: map[string]*queueCount{}, agents: map[string]*agentCount{}, calls: map[string]*callCount{}}
}

func (r *recount) queue(id string) *queueCount {
	q := r.queues[id]
	if q == nil {
		q = &queueCount{members: map[string]bool{}}
		r.queues[id] = q
	}
	return q
}

func (r *recount) agent(id string) *agentCount {
	a := r.agents[id]
	if a == nil {
		a = &agentCount{presence: event.PresenceLoggedOut, held: map[string]time.Time{}}
		r.agents[id] = a
	}
	return a
}

func (r *recount) call(ref event.Ref) *callCount {
	c := r.calls[ref.Interaction]
	if c == nil {
		c = &callCount{offers: map[string]stay{}, talks: map[string]stay{}, wraps: map[string]string{}, from: map[string]string{}, coach: map[string]stay{}}
		r.calls[ref.Interaction] = c
	}
	return c
}

// settle gives an agent its state: the most engaging thing that is true.
func (r *recount) settle(a *agentCount) {
	state := sim.Away
	switch {
	case a.talks > 0:
		state = sim.Contact
	case a.wrap > 0:
		state = sim.WrapUp
	case a.rings > 0:
		state = sim.Offered
	case a.presence == event.PresenceLoggedOut:
		state = sim.Offline
	case a.presence == event.PresenceAvailable:
		state = sim.Idle
	}
	if a.since.IsZero() || state != a.state {
		a.state, a.since = state, r.now
	}
}

func (r *recount) add(at time.Time, f event.Fact) {
	r.now = at
	switch f := f.(type) {
	case event.QueueConfigured:
		r.queue(f.Queue).conf = f
	case event.AgentProvisioned:
		r.provisioned(f)
	case event.AgentStatusChanged:
		a := r.agent(f.Agent)
		if a.presence == event.PresenceLoggedOut && f.Presence != event.PresenceLoggedOut {
			a.login = at
		}
		if a.presence, a.reason = f.Presence, ""; f.Reason != nil {
			a.reason = f.Reason.Name
		}
		r.settle(a)
	case event.InteractionOffered:
		r.call(f.Ref).offers[f.Agent] = stay{f.Queue, at}
		r.agent(f.Agent).rings++
		r.settle(r.agent(f.Agent))
	case event.InteractionOfferEnded:
		r.offerOver(f.Ref, f.Agent)
		r.settle(r.agent(f.Agent))
	case event.InteractionAccepted:
		r.offerOver(f.Ref, f.Agent)
		r.begin(f.Ref, f.Agent, f.Queue)
		r.settle(r.agent(f.Agent))
	case event.InteractionParticipantsChanged:
		r.participants(f)
	case event.InteractionHeld:
		r.agent(f.Agent).held[f.Interaction] = at
	case event.InteractionResumed:
		delete(r.agent(f.Agent).held, f.Interaction)
	case event.InteractionWrapupStarted:
		r.end(f.Ref, f.Agent)
		c := r.call(f.Ref)
		queue := c.from[f.Agent]
		c.wraps[f.Agent] = queue
		r.queue(queue).wrapping++
		r.agent(f.Agent).wrap++
		r.settle(r.agent(f.Agent))
	case event.InteractionWrapupEnded:
		c := r.call(f.Ref)
		r.queue(c.wraps[f.Agent]).wrapping--
		delete(c.wraps, f.Agent)
		r.agent(f.Agent).wrap--
		r.settle(r.agent(f.Agent))
	case event.InteractionReleased:
		r.end(f.Ref, f.Agent)
		r.settle(r.agent(f.Agent))
	case event.InteractionEnded:
		c := r.call(f.Ref)
		c.ended = true
		for leg := range c.coach {
			r.coached(c, leg) // nobody is coached where nobody talks
		}
	case event.InteractionSupervisionChanged:
		r.supervised(f)
	}
}

func (r *recount) provisioned(f event.AgentProvisioned) {
	a := r.agent(f.Agent)
	switch f.Change {
	case event.ProvisionCreated, event.ProvisionUpdated:
		a.AgentProvisioned = f
		r.settle(a)
	case event.ProvisionQueueAdded, event.ProvisionQueueChanged:
		r.queue(f.Queue.ID).members[f.Agent] = true
	case event.ProvisionQueueRemoved:
		delete(r.queue(f.Queue.ID).members, f.Agent)
	}
}

func (r *recount) offerOver(ref event.Ref, agent string) {
	c := r.call(ref)
	if o, ok := c.offers[agent]; ok {
		r.queue(o.queue).alertTime += r.now.Sub(o.from)
		delete(c.offers, agent)
		r.agent(agent).rings--
	}
}

func (r *recount) begin(ref event.Ref, agent, queue string) {
	c := r.call(ref)
	if _, ok := c.talks[agent]; ok {
		return
	}
	c.queue = cmp.Or(queue, c.queue)
	c.talks[agent], c.from[agent] = stay{queue, r.now}, queue
	r.queue(queue).active++
	r.agent(agent).talks++
}

func (r *recount) end(ref event.Ref, agent string) {
	c := r.call(ref)
	if s, ok := c.talks[agent]; ok {
		q := r.queue(s.queue)
		q.active--
		q.activeTime += r.now.Sub(s.from)
		delete(c.talks, agent)
		a := r.agent(agent)
		a.talks--
		delete(a.held, ref.Interaction)
	}
}

func (r *recount) participants(f event.InteractionParticipantsChanged) {
	there := map[string]bool{}
	for _, p := range f.Participants {
		if p.Role == event.RoleAgent {
			there[p.Agent] = true
			r.begin(f.Ref, p.Agent, "")
			r.settle(r.agent(p.Agent))
		}
	}
	for agent := range r.call(f.Ref).talks {
		if !there[agent] {
			r.end(f.Ref, agent)
			r.settle(r.agent(agent))
		}
	}
}

func (r *recount) supervised(f event.InteractionSupervisionChanged) {
	if f.Kind != event.SupervisionCoach {
		return
	}
	switch c := r.call(f.Ref); {
	case f.State == event.SupervisionConnected && !c.ended:
		c.coach[f.SupervisorLeg] = stay{c.queue, r.now}
		r.queue(c.queue).coached++
		r.queue(c.queue).coaching++
	case f.State == event.SupervisionEnded:
		r.coached(c, f.SupervisorLeg)
	}
}

// coached ends a coaching.
func (r *recount) coached(c *callCount, leg string) {
	if s, on := c.coach[leg]; on {
		r.queue(s.queue).coaching--
		r.queue(s.queue).coachedTime += r.now.Sub(s.from)
		delete(c.coach, leg)
	}
}
