package asterisk

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"trunkline/event"
)

// What a snapshot tells, and what follows from it after a cut: which calls,
// waiting callers and talks there are, and which ended unseen.
//
// A list is never older than the events before it in the stream, but events
// that it already reflects may follow it. So what a list says is taken at once,
// and what comes later and says the same again changes nothing.

// entry is a waiting caller of a snapshot.
type entry struct {
	m     *Message
	queue string
	since time.Time
}

// onQueueEntry notes a waiting caller. It is taken when the list of channels is
// there, which knows to which interaction it belongs, or when an event names it.
func (t *Translator) onQueueEntry(m *Message) {
	uid, queue := text(m.Bytes("Uniqueid")), text(m.Bytes("Queue"))
	if uid == "" || queue == "" {
		return
	}
	if t.link.entries == nil {
		t.link.entries = make(map[string]*entry)
	}
	if t.link.waiting == nil {
		t.link.waiting = make(map[string]string)
	}
	wait := time.Duration(max(number(m.Bytes("Wait")), 0)) * time.Second
	t.link.entries[uid] = &entry{m.clone(), queue, t.clock.now.Add(-wait)}
	t.link.waiting[uid] = queue
}

// takeEntry takes one waiting caller, whom the message m names.
func (t *Translator) takeEntry(uid string, m *Message, prefix string) {
	e := t.link.entries[uid]
	if e == nil {
		return
	}
	delete(t.link.entries, uid)
	ch := t.chans[uid]
	if ch == nil {
		ch = t.newChannel(m, prefix, t.startOf(uid, e.since, 0))
	}
	if v := ch.visit; v != nil {
		if v.queue == e.queue {
			return
		}
		t.endUnseen(v, true)
	}
	t.join(ch, e.queue, number(e.m.Bytes("Position")), e.since, e.m)
}

// takeEntries takes all that are left, the longest waiting first.
func (t *Translator) takeEntries() {
	uids := make([]string, 0, len(t.link.entries))
	for uid := range t.link.entries {
		uids = append(uids, uid)
	}
	slices.SortFunc(uids, func(a, b string) int {
		return cmp.Or(t.link.entries[a].since.Compare(t.link.entries[b].since), cmp.Compare(a, b))
	})
	for _, uid := range uids {
		t.takeEntry(uid, t.link.entries[uid].m, "")
	}
	t.link.entries = nil
}

// startOf tells when a channel began: its Uniqueid names the second, unless
// that contradicts what a list says.
func (t *Translator) startOf(uid string, guess time.Time, slack time.Duration) time.Time {
	sec := uid[strings.LastIndexByte(uid, '-')+1:]
	at, ok := parseTimestamp([]byte(strings.SplitN(sec, ".", 2)[0]))
	if at = at.Add(t.opt.Shift); !ok || at.After(guess.Add(2*time.Second)) || slack > 0 && at.Before(guess.Add(-slack)) {
		return guess
	}
	if slack == 0 && guess.Sub(at) > 24*time.Hour {
		return guess
	}
	return at
}

func (t *Translator) onCoreShowChannel(m *Message) {
	if len(m.Bytes("Uniqueid")) > 0 && !t.link.compared {
		t.link.rows = append(t.link.rows, m.clone())
	}
}

// clockTime reads a duration spelled 00:01:02.
func clockTime(b []byte) time.Duration {
	var total, part time.Duration
	for _, c := range b {
		switch {
		case c == ':':
			total, part = (total+part)*60, 0
		case '0' <= c && c <= '9' && part < 1e6:
			part = part*10 + time.Duration(c-'0')
		default:
			return 0
		}
	}
	return (total + part) * time.Second
}

// onCoreShowChannelsComplete makes what is known agree with what is up.
func (t *Translator) onCoreShowChannelsComplete() {
	if t.link.compared {
		return
	}
	t.link.compared = true
	s := &survey{t: t, rows: t.link.rows, byUID: make(map[string]*Message), bridges: make(map[string][]*channel)}
	t.link.rows = nil
	s.channels()
	if t.link.resync {
		s.vanished()
	}
	s.answers()
	if t.link.listed {
		s.leavers()
	}
	t.takeEntries()
	s.rings()
	t.link.waiting = nil
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
	detail := "channels compared after a reconnect"
	if t.link.cut.IsZero() {
		detail = "first look at the channels"
	}
	t.say(t.clock.now, "source", "reset", event.SourceReset{
		SourceRef: t.source(), Reason: event.ResetResync, Interactions: living, Detail: detail,
	})
}

// withoutChannels says that no list of channels will come: the user may not ask
// for it. What is open stays open until an event ends it.
func (t *Translator) withoutChannels() {
	t.link.compared = true
	t.link.rows, t.link.waiting = nil, nil
	t.takeEntries()
	t.link.resync = false
}

// endUnseen ends a visit that is over, as far as its end can be known: the queue
// said why, or the caller was seen to hang up. Otherwise it is lost: a caller who
// is elsewhere now may have run out of time, pressed a key, or have been answered
// and transferred. alive tells that the caller is still there.
func (t *Translator) endUnseen(v *visit, alive bool) {
	ch, now := v.ch, t.clock.now
	at := v.leftAt
	if !v.left {
		at = now
	}
	_, said := statusReason[v.status]
	switch {
	case said:
		if !v.left {
			v.left, v.leftAt = true, t.link.heardBefore(now)
		}
		t.resolve(v, alive, -1)
	case ch.asked && !ch.stopped:
		if !v.left {
			at = t.link.heardBefore(now)
		}
		t.dequeue(v, event.DequeueAbandoned, at)
	case v.left && alive:
		t.resolve(v, true, -1)
	default:
		t.dequeue(v, event.DequeueLost, at)
	}
}

// heardBefore is when the PBX was last heard before a cut.
func (l *link) heardBefore(now time.Time) time.Time {
	if l.cut.IsZero() || l.cut.After(now) {
		return now
	}
	return l.cut
}
