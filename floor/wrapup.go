package floor

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"trunkline/event"
)

// wrapupStarted takes in a wrap-up that the source tells of. From then on the
// source is believed to tell of all of them.
func (t *Tenant) wrapupStarted(in *input, derived bool) *Interaction {
	it := t.find(in)
	if it == nil {
		return nil
	}
	a := t.agent(in.agent)
	if a == nil || derived {
		return it // the floor's own has begun with its cause
	}
	it.Source.tellsWrapups = true
	if p := it.part(a, PartWrapUp); p != nil {
		if p.derived {
			p.derived, p.due, p.fireAt = false, 0, 0
			p.Wrapup, p.Limit = strings.Clone(in.other), in.limit
			t.guard(p)
		}
		return it
	}
	p := it.part(a, PartContact)
	if p == nil {
		p = it.part(a, PartOver)
	}
	if p == nil {
		p = t.addPart(it, a, t.queue(in.queue), PartOver, in)
		p.counted, p.released = true, true
	}
	p.Wrapup = strings.Clone(in.other)
	t.startWrap(p, in.at, in.limit)
	t.guard(p)
	return it
}

// startWrap takes an agent from a contact into wrap-up.
func (t *Tenant) startWrap(p *Part, at, limit int64) {
	m := p.Interaction.Media
	t.gauge(gaugeWrapping, 1, p.Queue, p.Agent, m)
	t.endContact(p, at)
	p.Stage, p.Since, p.Limit = PartWrapUp, at, limit
	t.count(WrapUps, 1, p.Queue, p.Agent, m)
	t.settle(p.Agent, at)
}

// wrapupGrace is how long a source may be late with the end of a wrap-up of
// which it gave the limit, in milliseconds.
const wrapupGrace = 30_000

// guard arms a timer against a wrap-up whose end the source never tells.
func (t *Tenant) guard(p *Part) {
	if p.Limit > 0 {
		p.due = p.Since + p.Limit + wrapupGrace
		t.arm(p, p.Limit+wrapupGrace)
	}
}

// arm lets a timer fire when so much of the log's time has passed from now on.
func (t *Tenant) arm(p *Part, after int64) {
	p.fireAt = t.now + after - min(max(t.now-t.at, 0), after)
	t.timers.push(timer{at: p.fireAt, tenant: t, part: p})
	s := p.Interaction.Source
	s.wraps = append(s.wraps, p)
	if s.nextWrap == 0 || p.due < s.nextWrap {
		s.nextWrap = p.due
	}
}

// afterwork begins the wrap-up that follows a contact where the source tells of
// none: as long as the queue is configured for.
func (t *Tenant) afterwork(p *Part, at int64) bool {
	limit := p.Limit
	if limit == 0 && p.Queue != nil {
		limit = p.Queue.Config.WrapupLimitMS
		if limit == 0 {
			limit = t.set.WrapupLimitMS[p.Queue.ID]
		}
	}
	if limit <= 0 || p.Interaction.Source.tellsWrapups || p.counted || p.Connected == 0 {
		return false
	}
	p.derived, p.released = true, true
	if p.Wrapup == "" {
		p.Wrapup = derivedID(t.Name, "wrapup", p.Interaction.ID, p.Agent.ID, strconv.FormatInt(p.Connected, 10))
	}
	if !t.derive(event.InteractionWrapupStarted{
		Ref: p.ref(), Agent: p.Agent.ID, Queue: p.Queue.id(), Wrapup: p.Wrapup, LimitMS: limit,
	}, at) {
		return false
	}
	t.startWrap(p, at, limit)
	p.due = at + limit
	t.arm(p, limit)
	return true
}

// ref is the common data of a fact about a part.
func (p *Part) ref() event.Ref {
	return event.Ref{Interaction: p.Interaction.ID, Parent: p.Interaction.Parent, Media: p.Interaction.media(), Leg: p.Leg}
}

// media gives the vocabulary's word; an unknown one is taken for a call.
func (it *Interaction) media() event.Media {
	if it.Media == MediumUnknown {
		return event.MediaPhone
	}
	return event.Media(it.Media.String())
}

func (q *Queue) id() string {
	if q == nil {
		return ""
	}
	return q.ID
}

// wrapupEnded takes in the end of a wrap-up, whoever tells of it.
func (t *Tenant) wrapupEnded(in *input, derived bool) *Interaction {
	it := t.find(in)
	if it == nil {
		return nil
	}
	a := t.agents[in.agent]
	if a == nil {
		return it
	}
	p := it.part(a, PartWrapUp)
	if p == nil || derived && p.Wrapup != in.other {
		return it
	}
	t.endWrap(p, in.at)
	return it
}

