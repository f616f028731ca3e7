package asterisk

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"trunkline/event"
	"trunkline/source"
)

// QueueLogTranslator turns the lines of a queue_log into facts, the same
// outcomes as [Translator] finds on the manager interface. It knows less: the
// times are whole seconds, a phone's ringing shows only when it is over, and
// nothing is said of calls outside queues, of holds, or of a full queue. It is
// not safe for concurrent use.
type QueueLogTranslator struct {
	emit   func(event.Meta, event.Fact)
	tenant string
	linger time.Duration
	shift  time.Duration
	names  names
	ids    identity
	now    time.Time
	s      queueLogState

	promise time.Duration // see [QueueLogOptions]
	left    source.Tally  // lines that say nothing
}

// queueLogState is all that a translator remembers; it is stored between runs.
type queueLogState struct {
	Boot   string             `json:"boot"`
	Up     bool               `json:"up"`
	Last   time.Time          `json:"last"`
	LastAt time.Time          `json:"last_at"`
	Said   map[string]int     `json:"said"`
	Calls  map[string]*qCall  `json:"calls"`
	Gone   []goneCall         `json:"gone,omitempty"`
	Agents map[string]*qAgent `json:"agents"`
	Queues map[string]bool    `json:"queues"`
	Serial uint64             `json:"serial"`
}

// qCall is an interaction as the queue_log shows it.
type qCall struct {
	Serial    uint64              `json:"serial"`
	ID        string              `json:"id"`
	Short     string              `json:"short"`
	Start     time.Time           `json:"start"`
	Queue     string              `json:"queue,omitempty"` // where it waits
	Joined    time.Time           `json:"joined,omitzero"`
	Entered   map[string]int      `json:"entered"`
	Agent     string              `json:"agent,omitempty"` // who talks
	Leg       string              `json:"leg,omitempty"`
	LegShort  string              `json:"leg_short,omitempty"`
	Since     time.Time           `json:"since,omitzero"`
	Rings     int                 `json:"rings,omitempty"`
	LastQueue string              `json:"last_queue,omitempty"`
	LastAgent string              `json:"last_agent,omitempty"`
	LastLeave event.DequeueReason `json:"last_leave,omitempty"`
	Answered  bool                `json:"answered,omitempty"`
	Transfer  string              `json:"transfer,omitempty"` // the target of one that was not seen to arrive
	By        event.Initiator     `json:"by,omitempty"`
	EndAt     time.Time           `json:"end_at,omitzero"` // out of the queue: over, unless it enters another
}

// goneCall remembers that a Uniqueid was used, for callers who come back.
type goneCall struct {
	Call string    `json:"call"`
	At   time.Time `json:"at"`
	N    int       `json:"n"`
}

// What is remembered of ended calls.
const (
	maxGone = 1000
	goneFor = time.Hour
)

// QueueLogTranslatorOptions configure a [QueueLogTranslator].
type QueueLogTranslatorOptions struct {
	// Emit gets every fact with its envelope.
	Emit   func(event.Meta, event.Fact)
	Tenant string
	// PBX names the PBX, as for [Options].
	PBX string
	// Agents gives the interface of each member by name, as queues.conf has them:
	// Alice: PJSIP/1001. Without it an agent's id is the name in the queue_log.
	Agents map[string]string
	// AgentID is as in [Options].
	AgentID func(iface string) string
	// Linger is how long a caller who left a queue may take to enter another one
	// as the same interaction; default 30 s.
	Linger time.Duration
	// Shift moves all times.
	Shift time.Duration

	promise time.Duration
}

// NewQueueLogTranslator returns a translator that knows nothing yet.
func NewQueueLogTranslator(o QueueLogTranslatorOptions) *QueueLogTranslator {
	if o.AgentID == nil {
		o.AgentID = AgentID
	}
	if o.PBX == "" {
		o.PBX = "pbx"
	}
	if o.Linger <= 0 {
		o.Linger = 30 * time.Second
	}
	t := &QueueLogTranslator{
		emit: o.Emit, tenant: o.Tenant, linger: o.Linger, shift: o.Shift,
		names: names{o.Agents, o.AgentID}, ids: newIdentity(o.PBX), promise: o.promise,
	}
	t.fill()
	return t
}

func (t *QueueLogTranslator) fill() {
	if t.s.Calls == nil {
		t.s.Calls = make(map[string]*qCall)
	}
	if t.s.Agents == nil {
		t.s.Agents = make(map[string]*qAgent)
	}
	if t.s.Queues == nil {
		t.s.Queues = make(map[string]bool)
	}
}

// State returns what the translator knows, for [QueueLogTranslator.Restore].
func (t *QueueLogTranslator) State() (json.RawMessage, error) {
	t.s.Boot, t.s.LastAt, t.s.Said = t.ids.boot, t.ids.lastAt, t.ids.said
	b, err := json.Marshal(&t.s)
	if err != nil {
		return nil, fmt.Errorf("queue_log state: %w", err)
	}
	return b, nil
}

