package event

// Presence is the state that a person set, the human axis of an agent's
// status. What routing is doing with the agent is the other axis and follows
// from the interactions.
type Presence string

// The presences, with the 8x8 state and the Enreach availability nearest to each.
const (
	PresenceLoggedOut    Presence = "logged_out"     // 8x8 1; Enreach OffWork
	PresenceLoggedIn     Presence = "logged_in"      // 8x8 2: logged in, not yet ready; Enreach Away
	PresenceAvailable    Presence = "available"      // 8x8 4; Enreach Available
	PresenceBreak        Presence = "break"          // 8x8 3; Enreach BRB
	PresenceWorkOffline  Presence = "work_offline"   // 8x8 5: works, takes no contacts; Enreach Busy
	PresenceBusy         Presence = "busy"           // 8x8 9; Enreach Busy
	PresenceDoNotDisturb Presence = "do_not_disturb" // 8x8 5; Enreach DoNotDisturb
	PresenceOffWork      Presence = "off_work"       // 8x8 1; Enreach OffWork
	PresenceBeRightBack  Presence = "be_right_back"  // 8x8 3; Enreach BRB
	PresenceAway         Presence = "away"           // 8x8 3; Enreach Away
)

func (Presence) words() []string {
	return words(PresenceLoggedOut, PresenceLoggedIn, PresenceAvailable, PresenceBreak, PresenceWorkOffline,
		PresenceBusy, PresenceDoNotDisturb, PresenceOffWork, PresenceBeRightBack, PresenceAway)
}

// AgentRef names the agent that a fact is about. Every agent.* fact embeds it.
type AgentRef struct {
	// Agent is the agent's id.
	Agent string `json:"agent"`
}

// EventSubject returns "agent/<id>".
func (r AgentRef) EventSubject() string { return "agent/" + r.Agent }

// StatusReason is the reason a person gave for a status: an item of a list.
type StatusReason struct {
	// List is the list's id.
	List string `json:"list,omitempty"`
	// Item is the item's id within the list.
	Item string `json:"item,omitempty"`
	// Name is the item's name.
	Name string `json:"name,omitempty"`
}

// AgentStatusChanged says which presence a person has set.
type AgentStatusChanged struct {
	AgentRef
	// Presence is the presence from now on.
	Presence Presence `json:"presence"`
	// Reason is the reason given.
	Reason *StatusReason `json:"reason,omitempty"`
	// Since is when it began; absent means at the event's time.
	Since Time `json:"since,omitzero"`
	// Until is when it is to end; absent means that no end is set.
	Until Time `json:"until,omitzero"`
	// Next is the presence that is to follow the work in hand.
	Next Presence `json:"next,omitempty"`
	// Queues are the queues it holds for; absent means all of the agent's queues.
	Queues []string `json:"queues,omitempty"`
	// Note is what the person wrote.
	Note string `json:"note,omitempty"`
	// Profile is the id of the availability profile.
	Profile string `json:"profile,omitempty"`
	// TransferNumber is where the person's calls go meanwhile.
	TransferNumber string `json:"transfer_number,omitempty"`
	// Source says what set it, in the source's words: a person, a calendar, a rule after missed calls.
	Source string `json:"source,omitempty"`
}

// EventType returns "agent.status_changed".
func (AgentStatusChanged) EventType() string { return "agent.status_changed" }

// AgentModeChanged says how an agent takes work from now on.
type AgentModeChanged struct {
	AgentRef
	// Fetch means that the agent picks contacts and none are allocated.
	Fetch bool `json:"fetch"`
	// Serving means that the agent serves queues.
	Serving bool `json:"serving"`
	// ServingCallbacks means that the agent serves callback lists.
	ServingCallbacks bool `json:"serving_callbacks"`
	// Slots are the contacts the agent may have at once, by medium.
	Slots map[string]int `json:"slots,omitempty"`
}

// EventType returns "agent.mode_changed".
func (AgentModeChanged) EventType() string { return "agent.mode_changed" }

// ProvisionChange is one change in how an agent is set up.
type ProvisionChange string

// The changes.
const (
	ProvisionCreated      ProvisionChange = "created"
	ProvisionUpdated      ProvisionChange = "updated"
	ProvisionDeleted      ProvisionChange = "deleted"
	ProvisionEnabled      ProvisionChange = "enabled"
	ProvisionDisabled     ProvisionChange = "disabled"
	ProvisionSkillAdded   ProvisionChange = "skill_added"
	ProvisionSkillChanged ProvisionChange = "skill_changed"
	ProvisionSkillRemoved ProvisionChange = "skill_removed"
	ProvisionQueueAdded   ProvisionChange = "queue_added"
	ProvisionQueueChanged ProvisionChange = "queue_changed"
	ProvisionQueueRemoved ProvisionChange = "queue_removed"
)

