package freeswitch

import (
	"slices"
	"time"

	"trunkline/event"
)

// Calls past the queues: an agent rings a colleague or the outside, or is rung.

// dialled takes a channel that FreeSWITCH made for another one of the same
// interaction. It shows the direction of a call from the inside, and offers the
// call when it goes to an agent.
func (t *Translator) dialled(ch *channel) {
	c := ch.call
	first := c.first
	switch {
	case first == nil:
		t.createLate(c, nil)
	case t.inside(first) && t.inside(ch):
		t.createTo(c, event.DirectionInternal, ch)
	case t.inside(first):
		t.createTo(c, event.DirectionOut, ch)
	}
	if ch.agent == nil || !ch.outbound || first != nil && ch.agent == first.agent {
		return
	}
	ch.offer = t.offer(c, nil, ch.agent, t.clock.now)
	ch.offer.ch = ch
}

// createTo begins an interaction that somebody of the centre dialled.
func (t *Translator) createTo(c *call, dir event.Direction, ch *channel) {
	var who *event.Customer
	if dir == event.DirectionOut {
		who = customer(ch.number, "")
	}
	t.create(c, dir, who)
}

// onAnswer begins the talk of a call past the queues. Of a call of a queue
// bridge-agent-start says that the agent is there.
func (t *Translator) onAnswer(m *Message) {
	ch := t.channelOf(m, true)
	if ch == nil || ch.queued || !ch.outbound {
		return
	}
	c := ch.call
	switch {
	case ch.agent != nil && ch.talk == nil && ch != c.first:
		t.accept(c, &talk{agent: ch.agent, leg: ch.uuid, ch: ch}, time.Time{}, t.clock.now)
	case ch.agent == nil && ch != c.first && c.first != nil && c.first.agent != nil:
		a := c.first.agent
		if c.first.talk == nil {
			t.accept(c, &talk{agent: a, leg: c.first.uuid, ch: c.first}, time.Time{}, t.clock.now)
		}
		t.say(t.clock.now, "customer_accepted", ch.uuid, event.InteractionCustomerAccepted{Ref: c.ref(ch.id), Agent: a.id, Number: ch.number})
	}
}

// onBridge joins two channels. The one that was dialled belongs to the
// interaction of the other from then on, when it has none of its own: a program
// rang both, or a waiting caller was picked up.
func (t *Translator) onBridge(m *Message) {
	ch := t.channelOf(m, true)
	if ch == nil {
		return
	}
	other := t.chans[m.Get("Other-Leg-Unique-ID")]
	c := ch.call
	if other == nil || other.call == c || other.call.created && c.created {
		return
	}
	if other.call.created {
		ch, other, c = other, ch, other.call
	}
	t.adopt(other, c)
	known := slices.ContainsFunc(c.talks, func(k *talk) bool { return k.agent == other.agent })
	if a := other.agent; a != nil && !known && other.offer == nil && !other.queued {
		t.accept(c, &talk{agent: a, leg: other.uuid, ch: other}, time.Time{}, t.clock.now)
	}
}
