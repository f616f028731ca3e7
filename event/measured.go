package event

// MeasuredChange is what of a measured entity is not as it was said before.
type MeasuredChange string

// What may have changed.
const (
	MeasuredSize MeasuredChange = "size" // how many wait
	MeasuredWait MeasuredChange = "wait" // the estimated wait, or whether there is an estimate
	MeasuredLoad MeasuredChange = "load" // how many contacts an agent has
)

func (MeasuredChange) words() []string { return words(MeasuredSize, MeasuredWait, MeasuredLoad) }

// QueueMeasured says how many wait in a queue and how long the next one will. The
// log derives it for tenants whose statuses are kept, when one of both has
// changed, at most once a second.
type QueueMeasured struct {
	// Queue is the queue's id.
	Queue string `json:"queue"`
	// Changed is what is not as it was said before.
	Changed []MeasuredChange `json:"changed,omitempty"`
	// Waiting is how many wait.
	Waiting int `json:"waiting"`
	// Estimated says that there is enough to estimate by.
	Estimated bool `json:"estimated"`
	// EstimatedWaitMS is how long one who enters now will wait, in milliseconds.
	EstimatedWaitMS int64 `json:"estimated_wait_ms,omitempty"`
}

// EventType returns "queue.measured".
func (QueueMeasured) EventType() string { return "queue.measured" }

// EventSubject returns "queue/<id>".
func (f QueueMeasured) EventSubject() string { return "queue/" + f.Queue }

// AgentMeasured says how many contacts an agent has. The log derives it for
// tenants whose statuses are kept, when that has changed, at most once a second.
type AgentMeasured struct {
	AgentRef
	// Changed is what is not as it was said before.
	Changed []MeasuredChange `json:"changed,omitempty"`
	// Load is how many contacts the agent has, on hold or not.
	Load int `json:"load"`
}

// EventType returns "agent.measured".
func (AgentMeasured) EventType() string { return "agent.measured" }

// Utilisation is the time that an agent spent in one status, in milliseconds.
type Utilisation struct {
	// LinearMS is the time itself.
	LinearMS int64 `json:"linear_ms"`
	// LinearUsedMS is the time with a contact or more.
	LinearUsedMS int64 `json:"linear_used_ms"`
	// CumulativeMS is the time multiplied by how many contacts fit at once.
	CumulativeMS int64 `json:"cumulative_ms"`
	// CumulativeUsedMS is the time multiplied by the contacts there were.
	CumulativeUsedMS int64 `json:"cumulative_used_ms"`
}

// AgentUtilised says how an agent was utilised in five minutes by the clock of
// the log. The log derives it for tenants whose statuses are kept, of agents who
// were there.
type AgentUtilised struct {
	AgentRef
	// From is when the five minutes begin.
	From Time `json:"from"`
	// To is when they end.
	To Time `json:"to"`
	// Any is the time in whatever status.
	Any Utilisation `json:"any"`
	// Active is the time ready or with contacts.
	Active Utilisation `json:"active"`
	// Away is the time logged in but not ready.
	Away Utilisation `json:"away"`
	// Offline is the time not logged in.
	Offline Utilisation `json:"offline"`
	// WrappingUp is the time of work after contacts.
	WrappingUp Utilisation `json:"wrapping_up"`
}

// EventType returns "agent.utilised".
func (AgentUtilised) EventType() string { return "agent.utilised" }
