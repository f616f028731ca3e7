package sim

import "trunkline/event"

// promise is a callback that a customer asked for.
type promise struct {
	id, list string
	x        *interaction // that asked for it
	q        *queue
	tries    []event.CallbackAttempt
	made     int64
	due      int64
}

// dialManually lets a free agent call somebody, without a queue.
func (s *Sim) dialManually(st *site) {
	a := st.colleague(nil)
	if a == nil {
		return
	}
	x := s.newInteraction(st, phone, event.DirectionOut, nil)
	x.cust, x.topic = s.newCaller(), pick(s.rnd, topics)
	l := &leg{x: x, a: a, id: s.shortID("la-"), phase: ringing, at: s.now, direct: true}
	s.emit(event.InteractionCreated{Ref: x.Ref, Direction: event.DirectionOut, Agent: a.id, Dialled: x.cust.number, CallAs: st.general.channel,
		Channel: st.general.channel, Customer: x.cust.fact(), Language: x.cust.language, Attributes: s.attached(st.general, x.cust, "T")})
	a.book.Offers++
	s.attach(l)
	s.emit(event.InteractionOffered{Ref: x.on(l.id), Agent: a.id, Address: a.address, Detail: "dialled"})
	l.answer = s.after(s.rnd.between(200, 1200), func() {
		s.accept(l, 0)
		s.converse(l)
	})
}

// campaignCall wants an agent for a number of the campaign's list.
func (s *Sim) campaignCall(st *site, q *queue) {
	x := s.newInteraction(st, phone, event.DirectionOut, nil)
	x.cust, x.topic = s.newCaller(), topics[4]
	s.emit(event.InteractionCreated{Ref: x.Ref, Direction: event.DirectionOut, Campaign: "camp-" + q.id, CampaignName: "Contract renewals", CallList: "list-" + q.id,
		Channel: q.channel, Dialled: x.cust.number, CallAs: q.channel, Customer: x.cust.fact(), Language: x.cust.language, Attributes: s.attached(q, x.cust, "T")})
	s.enqueue(x, q, event.EntryDialler)
}

// ringCustomer is the time between the agent's readiness and the customer's
// answer, or what else comes of the call.
func (s *Sim) ringCustomer(l *leg) {
	x := l.x
	s.after(s.rnd.lognormal(8*second, 0.5), func() {
		var why event.EndReason
		switch p := s.rnd.Float64(); {
		case p < 0.68:
			x.onLine = true
			s.emit(event.InteractionCustomerAccepted{Ref: x.on(x.custLeg), Agent: l.a.id, Number: x.cust.number})
			s.talk(l, s.talkTime(l))
			return
		case p < 0.85:
			why = event.EndNoAnswer
		case p < 0.95:
			why = event.EndBusy
		case p < 0.98:
			why = event.EndBadAddress
		default:
			why = event.EndBlocked
		}
		s.hangUp(x, event.InitiatorSystem, why)
	})
}

// promise notes that the customer of a visit wants to be called back.
func (s *Sim) promise(v *visit) {
	p := &promise{id: s.shortID("cb-"), list: "cb-" + v.q.id, x: v.x, q: v.q, made: s.now}
	s.promised++
	s.books.Callbacks.Created++
	p.due = s.now + s.rnd.between(3*minute, 20*minute)
	s.callback(p, event.CallbackCreated, nil)
	s.after(p.due-s.now, func() { s.callBack(p) })
}

func (s *Sim) callback(p *promise, change event.CallbackChange, by *agent) {
	f := event.CallbackChanged{
		Callback: p.id, Change: change, Kind: event.CallbackRequested, List: p.list, Interaction: p.x.Interaction, Queue: p.q.id,
		Channel: p.q.name, Dialled: p.q.channel, Customer: p.x.cust.fact(), Attempts: p.tries, Priority: "normal",
		Created: event.At(s.at(p.made)), Modified: event.At(s.Now()), Due: event.At(s.at(p.due)), Expires: event.At(s.at(p.made + 4*hour)),
	}
	if by != nil {
		f.Agent, f.ModifiedBy = by.id, by.id
	}
	s.emit(f)
}

// callBack lets the call back wait for an agent, ahead of those who call by
// themselves.
func (s *Sim) callBack(p *promise) {
	x := s.newInteraction(p.x.site, phone, event.DirectionOut, p.x)
	x.origin, x.cust, x.topic, x.callback = event.OriginCallback, p.x.cust, p.x.topic, p
	s.emit(event.InteractionCreated{Ref: x.Ref, Direction: event.DirectionOut, Origin: event.OriginCallback, Callback: p.id, CallList: p.list,
		Channel: p.q.channel, Dialled: x.cust.number, CallAs: p.q.channel, Customer: x.cust.fact(), Language: x.cust.language,
		Attributes: s.attached(p.q, x.cust, "T")})
	s.enqueue(x, p.q, event.EntryCallback)
}

// attempted notes how a call back went: done, or once more, three times at most.
func (s *Sim) attempted(p *promise, x *interaction, by *agent) {
	s.books.Callbacks.Attempts++
	try := event.CallbackAttempt{ID: s.shortID("try-"), At: event.At(s.Now()), Type: 2, Interaction: x.Interaction}
	if x.reached {
		try.Type = 1
	}
	if by != nil {
		try.Agent = by.id
	}
	p.tries = append(p.tries[:len(p.tries):len(p.tries)], try)
	if x.reached || len(p.tries) == 3 {
		s.promised--
		s.books.Callbacks.Closed++
		s.callback(p, event.CallbackClosed, by)
		return
	}
	p.due = s.now + s.rnd.between(2*minute, 10*minute)
	s.callback(p, event.CallbackUpdated, by)
	s.after(p.due-s.now, func() { s.callBack(p) })
}
