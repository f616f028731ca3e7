package event

// InteractionLegConnected says that one more leg is connected: the second
// agent on a consult or conference line.
type InteractionLegConnected struct {
	Ref
	// Agent is the agent on that leg.
	Agent string `json:"agent"`
	// Address is the device or number that was connected.
	Address string `json:"address,omitempty"`
}

// EventType returns "interaction.leg_connected".
func (InteractionLegConnected) EventType() string { return "interaction.leg_connected" }

// InteractionHeld says that the other side was put on hold.
type InteractionHeld struct {
	Ref
	// Agent is the agent who holds.
	Agent string `json:"agent,omitempty"`
}

// EventType returns "interaction.held".
func (InteractionHeld) EventType() string { return "interaction.held" }

// InteractionResumed says that a hold ended.
type InteractionResumed struct {
	Ref
	// Agent is the agent who held.
	Agent string `json:"agent,omitempty"`
	// HeldMS is how long the hold lasted by the source's own times, in milliseconds.
	HeldMS int64 `json:"held_ms,omitempty"`
}

// EventType returns "interaction.resumed".
func (InteractionResumed) EventType() string { return "interaction.resumed" }

// InteractionParked says that a call was parked to be picked up elsewhere.
type InteractionParked struct {
	Ref
	// Agent is the agent who parked it.
	Agent string `json:"agent,omitempty"`
	// Slot is the parking place.
	Slot string `json:"slot,omitempty"`
}

// EventType returns "interaction.parked".
func (InteractionParked) EventType() string { return "interaction.parked" }

// InteractionUnparked says that a parked call was picked up or came back.
type InteractionUnparked struct {
	Ref
	// Agent is the agent who picked it up.
	Agent string `json:"agent,omitempty"`
	// Slot is the parking place.
	Slot string `json:"slot,omitempty"`
}

// EventType returns "interaction.unparked".
func (InteractionUnparked) EventType() string { return "interaction.unparked" }

// TransferKind is the way an interaction is transferred.
type TransferKind string

// The kinds of transfer.
const (
	TransferConsult TransferKind = "consult" // the agent speaks with the target first
	TransferBlind   TransferKind = "blind"   // straight to a person or number
	TransferQueue   TransferKind = "queue"   // to a queue
)

func (TransferKind) words() []string {
	return words(TransferConsult, TransferBlind, TransferQueue)
}

// InteractionTransferStarted says that an agent began a transfer.
type InteractionTransferStarted struct {
	Ref
	// Agent is the agent who transfers.
	Agent string `json:"agent,omitempty"`
	// Kind is the way of transferring.
	Kind TransferKind `json:"kind"`
	// Target is whom or what it goes to.
	Target string `json:"target"`
	// TargetKind says what Target names.
	TargetKind TargetKind `json:"target_kind,omitempty"`
	// Consult is the interaction of the consult line.
	Consult string `json:"consult,omitempty"`
}

// EventType returns "interaction.transfer_started".
func (InteractionTransferStarted) EventType() string { return "interaction.transfer_started" }

// InteractionTransferConnected says that the target of a transfer answered.
type InteractionTransferConnected struct {
	Ref
	// Agent is the agent who transfers.
	Agent string `json:"agent,omitempty"`
	// Kind is the way of transferring.
	Kind TransferKind `json:"kind"`
	// Target is whom or what it was meant for.
	Target string `json:"target"`
	// TargetKind says what Target names.
	TargetKind TargetKind `json:"target_kind,omitempty"`
	// Connected is who answered in the end, when that is not the target.
	Connected string `json:"connected,omitempty"`
	// Consult is the interaction of the consult line.
	Consult string `json:"consult,omitempty"`
}

// EventType returns "interaction.transfer_connected".
func (InteractionTransferConnected) EventType() string { return "interaction.transfer_connected" }

// InteractionTransferCancelled says that a transfer came to nothing.
type InteractionTransferCancelled struct {
	Ref
	// Agent is the agent who wanted to transfer.
	Agent string `json:"agent,omitempty"`
	// Kind is the way of transferring.
	Kind TransferKind `json:"kind"`
	// Target is whom or what it was meant for.
	Target string `json:"target"`
	// TargetKind says what Target names.
	TargetKind TargetKind `json:"target_kind,omitempty"`
	// Reason says why it was given up.
	Reason EndReason `json:"reason,omitempty"`
	// Detail is the reason in the source's words.
	Detail string `json:"detail,omitempty"`
	// Consult is the interaction of the consult line.
	Consult string `json:"consult,omitempty"`
}

// EventType returns "interaction.transfer_cancelled".
func (InteractionTransferCancelled) EventType() string { return "interaction.transfer_cancelled" }

// InteractionTransferRequested says that a transfer is being completed: the
// agent has asked the system to hand the interaction over.
type InteractionTransferRequested struct {
	Ref
	// Agent is the agent who transfers.
	Agent string `json:"agent,omitempty"`
	// Kind is the way of transferring.
	Kind TransferKind `json:"kind"`
	// Target is whom or what it goes to.
	Target string `json:"target,omitempty"`
	// TargetKind says what Target names.
	TargetKind TargetKind `json:"target_kind,omitempty"`
	// Consult is the interaction of the consult line.
	Consult string `json:"consult,omitempty"`
}