func (t *Tenant) endWrap(p *Part, at int64) {
	if p.Stage != PartWrapUp {
		return
	}
	m := p.Interaction.Media
	d := max(at-p.Since, 0)
	p.Stage, p.Since, p.due, p.fireAt = PartOver, at, 0, 0
	p.Wrapped += d
	t.count(WrapTime, d, p.Queue, p.Agent, m)
	t.gauge(gaugeWrapping, -1, p.Queue, p.Agent, m)
	t.settle(p.Agent, at)
	if p.released {
		t.handled(p, at)
	}
}

// endWrapDerived ends a wrap-up and says so.
func (t *Tenant) endWrapDerived(p *Part, at int64, why event.WrapupEnd) {
	f := p.wrapupEnd(at, why)
	t.endWrap(p, at)
	t.derive(f, at)
}

func (p *Part) wrapupEnd(at int64, why event.WrapupEnd) event.InteractionWrapupEnded {
	return event.InteractionWrapupEnded{
		Ref: p.ref(), Agent: p.Agent.ID, Queue: p.Queue.id(), Wrapup: p.Wrapup, Reason: why, ElapsedMS: max(at-p.Since, 0),
	}
}

// wrapupRequested takes in that somebody asked for a wrap-up to begin or to end.
// A source that tells of wrap-ups answers with facts of its own; for the others
// the floor does it: a wrap-up that was asked for follows the contact in hand, and
// one that runs ends.
func (t *Tenant) wrapupRequested(in *input) {
	f, _ := in.fact.(event.AgentWrapupRequested)
	a := t.agents[f.Agent]
	if a == nil {
		return
	}
	for i := len(a.work) - 1; i >= 0 && i < len(a.work); i-- {
		p := a.work[i]
		if f.Interaction != "" && p.Interaction.ID != f.Interaction {
			continue
		}
		switch {
		case f.Action == event.WrapupTerminate && p.Stage == PartWrapUp && p.derived && (f.Wrapup == "" || f.Wrapup == p.Wrapup):
			t.endWrapDerived(p, in.at, event.WrapupManual)
		case f.Action == event.WrapupInitiate && p.Stage == PartContact && f.LimitMS > 0:
			p.Limit = f.LimitMS
		}
	}
}

// sourceClock ends the wrap-ups whose time is over by the clock of the source
// that a record came from: in a replay at speed the log's clock is far too slow.
func (t *Tenant) sourceClock(s *Source, at int64) {
	if s.nextWrap == 0 || at < s.nextWrap {
		return
	}
	next := int64(0)
	var over []*Part
	keep := s.wraps[:0]
	for _, p := range s.wraps {
		switch {
		case p.Stage != PartWrapUp || p.due == 0:
		case p.due <= at:
			over = append(over, p)
		default:
			keep = append(keep, p)
			if next == 0 || p.due < next {
				next = p.due
			}
		}
	}
	clear(s.wraps[len(keep):])
	s.wraps, s.nextWrap = keep, next
	slices.SortFunc(over, func(a, b *Part) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.Interaction.ID, b.Interaction.ID), cmp.Compare(a.Agent.ID, b.Agent.ID))
	})
	for _, p := range over {
		t.endWrapDerived(p, p.Since+p.Limit, event.WrapupTimer)
	}
}

// released takes in that an agent is off an interaction.
func (t *Tenant) released(in *input) *Interaction {
	it := t.find(in)
	a := t.agents[in.agent]
	if it == nil || a == nil {
		return it
	}
	for _, s := range [...]Stage{PartContact, PartOver, PartWrapUp, PartOffered, PartDialling} {
		p := it.part(a, s)
		if p == nil {
			continue
		}
		switch {
		case s == PartOffered:
			t.endOffer(p, Cancelled, in.at)
		case s == PartDialling:
			t.undial(p, in.at)
		case in.flag:
			t.losePart(p, in.at)
		case s == PartWrapUp:
			p.released = true
		default:
			t.release(p, in.at)
		}
		return it
	}
	return it
}

// release ends a part whose contact may still go on.
func (t *Tenant) release(p *Part, at int64) {
	if t.afterwork(p, at) {
		return
	}
	t.endContact(p, at)
	t.handled(p, at)
}
