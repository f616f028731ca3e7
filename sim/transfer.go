package sim

import "trunkline/event"

// colleague is a free telephone agent of the site, who has been idle longest.
func (st *site) colleague(not *agent) *agent {
	var best *agent
	for _, a := range st.agents {
		if a == not || a.role == digital || !a.free(phone) {
			continue
		}
		if best == nil || a.idleSince < best.idleSince {
			best = a
		}
	}
	return best
}

// participants says who is on an interaction from now on.
func (s *Sim) participants(x *interaction, customer *caller, legs []*leg, boss *supervisor, bossLeg string) {
	x.parties = true
	list := make([]event.Participant, 0, 4)
	if customer != nil {
		list = append(list, event.Participant{Role: event.RoleCustomer, Number: customer.number, Name: customer.name, Leg: x.custLeg})
	}
	for _, l := range legs {
		list = append(list, event.Participant{Role: event.RoleAgent, Agent: l.a.id, Name: l.a.name(), Leg: l.id})
	}
	if boss != nil {
		list = append(list, event.Participant{Role: event.RoleSupervisor, Agent: boss.id, Name: boss.given + " " + boss.family, Leg: bossLeg})
	}
	s.emit(event.InteractionParticipantsChanged{Ref: x.Ref, Participants: list})
}

// consult lets the agent of l ask a colleague on a second line, and then hand
// the call over (or, for a conference, join the lines). The second line is an
// interaction of its own.
func (s *Sim) consult(l *leg, conference bool) {
	b := l.x.site.colleague(l.a)
	if b == nil {
		return
	}
	line := s.newInteraction(l.x.site, phone, event.DirectionInternal, l.x)
	line.origin, line.topic = event.OriginConsult, l.x.topic
	if conference {
		line.origin = event.OriginConference
	}
	l.busyWith = line
	s.clear(l.end)
	s.emit(event.InteractionCreated{Ref: line.Ref, Direction: event.DirectionInternal, Origin: line.origin, Agent: l.a.id,
		Target: b.id, TargetKind: event.TargetAgent, Dialled: b.address, CallAs: l.a.address, Publicity: event.PublicityPublic})
	transfer := event.InteractionTransferStarted{Ref: l.x.on(l.id), Agent: l.a.id, Kind: event.TransferConsult, Target: b.id,
		TargetKind: event.TargetAgent, Consult: line.Interaction}
	if !conference {
		s.emit(transfer)
	}
	giveUp := func(why event.EndReason) {
		if !conference {
			s.emit(event.InteractionTransferCancelled{Ref: transfer.Ref, Agent: l.a.id, Kind: event.TransferConsult, Target: b.id,
				TargetKind: event.TargetAgent, Reason: why, Consult: line.Interaction})
		}
		l.busyWith = nil
		s.in(s.rnd.between(10*second, 60*second), l.end)
	}
	s.ring(line, b, func(m *leg) {
		line.reached = true
		s.emit(event.InteractionLegConnected{Ref: line.on(m.id), Agent: b.id, Address: b.address})
		s.after(s.rnd.lognormal(18*second, 0.6), func() {
			switch {
			case conference:
				s.join(l, m, line)
			case s.rnd.chance(0.15):
				line.closing, line.who, line.why = true, event.InitiatorAgent, event.EndNormal
				s.stop(m)
				giveUp(event.EndCancelled)
			default:
				s.handOver(l, m, line)
			}
		})
	}, func() {
		s.endInteraction(line, event.InitiatorSystem, event.EndNoAnswer, nil)
		giveUp(event.EndNoAnswer)
	})
}

