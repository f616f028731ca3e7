package asterisk

import (
	"slices"
	"strconv"
	"time"

	"trunkline/event"
)

func (c *qCall) ref(leg string) event.Ref {
	return event.Ref{Interaction: c.ID, Media: event.MediaPhone, Leg: leg}
}

// call follows the callers.
func (t *QueueLogTranslator) call(l *QueueLogLine) {
	if l.Call == "" {
		return
	}
	switch l.Event {
	case "ENTERQUEUE":
		t.enter(l)
		return
	case "CONNECT":
		t.connect(l)
		return
	}
	c := t.s.Calls[l.Call]
	if c == nil {
		return // it began before the file did
	}
	switch l.Event {
	case "ABANDON":
		t.leave(l, c, event.DequeueAbandoned, number([]byte(l.Arg(0))), "")
		c.By = event.InitiatorCustomer
		t.end(l.Call, c, false)
	case "EXITWITHTIMEOUT":
		t.leave(l, c, event.DequeueTimeout, number([]byte(l.Arg(0))), "")
	case "EXITEMPTY":
		t.leave(l, c, event.DequeueOverflow, number([]byte(l.Arg(0))), "")
	case "EXITWITHKEY":
		t.leave(l, c, event.DequeueKey, number([]byte(l.Arg(1))), l.Arg(0))
	case "RINGNOANSWER":
		t.rang(l, c, event.OfferNoAnswer)
	case "RINGCANCELED":
		t.rang(l, c, event.OfferCancelled)
	case "AGENTDUMP":
		t.rang(l, c, event.OfferRejected)
	case "COMPLETEAGENT":
		t.complete(l, c, event.InitiatorAgent)
	case "COMPLETECALLER":
		t.complete(l, c, event.InitiatorCustomer)
		t.end(l.Call, c, false)
	case "BLINDTRANSFER", "TRANSFER":
		t.transfer(l, c, event.TransferBlind, l.Arg(0))
	case "ATTENDEDTRANSFER":
		t.transfer(l, c, event.TransferConsult, "")
	case "SYSCOMPAT":
		t.leave(l, c, event.DequeueLost, 0, "")
	}
}

// begin makes an interaction known. A caller who comes back long after the end
// of the last visit is a new one.
func (t *QueueLogTranslator) begin(l *QueueLogLine, customer *event.Customer) *qCall {
	t.s.Serial++
	c := &qCall{
		Serial: t.s.Serial, ID: t.ids.entity(l.Call), Short: t.ids.short(l.Call), Start: l.Time,
		Entered: make(map[string]int),
	}
	f := event.InteractionCreated{Direction: event.DirectionIn, Customer: customer}
	for i := range t.s.Gone {
		g := &t.s.Gone[i]
		if g.Call != l.Call {
			continue
		}
		f.Parent, f.Origin = c.ID, event.OriginTransfer
		if g.N > 1 {
			f.Parent += "-" + strconv.Itoa(g.N)
		}
		g.N++
		n := "-" + strconv.Itoa(g.N)
		c.ID, c.Short = c.ID+n, c.Short+n
	}
	parent := f.Parent
	f.Ref = c.ref("")
	f.Parent = parent
	t.s.Calls[l.Call] = c
	t.once(l.Time, c.Short, "created", 1, f)
	return c
}

