package floor

import (
	"strings"

	"trunkline/event"
	"trunkline/floor/hours"
	"trunkline/floor/wait"
)

// Queue is one queue as the floor knows it. Others than this package only read it.
type Queue struct {
	ID, Name, GUID string
	Config         event.QueueConfigured // as it was announced last; zero when no source did
	Known          bool                  // a source has announced it
	Removed        bool

	Row         // counted since midnight, and what is there now
	ByMedium    [NumMedia]*Row
	WaitsTaken  Waits // of the answered, since midnight
	WaitsOthers Waits // of all others
	Members     int32 // agents who serve it
	InState     [NumStates]int32

	Estimates wait.Estimator
	measure   queueMeasure

	told    bool  // its availability has been said
	closed  uint8 // by what it was closed when that was said last
	toldAt  int64 // when that was, by the log's clock
	reviews int64 // when what was not said so soon again is looked at; 0: never
	opens   int64 // when its hours open or close it next; 0: never

	edges      edges
	schedule   *hours.Schedule // nil: none, or one that cannot be read
	status     hours.Status    // what it says, from cached to until
	cached     int64
	until      int64
	changes    int64
	head, tail *Visit // waiting, longest first
	mark       uint64
	counted    uint64 // the record for which media is
	media      uint8  // media of which that record counted something, a bit for each
}

// Visit is one interaction waiting in a queue.
type Visit struct {
	Queue       *Queue
	Interaction *Interaction
	At          int64 // when it began to wait
	Priority    int
	Position    int // on entry, as the source said
	Reason      string

	told       wait.Told // by the methods of estimating, when it began to wait
	no         uint64    // in the order of arrival
	prev, next *Visit
}

// Oldest is the visit that waits longest, nil when none waits.
func (q *Queue) Oldest() *Visit { return q.head }

// Each gives the waiting visits, the longest wait first, until f says false.
// Their positions are counted from 1.
func (q *Queue) Each(f func(position int, v *Visit) bool) {
	n := 0
	for v := q.head; v != nil; v = v.next {
		if n++; !f(n, v) {
			return
		}
	}
}

// Target is the wait within which an answer counts as in time, in milliseconds.
func (t *Tenant) Target(q *Queue) int64 {
	if q.Config.ServiceLevelMS > 0 {
		return q.Config.ServiceLevelMS
	}
	if ms := t.set.ServiceLevelOf[q.ID]; ms > 0 {
		return ms
	}
	return t.set.ServiceLevelMS
}

func (t *Tenant) short(q *Queue) int64 {
	if q.Config.ShortAbandonMS > 0 {
		return q.Config.ShortAbandonMS
	}
	return t.set.ShortAbandonMS
}

func (q *Queue) channel(m Medium) *Row {
	if q.ByMedium[m] == nil {
		q.ByMedium[m] = &Row{}
	}
	return q.ByMedium[m]
}

// queue gives a queue by its id and makes it known when it is not; nil for no id.
func (t *Tenant) queue(id string) *Queue {
	if id == "" {
		return nil
	}
	q := t.queues[id]
	if q != nil {
		return q
	}
	if len(t.queues) >= t.set.MaxQueues {
		if id = overflowID; t.queues[id] != nil {
			return t.queues[id]
		}
	}
	id = strings.Clone(id)
	q = &Queue{ID: id, GUID: event.GUID(t.Name, event.EntityQueue, id)}
	t.queues[id] = q
	t.touchQueue(q)
	return q
}

// configure takes in the whole configuration of a queue.
func (t *Tenant) configure(in *input) {
	f, _ := in.fact.(event.QueueConfigured)
	q := t.queue(f.Queue)
	if q == nil {
		return
	}
	q.Config, q.Known, q.Removed = f, !f.Removed, f.Removed
	q.plan()
	if f.Name != "" {
		q.Name = f.Name
	}
	if f.GUID != "" {
		q.GUID = f.GUID
	}
	t.touchQueue(q)
}

