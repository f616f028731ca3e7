package sim_test

import (
	"fmt"
	"slices"
	"time"

	"trunkline/event"
	"trunkline/sim"
)

// recounter arrives at the books from the facts alone. It knows nothing of how
// the simulator works; docs/simulator.md says how it counts.
type recounter struct {
	start  time.Time
	now    time.Time
	books  *sim.Books
	queues map[string]event.QueueConfigured
	agents map[string]*watchedAgent
	calls  map[string]*watchedCall
	open   map[string]bool // callbacks
	wrong  []string
}

type watchedAgent struct {
	presence event.Presence
	rings    int
	contacts int
	wraps    int
	state    sim.State
	since    time.Time
}

type watchedCall struct {
	created  event.InteractionCreated
	queue    string // it waits in
	queuedAt time.Time
	accepted bool
	customer bool // accepted
	left     event.DequeueReason
	contacts map[string]*contact
	wraps    map[string]time.Time
	ended    bool
}

type contact struct {
	queue           string
	from, held, end time.Time // held and end zero when not so
	hold, wrap      time.Duration
	wrapping        bool
}

func newRecounter(start time.Time) *recounter {
	return &recounter{
		start: start, queues: map[string]event.QueueConfigured{}, agents: map[string]*watchedAgent{},
		calls: map[string]*watchedCall{}, open: map[string]bool{},
		books: &sim.Books{
			Queues: map[string]*sim.QueueBook{}, Agents: map[string]*sim.AgentBook{}, Facts: map[string]int{},
			Messages: map[string]int{}, Outcomes: map[sim.Outcome]int{}, Interactions: map[string]*sim.InteractionBook{},
		},
	}
}

func (r *recounter) complain(format string, args ...any) {
	if len(r.wrong) < 20 {
		r.wrong = append(r.wrong, r.now.Format(time.RFC3339Nano)+": "+fmt.Sprintf(format, args...))
	}
}

func (r *recounter) agent(id string) *watchedAgent {
	a := r.agents[id]
	if a == nil {
		r.complain("agent %s was not announced", id)
		a = &watchedAgent{presence: event.PresenceLoggedOut, since: r.start}
		r.agents[id], r.books.Agents[id] = a, &sim.AgentBook{Away: map[string]int{}}
	}
	return a
}

// settle books an agent's time and takes the new state.
func (r *recounter) settle(id string) {
	a := r.agent(id)
	r.books.Agents[id].Time[a.state] += r.now.Sub(a.since).Milliseconds()
	a.since = r.now
	switch {
	case a.contacts > 0:
		a.state = sim.Contact
	case a.wraps > 0:
		a.state = sim.WrapUp
	case a.rings > 0:
		a.state = sim.Offered
	case a.presence == event.PresenceLoggedOut:
		a.state = sim.Offline
	case a.presence == event.PresenceAvailable:
		a.state = sim.Idle
	default:
		a.state = sim.Away
	}
}

func (r *recounter) call(ref event.Ref) *watchedCall {
	c := r.calls[ref.Interaction]
	if c == nil {
		r.complain("interaction %s was not created", ref.Interaction)
		c = &watchedCall{contacts: map[string]*contact{}, wraps: map[string]time.Time{}}
		r.calls[ref.Interaction], r.books.Interactions[ref.Interaction] = c, &sim.InteractionBook{}
	}
	return c
}

func (r *recounter) add(at time.Time, f event.Fact) {
	if at.Before(r.now) {
		r.complain("time goes back")
	}
	r.now = at
	r.books.Facts[f.EventType()]++
	switch f := f.(type) {
	case event.QueueConfigured:
		r.queues[f.Queue] = f
		if r.books.Queues[f.Queue] == nil { // else its mitigation changes
			r.books.Queues[f.Queue] = &sim.QueueBook{}
		}
	case event.AgentProvisioned:
		if (f.Change == event.ProvisionCreated || f.Change == event.ProvisionUpdated) && f.Role == "agent" {
			r.agents[f.Agent] = &watchedAgent{presence: event.PresenceLoggedOut, since: r.start}
			r.books.Agents[f.Agent] = &sim.AgentBook{Away: map[string]int{}}
		}
	case event.AgentStatusChanged:
		a := r.agent(f.Agent)
		switch {
		case f.Presence == event.PresenceLoggedOut:
			if len(f.Agent) > 0 && a.contacts+a.wraps+a.rings > 0 {
				r.complain("agent %s logged out at work", f.Agent)
			}
		case a.presence == event.PresenceLoggedOut:
			r.books.Agents[f.Agent].Logins++
		}
		if f.Reason != nil {
			r.books.Agents[f.Agent].Away[f.Reason.Name]++
		}
		a.presence = f.Presence
		r.settle(f.Agent)
	case event.CallbackChanged:
		r.callback(f)
	case event.InteractionCreated:
		if r.calls[f.Interaction] != nil {
			r.complain("interaction %s created twice", f.Interaction)
		}
		r.calls[f.Interaction] = &watchedCall{created: f, contacts: map[string]*contact{}, wraps: map[string]time.Time{}}
		r.books.Created++
		r.books.Interactions[f.Interaction] = &sim.InteractionBook{Media: string(f.Media), Parent: f.Parent, Created: at}
	default:
		r.interaction(f)
	}
}

