package event

// SourceRef names the source that a fact is about. Every source.* fact embeds
// it.
type SourceRef struct {
	// Source is the name of the source, for instance "asterisk-pbx1".
	Source string `json:"source"`
}

// EventSubject returns "source/<name>".
func (r SourceRef) EventSubject() string { return "source/" + r.Source }

// SourceUp says that a source is connected and its events flow.
type SourceUp struct {
	SourceRef
	// Kind is what it is, for instance "asterisk".
	Kind string `json:"kind,omitempty"`
	// Version is the source's version.
	Version string `json:"version,omitempty"`
	// Address is where it is connected.
	Address string `json:"address,omitempty"`
	// LagMS is how far its events are behind, in milliseconds.
	LagMS int64 `json:"lag_ms,omitempty"`
	// SilenceMS is a promise: the source is heard more often than that, if need be
	// by this fact again, and counts as down when it is not, in milliseconds.
	// Without it the configuration says whether its silence means anything.
	SilenceMS int64 `json:"silence_ms,omitempty"`
}

// EventType returns "source.up".
func (SourceUp) EventType() string { return "source.up" }

// SourceDown says that a source is not connected or says nothing any more.
type SourceDown struct {
	SourceRef
	// Reason is why, as far as it is known.
	Reason string `json:"reason,omitempty"`
	// Orderly means that the source announced it.
	Orderly bool `json:"orderly,omitempty"`
	// LastHeard is when the source was last heard.
	LastHeard Time `json:"last_heard,omitzero"`
}

// EventType returns "source.down".
func (SourceDown) EventType() string { return "source.down" }

// SourceGap says that events of a source are missing.
type SourceGap struct {
	SourceRef
	// Missing says what is missing.
	Missing string `json:"missing"`
	// Count is how many events are missing, where that is known.
	Count int64 `json:"count,omitempty"`
	// From is when the gap began.
	From Time `json:"from,omitzero"`
	// To is when it ended.
	To Time `json:"to,omitzero"`
	// LagMS is how far the source's events are behind, in milliseconds.
	LagMS int64 `json:"lag_ms,omitempty"`
}

// EventType returns "source.gap".
func (SourceGap) EventType() string { return "source.gap" }

// ResetReason is why a source's state began anew.
type ResetReason string

// The reasons of a reset.
const (
	ResetRestart ResetReason = "restart" // it was restarted in order
	ResetCrash   ResetReason = "crash"   // it died
	ResetResync  ResetReason = "resync"  // it lives, but what it says no longer fits what we know
)

func (ResetReason) words() []string { return words(ResetRestart, ResetCrash, ResetResync) }

// SourceReset says that a source began anew: everything that it left open ends
// as lost, except what it names as still there.
type SourceReset struct {
	SourceRef
	// Reason is why.
	Reason ResetReason `json:"reason"`
	// Interactions are the interactions that live on.
	Interactions []string `json:"interactions,omitempty"`
	// Detail is what was seen.
	Detail string `json:"detail,omitempty"`
}

// EventType returns "source.reset".
func (SourceReset) EventType() string { return "source.reset" }

// FloorCorrected says that the floor put something right by itself: facts
// contradicted each other or a middle was missing. The log derives it.
type FloorCorrected struct {
	// Entity is the subject that was put right, for instance "agent/1001".
	Entity string `json:"entity"`
	// Field is the part of the entity that was put right.
	Field string `json:"field"`
	// Before is what the floor held.
	Before string `json:"before,omitempty"`
	// After is what it holds now.
	After string `json:"after,omitempty"`
	// Reason is why.
	Reason string `json:"reason"`
	// Cause is the id of the event that brought it to light.
	Cause string `json:"cause,omitempty"`
}

// EventType returns "floor.corrected".
func (FloorCorrected) EventType() string { return "floor.corrected" }

// EventSubject returns the entity that was put right.
func (f FloorCorrected) EventSubject() string { return f.Entity }

// DestinationRef names the destination that a fact is about. The destination.*
// facts embed it.
type DestinationRef struct {
	// Destination is the destination's id.
	Destination string `json:"destination"`
}

// EventSubject returns "destination/<id>".
func (r DestinationRef) EventSubject() string { return "destination/" + r.Destination }

// DestinationUp says that a destination takes deliveries again. The log derives
// it.
type DestinationUp struct {
	DestinationRef
	// URL is where deliveries go.
	URL string `json:"url,omitempty"`
	// Since is when it had failed first.
	Since Time `json:"since,omitzero"`
	// Waiting is how many deliveries wait.
	Waiting int64 `json:"waiting,omitempty"`
}

// EventType returns "destination.up".
func (DestinationUp) EventType() string { return "destination.up" }

// DestinationDown says that a destination takes no deliveries. The log derives
// it.
type DestinationDown struct {
	DestinationRef
	// URL is where deliveries go.
	URL string `json:"url,omitempty"`
	// Reason is what went wrong.
	Reason string `json:"reason,omitempty"`
	// Attempts is how many tries failed in a row.
	Attempts int64 `json:"attempts,omitempty"`
	// Waiting is how many deliveries wait.
	Waiting int64 `json:"waiting,omitempty"`
}

// EventType returns "destination.down".
func (DestinationDown) EventType() string { return "destination.down" }
