package floor

import (
	"encoding/json"
	"strconv"

	"github.com/tidwall/gjson"
)

// Context is what the log stores beside a fact, so that a projection of the fact
// needs no state: what the floor knew right after it had folded the fact in.
// Members that do not apply are absent. Times are epoch milliseconds by the
// source's clock.
type Context struct {
	// StreamSequence numbers the stream feed's events of the tenant, 1, 2, 3 …
	// without gaps: it is the number of the first of the StreamEvents events
	// that the stream feed makes of this fact. Statuses come behind the fact's own.
	StreamSequence uint64 `json:"streamSequence,omitempty"`
	StreamEvents   int    `json:"streamEvents,omitempty"`
	StreamState    string `json:"streamState,omitempty"` // the callState that its own event shows, the last one where there are two

	// Of the interaction, on every fact about one.
	Direction     string          `json:"direction,omitempty"`     // in, out or internal
	Origin        string          `json:"origin,omitempty"`        // what made one that has a parent
	Parent        string          `json:"parent,omitempty"`        // also when the fact itself leaves it out
	CallState     string          `json:"callState,omitempty"`     // CS_IDLE, CS_QUEUED, CS_INPROGRESS, CS_CONNECTED, CS_HOLD or CS_DISCONNECTED
	CreatedAt     int64           `json:"createdAt,omitempty"`     // when it began
	QueuedAt      int64           `json:"queuedAt,omitempty"`      // when it entered its latest queue
	FirstQueuedAt int64           `json:"firstQueuedAt,omitempty"` // when it entered its first queue
	AcceptedAt    int64           `json:"acceptedAt,omitempty"`    // when an agent took it first
	EndedAt       int64           `json:"endedAt,omitempty"`       // when it ended
	WaitedMS      int64           `json:"waitedMs,omitempty"`      // how long it waited in its latest queue, once that is over
	Visits        int             `json:"visits,omitempty"`        // to queues, so far
	Contacts      int             `json:"contacts,omitempty"`      // agents who were connected, so far
	Priority      int             `json:"priority,omitempty"`
	Waiting       bool            `json:"waiting,omitempty"`     // it waits in a queue now
	Dialler       string          `json:"dialler,omitempty"`     // the agent who dialled it, or whom it reached directly
	Disposition   string          `json:"disposition,omitempty"` // the code noted last
	Initiator     string          `json:"initiator,omitempty"`   // who ended it
	Reason        string          `json:"reason,omitempty"`      // why it ended
	Outcome       string          `json:"outcome,omitempty"`     // what became of it as a whole, once it is over
	Lost          bool            `json:"lost,omitempty"`        // nobody saw its end
	Recordings    int             `json:"recordings,omitempty"`
	MessagesIn    int             `json:"messagesIn,omitempty"`  // by the customer
	MessagesOut   int             `json:"messagesOut,omitempty"` // by agents
	FirstReplyAt  int64           `json:"firstReplyAt,omitempty"`
	LastInAt      int64           `json:"lastInAt,omitempty"`   // when the customer wrote or spoke last, where statuses are kept
	LastOutAt     int64           `json:"lastOutAt,omitempty"`  // the same of agents and supervisors
	Created       json.RawMessage `json:"created,omitempty"`    // channel, dialled, customer, campaign, session, client, segments …, spelled as in interaction.created, as they are now
	Attributes    json.RawMessage `json:"attributes,omitempty"` // the attached pairs, as they are now
	Story         json.RawMessage `json:"story,omitempty"`      // where statuses are kept: the data of the latest fact of each kind, with its time as at

	Queue  *QueueRef  `json:"queue,omitempty"`  // the fact's, else the latest of the interaction
	Agent  *AgentRef  `json:"agent,omitempty"`  // the fact's, else the latest on the interaction
	Agents []PartRef  `json:"agents,omitempty"` // everybody who has a part in the interaction now
	Status []Statuses `json:"status,omitempty"` // agents whose status the fact changed

	Known      json.RawMessage `json:"known,omitempty"`      // on facts about an agent: all that is known of it
	QueueKnown json.RawMessage `json:"queueKnown,omitempty"` // on facts about a queue: all that is known of it
}

