package sim

import "trunkline/event"

// enqueue lets an interaction wait in q, or sends it away when q is full.
func (s *Sim) enqueue(x *interaction, q *queue, why event.QueueEntry) {
	x.q = q
	q.book.Offered++
	if x.book != nil {
		x.book.Visits++
	}
	onLine := x.onLine && x.Media != email
	if q.cap > 0 && len(q.waiting) >= q.cap && onLine && why != event.EntryRequeued {
		q.book.Full++
		s.throttle(q, true)
		q.book.WaitLeft.add(0)
		x.left = Refused
		s.emit(event.InteractionDequeued{Ref: x.Ref, Queue: q.id, Reason: event.DequeueFull})
		s.endInteraction(x, event.InitiatorSystem, event.EndBusy, nil)
		return
	}
	s.order++
	v := &visit{x: x, q: q, at: s.now, order: s.order, priority: q.priority}
	if x.cust != nil && x.cust.kind == "registered" {
		v.priority += 5
	}
	x.visit = v
	q.book.Waiting++
	position := q.insert(v)
	s.emit(event.InteractionQueued{Ref: x.on(x.custLeg), Queue: q.id, Reason: why, Priority: v.priority, Position: position,
		Skills: []string{q.skill}, LimitMS: q.limit, EstimatedWaitMS: q.estimate(position)})
	if onLine {
		v.patience = s.after(s.rnd.weibull(q.patience, q.shape), func() { s.abandon(v) })
		if s.rnd.chance(q.keyShare) {
			v.key = s.after(s.rnd.between(15*second, 90*second), func() { s.pressKey(v) })
		}
	}
	if q.limit > 0 {
		v.limit = s.after(q.limit, func() { s.timeout(v) })
	}
	if q.moveAfter > 0 && q.overflow != nil {
		v.move = s.after(q.moveAfter, func() { s.moveOn(v) })
	}
	if a := q.choose(nil); a != nil {
		s.offer(v, a)
	}
}

