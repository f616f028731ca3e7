package event

// Origin says what an interaction with a parent came from.
type Origin string

// The origins.
const (
	OriginConsult    Origin = "consult"    // an agent's second line to ask somebody
	OriginConference Origin = "conference" // a line that is to join the others
	OriginCallback   Origin = "callback"   // a promised call back
	OriginTransfer   Origin = "transfer"   // the new life of an interaction transferred to a queue
)

func (Origin) words() []string {
	return words(OriginConsult, OriginConference, OriginCallback, OriginTransfer)
}

// Publicity says how much of an agent's direct interaction others may see.
type Publicity string

// The levels of publicity.
const (
	PublicityPublic  Publicity = "public"
	PublicityPrivate Publicity = "private"
)

func (Publicity) words() []string { return words(PublicityPublic, PublicityPrivate) }

// InteractionCreated says that an interaction began: a call came in or was
// dialled, a chat was opened, a consult line was taken.
type InteractionCreated struct {
	Ref
	// Direction says who reached for whom.
	Direction Direction `json:"direction"`
	// Origin says what made it, when it has a parent.
	Origin Origin `json:"origin,omitempty"`
	// Channel is the id of the channel it came in by or goes out by: a dialled number, a trunk, a chat entry point.
	Channel string `json:"channel,omitempty"`
	// ChannelName is the channel's name.
	ChannelName string `json:"channel_name,omitempty"`
	// Dialled is the number or address that was dialled.
	Dialled string `json:"dialled,omitempty"`
	// CallAs is the number shown to the called party, when it is not the caller's own.
	CallAs string `json:"call_as,omitempty"`
	// Customer is the other side.
	Customer *Customer `json:"customer,omitempty"`
	// Agent is the agent who dialled or, for one that came in directly to a person, the agent reached.
	Agent string `json:"agent,omitempty"`
	// Target is the agent, queue or number that an internal interaction goes to.
	Target string `json:"target,omitempty"`
	// TargetKind says what Target names.
	TargetKind TargetKind `json:"target_kind,omitempty"`
	// Campaign is the id of the outbound campaign.
	Campaign string `json:"campaign,omitempty"`
	// CampaignName is the campaign's name.
	CampaignName string `json:"campaign_name,omitempty"`
	// CallList is the call or callback list it was taken from.
	CallList string `json:"call_list,omitempty"`
	// Callback is the callback request that it answers.
	Callback string `json:"callback,omitempty"`
	// Session is the customer's visit.
	Session *Session `json:"session,omitempty"`
	// Client is the customer's program.
	Client *Client `json:"client,omitempty"`
	// Subdivision is the part of the company it belongs to.
	Subdivision string `json:"subdivision,omitempty"`
	// Segments are the company segments it belongs to.
	Segments []string `json:"segments,omitempty"`
	// Language is the BCP 47 tag of the customer's language.
	Language string `json:"language,omitempty"`
	// Publicity says how much of a direct call others may see.
	Publicity Publicity `json:"publicity,omitempty"`
	// Attributes are the attached name-value pairs.
	Attributes Attributes `json:"attributes,omitempty"`
}

// EventType returns "interaction.created".
func (InteractionCreated) EventType() string { return "interaction.created" }

// QueueEntry says why an interaction entered a queue.
type QueueEntry string

// The ways into a queue.
const (
	EntryNew      QueueEntry = "new"      // from the outside, by way of a menu or directly
	EntryTransfer QueueEntry = "transfer" // an agent transferred it
	EntryOverflow QueueEntry = "overflow" // another queue gave it up
	EntryRequeued QueueEntry = "requeued" // an offer failed or a connection broke and it waits again
	EntryEscalate QueueEntry = "escalate" // a virtual agent handed it to people
	EntryCallback QueueEntry = "callback" // a promised call back is due
	EntryDialler  QueueEntry = "dialler"  // a campaign wants an agent for it
)

func (QueueEntry) words() []string {
	return words(EntryNew, EntryTransfer, EntryOverflow, EntryRequeued, EntryEscalate, EntryCallback, EntryDialler)
}

// InteractionQueued says that an interaction began to wait in a queue.
type InteractionQueued struct {
	Ref
	// Queue is the queue's id.
	Queue string `json:"queue"`
	// Reason says why it entered.
	Reason QueueEntry `json:"reason,omitempty"`
	// Priority is its priority; which end is urgent is the source's rule.
	Priority int `json:"priority,omitempty"`
	// Position is its place on entry, 1 is next.
	Position int `json:"position,omitempty"`
	// Skills are the ids of the skills it needs.
	Skills []string `json:"skills,omitempty"`
	// LimitMS is the longest time it may wait here, in milliseconds.
	LimitMS int64 `json:"limit_ms,omitempty"`
	// EstimatedWaitMS is the wait that the source announced, in milliseconds.
	EstimatedWaitMS int64 `json:"estimated_wait_ms,omitempty"`
}