// QueueRef names a queue.
type QueueRef struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	GUID string `json:"guid,omitempty"`
}

// AgentRef names an agent.
type AgentRef struct {
	ID          string   `json:"id"`
	Name        string   `json:"name,omitempty"`
	GUID        string   `json:"guid,omitempty"`
	External    string   `json:"external,omitempty"`
	Login       string   `json:"login,omitempty"`
	GivenName   string   `json:"givenName,omitempty"`
	FamilyName  string   `json:"familyName,omitempty"`
	DisplayName string   `json:"displayName,omitempty"`
	Address     string   `json:"address,omitempty"`
	Supervisors []string `json:"supervisors,omitempty"`
}

// PartRef is an agent's part in an interaction.
type PartRef struct {
	ID    string `json:"id"`
	GUID  string `json:"guid,omitempty"`
	Stage string `json:"stage"` // dialling, offered, contact, over or wrap_up
	Leg   string `json:"leg,omitempty"`
	Queue string `json:"queue,omitempty"`
	Held  bool   `json:"held,omitempty"`
}

// Statuses is an agent's status from the fact on.
type Statuses struct {
	Agent    string `json:"agent"`
	GUID     string `json:"guid,omitempty"`
	State    string `json:"state"` // offline, away, idle, alerting, contact or wrap_up
	Before   string `json:"before"`
	Presence string `json:"presence"`
	List     string `json:"list,omitempty"` // of the reason
	Item     string `json:"item,omitempty"`
	Talking  bool   `json:"talking,omitempty"` // taken, from allocation or dialling on
	Direct   bool   `json:"direct,omitempty"`  // all contacts came past the queues
	Since    int64  `json:"since,omitempty"`

	Known json.RawMessage `json:"known,omitempty"` // where statuses are kept and the agent is engaged otherwise now: all that is known of it
}

// contextOf writes the context of a fact that was folded in.
func (t *Tenant) contextOf(dst []byte, in *input, it *Interaction) []byte {
	dst = append(dst, '{')
	if in.kind == kindAgentStatus && len(t.moved) == 0 {
		if a := t.agents[in.agent]; a != nil {
			t.moved = append(t.moved, moved{a, a.State})
		}
	}
	if n := in.kind.streamEvents(in.reason) + uint64(len(t.moved)); n > 0 {
		dst = number(dst, "streamSequence", int64(t.streamSeq+1))
		dst = number(dst, "streamEvents", int64(n))
		t.streamSeq += n
	}
	dst = text(dst, "streamState", in.kind.streamState(it).String())
	agent, queue := t.agents[in.agent], t.queues[in.queue]
	if it != nil {
		dst = it.appendContext(dst)
		if queue == nil {
			queue = it.LastQueue
		}
		if agent == nil {
			agent = t.agents[it.LastAgent]
		}
	}
	if in.kind.ofQueue() && queue != nil {
		dst = t.appendQueueKnown(dst, queue, in.at)
	}
	if in.kind.ofAgent() && agent != nil {
		dst = t.appendKnown(dst, agent)
	}
	if in.kind == kindQueueConfigured || in.kind == kindCallback {
		queue = nil
	}
	if queue != nil {
		dst = append(dst, `"queue":{`...)
		dst = text(dst, "id", queue.ID)
		dst = text(dst, "name", queue.Name)
		dst = text(dst, "guid", queue.GUID)
		dst = closed(dst)
	}
	if agent != nil {
		dst = agent.appendRef(dst)
	}
	if it != nil && len(it.parts) > 0 {
		dst = it.appendParts(dst)
	}
	if len(t.moved) > 0 {
		dst = append(dst, `"status":[`...)
		for i := range t.moved {
			dst = t.moved[i].append(dst, t)
		}
		dst[len(dst)-1] = ']'
		dst = append(dst, ',')
	}
	if it != nil && len(it.story) > 0 { // last, because it is long and seldom asked for
		dst = append(append(append(dst, `"story":{`...), it.story...), '}', ',')
	}
	if len(dst) == 1 {
		return nil
	}
	dst[len(dst)-1] = '}'
	return dst
}

