package freeswitch

import (
	"slices"
	"time"

	"trunkline/event"
)

// The lists that say which calls there are, and what becomes of what they lack.

// onMembers takes the callers of a queue: those who wait and those who talk. It
// is of use after a login; later on the events have said it better.
func (t *Translator) onMembers(l *table) {
	if !t.link.resync {
		return
	}
	for _, row := range l.rows {
		member, session, queue := l.get(row, "uuid"), l.get(row, "session_uuid"), l.get(row, "queue")
		joined, ok := seconds(l.get(row, "joined_epoch"))
		state := l.get(row, "state")
		if !ok || member == "" || session == "" || queue == "" || state == "Abandoned" || t.over.has(member) || t.over.has(session) {
			continue
		}
		v := t.visits[member]
		if v == nil {
			joined = joined.Add(t.opt.Shift)
			c := t.calls[session]
			if c == nil {
				c = t.newCall(session, joined)
			}
			t.createLate(c, customer(l.get(row, "cid_number"), l.get(row, "cid_name")))
			v = t.join(c, member, queue, joined)
		}
		v.heard = t.clock.now
		t.serve(v, state, l, row)
	}
}

// serve takes who serves a member of a list, and since when.
func (t *Translator) serve(v *visit, state string, l *table, row []string) {
	name := l.get(row, "serving_agent")
	if v.answered || v.left || name == "" || name == "ring-all" { // which says nobody by name
		return
	}
	a := t.agentOf(name)
	switch state {
	case "Trying":
		if !slices.ContainsFunc(v.call.offers, func(o *offer) bool { return o.agent == a }) {
			at := v.joined
			if a.offered.After(at) && !a.offered.After(t.clock.now) {
				at = a.offered
			}
			t.offer(v.call, v, a, at).listed = true
		}
	case "Answered":
		if at, ok := seconds(l.get(row, "bridge_epoch")); ok {
			t.answer(v, a, "", at.Add(t.opt.Shift))
		}
	}
}

// missing is what was open when a list of channels came that does not have it.
type missing struct {
	at     time.Time
	chans  map[string]bool
	calls  map[string]bool
	visits map[string]bool
}

// settled is how long something must not have been heard of to be missed in a
// list: FreeSWITCH writes its list of channels a moment after the events.
const settled = 5 * time.Second

// onChannels takes the list of all channels, which comes last in a snapshot.
// What it does not have is ended a little later, when the events have been read
// that were under way when it was written.
func (t *Translator) onChannels(l *table) {
	now := t.clock.now
	alive := make(map[string]bool, len(l.rows))
	for _, row := range l.rows {
		uuid := l.get(row, "uuid")
		alive[uuid] = true
		t.listedChannel(uuid, l, row)
	}
	m := &missing{at: now, chans: make(map[string]bool), calls: make(map[string]bool), visits: make(map[string]bool)}
	old := func(heard time.Time) bool { return now.Sub(heard) > settled || heard.Before(t.link.since) }
	for uuid, ch := range t.chans {
		if !alive[uuid] && old(ch.heard) {
			m.chans[uuid] = true
		}
	}
	for uuid, c := range t.calls {
		if !alive[uuid] && len(c.chans) == 0 && old(c.touched) {
			m.calls[uuid] = true
		}
	}
	if t.link.resync {
		for member, v := range t.visits {
			if v.heard.Before(t.link.since) && !v.left {
				m.visits[member] = true
			}
		}
	}
	t.later.missing = m
}

// listedChannel takes a channel of the list. After a login one that is not known
// began before.
func (t *Translator) listedChannel(uuid string, l *table, row []string) {
	if ch := t.chans[uuid]; ch != nil {
		ch.heard = t.clock.now
		return
	}
	if uuid == "" || t.over.has(uuid) || !t.link.resync {
		return
	}
	start, ok := seconds(l.get(row, "created_epoch"))
	if start = start.Add(t.opt.Shift); !ok {
		start = t.clock.now
	}
	ch := &channel{
		uuid: uuid, id: t.ids.entity(uuid), device: deviceOf(l.get(row, "name")), number: l.get(row, "dest"), start: start,
		heard: t.clock.now, outbound: l.get(row, "direction") == "outbound",
	}
	ch.agent = t.agentAt(ch.device)
	c := t.calls[uuid]
	if parent := t.calls[l.get(row, "call_uuid")]; c == nil && parent != nil {
		c = parent
	}
	if work := t.workOf(ch); work != nil {
		c, ch.queued = work, true
	}
	if c == nil {
		c = t.newCall(uuid, start)
	}
	t.place(ch, c)
	if ch == c.first && !ch.outbound && !t.inside(ch) {
		t.create(c, event.DirectionIn, customer(l.get(row, "cid_num"), l.get(row, "cid_name")))
	}
}

// workOf finds the interaction for which a queue rang a listed channel: its agent
// is known to be offered or to talk, and the channel is not known.
func (t *Translator) workOf(ch *channel) *call {
	if ch.agent == nil || !ch.outbound {
		return nil
	}
	for _, c := range t.openCalls() {
		for _, k := range c.talks {
			if k.agent == ch.agent && k.queue != "" && k.ch == nil && (k.leg == "" || k.leg == ch.uuid) {
				return c
			}
		}
		for _, o := range c.offers {
			if o.agent == ch.agent && o.visit != nil && o.ch == nil {
				return c
			}
		}
	}
	return nil
}

// reconcile ends what a list of channels did not have and no event ended since.
// After a login it names what lives on, so that whatever else an earlier
// connection left open is ended too.
func (t *Translator) reconcile(m *missing) {
	for _, c := range t.openCalls() {
		for _, v := range slices.Clone(c.visits) {
			if m.visits[v.member] && v.heard.Before(t.link.since) {
				t.dequeue(v, event.DequeueLost, t.clock.now, t.ids.origin)
				t.forgetMember(v)
			}
		}
		t.reconcileCall(c, m)
	}
	if !t.link.resync {
		return
	}
	t.link.resync = false
	var living []string
	for _, c := range t.openCalls() {
		if c.created {
			living = append(living, c.id)
		}
	}
	if len(living) > maxLiving {
		return
	}
	t.say(t.clock.now, "reset", "", event.SourceReset{
		SourceRef: t.source(), Reason: event.ResetResync, Interactions: living, Detail: "channels compared after a login",
	})
}

// maxLiving is how many interactions one fact can name and still be an event of
// a size that is taken.
const maxLiving = 5000

func (t *Translator) reconcileCall(c *call, m *missing) {
	gone := slices.DeleteFunc(slices.Clone(c.chans), func(ch *channel) bool { return !m.chans[ch.uuid] || ch.heard.After(m.at) })
	if len(gone) == len(c.chans) && (len(gone) > 0 || m.calls[c.uuid] && !c.touched.After(m.at)) {
		t.lose(c)
		return
	}
	for _, ch := range gone {
		if k := ch.talk; k != nil {
			t.release(k, t.clock.now, t.ids.origin, event.EndNone)
		}
		if ch.offer != nil {
			t.endOffer(ch.offer, event.OfferCancelled, "lost")
		}
		t.drop(ch)
	}
}
