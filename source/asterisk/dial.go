package asterisk

import (
	"slices"
	"strings"
	"time"

	"trunkline/event"
)

// onDialBegin follows the Dial application: a direct call to an agent, an
// agent's call to somebody, the second half of a blind transfer. The phones
// that a queue rings are dialled too; those are offers already.
func (t *Translator) onDialBegin(m *Message) {
	caller := t.channelOf(m, "", false)
	leg := t.channelOf(m, "Dest", true)
	if caller == nil || leg == nil || leg.offer != nil || caller.visit != nil {
		return
	}
	c := caller.call
	t.adopt(leg, c)
	if a := t.rungThrough(caller); a != nil {
		leg.agent = a
		return
	}
	if !c.created {
		switch {
		case caller.agent == nil && !t.inside(caller.device):
			t.create(c, event.DirectionIn, m)
		case leg.agent != nil || t.inside(leg.device):
			t.create(c, event.DirectionInternal, nil)
		default:
			t.create(c, event.DirectionOut, nil)
		}
	}
	if leg.agent != nil {
		t.offer(caller, leg, &offer{agent: leg.agent, address: leg.device})
		return
	}
	leg.dialledOut = true
	if caller.agent != nil && caller.talk == nil && c.direction == event.DirectionOut {
		t.accept(caller, leg, &talk{agent: caller.agent, iface: caller.device}, time.Time{})
	}
}

// rungThrough returns the agent whom a queue rings through a Local channel, when
// ch is the far half of that channel. The phone it dials is the same offer.
func (t *Translator) rungThrough(ch *channel) *agent {
	base, far := strings.CutSuffix(ch.name, ";2")
	if !far {
		return nil
	}
	for _, near := range ch.call.chans {
		if near.name == base+";1" {
			return near.agent
		}
	}
	return nil
}

// onDialEnd ends what DialBegin began. An ANSWER to the offer of a queue is
// left to AgentConnect.
func (t *Translator) onDialEnd(m *Message) {
	leg := t.channelOf(m, "Dest", false)
	if leg == nil {
		return
	}
	status := string(m.Bytes("DialStatus"))
	if status == "ANSWER" {
		t.dialAnswered(leg, t.channelOf(m, "", false))
		return
	}
	if o := leg.offer; o != nil {
		reason := event.OfferCancelled
		switch status {
		case "NOANSWER":
			reason = event.OfferNoAnswer
		case "BUSY", "CONGESTION", "CHANUNAVAIL":
			reason = event.OfferRejected
		}
		if leg.asked {
			reason = event.OfferRejected
		}
		queued := o.queue != ""
		t.endOffer(o, reason)
		if queued {
			return
		}
	}
	t.cancelTransfer(leg.call, endOfDial(status), status)
}

func (t *Translator) dialAnswered(leg, caller *channel) {
	c := leg.call
	switch {
	case leg.offer != nil && leg.offer.queue == "":
		o := leg.offer
		t.connectTransfer(c, o.agent.id)
		t.accept(leg, caller, &talk{agent: o.agent, iface: o.address}, time.Time{})
	case leg.offer == nil && leg.dialledOut:
		t.connectTransfer(c, leg.device)
		if c.direction == event.DirectionOut {
			c.by = ""
			t.say(t.clock.now, t.ids.short(leg.uid), "customer_accepted", event.InteractionCustomerAccepted{
				Ref: c.ref(leg.id), Agent: c.lastAgent, Number: c.first.exten,
			})
		}
	}
}

func endOfDial(status string) event.EndReason {
	switch status {
	case "NOANSWER":
		return event.EndNoAnswer
	case "BUSY":
		return event.EndBusy
	case "CANCEL", "ABORT":
		return event.EndCancelled
	}
	return event.EndFailed
}

// transfer is a transfer whose target has not answered yet.
type transfer struct {
	agent  string
	target string
	kind   event.TargetKind
}

