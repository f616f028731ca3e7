package freeswitch

import (
	"cmp"
	"slices"
	"strings"

	"trunkline/event"
	"trunkline/source/clean"
)

// farEnd tells from SIP's own words whether the far end of a channel hung up or
// refused, rather than FreeSWITCH.
func farEnd(m *Message) bool {
	return strings.HasPrefix(m.Get("variable_sip_hangup_disposition"), "recv_")
}

// onUnbridge comes before the hang-up of the customer's channel and tells
// already whether it was the customer who hung up.
func (t *Translator) onUnbridge(m *Message) {
	ch := t.channelOf(m, false)
	if ch == nil {
		return
	}
	c := ch.call
	if farEnd(m) && ch.agent == nil {
		c.by = event.InitiatorCustomer
	}
	t.finishTalks(c)
}

// onHangup takes a channel away. The interaction ends with its last one.
func (t *Translator) onHangup(m *Message) {
	ch := t.channelOf(m, false)
	if ch == nil {
		t.over.add(clean.Text(m.Get("Unique-ID")))
		return
	}
	ch.asked = farEnd(m)
	ch.cause = clean.Text(m.Get("Hangup-Cause"))
	ch.sip = clean.Text(m.Get("variable_sip_term_status"))
	if ch.sip == "" {
		ch.sip = clean.Text(m.Get("variable_sip_invite_failure_status"))
	}
	if ch.cause == "SYSTEM_SHUTDOWN" {
		t.link.stopping = true
	}
	t.gone(ch)
}

// gone settles what hung on a channel, and takes it away.
func (t *Translator) gone(ch *channel) {
	c := ch.call
	if ch.asked && ch.offer == nil && !(ch.queued && ch.talk == nil) {
		if ch.agent == nil {
			c.by = event.InitiatorCustomer
		} else if c.by == "" {
			c.by = event.InitiatorAgent
		}
	}
	if ch.offer != nil {
		t.endOffer(ch.offer, offerEnd(ch.cause, ch.asked), ch.cause)
	}
	if k := ch.talk; k != nil {
		k.ended, k.endAt, k.origin, k.cause = true, t.clock.now, t.ids.origin, ch.cause
		if ch.asked || c.first == ch || c.by != "" {
			t.finishTalk(k)
		} else {
			t.later.ended = append(t.later.ended, k)
		}
	}
	if ch == c.first {
		for len(c.visits) > 0 {
			t.leaveWith(ch, c.visits[0])
		}
		t.finishTalks(c)
	}
	t.drop(ch)
	if len(c.chans) == 0 {
		t.end(c, ch.cause)
	}
}

func (t *Translator) drop(ch *channel) {
	delete(t.chans, ch.uuid)
	t.over.add(ch.uuid)
	c := ch.call
	c.chans = slices.DeleteFunc(c.chans, func(o *channel) bool { return o == ch })
	for _, o := range c.offers {
		if o.ch == ch && o.visit != nil { // its bridge-agent-fail is still to come
			o.sip, o.ch = ch.sip, nil
		}
	}
}

// initiator tells who ended it: whoever hung up, else FreeSWITCH.
func (t *Translator) initiator(c *call) event.Initiator {
	if t.link.stopping || c.by == "" {
		return event.InitiatorSystem
	}
	return c.by
}

// end closes an interaction whose channels are all gone. The cause is that of
// its first channel when it is known.
func (t *Translator) end(c *call, cause string) {
	t.createLate(c, nil)
	for len(c.visits) > 0 {
		t.dequeue(c.visits[0], event.DequeueLost, t.clock.now, t.ids.origin)
	}
	for len(c.offers) > 0 {
		t.endOffer(c.offers[0], event.OfferCancelled, "")
	}
	t.finishTalks(c)
	for len(c.talks) > 0 {
		t.release(c.talks[0], t.clock.now, t.ids.origin, event.EndNormal)
	}
	f := event.InteractionEnded{
		Ref:        c.ref(""),
		Initiator:  t.initiator(c),
		Agent:      c.lastAgent,
		Queue:      c.lastQueue,
		Detail:     cause,
		DurationMS: clean.Millis(c.start, t.clock.now),
		Suspect:    t.link.stopping,
	}
	if c.first != nil {
		cause = c.first.cause
		f.Detail = detail(c.first.sip, cause)
	}
	f.Reason = endOf(cause)
	t.say(t.clock.now, "ended", c.uuid, f)
	t.forget(c)
}

// detail spells a hang-up cause: "SIP 486, USER_BUSY".
func detail(sip, cause string) string {
	switch {
	case sip == "":
		return cause
	case cause == "":
		return "SIP " + sip
	}
	return "SIP " + sip + ", " + cause
}

func (t *Translator) forget(c *call) {
	for _, ch := range c.chans {
		delete(t.chans, ch.uuid)
		t.over.add(ch.uuid)
	}
	for member, v := range t.visits {
		if v.call == c {
			delete(t.visits, member)
			t.over.add(member)
		}
	}
	if t.calls[c.uuid] == c {
		delete(t.calls, c.uuid)
		t.over.add(c.uuid)
	}
}

// lose ends an interaction that FreeSWITCH forgot: nobody saw how it ended.
func (t *Translator) lose(c *call) {
	c.lost = true
	t.createLate(c, nil)
	for len(c.visits) > 0 {
		t.dequeue(c.visits[0], event.DequeueLost, t.clock.now, t.ids.origin)
	}
	for len(c.offers) > 0 {
		t.endOffer(c.offers[0], event.OfferCancelled, "lost")
	}
	for len(c.talks) > 0 {
		t.release(c.talks[0], t.clock.now, t.ids.origin, event.EndNone)
	}
	t.say(t.clock.now, "lost", c.uuid, event.InteractionEnded{
		Ref:       c.ref(""),
		Initiator: event.InitiatorSystem,
		Reason:    event.EndNone,
		Agent:     c.lastAgent,
		Queue:     c.lastQueue,
		Lost:      true,
	})
	t.forget(c)
}

// openCalls returns the open interactions in the order they began.
func (t *Translator) openCalls() []*call {
	list := make([]*call, 0, len(t.calls))
	for _, c := range t.calls {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *call) int { return cmp.Compare(a.serial, b.serial) })
	return list
}
