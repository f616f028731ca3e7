package freeswitch

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"trunkline/event"
	"trunkline/source/clean"
)

// floor is what is known of queues and agents. It outlives a core: people do
// not vanish with it.
type floor struct {
	agents map[string]*agent // by name
	users  map[string]*agent // by the user part of the contact
	queues map[string]event.QueueConfigured
}

func newFloor() floor {
	return floor{
		agents: make(map[string]*agent),
		users:  make(map[string]*agent),
		queues: make(map[string]event.QueueConfigured),
	}
}

// agent is one agent of mod_callcenter. It has a status, which a person sets,
// and a state, which the queue sets.
type agent struct {
	name      string
	id        string
	status    string
	state     string
	statusSeq int64 // of the event that set the status
	stateSeq  int64
	contact   string
	user      string
	ring      int64 // how long the phone rings, ms; 0 is not known
	offered   time.Time
	tiers     map[string]int // level by queue
	missed    string         // the status that missed calls are about to set
	idle      bool           // the queue gives it nothing, whatever the status
}

// agentOf returns the agent of a name and says so when it is new.
func (t *Translator) agentOf(name string) *agent {
	if name == "" {
		return nil
	}
	a := t.floor.agents[name]
	if a == nil {
		a = t.newAgent(name)
		t.provisioned(a, "created", event.AgentProvisioned{Change: event.ProvisionCreated, Name: name})
	}
	return a
}

func (t *Translator) newAgent(name string) *agent {
	id := t.opt.AgentID(name)
	if id == "" {
		id = name
	}
	a := &agent{name: name, id: id, tiers: make(map[string]int)}
	t.floor.agents[name] = a
	return a
}

// setContact notes where the agent's phone is, by which calls past the queues
// are known to be the agent's.
func (t *Translator) setContact(a *agent, contact string) {
	if t.floor.users[a.user] == a {
		delete(t.floor.users, a.user)
	}
	a.contact, a.user, a.ring = contactOf(contact), userOf(contact), ringLimit(contact)
	if a.user != "" {
		t.floor.users[a.user] = a
	}
}

// agentAt returns the agent at a device, or nil when it is nobody's.
func (t *Translator) agentAt(device string) *agent { return t.floor.users[userOf(device)] }

func (t *Translator) provisioned(a *agent, kind string, f event.AgentProvisioned) {
	f.AgentRef = event.AgentRef{Agent: a.id}
	t.say(t.clock.now, kind, a.id, f)
}

// presences are the statuses of mod_callcenter.
var presences = map[string]event.Presence{
	"Logged Out":            event.PresenceLoggedOut,
	"Available":             event.PresenceAvailable,
	"Available (On Demand)": event.PresenceAvailable,
	"On Break":              event.PresenceBreak,
}

// sequence reads the Event-Sequence of an event, by which events that share a
// time, or overtook each other, are put in order.
func sequence(m *Message) int64 {
	n, err := strconv.ParseInt(string(m.Bytes("Event-Sequence")), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// onStatus takes what a person set, or a rule for one.
func (t *Translator) onStatus(m *Message) {
	a := t.agentOf(clean.Text(m.Get("CC-Agent")))
	if a == nil {
		return
	}
	if seq := sequence(m); seq > 0 {
		if seq < a.statusSeq {
			return // overtaken
		}
		a.statusSeq = seq
	}
	t.status(a, clean.Text(m.Get("CC-Agent-Status")), time.Time{})
}

// status says an agent's status when it is another one. Since is when it was
// set, zero when it is not told.
func (t *Translator) status(a *agent, status string, since time.Time) {
	presence, known := presences[status]
	if !known || status == a.status {
		return
	}
	a.status = status
	f := event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: a.id}, Presence: presence}
	if !since.IsZero() {
		f.Since = event.At(since)
	}
	if status == a.missed {
		f.Source = "agent-max-no-answer"
	}
	a.missed = ""
	t.say(t.clock.now, "status_changed", a.id, f)
}

// onMaxNoAnswer comes before the status that too many missed calls set.
func (t *Translator) onMaxNoAnswer(m *Message) {
	if a := t.agentOf(clean.Text(m.Get("CC-Agent"))); a != nil {
		a.missed = clean.Text(m.Get("CC-Agent-No-Answer-Status"))
	}
}

// onState takes what the queue does with the agent. Most of it shows in offers
// and talks; Idle alone does not: the agent gets nothing, whatever the status.
func (t *Translator) onState(m *Message) {
	a := t.agentOf(clean.Text(m.Get("CC-Agent")))
	if a == nil {
		return
	}
	if seq := sequence(m); seq > 0 {
		if seq < a.stateSeq {
			return
		}
		a.stateSeq = seq
	}
	t.state(a, clean.Text(m.Get("CC-Agent-State")))
	if a.state == "Waiting" || a.state == "Idle" {
		t.withdrawOffers(a)
	}
}

func (t *Translator) state(a *agent, state string) {
	a.state = state
	if idle := state == "Idle"; idle != a.idle {
		a.idle = idle
		t.say(t.clock.now, "mode_changed", a.id, event.AgentModeChanged{
			AgentRef: event.AgentRef{Agent: a.id}, Serving: !idle,
		})
	}
}

func (t *Translator) onAgentAdd(m *Message) { t.agentOf(clean.Text(m.Get("CC-Agent"))) }

// removeAgent says that an agent is gone, which FreeSWITCH itself does not say.
func (t *Translator) removeAgent(a *agent) {
	for _, queue := range sortedKeys(a.tiers) {
		t.removeTier(a, queue)
	}
	t.status(a, "Logged Out", time.Time{})
	t.provisioned(a, "deleted", event.AgentProvisioned{Change: event.ProvisionDeleted, Name: a.name})
	delete(t.floor.agents, a.name)
	if t.floor.users[a.user] == a {
		delete(t.floor.users, a.user)
	}
}

func (t *Translator) setTier(a *agent, queue string, level int) {
	old, known := a.tiers[queue]
	if known && old == level {
		return
	}
	change := event.ProvisionQueueAdded
	if known {
		change = event.ProvisionQueueChanged
	}
	a.tiers[queue] = level
	t.provisioned(a, string(change)+":"+queue, event.AgentProvisioned{
		Change: change, Queue: &event.AgentQueue{ID: queue, Name: queue, Priority: level, Address: a.contact},
	})
}

func (t *Translator) removeTier(a *agent, queue string) {
	delete(a.tiers, queue)
	t.provisioned(a, "queue_removed:"+queue, event.AgentProvisioned{
		Change: event.ProvisionQueueRemoved, Queue: &event.AgentQueue{ID: queue, Name: queue},
	})
}

// sortedAgents returns the agents in the order of their names.
func (t *Translator) sortedAgents() []*agent {
	list := make([]*agent, 0, len(t.floor.agents))
	for _, a := range t.floor.agents {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b *agent) int { return cmp.Compare(a.name, b.name) })
	return list
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