// onBlindTransfer is a REFER or a feature code. What it leads to, a person or
// a queue, shows when the dialplan gets there.
func (t *Translator) onBlindTransfer(m *Message) {
	leg := t.channelOf(m, "Transferer", false)
	if leg == nil || string(m.Bytes("Result")) != "Success" {
		return
	}
	c := leg.call
	x := &transfer{target: text(m.Bytes("Extension")), kind: event.TargetNumber}
	if leg.agent != nil {
		x.agent = leg.agent.id
	}
	if a := t.floor.byID[x.target]; a != nil {
		x.kind = event.TargetAgent
	}
	if x.target == "" {
		return
	}
	t.cancelTransfer(c, event.EndCancelled, "another transfer")
	c.transfer = x
	t.say(t.clock.now, t.ids.short(leg.uid), "transfer_started", event.InteractionTransferStarted{
		Ref: c.ref(leg.id), Agent: x.agent, Kind: event.TransferBlind, Target: x.target, TargetKind: x.kind,
	})
	t.say(t.clock.now, t.ids.short(leg.uid), "transfer_requested", event.InteractionTransferRequested{
		Ref: c.ref(leg.id), Agent: x.agent, Kind: event.TransferBlind, Target: x.target, TargetKind: x.kind,
	})
}

// connectTransfer says that the target of a pending transfer answered.
func (t *Translator) connectTransfer(c *call, connected string) {
	x := c.transfer
	if x == nil {
		return
	}
	c.transfer = nil
	f := event.InteractionTransferConnected{
		Ref: c.ref(""), Agent: x.agent, Kind: event.TransferBlind, Target: x.target, TargetKind: x.kind,
	}
	if connected != x.target {
		f.Connected = connected
	}
	t.say(t.clock.now, c.short, "transfer_connected", f)
}

// cancelTransfer says that a pending transfer came to nothing.
func (t *Translator) cancelTransfer(c *call, reason event.EndReason, detail string) {
	x := c.transfer
	if x == nil {
		return
	}
	c.transfer = nil
	t.say(t.clock.now, c.short, "transfer_cancelled", event.InteractionTransferCancelled{
		Ref: c.ref(""), Agent: x.agent, Kind: event.TransferBlind, Target: x.target, TargetKind: x.kind,
		Reason: reason, Detail: detail,
	})
}

// onAttendedTransfer joins the line on which an agent asked with the one that
// was on hold. The other end of the consult line belongs to the first
// interaction from now on; the consult line ends when the agent lets go of it.
func (t *Translator) onAttendedTransfer(m *Message) {
	leg := t.channelOf(m, "OrigTransferer", false)
	second := t.channelOf(m, "SecondTransferer", false)
	if leg == nil || second == nil || string(m.Bytes("Result")) != "Success" {
		return
	}
	c, consult := leg.call, second.call
	x := transfer{kind: event.TargetNumber, target: second.exten}
	if leg.agent != nil {
		x.agent = leg.agent.id
	}
	var moved []*channel
	if consult != c {
		for _, ch := range slices.Clone(consult.chans) {
			if ch != second {
				moved = append(moved, ch)
			}
		}
	} else if target := t.channelOf(m, "TransferTarget", false); target != nil {
		moved = append(moved, target)
	}
	for _, ch := range moved {
		if ch.agent != nil {
			x.target, x.kind = ch.agent.id, event.TargetAgent
		}
	}
	if x.target == "" {
		return
	}
	consultID := ""
	if consult != c {
		consultID = consult.id
	}
	entity := t.ids.short(leg.uid)
	t.say(t.clock.now, entity, "transfer_requested", event.InteractionTransferRequested{
		Ref: c.ref(leg.id), Agent: x.agent, Kind: event.TransferConsult, Target: x.target, TargetKind: x.kind, Consult: consultID,
	})
	t.say(t.clock.now, entity, "transfer_connected", event.InteractionTransferConnected{
		Ref: c.ref(leg.id), Agent: x.agent, Kind: event.TransferConsult, Target: x.target, TargetKind: x.kind, Consult: consultID,
	})
	for _, ch := range moved {
		t.moveLeg(ch, c)
	}
}

// moveLeg takes a leg, and the agent's talk on it, over to another interaction.
func (t *Translator) moveLeg(ch *channel, c *call) {
	k := ch.talk
	if k != nil && ch.call != c {
		t.release(k, t.clock.now, event.InitiatorAgent, event.EndNormal)
	}
	t.adopt(ch, c)
	if k == nil || ch.talk != nil {
		return
	}
	ch.talk = &talk{call: c, agent: k.agent, iface: k.iface, ch: ch, at: t.clock.now}
	k.agent.talk = ch.talk
	c.talks = append(c.talks, ch.talk)
	c.lastAgent = k.agent.id
	t.say(t.clock.now, t.ids.short(ch.uid), "leg_connected", event.InteractionLegConnected{
		Ref: c.ref(ch.id), Agent: k.agent.id, Address: k.iface,
	})
}