func (r *recounter) callback(f event.CallbackChanged) {
	switch f.Change {
	case event.CallbackCreated:
		r.books.Callbacks.Created++
		r.open[f.Callback] = true
	case event.CallbackClosed:
		r.books.Callbacks.Closed++
		delete(r.open, f.Callback)
		fallthrough
	default:
		r.books.Callbacks.Attempts++
		if want := r.open[f.Callback]; f.Change != event.CallbackClosed && !want {
			r.complain("callback %s is not open", f.Callback)
		}
	}
}

func (r *recounter) interaction(f event.Fact) {
	switch f := f.(type) {
	case event.InteractionQueued:
		c, q := r.call(f.Ref), r.books.Queues[f.Queue]
		if c.queue != "" || c.ended {
			r.complain("%s queued while queued or ended", f.Interaction)
		}
		c.queue, c.queuedAt = f.Queue, r.now
		q.Offered++
		q.Waiting++
		r.books.Interactions[f.Interaction].Visits++
	case event.InteractionDequeued:
		r.dequeued(f)
	case event.InteractionOffered:
		r.agent(f.Agent).rings++
		r.books.Agents[f.Agent].Offers++
		r.settle(f.Agent)
	case event.InteractionOfferEnded:
		r.agent(f.Agent).rings--
		b := r.books.Agents[f.Agent]
		switch f.Reason {
		case event.OfferNoAnswer:
			b.NoAnswer++
		case event.OfferRejected:
			b.Rejected++
		default:
			b.Cancelled++
		}
		r.settle(f.Agent)
	case event.InteractionAccepted:
		r.accepted(f)
	case event.InteractionCustomerAccepted:
		r.call(f.Ref).customer = true
	case event.InteractionHeld:
		if c := r.call(f.Ref).contacts[f.Agent]; c == nil || !c.held.IsZero() {
			r.complain("%s held without a contact or twice", f.Interaction)
		} else {
			c.held = r.now
		}
	case event.InteractionResumed:
		if c := r.call(f.Ref).contacts[f.Agent]; c == nil || c.held.IsZero() || r.now.Sub(c.held).Milliseconds() != f.HeldMS {
			r.complain("%s resumed wrongly", f.Interaction)
		} else {
			c.hold += r.now.Sub(c.held)
			c.held = time.Time{}
		}
	case event.InteractionParticipantsChanged:
		r.participants(f)
	case event.InteractionWrapupStarted:
		c := r.call(f.Ref)
		c.wraps[f.Agent] = r.now
		r.agent(f.Agent).wraps++
		r.endContact(f.Ref, f.Agent)
		if k := c.contacts[f.Agent]; k != nil {
			k.wrapping = true
		}
		r.settle(f.Agent)
	case event.InteractionWrapupEnded:
		c := r.call(f.Ref)
		took := r.now.Sub(c.wraps[f.Agent])
		if took.Milliseconds() != f.ElapsedMS {
			r.complain("%s wrap-up of %v, said %d ms", f.Interaction, took, f.ElapsedMS)
		}
		if k := c.contacts[f.Agent]; k != nil {
			k.wrap, k.wrapping = took, false
		}
		r.agent(f.Agent).wraps--
		r.settle(f.Agent)
	case event.InteractionReleased:
		r.endContact(f.Ref, f.Agent)
		r.released(f)
		r.settle(f.Agent)
	case event.InteractionMessage:
		r.books.Messages[string(f.Role)]++
		r.books.Interactions[f.Interaction].Messages++
	case event.InteractionEnded:
		r.ended(f)
	}
}

func (r *recounter) dequeued(f event.InteractionDequeued) {
	c, q, conf := r.call(f.Ref), r.books.Queues[f.Queue], r.queues[f.Queue]
	c.left = f.Reason
	if f.Reason == event.DequeueFull {
		q.Offered++
		q.Full++
		add(&q.WaitLeft, 0)
		r.books.Interactions[f.Interaction].Visits++
		return
	}
	waited := r.now.Sub(c.queuedAt).Milliseconds()
	if c.queue != f.Queue || waited != f.WaitedMS {
		r.complain("%s left %s after %d ms, was in %s for %d ms", f.Interaction, f.Queue, f.WaitedMS, c.queue, waited)
	}
	c.queue = ""
	q.Waiting--
	add(&q.WaitLeft, waited)
	switch f.Reason {
	case event.DequeueAbandoned:
		if waited <= conf.ShortAbandonMS {
			q.AbandonedShort++
		} else {
			q.AbandonedLong++
		}
		if waited <= conf.ServiceLevelMS {
			q.AbandonedInTarget++
		}
	case event.DequeueTimeout:
		q.Timeout++
	case event.DequeueOverflow:
		q.Overflow++
	case event.DequeueKey:
		q.Key++
	case event.DequeueTransferred:
		q.Transferred++
	}
}

