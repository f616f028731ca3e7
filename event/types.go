package event

// Ref names the interaction that a fact is about. Every interaction.* fact
// embeds it.
type Ref struct {
	// Interaction is the id of the interaction.
	Interaction string `json:"interaction"`
	// Parent is the interaction this one belongs to: a consult or conference line, a callback and a transfer to a queue are interactions of their own with a parent.
	Parent string `json:"parent,omitempty"`
	// Media is the medium.
	Media Media `json:"media"`
	// Leg is the connection of one party within the interaction, where one is meant.
	Leg string `json:"leg,omitempty"`
}

// EventSubject returns "interaction/<id>".
func (r Ref) EventSubject() string { return "interaction/" + r.Interaction }

// Media is the medium of an interaction.
type Media string

// The media.
const (
	MediaPhone Media = "phone"
	MediaChat  Media = "chat"
	MediaEmail Media = "email"
	MediaSMS   Media = "sms"
	MediaVideo Media = "video"
)

func (Media) words() []string {
	return words(MediaPhone, MediaChat, MediaEmail, MediaSMS, MediaVideo)
}

// Direction says who reached for whom.
type Direction string

// The directions.
const (
	DirectionIn       Direction = "in"       // a customer came to the centre
	DirectionOut      Direction = "out"      // the centre reached for a customer
	DirectionInternal Direction = "internal" // between people of the centre
)

func (Direction) words() []string { return words(DirectionIn, DirectionOut, DirectionInternal) }

// Initiator says who brought something about.
type Initiator string

// The initiators.
const (
	InitiatorSystem   Initiator = "system"
	InitiatorAgent    Initiator = "agent"
	InitiatorCustomer Initiator = "customer"
)

func (Initiator) words() []string {
	return words(InitiatorSystem, InitiatorAgent, InitiatorCustomer)
}

// EndReason is why a connection ended. The nine words map one to one to the
// nine CEC_ values of the 8x8 streaming interface.
type EndReason string

// The end reasons, with the CEC_ value each stands for.
const (
	EndNone       EndReason = "none"        // CEC_NONE
	EndNormal     EndReason = "normal"      // CEC_DISCONNECT_NORMAL
	EndBusy       EndReason = "busy"        // CEC_DISCONNECT_BUSY
	EndBadAddress EndReason = "bad_address" // CEC_DISCONNECT_BADADDRESS
	EndNoAnswer   EndReason = "no_answer"   // CEC_DISCONNECT_NOANSWER
	EndCancelled  EndReason = "cancelled"   // CEC_DISCONNECT_CANCELLED
	EndRejected   EndReason = "rejected"    // CEC_DISCONNECT_REJECTED
	EndFailed     EndReason = "failed"      // CEC_DISCONNECT_FAILED
	EndBlocked    EndReason = "blocked"     // CEC_DISCONNECT_BLOCKED
)

func (EndReason) words() []string {
	return words(EndNone, EndNormal, EndBusy, EndBadAddress, EndNoAnswer, EndCancelled, EndRejected, EndFailed, EndBlocked)
}

// TargetKind says what the text of a target names.
type TargetKind string

// The kinds of target.
const (
	TargetAgent  TargetKind = "agent"  // an agent's id
	TargetQueue  TargetKind = "queue"  // a queue's id
	TargetNumber TargetKind = "number" // a telephone number or another address
)

func (TargetKind) words() []string { return words(TargetAgent, TargetQueue, TargetNumber) }

// Role is the part that somebody plays in an interaction.
type Role string

// The roles.
const (
	RoleAgent      Role = "agent"
	RoleCustomer   Role = "customer"
	RoleSupervisor Role = "supervisor"
	RoleExternal   Role = "external" // a third party outside the centre
	RoleBot        Role = "bot"      // a virtual agent
	RoleSystem     Role = "system"   // the system itself, for instance an announcement
)

func (Role) words() []string {
	return words(RoleAgent, RoleCustomer, RoleSupervisor, RoleExternal, RoleBot, RoleSystem)
}

// Customer is the other side of an interaction, as far as the source knows it.
type Customer struct {
	// ID is the customer's id in the source or in a customer system.
	ID string `json:"id,omitempty"`
	// Number is the telephone number or other address, E.164 where it is known.
	Number string `json:"number,omitempty"`
	// Name is the name shown.
	Name string `json:"name,omitempty"`
	// Kind is the kind of customer account, for instance "registered" or "guest".
	Kind string `json:"kind,omitempty"`
}

// Session is the customer's visit on a site or in an app.
type Session struct {
	// ID is the session's id.
	ID string `json:"id,omitempty"`
	// Type is the session's type, in the source's words.
	Type string `json:"type,omitempty"`
}

// Client is the program the customer uses.
type Client struct {
	// ID names the program, device and version, in the source's words.
	ID string `json:"id,omitempty"`
	// Type is the kind of client, for instance "web", "ios", "sms".
	Type string `json:"type,omitempty"`
}

// Attributes are free name-value pairs that travel with an interaction (8x8
// calls them attached data). Values are texts.
type Attributes map[string]string
