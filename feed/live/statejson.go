package live

import (
	"encoding/json"
	"fmt"
	"time"

	"trunkline/event"
	"trunkline/floor"
)

// moment is a time in epoch milliseconds, shown as RFC 3339 in UTC.
type moment int64

// MarshalJSON implements json.Marshaler.
func (m moment) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 26)
	b = append(b, '"')
	b = time.UnixMilli(int64(m)).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	return append(b, '"'), nil
}

// The states as they are shown. docs/state.md says what each field means.

type queueState struct {
	ID       string       `json:"id"`
	Name     string       `json:"name,omitempty"`
	GUID     string       `json:"guid,omitempty"`
	Media    event.Media  `json:"media,omitempty"`
	Known    bool         `json:"known"`
	Removed  bool         `json:"removed,omitempty"`
	Waiting  int32        `json:"waiting"`
	Oldest   moment       `json:"oldest_queued_at,omitempty"`
	Alerting int32        `json:"alerting"`
	Active   int32        `json:"active"`
	Held     int32        `json:"held"`
	Wrapping int32        `json:"wrapping_up"`
	Members  int32        `json:"members"`
	Agents   agentsByWork `json:"agents"`
	TargetMS int64        `json:"service_level_ms"`
	Today    queueToday   `json:"today"`

	Availability availabilityState   `json:"availability"`
	Estimates    map[string]estimate `json:"estimated_wait"`
	Channels     []channelState      `json:"channels"`
}

type agentsByWork struct {
	Offline  int32 `json:"offline"`
	Away     int32 `json:"away"`
	Idle     int32 `json:"idle"`
	Alerting int32 `json:"alerting"`
	Contact  int32 `json:"contact"`
	WrapUp   int32 `json:"wrap_up"`
}

type queueToday struct {
	Offered          int64 `json:"offered"`
	Answered         int64 `json:"answered"`
	AnsweredInTarget int64 `json:"answered_in_target"`
	AbandonedShort   int64 `json:"abandoned_short"`
	AbandonedLong    int64 `json:"abandoned_long"`
	Timeout          int64 `json:"timeout"`
	Overflow         int64 `json:"overflow"`
	Key              int64 `json:"key"`
	Full             int64 `json:"full"`
	Transferred      int64 `json:"transferred"`
	Lost             int64 `json:"lost"`
	WaitAnsweredMS   int64 `json:"wait_answered_ms"`
	WaitAbandonedMS  int64 `json:"wait_abandoned_ms"`
	LongestWaitMS    int64 `json:"longest_wait_ms,omitempty"`
	Handled          int64 `json:"handled"`
	TalkMS           int64 `json:"talk_ms"`
	HoldMS           int64 `json:"hold_ms"`
	WrapMS           int64 `json:"wrap_ms"`
}

func showQueue(t *floor.Tenant, q *floor.Queue) any {
	n := q.Present()
	s := queueState{
		ID: q.ID, Name: q.Name, GUID: q.GUID, Media: q.Config.Media, Known: q.Known, Removed: q.Removed,
		Waiting: n.Waiting, Alerting: n.Alerting, Active: n.Active, Held: n.Held, Wrapping: n.Wrapping, Members: q.Members,
		Agents: agentsByWork{q.InState[floor.Offline], q.InState[floor.Away], q.InState[floor.Idle],
			q.InState[floor.Alerting], q.InState[floor.Contact], q.InState[floor.WrapUp]},
		TargetMS: t.Target(q),
		Today:    countedOf(&q.Row), Availability: showAvailability(q), Estimates: showEstimates(t, q), Channels: []channelState{},
	}
	s.Today.LongestWaitMS = max(q.WaitsTaken.Max, q.WaitsOthers.Max)
	for m, r := range q.ByMedium {
		if r != nil && floor.Medium(m) != floor.MediumUnknown {
			s.Channels = append(s.Channels, showRow(floor.Medium(m).String(), r))
		}
	}
	if v := q.Oldest(); v != nil {
		s.Oldest = moment(v.At)
	}
	return &s
}

