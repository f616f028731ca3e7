package freeswitch

import (
	"slices"
	"time"

	"trunkline/event"
	"trunkline/source/clean"
)

// offer is one ringing phone of an agent.
type offer struct {
	agent  *agent
	call   *call
	visit  *visit   // nil for a call past the queues
	ch     *channel // nil until its channel is seen
	at     time.Time
	leg    string // as it was said, "" when the channel was not known then
	sip    string // the phone's answer, once its channel is gone
	listed bool   // known from a list, so that its event may still be under way
}

// talk is one agent on one interaction.
type talk struct {
	call  *call
	agent *agent
	queue string   // "" for a call past the queues
	leg   string   // the UUID of the agent's channel, "" when it is not known
	ch    *channel // nil until it is seen
	at    time.Time

	ended  bool // the agent's channel is gone; by whose doing is still open
	endAt  time.Time
	origin string
	cause  string
}

// onOffering begins an offer of a queue. The channel to the agent's phone is
// made a moment later.
func (t *Translator) onOffering(m *Message) {
	v, a := t.visitOf(m), t.agentOf(clean.Text(m.Get("CC-Agent")))
	if v == nil || a == nil || v.answered || v.left {
		return
	}
	for _, o := range v.call.offers {
		if o.agent == a && o.listed {
			o.listed = false
			return
		}
	}
	t.offer(v.call, v, a, t.clock.now)
}

func (t *Translator) offer(c *call, v *visit, a *agent, at time.Time) *offer {
	for _, o := range slices.Clone(c.offers) {
		if o.agent == a {
			t.endOffer(o, event.OfferCancelled, "") // its end was not seen
		}
	}
	o := &offer{agent: a, call: c, visit: v, at: at}
	c.offers = append(c.offers, o)
	f := event.InteractionOffered{Ref: c.ref(""), Agent: a.id, Address: a.contact}
	if v != nil {
		f.Queue, f.RingLimitMS = v.queue, a.ring
	}
	for _, ch := range c.chans {
		if ch.queued == (v != nil) && ch.agent == a && ch.outbound && ch.talk == nil && ch.offer == nil {
			o.ch, o.leg = ch, ch.id
			f.Leg = ch.id
		}
	}
	t.say(at, "offered", a.id, f)
	return o
}

// withdrawOffers ends what is still offered to an agent whom the queue has back
// in line: the end itself was not seen.
func (t *Translator) withdrawOffers(a *agent) {
	for _, v := range t.visits {
		for _, o := range v.call.offers {
			if o.agent == a && o.visit == v {
				t.endOffer(o, event.OfferCancelled, "")
				return // mod_callcenter rings an agent for one member at a time
			}
		}
	}
}

// onBridgeFail ends an offer that was not taken.
func (t *Translator) onBridgeFail(m *Message) {
	v, a := t.visitOf(m), t.agentOf(clean.Text(m.Get("CC-Agent")))
	if v == nil || a == nil {
		return
	}
	cause := clean.Text(m.Get("CC-Hangup-Cause"))
	for _, o := range v.call.offers {
		if o.visit == v && o.agent == a {
			t.endOffer(o, offerEnd(cause, false), cause)
			return
		}
	}
	called, ok := seconds(m.Get("CC-Agent-Called-Time"))
	if called = called.Add(t.opt.Shift); ok && called.Before(t.link.since) && !v.answered && !v.left {
		t.endOffer(t.offer(v.call, v, a, called), offerEnd(cause, false), cause) // from before the login
	}
}

func (t *Translator) endOffer(o *offer, reason event.OfferEndReason, cause string) {
	c := o.call
	c.offers = slices.DeleteFunc(c.offers, func(x *offer) bool { return x == o })
	f := event.InteractionOfferEnded{Ref: c.ref(o.leg), Agent: o.agent.id, Reason: reason, Suspect: t.link.stopping}
	if o.visit != nil {
		f.Queue = o.visit.queue
	}
	sip := o.sip
	if ch := o.ch; ch != nil {
		ch.offer = nil
		sip = ch.sip
	}
	if t.link.stopping && reason != event.OfferRejected {
		f.Reason = event.OfferCancelled
	}
	if f.RangMS = clean.Millis(o.at, t.clock.now); cause != "" {
		f.Detail = detail(sip, cause)
	}
	if c.lost {
		f.RangMS, f.Detail, f.Suspect = 0, "lost", false
	}
	t.say(t.clock.now, "offer_ended", o.agent.id, f)
}

// onBridgeStart ends a visit by an answer.
func (t *Translator) onBridgeStart(m *Message) {
	v, a := t.visitOf(m), t.agentOf(clean.Text(m.Get("CC-Agent")))
	if v == nil || a == nil {
		return
	}
	leg := clean.Text(m.Get("CC-Agent-UUID"))
	if !v.answered {
		t.answer(v, a, leg, t.clock.now)
		return
	}
	for _, k := range v.call.talks { // known from a list, which names no channel
		if k.agent == a && k.leg == "" {
			k.leg = leg
			if ch := t.chans[leg]; ch != nil && k.ch == nil {
				k.ch, ch.talk = ch, k
			}
		}
	}
}

func (t *Translator) answer(v *visit, a *agent, leg string, at time.Time) {
	t.closeVisit(v)
	v.answered, v.left = true, false
	t.accept(v.call, &talk{agent: a, queue: v.queue, leg: leg, ch: t.chans[leg]}, v.joined, at)
}

