package aspbx

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// world is what the PBX knows at one place of the capture.
type world struct {
	serial   int
	channels map[string]*channel
	queues   map[string]*queue
	members  map[memberKey]*member
	devices  map[string]string
}

type memberKey struct{ queue, iface string }

// channel holds the fields that lists name, as the last event spelled them.
type channel struct {
	serial int
	since  time.Time
	bridge string
	app    string
	data   string
	last   map[string]string
}

type queue struct {
	params  message
	waiting []waiter
}

type waiter struct {
	uid   string
	since time.Time
}

type member struct {
	name   string
	fields map[string]string
	inCall bool
}

func newWorld(v *life) *world {
	w := &world{
		channels: make(map[string]*channel),
		queues:   make(map[string]*queue),
		members:  make(map[memberKey]*member),
		devices:  make(map[string]string),
	}
	for i := range v.rows {
		m := &v.rows[i]
		switch m.name {
		case "QueueParams":
			w.queues[m.get("Queue")] = &queue{params: *m}
		case "QueueMember":
			w.member(m, m.get("Location"), m.get("Name"))
		case "DeviceStateChange":
			w.devices[m.get("Device")] = m.get("State")
		}
	}
	return w
}

var channelFields = []string{
	"Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName",
	"Language", "AccountCode", "Context", "Exten", "Priority", "Linkedid",
}

// apply folds an event.
func (w *world) apply(m *message) {
	w.touch(m, "")
	w.touch(m, "Dest")
	ch := w.channels[m.get("Uniqueid")]
	switch m.name {
	case "Newexten":
		if ch != nil {
			ch.app, ch.data = m.get("Application"), m.get("AppData")
		}
	case "BridgeEnter":
		if ch != nil {
			ch.bridge = m.get("BridgeUniqueid")
		}
	case "BridgeLeave":
		if ch != nil && ch.bridge == m.get("BridgeUniqueid") {
			ch.bridge = ""
		}
	case "Hangup":
		delete(w.channels, m.get("Uniqueid"))
	case "QueueCallerJoin":
		q := w.queue(m.get("Queue"))
		at, _ := strconv.Atoi(m.get("Position"))
		at = min(max(at-1, 0), len(q.waiting))
		q.waiting = slices.Insert(q.waiting, at, waiter{m.get("Uniqueid"), m.at})
	case "QueueCallerLeave":
		q := w.queue(m.get("Queue"))
		q.waiting = slices.DeleteFunc(q.waiting, func(x waiter) bool { return x.uid == m.get("Uniqueid") })
	case "QueueMemberAdded", "QueueMemberStatus", "QueueMemberPause", "QueueMemberPenalty", "QueueMemberRinginuse":
		w.member(m, m.get("Interface"), m.get("MemberName"))
	case "QueueMemberRemoved":
		delete(w.members, memberKey{m.get("Queue"), m.get("Interface")})
	case "AgentConnect", "AgentComplete":
		if x := w.members[memberKey{m.get("Queue"), m.get("Interface")}]; x != nil {
			x.inCall = m.name == "AgentConnect"
		}
	case "DeviceStateChange":
		w.devices[m.get("Device")] = m.get("State")
	}
}

// touch takes over what an event says about a channel.
func (w *world) touch(m *message, prefix string) {
	uid := m.get(prefix + "Uniqueid")
	if uid == "" || m.name == "CEL" || m.name == "Cdr" {
		return
	}
	ch := w.channels[uid]
	if ch == nil {
		if m.name != "Newchannel" {
			return
		}
		w.serial++
		ch = &channel{serial: w.serial, since: m.at, last: make(map[string]string)}
		w.channels[uid] = ch
	}
	for _, f := range m.fields {
		if key, ok := strings.CutPrefix(f.key, prefix); ok && slices.Contains(channelFields, key) {
			ch.last[key] = f.value
		}
	}
}

func (w *world) queue(name string) *queue {
	q := w.queues[name]
	if q == nil {
		q = &queue{params: message{name: "QueueParams", fields: []field{{"Event", "QueueParams"}, {"Queue", name}, {"Max", "0"}}}}
		w.queues[name] = q
	}
	return q
}