// EventType returns "interaction.queued".
func (InteractionQueued) EventType() string { return "interaction.queued" }

// DequeueReason is how a visit to a queue ended without an agent's answer.
type DequeueReason string

// The ways out of a queue other than being answered.
const (
	DequeueAbandoned   DequeueReason = "abandoned"   // the customer gave up
	DequeueTimeout     DequeueReason = "timeout"     // the queue's limit passed
	DequeueOverflow    DequeueReason = "overflow"    // a rule moved it on
	DequeueKey         DequeueReason = "key"         // the customer pressed a key to leave
	DequeueFull        DequeueReason = "full"        // the queue would not take it
	DequeueTransferred DequeueReason = "transferred" // somebody moved it by hand
	DequeueLost        DequeueReason = "lost"        // the source forgot it
)

func (DequeueReason) words() []string {
	return words(DequeueAbandoned, DequeueTimeout, DequeueOverflow, DequeueKey, DequeueFull, DequeueTransferred, DequeueLost)
}

// InteractionDequeued says that an interaction left a queue without having
// been answered there. An answered visit ends with [InteractionAccepted].
type InteractionDequeued struct {
	Ref
	// Queue is the queue's id.
	Queue string `json:"queue"`
	// Reason says how the visit ended.
	Reason DequeueReason `json:"reason"`
	// WaitedMS is how long it waited here by the source's own times, in milliseconds; absent when the source does not know.
	WaitedMS int64 `json:"waited_ms,omitempty"`
	// Position is its place when it left, 1 is next.
	Position int `json:"position,omitempty"`
	// Key is the key that was pressed.
	Key string `json:"key,omitempty"`
	// Target is where it goes on to.
	Target string `json:"target,omitempty"`
	// TargetKind says what Target names.
	TargetKind TargetKind `json:"target_kind,omitempty"`
	// Suspect marks an end within seconds of the source's own shutdown: the reason may be the shutdown and not the customer.
	Suspect bool `json:"suspect,omitempty"`
}

// EventType returns "interaction.dequeued".
func (InteractionDequeued) EventType() string { return "interaction.dequeued" }

// InteractionOffered says that an agent's phone rings or an offer is on an
// agent's screen.
type InteractionOffered struct {
	Ref
	// Agent is the agent's id.
	Agent string `json:"agent"`
	// Queue is the queue that offers it, absent for a direct interaction.
	Queue string `json:"queue,omitempty"`
	// Address is the device or number that rings.
	Address string `json:"address,omitempty"`
	// RingLimitMS is how long it will ring, in milliseconds.
	RingLimitMS int64 `json:"ring_limit_ms,omitempty"`
	// Detail is why this agent was chosen, in the source's words.
	Detail string `json:"detail,omitempty"`
}

// EventType returns "interaction.offered".
func (InteractionOffered) EventType() string { return "interaction.offered" }

// OfferEndReason is why an offer ended without being accepted.
type OfferEndReason string

// The ends of an offer.
const (
	OfferNoAnswer  OfferEndReason = "no_answer" // it rang out
	OfferRejected  OfferEndReason = "rejected"  // the agent or the device refused
	OfferCancelled OfferEndReason = "cancelled" // it was withdrawn: the customer left, another agent was faster
)

func (OfferEndReason) words() []string {
	return words(OfferNoAnswer, OfferRejected, OfferCancelled)
}

// InteractionOfferEnded says that an offer ended without being accepted.
type InteractionOfferEnded struct {
	Ref
	// Agent is the agent's id.
	Agent string `json:"agent"`
	// Queue is the queue that offered it.
	Queue string `json:"queue,omitempty"`
	// Reason says how the offer ended.
	Reason OfferEndReason `json:"reason"`
	// RangMS is how long it rang, in milliseconds.
	RangMS int64 `json:"rang_ms,omitempty"`
	// Detail is the reason in the source's words, for instance a SIP code.
	Detail string `json:"detail,omitempty"`
	// Suspect marks an end within seconds of the source's own shutdown.
	Suspect bool `json:"suspect,omitempty"`
}

// EventType returns "interaction.offer_ended".
func (InteractionOfferEnded) EventType() string { return "interaction.offer_ended" }