// EventType returns "interaction.transfer_requested".
func (InteractionTransferRequested) EventType() string { return "interaction.transfer_requested" }

// InteractionRedirected says that an interaction was sent on by a rule: an
// overflow of a queue, a profile of a user, a busy line.
type InteractionRedirected struct {
	Ref
	// Agent is the user it was meant for; absent when a queue or a technical target redirects.
	Agent string `json:"agent,omitempty"`
	// Queue is the queue that redirects.
	Queue string `json:"queue,omitempty"`
	// Target is where it goes.
	Target string `json:"target"`
	// TargetKind says what Target names.
	TargetKind TargetKind `json:"target_kind,omitempty"`
	// Connected is who was connected at that time.
	Connected string `json:"connected,omitempty"`
	// Reason is why, in the source's words, for instance "NoAnswer" or "QueueFull".
	Reason string `json:"reason,omitempty"`
	// Overflow is the kind of overflow, in the source's words.
	Overflow string `json:"overflow,omitempty"`
	// Rule is the rule or applet that decided.
	Rule string `json:"rule,omitempty"`
	// Number is the number it passed through.
	Number string `json:"number,omitempty"`
	// Detail is the technical event behind it.
	Detail string `json:"detail,omitempty"`
}

// EventType returns "interaction.redirected".
func (InteractionRedirected) EventType() string { return "interaction.redirected" }

// InteractionJoinRequested says that an agent asked for lines to be joined
// into a conference.
type InteractionJoinRequested struct {
	Ref
	// Agent is the agent who asked.
	Agent string `json:"agent,omitempty"`
	// Lines are the interactions to be joined.
	Lines []string `json:"lines"`
}

// EventType returns "interaction.join_requested".
func (InteractionJoinRequested) EventType() string { return "interaction.join_requested" }

// Participant is one party of an interaction.
type Participant struct {
	// Role is the part that the party plays.
	Role Role `json:"role"`
	// Agent is the agent's id, for agents and supervisors.
	Agent string `json:"agent,omitempty"`
	// Number is the number or address of a customer or a third party.
	Number string `json:"number,omitempty"`
	// Name is the name shown.
	Name string `json:"name,omitempty"`
	// Leg is the party's leg.
	Leg string `json:"leg,omitempty"`
}

// InteractionParticipantsChanged says who is on an interaction from now on.
type InteractionParticipantsChanged struct {
	Ref
	// Participants are all parties after the change.
	Participants []Participant `json:"participants"`
}

// EventType returns "interaction.participants_changed".
func (InteractionParticipantsChanged) EventType() string { return "interaction.participants_changed" }

// InteractionReconnected says that separate lines of an interaction were put
// together again, as at the end of a consult transfer.
type InteractionReconnected struct {
	Ref
	// Agent is the agent who stays on the interaction.
	Agent string `json:"agent,omitempty"`
}

// EventType returns "interaction.reconnected".
func (InteractionReconnected) EventType() string { return "interaction.reconnected" }

// SupervisionKind is how a supervisor takes part.
type SupervisionKind string

// The kinds of supervision.
const (
	SupervisionMonitor SupervisionKind = "monitor" // listens, unheard
	SupervisionCoach   SupervisionKind = "coach"   // the agent alone hears the supervisor
	SupervisionBarge   SupervisionKind = "barge"   // everybody hears the supervisor
)

func (SupervisionKind) words() []string {
	return words(SupervisionMonitor, SupervisionCoach, SupervisionBarge)
}

// SupervisionState is how far a supervision is.
type SupervisionState string

// The states of a supervision.
const (
	SupervisionRequested SupervisionState = "requested"
	SupervisionConnected SupervisionState = "connected"
	SupervisionEnded     SupervisionState = "ended"
	SupervisionFailed    SupervisionState = "failed"
)

func (SupervisionState) words() []string {
	return words(SupervisionRequested, SupervisionConnected, SupervisionEnded, SupervisionFailed)
}

// InteractionSupervisionChanged says that a supervisor joined, changed the
// way of taking part, or left. The leg is the supervised one.
type InteractionSupervisionChanged struct {
	Ref
	// Supervisor is the supervisor's id.
	Supervisor string `json:"supervisor"`
	// Agent is the agent who is supervised.
	Agent string `json:"agent"`
	// Kind is how the supervisor takes part.
	Kind SupervisionKind `json:"kind"`
	// State is how far it is.
	State SupervisionState `json:"state"`
	// SupervisorLeg is the supervisor's own leg.
	SupervisorLeg string `json:"supervisor_leg,omitempty"`
	// Queue is the queue of the supervised interaction.
	Queue string `json:"queue,omitempty"`
}

// EventType returns "interaction.supervision_changed".
func (InteractionSupervisionChanged) EventType() string { return "interaction.supervision_changed" }
