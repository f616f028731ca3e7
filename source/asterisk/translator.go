package asterisk

import (
	"time"

	"trunkline/event"
	"trunkline/source"
)

// Options configure a [Translator].
type Options struct {
	// Emit gets every fact with its envelope, in order, while bytes are fed.
	Emit func(event.Meta, event.Fact)
	// Tenant is the tenant of every fact; empty leaves it out.
	Tenant string
	// PBX names the PBX in the source and in all ids. Empty takes the
	// systemname that the PBX puts into its events; facts that are known before
	// the name wait for it.
	PBX string
	// Boot is when the PBX booted as far as an earlier translator knew, see
	// [Translator.Boot]. With it a program that starts anew in the middle of a
	// boot goes on with the same ids.
	Boot time.Time
	// Shift moves all times, those of the PBX and of reading, so that an old
	// capture can be played as if it happened now. The ids move with them.
	Shift time.Duration
	// AgentID turns the interface of a queue member, such as PJSIP/1001, into
	// the agent's id. Nil takes [AgentID].
	AgentID func(iface string) string
	// Inside tells whether a device that was never seen as a queue member is
	// inside the centre. Nil says no for all: they are trunks and customers.
	Inside func(device string) bool
	// Limits bound the reader.
	Limits Limits
	// live says that the client feeds the translator: both lists of a snapshot
	// come after every login, the members' first.
	live bool
	// address is where the client is connected.
	address string
	// promise is within which time the source is heard, see [ClientOptions].
	promise time.Duration
	// Fault gets what the reader could not make sense of; may be nil.
	Fault func(*SyntaxError)
}

// Translator turns the bytes of one PBX's manager connection, or of several
// connections one after the other, into facts. It is not safe for concurrent
// use and starts nothing of its own: time passes with what it is fed.
type Translator struct {
	opt    Options
	reader *Reader
	ids    identity
	clock  clock
	early  []earlyMessage
	ready  bool
	link   link
	floor  members
	chans  map[string]*channel // by Uniqueid
	calls  map[string]*call    // by Linkedid
	serial uint64              // orders calls
	// owed counts, by queue and interface, talks that ended before their
	// AgentComplete came: one without a channel must not close the next talk.
	owed map[memberKey]int
	left source.Tally // events that say nothing
}

// earlyMessage is a message from before the PBX's name or the time is known.
type earlyMessage struct {
	msg *Message
	at  time.Time
}

// maxEarly bounds the wait for a name: a snapshot of some thousand members.
const maxEarly = 10_000

// NewTranslator returns a translator that knows nothing yet.
func NewTranslator(o Options) *Translator {
	if o.AgentID == nil {
		o.AgentID = AgentID
	}
	if o.Emit == nil {
		o.Emit = func(event.Meta, event.Fact) {}
	}
	t := &Translator{
		opt:   o,
		ids:   newIdentity(o.PBX),
		floor: newMembers(),
		chans: make(map[string]*channel),
		calls: make(map[string]*call),
		owed:  make(map[memberKey]int),
	}
	if !o.Boot.IsZero() {
		t.setBoot(o.Boot)
	}
	t.reader = NewReader(o.Limits, t.message, o.Fault)
	return t
}

// Feed takes the next bytes of the stream, read at the time at. The time is
// used for what the PBX sends without one; zero takes the last time it sent.
func (t *Translator) Feed(p []byte, at time.Time) {
	t.setRead(at)
	t.reader.Write(p)
}

func (t *Translator) setRead(at time.Time) {
	if !at.IsZero() {
		at = at.Add(t.opt.Shift)
	}
	t.clock.read = at
}

// stamp returns the time that the PBX gave a message.
func (t *Translator) stamp(m *Message) (time.Time, bool) {
	at, ok := m.Time()
	return at.Add(t.opt.Shift), ok
}

// Disconnected says that the connection broke or was closed at the given time.
func (t *Translator) Disconnected(at time.Time, reason string) {
	t.setRead(at)
	t.reader.Close()
	t.drain()
	t.clock.untimed()
	t.sourceDown(reason)
}

// Advance lets time pass in silence, so that what waits for more of the same
// (a pause in several queues) is said.
func (t *Translator) Advance(now time.Time) {
	t.setRead(now)
	t.clock.untimed()
	t.flushPauses(false)
}

// Close says that nothing more comes. It says what was still waiting, but ends
// nothing: calls that are up may well be up.
func (t *Translator) Close() {
	t.reader.Close()
	t.drain()
	t.flushPauses(true)
}

// Boot returns when the PBX booted, to about a second; zero is not known.
func (t *Translator) Boot() time.Time { return t.link.booted }

// Open returns how many interactions are not ended.
func (t *Translator) Open() int { return len(t.calls) }

