package freeswitch

import (
	"slices"
	"time"

	"trunkline/event"
	"trunkline/source/clean"
)

// visit is one caller's wait in one queue: a member of mod_callcenter.
type visit struct {
	member   string
	call     *call
	queue    string
	joined   time.Time
	answered bool
	left     bool // by the caller's doing; why is still open
	leftAt   time.Time
	origin   string // the event that said so
	heard    time.Time
}

// cancelReasons are the CC-Cancel-Reason of visits that no agent answered.
// BREAK_OUT is not among them: the caller's channel left the queue by itself,
// and its hang-up tells an abandoned visit from one that somebody moved.
var cancelReasons = map[string]event.DequeueReason{
	"TIMEOUT":          event.DequeueTimeout,
	"NO_AGENT_TIMEOUT": event.DequeueOverflow,
	"EXIT_WITH_KEY":    event.DequeueKey,
}

// memberCall returns the interaction of a member that an event names, or nil
// when it is over.
func (t *Translator) memberCall(m *Message, start time.Time) *call {
	session := clean.Text(m.Get("CC-Member-Session-UUID"))
	if session == "" {
		session = clean.Text(m.Get("CC-Member-UUID"))
	}
	c := t.calls[session]
	if c == nil {
		if session == "" || t.over.has(session) {
			return nil
		}
		c = t.newCall(session, start)
	}
	c.touched = t.clock.now
	t.createLate(c, customer(m.Get("CC-Member-CID-Number"), m.Get("CC-Member-CID-Name")))
	return c
}

// visitOf returns the visit that an event names. One whose start was not seen
// starts now, at the time the event says. It is nil when the visit is over.
func (t *Translator) visitOf(m *Message) *visit {
	member, queue := clean.Text(m.Get("CC-Member-UUID")), clean.Text(m.Get("CC-Queue"))
	if v := t.visits[member]; v != nil {
		v.heard = t.clock.now
		return v
	}
	if member == "" || queue == "" || t.over.has(member) {
		return nil
	}
	joined, ok := seconds(m.Get("CC-Member-Joined-Time"))
	if joined = joined.Add(t.opt.Shift); !ok || joined.After(t.clock.now) {
		joined = t.clock.now
	}
	c := t.memberCall(m, joined)
	if c == nil {
		return nil
	}
	return t.join(c, member, queue, joined)
}

func (t *Translator) onMemberStart(m *Message) { t.visitOf(m) }

// join begins a visit.
func (t *Translator) join(c *call, member, queue string, at time.Time) *visit {
	for _, v := range slices.Clone(c.visits) {
		if v.left {
			t.settleLeft(v, true)
		}
	}
	entry := event.EntryNew
	switch {
	case c.answered:
		entry = event.EntryRequeued
	case c.lastLeave == event.DequeueTimeout, c.lastLeave == event.DequeueOverflow:
		entry = event.EntryOverflow
		t.say(at, "redirected", member, event.InteractionRedirected{
			Ref: c.ref(""), Queue: c.lastQueue, Target: queue, TargetKind: event.TargetQueue, Reason: string(c.lastLeave),
		})
	case c.lastLeave == event.DequeueTransferred:
		entry = event.EntryTransfer
	}
	v := &visit{member: member, call: c, queue: queue, joined: at, heard: t.clock.now}
	t.visits[member] = v
	c.visits = append(c.visits, v)
	c.by, c.lastQueue = "", queue
	t.say(at, "queued", member, event.InteractionQueued{
		Ref: c.ref(""), Queue: queue, Reason: entry, LimitMS: t.floor.queues[queue].MaxWaitMS,
	})
	return v
}

// onMemberEnd ends a visit: one that was answered when the talk is over, any
// other when the caller is out of the queue.
func (t *Translator) onMemberEnd(m *Message) {
	v := t.visitOf(m)
	if v == nil {
		return
	}
	switch reason := m.Get("CC-Cancel-Reason"); {
	case m.Get("CC-Cause") == "Terminated" || v.answered:
		t.endTalk(v, m)
		t.finishTalks(v.call)
		t.closeVisit(v)
	case cancelReasons[reason] != "":
		t.dequeue(v, cancelReasons[reason], t.clock.now, t.ids.origin)
	default:
		if !v.left {
			v.left, v.leftAt, v.origin = true, t.clock.now, t.ids.origin
			t.later.left = append(t.later.left, v)
		}
		if !v.call.channelSeen {
			t.settleLeft(v, false) // no hang-up will be seen
		}
	}
	t.forgetMember(v)
}

// forgetMember takes a member out of mind whose last event was seen.
func (t *Translator) forgetMember(v *visit) {
	delete(t.visits, v.member)
	t.over.add(v.member)
	t.unseen(v.call)
}

// unseen ends an interaction of which mod_callcenter said the last word and
// whose channel was never seen: at once when no channel is, else after a while
// in which its hang-up may still come.
func (t *Translator) unseen(c *call) {
	if len(c.chans) > 0 || len(c.visits) > 0 || len(c.talks) > 0 || t.calls[c.uuid] != c {
		return
	}
	if !t.link.channels {
		t.end(c, "")
		return
	}
	c.touched = t.clock.now
	t.later.unseen = append(t.later.unseen, c)
}

// settleLeft ends a visit that was left by the caller's doing: somebody moved
// the caller elsewhere, or it was abandoned.
func (t *Translator) settleLeft(v *visit, moved bool) {
	reason := event.DequeueAbandoned
	if moved {
		reason = event.DequeueTransferred
	}
	t.dequeue(v, reason, v.leftAt, v.origin)
}

// leaveWith ends a visit with the hang-up of the caller's channel.
func (t *Translator) leaveWith(ch *channel, v *visit) {
	switch {
	case v.left:
		t.settleLeft(v, false)
	case ch.asked:
		t.dequeue(v, event.DequeueAbandoned, t.clock.now, t.ids.origin)
	default:
		t.dequeue(v, event.DequeueLost, t.clock.now, t.ids.origin)
	}
}

// dequeue ends a visit without an answer.
func (t *Translator) dequeue(v *visit, reason event.DequeueReason, at time.Time, origin string) {
	c := v.call
	for _, o := range slices.Clone(c.offers) {
		if o.visit == v {
			t.endOffer(o, event.OfferCancelled, "")
		}
	}
	t.closeVisit(v)
	delete(t.visits, v.member)
	t.over.add(v.member) // what is still said about it comes late
	c.lastLeave = reason
	f := event.InteractionDequeued{
		Ref: c.ref(""), Queue: v.queue, Reason: reason, WaitedMS: clean.Millis(v.joined, at), Suspect: t.link.stopping,
	}
	if reason == event.DequeueAbandoned && !t.link.stopping && c.by == "" {
		c.by = event.InitiatorCustomer
	}
	if reason == event.DequeueLost {
		f.WaitedMS, f.Suspect = 0, false
	}
	t.sayOf(origin, at, "dequeued", v.member, f)
}

func (t *Translator) closeVisit(v *visit) {
	t.later.left = slices.DeleteFunc(t.later.left, func(o *visit) bool { return o == v })
	c := v.call
	c.visits = slices.DeleteFunc(c.visits, func(o *visit) bool { return o == v })
}
