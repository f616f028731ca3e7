package floor

import (
	"strings"

	"trunkline/event"
)

// Stage is how far an agent's part in an interaction is.
type Stage uint8

// The stages.
const (
	PartDialling Stage = iota // the agent dialled and nobody is there yet
	PartOffered               // the phone rings, the offer is on the screen
	PartContact               // connected
	PartOver                  // not connected any more, wrap-up or release may follow
	PartWrapUp                // in wrap-up
)

// String gives the stage's name.
func (s Stage) String() string {
	return [...]string{"dialling", "offered", "contact", "over", "wrap_up"}[min(s, PartWrapUp)]
}

// Part is one agent's part in an interaction, from the offer to the end of the
// wrap-up. Times are epoch milliseconds by the source's clock.
type Part struct {
	Interaction *Interaction
	Agent       *Agent
	Queue       *Queue // it came from; nil for a direct one
	Leg         string
	Stage       Stage
	Since       int64 // in the stage
	Connected   int64
	HeldSince   int64 // 0: not on hold
	Talked      int64 // connected and not on hold, once it is over
	HeldFor     int64
	Wrapped     int64
	Wrapup      string // id of the wrap-up
	Limit       int64  // of the wrap-up

	derived  bool  // the wrap-up is the floor's own
	released bool  // nothing but the end of the wrap-up is to come
	counted  bool  // as handled already: this is only a wrap-up that came behind the release
	due      int64 // when a wrap-up of the floor ends, by the source's clock
	fireAt   int64 // the same by the log's clock: when the timer is due
	no       uint64
}

// part gives the agent's latest part in a stage.
func (it *Interaction) part(a *Agent, s Stage) *Part {
	for i := len(it.parts) - 1; i >= 0; i-- {
		if p := it.parts[i]; p.Agent == a && p.Stage == s {
			return p
		}
	}
	return nil
}

// alertedAt gives the agent who was being offered the interaction at a time.
func (t *Tenant) alertedAt(it *Interaction, at int64) *Agent {
	for _, p := range it.parts {
		if p.Stage == PartOffered {
			return p.Agent
		}
	}
	if it.alertEnd > 0 && it.alertEnd >= at {
		return t.agents[it.alertAgent]
	}
	return nil
}

func (t *Tenant) addPart(it *Interaction, a *Agent, q *Queue, s Stage, in *input) *Part {
	if len(it.parts) >= maxParts {
		t.closePart(it.parts[0], in.at, true)
	}
	t.visitNo++
	p := &Part{Interaction: it, Agent: a, Queue: q, Stage: s, Since: in.at, Leg: strings.Clone(in.leg), no: t.visitNo}
	it.parts = append(it.parts, p)
	a.work = append(a.work, p)
	if s == PartDialling {
		a.dialing++
		a.talk(in.at)
	}
	t.touchAgent(a)
	return p
}

// dropPart takes a part off its interaction and its agent.
func (t *Tenant) dropPart(p *Part) {
	if p.Stage == PartDialling {
		p.Agent.dialing--
	}
	t.touchAgent(p.Agent)
	p.Interaction.parts = without(p.Interaction.parts, p)
	p.Agent.work = without(p.Agent.work, p)
	p.fireAt = 0
	t.dropIfDone(p.Agent)
}

// undial ends a dialling that came to nothing.
func (t *Tenant) undial(p *Part, at int64) {
	t.dropPart(p)
	p.Agent.talk(at)
}

func without(list []*Part, p *Part) []*Part {
	for i := range list {
		if list[i] == p {
			copy(list[i:], list[i+1:])
			list[len(list)-1] = nil
			return list[:len(list)-1]
		}
	}
	return list
}

// offered takes in that an agent's phone rings.
func (t *Tenant) offered(in *input) *Interaction {
	it := t.begin(in)
	a := t.agent(in.agent)
	if it == nil || a == nil || it.part(a, PartOffered) != nil {
		return it
	}
	q := t.queue(in.queue)
	if p := it.part(a, PartDialling); p != nil {
		t.dropPart(p)
	}
	p := t.addPart(it, a, q, PartOffered, in)
	t.count(Alerts, 1, p.Queue, a, it.Media)
	t.gauge(gaugeAlerting, 1, p.Queue, a, it.Media)
	t.settle(a, in.at)
	return it
}

