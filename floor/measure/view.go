package measure

import "trunkline/floor"

// View is one key of a tenant's floor, from which measures are read. It is cheap
// to make and shows the floor as it is at the moment of reading.
type View struct {
	Tenant *floor.Tenant
	Queue  *floor.Queue
	Agent  *floor.Agent
	Medium floor.Medium
	// Now counts the times of states that go on up to this moment, in epoch
	// milliseconds; with 0 they count when the state ends.
	Now int64

	of  Of
	row rower
	led *ledger // what stands between the formula and the row, when the parts are asked for
}

// rower is what all rows of the floor can do.
type rower interface {
	Get(floor.Counter) int64
	Abandoned() int64
	Present() floor.Present
}

// Queue views a queue.
func Queue(t *floor.Tenant, q *floor.Queue) View {
	return View{Tenant: t, Queue: q, of: OfQueue, row: &q.Row}
}

// QueueChannel views a queue's channel; ok is false when the queue has had nothing of it.
func QueueChannel(t *floor.Tenant, q *floor.Queue, m floor.Medium) (v View, ok bool) {
	if q.ByMedium[m] == nil {
		return View{}, false
	}
	return View{Tenant: t, Queue: q, Medium: m, of: OfQueueChannel, row: q.ByMedium[m]}, true
}

// Channel views a channel: a medium, in all queues and outside them.
func Channel(t *floor.Tenant, m floor.Medium) View {
	return View{Tenant: t, Medium: m, of: OfChannel, row: &t.Channels[m]}
}

// Agent views an agent.
func Agent(t *floor.Tenant, a *floor.Agent) View {
	return View{Tenant: t, Agent: a, of: OfAgent, row: &a.AgentRow}
}

// AgentQueue views an agent's work for a queue.
func AgentQueue(t *floor.Tenant, a *floor.Agent, r *floor.AgentAtQueue) View {
	return View{Tenant: t, Agent: a, Queue: r.Queue, of: OfAgentQueue, row: &r.AgentRow}
}

// Key views what a change is about; ok is false when it has no measures, or is not
// there any more.
func Key(t *floor.Tenant, c floor.Change) (v View, ok bool) {
	switch c.Kind {
	case floor.ChangeQueue:
		if q := t.Queue(c.ID); q != nil {
			return Queue(t, q), true
		}
	case floor.ChangeAgent:
		if a := t.Agent(c.ID); a != nil {
			return Agent(t, a), true
		}
	case floor.ChangeAgentQueue:
		if a, q := t.Agent(c.ID), t.Queue(c.Queue); a != nil && q != nil {
			if r := a.For(q); r != nil {
				return AgentQueue(t, a, r), true
			}
		}
	case floor.ChangeChannel:
		if m, ok := floor.MediumNamed(c.ID); ok {
			return Channel(t, m), true
		}
	case floor.ChangeQueueChannel:
		if m, ok := floor.MediumNamed(c.ID); ok && t.Queue(c.Queue) != nil {
			q := t.Queue(c.Queue)
			return QueueChannel(t, q, m)
		}
	}
	return View{}, false
}

// AgentChannel views an agent's work on a medium.
func AgentChannel(t *floor.Tenant, a *floor.Agent, r *floor.AgentAtChannel) View {
	return View{Tenant: t, Agent: a, Medium: r.Medium, of: OfAgentChannel, row: atChannel{&r.AgentRow, a, r.Medium}}
}

// atChannel is the row of an agent's medium; what there is now is with the agent.
type atChannel struct {
	*floor.AgentRow
	agent  *floor.Agent
	medium floor.Medium
}

// Present gives how many there are now.
func (r atChannel) Present() floor.Present { return r.agent.On(r.medium) }

// Of is the kind of key.
func (v *View) Of() Of { return v.of }

func whole(n int64) Value { return Value{There: true, Whole: n} }

func texts(s string) Value { return Value{There: true, Text: s} }

// quotient gives 100*a/b for percent, a/b otherwise; none for a divisor of zero.
func quotient(a, b, scale int64) Value {
	if b == 0 {
		return Value{}
	}
	return Value{There: true, Part: float64(scale) * float64(a) / float64(b), part: true}
}

func counter(c floor.Counter) func(*View) Value {
	return func(v *View) Value { return whole(v.row.Get(c)) }
}

func present(pick func(floor.Present) int32) func(*View) Value {
	return func(v *View) Value { return whole(int64(pick(v.row.Present()))) }
}

func timeIn(states ...floor.State) func(*View) Value {
	return func(v *View) Value {
		n := int64(0)
		for _, s := range states {
			n += v.timeIn(s)
		}
		return whole(n)
	}
}
