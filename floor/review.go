package floor

import (
	"strconv"

	"trunkline/event"
	"trunkline/eventlog/writer"
)

// minBetween is how long, in milliseconds, a queue's availability stays said
// before it is said again: a cap that is reached and left with every call would
// else be said with every call.
const minBetween = 1000

// review says of the queues that the record at hand touched whether they are open,
// where that is not what was said last. Most queues have nothing that could close
// them and are passed over.
func (t *Tenant) review() {
	for i := 0; i < len(t.changes); i++ {
		if t.changes[i].Kind != ChangeQueue {
			continue
		}
		q := t.queues[t.changes[i].ID]
		if q == nil || !q.told && !q.canClose() || !t.unsaid(q, t.now) {
			continue
		}
		if q.told && t.now < q.toldAt+minBetween {
			if at := q.toldAt + minBetween; q.reviews != at {
				q.reviews = at
				t.timers.push(timer{at: at, tenant: t, queue: q})
			}
			continue
		}
		t.derive(t.availabilityFact(q, t.now), t.now)
		t.noted(q, t.now)
	}
}

// canClose says that a queue's configuration has something that could close it.
func (q *Queue) canClose() bool {
	return q.schedule != nil || q.Config.Caps != nil || q.Config.Mitigation != nil || q.Config.Stage == event.StageDisabled
}

// unsaid says that a queue's availability at a moment is not what was said last.
func (t *Tenant) unsaid(q *Queue, at int64) bool {
	q.lookUp(at)
	a := t.Availability(q, at)
	return !q.told || a.closers() != q.closed
}

// noted takes down that a queue's availability at a moment was said, and looks at it
// again when its hours change.
func (t *Tenant) noted(q *Queue, at int64) {
	a := t.Availability(q, at)
	q.told, q.closed, q.toldAt, q.reviews = true, a.closers(), at, 0
	if q.opens = millis(a.Changes); q.opens > 0 {
		t.timers.push(timer{at: q.opens, tenant: t, queue: q})
	}
}

func (t *Tenant) availabilityFact(q *Queue, at int64) event.Fact {
	a := t.Availability(q, at)
	return event.QueueAvailabilityChanged{
		Queue: q.ID, Open: a.Open, ClosedBy: a.Closers(), Waiting: int(q.Waiting), ScheduleChanges: event.At(a.Changes),
	}
}

// availabilityDue gives what a timer says of a queue.
func (t *Tenant) availabilityDue(q *Queue, at int64) (writer.Derived, bool) {
	f := t.availabilityFact(q, at)
	id := derivedID(t.Name, "availability timer", q.ID, strconv.FormatInt(at, 10), strconv.FormatInt(q.toldAt, 10))
	e, err := event.Encode(event.Meta{ID: id, Source: DerivedSource, Tenant: t.Name, Time: moment(at)}, f)
	return writer.Derived{Tenant: t.Name, Event: e}, err == nil
}

// availabilityTold takes in a fact of the floor's own about a queue. What follows
// from a record has been noted with it; what a timer says is noted now.
func (t *Tenant) availabilityTold(in *input) {
	f, _ := in.fact.(event.QueueAvailabilityChanged)
	if q := t.queues[f.Queue]; q != nil && in.at > q.toldAt {
		t.noted(q, in.at)
		t.touchQueue(q)
	}
}