// offerEnded takes in that an offer was not taken.
func (t *Tenant) offerEnded(in *input) *Interaction {
	it := t.find(in)
	a := t.agents[in.agent]
	if it == nil || a == nil {
		return it
	}
	p := it.part(a, PartOffered)
	if p == nil {
		return it
	}
	c := Cancelled
	switch event.OfferEndReason(in.reason) {
	case event.OfferNoAnswer:
		c = NotAnswered
	case event.OfferRejected:
		c = Rejected
	}
	t.endOffer(p, c, in.at)
	return it
}

// endOffer ends an offer: how is one of the agent's counters for it.
func (t *Tenant) endOffer(p *Part, how Counter, at int64) {
	it, a := p.Interaction, p.Agent
	t.count(how, 1, p.Queue, a, it.Media)
	t.count(AlertTime, max(at-p.Since, 0), p.Queue, a, it.Media)
	t.gauge(gaugeAlerting, -1, p.Queue, a, it.Media)
	if how != Accepted {
		it.alertEnd, it.alertAgent = at, a.ID
		t.dropPart(p)
	}
	t.settle(a, at)
}

// accepted takes in that an agent took an interaction.
func (t *Tenant) accepted(in *input) *Interaction {
	it := t.begin(in)
	a := t.agent(in.agent)
	if it == nil || a == nil {
		return it
	}
	q := t.queue(in.queue)
	t.answer(it, &q, in)
	if it.part(a, PartContact) != nil {
		return it
	}
	p := it.part(a, PartOffered)
	if p == nil {
		p = it.part(a, PartDialling)
	}
	if p != nil && p.Stage == PartOffered {
		// The agent goes from one state to the next, and is not free between them.
		t.gauge(gaugeActive, 1, q, a, it.Media)
		t.endOffer(p, Accepted, in.at)
		t.gauge(gaugeActive, -1, q, a, it.Media)
	} else {
		t.count(Accepted, 1, q, a, it.Media)
	}
	if p == nil {
		p = t.addPart(it, a, q, PartDialling, in)
	}
	if p.Stage == PartDialling {
		a.dialing--
	}
	p.Queue = q
	if in.leg != "" {
		p.Leg = strings.Clone(in.leg)
	}
	p.Limit, p.Wrapup = in.limit, strings.Clone(in.other)
	it.Accepted, it.left = true, false
	if it.AcceptedAt == 0 {
		it.AcceptedAt = in.at
	}
	t.connect(p, in.at)
	return it
}

// answer ends the visit that an acceptance answers. A queue that the source did
// not name is the one it waits in; a visit that nobody saw begin is counted with
// what the source says it waited.
func (t *Tenant) answer(it *Interaction, q **Queue, in *input) {
	for _, v := range it.visits {
		if v.Queue == *q || *q == nil && len(it.visits) == 1 {
			*q = v.Queue
			t.leave(v, Answered, in.at, in.suspect)
			return
		}
	}
	if *q == nil || it.Accepted && it.LastQueue == *q {
		return
	}
	t.missing.Starts++
	t.correct("interaction/"+it.ID, "visit/"+(*q).ID, "", "answered", "missing_start", in)
	it.Visits++
	it.LastQueue, it.QueuedAt = *q, in.at-in.ms
	if it.FirstQueuedAt == 0 {
		it.FirstQueuedAt = it.QueuedAt
	}
	t.count(Offered, 1, *q, nil, it.Media)
	t.outcome(it, *q, Answered, max(in.ms, 0), in.suspect, in.at)
}