func (r *recounter) accepted(f event.InteractionAccepted) {
	c := r.call(f.Ref)
	c.accepted = true
	if f.Queue != "" {
		q, waited := r.books.Queues[f.Queue], r.now.Sub(c.queuedAt).Milliseconds()
		if c.queue != f.Queue || waited != f.WaitedMS {
			r.complain("%s accepted from %s after %d ms, was in %s for %d ms", f.Interaction, f.Queue, f.WaitedMS, c.queue, waited)
		}
		c.queue, c.left = "", ""
		q.Waiting--
		q.Answered++
		add(&q.WaitAnswered, waited)
		if waited <= r.queues[f.Queue].ServiceLevelMS {
			q.AnsweredInTarget++
		}
	}
	a := r.agent(f.Agent)
	a.rings--
	r.books.Agents[f.Agent].Accepted++
	r.beginContact(f.Ref, f.Agent, f.Queue)
	r.settle(f.Agent)
}

func (r *recounter) beginContact(ref event.Ref, agent, queue string) {
	c := r.call(ref)
	if k := c.contacts[agent]; k != nil {
		r.complain("%s: agent %s is on it already", ref.Interaction, agent)
	}
	c.contacts[agent] = &contact{queue: queue, from: r.now}
	r.agent(agent).contacts++
	r.books.Interactions[ref.Interaction].Contacts++
}

func (r *recounter) endContact(ref event.Ref, agent string) {
	k := r.call(ref).contacts[agent]
	if k == nil || !k.end.IsZero() {
		return
	}
	if !k.held.IsZero() {
		k.hold += r.now.Sub(k.held)
	}
	k.end = r.now
	r.agent(agent).contacts--
}

func (r *recounter) participants(f event.InteractionParticipantsChanged) {
	var there []string
	for _, p := range f.Participants {
		if p.Role == event.RoleAgent {
			there = append(there, p.Agent)
		}
	}
	c := r.call(f.Ref)
	for _, id := range there {
		if c.contacts[id] == nil {
			r.beginContact(f.Ref, id, "")
			r.settle(id)
		}
	}
	for id := range c.contacts {
		if !slices.Contains(there, id) {
			r.endContact(f.Ref, id)
			r.settle(id)
		}
	}
}

// released counts a contact when agent and interaction part for good.
func (r *recounter) released(f event.InteractionReleased) {
	c := r.call(f.Ref)
	k := c.contacts[f.Agent]
	if k == nil {
		return
	}
	delete(c.contacts, f.Agent)
	if k.wrapping {
		r.complain("%s released in wrap-up", f.Interaction)
	}
	talk, hold, wrap := (k.end.Sub(k.from) - k.hold).Milliseconds(), k.hold.Milliseconds(), k.wrap.Milliseconds()
	b := r.books.Agents[f.Agent]
	b.Handled++
	b.Talk, b.Hold, b.Wrap = b.Talk+talk, b.Hold+hold, b.Wrap+wrap
	if q := r.books.Queues[k.queue]; q != nil {
		q.Handled++
		q.Talk, q.Hold, q.Wrap = q.Talk+talk, q.Hold+hold, q.Wrap+wrap
	}
}

func (r *recounter) ended(f event.InteractionEnded) {
	c := r.call(f.Ref)
	if c.ended || c.queue != "" {
		r.complain("%s ended twice or in a queue", f.Interaction)
	}
	c.ended = true
	d := c.created.Direction
	reached := c.accepted && (d == event.DirectionIn || d == event.DirectionInternal || c.customer || c.created.Origin == event.OriginTransfer)
	outcome := map[event.DequeueReason]sim.Outcome{
		event.DequeueAbandoned: sim.Abandoned, event.DequeueTimeout: sim.TimedOut, event.DequeueKey: sim.ByKey, event.DequeueFull: sim.Refused,
	}[c.left]
	switch {
	case reached:
		outcome = sim.Answered
	case outcome != "":
	case d != event.DirectionIn:
		outcome = sim.Unreached
	case f.Initiator == event.InitiatorCustomer:
		outcome = sim.LeftEarly
	default:
		outcome = sim.SelfServe
	}
	r.books.Ended++
	r.books.Outcomes[outcome]++
	b := r.books.Interactions[f.Interaction]
	b.Ended, b.Outcome = r.now, outcome
}

// close books the time up to at.
func (r *recounter) close(at time.Time) *sim.Books {
	r.now = at
	for id := range r.agents {
		r.settle(id)
	}
	r.books.At = at
	r.books.Callbacks.Open = len(r.open)
	return r.books
}

func add(w *sim.Waits, ms int64) {
	w.Count++
	w.Sum += ms
	w.Max = max(w.Max, ms)
	i, _ := slices.BinarySearch(sim.WaitBounds[:], ms)
	w.Buckets[i]++
}