func (w *world) member(m *message, iface, name string) {
	key := memberKey{m.get("Queue"), iface}
	x := w.members[key]
	if x == nil {
		x = &member{name: name, fields: make(map[string]string)}
		w.members[key] = x
	}
	for _, f := range m.fields {
		x.fields[f.key] = f.value
	}
}

func (w *world) queueNames() []string { return slices.Sorted(maps.Keys(w.queues)) }

func (w *world) memberKeys(queue string) []memberKey {
	var keys []memberKey
	for key := range w.members {
		if key.queue == queue {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b memberKey) int { return cmp.Compare(a.iface, b.iface) })
	return keys
}

func seconds(d time.Duration) int { return int(max(d, 0) / time.Second) }

// queueStatus writes the list of queues, members and waiting callers.
func (w *world) queueStatus(l *list, only string, now time.Time) {
	for _, name := range w.queueNames() {
		if only != "" && name != only {
			continue
		}
		q := w.queues[name]
		l.row("QueueParams")
		for _, f := range q.params.fields[1:] {
			switch f.key {
			case "Calls":
				l.field("Calls", len(q.waiting))
			case "ActionID":
			default:
				l.field(f.key, f.value)
			}
		}
		for _, key := range w.memberKeys(name) {
			x := w.members[key]
			l.row("QueueMember")
			l.field("Queue", name)
			l.field("Name", x.name)
			l.field("Location", key.iface)
			for _, f := range []string{"StateInterface", "Membership", "Penalty", "CallsTaken", "LastCall", "LastPause", "LoginTime"} {
				l.field(f, x.fields[f])
			}
			inCall := 0
			if x.inCall {
				inCall = 1
			}
			l.field("InCall", inCall)
			for _, f := range []string{"Status", "Paused", "PausedReason", "Wrapuptime"} {
				l.field(f, x.fields[f])
			}
		}
		for i, c := range q.waiting {
			l.row("QueueEntry")
			l.field("Queue", name)
			l.field("Position", i+1)
			if ch := w.channels[c.uid]; ch != nil {
				for _, f := range []string{"Channel", "CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName"} {
					l.field(f, ch.last[f])
				}
			}
			l.field("Uniqueid", c.uid)
			l.field("Wait", seconds(now.Sub(c.since)))
			l.field("Priority", 0)
		}
	}
}

func (w *world) queueSummary(l *list, only string, now time.Time) {
	for _, name := range w.queueNames() {
		if only != "" && name != only {
			continue
		}
		q := w.queues[name]
		in, free, longest := 0, 0, 0
		for _, key := range w.memberKeys(name) {
			in++
			if f := w.members[key].fields; f["Paused"] != "1" && f["Status"] == "1" {
				free++
			}
		}
		for _, c := range q.waiting {
			longest = max(longest, seconds(now.Sub(c.since)))
		}
		l.row("QueueSummary")
		l.field("Queue", name)
		l.field("LoggedIn", in)
		l.field("Available", free)
		l.field("Callers", len(q.waiting))
		l.field("HoldTime", 0)
		l.field("TalkTime", 0)
		l.field("LongestHoldTime", longest)
	}
}

func (w *world) coreShowChannels(l *list, now time.Time) {
	uids := slices.SortedFunc(maps.Keys(w.channels), func(a, b string) int {
		return cmp.Compare(w.channels[a].serial, w.channels[b].serial)
	})
	for _, uid := range uids {
		ch := w.channels[uid]
		l.row("CoreShowChannel")
		for _, f := range channelFields {
			l.field(f, ch.last[f])
		}
		l.field("Uniqueid", uid)
		l.field("BridgeId", ch.bridge)
		l.field("Application", ch.app)
		l.field("ApplicationData", ch.data)
		up := seconds(now.Sub(ch.since))
		l.field("Duration", fmt.Sprintf("%02d:%02d:%02d", up/3600, up/60%60, up%60))
	}
}

func (w *world) deviceStateList(l *list) {
	for _, device := range slices.Sorted(maps.Keys(w.devices)) {
		l.row("DeviceStateChange")
		l.field("Device", device)
		l.field("State", w.devices[device])
	}
}