// connect begins a contact.
func (t *Tenant) connect(p *Part, at int64) {
	it, a := p.Interaction, p.Agent
	p.Stage, p.Since, p.Connected = PartContact, at, at
	it.Contacts++
	it.LastAgent = a.ID
	t.count(Contacts, 1, p.Queue, a, it.Media)
	if it.Direction == event.DirectionOut {
		t.count(ContactsOut, 1, p.Queue, a, it.Media)
	} else if it.Direction == event.DirectionIn {
		t.count(ContactsIn, 1, p.Queue, a, it.Media)
	}
	t.gauge(gaugeActive, 1, p.Queue, a, it.Media)
	t.settle(a, at)
}

// join lets an agent take part without an offer.
func (t *Tenant) join(it *Interaction, a *Agent, leg string, in *input) {
	if it == nil || a == nil {
		return
	}
	for _, p := range it.parts {
		if p.Agent == a && p.Stage >= PartContact {
			return
		}
	}
	if p := it.part(a, PartDialling); p != nil {
		t.dropPart(p)
	}
	p := t.addPart(it, a, nil, PartOver, in)
	if leg != "" {
		p.Leg = strings.Clone(leg)
	}
	t.connect(p, in.at)
}

// participants takes in who is on an interaction from now on.
func (t *Tenant) participants(in *input) *Interaction {
	it := t.find(in)
	if it == nil || it.Ended > 0 {
		return it
	}
	for _, n := range in.names {
		t.join(it, t.agent(n.id), n.leg, in)
	}
	for _, p := range it.parts {
		there := false
		for _, n := range in.names {
			there = there || n.id == p.Agent.ID
		}
		if !there && p.Stage == PartContact {
			t.endContact(p, in.at)
		}
	}
	return it
}

// held takes in the begin or end of a hold: of the agent named, else of the only
// one there.
func (t *Tenant) held(in *input, on bool) *Interaction {
	it := t.find(in)
	if it == nil {
		return nil
	}
	var p *Part
	if a := t.agents[in.agent]; a != nil {
		p = it.part(a, PartContact)
	} else {
		for _, o := range it.parts {
			if o.Stage == PartContact {
				p = o
				break
			}
		}
	}
	switch {
	case p == nil:
	case on && p.HeldSince == 0:
		p.HeldSince = in.at
		t.count(Holds, 1, p.Queue, p.Agent, it.Media)
		t.gauge(gaugeHeld, 1, p.Queue, p.Agent, it.Media)
		t.touchAgent(p.Agent)
	case !on:
		t.endHold(p, in.at)
	}
	return it
}

func (t *Tenant) endHold(p *Part, at int64) {
	if p.HeldSince == 0 {
		return
	}
	d := max(at-p.HeldSince, 0)
	p.HeldFor += d
	p.HeldSince = 0
	t.count(HoldTime, d, p.Queue, p.Agent, p.Interaction.Media)
	t.gauge(gaugeHeld, -1, p.Queue, p.Agent, p.Interaction.Media)
	t.touchAgent(p.Agent)
}

// endContact ends the connection. The part stays until it is released.
func (t *Tenant) endContact(p *Part, at int64) {
	if p.Stage != PartContact {
		return
	}
	t.endHold(p, at)
	d := max(at-p.Connected, 0)
	p.Stage, p.Since, p.Talked = PartOver, at, max(d-p.HeldFor, 0)
	t.count(ActiveTime, d, p.Queue, p.Agent, p.Interaction.Media)
	t.gauge(gaugeActive, -1, p.Queue, p.Agent, p.Interaction.Media)
	t.settle(p.Agent, at)
}

// handled counts a part that is over for good and drops it.
func (t *Tenant) handled(p *Part, at int64) {
	m := p.Interaction.Media
	if !p.counted {
		t.count(Handled, 1, p.Queue, p.Agent, m)
		t.count(Talk, p.Talked, p.Queue, p.Agent, m)
		t.count(Hold, p.HeldFor, p.Queue, p.Agent, m)
	}
	t.count(Wrap, p.Wrapped, p.Queue, p.Agent, m)
	t.learn(p, at)
	t.dropPart(p)
}