func (ProvisionChange) words() []string {
	return words(ProvisionCreated, ProvisionUpdated, ProvisionDeleted, ProvisionEnabled, ProvisionDisabled,
		ProvisionSkillAdded, ProvisionSkillChanged, ProvisionSkillRemoved,
		ProvisionQueueAdded, ProvisionQueueChanged, ProvisionQueueRemoved)
}

// AgentSkill is a skill that an agent has.
type AgentSkill struct {
	// ID is the skill's id.
	ID string `json:"id"`
	// Name is the skill's name.
	Name string `json:"name,omitempty"`
	// Assignment is the id of this agent having this skill, where the source has one.
	Assignment string `json:"assignment,omitempty"`
	// Media is the medium the skill is for.
	Media Media `json:"media,omitempty"`
	// Level is how well the agent has it; which end is better is the source's rule.
	Level int `json:"level,omitempty"`
}

// AgentQueue is a queue that an agent serves.
type AgentQueue struct {
	// ID is the queue's id.
	ID string `json:"id"`
	// Name is the queue's name.
	Name string `json:"name,omitempty"`
	// Priority is the agent's priority or penalty there.
	Priority int `json:"priority,omitempty"`
	// Active says whether the agent serves it now; absent means yes.
	Active *bool `json:"active,omitempty"`
	// Address is the device or number by which the agent serves it.
	Address string `json:"address,omitempty"`
}

// AgentProvisioned says what changed in how an agent is set up: one fact for
// each change. Fields that did not change may be left out.
type AgentProvisioned struct {
	AgentRef
	// Change is what changed.
	Change ProvisionChange `json:"change"`
	// GUID is the agent's UUID, where the source has one beside its id.
	GUID string `json:"guid,omitempty"`
	// External is the agent's id in another system.
	External string `json:"external,omitempty"`
	// Login is the login name.
	Login string `json:"login,omitempty"`
	// Name is the full name.
	Name string `json:"name,omitempty"`
	// GivenName is the given name.
	GivenName string `json:"given_name,omitempty"`
	// FamilyName is the family name.
	FamilyName string `json:"family_name,omitempty"`
	// DisplayName is the name shown to customers.
	DisplayName string `json:"display_name,omitempty"`
	// Email is the e-mail address.
	Email string `json:"email,omitempty"`
	// Address is the telephone number or device.
	Address string `json:"address,omitempty"`
	// Role is the role in the source's words, for instance "agent" or "supervisor".
	Role string `json:"role,omitempty"`
	// DeskMode is the desktop the agent works with, for instance "chat" or "voice".
	DeskMode string `json:"desk_mode,omitempty"`
	// Groups are the ids of the groups the agent belongs to.
	Groups []string `json:"groups,omitempty"`
	// Supervisors are the ids of the agent's supervisors.
	Supervisors []string `json:"supervisors,omitempty"`
	// Slots are the contacts the agent may have at once, by medium.
	Slots map[string]int `json:"slots,omitempty"`
	// Skill is the skill that was added, changed or removed.
	Skill *AgentSkill `json:"skill,omitempty"`
	// Queue is the queue that was added, changed or removed.
	Queue *AgentQueue `json:"queue,omitempty"`
	// Cleared names the fields above that have no value any more.
	Cleared []AgentField `json:"cleared,omitempty"`
}

// AgentField names a field of an agent's set-up that can be without a value.
type AgentField string

// The fields.
const (
	FieldGUID        AgentField = "guid"
	FieldExternal    AgentField = "external"
	FieldLogin       AgentField = "login"
	FieldName        AgentField = "name"
	FieldGivenName   AgentField = "given_name"
	FieldFamilyName  AgentField = "family_name"
	FieldDisplayName AgentField = "display_name"
	FieldEmail       AgentField = "email"
	FieldAddress     AgentField = "address"
	FieldRole        AgentField = "role"
	FieldDeskMode    AgentField = "desk_mode"
	FieldGroups      AgentField = "groups"
	FieldSupervisors AgentField = "supervisors"
	FieldSlots       AgentField = "slots"
)

func (AgentField) words() []string {
	return words(FieldGUID, FieldExternal, FieldLogin, FieldName, FieldGivenName, FieldFamilyName, FieldDisplayName,
		FieldEmail, FieldAddress, FieldRole, FieldDeskMode, FieldGroups, FieldSupervisors, FieldSlots)
}

// EventType returns "agent.provisioned".
func (AgentProvisioned) EventType() string { return "agent.provisioned" }