func (t *QueueLogTranslator) enter(l *QueueLogLine) {
	c := t.s.Calls[l.Call]
	if c == nil {
		var customer *event.Customer
		if n := (event.Customer{Number: l.Arg(1), Name: l.Arg(3)}); n != (event.Customer{}) {
			customer = &n
		}
		c = t.begin(l, customer)
	}
	if c.Queue == l.Queue || l.Queue == "" {
		return
	}
	if c.Queue != "" { // its end is missing
		t.dequeue(c, event.InteractionDequeued{Queue: c.Queue, Reason: event.DequeueLost})
	}
	if c.Agent != "" {
		t.release(c, event.InteractionReleased{Initiator: event.InitiatorSystem, Reason: event.EndNone, Lost: true})
	}
	reason := event.EntryNew
	switch {
	case c.Transfer != "":
		reason = event.EntryTransfer
		t.say(c.Short, "transfer_connected", event.InteractionTransferConnected{
			Ref: c.ref(""), Agent: c.LastAgent, Kind: event.TransferBlind, Target: c.Transfer, TargetKind: event.TargetNumber, Connected: l.Queue,
		})
	case c.Answered:
		reason = event.EntryRequeued
	case c.LastLeave == event.DequeueTimeout, c.LastLeave == event.DequeueOverflow:
		reason = event.EntryOverflow
		t.say(c.Short, "redirected", event.InteractionRedirected{
			Ref: c.ref(""), Queue: c.LastQueue, Target: l.Queue, TargetKind: event.TargetQueue, Reason: string(c.LastLeave),
		})
	}
	c.Transfer, c.EndAt, c.By = "", time.Time{}, ""
	c.Queue, c.Joined, c.LastQueue = l.Queue, l.Time, l.Queue
	c.Entered[l.Queue]++
	t.once(l.Time, c.Short, "queued:"+l.Queue, c.Entered[l.Queue], event.InteractionQueued{
		Ref: c.ref(""), Queue: l.Queue, Reason: reason, Position: number([]byte(l.Arg(2))),
	})
}

func (t *QueueLogTranslator) connect(l *QueueLogLine) {
	if l.Agent == "" || l.Queue == "" {
		return
	}
	c := t.s.Calls[l.Call]
	if c == nil {
		c = t.begin(l, nil)
	}
	a, iface := t.agent(l.Agent, true)
	if c.Agent != "" {
		return
	}
	short := l.Arg(1)
	if short == "" {
		short = c.Short + "-agent"
	}
	var waited int64
	if c.Queue == l.Queue {
		waited = millis(c.Joined, l.Time)
	}
	c.Queue, c.EndAt, c.By, c.Answered = "", time.Time{}, "", true
	c.Leg, c.LegShort, c.Since = t.ids.entity(short), t.ids.short(short), l.Time
	c.Agent, c.LastAgent, c.LastQueue = a.ID, a.ID, l.Queue
	t.once(l.Time, c.LegShort, "accepted", 1, event.InteractionAccepted{
		Ref: c.ref(c.Leg), Agent: a.ID, Queue: l.Queue, Address: iface, Legs: &event.Legs{Agent: c.Leg, Customer: c.ID},
		WaitedMS: waited, RangMS: int64(max(number([]byte(l.Arg(2))), 0)) * 1000,
	})
}

// leave ends a visit without an answer.
func (t *QueueLogTranslator) leave(l *QueueLogLine, c *qCall, reason event.DequeueReason, position int, key string) {
	if c.Queue == "" || c.Queue != l.Queue {
		return
	}
	c.EndAt = l.Time
	t.dequeue(c, event.InteractionDequeued{
		Queue: l.Queue, Reason: reason, WaitedMS: millis(c.Joined, l.Time), Position: max(position, 0), Key: key,
	})
}

func (t *QueueLogTranslator) dequeue(c *qCall, f event.InteractionDequeued) {
	f.Ref = c.ref("")
	c.Queue, c.LastLeave = "", f.Reason
	t.say(c.Short, "dequeued", f)
}

