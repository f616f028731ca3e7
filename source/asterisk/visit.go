package asterisk

import (
	"slices"
	"strings"
	"time"

	"trunkline/event"
)

// visit is one caller's wait in one queue.
type visit struct {
	ch       *channel
	queue    string
	joined   time.Time
	exten    string // where the dialplan was on entry
	left     bool
	leftAt   time.Time
	position int
	abandon  bool   // QueueCallerAbandon came, which a time-out sends too
	status   string // QUEUESTATUS
	login    uint64 // the connection in which it was first seen
}

// onJoin begins a visit.
func (t *Translator) onJoin(m *Message) {
	ch := t.channelOf(m, "", true)
	queue := text(m.Bytes("Queue"))
	if ch == nil || queue == "" {
		return
	}
	if v := ch.visit; v != nil && v.queue == queue && !v.left {
		return // a snapshot was faster
	}
	t.join(ch, queue, number(m.Bytes("Position")), t.clock.now, m)
}

func (t *Translator) join(ch *channel, queue string, position int, at time.Time, m *Message) {
	c := ch.call
	t.createLate(c, m)
	t.settleVisit(ch, -1)
	entry := event.EntryNew
	switch {
	case c.transfer != nil:
		entry = event.EntryTransfer
		t.connectTransfer(c, queue)
	case c.answered:
		entry = event.EntryRequeued
	case c.lastLeave == event.DequeueTimeout, c.lastLeave == event.DequeueOverflow, c.lastLeave == event.DequeueFull:
		entry = event.EntryOverflow
		t.say(at, c.short, "redirected", event.InteractionRedirected{
			Ref: c.ref(""), Queue: c.lastQueue, Target: queue, TargetKind: event.TargetQueue, Reason: string(c.lastLeave),
		})
	case c.lastLeave == event.DequeueTransferred:
		entry = event.EntryTransfer
	}
	v := &visit{ch: ch, queue: queue, joined: at, exten: ch.exten, login: t.link.login}
	ch.visit = v
	ch.moved, ch.stopped = false, false
	c.visits = append(c.visits, v)
	c.by = ""
	c.lastQueue = queue
	f := event.InteractionQueued{Ref: c.ref(""), Queue: queue, Reason: entry, Priority: ch.priority, Position: position}
	if ch.queueArg == queue {
		f.LimitMS = ch.limit
	}
	c.entered[queue]++
	t.sayOnce(at, c.short, "queued:"+queue, c.entered[queue], f)
}

// onLeave notes that the caller is out of the line. Why shows only later: by
// AgentConnect, by QUEUESTATUS, or by what the channel does next.
func (t *Translator) onLeave(m *Message) {
	ch := t.channelOf(m, "", false)
	if ch == nil || ch.visit == nil || ch.visit.queue != text(m.Bytes("Queue")) {
		return
	}
	v := ch.visit
	v.left, v.leftAt, v.position = true, t.clock.now, number(m.Bytes("Position"))
	if v.status != "" {
		t.resolve(v, false, -1)
	}
}

// onAbandon is sent for callers who hang up and for time-outs alike.
func (t *Translator) onAbandon(m *Message) {
	if ch := t.channelOf(m, "", false); ch != nil && ch.visit != nil {
		ch.visit.abandon = true
	}
}

// onVarSet watches the three variables that say what no event says.
func (t *Translator) onVarSet(m *Message) {
	name := m.Bytes("Variable")
	for len(name) > 0 && name[0] == '_' {
		name = name[1:] // an inherited variable
	}
	switch string(name) {
	case "QUEUESTATUS":
		if value := text(m.Bytes("Value")); value != "" {
			t.queueStatus(t.channelOf(m, "", true), value)
		}
	case "QUEUE_PRIO":
		if ch := t.channelOf(m, "", false); ch != nil {
			ch.priority = number(m.Bytes("Value"))
		}
	}
}

// queueStatus takes what the Queue application says on its way out.
func (t *Translator) queueStatus(ch *channel, status string) {
	if ch == nil {
		return
	}
	if v := ch.visit; v != nil {
		v.status = status
		if v.left {
			t.resolve(v, false, -1)
		}
		return
	}
	reason := statusReason[status]
	if ch.queueArg == "" || !strings.HasPrefix(status, "JOIN") && status != "FULL" {
		return
	}
	// The queue would not take the caller at all: there is no visit to end.
	c := ch.call
	t.createLate(c, nil)
	c.lastQueue, c.lastLeave = ch.queueArg, reason
	t.say(t.clock.now, c.short, "dequeued", event.InteractionDequeued{Ref: c.ref(""), Queue: ch.queueArg, Reason: reason})
}

