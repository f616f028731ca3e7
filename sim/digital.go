package sim

import "trunkline/event"

// openChat is a chat: a virtual agent first, then the queue.
func (s *Sim) openChat(st *site, q *queue) {
	x := s.newInteraction(st, chat, event.DirectionIn, nil)
	x.cust, x.topic = s.newCaller(), pick(s.rnd, topics)
	client := pick(s.rnd, []string{"web", "ios", "android"})
	s.emit(event.InteractionCreated{Ref: x.Ref, Direction: event.DirectionIn, Channel: "chat-" + q.id, ChannelName: q.name, Customer: x.cust.fact(),
		Session: &event.Session{ID: s.shortID("se-"), Type: "visit"}, Client: &event.Client{ID: client + "-4.2", Type: client},
		Subdivision: "residential", Segments: []string{"fibre", "mobile"}, Language: x.cust.language, Attributes: s.attached(q, x.cust, "C")})
	s.written(x, event.RoleBot, "assistant", botPhrases[0])
	s.bot(x, q, 1+s.rnd.IntN(3))
}

// bot is the talk with the virtual agent, turn by turn.
func (s *Sim) bot(x *interaction, q *queue, turns int) {
	s.after(s.rnd.lognormal(7*second, 0.6), func() {
		if s.rnd.chance(0.06) {
			s.endInteraction(x, event.InitiatorCustomer, event.EndNormal, nil)
			return
		}
		s.written(x, event.RoleCustomer, x.cust.id, pick(s.rnd, customerPhrases))
		if turns == 1 || s.rnd.chance(0.3) {
			s.intent(x)
		}
		flow := event.InteractionFlowVisited{Ref: x.Ref, Flow: x.topic.node, Path: []string{"welcome", x.topic.node},
			BusinessPath: []string{x.topic.business}, Node: x.topic.node + "_answer", NodeType: "response", Outcome: event.FlowVisited}
		s.emit(flow)
		s.written(x, event.RoleBot, "assistant", botPhrases[1])
		if turns > 1 {
			s.bot(x, q, turns-1)
			return
		}
		s.lookUp(x, flow)
		switch {
		case s.rnd.chance(0.2):
			flow.Outcome = event.FlowSuccess
			s.emit(flow)
			flow.Outcome = event.FlowEndResponse
			s.emit(flow)
			s.endInteraction(x, event.InitiatorSystem, event.EndNormal, nil)
		default:
			if s.rnd.chance(0.1) {
				flow.Outcome = event.FlowSuccess
				s.emit(flow)
				flow.Outcome = event.FlowNegated
				s.emit(flow)
			}
			s.written(x, event.RoleBot, "assistant", botPhrases[2])
			s.enqueue(x, q, event.EntryEscalate)
		}
	})
}

// lookUp is what the flow asks the back end, and what the customer follows.
func (s *Sim) lookUp(x *interaction, flow event.InteractionFlowVisited) {
	if s.rnd.chance(0.5) {
		s.emit(event.InteractionActionCalled{Ref: x.Ref, Node: flow.Node, Action: "order-lookup", Version: "7",
			Inputs: map[string]event.ActionInput{"customer": {Value: x.cust.id, Type: "string"}}})
	}
	if s.rnd.chance(0.3) {
		flow.Outcome, flow.Link = event.FlowLink, "https://help.example/"+x.topic.node
		s.emit(flow)
	}
}

func (s *Sim) intent(x *interaction) {
	before := x.topic
	if s.rnd.chance(0.3) {
		x.topic = pick(s.rnd, topics)
	}
	path, business := []string{before.code}, []string{before.business}
	if x.topic != before {
		path, business = append(path, x.topic.code), append(business, x.topic.business)
	}
	s.emit(event.InteractionIntentDetected{Ref: x.Ref, Code: x.topic.code, Name: x.topic.name, Path: path,
		BusinessCode: x.topic.business, BusinessPath: business, Confidence: float64(500+s.rnd.IntN(500)) / 1000})
}

