package asterisk

import (
	"cmp"
	"slices"
	"time"

	"trunkline/event"
)

// members is what is known of queues and the agents in them. It outlives a
// boot of the PBX: people do not vanish with it.
type members struct {
	byID     map[string]*agent
	byDevice map[string]*agent // by interface and by state interface
	queues   map[string]event.QueueConfigured
	waiting  []*agent // with pauses not said yet, in the order they came
	list     *memberList
	states   bool // the PBX sends DeviceStateChange
}

// memberList is a QueueStatus snapshot being read.
type memberList struct {
	queues  map[string]bool
	members map[memberKey]bool
}

// memberKey names a member of a queue.
type memberKey struct{ queue, iface string }

type agent struct {
	id       string
	name     string
	member   map[memberKey]*membership
	talk     *talk
	terminal event.TerminalStatus
	loggedIn bool
	pending  map[memberKey]bool // memberships whose pause changed and is not said
	since    time.Time          // when the first of them changed
}

type membership struct {
	penalty int
	paused  bool
	reason  string
}

func newMembers() members {
	return members{
		byID:     make(map[string]*agent),
		byDevice: make(map[string]*agent),
		queues:   make(map[string]event.QueueConfigured),
	}
}

// agentAt returns the agent at a device, or nil when it is nobody's.
func (t *Translator) agentAt(device string) *agent { return t.floor.byDevice[device] }

// memberAgent returns the agent behind a member's interface and says so when
// the agent is new or has another name.
func (t *Translator) memberAgent(iface, name string) *agent {
	a := t.floor.byDevice[iface]
	if a == nil {
		id := t.opt.AgentID(iface)
		if id == "" {
			id = iface
		}
		a = t.floor.byID[id]
		if a == nil {
			a = &agent{id: id, member: make(map[memberKey]*membership), pending: make(map[memberKey]bool)}
			t.floor.byID[id] = a
		}
		t.floor.byDevice[iface] = a
	}
	if name == "" || name == a.name {
		if a.name == "" {
			a.name = a.id
			t.provisioned(a, "created", event.AgentProvisioned{Change: event.ProvisionCreated, Name: a.id, Address: iface})
		}
		return a
	}
	change := event.ProvisionUpdated
	if a.name == "" {
		change = event.ProvisionCreated
	}
	a.name = name
	t.provisioned(a, string(change), event.AgentProvisioned{Change: change, Name: name, Address: iface})
	return a
}

func (t *Translator) provisioned(a *agent, kind string, f event.AgentProvisioned) {
	f.AgentRef = event.AgentRef{Agent: a.id}
	t.say(t.clock.now, "agent:"+a.id, kind, f)
}

// onQueueParams takes a queue's configuration. The same again says nothing.
func (t *Translator) onQueueParams(m *Message) {
	queue := text(m.Bytes("Queue"))
	if queue == "" {
		return
	}
	list := t.memberList()
	list.queues[queue] = true
	f := event.QueueConfigured{
		Queue: queue, Name: queue, Media: event.MediaPhone,
		ServiceLevelMS: int64(max(number(m.Bytes("ServiceLevel")), 0)) * 1000,
		MaxLength:      max(number(m.Bytes("Max")), 0),
	}
	if old, ok := t.floor.queues[queue]; ok && old.ServiceLevelMS == f.ServiceLevelMS && old.MaxLength == f.MaxLength {
		return
	}
	t.floor.queues[queue] = f
	t.say(t.clock.now, "queue:"+queue, "configured", f)
}

func (t *Translator) memberList() *memberList {
	if t.floor.list == nil {
		t.floor.list = &memberList{queues: make(map[string]bool), members: make(map[memberKey]bool)}
	}
	return t.floor.list
}