// rang says an offer that is over: the file tells of it only then.
func (t *QueueLogTranslator) rang(l *QueueLogLine, c *qCall, reason event.OfferEndReason) {
	if l.Agent == "" {
		return
	}
	a, iface := t.agent(l.Agent, true)
	ring := int64(max(number([]byte(l.Arg(0))), 0))
	c.Rings++
	n := strconv.Itoa(c.Rings)
	leg, short := c.ID+"-ring"+n, c.Short+"-ring"+n
	began := l.Time.Add(-time.Duration(ring) * time.Millisecond)
	t.once(began, short, "offered", 1, event.InteractionOffered{Ref: c.ref(leg), Agent: a.ID, Queue: l.Queue, Address: iface})
	t.once(l.Time, short, "offer_ended", 1, event.InteractionOfferEnded{Ref: c.ref(leg), Agent: a.ID, Queue: l.Queue, Reason: reason, RangMS: ring})
}

func (t *QueueLogTranslator) complete(l *QueueLogLine, c *qCall, by event.Initiator) {
	c.By, c.EndAt = by, l.Time
	if c.Agent != "" {
		t.release(c, event.InteractionReleased{Initiator: by, Reason: event.EndNormal, TalkMS: millis(c.Since, l.Time)})
	}
}

func (t *QueueLogTranslator) release(c *qCall, f event.InteractionReleased) {
	f.Ref, f.Agent, f.Queue = c.ref(c.Leg), c.Agent, c.LastQueue
	entity := c.LegShort
	c.Agent, c.Leg, c.LegShort = "", "", ""
	t.say(entity, "released", f)
}

func (t *QueueLogTranslator) transfer(l *QueueLogLine, c *qCall, kind event.TransferKind, target string) {
	agent, leg, entity := c.Agent, c.Leg, c.LegShort
	if agent == "" {
		return
	}
	if target != "" {
		c.Transfer = target
		t.say(entity, "transfer_started", event.InteractionTransferStarted{
			Ref: c.ref(leg), Agent: agent, Kind: kind, Target: target, TargetKind: event.TargetNumber,
		})
	}
	f := event.InteractionTransferRequested{Ref: c.ref(leg), Agent: agent, Kind: kind, Target: target}
	if target != "" {
		f.TargetKind = event.TargetNumber
	}
	t.say(entity, "transfer_requested", f)
	t.complete(l, c, event.InitiatorAgent)
}

// end ends an interaction: at the time it left its queue, or as lost.
func (t *QueueLogTranslator) end(call string, c *qCall, lost bool) {
	at := c.EndAt
	f := event.InteractionEnded{
		Ref: c.ref(""), Initiator: c.By, Reason: event.EndNormal, Agent: c.LastAgent, Queue: c.LastQueue,
	}
	if f.Initiator == "" {
		f.Initiator = event.InitiatorSystem
	}
	if !c.Answered && c.By == event.InitiatorCustomer {
		f.Reason = event.EndCancelled
	}
	if lost {
		at = t.now
		if c.Queue != "" {
			t.dequeue(c, event.InteractionDequeued{Queue: c.Queue, Reason: event.DequeueLost})
		}
		if c.Agent != "" {
			t.release(c, event.InteractionReleased{Initiator: event.InitiatorSystem, Reason: event.EndNone, Lost: true})
		}
		f.Initiator, f.Reason, f.Lost = event.InitiatorSystem, event.EndNone, true
	} else {
		f.DurationMS = millis(c.Start, at)
		if c.Transfer != "" {
			f.Detail = "transferred to " + c.Transfer
		}
	}
	t.once(at, c.Short, "ended", 1, f)
	delete(t.s.Calls, call)
	t.gone(call, at)
}

// gone remembers the Uniqueid of an ended call for a while.
func (t *QueueLogTranslator) gone(call string, at time.Time) {
	old := func(g goneCall) bool { return at.Sub(g.At) > goneFor }
	t.s.Gone = slices.DeleteFunc(t.s.Gone, old)
	for i := range t.s.Gone {
		if t.s.Gone[i].Call == call {
			t.s.Gone[i].At = at
			return
		}
	}
	if len(t.s.Gone) >= maxGone {
		t.s.Gone = slices.Delete(t.s.Gone, 0, 1)
	}
	t.s.Gone = append(t.s.Gone, goneCall{call, at, 1})
}