// written is one message of a chat or a mail.
func (s *Sim) written(x *interaction, role event.Role, speaker, text string) {
	s.message(x, event.InteractionMessage{Ref: x.Ref, Message: s.shortID("m-"), Speaker: speaker, Role: role, Text: text,
		Language: x.cust.language, OffsetMS: s.now - x.began})
}

// chatter is the conversation of a chat with an agent.
func (s *Sim) chatter(l *leg) {
	x := l.x
	x.reached = true
	l.end = s.after(s.talkTime(l), func() {
		if s.rnd.chance(0.3) {
			s.emit(event.InteractionSummarised{Ref: x.Ref, Agent: l.a.id, Author: "summary-model-2",
				Text: "The customer asked about: " + x.topic.name + ". The agent explained what to do next and the customer agreed."})
		}
		s.byeBye(l)
	})
	l.phrase = s.after(s.rnd.lognormal(6*second, 0.5), func() { s.chatTurn(l) })
}

// chatTurn is one message of a chat; agent and customer take turns, more or less.
func (s *Sim) chatTurn(l *leg) {
	if l.phase != talking {
		return
	}
	x := l.x
	l.turn++
	if l.turn%2 == 1 || s.rnd.chance(0.15) {
		s.written(x, event.RoleAgent, l.a.id, pick(s.rnd, agentPhrases))
	} else {
		s.written(x, event.RoleCustomer, x.cust.id, pick(s.rnd, customerPhrases))
	}
	switch {
	case s.rnd.chance(0.01):
		s.emit(event.InteractionFileReceived{Ref: x.Ref, File: s.shortID("f-"), Name: "photo.jpg", MimeType: "image/jpeg",
			Bytes: s.rnd.between(80_000, 3_000_000), Width: 1280, Height: 960, Role: event.RoleCustomer, Speaker: x.cust.id})
	case s.rnd.chance(0.01):
		s.emit(event.InteractionSessionChanged{Ref: x.Ref, Session: &event.Session{ID: s.shortID("se-"), Type: "visit"},
			Client: &event.Client{ID: "ios-4.2", Type: "ios"}, Customer: x.cust.fact()})
	case s.rnd.chance(0.01):
		s.emit(event.InteractionCheckedIn{Ref: x.Ref, Role: event.RoleCustomer})
	case s.rnd.chance(0.02):
		s.intent(x)
	case s.rnd.chance(0.02):
		s.note(l)
	case l.turn == 12 && !l.watched && !l.a.boss.busy && s.rnd.chance(0.1):
		l.watched = true
		s.message(x, event.InteractionMessage{Ref: x.Ref, Message: s.shortID("m-"), Speaker: l.a.boss.id, Role: event.RoleSupervisor,
			Text: "You may offer a month free of charge here.", OffsetMS: s.now - x.began})
	}
	s.in(s.rnd.lognormal(8*second, 0.6), l.phrase)
}

// openMail is a message that waits until somebody answers it.
func (s *Sim) openMail(st *site, q *queue) {
	x := s.newInteraction(st, email, event.DirectionIn, nil)
	x.cust, x.topic = s.newCaller(), pick(s.rnd, topics)
	s.emit(event.InteractionCreated{Ref: x.Ref, Direction: event.DirectionIn, Channel: "service@" + lower(s.cfg.Tenant) + ".example", ChannelName: q.name,
		Customer: x.cust.fact(), Language: x.cust.language, Attributes: s.attached(q, x.cust, "E")})
	s.written(x, event.RoleCustomer, x.cust.id, pick(s.rnd, customerPhrases)+" "+pick(s.rnd, customerPhrases))
	s.intent(x)
	s.enqueue(x, q, event.EntryNew)
}

// write is an agent's work on an answer.
func (s *Sim) write(l *leg) {
	l.x.reached = true
	l.end = s.after(s.talkTime(l), func() {
		s.written(l.x, event.RoleAgent, l.a.id, pick(s.rnd, agentPhrases)+" "+pick(s.rnd, agentPhrases))
		s.disposition(l)
		s.hangUp(l.x, event.InitiatorAgent, event.EndNormal)
	})
}