// AgentSettingChanged says that a setting of a user's program changed.
type AgentSettingChanged struct {
	AgentRef
	// Keyword is the setting's name.
	Keyword string `json:"keyword"`
	// Value is the value of a single-valued setting.
	Value string `json:"value,omitempty"`
	// Values are the named values of a setting that has several.
	Values map[string]string `json:"values,omitempty"`
	// Allowed are the values to choose from, with their captions.
	Allowed map[string]string `json:"allowed,omitempty"`
	// Level is the level of rights needed to change it, in the source's words.
	Level string `json:"level,omitempty"`
	// Deleted means that the setting was taken away.
	Deleted bool `json:"deleted,omitempty"`
}

// EventType returns "agent.setting_changed".
func (AgentSettingChanged) EventType() string { return "agent.setting_changed" }

// TerminalStatus is the state of a device or program.
type TerminalStatus string

// The states of a terminal.
const (
	TerminalOffline TerminalStatus = "offline"
	TerminalOnline  TerminalStatus = "online"
	TerminalRinging TerminalStatus = "ringing"
	TerminalInUse   TerminalStatus = "in_use"
	TerminalOnHold  TerminalStatus = "on_hold"
	TerminalUnknown TerminalStatus = "unknown"
)

func (TerminalStatus) words() []string {
	return words(TerminalOffline, TerminalOnline, TerminalRinging, TerminalInUse, TerminalOnHold, TerminalUnknown)
}

// AgentTerminalChanged says that an agent's device or program came, went or
// changed its state.
type AgentTerminalChanged struct {
	AgentRef
	// Session is the terminal's session.
	Session string `json:"session,omitempty"`
	// Terminal is the device, for instance "PJSIP/1001".
	Terminal string `json:"terminal,omitempty"`
	// Kind is the kind of terminal, in the source's words.
	Kind string `json:"kind,omitempty"`
	// Status is its state from now on.
	Status TerminalStatus `json:"status"`
	// Expires is when the registration ends unless it is renewed.
	Expires Time `json:"expires,omitzero"`
}

// EventType returns "agent.terminal_changed".
func (AgentTerminalChanged) EventType() string { return "agent.terminal_changed" }

// WrapupAction is what is asked of a wrap-up.
type WrapupAction string

// The actions.
const (
	WrapupInitiate  WrapupAction = "initiate"
	WrapupTerminate WrapupAction = "terminate"
)

func (WrapupAction) words() []string { return words(WrapupInitiate, WrapupTerminate) }

// WithoutCall says whether a wrap-up may begin without a contact.
type WithoutCall string

// The answers, with Enreach's number for each.
const (
	WithoutCallNo           WithoutCall = "no"             // 0
	WithoutCallYes          WithoutCall = "yes"            // 1
	WithoutCallUnlessInCall WithoutCall = "unless_in_call" // 2: yes, but only if the user is not in a call
)

func (WithoutCall) words() []string {
	return words(WithoutCallNo, WithoutCallYes, WithoutCallUnlessInCall)
}

// AgentWrapupRequested says that somebody asked for a wrap-up to begin or to
// end.
type AgentWrapupRequested struct {
	AgentRef
	// Action is what is asked.
	Action WrapupAction `json:"action"`
	// WithoutCall says whether it may begin without a contact.
	WithoutCall WithoutCall `json:"without_call,omitempty"`
	// LimitMS is how long it may take, in milliseconds.
	LimitMS int64 `json:"limit_ms,omitempty"`
	// Wrapup is the wrap-up's id; absent at terminate means any that is running.
	Wrapup string `json:"wrapup,omitempty"`
	// Interaction is the interaction it belongs to.
	Interaction string `json:"interaction,omitempty"`
	// Leg is the leg it belongs to.
	Leg string `json:"leg,omitempty"`
	// Queue is the queue it belongs to.
	Queue string `json:"queue,omitempty"`
	// Callback is the callback it belongs to.
	Callback string `json:"callback,omitempty"`
	// CallList is the callback list it belongs to.
	CallList string `json:"call_list,omitempty"`
	// Reason is why, in the source's words.
	Reason string `json:"reason,omitempty"`
}

// EventType returns "agent.wrapup_requested".
func (AgentWrapupRequested) EventType() string { return "agent.wrapup_requested" }

// AgentAlerted says that a condition which somebody watches became true. The
// log derives it.
type AgentAlerted struct {
	AgentRef
	// Alert is the alert's id.
	Alert string `json:"alert"`
	// Condition is the condition's name.
	Condition string `json:"condition"`
	// Expression is the condition's expression.
	Expression string `json:"expression,omitempty"`
	// Threshold is the value that the condition compares with.
	Threshold string `json:"threshold,omitempty"`
	// Value is the actual value.
	Value string `json:"value,omitempty"`
	// Entity is the subject whose value it is, for instance "queue/support".
	Entity string `json:"entity,omitempty"`
}

// EventType returns "agent.alerted".
func (AgentAlerted) EventType() string { return "agent.alerted" }
