package freeswitch

import (
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