type agentState struct {
	ID            string              `json:"id"`
	GUID          string              `json:"guid,omitempty"`
	External      string              `json:"external,omitempty"`
	Login         string              `json:"login,omitempty"`
	Name          string              `json:"name,omitempty"`
	DisplayName   string              `json:"display_name,omitempty"`
	Address       string              `json:"address,omitempty"`
	Role          string              `json:"role,omitempty"`
	Groups        []string            `json:"groups,omitempty"`
	Supervisors   []string            `json:"supervisors,omitempty"`
	Queues        []memberState       `json:"queues,omitempty"`
	Slots         map[string]int      `json:"slots,omitempty"`
	Known         bool                `json:"known"`
	Disabled      bool                `json:"disabled,omitempty"`
	State         string              `json:"state"`
	Since         moment              `json:"since,omitempty"`
	Talking       bool                `json:"talking"`
	Presence      event.Presence      `json:"presence"`
	Reason        *event.StatusReason `json:"reason,omitempty"`
	PresenceSince moment              `json:"presence_since,omitempty"`
	Until         moment              `json:"until,omitempty"`
	Next          event.Presence      `json:"next,omitempty"`
	LoginSince    moment              `json:"login_since,omitempty"`
	Note          string              `json:"note,omitempty"`
	Profile       string              `json:"profile,omitempty"`
	TransferTo    string              `json:"transfer_number,omitempty"`
	Fetch         bool                `json:"fetch,omitempty"`
	NotServing    bool                `json:"not_serving,omitempty"`
	Terminal      string              `json:"terminal,omitempty"`
	Work          []workState         `json:"work"`
	Today         agentToday          `json:"today"`
	TimeMS        timeByState         `json:"time_ms"`
	ByQueue       []queueWork         `json:"by_queue,omitempty"`
}

type memberState struct {
	ID       string `json:"id"`
	Priority int    `json:"priority,omitempty"`
	Active   bool   `json:"active"`
	Paused   bool   `json:"paused,omitempty"`
}

type workState struct {
	Interaction string `json:"interaction,omitempty"`
	Agent       string `json:"agent,omitempty"`
	Media       string `json:"media,omitempty"`
	Queue       string `json:"queue,omitempty"`
	Leg         string `json:"leg,omitempty"`
	Stage       string `json:"stage"`
	Since       moment `json:"since,omitempty"`
	ConnectedAt moment `json:"connected_at,omitempty"`
	HeldSince   moment `json:"held_since,omitempty"`
}

func showPart(p *floor.Part) workState {
	return workState{Queue: queueID(p.Queue), Leg: p.Leg, Stage: p.Stage.String(), Since: moment(p.Since),
		ConnectedAt: moment(p.Connected), HeldSince: moment(p.HeldSince)}
}

func queueID(q *floor.Queue) string {
	if q == nil {
		return ""
	}
	return q.ID
}

func showAgent(_ *floor.Tenant, a *floor.Agent) any {
	s := agentState{
		ID: a.ID, GUID: a.GUID, External: a.External, Login: a.Login, Name: a.Name, DisplayName: a.DisplayName, Address: a.Address,
		Role: a.Role, Groups: a.Groups, Supervisors: a.Supervisors, Slots: a.Slots, Known: a.Known, Disabled: a.Disabled,
		State: a.State.String(), Since: moment(a.Since), Talking: a.Talking(), Presence: a.Presence, PresenceSince: moment(a.PresenceSince),
		Until: moment(a.Until), Next: a.Next, LoginSince: moment(a.LoginSince), Note: a.Note, Profile: a.Profile, TransferTo: a.TransferTo,
		Fetch: a.Fetch, NotServing: a.NotServing, Terminal: a.Terminal, Work: []workState{},
		Today: workOf(&a.AgentRow), ByQueue: showByQueue(a),
		TimeMS: timeByState{a.Time[floor.Offline], a.Time[floor.Away], a.Time[floor.Idle], a.Time[floor.Alerting], a.Time[floor.Contact], a.Time[floor.WrapUp]},
	}
	if a.Reason != (event.StatusReason{}) {
		r := a.Reason
		s.Reason = &r
	}
	for i := range a.Queues {
		m := &a.Queues[i]
		s.Queues = append(s.Queues, memberState{m.Queue.ID, m.Priority, m.Active, m.Paused})
	}
	for _, p := range a.Work() {
		w := showPart(p)
		w.Interaction, w.Media = p.Interaction.ID, p.Interaction.Media.String()
		s.Work = append(s.Work, w)
	}
	return &s
}

