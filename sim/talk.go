package sim

import "trunkline/event"

// converse is what follows when an agent has accepted.
func (s *Sim) converse(l *leg) {
	switch {
	case l.x.Media == chat:
		s.chatter(l)
	case l.x.Media == email:
		s.write(l)
	case !l.x.onLine:
		s.ringCustomer(l)
	default:
		if l.recording == "" && s.rnd.chance(0.8) {
			s.after(s.rnd.between(100, 900), func() {
				if l.phase == talking {
					s.record(l)
				}
			})
		}
		s.talk(l, s.talkTime(l))
	}
}

func (s *Sim) talkTime(l *leg) int64 {
	if l.q == nil {
		return s.rnd.lognormal(90*second, 0.7)
	}
	return s.rnd.lognormal(l.q.talk, l.q.spread)
}

// talk is a telephone conversation of the given length, unless something
// comes between.
func (s *Sim) talk(l *leg, length int64) {
	x := l.x
	x.reached = true
	length = max(length, 4*second)
	l.end = s.after(length, func() { s.byeBye(l) })
	if s.rnd.chance(s.cfg.Transcribed) {
		l.phrase = s.after(s.rnd.between(600, 2500), func() { s.say(l) })
	}
	at := func(p float64, do func(*leg)) {
		if s.rnd.chance(p) {
			s.after(s.rnd.between(length/5, length*4/5), func() {
				if l.phase == talking && l.heldAt < 0 && l.busyWith == nil && len(x.talkers()) == 1 {
					do(l)
				}
			})
		}
	}
	at(0.16, s.hold)
	at(0.02, s.park)
	at(0.04, s.supervise)
	at(0.04, s.blindTransfer)
	at(0.05, func(l *leg) { s.consult(l, false) })
	at(0.025, func(l *leg) { s.consult(l, true) })
	at(0.04, s.transferToQueue)
	at(0.05, s.note)
}

// byeBye hangs up; three in four times it is the customer.
func (s *Sim) byeBye(l *leg) {
	who := event.InitiatorCustomer
	if s.rnd.chance(0.3) {
		who = event.InitiatorAgent
	}
	s.hangUp(l.x, who, event.EndNormal)
}

// hangUp ends the conversation for all. The interaction ends when the last
// agent is off it; a chat or a mail ends here.
func (s *Sim) hangUp(x *interaction, who event.Initiator, why event.EndReason) {
	list := x.talkers()
	x.closing, x.who, x.why = true, who, why
	if x.Media == phone && x.reached && x.parties {
		s.participants(x, nil, list, nil, "")
	}
	if x.reached && x.direction != event.DirectionInternal && s.rnd.chance(0.12) {
		s.survey(x)
	}
	if x.Media != phone {
		s.endInteraction(x, who, why, list[0].a)
	}
	for _, l := range list {
		s.stop(l)
	}
}

// wrapLimit is how long the wrap-up after this leg may take, 0 is none.
func (l *leg) wrapLimit() int64 {
	switch {
	case l.x.direction == event.DirectionInternal:
		return 0
	case l.q != nil:
		return l.q.wrap
	}
	return 20 * second
}

// stop ends the contact of one agent; wrap-up follows, if there is any.
func (s *Sim) stop(l *leg) {
	if l.heldAt >= 0 {
		l.held += s.now - l.heldAt
		l.heldAt = -1
	}
	l.talked = s.now - l.began - l.held
	s.clear(l.end)
	s.clear(l.phrase)
	s.develop(l)
	limit := l.wrapLimit()
	if limit == 0 {
		s.wrapped(l, 0)
		return
	}
	l.phase, l.wrapAt = afterwork, s.now
	s.observe(l.a)
	f := event.InteractionWrapupStarted{Ref: l.x.on(l.id), Agent: l.a.id, Queue: l.queueID(), Wrapup: l.wrapup, LimitMS: limit}
	if l.x.callback != nil {
		f.Callback, f.CallList = l.x.callback.id, l.x.callback.list
	}
	s.emit(f)
	took, how := limit, event.WrapupTimer
	byHand := 0.8
	if l.q != nil {
		byHand = l.q.byHand
	}
	if s.rnd.chance(byHand) {
		took, how = min(s.rnd.lognormal(limit/2, 0.4), limit-1), event.WrapupManual
	}
	if s.rnd.chance(0.7) {
		s.after(s.rnd.between(took/3, took), func() { s.disposition(l) })
	}
	s.after(took, func() {
		if how == event.WrapupManual && s.rnd.chance(0.2) {
			s.emit(event.AgentWrapupRequested{AgentRef: l.a.ref(), Action: event.WrapupTerminate, Wrapup: l.wrapup,
				Interaction: l.x.Interaction, Leg: l.id, Queue: l.queueID()})
		}
		s.emit(event.InteractionWrapupEnded{Ref: l.x.on(l.id), Agent: l.a.id, Queue: l.queueID(), Wrapup: l.wrapup, Reason: how, ElapsedMS: took})
		s.wrapped(l, took)
	})
}

