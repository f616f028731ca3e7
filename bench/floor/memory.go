package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"trunkline/event"
	"trunkline/eventlog/commit"
	"trunkline/floor"
)

// crowd builds a floor of so many agents, in so many queues each, and open calls,
// every second one with an agent.
type crowd struct {
	fold *floor.Fold
	at   time.Time
	n    uint64
	err  error
}

func newCrowd() *crowd {
	return &crowd{fold: floor.NewFold(floor.Options{NoContext: true}), at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

// say folds facts from their bytes: what is kept of them has to be copied.
func (c *crowd) say(facts ...event.Fact) {
	for _, f := range facts {
		c.n++
		e, err := event.Encode(event.Meta{ID: fmt.Sprint(c.n), Source: "pbx", Tenant: tenant, Time: c.at}, f)
		if err != nil {
			c.err = err
			return
		}
		c.fold.Fold(tenant, &commit.Record{Seq: c.n, Received: c.at, Raw: e.Raw})
	}
}

func agentID(i int) event.AgentRef { return event.AgentRef{Agent: fmt.Sprintf("agent-%06d", i)} }

func queueID(i int) string { return fmt.Sprint("queue-", i%50) }

func (c *crowd) agents(n, queues int) {
	for i := range n {
		ref := agentID(i)
		c.say(event.AgentProvisioned{AgentRef: ref, Change: event.ProvisionCreated, Name: "Somebody Or-Other", Login: ref.Agent + "@example.org",
			GUID: "6f9619ff-8b86-d011-b42d-00c04fc964ff", GivenName: "Somebody", FamilyName: "Or-Other"})
		for q := range queues {
			c.say(event.AgentProvisioned{AgentRef: ref, Change: event.ProvisionQueueAdded, Queue: &event.AgentQueue{ID: queueID(i + q)}})
		}
		c.say(event.AgentStatusChanged{AgentRef: ref, Presence: event.PresenceAvailable})
	}
}

func (c *crowd) calls(n, agents int) {
	for i := range n {
		ref := event.Ref{Interaction: fmt.Sprintf("int-184a63564dc-%08d-phone-00-acmecorp01", i), Media: event.MediaPhone}
		c.say(event.InteractionCreated{Ref: ref, Direction: event.DirectionIn, Channel: "+15515557212", ChannelName: "Main line",
			Customer: &event.Customer{Number: "+13125555068", Name: "A Customer"}, Attributes: event.Attributes{"tier": "gold", "ivr": "1-2-4"}},
			event.InteractionQueued{Ref: ref, Queue: queueID(i)})
		if i%2 == 0 && agents > 0 {
			c.say(event.InteractionAccepted{Ref: ref, Queue: queueID(i), Agent: agentID(i % agents).Agent, Legs: &event.Legs{Agent: "leg"}})
		}
	}
}

func (c *crowd) rows(agents, queues int) { // a handled call by each agent for each queue
	for i := range agents {
		for q := range queues {
			ref := event.Ref{Interaction: fmt.Sprintf("call-%d-%d", i, q), Media: event.MediaPhone}
			c.say(event.InteractionCreated{Ref: ref, Direction: event.DirectionIn}, event.InteractionQueued{Ref: ref, Queue: queueID(i + q)},
				event.InteractionAccepted{Ref: ref, Queue: queueID(i + q), Agent: agentID(i).Agent},
				event.InteractionReleased{Ref: ref, Agent: agentID(i).Agent, Initiator: event.InitiatorAgent, Reason: event.EndNormal},
				event.InteractionEnded{Ref: ref, Initiator: event.InitiatorAgent, Reason: event.EndNormal})
		}
	}
	c.at = c.at.Add(time.Hour) // the ended ones are forgotten
	c.fold.Tick(c.at)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// memory is what an agent and an open interaction take, beside the bytes of the
// facts that told of them.
func memory(time.Duration) error {
	const n, queues = 20_000, 3
	var err error
	grown := func(fill func(*crowd), what func(*crowd)) float64 {
		c := newCrowd()
		if fill != nil {
			fill(c)
		}
		before := heap()
		what(c)
		after := heap()
		runtime.KeepAlive(c)
		if c.err != nil {
			err = c.err
		}
		return float64(after-before) / n
	}
	agent := grown(nil, func(c *crowd) { c.agents(n, 0) })
	member := grown(nil, func(c *crowd) { c.agents(n, queues) }) - agent
	rows := grown(func(c *crowd) { c.agents(n, queues) }, func(c *crowd) { c.rows(n, queues) })
	call := grown(nil, func(c *crowd) { c.calls(n, 0) })
	busy := grown(func(c *crowd) { c.agents(n, 0) }, func(c *crowd) { c.calls(n, n) })
	if err != nil {
		return err
	}
	plain := grown(nil, func(*crowd) {
		kept = make([]map[string]any, n)
		for i := range kept {
			_ = json.Unmarshal([]byte(aCall), &kept[i])
		}
	})
	kept = nil
	fmt.Println("| what | bytes each |")
	fmt.Println("|---|---|")
	fmt.Printf("| **an agent** | %.0f |\n", agent)
	fmt.Printf("| its membership in a queue | %.0f |\n", member/queues)
	fmt.Printf("| its counters for a queue, once it has worked for it | %.0f |\n", rows/queues)
	fmt.Printf("| **an open interaction, waiting** | %.0f |\n", call)
	fmt.Printf("| an open interaction, every second one with an agent, who has counters for the queue then | %.0f |\n", busy)
	fmt.Printf("| its interaction.created alone, %d bytes of JSON, kept as a map by encoding/json | %.0f |\n", len(aCall), plain)
	return nil
}

// kept holds what is being measured.
var kept []map[string]any

const aCall = `{"interaction":"int-184a63564dc-00000001-phone-00-acmecorp01","media":"phone","direction":"in","channel":"+15515557212","channel_name":"Main line","customer":{"number":"+13125555068","name":"A Customer"},"attributes":{"tier":"gold","ivr":"1-2-4"}}`

// restart is how long a floor takes to be there again, beside reading its bytes.
func restart(each time.Duration) error {
	const agents, calls = 50_000, 20_000
	c := newCrowd()
	c.agents(agents, 3)
	c.calls(calls, agents)
	if c.err != nil {
		return c.err
	}
	snap, err := c.fold.Snapshot()
	if err != nil {
		return err
	}
	c = nil
	best := func(fn func() error) (time.Duration, error) {
		least := time.Duration(0)
		for began := time.Now(); least == 0 || time.Since(began) < each; {
			start := time.Now()
			if err := fn(); err != nil {
				return 0, err
			}
			if d := time.Since(start); least == 0 || d < least {
				least = d
			}
		}
		return least, nil
	}
	read, err := best(func() error { return floor.NewFold(floor.Options{}).Restore(snap) })
	if err != nil {
		return err
	}
	f := floor.NewFold(floor.Options{})
	if err := f.Restore(snap); err != nil {
		return err
	}
	written, err := best(func() error { _, err := f.Snapshot(); return err })
	if err != nil {
		return err
	}
	into := make([]byte, len(snap))
	copied, _ := best(func() error { copy(into, snap); return nil })
	fmt.Printf("%d agents in three queues each, %d open calls: a snapshot of %.1f MB\n\n", agents, calls, float64(len(snap))/1e6)
	fmt.Println("| what | time |")
	fmt.Println("|---|---|")
	fmt.Printf("| **reading the snapshot** | %.0f ms |\n", read.Seconds()*1e3)
	fmt.Printf("| **writing it** | %.0f ms |\n", written.Seconds()*1e3)
	fmt.Printf("| copying its bytes | %.1f ms |\n", copied.Seconds()*1e3)
	return nil
}