func (it *Interaction) appendContext(dst []byte) []byte {
	dst = text(dst, "direction", string(it.Direction))
	dst = text(dst, "origin", string(it.Origin))
	dst = text(dst, "parent", it.Parent)
	dst = text(dst, "callState", it.CallState())
	dst = number(dst, "createdAt", it.Created)
	dst = number(dst, "queuedAt", it.QueuedAt)
	dst = number(dst, "firstQueuedAt", it.FirstQueuedAt)
	dst = number(dst, "acceptedAt", it.AcceptedAt)
	dst = number(dst, "endedAt", it.Ended)
	dst = number(dst, "waitedMs", it.Waited)
	dst = number(dst, "visits", int64(it.Visits))
	dst = number(dst, "contacts", int64(it.Contacts))
	dst = number(dst, "priority", int64(it.Priority))
	dst = truth(dst, "waiting", len(it.visits) > 0)
	dst = text(dst, "dialler", it.Agent)
	dst = text(dst, "disposition", it.Disposition)
	if it.Ended > 0 {
		dst = text(dst, "initiator", it.Initiator)
		dst = text(dst, "reason", it.Reason)
		dst = text(dst, "outcome", it.Outcome().String())
		dst = truth(dst, "lost", it.Lost)
	}
	dst = number(dst, "recordings", int64(len(it.recordings)))
	dst = number(dst, "messagesIn", int64(it.MessagesIn))
	dst = number(dst, "messagesOut", int64(it.MessagesOut))
	dst = number(dst, "firstReplyAt", it.FirstReply)
	dst = number(dst, "lastInAt", it.lastIn)
	dst = number(dst, "lastOutAt", it.lastOut)
	if len(it.static) > 0 {
		dst = append(append(append(dst, `"created":{`...), it.static...), '}', ',')
	}
	if len(it.attributes) > 0 {
		dst = append(append(append(dst, `"attributes":`...), it.attributes...), ',')
	}
	return dst
}

func (a *Agent) appendRef(dst []byte) []byte {
	dst = append(dst, `"agent":{`...)
	dst = text(dst, "id", a.ID)
	dst = text(dst, "name", a.Name)
	dst = text(dst, "guid", a.GUID)
	dst = text(dst, "external", a.External)
	dst = text(dst, "login", a.Login)
	dst = text(dst, "givenName", a.GivenName)
	dst = text(dst, "familyName", a.FamilyName)
	dst = text(dst, "displayName", a.DisplayName)
	dst = text(dst, "address", a.Address)
	if len(a.Supervisors) > 0 {
		dst = append(dst, `"supervisors":[`...)
		for _, s := range a.Supervisors {
			dst = append(appendText(dst, s), ',')
		}
		dst[len(dst)-1] = ']'
		dst = append(dst, ',')
	}
	return closed(dst)
}

func (it *Interaction) appendParts(dst []byte) []byte {
	dst = append(dst, `"agents":[`...)
	for i, p := range it.parts {
		if i == 20 {
			break
		}
		dst = append(dst, '{')
		dst = text(dst, "id", p.Agent.ID)
		dst = text(dst, "guid", p.Agent.GUID)
		dst = text(dst, "stage", p.Stage.String())
		dst = text(dst, "leg", p.Leg)
		dst = text(dst, "queue", p.Queue.id())
		dst = truth(dst, "held", p.HeldSince > 0)
		dst = closed(dst)
	}
	dst[len(dst)-1] = ']'
	return append(dst, ',')
}

func (m *moved) append(dst []byte, t *Tenant) []byte {
	a := m.agent
	dst = append(dst, '{')
	dst = text(dst, "agent", a.ID)
	dst = text(dst, "guid", a.GUID)
	dst = text(dst, "state", a.State.String())
	dst = text(dst, "before", m.from.String())
	dst = text(dst, "presence", string(a.Presence))
	dst = text(dst, "list", a.Reason.List)
	dst = text(dst, "item", a.Reason.Item)
	dst = truth(dst, "talking", a.Talking())
	dst = truth(dst, "direct", a.direct())
	dst = number(dst, "since", a.Since)
	if t.set.Statuses && m.from.Engagement() != a.State.Engagement() {
		dst = t.appendKnown(dst, a)
	}
	return closed(dst)
}

