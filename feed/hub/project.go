package hub

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/floor"
)

// ref names an entity by what the floor and the directory call it, whatever its GUID.
type ref struct{ entity, id string }

// told is one event of the page that a fact makes.
type told struct {
	kind   *kind
	about  ref
	guid   string // of the entity, "" when the names know it
	values values
}

// names gives GUIDs and names of what facts name by id.
type names interface {
	// agent gives the user that an agent is.
	agent(id string) (guid, name string)
	// queue gives a queue.
	queue(id string) (guid, name string)
	// address is the number of an agent's terminal, and callIn the one to supervise by.
	address(agent string) string
	callIn() string
	// org is the organisation's GUID.
	org() string
}

// causes are the events that a type of fact can make.
var causes = map[string][]*kind{
	"interaction.created":             {userCallInComing, userCallOutGoing},
	"interaction.offered":             {userCallInArrived, userCallInUserAllocated},
	"interaction.offer_ended":         {userCallInUserCancelled},
	"interaction.accepted":            {userCallInUserConnected, userWrapUpEnabled, userCallAvailableForMonitoring},
	"interaction.customer_accepted":   {userCallOutConnected},
	"interaction.held":                {userCallInHoldStart, userCallOutHoldStart},
	"interaction.resumed":             {userCallInHoldEnd, userCallOutHoldEnd},
	"interaction.transfer_started":    {userCallInTransferStarted},
	"interaction.transfer_connected":  {userCallInTransferConnected},
	"interaction.transfer_cancelled":  {userCallInTransferCancelled},
	"interaction.redirected":          {userCallInOverflow, userCallInUserOverflow},
	"interaction.supervision_changed": {userSupervisionStatus},
	"interaction.recording_ready":     {userCallInRecordingConverted, userCallOutRecordingConverted},
	"interaction.wrapup_started":      {userWrapUpStarted},
	"interaction.wrapup_ended":        {userWrapUpTerminated},
	"interaction.message":             {userRealTimeTranscriptPhrase},
	"interaction.ended":               {userCallInDisconnected, userCallOutDisconnected},
	"agent.status_changed":            {userAvailability},
	"agent.setting_changed":           {userSetting},
	"agent.terminal_changed":          {userTerminalStatus},
	"agent.wrapup_requested":          {userWrapUpRequestInitiate, userWrapUpRequestTerminate},
	"agent.alerted":                   {userAlert},
	"callback.changed":                {callbackChanged, userCallInCallbackCreated},
}

// projection makes the events of one fact. Facts make the same events on every node:
// what they need stands in the record, but for names.
type projection struct {
	tenant string
	names  names
	style  style
	rec    *eventlog.Record
	e      event.Event
	ctx    floor.Context
	out    []told

	created struct { // of the interaction
		Customer  event.Customer  `json:"customer"`
		Dialled   string          `json:"dialled"`
		CallAs    string          `json:"call_as"`
		CallList  string          `json:"call_list"`
		Publicity event.Publicity `json:"publicity"`
	}
}

// project gives what a record makes.
func project(tenant string, n names, s style, rec *eventlog.Record) (*projection, error) {
	p := &projection{tenant: tenant, names: n, style: s, rec: rec}
	var err error
	if p.e, err = event.Parse(rec.Raw, event.DefaultLimits()); err != nil {
		return nil, err
	}
	fact, err := event.Decode(p.e)
	if err != nil {
		return nil, err
	}
	if len(rec.Context) > 0 {
		if err := json.Unmarshal(rec.Context, &p.ctx); err != nil {
			return nil, err
		}
	}
	if len(p.ctx.Created) > 0 {
		if err := json.Unmarshal(p.ctx.Created, &p.created); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(p.e.Type, "interaction.") {
		p.interaction(fact)
	} else {
		p.other(fact)
	}
	return p, nil
}

// at is when the fact was, by its source.
func (p *projection) at() time.Time { return p.e.Time }

// guid is the GUID of something that has only an id: the id where it is one.
func (p *projection) guid(what, id string) any {
	if id == "" {
		return nil
	}
	if event.IsGUID(id) {
		return strings.ToLower(id)
	}
	return event.GUID(p.tenant, event.EntityKind(what), id)
}

// queueGUID and queueName are null when there is no queue.
func (p *projection) queueGUID(id string) any {
	if id == "" {
		return nil
	}
	guid, _ := p.names.queue(id)
	return guid
}

func (p *projection) queueName(id string) any {
	if id == "" {
		return nil
	}
	_, name := p.names.queue(id)
	return text(name)
}

// userGUID is null when there is no agent.
func (p *projection) userGUID(agent string) any {
	if agent == "" {
		return nil
	}
	guid, _ := p.names.agent(agent)
	return guid
}

// user adds an event about the user that an agent is.
func (p *projection) user(k *kind, agent string, v values) {
	if agent == "" {
		return
	}
	guid, name := p.names.agent(agent)
	v["UserId"], v["OrganizationId"] = guid, p.names.org()
	for _, prop := range k.props {
		if prop.name == "UserName" || prop.name == "Username" {
			v[prop.name] = text(name)
		}
	}
	p.out = append(p.out, told{k, ref{entityUser, agent}, guid, v})
}

// Enumerations of which the page shows one value; docs/hub-feed.md lists ours.
const (
	publicityPublic  = 0
	publicityPrivate = 1
)

func (p *projection) publicity() int {
	if p.created.Publicity == event.PublicityPrivate {
		return publicityPrivate
	}
	return publicityPublic
}

var roles = map[event.Role]int{event.RoleAgent: 1, event.RoleCustomer: 2, event.RoleSupervisor: 3}

var supervisions = map[event.SupervisionState]int{
	event.SupervisionRequested: 1, event.SupervisionConnected: 2, event.SupervisionEnded: 3, event.SupervisionFailed: 4,
}

var typeIDs = map[event.CallbackKind]int{event.CallbackRequested: 1, event.CallbackOverflow: 2, event.CallbackManual: 3}

var withoutCalls = map[event.WithoutCall]int{event.WithoutCallYes: 1, event.WithoutCallUnlessInCall: 2}

var terminals = map[event.TerminalStatus]string{
	event.TerminalOffline: "Offline", event.TerminalOnline: "Online", event.TerminalRinging: "Ringing", event.TerminalInUse: "InUse",
	event.TerminalOnHold: "OnHold", event.TerminalUnknown: "Unknown",
}

// availabilities are what presences are called.
var availabilities = map[event.Presence]string{
	event.PresenceAvailable: "Available", event.PresenceBusy: "Busy", event.PresenceWorkOffline: "Busy", event.PresenceDoNotDisturb: "DoNotDisturb",
	event.PresenceOffWork: "OffWork", event.PresenceLoggedOut: "OffWork", event.PresenceBreak: "BRB", event.PresenceBeRightBack: "BRB",
	event.PresenceAway: "Away", event.PresenceLoggedIn: "Away",
}

// wrapUpType is the only one that is known: no calls come during it.
const wrapUpType = "Unavailable"

// seconds rounds milliseconds.
func seconds(ms int64) int64 { return (ms + 500) / 1000 }

// word is a word in the spelling of .NET.
func word(s, none string) string {
	if s == "" {
		return none
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// channelOf is the number of an audio channel, null where it is not one.
func channelOf(s string) any {
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return nil
	}
	return int(n)
}
