package freeswitch

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"trunkline/event"
	"trunkline/source/clean"
)

// channel is one leg at the switch.
type channel struct {
	uuid   string
	id     string // of the leg
	device string
	number string // that was dialled to reach it, or that it dialled
	agent  *agent // who sits at the device, nil for customers and trunks
	call   *call
	start  time.Time
	heard  time.Time // when an event or a list named it last

	queued    bool // rung by a queue, so that its events are mod_callcenter's
	outbound  bool // FreeSWITCH dialled it
	asked     bool // the far end of this channel hung up
	sip       string
	cause     string
	heldSince time.Time
	held      bool
	offer     *offer // of a call past the queues
	talk      *talk
}

// call is one interaction: a first channel, and all that were dialled for it.
type call struct {
	serial      uint64
	uuid        string // of the first channel
	id          string // of the interaction
	created     bool
	direction   event.Direction
	start       time.Time
	touched     time.Time
	first       *channel // nil while only mod_callcenter spoke of it
	channelSeen bool
	chans       []*channel
	by          event.Initiator // who hung up since the last answer
	answered    bool
	lastAgent   string
	lastQueue   string
	lastLeave   event.DequeueReason // how the last visit ended
	talks       []*talk
	offers      []*offer
	visits      []*visit
	lost        bool
}

func (c *call) ref(leg string) event.Ref {
	return event.Ref{Interaction: c.id, Media: event.MediaPhone, Leg: leg}
}

func (t *Translator) newCall(uuid string, start time.Time) *call {
	t.serial++
	c := &call{serial: t.serial, uuid: uuid, id: t.ids.entity(uuid), start: start, touched: t.clock.now}
	t.calls[uuid] = c
	return c
}

// channelOf returns the channel of an event. One that is not known is made when
// create is set, or when its interaction is known: the stream was joined in
// mid-call.
func (t *Translator) channelOf(m *Message, create bool) *channel {
	uuid := clean.Text(m.Get("Unique-ID"))
	if ch := t.chans[uuid]; ch != nil {
		ch.heard = t.clock.now
		return ch
	}
	if uuid == "" || t.over.has(uuid) || !create && t.calls[uuid] == nil {
		return nil
	}
	start, ok := microseconds(m.Bytes("Caller-Channel-Created-Time"))
	if !ok {
		start = t.clock.now
	} else {
		start = start.Add(t.opt.Shift)
	}
	ch := &channel{
		uuid: uuid, id: t.ids.entity(uuid), device: deviceOf(clean.Text(m.Get("Channel-Name"))), start: start, heard: t.clock.now,
		number:   clean.Text(m.Get("Caller-Destination-Number")),
		outbound: string(m.Bytes("Call-Direction")) == "outbound",
	}
	ch.agent = t.agentAt(ch.device)
	if m.Get("variable_cc_side") == "agent" {
		ch.queued = true
		if a := t.agentOf(clean.Text(m.Get("variable_cc_agent"))); a != nil {
			ch.agent = a
		}
	}
	t.place(ch, t.callOf(ch, m))
	return ch
}

// callOf finds the interaction that a new channel belongs to: the one it is the
// first channel of, the one whose member the queue rings it for, the one of the
// channel that dialled it, or one of its own.
func (t *Translator) callOf(ch *channel, m *Message) *call {
	if c := t.calls[ch.uuid]; c != nil {
		return c
	}
	if ch.queued {
		session := clean.Text(m.Get("variable_cc_member_session_uuid"))
		if c := t.calls[session]; c != nil {
			return c
		}
		if session != "" && !t.over.has(session) {
			return t.newCall(session, ch.start)
		}
	}
	if ch.outbound {
		parents := []string{"", m.Get("variable_originator"), m.Get("Channel-Call-UUID")}
		if string(m.Bytes("Other-Type")) == "originator" {
			parents[0] = m.Get("Other-Leg-Unique-ID")
		}
		for _, uuid := range parents {
			if parent := t.chans[uuid]; parent != nil && uuid != ch.uuid {
				return parent.call
			}
		}
	}
	return t.newCall(ch.uuid, ch.start)
}

// place puts a new channel into its interaction.
func (t *Translator) place(ch *channel, c *call) {
	ch.call = c
	c.channelSeen = true
	t.link.channels = true
	c.chans = append(c.chans, ch)
	t.chans[ch.uuid] = ch
	if ch.uuid == c.uuid {
		c.first = ch
	}
	if !ch.queued {
		return
	}
	for _, o := range c.offers {
		if o.agent == ch.agent && o.ch == nil {
			o.ch = ch
		}
	}
	for _, k := range c.talks {
		if k.agent == ch.agent && k.ch == nil && (k.leg == "" || k.leg == ch.uuid) {
			k.ch, k.leg, ch.talk = ch, ch.uuid, k
		}
	}
}

// inside tells whether a channel belongs to the centre.
func (t *Translator) inside(ch *channel) bool {
	return ch.agent != nil || t.opt.Inside != nil && t.opt.Inside(ch.device)
}

// onCreate begins an interaction with its first channel. A call from the
// outside is known to come in. Of one from the inside the direction shows when
// it is dialled on, so that it waits for that.
func (t *Translator) onCreate(m *Message) {
	if ch := t.channelOf(m, true); ch != nil {
		t.begin(ch, m)
	}
}

func (t *Translator) begin(ch *channel, m *Message) {
	c := ch.call
	switch {
	case ch.queued:
	case ch != c.first:
		t.dialled(ch)
	case !ch.outbound && !t.inside(ch):
		t.create(c, event.DirectionIn, customer(m.Get("Caller-Caller-ID-Number"), m.Get("Caller-Caller-ID-Name")))
	case ch.outbound && !t.inside(ch): // dialled by a program
		t.create(c, event.DirectionOut, customer(ch.number, ""))
	}
}

// create says that the interaction began, once.
func (t *Translator) create(c *call, dir event.Direction, who *event.Customer) {
	if c.created {
		return
	}
	c.created, c.direction = true, dir
	f := event.InteractionCreated{Ref: c.ref(""), Direction: dir, Customer: who}
	if ch := c.first; ch != nil {
		f.Dialled = ch.number
		if ch.agent != nil {
			f.Agent = ch.agent.id
		} else if dir == event.DirectionIn {
			f.Channel = ch.device
		}
	}
	t.say(c.start, "created", c.uuid, f)
}

// createLate says that an interaction began which did not show its direction
// before.
func (t *Translator) createLate(c *call, who *event.Customer) {
	dir := event.DirectionIn
	if c.first != nil && t.inside(c.first) {
		dir, who = event.DirectionInternal, nil
	}
	t.create(c, dir, who)
}

func customer(num, name string) *event.Customer {
	c := event.Customer{Number: clean.Text(num), Name: clean.Text(name)}
	if c == (event.Customer{}) {
		return nil
	}
	return &c
}

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