// enter lets an interaction wait in a queue.
func (t *Tenant) enter(it *Interaction, q *Queue, in *input) *Visit {
	t.visitNo++
	told := q.Estimates.Tell(t.line(q, in.at))
	v := &Visit{told: told, Queue: q, Interaction: it, At: in.at, Priority: in.priority, Position: in.position, Reason: strings.Clone(in.reason), no: t.visitNo}
	q.insert(v)
	it.visits = append(it.visits, v)
	it.Visits++
	it.LastQueue, it.QueuedAt, it.Priority = q, in.at, in.priority
	if it.FirstQueuedAt == 0 {
		it.FirstQueuedAt = in.at
	}
	t.count(Offered, 1, q, nil, it.Media)
	t.gauge(gaugeWaiting, 1, q, nil, it.Media)
	t.resized(q, "entered", in.at)
	return v
}

// insert puts a visit in its place: behind those that came before it.
func (q *Queue) insert(v *Visit) {
	at := q.tail
	for at != nil && (at.At > v.At || at.At == v.At && at.no > v.no) {
		at = at.prev
	}
	v.prev = at
	if at == nil {
		v.next, q.head = q.head, v
	} else {
		v.next, at.next = at.next, v
	}
	if v.next == nil {
		q.tail = v
	} else {
		v.next.prev = v
	}
}

func (q *Queue) remove(v *Visit) {
	if v.prev == nil {
		q.head = v.next
	} else {
		v.prev.next = v.next
	}
	if v.next == nil {
		q.tail = v.prev
	} else {
		v.next.prev = v.prev
	}
	v.prev, v.next = nil, nil
}

// leave ends a visit with an outcome. at is when, by the source's clock.
func (t *Tenant) leave(v *Visit, c Counter, at int64, suspect bool) {
	it, q := v.Interaction, v.Queue
	q.remove(v)
	for i := range it.visits {
		if it.visits[i] == v {
			it.visits = append(it.visits[:i:i], it.visits[i+1:]...)
			break
		}
	}
	t.gauge(gaugeWaiting, -1, q, nil, it.Media)
	t.resized(q, leftWord(c), at)
	t.outcome(it, q, c, max(at-v.At, 0), suspect, at)
	if c == Answered {
		q.Estimates.Answered(&v.told, max(at-v.At, 0))
	}
}

// outcome counts the end of a visit after a wait.
func (t *Tenant) outcome(it *Interaction, q *Queue, c Counter, waited int64, suspect bool, at int64) {
	m := it.Media
	if c == AbandonedShort || c == AbandonedLong {
		c = AbandonedLong
		if waited <= t.short(q) {
			c = AbandonedShort
		}
		t.count(WaitAbandoned, waited, q, nil, m)
		if waited <= t.Target(q) {
			t.count(AbandonedInTarget, 1, q, nil, m)
		}
		if a := t.alertedAt(it, at); a != nil {
			t.count(AbandonedAlerting, 1, q, a, m)
		}
	}
	t.count(c, 1, q, nil, m)
	if suspect {
		t.count(Suspect, 1, q, nil, m)
	}
	it.Waited = waited
	if c == Answered {
		if waited <= t.Target(q) {
			t.count(AnsweredInTarget, 1, q, nil, m)
		}
		t.count(WaitAnswered, waited, q, nil, m)
		q.WaitsTaken.add(waited)
	} else {
		t.count(WaitLeft, waited, q, nil, m)
		q.WaitsOthers.add(waited)
	}
	t.visited(q, at, waited, c)
}

// leftWord gives the word for why somebody waits no more.
func leftWord(c Counter) string {
	switch c {
	case Answered:
		return "answered"
	case AbandonedShort, AbandonedLong:
		return string(event.DequeueAbandoned)
	case TimedOut:
		return string(event.DequeueTimeout)
	case Overflowed:
		return string(event.DequeueOverflow)
	case LeftByKey:
		return string(event.DequeueKey)
	case Refused:
		return string(event.DequeueFull)
	case MovedOn:
		return string(event.DequeueTransferred)
	}
	return string(event.DequeueLost)
}

// outcomeOf gives the counter of a reason in a dequeued fact.
func outcomeOf(reason string) Counter {
	switch event.DequeueReason(reason) {
	case event.DequeueAbandoned:
		return AbandonedLong
	case event.DequeueTimeout:
		return TimedOut
	case event.DequeueOverflow:
		return Overflowed
	case event.DequeueKey:
		return LeftByKey
	case event.DequeueFull:
		return Refused
	case event.DequeueTransferred:
		return MovedOn
	}
	return LostWaiting
}
