package asterisk

import (
	"slices"
	"strings"
	"time"

	"trunkline/event"
)

// offer is one ringing phone of an agent.
type offer struct {
	agent   *agent
	queue   string
	visit   *visit // nil for a direct call
	ch      *channel
	at      time.Time
	address string
}

// talk is one agent on one interaction.
type talk struct {
	call  *call
	agent *agent
	queue string // "" for a direct call
	iface string
	ch    *channel // the agent's leg
	uid   string   // of the leg that the queue rang: it may be gone when ch is not
	at    time.Time
}

// onAgentCalled begins an offer of a queue.
func (t *Translator) onAgentCalled(m *Message) {
	iface, queue := text(m.Bytes("Interface")), text(m.Bytes("Queue"))
	caller := t.channelOf(m, "", true)
	leg := t.channelOf(m, "Dest", true)
	if iface == "" || caller == nil || leg == nil {
		return
	}
	a := t.memberAgent(iface, text(m.Bytes("MemberName")))
	leg.agent = a
	if leg.offer == nil && leg.talk == nil {
		t.offer(caller, leg, &offer{agent: a, queue: queue, visit: caller.visit, address: iface})
	}
}

func (t *Translator) offer(caller, leg *channel, o *offer) {
	o.ch, o.at = leg, t.clock.now
	leg.offer = o
	c := caller.call
	t.adopt(leg, c)
	c.offers = append(c.offers, o)
	leg.offered++
	t.sayOnce(o.at, t.ids.short(leg.uid), "offered", leg.offered, event.InteractionOffered{
		Ref: c.ref(leg.id), Agent: o.agent.id, Queue: o.queue, Address: o.address,
	})
}

// adopt moves a leg to the interaction it turned out to belong to.
func (t *Translator) adopt(ch *channel, c *call) {
	old := ch.call
	if old == c {
		return
	}
	old.chans = slices.DeleteFunc(old.chans, func(o *channel) bool { return o == ch })
	c.chans = append(c.chans, ch)
	ch.call = c
	if len(old.chans) == 0 && !old.created {
		t.forget(old)
	}
}

// onRingNoAnswer is sent when a phone rang out, when it refused, and when the
// PBX stops: the hang-up of the phone's channel tells them apart, not the ring
// time, which is in whole seconds.
func (t *Translator) onRingNoAnswer(m *Message) {
	if leg := t.channelOf(m, "Dest", false); leg != nil && leg.offer != nil {
		reason := event.OfferNoAnswer
		if leg.asked {
			reason = event.OfferRejected
		}
		t.endOffer(leg.offer, reason)
	}
}

func (t *Translator) endOffer(o *offer, reason event.OfferEndReason) {
	leg := o.ch
	c := leg.call
	leg.offer = nil
	c.offers = slices.DeleteFunc(c.offers, func(x *offer) bool { return x == o })
	if t.link.stopping && !leg.asked {
		reason = event.OfferCancelled
	}
	f := event.InteractionOfferEnded{
		Ref: c.ref(leg.id), Agent: o.agent.id, Queue: o.queue, Reason: reason,
		RangMS: millis(o.at, t.clock.now), Suspect: t.link.stopping,
	}
	if leg.asked {
		f.Detail = leg.cause
	}
	if c.lost {
		f.RangMS, f.Detail, f.Suspect = 0, "lost", false
	}
	t.say(t.clock.now, t.ids.short(leg.uid), "offer_ended", f)
}

// offerEndOfCause tells how an offer ended from the phone's hang-up alone.
func offerEndOfCause(cause int, asked bool) event.OfferEndReason {
	switch {
	case cause == 19:
		return event.OfferNoAnswer
	case asked || cause == 17 || cause == 21:
		return event.OfferRejected
	}
	return event.OfferCancelled
}

// onAgentConnect ends a visit by an answer.
func (t *Translator) onAgentConnect(m *Message) {
	iface, queue := text(m.Bytes("Interface")), text(m.Bytes("Queue"))
	caller := t.channelOf(m, "", true)
	leg := t.channelOf(m, "Dest", true)
	if iface == "" || caller == nil || leg == nil || leg.talk != nil {
		return
	}
	a := t.memberAgent(iface, text(m.Bytes("MemberName")))
	leg.agent = a
	t.adopt(leg, caller.call)
	var joined time.Time
	if v := caller.visit; v != nil && v.queue != queue {
		t.settleVisit(caller, -1)
	}
	if v := caller.visit; v != nil {
		joined = v.joined
		t.closeVisit(v)
	}
	t.accept(leg, caller, &talk{agent: a, queue: queue, iface: iface}, joined)
}