// Restore goes on where State was taken.
func (t *QueueLogTranslator) Restore(state json.RawMessage) error {
	var s queueLogState
	if err := json.Unmarshal(state, &s); err != nil {
		return fmt.Errorf("queue_log state: %w", err)
	}
	t.s = s
	t.fill()
	for call, c := range t.s.Calls {
		if c == nil {
			delete(t.s.Calls, call)
		} else if c.Entered == nil {
			c.Entered = make(map[string]int)
		}
	}
	for who, a := range t.s.Agents {
		if a == nil {
			delete(t.s.Agents, who)
		}
	}
	if s.Boot != "" {
		t.ids.boot = s.Boot
	}
	t.ids.lastAt = s.LastAt
	if s.Said != nil {
		t.ids.said = s.Said
	}
	return nil
}

// Open returns how many interactions are not ended.
func (t *QueueLogTranslator) Open() int { return len(t.s.Calls) }

// Last returns the time of the last line.
func (t *QueueLogTranslator) Last() time.Time { return t.s.Last }

// Line takes one line. A line that makes no sense is left out.
func (t *QueueLogTranslator) Line(line []byte) error {
	l, err := ParseQueueLog(line)
	if err != nil {
		return err
	}
	l.Time = l.Time.Add(t.shift)
	t.Advance(l.Time)
	t.now, t.s.Last = l.Time, l.Time
	if l.Event == "QUEUESTART" {
		t.started()
		return nil
	}
	if !t.s.Up {
		t.Up("")
	}
	if l.Queue != "" && !t.s.Queues[l.Queue] {
		t.s.Queues[l.Queue] = true
		t.say("queue:"+l.Queue, "configured", event.QueueConfigured{Queue: l.Queue, Name: l.Queue, Media: event.MediaPhone})
	}
	if !says(l.Event) {
		t.left.Add([]byte(l.Event))
	}
	t.call(&l)
	t.member(&l)
	return nil
}

// Advance lets time pass: who left a queue long ago has ended.
func (t *QueueLogTranslator) Advance(now time.Time) {
	for _, call := range t.ordered() {
		if c := t.s.Calls[call]; !c.EndAt.IsZero() && now.Sub(c.EndAt) >= t.linger {
			t.end(call, c, false)
		}
	}
}

// Close ends what left its queue and was not seen again. What waits or talks
// stays open.
func (t *QueueLogTranslator) Close() {
	for _, call := range t.ordered() {
		if c := t.s.Calls[call]; !c.EndAt.IsZero() {
			t.end(call, c, false)
		}
	}
}

// ordered lists the open calls in the order they began.
func (t *QueueLogTranslator) ordered() []string {
	return slices.SortedFunc(maps.Keys(t.s.Calls), func(a, b string) int {
		return int(t.s.Calls[a].Serial) - int(t.s.Calls[b].Serial)
	})
}

func (t *QueueLogTranslator) meta(id string, at time.Time) event.Meta {
	return event.Meta{ID: id, Source: t.ids.source, Tenant: t.tenant, Time: at}
}

func (t *QueueLogTranslator) say(entity, kind string, f event.Fact) {
	t.emit(t.meta(t.ids.event(entity, kind, t.now), t.now), f)
}

func (t *QueueLogTranslator) once(at time.Time, entity, kind string, n int, f event.Fact) {
	t.emit(t.meta(t.ids.once(entity, kind, n), at), f)
}

func (t *QueueLogTranslator) source() event.SourceRef { return event.SourceRef{Source: t.ids.source} }

// Up says that the file is being read, once until Down.
func (t *QueueLogTranslator) Up(file string) {
	if t.s.Up {
		return
	}
	t.s.Up = true
	t.sourceUp(file)
}

func (t *QueueLogTranslator) sourceUp(file string) {
	t.say("source", "up", event.SourceUp{
		SourceRef: t.source(), Kind: "asterisk", Version: "queue_log", Address: file, SilenceMS: t.promise.Milliseconds(),
	})
}

// alive is the sign of life of a file that has nothing new.
func (t *QueueLogTranslator) alive(now time.Time, file string) {
	if t.s.Up {
		t.now = now
		t.sourceUp(file)
	}
}

// Down says that the file cannot be read.
func (t *QueueLogTranslator) Down(at time.Time, reason string) {
	if !t.s.Up {
		return
	}
	t.s.Up, t.now = false, at
	t.say("source", "down", event.SourceDown{SourceRef: t.source(), Reason: reason, LastHeard: event.At(t.s.Last)})
}

// Gap says that lines are missing.
func (t *QueueLogTranslator) Gap(at time.Time, missing string) {
	t.now = at
	t.say("source", "gap", event.SourceGap{SourceRef: t.source(), Missing: missing, From: event.At(t.s.Last), To: event.At(at)})
}

// started ends what the former life of the PBX left open. A restart in order
// leaves nothing: Asterisk hangs up its callers first and logs that.
func (t *QueueLogTranslator) started() {
	before := t.s.Up
	t.Close()
	reason, detail := event.ResetRestart, "a new boot"
	for _, call := range t.ordered() {
		t.end(call, t.s.Calls[call], true)
		reason, detail = event.ResetCrash, "a new boot, with calls left open"
	}
	t.ids.setBoot(t.now.Add(-t.shift))
	t.s.Gone = nil
	if before {
		t.say("source", "reset", event.SourceReset{SourceRef: t.source(), Reason: reason, Detail: detail})
	}
	t.Up("")
}