// direct says that the agent is on contacts that came past the queues only.
func (a *Agent) direct() bool {
	on := false
	for _, p := range a.work {
		if p.Stage == PartContact {
			if p.Queue != nil {
				return false
			}
			on = true
		}
	}
	return on
}

// text, number and truth append a member, unless it is empty, with a comma
// behind it.
func text(dst []byte, name, v string) []byte {
	if v == "" {
		return dst
	}
	dst = append(append(append(dst, '"'), name...), '"', ':')
	return append(appendText(dst, v), ',')
}

func number(dst []byte, name string, v int64) []byte {
	if v == 0 {
		return dst
	}
	dst = append(append(append(dst, '"'), name...), '"', ':')
	return append(strconv.AppendInt(dst, v, 10), ',')
}

func truth(dst []byte, name string, v bool) []byte {
	if !v {
		return dst
	}
	return append(append(append(dst, '"'), name...), `":true,`...)
}

// closed ends an object: the comma behind its last member goes.
func closed(dst []byte) []byte {
	if dst[len(dst)-1] == ',' {
		dst = dst[:len(dst)-1]
	}
	return append(dst, '}', ',')
}

func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '"' || s[i] == '\\' {
			dst = append(dst, s[:i]...)
			return escape(dst, s[i:])
		}
	}
	return append(append(dst, s...), '"')
}

func escape(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// loose says which members of interaction.created are told on as they are.
func loose(name string) bool {
	switch name {
	case "channel", "channel_name", "dialled", "call_as", "customer", "target", "target_kind", "campaign", "campaign_name",
		"call_list", "callback", "session", "client", "subdivision", "segments", "language", "publicity":
		return true
	}
	return false
}

// keepStatic takes the loose members of a fact over those that are kept.
func (it *Interaction) keepStatic(data string) {
	if data == "" {
		return
	}
	next := make([]byte, 0, len(it.static)+256)
	got := map[string]bool{}
	gjson.Parse(data).ForEach(func(k, v gjson.Result) bool {
		switch {
		case loose(k.Str) && len(next)+len(v.Raw) < maxStatic:
			got[k.Str] = true
			next = append(append(append(next, k.Raw...), ':'), v.Raw...)
			next = append(next, ',')
		case k.Str == "attributes" && v.IsObject():
			it.mergeAttributes(v, nil)
		}
		return true
	})
	if len(it.static) > 0 {
		gjson.Parse("{" + string(it.static) + "}").ForEach(func(k, v gjson.Result) bool {
			if !got[k.Str] && len(next)+len(v.Raw) < maxStatic {
				next = append(append(append(next, k.Raw...), ':'), v.Raw...)
				next = append(next, ',')
			}
			return true
		})
	}
	if len(next) == 0 {
		return
	}
	it.static = append(make([]byte, 0, len(next)-1), next[:len(next)-1]...)
}

// keepAttributes takes in which attached pairs changed.
func (it *Interaction) keepAttributes(data string) {
	d := gjson.Parse(data)
	gone := map[string]bool{}
	d.Get("removed").ForEach(func(_, v gjson.Result) bool {
		gone[v.Str] = true
		return true
	})
	it.mergeAttributes(d.Get("attributes"), gone)
}

func (it *Interaction) mergeAttributes(set gjson.Result, gone map[string]bool) {
	next := append(make([]byte, 0, len(it.attributes)+len(set.Raw)+2), '{')
	got := map[string]bool{}
	add := func(k, v gjson.Result) bool {
		if !got[k.Str] && len(next)+len(k.Raw)+len(v.Raw) < maxAttributes {
			got[k.Str] = true
			next = append(append(append(append(next, k.Raw...), ':'), v.Raw...), ',')
		}
		return true
	}
	set.ForEach(add)
	gjson.ParseBytes(it.attributes).ForEach(func(k, v gjson.Result) bool {
		return gone[k.Str] || add(k, v)
	})
	if len(next) == 1 {
		it.attributes = nil
		return
	}
	next[len(next)-1] = '}'
	it.attributes = next
}