// accept begins a talk. The offers to other phones are withdrawn by then or
// will be by their own events.
func (t *Translator) accept(leg, customer *channel, k *talk, joined time.Time) {
	c := leg.call
	now := t.clock.now
	t.createLate(c, nil)
	k.call, k.ch, k.uid, k.at = c, leg, leg.uid, now
	leg.talk = k
	k.agent.talk = k
	c.talks = append(c.talks, k)
	c.answered, c.by = true, ""
	c.lastAgent = k.agent.id
	if k.queue != "" {
		c.lastQueue = k.queue
	}
	f := event.InteractionAccepted{
		Ref: c.ref(leg.id), Agent: k.agent.id, Queue: k.queue, Address: k.iface,
		Legs:     &event.Legs{Agent: leg.id},
		WaitedMS: millis(joined, now),
	}
	if customer != nil {
		f.Legs.Customer = customer.id
	}
	if o := leg.offer; o != nil {
		f.RangMS = millis(o.at, now)
		leg.offer = nil
		c.offers = slices.DeleteFunc(c.offers, func(x *offer) bool { return x == o })
	}
	leg.accepted++
	t.sayOnce(now, t.ids.short(leg.uid), "accepted", leg.accepted, f)
}

// onAgentComplete ends a talk, when the agent's hang-up has not ended it
// already. It may name the caller's channel, only the agent's, or none: then
// the agent's talk in that queue is meant.
func (t *Translator) onAgentComplete(m *Message) {
	key := memberKey{text(m.Bytes("Queue")), text(m.Bytes("Interface"))}
	var k *talk
	if leg := t.channelOf(m, "Dest", false); leg != nil {
		k = leg.talk
	}
	if k == nil {
		if t.owed[key] > 0 {
			t.owed[key]--
			return
		}
		if k = t.talkOf(key, text(m.Bytes("DestUniqueid"))); k == nil {
			return
		}
	}
	by := t.initiator(k.call)
	if !t.link.stopping {
		switch string(m.Bytes("Reason")) {
		case "agent", "transfer":
			by = event.InitiatorAgent
		case "caller":
			by = event.InitiatorCustomer
		}
	}
	t.release(k, t.clock.now, by, event.EndNormal)
}

// talkOf finds the longest open talk of a member in a queue, on the leg that
// the queue rang if that is named.
func (t *Translator) talkOf(key memberKey, uid string) *talk {
	for _, c := range t.openCalls() {
		for _, k := range c.talks {
			if k.queue == key.queue && k.iface == key.iface && (uid == "" || uid == k.uid) {
				return k
			}
		}
	}
	return nil
}

// optimised keeps a talk going whose leg was a Local channel that Asterisk took
// out of the way: it goes on with the agent's phone behind it.
func (t *Translator) optimised(k *talk) bool {
	if !strings.HasPrefix(k.ch.name, "Local/") {
		return false
	}
	for _, ch := range k.call.chans {
		if ch != k.ch && ch.agent == k.agent && ch.talk == nil && !strings.HasPrefix(ch.name, "Local/") {
			k.ch.talk, ch.talk = nil, k
			k.ch = ch
			return true
		}
	}
	return false
}

// release ends a talk.
func (t *Translator) release(k *talk, at time.Time, by event.Initiator, reason event.EndReason) {
	c := k.call
	c.talks = slices.DeleteFunc(c.talks, func(x *talk) bool { return x == k })
	k.ch.talk = nil
	if k.agent.talk == k {
		k.agent.talk = nil
	}
	k.ch.held = false
	f := event.InteractionReleased{
		Ref: c.ref(k.ch.id), Agent: k.agent.id, Queue: k.queue, Initiator: by, Reason: reason,
		TalkMS: millis(k.at, at), Suspect: t.link.stopping,
	}
	if c.lost {
		f.TalkMS, f.Suspect, f.Lost = 0, false, true
	}
	t.say(at, t.ids.short(k.ch.uid), "released", f)
}

// onHold and onUnhold follow the agent's hold key. An Unhold without a Hold,
// as a REFER sends it, says nothing; nor does a customer who holds.
func (t *Translator) onHold(m *Message) {
	ch := t.channelOf(m, "", false)
	if ch == nil || ch.agent == nil || ch.held {
		return
	}
	ch.held, ch.heldSince = true, t.clock.now
	t.say(t.clock.now, t.ids.short(ch.uid), "held", event.InteractionHeld{Ref: ch.call.ref(ch.id), Agent: ch.agent.id})
}

func (t *Translator) onUnhold(m *Message) {
	ch := t.channelOf(m, "", false)
	if ch == nil || !ch.held {
		return
	}
	ch.held = false
	t.say(t.clock.now, t.ids.short(ch.uid), "resumed", event.InteractionResumed{
		Ref: ch.call.ref(ch.id), Agent: ch.agent.id, HeldMS: millis(ch.heldSince, t.clock.now),
	})
}
