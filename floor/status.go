package floor

import (
	"strconv"

	"trunkline/event"
	"trunkline/eventlog/writer"
)

// minBetweenStatuses is how long, in milliseconds of the log's clock, what was said of
// how an entity measures stays said before it is said again.
const minBetweenStatuses = 1000

// measured is what was said last of how a queue or an agent measures.
type measured struct {
	count  int64 // waiting, or contacts
	wait   int64 // the estimate in whole seconds, below 0: there was none
	toldAt int64 // by the log's clock; 0: nothing was said yet
	armed  int64 // when it is said again; 0: not
}

// queueMeasure is what only tenants whose statuses are kept know of a queue.
type queueMeasure struct {
	measured
	sizeAt  int64  // when the number waiting changed last, by the source's clock
	sizeWhy string // entered, answered or the reason for leaving
	waitAt  int64  // when the estimate was said to be another
}

// measures looks at the queues and agents that the record at hand touched: what is not
// as it was said is said in a fact of its own, through a timer, so that however much
// happens it is said once a second at most.
func (t *Tenant) measures() {
	if !t.set.Statuses {
		return
	}
	for i := 0; i < len(t.changes); i++ {
		switch c := &t.changes[i]; c.Kind {
		case ChangeQueue:
			if q := t.queues[c.ID]; q != nil && q.measure.idle(t.now) {
				if n, w := t.measureQueue(q, t.now); n != q.measure.count || w != q.measure.wait || q.measure.toldAt == 0 {
					t.timers.push(timer{at: q.measure.arm(t.now), tenant: t, queue: q})
				}
			}
		case ChangeAgent:
			if a := t.agents[c.ID]; a != nil && a.use != nil && a.use.idle(t.now) && int64(a.AgentRow.Active) != a.use.count {
				t.timers.push(timer{at: a.use.arm(t.now), tenant: t, agent: a})
			}
		}
	}
}

// idle says that nothing is about to be said. One that was due before and is not in the
// log yet may be armed anew: only the time that was armed last counts.
func (m *measured) idle(now int64) bool { return m.armed < now }

func (m *measured) arm(now int64) int64 {
	m.armed = now
	if m.toldAt > 0 {
		m.armed = max(now, m.toldAt+minBetweenStatuses)
	}
	return m.armed
}

// measureQueue gives how many wait, and the estimate in whole seconds.
func (t *Tenant) measureQueue(q *Queue, at int64) (waiting, wait int64) {
	ms, why := t.EstimatedWait(q, t.set.WaitMethod, at)
	if why != "" {
		return int64(q.Waiting), -1
	}
	return int64(q.Waiting), ms / 1000
}

// resized takes down why the number that waits is another.
func (t *Tenant) resized(q *Queue, why string, at int64) {
	if t.set.Statuses {
		q.measure.sizeAt, q.measure.sizeWhy = at, why
	}
}

// queueMeasureDue gives what a timer says of a queue's measures.
func (t *Tenant) queueMeasureDue(q *Queue, at int64) (writer.Derived, bool) {
	f := event.QueueMeasured{Queue: q.ID, Waiting: int(q.Waiting)}
	n, wait := t.measureQueue(q, at)
	if n != q.measure.count || q.measure.toldAt == 0 || q.measure.sizeAt > q.measure.toldAt {
		f.Changed = append(f.Changed, event.MeasuredSize)
	}
	if wait != q.measure.wait || q.measure.toldAt == 0 {
		f.Changed = append(f.Changed, event.MeasuredWait)
	}
	if f.Estimated = wait >= 0; f.Estimated {
		f.EstimatedWaitMS = wait * 1000
	}
	return t.timed(f, at, "queue measure timer", q.ID, q.measure.toldAt)
}

// agentMeasureDue gives what a timer says of an agent's load.
func (t *Tenant) agentMeasureDue(a *Agent, at int64) (writer.Derived, bool) {
	f := event.AgentMeasured{AgentRef: event.AgentRef{Agent: a.ID}, Load: int(a.AgentRow.Active), Changed: []event.MeasuredChange{event.MeasuredLoad}}
	return t.timed(f, at, "agent measure timer", a.ID, a.use.toldAt)
}

// timed makes a fact that a timer says. Its id depends on the timer alone.
func (t *Tenant) timed(f event.Fact, at int64, what, id string, before int64) (writer.Derived, bool) {
	e, err := event.Encode(event.Meta{
		ID:     derivedID(t.Name, what, id, strconv.FormatInt(at, 10), strconv.FormatInt(before, 10)),
		Source: DerivedSource, Tenant: t.Name, Time: moment(at),
	}, f)
	return writer.Derived{Tenant: t.Name, Event: e}, err == nil
}

// measureTold takes in a fact of the floor's own about how a queue or an agent measures.
func (t *Tenant) measureTold(in *input) {
	switch f := in.fact.(type) {
	case event.QueueMeasured:
		q := t.queues[f.Queue]
		if q == nil {
			return
		}
		wait := int64(-1)
		if f.Estimated {
			wait = f.EstimatedWaitMS / 1000
		}
		if q.measure.toldAt == 0 || wait != q.measure.wait {
			q.measure.waitAt = in.at
		}
		q.measure.measured = measured{count: int64(f.Waiting), wait: wait, toldAt: in.at}
		t.touchQueue(q)
	case event.AgentMeasured:
		if a := t.agents[f.Agent]; a != nil && t.set.Statuses {
			u := t.usage(a)
			u.measured = measured{count: int64(f.Load), toldAt: in.at}
			t.touchAgent(a)
		}
	case event.AgentUtilised:
		if a := t.agents[f.Agent]; a != nil && a.use != nil {
			t.utilisationTold(a, millis(f.To.Time))
		}
	}
}