func (l *leg) queueID() string {
	if l.q == nil {
		return ""
	}
	return l.q.id
}

// wrapped is the end of an agent's part.
func (s *Sim) wrapped(l *leg, wrap int64) {
	x, a := l.x, l.a
	a.book.Handled++
	a.book.Talk += l.talked
	a.book.Hold += l.held
	a.book.Wrap += wrap
	if l.q != nil {
		l.q.book.Handled++
		l.q.book.Talk += l.talked
		l.q.book.Hold += l.held
		l.q.book.Wrap += wrap
	}
	last := x.closing && len(x.legs) == 1
	f := event.InteractionReleased{Ref: x.on(l.id), Agent: a.id, Queue: l.queueID(), Initiator: event.InitiatorAgent, Reason: event.EndNormal, TalkMS: l.talked}
	if x.closing {
		f.Initiator, f.Reason = x.who, x.why
	}
	if last && x.Media == phone && x.direction == event.DirectionIn {
		c := f
		c.Leg, c.TalkMS = x.custLeg, 0
		s.emit(c)
	}
	s.emit(f)
	s.detach(l)
	if last && x.Media == phone {
		s.endInteraction(x, x.who, x.why, a)
	}
	s.serve(a)
}

func (s *Sim) disposition(l *leg) {
	d := pick(s.rnd, dispositions)
	f := event.InteractionDispositioned{Ref: l.x.on(l.id), Agent: l.a.id, Code: d.code, Name: d.name, List: "dispositions"}
	if s.rnd.chance(0.3) {
		f.Notes = pick(s.rnd, customerPhrases)
		f.Tags = []string{lower(l.x.topic.code)}
	}
	s.emit(f)
}

// hold lets the customer hear music for a while.
func (s *Sim) hold(l *leg) {
	l.heldAt = s.now
	s.emit(event.InteractionHeld{Ref: l.x.on(l.id), Agent: l.a.id})
	length := s.rnd.lognormal(25*second, 0.6)
	if !s.rnd.chance(0.05) { // else the customer may hang up meanwhile
		s.postpone(l, length)
	}
	s.after(length, func() {
		if l.phase != talking || l.heldAt < 0 {
			return
		}
		held := s.now - l.heldAt
		l.held += held
		l.heldAt = -1
		s.emit(event.InteractionResumed{Ref: l.x.on(l.id), Agent: l.a.id, HeldMS: held})
	})
}

// postpone lets the conversation of l last longer.
func (s *Sim) postpone(l *leg, by int64) {
	if l.end != nil && l.end.pos != 0 {
		s.in(l.end.at-s.now+by, l.end)
	}
}

func (s *Sim) park(l *leg) {
	slot := []string{"701", "702", "703", "704"}[s.rnd.IntN(4)]
	s.emit(event.InteractionParked{Ref: l.x.on(l.x.custLeg), Agent: l.a.id, Slot: slot})
	length := s.rnd.between(5*second, 20*second)
	l.busyWith = l.x
	s.postpone(l, length)
	s.after(length, func() {
		l.busyWith = nil
		s.emit(event.InteractionUnparked{Ref: l.x.on(l.x.custLeg), Agent: l.a.id, Slot: slot})
	})
}

// note changes the attached pairs in the course of a conversation.
func (s *Sim) note(l *leg) {
	s.emit(event.InteractionAttributesChanged{Ref: l.x.Ref, Agent: l.a.id,
		Attributes: event.Attributes{"caseId": s.shortID("case-"), "verified": pick(s.rnd, []string{"yes", "no"})}})
}