// estimate announces a wait: the place in line times the mean handling time,
// shared among those who serve.
func (q *queue) estimate(position int) int64 {
	n := int64(0)
	for _, a := range q.agents {
		if a.presence == available {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return int64(position-1) * (q.talk + q.wrap) / n
}

// offer lets the phone of a ring for v.
func (s *Sim) offer(v *visit, a *agent) {
	l := &leg{x: v.x, a: a, q: v.q, id: s.shortID("la-"), phase: ringing, at: s.now}
	v.offer = l
	a.book.Offers++
	s.attach(l)
	s.emit(event.InteractionOffered{Ref: v.x.on(l.id), Agent: a.id, Queue: v.q.id, Address: a.address,
		RingLimitMS: v.q.ring, Detail: [...]string{longestIdle: "longest idle", skillLevel: "best skill"}[v.q.rule]})
	delay := s.rnd.lognormal(3*second, 0.5)
	switch {
	case s.rnd.chance(0.025) || delay >= v.q.ring:
		l.answer = s.after(v.q.ring, func() { s.offerFailed(v, event.OfferNoAnswer) })
	case s.rnd.chance(0.015):
		l.answer = s.after(delay, func() { s.offerFailed(v, event.OfferRejected) })
	default:
		l.answer = s.after(delay, func() { s.answered(v) })
	}
}

// answered ends a visit with an agent who takes it.
func (s *Sim) answered(v *visit) {
	l, q, waited := v.offer, v.q, s.now-v.at
	s.unqueue(v)
	q.book.Answered++
	q.book.WaitAnswered.add(waited)
	if waited <= q.target {
		q.book.AnsweredInTarget++
	}
	s.accept(l, waited)
	s.converse(l)
}

// accept connects an agent with an interaction.
func (s *Sim) accept(l *leg, waited int64) {
	if l.x.direction == event.DirectionOut && !l.x.onLine && s.rnd.chance(0.9) {
		s.record(l)
	}
	l.a.book.Accepted++
	l.wrapup = s.shortID("wu-")
	f := event.InteractionAccepted{Ref: l.x.on(l.id), Agent: l.a.id, Address: l.a.address,
		Legs: &event.Legs{Agent: l.id, Customer: l.x.custLeg}, WaitedMS: waited, RangMS: s.now - l.at,
		Wrapup: l.wrapup, WrapupLimitMS: l.wrapLimit()}
	if l.q != nil {
		f.Queue = l.q.id
	}
	s.emit(f)
	s.connect(l)
}

// connect begins a contact in the books.
func (s *Sim) connect(l *leg) {
	l.phase, l.began = talking, s.now
	if l.x.book != nil {
		l.x.book.Contacts++
	}
	s.observe(l.a)
}

// offerFailed goes on to another agent when one did not take the call.
func (s *Sim) offerFailed(v *visit, why event.OfferEndReason) {
	l := v.offer
	a := l.a
	s.endOffer(l, why)
	v.offer, v.refused = nil, a
	switch {
	case why == event.OfferRejected:
		a.book.Rejected++
		a.asked = true
		s.after(4*second, func() {
			a.asked = false
			s.forgive(a)
			s.serve(a)
		})
	default:
		a.book.NoAnswer++
		if a.presence == available && !a.leaving {
			s.takeBreak(a, missed)
		} else {
			s.serve(a)
		}
	}
	if b := v.q.choose(a); b != nil {
		s.offer(v, b)
	}
}

func (s *Sim) endOffer(l *leg, why event.OfferEndReason) {
	f := event.InteractionOfferEnded{Ref: l.x.on(l.id), Agent: l.a.id, Reason: why, RangMS: s.now - l.at}
	if l.q != nil {
		f.Queue = l.q.id
	}
	s.emit(f)
	s.detach(l)
}

// forgive lets a be asked again for calls that a did not take.
func (s *Sim) forgive(a *agent) {
	for _, sk := range a.skills {
		for _, v := range sk.q.waiting {
			if v.refused == a {
				v.refused = nil
			}
		}
	}
}

// unqueue takes v out of its line.
func (s *Sim) unqueue(v *visit) {
	v.q.remove(v)
	if q := v.q; q.throttled && len(q.waiting) <= q.cap/2 {
		s.throttle(q, false)
	}
	v.q.book.Waiting--
	v.x.visit = nil
	for _, a := range []*alarm{v.patience, v.limit, v.key, v.move} {
		s.clear(a)
	}
}

// leave ends a visit without an answer, in whichever way, and returns the
// agent whose phone rang for it.
func (s *Sim) leave(v *visit, why event.DequeueReason, count *int) *agent {
	var freed *agent
	if v.offer != nil {
		freed = v.offer.a
		freed.book.Cancelled++
		s.endOffer(v.offer, event.OfferCancelled)
		v.offer = nil
	}
	waited, position := s.now-v.at, v.q.position(v)
	s.unqueue(v)
	*count++
	v.q.book.WaitLeft.add(waited)
	f := event.InteractionDequeued{Ref: v.x.on(v.x.custLeg), Queue: v.q.id, Reason: why, WaitedMS: waited, Position: position}
	if why == event.DequeueOverflow || why == event.DequeueTransferred || why == event.DequeueTimeout && v.q.overflow != nil {
		f.TargetKind, f.Target = event.TargetQueue, v.x.site.general.id
	}
	s.emit(f)
	return freed
}

func (q *queue) position(v *visit) int {
	for i, w := range q.waiting {
		if w == v {
			return i + 1
		}
	}
	return 0
}

func (s *Sim) abandon(v *visit) {
	b, waited := v.q.book, s.now-v.at
	count := &b.AbandonedLong
	if waited <= v.q.short {
		count = &b.AbandonedShort
	}
	if waited <= v.q.target {
		b.AbandonedInTarget++
	}
	freed := s.leave(v, event.DequeueAbandoned, count)
	v.x.left = Abandoned
	s.endInteraction(v.x, event.InitiatorCustomer, event.EndNormal, nil)
	s.serveAgain(freed)
}

func (s *Sim) serveAgain(a *agent) {
	if a != nil {
		s.serve(a)
	}
}

// timeout ends a visit at the queue's limit, or lets it go on elsewhere. A
// call that just rings somewhere gets a little more time.
func (s *Sim) timeout(v *visit) {
	if v.offer != nil {
		s.in(5*second, v.limit)
		return
	}
	s.leave(v, event.DequeueTimeout, &v.q.book.Timeout)
	if v.q.overflow != nil {
		s.redirect(v, "Timeout")
		return
	}
	v.x.left = TimedOut
	s.endInteraction(v.x, event.InitiatorSystem, event.EndNormal, nil)
}

// moveOn sends a caller to the queue that more agents serve, when one of them
// is free.
func (s *Sim) moveOn(v *visit) {
	if v.offer != nil || v.q.overflow.choose(nil) == nil && v.q.staffed() {
		return
	}
	s.leave(v, event.DequeueOverflow, &v.q.book.Overflow)
	s.redirect(v, "NoFreeAgent")
}

func (s *Sim) redirect(v *visit, reason string) {
	s.emit(event.InteractionRedirected{Ref: v.x.Ref, Queue: v.q.id, Target: v.q.overflow.id, TargetKind: event.TargetQueue,
		Reason: reason, Overflow: "Queue", Rule: "overflow-" + v.q.id, Number: v.q.channel})
	s.enqueue(v.x, v.q.overflow, event.EntryOverflow)
}

// pressKey takes the offer of the announcement to be called back.
func (s *Sim) pressKey(v *visit) {
	if v.offer != nil {
		return
	}
	s.leave(v, event.DequeueKey, &v.q.book.Key)
	v.x.left = ByKey
	s.promise(v)
	s.endInteraction(v.x, event.InitiatorCustomer, event.EndNormal, nil)
}

// tidy is the supervisor's look at the lines: somebody who has waited long is
// moved by hand.
func (s *Sim) tidy(st *site) {
	for _, q := range st.inbound {
		if len(q.waiting) == 0 {
			continue
		}
		if v := q.waiting[0]; v.offer == nil && s.now-v.at > minute {
			s.leave(v, event.DequeueTransferred, &q.book.Transferred)
			s.enqueue(v.x, st.general, event.EntryTransfer)
			return
		}
	}
}
