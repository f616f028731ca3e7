package asterisk

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"trunkline/event"
)

// survey is a list of channels being compared with what is known.
type survey struct {
	t       *Translator
	rows    []*Message
	byUID   map[string]*Message
	bridges map[string][]*channel
	order   []string // of the bridges
}

// channels makes known what is up and was not known.
func (s *survey) channels() {
	t := s.t
	start := func(m *Message) time.Time { return t.clock.now.Add(-clockTime(m.Bytes("Duration"))) }
	slices.SortStableFunc(s.rows, func(a, b *Message) int {
		return cmp.Or(start(a).Compare(start(b)), cmp.Compare(string(a.Bytes("Uniqueid")), string(b.Bytes("Uniqueid"))))
	})
	for _, m := range s.rows {
		uid := m.Get("Uniqueid")
		s.byUID[uid] = m
		ch := t.chans[uid]
		if ch == nil {
			ch = t.newChannel(m, "", t.startOf(uid, start(m), 3*time.Second))
			if c := ch.call; c.first == ch && ch.agent == nil && !t.inside(ch.device) {
				t.create(c, event.DirectionIn, m)
			}
		}
		if exten := text(m.Bytes("Exten")); exten != "" {
			ch.exten = exten
		}
		if id := string(m.Bytes("BridgeId")); id != "" {
			if s.bridges[id] == nil {
				s.order = append(s.order, id)
			}
			s.bridges[id] = append(s.bridges[id], ch)
		}
	}
}

// gone tells whether a channel was known before the cut and is not up any more.
func (s *survey) gone(ch *channel) bool {
	return s.byUID[ch.uid] == nil && ch.login != s.t.link.login
}

// vanished ends what was up before the cut and is not any more.
func (s *survey) vanished() {
	t := s.t
	for _, c := range t.openCalls() {
		if !slices.ContainsFunc(c.chans, func(ch *channel) bool { return !s.gone(ch) }) {
			t.lose(c)
			continue
		}
		for _, ch := range slices.Clone(c.chans) {
			if s.gone(ch) {
				s.vanish(ch)
			}
		}
	}
}

// vanish takes one channel away whose end nobody saw; its call goes on.
func (s *survey) vanish(ch *channel) {
	t, c := s.t, ch.call
	c.lost = true
	if ch.visit != nil {
		t.endUnseen(ch.visit, false)
	}
	if ch.offer != nil {
		t.endOffer(ch.offer, event.OfferCancelled)
	}
	if k := ch.talk; k != nil && !t.optimised(k) {
		t.release(k, t.clock.now, event.InitiatorSystem, event.EndNone)
	}
	c.lost = false
	t.drop(ch)
}

// appOf returns the dialplan's application that a channel is in.
func (s *survey) appOf(ch *channel) string {
	if m := s.byUID[ch.uid]; m != nil {
		return string(m.Bytes("Application"))
	}
	return ""
}

// queueOf returns the queue in whose application a channel is.
func (s *survey) queueOf(ch *channel) string {
	if s.appOf(ch) != "Queue" {
		return ""
	}
	queue, _, _ := strings.Cut(text(s.byUID[ch.uid].Bytes("ApplicationData")), ",")
	return queue
}

// answers finds the talks that began unseen: an agent's channel in a bridge.
func (s *survey) answers() {
	for _, id := range s.order {
		chans := s.bridges[id]
		for _, leg := range chans {
			if leg.agent == nil || leg.talk != nil {
				continue
			}
			for _, other := range chans {
				if other != leg {
					s.answer(leg, other)
					break
				}
			}
		}
	}
}

// answer says that an agent talks with somebody.
func (s *survey) answer(leg, other *channel) {
	t := s.t
	now := t.clock.now
	defer func() { t.clock.now = now }()
	// The phone rang first; what was before the cut was seen.
	t.clock.now = leg.start
	if t.clock.now.Before(t.link.cut) {
		t.clock.now = t.link.cut
	}
	c := leg.call
	if leg == c.first { // the agent dialled
		if other.agent != nil || t.inside(other.device) {
			t.create(c, event.DirectionInternal, nil)
			return
		}
		t.create(c, event.DirectionOut, nil)
		if c.direction != event.DirectionOut {
			return
		}
		other.dialledOut = true
		t.accept(leg, other, &talk{agent: leg.agent, iface: leg.device}, time.Time{})
		t.say(t.clock.now, t.ids.short(other.uid), "customer_accepted", event.InteractionCustomerAccepted{
			Ref: c.ref(other.id), Agent: c.lastAgent, Number: c.first.exten,
		})
		return
	}
	queue, joined := "", time.Time{}
	v := other.visit
	if app := s.appOf(other); v != nil && (app != "" && app != "Queue" || s.dialled(leg, v.queue)) {
		t.endUnseen(v, true) // whoever talks now was reached in another way
		v = nil
	}
	switch {
	case v != nil:
		queue = v.queue
	case leg.offer != nil && leg.offer.queue == "":
	case s.queueOf(other) != "" && !s.dialled(leg, s.queueOf(other)):
		// Joined and answered unseen: the visit is said so that it is counted.
		queue = s.queueOf(other)
		at := other.start
		if at.Before(t.link.cut) {
			at = t.link.cut
		}
		if other.call.answered && other.call.lastQueue == queue {
			queue = "" // somebody took over what the queue had given out
			break
		}
		t.join(other, queue, 0, at, nil)
		v = other.visit
	}
	t.adopt(leg, other.call)
	k := &talk{agent: leg.agent, queue: queue, iface: cmp.Or(memberOf(leg.agent, queue), leg.device)}
	if v != nil {
		joined = v.joined
		t.closeVisit(v)
	}
	if queue == "" && c.direction == "" {
		t.createLate(c, nil)
	}
	t.accept(leg, other, k, joined)
}

// memberOf returns the interface by which an agent serves a queue.
func memberOf(a *agent, queue string) string {
	var iface string
	for key := range a.member {
		if key.queue == queue && (iface == "" || key.iface < iface) {
			iface = key.iface
		}
	}
	return iface
}

// dialled tells whether an agent's phone was reached by Dial and not by the
// queue, as after a blind transfer: a queue's own phones are in AppQueue. Only
// behind a Local channel the queue's phone is in AppDial too.
func (s *survey) dialled(leg *channel, queue string) bool {
	iface := memberOf(leg.agent, queue)
	return s.appOf(leg) == "AppDial" && (iface == "" || iface == leg.device)
}

// leavers ends the visits of callers who are up but in no queue any more. A
// caller who is still in the Queue application is just being connected.
func (s *survey) leavers() {
	t := s.t
	for _, c := range t.openCalls() {
		for _, v := range slices.Clone(c.visits) {
			row := s.byUID[v.ch.uid]
			if row == nil || v.login == t.link.login || t.link.waiting[v.ch.uid] == v.queue || s.queueOf(v.ch) == v.queue {
				continue
			}
			t.endUnseen(v, true)
		}
	}
}

// rings finds the phones of agents that a queue rings.
func (s *survey) rings() {
	t := s.t
	for _, m := range s.rows {
		leg := t.chans[string(m.Bytes("Uniqueid"))]
		if leg == nil || leg.agent == nil || leg.offer != nil || leg.talk != nil || string(m.Bytes("ChannelStateDesc")) != "Ringing" {
			continue
		}
		for _, v := range leg.call.visits {
			if iface := memberOf(leg.agent, v.queue); iface != "" && !v.left && leg.offer == nil {
				t.offer(v.ch, leg, &offer{agent: leg.agent, queue: v.queue, visit: v, address: iface})
			}
		}
	}
}