// say is one phrase of a transcribed call, and sets the alarm for the next.
func (s *Sim) say(l *leg) {
	if l.phase != talking {
		return
	}
	if l.heldAt < 0 && l.busyWith == nil {
		l.turn++
		f := event.InteractionMessage{Ref: l.x.on(l.id), Message: s.shortID("m-"), OffsetMS: s.now - l.x.began, Queue: l.queueID(),
			Confidence: float64(800+s.rnd.IntN(200)) / 1000, DurationMS: s.rnd.between(600, 2800)}
		f.Role, f.Speaker, f.Text = event.RoleAgent, l.a.id, pick(s.rnd, agentPhrases)
		if l.turn%2 == 0 {
			f.Role, f.Speaker, f.Text = event.RoleCustomer, "", pick(s.rnd, customerPhrases)
		}
		if l.x.cust != nil {
			f.Language = l.x.cust.language
		}
		s.message(l.x, f)
	}
	s.in(s.rnd.between(800, 3000), l.phrase)
}

func (s *Sim) message(x *interaction, f event.InteractionMessage) {
	if x.book != nil {
		x.book.Messages++
	}
	s.books.Messages[string(f.Role)]++
	s.emit(f)
}

func (s *Sim) record(l *leg) {
	l.recording, l.recordedAt = s.shortID("rec-"), s.now
	s.emit(event.InteractionRecordingStarted{Ref: l.x.on(l.id), Recording: l.recording, Agent: l.a.id, Channel: "right"})
}

// develop makes the recording of a leg that is over ready, in its own time.
func (s *Sim) develop(l *leg) {
	if l.recording == "" {
		return
	}
	f := event.InteractionRecordingReady{Ref: l.x.on(l.id), Recording: l.recording, Agent: l.a.id, Channel: "right",
		MimeType: "audio/ogg", DurationMS: s.now - l.recordedAt, Bytes: (s.now - l.recordedAt) * 4,
		URL: "https://recordings.example/" + l.recording}
	s.trailing++
	s.after(s.rnd.between(2*second, 9*second), func() {
		s.trailing--
		s.emit(f)
	})
}

// survey asks the customer afterwards.
func (s *Sim) survey(x *interaction) {
	s.trailing++
	s.after(s.rnd.between(15*second, 2*minute), func() {
		s.trailing--
		score := []string{"5", "5", "4", "4", "3", "2", "1"}[s.rnd.IntN(7)]
		s.emit(event.InteractionSurveyAnswered{Ref: x.Ref, Survey: "after-contact", Answers: []event.SurveyAnswer{
			{Question: "How satisfied are you with the conversation?", Category: "satisfaction", Type: "rating", Answer: score, Ordering: 1},
			{Question: "Was your matter settled?", Category: "resolution", Type: "single_choice", Answer: pick(s.rnd, []string{"yes", "yes", "no"}), Ordering: 2},
		}})
	})
}

// supervise lets the agent's supervisor listen, and sometimes help.
func (s *Sim) supervise(l *leg) {
	b := l.a.boss
	if b.busy || l.watched || s.draining {
		return
	}
	b.busy, l.watched = true, true
	s.trailing++
	kind := pick(s.rnd, []event.SupervisionKind{event.SupervisionMonitor, event.SupervisionMonitor, event.SupervisionCoach, event.SupervisionBarge})
	f := event.InteractionSupervisionChanged{Ref: l.x.on(l.id), Supervisor: b.id, Agent: l.a.id, Kind: kind,
		State: event.SupervisionRequested, SupervisorLeg: s.shortID("ls-"), Queue: l.queueID()}
	s.emit(f)
	stop := func(state event.SupervisionState) {
		f.State = state
		s.emit(f)
		b.busy = false
		s.trailing--
	}
	s.after(s.rnd.between(500, 3000), func() {
		if l.phase != talking {
			stop(event.SupervisionFailed)
			return
		}
		f.State = event.SupervisionConnected
		s.emit(f)
		barge := kind == event.SupervisionBarge
		if barge {
			s.participants(l.x, l.x.cust, l.x.talkers(), b, f.SupervisorLeg)
		}
		s.after(s.rnd.between(5*second, 60*second), func() {
			stop(event.SupervisionEnded)
			if barge && l.phase == talking {
				s.participants(l.x, l.x.cust, l.x.talkers(), nil, "")
			}
		})
	})
}
