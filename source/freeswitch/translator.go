package freeswitch

import (
	"time"

	"trunkline/event"
	"trunkline/source"
	"trunkline/source/clean"
)

// Options configure a [Translator].
type Options struct {
	// Emit gets every fact with its envelope, in order, while bytes are fed.
	Emit func(event.Meta, event.Fact)
	// Tenant is the tenant of every fact; empty leaves it out.
	Tenant string
	// Name names the switch in the source. Empty takes the switchname that
	// FreeSWITCH puts into its events; facts that are known before wait for it.
	Name string
	// Shift moves all times, those of FreeSWITCH and of reading, so that an old
	// capture can be played as if it happened now. The ids move with them.
	Shift time.Duration
	// AgentID turns the name of an agent of mod_callcenter, such as
	// 1001@default, into the agent's id. Nil leaves it as it is.
	AgentID func(name string) string
	// Inside tells whether a channel that is no agent's, such as
	// sofia/internal/2001@10.0.0.7, is inside the centre. Nil says no for all:
	// they are trunks and customers.
	Inside func(channel string) bool
	// Whole says that all lists of agents, tiers and queues come from questions
	// for all of them. Otherwise only the first of each after a login does.
	Whole bool
	// Limits bound the reader.
	Limits Limits
	// Fault gets what the reader could not make sense of; may be nil.
	Fault func(*SyntaxError)

	address string        // where the switch is, for source.up
	promise time.Duration // within which it is heard, see [ClientOptions]
}

// Translator turns the bytes of one FreeSWITCH's event socket, or of several
// connections one after the other, into facts. It is not safe for concurrent
// use and starts nothing of its own: time passes with what it is fed.
type Translator struct {
	opt    Options
	reader *Reader
	ids    identity
	clock  clock
	early  []earlyMessage
	weight int // bytes of early
	ready  bool
	link   link
	floor  floor
	chans  map[string]*channel // by UUID
	calls  map[string]*call    // by the UUID of the first channel
	visits map[string]*visit   // by the UUID of the member
	over   memory              // UUIDs of calls, channels and members that are gone
	seen   memory              // sequences of this core, against an event that comes twice
	serial uint64              // orders calls
	later  later
	left   source.Tally // events that say nothing
}

// later is what waits for more to be said about it.
type later struct {
	left    []*visit // left by the caller's doing: a hang-up, or moved elsewhere
	ended   []*talk  // whose agent's channel went, not known by whose doing
	unseen  []*call  // heard of by mod_callcenter alone
	missing *missing // not in the last list of channels
}

func (l *later) empty() bool {
	return len(l.left) == 0 && len(l.ended) == 0 && len(l.unseen) == 0 && l.missing == nil
}

// earlyMessage is a message from before the core or the name is known.
type earlyMessage struct {
	msg *Message
	at  time.Time
}

// maxEarly bounds, in bytes, what waits for the core to be known.
const maxEarly = 32 << 20

// NewTranslator returns a translator that knows nothing yet.
func NewTranslator(o Options) *Translator {
	if o.AgentID == nil {
		o.AgentID = func(name string) string { return name }
	}
	if o.Emit == nil {
		o.Emit = func(event.Meta, event.Fact) {}
	}
	t := &Translator{
		opt:    o,
		ids:    newIdentity(o.Name, o.Shift),
		floor:  newFloor(),
		chans:  make(map[string]*channel),
		calls:  make(map[string]*call),
		visits: make(map[string]*visit),
		over:   newMemory(),
		seen:   newMemory(),
	}
	t.reader = NewReader(o.Limits, t.message, o.Fault)
	return t
}

// Feed takes the next bytes of the stream, read at the time at. The time is
// used for what FreeSWITCH sends without one; zero takes the last time it sent.
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

// Disconnected says that the connection broke or was closed at the given time.
func (t *Translator) Disconnected(at time.Time, reason string) {
	t.setRead(at)
	t.reader.Close()
	t.drain()
	t.aside("link")
	t.sweep(true)
	t.sourceDown(reason)
	t.ready, t.link.listed = false, listed{}
}

// Unreachable says that no connection could be made at the given time. It is
// said once, until one is made.
func (t *Translator) Unreachable(at time.Time, reason string) {
	t.setRead(at)
	t.aside("link")
	if !t.link.up && !t.link.down {
		t.link.up = true
		t.sourceDown(reason)
	}
}

// Advance lets time pass in silence, so that what waits for more to come is
// said.
func (t *Translator) Advance(now time.Time) {
	t.setRead(now)
	if t.ready {
		t.aside("clock")
		t.sweep(false)
	}
}

// Close says that nothing more comes. It says what was still waiting, but ends
// nothing: calls that are up may well be up.
func (t *Translator) Close() {
	t.reader.Close()
	t.drain()
	t.sweep(true)
}

// Open returns how many interactions are not ended.
func (t *Translator) Open() int { return len(t.calls) }

func (t *Translator) message(m *Message) {
	if !t.ready {
		if m.Kind == AuthRequest { // the next connection
			t.apply(m)
			return
		}
		t.learn(m)
		if !t.ready {
			t.early = append(t.early, earlyMessage{m.clone(), t.clock.read})
			if t.weight += m.size(); t.weight >= maxEarly {
				t.drain()
			}
			return
		}
		t.drain()
	}
	t.apply(m)
}

