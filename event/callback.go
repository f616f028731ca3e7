package event

// CallbackChange is what happened to a callback.
type CallbackChange string

// The changes.
const (
	CallbackCreated CallbackChange = "created"
	CallbackUpdated CallbackChange = "updated"
	CallbackClosed  CallbackChange = "closed"
)

func (CallbackChange) words() []string {
	return words(CallbackCreated, CallbackUpdated, CallbackClosed)
}

// CallbackKind is how a callback came about.
type CallbackKind string

// The kinds, with Enreach's number for each.
const (
	CallbackRequested CallbackKind = "requested" // 1: the customer asked for it
	CallbackOverflow  CallbackKind = "overflow"  // 2: a call that nobody took
	CallbackManual    CallbackKind = "manual"    // 3: entered by hand
)

func (CallbackKind) words() []string {
	return words(CallbackRequested, CallbackOverflow, CallbackManual)
}

// CallbackAttempt is one try to call back.
type CallbackAttempt struct {
	// ID is the attempt's id.
	ID string `json:"id"`
	// Agent is who tried.
	Agent string `json:"agent,omitempty"`
	// At is when.
	At Time `json:"at,omitzero"`
	// Type is the result's id in the source's list.
	Type int `json:"type,omitempty"`
	// Note is what the agent wrote.
	Note string `json:"note,omitempty"`
	// Recording is the recording of the attempt.
	Recording string `json:"recording,omitempty"`
	// Interaction is the interaction of the attempt.
	Interaction string `json:"interaction,omitempty"`
}

// CallbackExtra is one further field of a callback.
type CallbackExtra struct {
	// ID is the field's number.
	ID int `json:"id,omitempty"`
	// Name is the field's name.
	Name string `json:"name"`
	// Value is the field's value.
	Value string `json:"value,omitempty"`
}

// CallbackRelated is another callback of the same matter.
type CallbackRelated struct {
	// Callback is its id.
	Callback string `json:"callback"`
	// List is its list.
	List string `json:"list,omitempty"`
	// Closed means that it is closed already.
	Closed bool `json:"closed,omitempty"`
	// Status is the result of its last attempt, in the source's list.
	Status int `json:"status,omitempty"`
}

// CallbackChanged carries a callback request as it is after a change.
type CallbackChanged struct {
	// Callback is the callback's id.
	Callback string `json:"callback"`
	// Change is what happened.
	Change CallbackChange `json:"change"`
	// Kind is how it came about.
	Kind CallbackKind `json:"kind,omitempty"`
	// List is the callback list it is in.
	List string `json:"list,omitempty"`
	// Interaction is the interaction that prompted it.
	Interaction string `json:"interaction,omitempty"`
	// Leg is the connection of that interaction that the request came over.
	Leg string `json:"leg,omitempty"`
	// Queue is the queue that is responsible.
	Queue string `json:"queue,omitempty"`
	// Channel is the name of the channel it came in by.
	Channel string `json:"channel,omitempty"`
	// Dialled is the number that the customer had called.
	Dialled string `json:"dialled,omitempty"`
	// Agent is the agent it is assigned to.
	Agent string `json:"agent,omitempty"`
	// Personal means that it was meant for that agent and not for a queue.
	Personal bool `json:"personal,omitempty"`
	// Customer is whom to call.
	Customer *Customer `json:"customer,omitempty"`
	// Message is what the customer left.
	Message string `json:"message,omitempty"`
	// Note is what the centre noted.
	Note string `json:"note,omitempty"`
	// Priority is the computed priority, in the source's words.
	Priority string `json:"priority,omitempty"`
	// Attempts are all tries so far, oldest first.
	Attempts []CallbackAttempt `json:"attempts,omitempty"`
	// Extras are further fields.
	Extras []CallbackExtra `json:"extras,omitempty"`
	// Related are other callbacks of the same matter.
	Related []CallbackRelated `json:"related,omitempty"`
	// Created is when it was made.
	Created Time `json:"created,omitzero"`
	// Modified is when it last changed.
	Modified Time `json:"modified,omitzero"`
	// ModifiedBy is the agent who changed it; absent when it is new or the system did.
	ModifiedBy string `json:"modified_by,omitempty"`
	// Due is when it is to be handled.
	Due Time `json:"due,omitzero"`
	// NotBefore is the time before which nobody should call.
	NotBefore Time `json:"not_before,omitzero"`
	// Expires is when it closes by itself.
	Expires Time `json:"expires,omitzero"`
	// Recording is the recording that belongs to it.
	Recording string `json:"recording,omitempty"`
	// Transcript is the transcript of the recording.
	Transcript string `json:"transcript,omitempty"`
	// Classification is the id of its classification.
	Classification string `json:"classification,omitempty"`
}

// EventType returns "callback.changed".
func (CallbackChanged) EventType() string { return "callback.changed" }

// EventSubject returns "callback/<id>".
func (f CallbackChanged) EventSubject() string { return "callback/" + f.Callback }