// onMember takes a member of a queue from a snapshot or from an event of the
// member. It says what is new: the agent, the membership, the penalty.
func (t *Translator) onMember(m *Message) {
	key, iface := memberKey{queue: text(m.Bytes("Queue"))}, m.Bytes("Interface")
	snapshot := iface == nil
	if snapshot {
		iface = m.Bytes("Location")
	}
	key.iface = text(iface)
	if key.queue == "" || key.iface == "" {
		return
	}
	name := m.Bytes("MemberName")
	if snapshot {
		t.memberList().members[key] = true
		name = m.Bytes("Name")
	}
	a := t.memberAgent(key.iface, text(name))
	if device := m.Bytes("StateInterface"); len(device) > 0 && t.floor.byDevice[string(device)] == nil {
		t.floor.byDevice[text(device)] = a
	}
	penalty := number(m.Bytes("Penalty"))
	queue := &event.AgentQueue{ID: key.queue, Name: key.queue, Priority: penalty, Address: key.iface}
	ms := a.member[key]
	switch {
	case ms == nil:
		ms = &membership{penalty: penalty}
		a.member[key] = ms
		t.provisioned(a, "queue_added:"+key.queue, event.AgentProvisioned{Change: event.ProvisionQueueAdded, Queue: queue})
		ms.paused, ms.reason = string(m.Bytes("Paused")) == "1", text(m.Bytes("PausedReason"))
		t.memberJoined(a, key, ms, m)
	case ms.penalty != penalty:
		ms.penalty = penalty
		t.provisioned(a, "queue_changed:"+key.queue, event.AgentProvisioned{Change: event.ProvisionQueueChanged, Queue: queue})
	}
	if snapshot {
		t.pause(a, key, ms, m)
	}
	if !t.floor.states {
		t.terminal(a, key.iface, memberStates[string(m.Bytes("Status"))])
	}
}

func (t *Translator) onMemberRemoved(m *Message) {
	key := memberKey{text(m.Bytes("Queue")), text(m.Bytes("Interface"))}
	if a := t.floor.byDevice[key.iface]; a != nil && a.member[key] != nil {
		t.removeMember(a, key)
	}
}

func (t *Translator) removeMember(a *agent, key memberKey) {
	if a.pending[key] {
		t.sayPauses(a)
	}
	delete(a.member, key)
	t.provisioned(a, "queue_removed:"+key.queue, event.AgentProvisioned{
		Change: event.ProvisionQueueRemoved,
		Queue:  &event.AgentQueue{ID: key.queue, Name: key.queue, Address: key.iface},
	})
	if len(a.member) == 0 {
		a.loggedIn = false
		t.status(a, t.clock.now, event.AgentStatusChanged{Presence: event.PresenceLoggedOut})
	}
}

// onQueueStatusComplete ends a snapshot. The first one after a login is whole:
// a member who is not in it is gone, as dynamic members are after a restart,
// without any event. Later ones may be of one queue only.
func (t *Translator) onQueueStatusComplete() {
	list := t.floor.list
	t.floor.list = nil
	if !t.opt.live {
		t.takeEntries()
	}
	if list == nil || t.link.listed {
		return
	}
	t.link.listed = true
	type gone struct {
		a   *agent
		key memberKey
	}
	var lost []gone
	for _, a := range t.floor.byID {
		for key := range a.member {
			if !list.members[key] {
				lost = append(lost, gone{a, key})
			}
		}
	}
	slices.SortFunc(lost, func(x, y gone) int {
		return cmp.Or(cmp.Compare(x.key.iface, y.key.iface), cmp.Compare(x.key.queue, y.key.queue))
	})
	for _, g := range lost {
		t.removeMember(g.a, g.key)
	}
	var queues []string
	for queue := range t.floor.queues {
		if !list.queues[queue] {
			queues = append(queues, queue)
		}
	}
	slices.Sort(queues)
	for _, queue := range queues {
		delete(t.floor.queues, queue)
		t.say(t.clock.now, "queue:"+queue, "configured", event.QueueConfigured{Queue: queue, Name: queue, Removed: true})
	}
}
