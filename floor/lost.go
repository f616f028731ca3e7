package floor

import (
	"strings"

	"trunkline/event"
)

// lose ends an interaction of which nobody saw the end, with all that is open in
// it: visits leave as lost, contacts and wrap-ups end without counting as
// handled. The facts that say so are derived when why is given; otherwise the
// source has said it.
func (t *Tenant) lose(it *Interaction, at int64, why string) {
	if it.Ended > 0 {
		return
	}
	for len(it.visits) > 0 {
		v := it.visits[0]
		if why != "" {
			t.derive(event.InteractionDequeued{
				Ref: it.ref(), Queue: v.Queue.ID, Reason: event.DequeueLost, WaitedMS: max(at-v.At, 0),
			}, at)
		}
		t.leave(v, LostWaiting, at, false)
		it.left, it.leftBy = true, LostWaiting
	}
	for i := len(it.parts) - 1; i >= 0 && i < len(it.parts); i-- {
		p := it.parts[i]
		if why != "" {
			t.sayLost(p, at)
		}
		t.losePart(p, at)
	}
	t.endSupervision(it, nil, at)
	it.Lost = true
	if why != "" {
		it.Initiator, it.Reason = string(event.InitiatorSystem), string(event.EndFailed)
		t.derive(event.InteractionEnded{
			Ref: it.ref(), Initiator: event.InitiatorSystem, Reason: event.EndFailed, Detail: why, Lost: true,
		}, at)
	}
	t.finish(it, at)
}

// sayLost derives the fact by which a part ends.
func (t *Tenant) sayLost(p *Part, at int64) {
	switch p.Stage {
	case PartOffered:
		t.derive(event.InteractionOfferEnded{Ref: p.ref(), Agent: p.Agent.ID, Queue: p.Queue.id(), Reason: event.OfferCancelled}, at)
	case PartWrapUp:
		t.derive(p.wrapupEnd(at, event.WrapupLost), at)
	case PartContact:
		t.derive(event.InteractionReleased{
			Ref: p.ref(), Agent: p.Agent.ID, Queue: p.Queue.id(), Initiator: event.InitiatorSystem, Reason: event.EndFailed, Lost: true,
		}, at)
	}
}

// losePart ends a part that nobody saw end.
func (t *Tenant) losePart(p *Part, at int64) {
	switch p.Stage {
	case PartOffered:
		t.endOffer(p, Cancelled, at)
		return
	case PartContact:
		t.count(LostContacts, 1, p.Queue, p.Agent, p.Interaction.Media)
		t.endContact(p, at)
		t.dropPart(p)
		return
	}
	t.closePart(p, at, false)
}

// closePart ends a part in whatever stage it is. One that had been connected
// counts as handled when its contact was seen to end.
func (t *Tenant) closePart(p *Part, at int64, late bool) {
	switch p.Stage {
	case PartOffered:
		t.endOffer(p, Cancelled, at)
		return
	case PartDialling:
		t.undial(p, at)
		return
	case PartWrapUp:
		p.released = true
		if p.derived && late {
			t.endWrapDerived(p, p.Since+p.Limit, event.WrapupTimer)
		} else {
			t.endWrap(p, at)
		}
		return
	}
	t.endContact(p, at)
	t.handled(p, at)
}

func (it *Interaction) ref() event.Ref {
	return event.Ref{Interaction: it.ID, Parent: it.Parent, Media: it.media()}
}

// giveUp ends an interaction that the floor can or will not keep any longer.
func (t *Tenant) giveUp(it *Interaction, why string, in *input) {
	if it == nil {
		return
	}
	t.missing.Ends++
	t.correct("interaction/"+it.ID, "state", "open", "lost", why, in)
	t.lose(it, t.at, why)
}

// reset takes in that a source began anew: what it left open is lost, but for
// what it names. The interactions are gone through in the order in which they
// were last heard of, so that every node says the same.
func (t *Tenant) reset(s *Source, f *event.SourceReset, at int64) {
	alive := make(map[string]bool, len(f.Interactions))
	for _, id := range f.Interactions {
		alive[id] = true
	}
	why := "source " + s.Name + " began anew: " + string(f.Reason)
	for it := t.open.head; it != nil; {
		next := it.next
		if it.Source == s && !alive[it.ID] {
			t.lose(it, at, why)
		}
		it = next
	}
	for it := t.ended.head; it != nil; it = it.next {
		if it.Source != s {
			continue
		}
		for i := len(it.parts) - 1; i >= 0 && i < len(it.parts); i-- {
			if p := it.parts[i]; p.Stage == PartWrapUp && !p.derived {
				t.sayLost(p, at)
				t.losePart(p, at)
			}
		}
	}
}

// supervision takes in that a supervisor joined, changed the way of taking part,
// or left.
func (t *Tenant) supervision(in *input) *Interaction {
	it := t.find(in)
	if it == nil {
		return nil
	}
	s, a := t.agent(in.other), t.agent(in.agent)
	if s == nil || a == nil {
		return it
	}
	on := event.SupervisionState(in.state) == event.SupervisionConnected
	if !on && event.SupervisionState(in.state) == event.SupervisionRequested {
		return it
	}
	if t.endSupervision(it, s, in.at); !on || it.Ended > 0 || len(it.supervisors) >= maxSupervisors {
		return it
	}
	s.watched++
	a.watched++
	k := event.SupervisionKind(strings.Clone(in.reason))
	it.supervisors = append(it.supervisors, supervision{supervisor: s, agent: a, queue: it.LastQueue, kind: k, since: in.at})
	if k != event.SupervisionCoach {
		t.count(Monitored, 1, it.LastQueue, a, it.Media)
		return it
	}
	t.count(Coached, 1, it.LastQueue, a, it.Media)
	t.gauge(gaugeCoaches, 1, it.LastQueue, a, it.Media)
	t.count(Coaching, 1, nil, s, it.Media)
	return it
}

// endSupervision ends what a supervisor does on an interaction; nil ends all.
func (t *Tenant) endSupervision(it *Interaction, by *Agent, at int64) {
	var gone []supervision
	keep := it.supervisors[:0]
	for _, v := range it.supervisors {
		if by != nil && v.supervisor != by {
			keep = append(keep, v)
			continue
		}
		gone = append(gone, v)
		if v.kind == event.SupervisionCoach {
			d := max(at-v.since, 0)
			t.count(CoachedTime, d, v.queue, v.agent, it.Media)
			t.gauge(gaugeCoaches, -1, v.queue, v.agent, it.Media)
			t.count(CoachingTime, d, nil, v.supervisor, it.Media)
		}
	}
	clear(it.supervisors[len(keep):])
	it.supervisors = keep
	for _, v := range gone {
		v.supervisor.watched--
		v.agent.watched--
		t.dropIfDone(v.supervisor)
		t.dropIfDone(v.agent)
	}
}
