package asterisk

import (
	"cmp"
	"slices"
	"time"

	"trunkline/event"
)

// memberJoined says the agent's presence with the first queue, and what
// differs from it with another.
func (t *Translator) memberJoined(a *agent, key memberKey, ms *membership, m *Message) {
	if a.loggedIn {
		for other, o := range a.member {
			if other != key && (o.paused != ms.paused) {
				t.queuePause(a, key)
				return
			}
		}
		return
	}
	a.loggedIn = true
	f := event.AgentStatusChanged{Presence: event.PresenceAvailable}
	if ms.paused {
		f.Presence, f.Reason = event.PresenceBreak, pauseReason(ms.reason)
		if at := number(m.Bytes("LastPause")); at > 0 {
			f.Since = event.At(time.Unix(int64(at), 0).UTC().Add(t.opt.Shift))
		}
	}
	t.status(a, t.clock.now, f)
}

func (t *Translator) status(a *agent, at time.Time, f event.AgentStatusChanged) {
	f.AgentRef = event.AgentRef{Agent: a.id}
	t.say(at, "agent:"+a.id, "status_changed", f)
}

func pauseReason(name string) *event.StatusReason {
	if name == "" {
		return nil
	}
	return &event.StatusReason{Name: name}
}

// onMemberPause is sent once for each queue of the agent, a few microseconds
// apart, also when the agent paused everywhere at once.
func (t *Translator) onMemberPause(m *Message) {
	key := memberKey{text(m.Bytes("Queue")), text(m.Bytes("Interface"))}
	a := t.floor.byDevice[key.iface]
	if a == nil || a.member[key] == nil {
		t.onMember(m)
		return
	}
	t.pause(a, key, a.member[key], m)
}

func (t *Translator) pause(a *agent, key memberKey, ms *membership, m *Message) {
	paused, reason := string(m.Bytes("Paused")) == "1", text(m.Bytes("PausedReason"))
	if !paused {
		reason = ""
	}
	if paused == ms.paused && reason == ms.reason {
		return
	}
	if a.pending[key] { // the same queue again: what waited is a change of its own
		t.sayPauses(a)
	}
	ms.paused, ms.reason = paused, reason
	t.queuePause(a, key)
}

// pauseWindow is how long a change in one queue waits for the agent's others.
const pauseWindow = 250 * time.Millisecond

func (t *Translator) queuePause(a *agent, key memberKey) {
	if len(a.pending) == 0 {
		a.since = t.clock.now
		t.floor.waiting = append(t.floor.waiting, a)
	}
	a.pending[key] = true
	if len(a.pending) == len(a.member) && a.uniform() {
		t.sayPauses(a)
	}
}

// uniform tells whether the agent has the same state in all queues.
func (a *agent) uniform() bool {
	var first *membership
	for _, ms := range a.member {
		if first == nil {
			first = ms
		} else if first.paused != ms.paused || first.reason != ms.reason {
			return false
		}
	}
	return true
}

func (t *Translator) flushPauses(all bool) {
	for _, a := range slices.Clone(t.floor.waiting) {
		if all || t.clock.now.Sub(a.since) > pauseWindow {
			t.sayPauses(a)
		}
	}
}

// sayPauses says what changed: once when the agent is the same everywhere,
// otherwise once for each state with the queues it holds for.
func (t *Translator) sayPauses(a *agent) {
	t.floor.waiting = slices.DeleteFunc(t.floor.waiting, func(x *agent) bool { return x == a })
	keys := make([]memberKey, 0, len(a.pending))
	for key := range a.pending {
		if a.member[key] != nil {
			keys = append(keys, key)
		}
	}
	clear(a.pending)
	slices.SortFunc(keys, func(x, y memberKey) int {
		return cmp.Or(cmp.Compare(x.queue, y.queue), cmp.Compare(x.iface, y.iface))
	})
	whole := a.uniform()
	for len(keys) > 0 {
		ms := a.member[keys[0]]
		f := event.AgentStatusChanged{Presence: event.PresenceAvailable}
		if ms.paused {
			f.Presence, f.Reason = event.PresenceBreak, pauseReason(ms.reason)
		}
		rest := keys[:0:0]
		for _, key := range keys {
			if o := a.member[key]; o.paused != ms.paused || o.reason != ms.reason {
				rest = append(rest, key)
			} else if !whole {
				f.Queues = append(f.Queues, key.queue)
			}
		}
		t.status(a, a.since, f)
		keys = rest
	}
}

// onDeviceState follows the phones of agents.
func (t *Translator) onDeviceState(m *Message) {
	t.floor.states = true
	device := m.Bytes("Device")
	a := t.floor.byDevice[string(device)]
	if a == nil {
		return
	}
	t.terminal(a, text(device), deviceStates[string(m.Bytes("State"))])
}

func (t *Translator) terminal(a *agent, device string, status event.TerminalStatus) {
	if status == "" || status == a.terminal {
		return
	}
	a.terminal = status
	t.say(t.clock.now, "agent:"+a.id, "terminal_changed", event.AgentTerminalChanged{
		AgentRef: event.AgentRef{Agent: a.id}, Terminal: device, Kind: "phone", Status: status,
	})
}

var deviceStates = map[string]event.TerminalStatus{
	"NOT_INUSE":   event.TerminalOnline,
	"INUSE":       event.TerminalInUse,
	"BUSY":        event.TerminalInUse,
	"RINGING":     event.TerminalRinging,
	"RINGINUSE":   event.TerminalInUse,
	"ONHOLD":      event.TerminalOnHold,
	"UNAVAILABLE": event.TerminalOffline,
	"INVALID":     event.TerminalOffline,
	"UNKNOWN":     event.TerminalUnknown,
}

// memberStates are the numbers of the field Status, AST_DEVICE_* in Asterisk.
var memberStates = map[string]event.TerminalStatus{
	"0": event.TerminalUnknown,
	"1": event.TerminalOnline,
	"2": event.TerminalInUse,
	"3": event.TerminalInUse,
	"4": event.TerminalOffline,
	"5": event.TerminalOffline,
	"6": event.TerminalRinging,
	"7": event.TerminalInUse,
	"8": event.TerminalOnHold,
}