// ring offers x directly to an agent.
func (s *Sim) ring(x *interaction, a *agent, taken func(*leg), missedIt func()) {
	l := &leg{x: x, a: a, id: s.shortID("la-"), phase: ringing, at: s.now}
	a.book.Offers++
	s.attach(l)
	limit := 20 * second
	s.emit(event.InteractionOffered{Ref: x.on(l.id), Agent: a.id, Address: a.address, RingLimitMS: limit, Detail: "direct"})
	delay := s.rnd.lognormal(4*second, 0.5)
	if delay >= limit || s.rnd.chance(0.06) {
		l.answer = s.after(limit, func() {
			s.endOffer(l, event.OfferNoAnswer)
			a.book.NoAnswer++
			missedIt()
			s.serve(a)
		})
		return
	}
	l.answer = s.after(delay, func() {
		s.accept(l, 0)
		taken(l)
	})
}

// shortWrap says that the first agent's part on a second line needs no
// wrap-up: it begins and ends at once.
func (s *Sim) shortWrap(line *interaction, a *agent) (begin, end func()) {
	id, legID := s.shortID("wu-"), s.shortID("la-")
	begin = func() {
		s.emit(event.InteractionWrapupStarted{Ref: line.on(legID), Agent: a.id, Wrapup: id})
	}
	end = func() {
		s.emit(event.InteractionWrapupEnded{Ref: line.on(legID), Agent: a.id, Wrapup: id, Reason: event.WrapupManual})
		s.emit(event.InteractionReleased{Ref: line.on(legID), Agent: a.id, Initiator: event.InitiatorAgent, Reason: event.EndNormal})
	}
	return begin, end
}

// moveTo puts the colleague on the second line onto the customer's call.
func (s *Sim) moveTo(x *interaction, m *leg) *leg {
	n := &leg{x: x, a: m.a, id: s.shortID("la-"), phase: talking, wrapup: s.shortID("wu-"), recording: s.shortID("rec-"), recordedAt: s.now}
	s.attach(n)
	s.connect(n)
	return n
}

// goOn is the rest of the conversation of a leg that came by a second line.
func (s *Sim) goOn(n *leg, length int64) {
	n.end = s.after(length, func() { s.byeBye(n) })
	if s.rnd.chance(s.cfg.Transcribed) {
		n.phrase = s.after(s.rnd.between(600, 2500), func() { s.say(n) })
	}
}

// handOver completes a consult transfer: the first agent leaves, the colleague
// stays with the customer, the second line is gone. All in one instant, in the
// order in which 8x8 tells it.
func (s *Sim) handOver(l, m *leg, line *interaction) {
	x, b := l.x, m.a
	begin, end := s.shortWrap(line, l.a)
	l.busyWith = nil
	s.emit(event.InteractionTransferRequested{Ref: x.on(l.id), Agent: l.a.id, Kind: event.TransferConsult, Target: b.id,
		TargetKind: event.TargetAgent, Consult: line.Interaction})
	begin()
	n := s.moveTo(x, m)
	s.participants(x, x.cust, []*leg{n}, nil, "")
	s.emit(event.InteractionTransferConnected{Ref: x.on(n.id), Agent: l.a.id, Kind: event.TransferConsult, Target: b.id,
		TargetKind: event.TargetAgent, Consult: line.Interaction})
	end()
	s.stop(l)
	s.emit(event.InteractionReconnected{Ref: line.Ref, Agent: b.id})
	s.participants(line, nil, nil, nil, "")
	line.closing, line.who, line.why = true, event.InitiatorSystem, event.EndNormal
	s.stop(m)
	s.emit(event.InteractionRecordingStarted{Ref: x.on(n.id), Recording: n.recording, Agent: b.id, Channel: "right"})
	s.goOn(n, s.rnd.lognormal(80*second, 0.7))
}