type interactionState struct {
	ID            string          `json:"id"`
	Parent        string          `json:"parent,omitempty"`
	Media         string          `json:"media,omitempty"`
	Direction     event.Direction `json:"direction"`
	Origin        event.Origin    `json:"origin,omitempty"`
	Source        string          `json:"source"`
	State         string          `json:"state"`
	CallState     string          `json:"call_state"`
	CreatedAt     moment          `json:"created_at,omitempty"`
	QueuedAt      moment          `json:"queued_at,omitempty"`
	FirstQueuedAt moment          `json:"first_queued_at,omitempty"`
	AcceptedAt    moment          `json:"accepted_at,omitempty"`
	EndedAt       moment          `json:"ended_at,omitempty"`
	WaitedMS      int64           `json:"waited_ms,omitempty"`
	Waiting       []visitState    `json:"waiting"`
	Agents        []workState     `json:"agents"`
	Queue         string          `json:"queue,omitempty"`
	LastAgent     string          `json:"last_agent,omitempty"`
	Dialler       string          `json:"dialler,omitempty"`
	Visits        int             `json:"visits"`
	Contacts      int             `json:"contacts"`
	Priority      int             `json:"priority,omitempty"`
	Parked        bool            `json:"parked,omitempty"`
	Disposition   string          `json:"disposition,omitempty"`
	Initiator     string          `json:"initiator,omitempty"`
	Reason        string          `json:"reason,omitempty"`
	Outcome       string          `json:"outcome,omitempty"`
	Lost          bool            `json:"lost,omitempty"`
	Recordings    int             `json:"recordings,omitempty"`
	MessagesIn    int             `json:"messages_in,omitempty"`
	MessagesOut   int             `json:"messages_out,omitempty"`
	FirstReplyAt  moment          `json:"first_reply_at,omitempty"`
	Created       json.RawMessage `json:"created,omitempty"`
	Attributes    json.RawMessage `json:"attributes,omitempty"`
}

type visitState struct {
	Queue    string `json:"queue"`
	Since    moment `json:"since,omitempty"`
	Priority int    `json:"priority,omitempty"`
}

func showInteraction(_ *floor.Tenant, it *floor.Interaction) any {
	s := interactionState{
		ID: it.ID, Parent: it.Parent, Media: it.Media.String(), Direction: it.Direction, Origin: it.Origin, State: "open",
		CallState: it.CallState(), CreatedAt: moment(it.Created), QueuedAt: moment(it.QueuedAt), FirstQueuedAt: moment(it.FirstQueuedAt),
		AcceptedAt: moment(it.AcceptedAt), EndedAt: moment(it.Ended), WaitedMS: it.Waited, Waiting: []visitState{}, Agents: []workState{},
		Queue: queueID(it.LastQueue), LastAgent: it.LastAgent, Dialler: it.Agent, Visits: it.Visits, Contacts: it.Contacts,
		Priority: it.Priority, Parked: it.Parked, Disposition: it.Disposition, Recordings: len(it.Recordings()),
		MessagesIn: it.MessagesIn, MessagesOut: it.MessagesOut, FirstReplyAt: moment(it.FirstReply),
	}
	if it.Source != nil {
		s.Source = it.Source.Name
	}
	if !it.Open() {
		s.State, s.Initiator, s.Reason, s.Outcome, s.Lost = "ended", it.Initiator, it.Reason, it.Outcome().String(), it.Lost
	}
	for _, v := range it.Waiting() {
		s.Waiting = append(s.Waiting, visitState{v.Queue.ID, moment(v.At), v.Priority})
	}
	for _, p := range it.Parts() {
		w := showPart(p)
		w.Agent = p.Agent.ID
		s.Agents = append(s.Agents, w)
	}
	created, attributes := it.Details()
	if len(created) > 0 {
		s.Created = append(append(append(s.Created, '{'), created...), '}')
	}
	s.Attributes = attributes
	return &s
}

