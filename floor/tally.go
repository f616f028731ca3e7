package floor

import (
	"maps"
	"slices"

	"trunkline/event"
	"trunkline/floor/interval"
	"trunkline/floor/wait"
)

// tally brings the 15-minute rows of an agent up to a moment at which what is
// tallied may have changed, and takes in what is true from then on. A fact that
// comes late takes back what was tallied beyond its time, as far as to the change
// before it, and enters it anew.
func (t *Tenant) tally(a *Agent, at int64) {
	if !t.set.Intervals {
		return
	}
	at = max(at, a.turned)
	before := a.tallied
	t.spend(a, at)
	a.turned = at
	a.spent = interval.Spent{
		LoggedIn:  a.LoginSince > 0,
		Available: a.LoginSince > 0 && a.Presence == event.PresenceAvailable,
		Utilised:  a.Active+a.Wrapping > 0,
	}
	for i := range a.Queues {
		r := a.For(a.Queues[i].Queue)
		a.Queues[i].used = r != nil && r.Active+r.Wrapping > 0
	}
	if before > at {
		t.spend(a, before)
		t.late(at)
	}
}

// spend enters how an agent spent the time since the last entry, or takes back
// what was entered behind a moment.
func (t *Tenant) spend(a *Agent, to int64) {
	from := a.tallied
	a.tallied = to
	if from == 0 || from == to {
		return
	}
	t.intervals.Spend(interval.AgentKey{Agent: a.ID}, from, to, a.spent)
	for i := range a.Queues {
		m := &a.Queues[i]
		how := a.spent
		how.Utilised = m.used
		if m.Active {
			t.intervals.Spend(interval.AgentKey{Agent: a.ID, Queue: m.Queue.ID}, from, to, how)
		}
	}
}

// closeIntervals publishes the slices of time whose grace has passed, and what
// was restated since.
func (t *Tenant) closeIntervals() {
	if !t.set.Intervals || t.now < t.nextClose {
		return
	}
	grace, keep := t.set.IntervalGrace.Milliseconds(), t.set.IntervalKeep.Milliseconds()
	until := interval.StartOf(t.now - grace)
	if t.nextClose > 0 {
		for _, id := range slices.Sorted(maps.Keys(t.agents)) {
			if a := t.agents[id]; a.tallied > 0 && a.tallied < until {
				t.spend(a, until)
			}
		}
		t.rows = t.intervals.Publish(until)
	}
	t.intervals.Forget(t.now - keep)
	t.nextClose = until + interval.Length + grace
}

// restate is how often restated rows are published, in milliseconds.
const restate = 60_000

// late sees to it that a slice that was restated is published again before long.
func (t *Tenant) late(at int64) {
	if at < t.nextClose-interval.Length-t.set.IntervalGrace.Milliseconds() {
		t.nextClose = min(t.nextClose, t.now+restate)
	}
}

// visited enters the end of a visit.
func (t *Tenant) visited(q *Queue, at, waited int64, c Counter) {
	if !t.set.Intervals {
		return
	}
	if c == Answered {
		t.intervals.Answered(q.ID, at, waited)
	} else {
		t.intervals.Left(q.ID, at, c == AbandonedShort || c == AbandonedLong)
	}
	t.late(at)
}

// learn enters a contact that is over.
func (t *Tenant) learn(p *Part, at int64) {
	if p.Queue == nil {
		return
	}
	ms := p.Talked + p.HeldFor + p.Wrapped
	if !p.counted {
		p.Queue.Estimates.Handled(ms)
		if t.set.Intervals {
			t.intervals.Handled(p.Queue.ID, at, ms, p.Wrapped)
			t.late(at)
		}
	}
}

// line is a queue as it stands, for an estimate.
func (t *Tenant) line(q *Queue, now int64) wait.Line {
	l := wait.Line{
		Waiting: int(q.Waiting), Now: now, Idle: int(q.InState[Idle]),
		Working: int(q.InState[Idle] + q.InState[Alerting] + q.InState[Contact] + q.InState[WrapUp]),
	}
	if q.head != nil {
		l.Head = q.head.At
	}
	return l
}

// EstimatedWait is how long one who enters a queue now will wait, by a method,
// in milliseconds; or why that cannot be said. Now is by the clock of the
// queue's source.
func (t *Tenant) EstimatedWait(q *Queue, m wait.Method, now int64) (ms int64, why string) {
	return q.Estimates.Estimate(m, t.line(q, now))
}

// Intervals gives the slices of time that can still be restated; they are the floor's.
func (t *Tenant) Intervals() []*interval.Slice { return t.intervals.Slices }

// Published gives copies of the 15-minute rows that are published and can still be
// restated, each in its newest version: whoever may have missed some begins with them.
func (t *Tenant) Published() []interval.Row { return t.intervals.Published() }

// TooLate is how many entries came for slices that are not kept any more.
func (t *Tenant) TooLate() int64 { return t.intervals.TooLate }

func codeEstimator(c *coder, e *wait.Estimator) {
	for _, n := range [...]*int64{&e.Answers, &e.Last, &e.Expo, &e.Contacts, &e.Handling} {
		num(c, n)
	}
	for m := range e.Errors {
		x := &e.Errors[m]
		num(c, &x.Count)
		num(c, &x.Absolute)
		num(c, &x.Bias)
		c.float(&x.Squares)
	}
}

func codeBook(c *coder, b *interval.Book) {
	num(c, &b.TooLate)
	num(c, &b.Floor)
	list(c, &b.Slices, func(p **interval.Slice) {
		if *p == nil {
			*p = &interval.Slice{Queues: map[string]*interval.QueueRow{}, Agents: map[interval.AgentKey]*interval.AgentRow{}}
		}
		codeSlice(c, *p)
	})
	for i := 1; i < len(b.Slices); i++ {
		if b.Slices[i].Start <= b.Slices[i-1].Start {
			c.fail("slices of time are out of order")
			return
		}
	}
}

func codeSlice(c *coder, s *interval.Slice) {
	num(c, &s.Start)
	c.flag(&s.Published)
	c.flag(s.Marks())
	n := c.length(len(s.Queues))
	ids := slices.Sorted(maps.Keys(s.Queues))
	for i := 0; i < n && c.bad == ""; i++ {
		id, r := "", &interval.QueueRow{}
		if c.writing {
			id, r = ids[i], s.Queues[ids[i]]
		}
		str(c, &id)
		num(c, &r.Version)
		num(c, &r.Agents)
		for _, v := range [...]*int64{&r.Assignments, &r.Abandons, &r.Others, &r.Wait, &r.Handled, &r.Handle, &r.Wrap} {
			num(c, v)
		}
		for j := range r.Within {
			num(c, &r.Within[j])
		}
		c.flag(r.Marks())
		s.Queues[id] = r
	}
	n = c.length(len(s.Agents))
	keys := s.SortedAgents()
	for i := 0; i < n && c.bad == ""; i++ {
		k, r := interval.AgentKey{}, &interval.AgentRow{}
		if c.writing {
			k, r = keys[i], s.Agents[keys[i]]
		}
		str(c, &k.Agent)
		str(c, &k.Queue)
		num(c, &r.Version)
		for _, v := range [...]*int64{&r.LoggedIn, &r.Available, &r.Busy, &r.Utilised, &r.UtilisedAvailable, &r.UtilisedBusy} {
			num(c, v)
		}
		c.flag(r.Marks())
		s.Agents[k] = r
	}
}
