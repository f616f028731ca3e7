package asterisk

import "trunkline/event"

// qAgent is an agent as the queue_log shows one.
type qAgent struct {
	ID     string            `json:"id"`
	In     bool              `json:"in,omitempty"`     // logged in, as far as can be seen
	All    bool              `json:"all,omitempty"`    // paused everywhere
	Reason string            `json:"reason,omitempty"` // of the pause everywhere
	Some   map[string]string `json:"some,omitempty"`   // queues paused one by one, with the reason
	Queues map[string]int    `json:"queues,omitempty"` // queues the agent was added to, with the penalty
}

// agent returns the agent whom the file names, and says so when it is new. One
// who rings, talks or pauses is logged in.
func (t *QueueLogTranslator) agent(who string, in bool) (*qAgent, string) {
	id, iface := t.names.id(who)
	a := t.s.Agents[id]
	if a == nil {
		a = &qAgent{ID: id}
		t.s.Agents[id] = a
		name := who
		if who == iface {
			name = id
		}
		t.say("agent:"+id, "created", event.AgentProvisioned{
			AgentRef: event.AgentRef{Agent: id}, Change: event.ProvisionCreated, Name: name, Address: iface,
		})
	}
	if in && !a.In {
		a.In = true
		t.status(a, event.AgentStatusChanged{Presence: event.PresenceAvailable})
	}
	return a, iface
}

func (t *QueueLogTranslator) status(a *qAgent, f event.AgentStatusChanged) {
	f.AgentRef = event.AgentRef{Agent: a.ID}
	t.say("agent:"+a.ID, "status_changed", f)
}

// member follows agents: membership and pauses.
func (t *QueueLogTranslator) member(l *QueueLogLine) {
	if l.Agent == "" {
		return
	}
	switch l.Event {
	case "PAUSEALL", "PAUSE", "UNPAUSEALL", "UNPAUSE":
		a, _ := t.agent(l.Agent, true)
		t.pause(a, l)
	case "ADDMEMBER":
		a, iface := t.agent(l.Agent, true)
		if _, there := a.Queues[l.Queue]; there || l.Queue == "" {
			return
		}
		if a.Queues == nil {
			a.Queues = make(map[string]int)
		}
		a.Queues[l.Queue] = 0
		t.membership(a, event.ProvisionQueueAdded, l.Queue, iface)
		if l.Arg(0) == "PAUSED" {
			t.pauseIn(a, l.Queue, "")
		}
	case "REMOVEMEMBER":
		a, iface := t.agent(l.Agent, false)
		delete(a.Queues, l.Queue)
		delete(a.Some, l.Queue)
		t.membership(a, event.ProvisionQueueRemoved, l.Queue, iface)
		if len(a.Queues) == 0 && a.In {
			a.In, a.All, a.Some = false, false, nil
			t.status(a, event.AgentStatusChanged{Presence: event.PresenceLoggedOut})
		}
	case "PENALTY":
		if a, iface := t.agent(l.Agent, true); l.Queue != "" {
			penalty := number([]byte(l.Arg(0)))
			if a.Queues == nil {
				a.Queues = make(map[string]int)
			}
			a.Queues[l.Queue] = penalty
			t.membership(a, event.ProvisionQueueChanged, l.Queue, iface)
		}
	case "AGENTLOGIN", "AGENTCALLBACKLOGIN":
		t.agent(l.Agent, true)
	case "AGENTLOGOFF", "AGENTCALLBACKLOGOFF":
		if a, _ := t.agent(l.Agent, false); a.In {
			a.In, a.All, a.Some = false, false, nil
			t.status(a, event.AgentStatusChanged{Presence: event.PresenceLoggedOut})
		}
	}
}

func (t *QueueLogTranslator) membership(a *qAgent, change event.ProvisionChange, queue, iface string) {
	if queue == "" {
		return
	}
	t.say("agent:"+a.ID, string(change)+":"+queue, event.AgentProvisioned{
		AgentRef: event.AgentRef{Agent: a.ID}, Change: change,
		Queue: &event.AgentQueue{ID: queue, Name: queue, Priority: a.Queues[queue], Address: iface},
	})
}

// pause takes a pause or its end. A pause everywhere is one PAUSEALL and one
// PAUSE for each queue after it, which say nothing new.
func (t *QueueLogTranslator) pause(a *qAgent, l *QueueLogLine) {
	switch l.Event {
	case "PAUSEALL":
		if a.All && a.Reason == l.Arg(0) {
			return
		}
		a.All, a.Reason, a.Some = true, l.Arg(0), nil
		t.status(a, event.AgentStatusChanged{Presence: event.PresenceBreak, Reason: pauseReason(a.Reason)})
	case "UNPAUSEALL":
		if !a.All && len(a.Some) == 0 {
			return
		}
		a.All, a.Some = false, nil
		t.status(a, event.AgentStatusChanged{Presence: event.PresenceAvailable})
	case "PAUSE":
		if !a.All && l.Queue != "" {
			t.pauseIn(a, l.Queue, l.Arg(0))
		}
	case "UNPAUSE":
		if _, paused := a.Some[l.Queue]; paused {
			delete(a.Some, l.Queue)
			f := event.AgentStatusChanged{Presence: event.PresenceAvailable}
			if len(a.Some) > 0 {
				f.Queues = []string{l.Queue}
			}
			t.status(a, f)
		} else if a.All { // out of one queue's pause, still in that of the others
			t.status(a, event.AgentStatusChanged{Presence: event.PresenceAvailable, Queues: []string{l.Queue}})
		}
	}
}

func (t *QueueLogTranslator) pauseIn(a *qAgent, queue, reason string) {
	if before, paused := a.Some[queue]; paused && before == reason {
		return
	}
	if a.Some == nil {
		a.Some = make(map[string]string)
	}
	a.Some[queue] = reason
	t.status(a, event.AgentStatusChanged{Presence: event.PresenceBreak, Reason: pauseReason(reason), Queues: []string{queue}})
}