type sourceState struct {
	ID        string `json:"id"`
	Kind      string `json:"kind,omitempty"`
	Version   string `json:"version,omitempty"`
	Address   string `json:"address,omitempty"`
	State     string `json:"state"`
	Since     moment `json:"since,omitempty"`
	Reason    string `json:"reason,omitempty"`
	SilenceMS int64  `json:"silence_ms,omitempty"`
	Gaps      int64  `json:"gaps"`
	Missing   int64  `json:"missing"`
	Resets    int64  `json:"resets"`
}

// showSource shows what is said of a source; how many events it sends and how late they
// are changes with each of them and is for /v1/sources.
func showSource(_ *floor.Tenant, s *floor.Source) any {
	out := sourceState{ID: s.Name, Kind: s.Kind, Version: s.Version, Address: s.Address, State: "unknown", SilenceMS: s.SilenceMS,
		Gaps: s.Gaps, Missing: s.Missing, Resets: s.Resets}
	switch {
	case !s.Up:
		out.State, out.Since, out.Reason = "down", moment(s.Since), s.Reason
	case s.Told || s.SilenceMS > 0:
		out.State, out.Since = "up", moment(s.Since)
	}
	return &out
}

// kindState is one kind of entity whose state is served.
type kindState struct {
	kind     floor.ChangeKind
	name     string // of the collection, in paths and queries
	singular string
	// each calls fn with every entity of the collection.
	each func(t *floor.Tenant, fn func(show any))
	// one gives an entity, nil when there is none.
	one func(t *floor.Tenant, id string) any
}

// kinds are in the order in which a snapshot has them.
var kinds = [...]kindState{
	{floor.ChangeQueue, "queues", "queue",
		func(t *floor.Tenant, fn func(any)) { all(t, t.Queues(), showQueue, fn) },
		func(t *floor.Tenant, id string) any { return one(t, t.Queue(id), showQueue) }},
	{floor.ChangeAgent, "agents", "agent",
		func(t *floor.Tenant, fn func(any)) { all(t, t.Agents(), showAgent, fn) },
		func(t *floor.Tenant, id string) any { return one(t, t.Agent(id), showAgent) }},
	{floor.ChangeInteraction, "interactions", "interaction",
		func(t *floor.Tenant, fn func(any)) { all(t, t.OpenInteractions(), showInteraction, fn) },
		func(t *floor.Tenant, id string) any { return one(t, t.Interaction(id), showInteraction) }},
	{floor.ChangeChannel, "channels", "channel", channels,
		func(t *floor.Tenant, id string) any {
			if m, ok := floor.MediumNamed(id); ok {
				return showChannel(t, m)
			}
			return nil
		}},
	{floor.ChangeSource, "sources", "source",
		func(t *floor.Tenant, fn func(any)) { all(t, t.Sources(), showSource, fn) },
		func(t *floor.Tenant, id string) any { return one(t, t.Source(id), showSource) }},
}

func all[T any](t *floor.Tenant, list []*T, show func(*floor.Tenant, *T) any, fn func(any)) {
	for _, x := range list {
		fn(show(t, x))
	}
}

func one[T any](t *floor.Tenant, x *T, show func(*floor.Tenant, *T) any) any {
	if x == nil {
		return nil
	}
	return show(t, x)
}

// appendState writes an entity as JSON on one line.
func appendState(dst []byte, show any) []byte {
	b, err := json.Marshal(show)
	if err != nil { // what a source attached is JSON, or the log had not taken it
		b, _ = json.Marshal(map[string]string{"error": fmt.Sprint(err)})
	}
	return append(dst, b...)
}

// appendStates writes a whole collection as a JSON array.
func (k *kindState) appendStates(dst []byte, t *floor.Tenant) []byte {
	dst = append(dst, '[')
	if t != nil {
		first := true
		k.each(t, func(show any) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendState(dst, show)
		})
	}
	return append(dst, ']')
}
