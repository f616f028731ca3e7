package live

import (
	"trunkline/event"
	"trunkline/floor"
	"trunkline/floor/wait"
)

// estimate is what a method says of the wait to come. Nothing in a state ages by
// itself: the head of the line is shown as the moment since when it waits.
type estimate struct {
	MS      *int64 `json:"ms"` // null: nothing can be said, or it is now minus since
	Since   moment `json:"since,omitempty"`
	Reason  string `json:"reason,omitempty"`
	ErrorMS *int64 `json:"error_ms"` // null: nothing was measured since midnight
	Tried   int64  `json:"measured"`
}

func showEstimates(t *floor.Tenant, q *floor.Queue) map[string]estimate {
	out := make(map[string]estimate, wait.Methods)
	for m := range wait.Methods {
		var e estimate
		ms, why := t.EstimatedWait(q, m, t.At())
		switch v := q.Oldest(); {
		case why != "":
			e.Reason = why
		case m == wait.HeadOfLine && v != nil:
			e.Since = moment(v.At)
		default:
			e.MS = &ms
		}
		if x := &q.Estimates.Errors[m]; x.Count > 0 {
			mean := x.Mean()
			e.ErrorMS, e.Tried = &mean, x.Count
		}
		out[m.String()] = e
	}
	return out
}

// channelState is a medium: as a whole, or in a queue.
type channelState struct {
	ID       string     `json:"id"`
	Waiting  int32      `json:"waiting"`
	Alerting int32      `json:"alerting"`
	Active   int32      `json:"active"`
	Held     int32      `json:"held"`
	Wrapping int32      `json:"wrapping_up"`
	Today    queueToday `json:"today"`
}

func showRow(id string, r *floor.Row) channelState {
	n := r.Present()
	return channelState{id, n.Waiting, n.Alerting, n.Active, n.Held, n.Wrapping, countedOf(r)}
}

func showChannel(t *floor.Tenant, m floor.Medium) any {
	s := showRow(m.String(), &t.Channels[m])
	return &s
}

func channels(t *floor.Tenant, fn func(show any)) {
	for m := floor.MediumUnknown + 1; m < floor.NumMedia; m++ {
		fn(showChannel(t, m))
	}
}

// countedOf shows what is counted of a queue or channel since midnight.
func countedOf(r *floor.Row) queueToday {
	return queueToday{
		Offered: r.Get(floor.Offered), Answered: r.Get(floor.Answered), AnsweredInTarget: r.Get(floor.AnsweredInTarget),
		AbandonedShort: r.Get(floor.AbandonedShort), AbandonedLong: r.Get(floor.AbandonedLong), Timeout: r.Get(floor.TimedOut),
		Overflow: r.Get(floor.Overflowed), Key: r.Get(floor.LeftByKey), Full: r.Get(floor.Refused), Transferred: r.Get(floor.MovedOn),
		Lost: r.Get(floor.LostWaiting), WaitAnsweredMS: r.Get(floor.WaitAnswered), WaitAbandonedMS: r.Get(floor.WaitAbandoned),
		Handled: r.Get(floor.Handled), TalkMS: r.Get(floor.Talk), HoldMS: r.Get(floor.Hold), WrapMS: r.Get(floor.Wrap),
	}
}

// agentToday is what is counted of an agent's work since midnight, in all or for a
// queue. What is zero is left out: there are many agents.
type agentToday struct {
	Offered     int64 `json:"offered,omitempty"`
	Accepted    int64 `json:"accepted,omitempty"`
	NotAnswered int64 `json:"not_answered,omitempty"`
	Rejected    int64 `json:"rejected,omitempty"`
	Cancelled   int64 `json:"cancelled,omitempty"`
	Contacts    int64 `json:"contacts,omitempty"`
	ContactsIn  int64 `json:"contacts_in,omitempty"`
	ContactsOut int64 `json:"contacts_out,omitempty"`
	Handled     int64 `json:"handled,omitempty"`
	TalkMS      int64 `json:"talk_ms,omitempty"`
	HoldMS      int64 `json:"hold_ms,omitempty"`
	WrapMS      int64 `json:"wrap_ms,omitempty"`
	Transfers   int64 `json:"transfers,omitempty"`
	Logins      int64 `json:"logins,omitempty"`
}

func workOf(r *floor.AgentRow) agentToday {
	return agentToday{
		r.Get(floor.Alerts), r.Get(floor.Accepted), r.Get(floor.NotAnswered), r.Get(floor.Rejected), r.Get(floor.Cancelled),
		r.Get(floor.Contacts), r.Get(floor.ContactsIn), r.Get(floor.ContactsOut), r.Get(floor.Handled), r.Get(floor.Talk),
		r.Get(floor.Hold), r.Get(floor.Wrap), r.Get(floor.Transfers), r.Get(floor.Logins),
	}
}

// timeByState is how long an agent was in each state since midnight, the present
// stay left out.
type timeByState struct {
	Offline  int64 `json:"offline,omitempty"`
	Away     int64 `json:"away,omitempty"`
	Idle     int64 `json:"idle,omitempty"`
	Alerting int64 `json:"alerting,omitempty"`
	Contact  int64 `json:"contact,omitempty"`
	WrapUp   int64 `json:"wrap_up,omitempty"`
}

// queueWork is an agent's work for a queue.
type queueWork struct {
	Queue    string     `json:"queue"`
	Alerting int32      `json:"alerting,omitempty"`
	Active   int32      `json:"active,omitempty"`
	Held     int32      `json:"held,omitempty"`
	Wrapping int32      `json:"wrapping_up,omitempty"`
	Today    agentToday `json:"today"`
}

func showByQueue(a *floor.Agent) []queueWork {
	var out []queueWork
	for i := range a.ByQ {
		r := &a.ByQ[i]
		n := r.Present()
		out = append(out, queueWork{r.Queue.ID, n.Alerting, n.Active, n.Held, n.Wrapping, workOf(&r.AgentRow)})
	}
	return out
}

// availabilityState says whether a queue takes anybody, as it was said last.
type availabilityState struct {
	Open     bool                `json:"open"`
	ClosedBy []event.QueueCloser `json:"closed_by,omitempty"`
	Changes  moment              `json:"schedule_changes,omitempty"`
}

func showAvailability(q *floor.Queue) availabilityState {
	closers, changes := q.Said()
	return availabilityState{len(closers) == 0, closers, moment(changes)}
}
