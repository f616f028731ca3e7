package asterisk

import (
	"cmp"
	"slices"
	"time"

	"trunkline/event"
)

// channel is one leg at the PBX.
type channel struct {
	uid    string
	id     string // of the leg
	name   string
	device string
	agent  *agent // who sits at the device, nil for customers and trunks
	call   *call
	start  time.Time

	exten    string // where the dialplan is
	queueArg string // the queue that the Queue application was last started with
	limit    int64  // its time limit, ms
	priority int    // QUEUE_PRIO

	asked      bool   // a hang-up came from the far end of this channel
	moved      bool   // somebody sent the channel elsewhere in the dialplan
	stopped    bool   // the PBX or an operator hung it up
	cause      string // of the hang-up, in the PBX's numbers
	heldSince  time.Time
	held       bool
	visit      *visit
	offer      *offer
	talk       *talk
	dialledOut bool // the leg to the outside that the centre dialled

	login             uint64 // the connection in which it was first seen
	offered, accepted int    // facts said, for their ids
}

// call is one interaction: all channels that share a Linkedid.
type call struct {
	serial    uint64
	id        string // of the interaction
	short     string // its part of event ids
	linked    string
	created   bool
	direction event.Direction
	start     time.Time
	first     *channel
	chans     []*channel
	by        event.Initiator // who hung up first since the last answer
	answered  bool
	lastAgent string
	lastQueue string
	lastLeave event.DequeueReason // how the last visit ended
	cause     string              // of the hang-up of the first channel
	code      int                 // the same as a Q.850 number, -1 before it
	transfer  *transfer
	talks     []*talk
	offers    []*offer
	visits    []*visit
	lost      bool
	entered   map[string]int // visits said, by queue, for their ids
}

func (c *call) ref(leg string) event.Ref {
	return event.Ref{Interaction: c.id, Media: event.MediaPhone, Leg: leg}
}

// channelOf returns the channel that a message names by the given keys. With
// make it is created when it is not known: the stream was joined in mid-call,
// or an eventfilter keeps Newchannel away.
func (t *Translator) channelOf(m *Message, prefix string, create bool) *channel {
	uid := m.Bytes(prefix + "Uniqueid")
	if len(uid) == 0 {
		return nil
	}
	if len(t.link.entries) > 0 {
		t.takeEntry(string(uid), m, prefix)
	}
	if ch := t.chans[string(uid)]; ch != nil || !create {
		return ch
	}
	return t.newChannel(m, prefix, t.clock.now)
}

func (t *Translator) newChannel(m *Message, prefix string, start time.Time) *channel {
	ch := &channel{
		uid:   text(m.Bytes(prefix + "Uniqueid")),
		name:  text(m.Bytes(prefix + "Channel")),
		exten: text(m.Bytes(prefix + "Exten")),
		start: start,
		login: t.link.login,
	}
	ch.id = t.ids.entity(ch.uid)
	ch.device = deviceOf(ch.name)
	ch.agent = t.agentAt(ch.device)
	linked := text(m.Bytes(prefix + "Linkedid"))
	if linked == "" {
		linked = ch.uid
	}
	c := t.calls[linked]
	if c == nil {
		t.serial++
		c = &call{
			serial: t.serial,
			id:     t.ids.entity(linked),
			short:  t.ids.short(linked),
			linked: linked,
			start:  start,
			first:  ch,
			code:   -1,

			entered: make(map[string]int),
		}
		t.calls[linked] = c
	}
	ch.call = c
	c.chans = append(c.chans, ch)
	t.chans[ch.uid] = ch
	return ch
}

// onNewchannel begins an interaction with its first channel. A call from the
// outside is known to come in. Of one from the inside the direction shows
// when it is dialled on, so that it waits for that.
func (t *Translator) onNewchannel(m *Message) {
	if ch := t.channelOf(m, "", false); ch != nil {
		return
	}
	ch := t.channelOf(m, "", true)
	if ch == nil {
		return
	}
	if c := ch.call; c.first == ch && ch.agent == nil && !t.inside(ch.device) {
		t.create(c, event.DirectionIn, m)
	}
}

// inside tells whether a device belongs to the centre.
func (t *Translator) inside(device string) bool {
	return t.agentAt(device) != nil || t.opt.Inside != nil && t.opt.Inside(device)
}

// create says that the interaction began, once. The message names the first
// channel without a prefix, or is nil when there is none.
func (t *Translator) create(c *call, dir event.Direction, m *Message) {
	if c.created {
		return
	}
	c.created = true
	c.direction = dir
	f := event.InteractionCreated{Ref: c.ref(""), Direction: dir, Dialled: c.first.exten}
	if f.Dialled == "s" {
		f.Dialled = ""
	}
	if a := c.first.agent; a != nil {
		f.Agent = a.id
		if other := a.talk; other != nil && other.call != c {
			f.Parent, f.Origin = other.call.id, event.OriginConsult
		}
	}
	switch {
	case dir == event.DirectionIn:
		f.Channel = c.first.device
		if m != nil {
			f.Customer = customer(m.Bytes("CallerIDNum"), m.Bytes("CallerIDName"))
			f.Language = text(m.Bytes("Language"))
		}
	case dir == event.DirectionOut && f.Dialled != "":
		f.Customer = &event.Customer{Number: f.Dialled}
	}
	t.sayOnce(c.start, c.short, "created", 1, f)
}