// Legs are the two connections of an accepted interaction.
type Legs struct {
	// Agent is the agent's leg.
	Agent string `json:"agent,omitempty"`
	// Customer is the customer's leg.
	Customer string `json:"customer,omitempty"`
}

// InteractionAccepted says that an agent took an interaction: an incoming one
// is connected, an outgoing one goes on to ring at the customer.
type InteractionAccepted struct {
	Ref
	// Agent is the agent's id.
	Agent string `json:"agent"`
	// Queue is the queue it was waiting in, absent for a direct one.
	Queue string `json:"queue,omitempty"`
	// Address is the device or number that answered.
	Address string `json:"address,omitempty"`
	// Legs are the two connections.
	Legs *Legs `json:"legs,omitempty"`
	// WaitedMS is how long it waited in the queue by the source's own times, in milliseconds.
	WaitedMS int64 `json:"waited_ms,omitempty"`
	// RangMS is how long the offer stood, in milliseconds.
	RangMS int64 `json:"rang_ms,omitempty"`
	// Wrapup is the id of the wrap-up that will follow.
	Wrapup string `json:"wrapup,omitempty"`
	// WrapupLimitMS is how long wrap-up may take afterwards, in milliseconds; absent when there will be none.
	WrapupLimitMS int64 `json:"wrapup_limit_ms,omitempty"`
}

// EventType returns "interaction.accepted".
func (InteractionAccepted) EventType() string { return "interaction.accepted" }

// InteractionCustomerAccepted says that the customer answered an outgoing
// interaction. The leg is the customer's.
type InteractionCustomerAccepted struct {
	Ref
	// Agent is the agent on the other end, where there is one.
	Agent string `json:"agent,omitempty"`
	// Number is the number or address that answered.
	Number string `json:"number,omitempty"`
}

// EventType returns "interaction.customer_accepted".
func (InteractionCustomerAccepted) EventType() string { return "interaction.customer_accepted" }

// InteractionReleased says that an agent is off an interaction: one fact for
// each leg that the agent had.
type InteractionReleased struct {
	Ref
	// Agent is the agent's id.
	Agent string `json:"agent"`
	// Queue is the queue it came from.
	Queue string `json:"queue,omitempty"`
	// Initiator says who let go.
	Initiator Initiator `json:"initiator,omitempty"`
	// Reason says why.
	Reason EndReason `json:"reason,omitempty"`
	// TalkMS is how long agent and customer were connected, in milliseconds.
	TalkMS int64 `json:"talk_ms,omitempty"`
	// Suspect marks an end within seconds of the source's own shutdown.
	Suspect bool `json:"suspect,omitempty"`
	// Lost marks an end that nobody saw: the source forgot the connection.
	Lost bool `json:"lost,omitempty"`
}

// EventType returns "interaction.released".
func (InteractionReleased) EventType() string { return "interaction.released" }

// InteractionLegEnded says that one leg ended while the interaction goes on,
// as when one party leaves a conference.
type InteractionLegEnded struct {
	Ref
	// Agent is the agent whose leg it was.
	Agent string `json:"agent,omitempty"`
	// Initiator says who ended it.
	Initiator Initiator `json:"initiator,omitempty"`
	// Reason says why.
	Reason EndReason `json:"reason,omitempty"`
	// Suspect marks an end within seconds of the source's own shutdown.
	Suspect bool `json:"suspect,omitempty"`
}

// EventType returns "interaction.leg_ended".
func (InteractionLegEnded) EventType() string { return "interaction.leg_ended" }

// InteractionEnded says that an interaction is over for everybody. Wrap-up may
// still follow.
type InteractionEnded struct {
	Ref
	// Initiator says who ended it.
	Initiator Initiator `json:"initiator"`
	// Reason says why.
	Reason EndReason `json:"reason"`
	// Agent is the agent who ended it, or the last one on it.
	Agent string `json:"agent,omitempty"`
	// Queue is the queue it was in or came from.
	Queue string `json:"queue,omitempty"`
	// Detail is the technical reason in the source's words, for instance a SIP or Q.850 code.
	Detail string `json:"detail,omitempty"`
	// Resolved says whether the customer's matter was settled, where that is known.
	Resolved *bool `json:"resolved,omitempty"`
	// DurationMS is how long the interaction lasted by the source's own times, in milliseconds.
	DurationMS int64 `json:"duration_ms,omitempty"`
	// Suspect marks an end within seconds of the source's own shutdown.
	Suspect bool `json:"suspect,omitempty"`
	// Lost marks an end that nobody saw: the source forgot the interaction.
	Lost bool `json:"lost,omitempty"`
}

// EventType returns "interaction.ended".
func (InteractionEnded) EventType() string { return "interaction.ended" }