func (t *Translator) message(m *Message) {
	if !t.ready {
		t.learn(m)
		if !t.ready {
			t.early = append(t.early, earlyMessage{m.clone(), t.clock.read})
			if len(t.early) < maxEarly {
				return
			}
			t.drain()
			return
		}
		t.drain()
	}
	t.apply(m)
}

// learn looks for the PBX's name and, when reads carry no time, for a first
// time.
func (t *Translator) learn(m *Message) {
	if t.ids.pbx == "" {
		t.ids.name(text(m.Bytes("SystemName")))
	}
	if at, ok := t.stamp(m); ok && t.clock.last.IsZero() {
		t.clock.last = at
	}
	t.ready = t.ids.pbx != "" && (!t.clock.read.IsZero() || !t.clock.last.IsZero())
}

// drain applies the messages that waited. A PBX without a name gets one.
func (t *Translator) drain() {
	if t.ids.pbx == "" {
		t.ids.name("pbx")
	}
	t.ready = true
	if len(t.early) == 0 {
		return
	}
	early, read := t.early, t.clock.read
	t.early = nil
	for _, e := range early {
		t.clock.read = e.at
		t.apply(e.msg)
	}
	t.clock.read = read
}

func (t *Translator) apply(m *Message) {
	if at, ok := t.stamp(m); ok {
		t.clock.last, t.clock.now = at, at
	} else {
		t.clock.untimed()
	}
	if len(t.floor.waiting) > 0 {
		t.flushPauses(false)
	}
	switch m.Kind {
	case Banner:
		t.onBanner(m)
	case EventMessage:
		t.event(m)
	}
	t.link.heard = t.clock.now
}

// event hands an event to whoever knows it. What is not listed says nothing
// that another event does not say too; docs/asterisk.md has the whole table.
func (t *Translator) event(m *Message) {
	switch string(m.Name()) {
	case "VarSet":
		t.onVarSet(m)
	case "Newexten":
		t.onNewexten(m)
	case "Newchannel":
		t.onNewchannel(m)
	case "DialBegin":
		t.onDialBegin(m)
	case "DialEnd":
		t.onDialEnd(m)
	case "HangupRequest":
		t.onHangupRequest(m)
	case "SoftHangupRequest":
		t.onSoftHangup(m)
	case "Hangup":
		t.onHangup(m)
	case "Hold":
		t.onHold(m)
	case "Unhold":
		t.onUnhold(m)
	case "QueueCallerJoin":
		t.onJoin(m)
	case "QueueCallerLeave":
		t.onLeave(m)
	case "QueueCallerAbandon":
		t.onAbandon(m)
	case "QueueEntry":
		t.onQueueEntry(m)
	case "AgentCalled":
		t.onAgentCalled(m)
	case "AgentRingNoAnswer":
		t.onRingNoAnswer(m)
	case "AgentConnect":
		t.onAgentConnect(m)
	case "AgentComplete":
		t.onAgentComplete(m)
	case "BlindTransfer":
		t.onBlindTransfer(m)
	case "AttendedTransfer":
		t.onAttendedTransfer(m)
	case "QueueParams":
		t.onQueueParams(m)
	case "QueueMember", "QueueMemberAdded", "QueueMemberStatus", "QueueMemberPenalty":
		t.onMember(m)
	case "QueueMemberPause", "QueueMemberPaused":
		t.onMemberPause(m)
	case "QueueMemberRemoved":
		t.onMemberRemoved(m)
	case "QueueStatusComplete":
		t.onQueueStatusComplete()
	case "DeviceStateChange":
		t.onDeviceState(m)
	case "CoreShowChannel":
		t.onCoreShowChannel(m)
	case "CoreShowChannelsComplete":
		t.onCoreShowChannelsComplete()
	case "FullyBooted":
		t.onFullyBooted(m)
	case "Shutdown":
		t.onShutdown(m)
	default:
		t.left.Add(m.Name())
	}
}

// sayOnce emits the n-th fact of a kind that an entity has, see identity.once.
func (t *Translator) sayOnce(at time.Time, entity, kind string, n int, f event.Fact) {
	t.opt.Emit(event.Meta{ID: t.ids.once(entity, kind, n), Source: t.ids.source, Tenant: t.opt.Tenant, Time: at}, f)
}

// say emits a fact that happened at the given time. Entity and kind make its
// id together with the boot and the time.
func (t *Translator) say(at time.Time, entity, kind string, f event.Fact) {
	t.opt.Emit(event.Meta{
		ID:     t.ids.event(entity, kind, at),
		Source: t.ids.source,
		Tenant: t.opt.Tenant,
		Time:   at,
	}, f)
}
