package replay

import (
	"encoding/json"
	"fmt"
	"io"

	"trunkline/event"
)

// Outcomes is what became of the visits to queues in a recording, and how its
// agents were left, counted from the facts alone.
type Outcomes struct {
	Queues map[string]*QueueOutcomes `json:"queues"`
	Agents map[string]*AgentState    `json:"agents"`

	waits map[waitKey]bool   // open visits
	rings map[partKey]bool   // ringing phones
	talks map[partKey]string // queue of a talk, "" for a direct one
}

type waitKey struct{ interaction, queue string }

// partKey names an agent's part in an interaction. Legs would say less: not every
// source knows the leg when the phone begins to ring.
type partKey struct{ interaction, agent string }

// QueueOutcomes counts the visits to one queue. Offered equals answered,
// abandoned, timeout, key, transferred, overflow, the visits lost and those
// waiting together; whom a full queue refused was not offered to it.
type QueueOutcomes struct {
	Offered     int `json:"offered"`     // visits begun
	Answered    int `json:"answered"`    // by an agent
	Completed   int `json:"completed"`   // answered, and the end of the talk was seen
	Abandoned   int `json:"abandoned"`   // the customer gave up
	Timeout     int `json:"timeout"`     // the queue's limit passed
	Key         int `json:"key"`         // the customer pressed a key to leave
	Full        int `json:"full"`        // the queue would not take the customer
	Transferred int `json:"transferred"` // somebody moved the customer by hand
	Overflow    int `json:"overflow,omitempty"`
	Lost        int `json:"lost"`    // visits and talks that the source forgot
	Waiting     int `json:"waiting"` // not ended in the recording
}

// AgentState is how an agent was left.
type AgentState struct {
	Name     string   `json:"name,omitempty"`
	Presence string   `json:"presence,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Routing  string   `json:"routing"` // idle, offered or talking
	Talks    int      `json:"talks"`   // contacts the agent is on
	Terminal string   `json:"terminal,omitempty"`
	Queues   []string `json:"paused_queues,omitempty"` // where the agent is paused, if not everywhere

	offers int
}

// NewOutcomes returns a count of nothing.
func NewOutcomes() *Outcomes {
	return &Outcomes{
		Queues: make(map[string]*QueueOutcomes), Agents: make(map[string]*AgentState),
		waits: make(map[waitKey]bool), rings: make(map[partKey]bool), talks: make(map[partKey]string),
	}
}

func (o *Outcomes) queue(name string) *QueueOutcomes {
	q := o.Queues[name]
	if q == nil {
		q = &QueueOutcomes{}
		o.Queues[name] = q
	}
	return q
}

func (o *Outcomes) agent(id string) *AgentState {
	a := o.Agents[id]
	if a == nil {
		a = &AgentState{Routing: "idle"}
		o.Agents[id] = a
	}
	return a
}

// Add counts a fact.
func (o *Outcomes) Add(f event.Fact) {
	switch f := f.(type) {
	case event.QueueConfigured:
		if !f.Removed {
			o.queue(f.Queue)
		}
	case event.InteractionQueued:
		key := waitKey{f.Interaction, f.Queue}
		if !o.waits[key] {
			o.waits[key] = true
			o.queue(f.Queue).Offered++
			o.queue(f.Queue).Waiting++
		}
	case event.InteractionDequeued:
		o.dequeued(f)
	case event.InteractionOffered:
		if key := (partKey{f.Interaction, f.Agent}); !o.rings[key] {
			o.rings[key] = true
			o.agent(f.Agent).route(1, 0)
		}
	case event.InteractionOfferEnded:
		o.ringOver(f.Interaction, f.Agent)
	case event.InteractionAccepted:
		o.accepted(f)
	case event.InteractionLegConnected:
		o.talk(f.Interaction, f.Agent, "")
	case event.InteractionReleased:
		o.released(f)
	case event.AgentProvisioned:
		if a := o.agent(f.Agent); f.Name != "" {
			a.Name = f.Name
		}
	case event.AgentStatusChanged:
		o.status(f)
	case event.AgentTerminalChanged:
		o.agent(f.Agent).Terminal = string(f.Status)
	}
}

// left ends an open visit and tells whether there was one.
func (o *Outcomes) left(interaction, queue string) bool {
	key := waitKey{interaction, queue}
	if !o.waits[key] {
		return false
	}
	delete(o.waits, key)
	o.queue(queue).Waiting--
	return true
}

func (o *Outcomes) dequeued(f event.InteractionDequeued) {
	q := o.queue(f.Queue)
	if f.Reason == event.DequeueFull {
		q.Full++
		return
	}
	if !o.left(f.Interaction, f.Queue) {
		if f.Reason == event.DequeueOverflow {
			return // refused before it waited
		}
		q.Offered++ // its beginning was before the recording
	}
	switch f.Reason {
	case event.DequeueAbandoned:
		q.Abandoned++
	case event.DequeueTimeout:
		q.Timeout++
	case event.DequeueKey:
		q.Key++
	case event.DequeueTransferred:
		q.Transferred++
	case event.DequeueOverflow:
		q.Overflow++
	case event.DequeueLost:
		q.Lost++
	}
}

func (o *Outcomes) accepted(f event.InteractionAccepted) {
	o.ringOver(f.Interaction, f.Agent)
	o.talk(f.Interaction, f.Agent, f.Queue)
	if f.Queue == "" {
		return
	}
	q := o.queue(f.Queue)
	if !o.left(f.Interaction, f.Queue) {
		q.Offered++
	}
	q.Answered++
}

func (o *Outcomes) released(f event.InteractionReleased) {
	key := partKey{f.Interaction, f.Agent}
	queue, open := o.talks[key]
	if !open {
		return
	}
	delete(o.talks, key)
	o.agent(f.Agent).route(0, -1)
	switch {
	case queue == "":
	case f.Lost:
		o.queue(queue).Lost++
	default:
		o.queue(queue).Completed++
	}
}

func (o *Outcomes) ringOver(interaction, agent string) {
	if key := (partKey{interaction, agent}); o.rings[key] {
		delete(o.rings, key)
		o.agent(agent).route(-1, 0)
	}
}

func (o *Outcomes) talk(interaction, agent, queue string) {
	key := partKey{interaction, agent}
	if _, open := o.talks[key]; !open {
		o.agent(agent).route(0, 1)
	}
	o.talks[key] = queue
}

func (a *AgentState) route(offers, talks int) {
	a.offers += offers
	a.Talks += talks
	switch {
	case a.Talks > 0:
		a.Routing = "talking"
	case a.offers > 0:
		a.Routing = "offered"
	default:
		a.Routing = "idle"
	}
}

func (o *Outcomes) status(f event.AgentStatusChanged) {
	a := o.agent(f.Agent)
	if len(f.Queues) > 0 {
		a.pausedIn(f.Queues, f.Presence != event.PresenceAvailable)
		return
	}
	a.Presence, a.Reason, a.Queues = string(f.Presence), "", nil
	if f.Reason != nil {
		a.Reason = f.Reason.Name
	}
}

func (a *AgentState) pausedIn(queues []string, paused bool) {
	for _, q := range queues {
		rest := a.Queues[:0:0]
		for _, old := range a.Queues {
			if old != q {
				rest = append(rest, old)
			}
		}
		if paused {
			rest = append(rest, q)
		}
		a.Queues = rest
	}
}

// WriteJSON writes one JSON object on one line.
func (o *Outcomes) WriteJSON(w io.Writer) error {
	b, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("writing the summary: %w", err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("writing the summary: %w", err)
	}
	return nil
}