// learn looks for the name of the switch, its core and, when reads carry no
// time, for a first time.
func (t *Translator) learn(m *Message) {
	core := ""
	switch m.Kind {
	case EventMessage:
		core = clean.Text(m.Get("Core-UUID"))
		if t.ids.name == "" {
			t.ids.setName(clean.Text(m.Get("FreeSWITCH-Switchname")))
		}
		if t.ids.name == "" {
			t.ids.setName(clean.Text(m.Get("FreeSWITCH-Hostname")))
		}
		if at, ok := m.Time(); ok && t.clock.last.IsZero() {
			t.clock.last = at.Add(t.opt.Shift)
		}
	case APIResponse:
		core = uuidBody(m.Body())
		t.learnVersion(m.Body())
	}
	if core == "" || t.ids.name == "" || t.clock.read.IsZero() && t.clock.last.IsZero() {
		return
	}
	t.ready = true
	t.aside("link")
	t.meet(core)
}

// drain applies the messages that waited. A switch without a name gets one.
func (t *Translator) drain() {
	if len(t.early) == 0 {
		return
	}
	if t.ids.name == "" {
		t.ids.setName("freeswitch")
	}
	early, read := t.early, t.clock.read
	t.early, t.weight, t.ready = nil, 0, true
	for _, e := range early {
		t.clock.read = e.at
		t.apply(e.msg)
	}
	t.clock.read = read
}

// aside sets the time and origin of what no event says.
func (t *Translator) aside(origin string) {
	t.clock.untimed()
	t.ids.from(origin)
}

func (t *Translator) apply(m *Message) {
	switch m.Kind {
	case EventMessage:
		t.applyEvent(m)
	case AuthRequest:
		t.aside("link")
		if t.link.up {
			t.clock.now = t.link.heard
			t.sourceDown("connection lost")
		}
		t.ready, t.link.listed = false, listed{}
		return
	case APIResponse:
		t.aside("list")
		t.sweep(false)
		t.response(m.Body())
	case DisconnectNotice:
		t.aside("link")
		t.sourceDown("disconnected by FreeSWITCH")
	}
	t.link.heard = t.clock.now
}

func (t *Translator) applyEvent(m *Message) {
	seq := clean.Text(m.Bytes("Event-Sequence"))
	if core := clean.Text(m.Get("Core-UUID")); core != "" && core != t.ids.core {
		t.aside("link")
		t.meet(core)
	}
	if seq != "" {
		if t.seen.has(seq) {
			return // the same event a second time
		}
		t.seen.add(seq)
	}
	if at, ok := m.Time(); ok {
		at = at.Add(t.opt.Shift)
		t.clock.last, t.clock.now = at, at
		if !t.clock.read.IsZero() {
			t.link.lag = t.clock.read.Sub(at)
		}
	} else {
		t.clock.untimed()
	}
	t.ids.from(seq)
	t.sweep(false)
	t.event(m)
}

// event hands an event to whoever knows it. What is not listed says nothing
// that another event does not say too; docs/freeswitch.md has the whole table.
func (t *Translator) event(m *Message) {
	switch string(m.Bytes("Event-Name")) {
	case "CUSTOM":
		if m.Get("Event-Subclass") != "callcenter::info" {
			t.left.Add(m.Bytes("Event-Subclass"))
			return
		}
		t.callcenter(m)
	case "CHANNEL_CREATE":
		t.onCreate(m)
	case "CHANNEL_ANSWER":
		t.onAnswer(m)
	case "CHANNEL_BRIDGE":
		t.onBridge(m)
	case "CHANNEL_UNBRIDGE":
		t.onUnbridge(m)
	case "CHANNEL_HOLD":
		t.onHold(m)
	case "CHANNEL_UNHOLD":
		t.onUnhold(m)
	case "CHANNEL_HANGUP_COMPLETE":
		t.onHangup(m)
	case "HEARTBEAT":
		t.onHeartbeat(m)
	case "SHUTDOWN":
		t.onShutdown()
	default:
		t.left.Add(m.Bytes("Event-Name"))
	}
}

// callcenter hands on an event of mod_callcenter. members-count is left out: it
// counts callers who talk as well, and does not go down when they leave.
func (t *Translator) callcenter(m *Message) {
	switch string(m.Bytes("CC-Action")) {
	case "member-queue-start":
		t.onMemberStart(m)
	case "member-queue-end":
		t.onMemberEnd(m)
	case "agent-offering":
		t.onOffering(m)
	case "bridge-agent-start":
		t.onBridgeStart(m)
	case "bridge-agent-end":
		t.onBridgeEnd(m)
	case "bridge-agent-fail":
		t.onBridgeFail(m)
	case "agent-status-change":
		t.onStatus(m)
	case "agent-state-change":
		t.onState(m)
	case "agent-max-no-answer":
		t.onMaxNoAnswer(m)
	case "agent-add":
		t.onAgentAdd(m)
	default:
		t.left.Add(m.Bytes("CC-Action"))
	}
}

// say says a fact of the message in hand about an entity.
func (t *Translator) say(at time.Time, kind, entity string, f event.Fact) {
	t.sayOf(t.ids.origin, at, kind, entity, f)
}

// sayOf says a fact of a message that may have come before.
func (t *Translator) sayOf(origin string, at time.Time, kind, entity string, f event.Fact) {
	t.opt.Emit(event.Meta{
		ID:     t.ids.event(origin, kind, entity, at),
		Source: t.ids.source,
		Tenant: t.opt.Tenant,
		Time:   at,
	}, f)
}