// statusReason maps QUEUESTATUS. CONTINUE follows an answered call.
var statusReason = map[string]event.DequeueReason{
	"TIMEOUT":      event.DequeueTimeout,
	"FULL":         event.DequeueFull,
	"JOINEMPTY":    event.DequeueOverflow,
	"JOINUNAVAIL":  event.DequeueOverflow,
	"LEAVEEMPTY":   event.DequeueOverflow,
	"LEAVEUNAVAIL": event.DequeueOverflow,
	"WITHDRAW":     event.DequeueTransferred,
}

// onNewexten follows the dialplan. The next step after a Leave shows that the
// Queue application is over and has said what it had to say.
func (t *Translator) onNewexten(m *Message) {
	ch := t.channelOf(m, "", false)
	if ch == nil {
		return
	}
	if ext := m.Bytes("Extension"); string(ext) != ch.exten {
		ch.exten = text(ext)
	}
	if v := ch.visit; v != nil && v.left {
		t.resolve(v, true, -1)
	}
	if string(m.Bytes("Application")) != "Queue" || ch.visit != nil {
		return
	}
	args := strings.Split(text(m.Bytes("AppData")), ",")
	ch.queueArg, ch.limit = args[0], 0
	if len(args) > 4 {
		ch.limit = int64(number([]byte(args[4]))) * 1000
	}
}

// settleVisit ends the visit of a channel that goes elsewhere: to the next
// queue (cause -1) or away, with the cause of its hang-up.
func (t *Translator) settleVisit(ch *channel, cause int) {
	v := ch.visit
	if v == nil {
		return
	}
	if !v.left {
		// Its Leave was not seen.
		v.left, v.leftAt = true, t.clock.now
		if cause < 0 && !v.abandon && v.status == "" {
			t.dequeue(v, event.DequeueOverflow, v.leftAt)
			return
		}
		v.abandon = v.abandon || cause >= 0
	}
	t.resolve(v, cause < 0, cause)
}

// resolve decides how a visit that was left ended. goesOn tells that the
// channel was seen to do something else; cause is that of its hang-up, or -1.
// It reports whether it could decide.
//
// QUEUESTATUS is the word of the queue itself and always wins. Without it the
// sign of an abandoned visit is a hang-up of the caller's channel before the
// end. Where the class dialplan is switched off, QueueCallerAbandon without
// such a hang-up is a time-out.
func (t *Translator) resolve(v *visit, goesOn bool, cause int) bool {
	ch := v.ch
	reason, known := statusReason[v.status]
	switch {
	case known:
	case v.abandon && ch.moved:
		reason = event.DequeueTransferred
	case v.abandon && (ch.asked || ch.stopped):
		reason = event.DequeueAbandoned
	case v.abandon && (goesOn || cause == 16):
		reason = event.DequeueTimeout
	case v.abandon && cause >= 0:
		reason = event.DequeueAbandoned
	case goesOn:
		reason = event.DequeueKey
	case cause >= 0 && ch.asked:
		reason = event.DequeueAbandoned
	case cause >= 0:
		reason = event.DequeueKey
	default:
		return false
	}
	t.dequeue(v, reason, v.leftAt)
	return true
}

// dequeue ends a visit without an answer.
func (t *Translator) dequeue(v *visit, reason event.DequeueReason, at time.Time) {
	c := v.ch.call
	for _, o := range slices.Clone(c.offers) {
		if o.visit == v {
			t.endOffer(o, event.OfferCancelled)
		}
	}
	t.closeVisit(v)
	c.lastLeave = reason
	f := event.InteractionDequeued{
		Ref:      c.ref(""),
		Queue:    v.queue,
		Reason:   reason,
		WaitedMS: millis(v.joined, at),
		Position: v.position,
		Suspect:  t.link.stopping,
	}
	switch reason {
	case event.DequeueLost:
		f.WaitedMS, f.Suspect = 0, false
	case event.DequeueKey:
		if v.ch.exten != v.exten && len(v.ch.exten) == 1 {
			f.Key = v.ch.exten
		}
	}
	t.say(at, c.short, "dequeued", f)
}

func (t *Translator) closeVisit(v *visit) {
	if v.ch.visit == v {
		v.ch.visit = nil
	}
	c := v.ch.call
	c.visits = slices.DeleteFunc(c.visits, func(o *visit) bool { return o == v })
}