func customer(num, name []byte) *event.Customer {
	c := event.Customer{Number: text(num), Name: text(name)}
	if c == (event.Customer{}) {
		return nil
	}
	return &c
}

// createLate says that an interaction began which did not show its direction
// by being dialled on: the first channel tells what there is to tell.
func (t *Translator) createLate(c *call, m *Message) {
	dir := event.DirectionIn
	if c.first.agent != nil || t.inside(c.first.device) {
		dir = event.DirectionInternal
		m = nil
	} else if m != nil && string(m.Bytes("Uniqueid")) != c.first.uid {
		m = nil
	}
	t.create(c, dir, m)
}

// onHangupRequest notes that the far end of a channel hung up: the caller, the
// agent, or a phone that refuses to ring.
func (t *Translator) onHangupRequest(m *Message) {
	ch := t.channelOf(m, "", false)
	if ch == nil {
		return
	}
	ch.asked = true
	ch.cause = causeText(m)
	c := ch.call
	if ch.offer != nil || c.by != "" {
		return
	}
	if ch.agent != nil {
		c.by = event.InitiatorAgent
	} else {
		c.by = event.InitiatorCustomer
	}
}

// Bits of the cause of a SoftHangupRequest, from Asterisk's channel.h.
const (
	softAsyncGoto = 0x02 // AST_SOFTHANGUP_ASYNCGOTO: redirected
	softShutdown  = 0x04 // AST_SOFTHANGUP_SHUTDOWN: the PBX goes down
	softExplicit  = 0x20 // AST_SOFTHANGUP_EXPLICIT: an operator's order
)

// onSoftHangup notes that the PBX itself ends a channel. The cause 4 is the
// first sign of an orderly shutdown, a second before the event Shutdown: from
// here on every end is suspect.
func (t *Translator) onSoftHangup(m *Message) {
	bits := number(m.Bytes("Cause"))
	if bits == softShutdown {
		t.link.stopping = true
	}
	ch := t.channelOf(m, "", false)
	if ch == nil {
		return
	}
	switch bits {
	case softAsyncGoto:
		ch.moved = true
	case softShutdown, softExplicit:
		ch.stopped = true
	}
}

// onHangup takes a channel away. The interaction ends with its last one.
func (t *Translator) onHangup(m *Message) {
	ch := t.channelOf(m, "", false)
	if ch == nil {
		return
	}
	c := ch.call
	cause := number(m.Bytes("Cause"))
	if ch.cause == "" || cause != 0 {
		ch.cause = causeText(m)
	}
	t.settleVisit(ch, cause)
	if ch.offer != nil {
		t.endOffer(ch.offer, offerEndOfCause(cause, ch.asked))
	}
	if k := ch.talk; k != nil && !t.optimised(k) {
		t.release(k, t.clock.now, t.initiator(c), endOfCause(cause, true))
		if k.queue != "" { // its AgentComplete is still to come
			t.owed[memberKey{k.queue, k.iface}]++
		}
	}
	if ch == c.first {
		c.cause, c.code = ch.cause, cause
	}
	t.drop(ch)
	if len(c.chans) == 0 {
		t.end(c)
	}
}

func (t *Translator) drop(ch *channel) {
	delete(t.chans, ch.uid)
	c := ch.call
	c.chans = slices.DeleteFunc(c.chans, func(o *channel) bool { return o == ch })
}

// initiator tells who ended it: whoever hung up first, else the PBX.
func (t *Translator) initiator(c *call) event.Initiator {
	if t.link.stopping || c.by == "" {
		return event.InitiatorSystem
	}
	return c.by
}

// end closes an interaction whose channels are all gone.
func (t *Translator) end(c *call) {
	if !c.created {
		t.createLate(c, nil)
	}
	t.cancelTransfer(c, event.EndCancelled, "")
	for len(c.offers) > 0 {
		t.endOffer(c.offers[0], event.OfferCancelled)
	}
	for len(c.talks) > 0 {
		t.release(c.talks[0], t.clock.now, t.initiator(c), event.EndNormal)
	}
	t.say(t.clock.now, c.short, "ended", event.InteractionEnded{
		Ref:        c.ref(""),
		Initiator:  t.initiator(c),
		Reason:     endOfCause(max(c.code, 0), c.answered),
		Agent:      c.lastAgent,
		Queue:      c.lastQueue,
		Detail:     c.cause,
		DurationMS: millis(c.start, t.clock.now),
		Suspect:    t.link.stopping,
	})
	t.forget(c)
}

func (t *Translator) forget(c *call) {
	for _, ch := range c.chans {
		delete(t.chans, ch.uid)
	}
	if t.calls[c.linked] == c {
		delete(t.calls, c.linked)
	}
}

// lose ends an interaction that the PBX forgot: nobody saw how it ended.
func (t *Translator) lose(c *call) {
	now := t.clock.now
	c.lost = true
	if !c.created {
		t.createLate(c, nil)
	}
	t.cancelTransfer(c, event.EndFailed, "lost")
	for len(c.visits) > 0 {
		t.endUnseen(c.visits[0], false)
	}
	for len(c.offers) > 0 {
		t.endOffer(c.offers[0], event.OfferCancelled)
	}
	for len(c.talks) > 0 {
		t.release(c.talks[0], now, event.InitiatorSystem, event.EndNone)
	}
	t.say(now, c.short, "ended", event.InteractionEnded{
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