// accept begins a talk. The offers to other phones end by their own events.
func (t *Translator) accept(c *call, k *talk, joined, at time.Time) {
	t.createLate(c, nil)
	k.call, k.at = c, at
	c.talks = append(c.talks, k)
	c.answered, c.by = true, ""
	c.lastAgent = k.agent.id
	if k.queue != "" {
		c.lastQueue = k.queue
	}
	f := event.InteractionAccepted{
		Ref: c.ref(t.ids.entity(k.leg)), Agent: k.agent.id, Queue: k.queue, Address: k.agent.contact, WaitedMS: clean.Millis(joined, at),
		Legs: &event.Legs{Agent: t.ids.entity(k.leg), Customer: c.id},
	}
	for _, o := range c.offers {
		if o.agent == k.agent {
			f.RangMS = clean.Millis(o.at, at)
			if o.ch != nil {
				o.ch.offer = nil
			}
			c.offers = slices.DeleteFunc(c.offers, func(x *offer) bool { return x == o })
			break
		}
	}
	if k.ch != nil {
		k.ch.talk = k
		t.adopt(k.ch, c)
	}
	t.say(at, "accepted", c.uuid+":"+k.agent.id, f)
}

// adopt moves a channel to the interaction it turned out to belong to.
func (t *Translator) adopt(ch *channel, c *call) {
	old := ch.call
	if old == c {
		return
	}
	old.chans = slices.DeleteFunc(old.chans, func(o *channel) bool { return o == ch })
	c.chans = append(c.chans, ch)
	ch.call = c
	if len(old.chans) == 0 && !old.created {
		delete(t.calls, old.uuid)
	}
}

// onBridgeEnd ends a talk, when the hang-up of the agent's channel has not
// ended it already.
func (t *Translator) onBridgeEnd(m *Message) {
	if v := t.visitOf(m); v != nil {
		t.endTalk(v, m)
	}
}

// endTalk ends the talk of a visit with the agent that an event names, if it
// goes on.
func (t *Translator) endTalk(v *visit, m *Message) {
	t.lateTalk(v, m)
	name := clean.Text(m.Get("CC-Agent"))
	for _, k := range slices.Clone(v.call.talks) {
		if k.agent.name == name && k.queue == v.queue {
			t.finishTalk(k)
		}
	}
}

// lateTalk begins a talk whose start was not seen, from what its end tells.
func (t *Translator) lateTalk(v *visit, m *Message) {
	answered, ok := seconds(m.Get("CC-Agent-Answered-Time"))
	a := t.agentOf(clean.Text(m.Get("CC-Agent")))
	if v.answered || !ok || a == nil {
		return
	}
	if answered = answered.Add(t.opt.Shift); answered.Before(v.joined) {
		answered = v.joined
	}
	t.answer(v, a, clean.Text(m.Get("CC-Agent-UUID")), answered)
}

// finishTalks ends the talks of an interaction whose agents' channels are gone.
func (t *Translator) finishTalks(c *call) {
	for _, k := range slices.Clone(c.talks) {
		if k.ended {
			t.finishTalk(k)
		}
	}
}

// finishTalk ends a talk, at the time the agent's channel went if it has.
func (t *Translator) finishTalk(k *talk) {
	if !k.ended {
		k.endAt, k.origin, k.cause = t.clock.now, t.ids.origin, ""
	}
	reason := event.EndNormal
	if k.cause != "" {
		reason = endOf(k.cause)
	}
	t.release(k, k.endAt, k.origin, reason)
}

// release ends a talk.
func (t *Translator) release(k *talk, at time.Time, origin string, reason event.EndReason) {
	c := k.call
	c.talks = slices.DeleteFunc(c.talks, func(x *talk) bool { return x == k })
	t.later.ended = slices.DeleteFunc(t.later.ended, func(x *talk) bool { return x == k })
	if k.ch != nil {
		k.ch.talk, k.ch.held = nil, false
	}
	f := event.InteractionReleased{
		Ref: c.ref(t.ids.entity(k.leg)), Agent: k.agent.id, Queue: k.queue, Initiator: t.initiator(c), Reason: reason,
		TalkMS: clean.Millis(k.at, at), Suspect: t.link.stopping,
	}
	if c.lost {
		f.TalkMS, f.Suspect, f.Lost = 0, false, true
		f.Initiator = event.InitiatorSystem
	}
	t.sayOf(origin, at, "released", c.uuid+":"+k.agent.id, f)
	t.unseen(c)
}

// onHold and onUnhold follow the agent's hold key, not the customer's.
func (t *Translator) onHold(m *Message) {
	ch := t.channelOf(m, false)
	if ch == nil || ch.agent == nil || ch.held {
		return
	}
	ch.held, ch.heldSince = true, t.clock.now
	t.say(t.clock.now, "held", ch.uuid, event.InteractionHeld{Ref: ch.call.ref(ch.id), Agent: ch.agent.id})
}

func (t *Translator) onUnhold(m *Message) {
	ch := t.channelOf(m, false)
	if ch == nil || !ch.held {
		return
	}
	ch.held = false
	t.say(t.clock.now, "resumed", ch.uuid, event.InteractionResumed{
		Ref: ch.call.ref(ch.id), Agent: ch.agent.id, HeldMS: clean.Millis(ch.heldSince, t.clock.now),
	})
}
