package sim

import (
	"strconv"
	"strings"

	"trunkline/event"
)

// startArrivals sets the processes of a site going.
func (s *Sim) startArrivals(st *site) {
	for _, q := range st.queues {
		s.stream(q.arrivals, func() { s.arrive(st, q) })
	}
	s.stream(st.manual, func() { s.dialManually(st) })
	s.every(2*day/int64(len(st.agents)), func() { s.retrain(st) })
	s.every(6*minute, func() { s.tidy(st) })
}

// stream calls do at every arrival until the end of the arrivals.
func (s *Sim) stream(p *arrivals, do func()) {
	var a *alarm
	next := func() bool {
		wait, ok := p.wait(s.clock(), s.rnd)
		if ok {
			s.in(wait, a)
		}
		return ok
	}
	a = &alarm{ring: func() {
		if s.draining {
			return
		}
		next()
		do()
	}}
	next()
}

// every calls do at random moments, mean apart on average.
func (s *Sim) every(mean int64, do func()) {
	var a *alarm
	again := func() { s.in(int64(float64(mean)*s.rnd.ExpFloat64())+1, a) }
	a = &alarm{ring: func() {
		if s.draining {
			return
		}
		again()
		do()
	}}
	again()
}

// rush brings as many customers within a quarter of a minute as the agents on
// duty would be talking with.
func (s *Sim) rush(st *site) {
	for _, a := range st.agents {
		if _, on := a.shift.covers(s.clock()); !on {
			continue
		}
		n := 1
		if a.role == digital {
			n = 2
		}
		for range n {
			q := a.skills[len(a.skills)-1].q
			if a.role == digital {
				q = st.chats
			}
			s.after(s.rnd.between(3*second, 18*second), func() { s.arrive(st, q) })
		}
	}
	for _, q := range st.queues { // and the first one at once
		if !q.outbound {
			s.after(s.rnd.between(100, 900), func() { s.arrive(st, q) })
		}
	}
}

func (s *Sim) arrive(st *site, q *queue) {
	switch {
	case q.outbound:
		s.campaignCall(st, q)
	case q.media == chat:
		s.openChat(st, q)
	case q.media == email:
		s.openMail(st, q)
	default:
		s.call(st, q)
	}
}

// attached are the pairs that travel with an interaction from its beginning.
func (s *Sim) attached(q *queue, c *caller, media string) event.Attributes {
	s.order++
	return event.Attributes{
		"@pri": "100", "cha": strings.TrimPrefix(q.channel, "+"), "cnt": "0", "con": "0", "med": media, "callingName": c.name,
		"phoneNum": strings.TrimPrefix(c.number, "+1"), "tok": strconv.FormatUint(19_000+s.order, 10),
	}
}

// call is a telephone call: a menu, then the queue.
func (s *Sim) call(st *site, q *queue) {
	x := s.newInteraction(st, phone, event.DirectionIn, nil)
	x.cust, x.topic = s.newCaller(), pick(s.rnd, topics)
	s.emit(event.InteractionCreated{Ref: x.on(x.custLeg), Direction: event.DirectionIn, Channel: q.channel, ChannelName: q.name,
		Dialled: q.channel, Customer: x.cust.fact(), Language: x.cust.language, Attributes: s.attached(q, x.cust, "T")})
	if q.name == "Retention" && s.rnd.chance(0.3) { // a number without a menu
		s.enqueue(x, q, event.EntryNew)
		return
	}
	steps := []string{"welcome", "main_menu", x.topic.node, "announcement"}[:2+s.rnd.IntN(3)]
	patience := s.rnd.weibull(4*minute, 0.8)
	s.menu(x, q, steps, patience)
}

// menu goes through the steps of the voice menu, one after the other.
func (s *Sim) menu(x *interaction, q *queue, steps []string, patience int64) {
	if len(steps) == 0 {
		switch {
		case s.rnd.chance(0.07):
			s.emit(event.InteractionActionCalled{Ref: x.Ref, Node: x.topic.node, Action: "account-balance", Version: "3",
				Inputs: map[string]event.ActionInput{"number": {Value: x.cust.number, Type: "string"}}})
			s.emit(event.InteractionFlowVisited{Ref: x.Ref, Flow: "voice_menu", Node: "self_service_done", NodeType: "end", Outcome: event.FlowSuccess})
			s.endInteraction(x, event.InitiatorSystem, event.EndNormal, nil)
		default:
			if s.rnd.chance(0.5) {
				s.emit(event.InteractionIntentDetected{Ref: x.Ref, Code: x.topic.code, Name: x.topic.name, Path: []string{x.topic.code},
					BusinessCode: x.topic.business, BusinessPath: []string{x.topic.business}, Confidence: float64(500+s.rnd.IntN(500)) / 1000})
			}
			s.enqueue(x, q, event.EntryNew)
		}
		return
	}
	took := s.rnd.lognormal(3500, 0.5)
	if took > patience {
		s.after(patience, func() { s.endInteraction(x, event.InitiatorCustomer, event.EndNormal, nil) })
		return
	}
	s.after(took, func() {
		s.emit(event.InteractionFlowVisited{Ref: x.on(x.custLeg), Flow: "voice_menu", Path: []string{"voice_menu"}, Node: steps[0], NodeType: "menu",
			Outcome: event.FlowVisited, Input: strconv.Itoa(1 + s.rnd.IntN(5))})
		s.menu(x, q, steps[1:], patience-took)
	})
}