// join makes a conference of both lines. Later one of the agents leaves it,
// and the other ends the call.
func (s *Sim) join(l, m *leg, line *interaction) {
	x, b := l.x, m.a
	begin, end := s.shortWrap(line, l.a)
	l.busyWith = nil
	begin()
	end()
	s.emit(event.InteractionReconnected{Ref: line.Ref, Agent: l.a.id})
	n := s.moveTo(x, m)
	s.participants(x, x.cust, []*leg{l, n}, nil, "")
	line.closing, line.who, line.why = true, event.InitiatorSystem, event.EndNormal
	s.stop(m)
	s.emit(event.InteractionJoinRequested{Ref: x.on(l.id), Agent: l.a.id, Lines: []string{x.Interaction, line.Interaction}})
	s.emit(event.InteractionRecordingStarted{Ref: x.on(n.id), Recording: n.recording, Agent: b.id, Channel: "right"})
	s.after(s.rnd.lognormal(40*second, 0.6), func() {
		first, stays := l, n
		if s.rnd.chance(0.4) {
			first, stays = n, l
			s.emit(event.InteractionLegEnded{Ref: x.on(n.id), Agent: b.id, Initiator: event.InitiatorAgent, Reason: event.EndNormal})
		}
		s.stop(first)
		s.participants(x, x.cust, []*leg{stays}, nil, "")
		if stays == l {
			s.in(s.rnd.lognormal(45*second, 0.6), l.end)
			return
		}
		s.goOn(n, s.rnd.lognormal(60*second, 0.6))
	})
}

// blindTransfer sends the customer to a colleague or a number outside without
// asking first.
func (s *Sim) blindTransfer(l *leg) {
	x, a := l.x, l.a
	b := x.site.colleague(a)
	target, kind := "", event.TargetAgent
	if b == nil || s.rnd.chance(0.3) {
		b, target, kind = nil, s.newCaller().number, event.TargetNumber
	} else {
		target = b.id
	}
	s.emit(event.InteractionTransferStarted{Ref: x.on(l.id), Agent: a.id, Kind: event.TransferBlind, Target: target, TargetKind: kind})
	s.emit(event.InteractionTransferRequested{Ref: x.on(l.id), Agent: a.id, Kind: event.TransferBlind, Target: target, TargetKind: kind})
	connected := event.InteractionTransferConnected{Ref: x.on(l.id), Agent: a.id, Kind: event.TransferBlind, Target: target, TargetKind: kind}
	if b == nil {
		s.emit(connected)
		s.hangUp(x, event.InitiatorAgent, event.EndNormal)
		return
	}
	s.ring(x, b, func(m *leg) {
		s.emit(connected)
		s.goOn(m, s.rnd.lognormal(80*second, 0.7))
	}, func() {
		s.emit(event.InteractionTransferCancelled{Ref: connected.Ref, Agent: a.id, Kind: event.TransferBlind, Target: target,
			TargetKind: kind, Reason: event.EndNoAnswer})
		s.enqueue(x, x.site.general, event.EntryRequeued)
	})
	s.stop(l)
}

// transferToQueue sends the customer back to a line. What waits there is a new
// interaction; the old one ends with the agent's wrap-up.
func (s *Sim) transferToQueue(l *leg) {
	x := l.x
	q := pick(s.rnd, x.site.inbound)
	if q == l.q {
		q = x.site.general
	}
	s.emit(event.InteractionTransferStarted{Ref: x.on(l.id), Agent: l.a.id, Kind: event.TransferQueue, Target: q.id, TargetKind: event.TargetQueue})
	x.closing, x.who, x.why = true, event.InitiatorAgent, event.EndNormal
	next := s.newInteraction(x.site, phone, x.direction, x)
	next.origin, next.cust, next.topic, next.onLine = event.OriginTransfer, x.cust, x.topic, true
	for _, other := range x.talkers() {
		s.stop(other)
	}
	s.emit(event.InteractionCreated{Ref: next.Ref, Direction: x.direction, Origin: event.OriginTransfer, Agent: l.a.id,
		Target: q.id, TargetKind: event.TargetQueue, Customer: x.cust.fact(), Language: x.cust.language,
		Attributes: event.Attributes{"@pri": "100", "transferredFrom": x.Interaction}})
	s.enqueue(next, q, event.EntryTransfer)
}
