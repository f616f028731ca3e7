package event

// InteractionIntentDetected says what the customer is thought to want.
type InteractionIntentDetected struct {
	Ref
	// Code is the intent's code.
	Code string `json:"code"`
	// Name is the intent's name.
	Name string `json:"name,omitempty"`
	// Path are the codes from the first intent to this one.
	Path []string `json:"path,omitempty"`
	// BusinessCode is the code under which the company reports it.
	BusinessCode string `json:"business_code,omitempty"`
	// BusinessPath are the business codes from the first intent to this one.
	BusinessPath []string `json:"business_path,omitempty"`
	// Confidence is the classifier's confidence, from 0 to 1.
	Confidence float64 `json:"confidence,omitempty"`
}

// EventType returns "interaction.intent_detected".
func (InteractionIntentDetected) EventType() string { return "interaction.intent_detected" }

// FlowOutcome is what came of a step in an automated flow.
type FlowOutcome string

// The outcomes of a step.
const (
	FlowVisited     FlowOutcome = "visited"      // the step was shown
	FlowLink        FlowOutcome = "link"         // a link of the step was followed
	FlowSuccess     FlowOutcome = "success"      // the flow reached its aim
	FlowNegated     FlowOutcome = "negated"      // an earlier success was taken back
	FlowEndResponse FlowOutcome = "end_response" // the closing answer of the flow was given
)

func (FlowOutcome) words() []string {
	return words(FlowVisited, FlowLink, FlowSuccess, FlowNegated, FlowEndResponse)
}

// InteractionFlowVisited says that an automated flow (a menu, a virtual agent)
// reached a step.
type InteractionFlowVisited struct {
	Ref
	// Flow is the flow's name.
	Flow string `json:"flow,omitempty"`
	// Path are the names of the flows from the first to this one.
	Path []string `json:"path,omitempty"`
	// BusinessPath are the flow names under which the company reports them.
	BusinessPath []string `json:"business_path,omitempty"`
	// Node is the step's name.
	Node string `json:"node"`
	// NodeType is the kind of step, in the source's words.
	NodeType string `json:"node_type,omitempty"`
	// Outcome says what came of it.
	Outcome FlowOutcome `json:"outcome"`
	// Input is what the customer entered, for instance the digits pressed.
	Input string `json:"input,omitempty"`
	// Link is the link that was followed.
	Link string `json:"link,omitempty"`
}

// EventType returns "interaction.flow_visited".
func (InteractionFlowVisited) EventType() string { return "interaction.flow_visited" }

// ActionInput is one input of a called action.
type ActionInput struct {
	// Value is the value as a text.
	Value string `json:"value,omitempty"`
	// Type is the value's type, in the source's words.
	Type string `json:"type,omitempty"`
}

// InteractionActionCalled says that a flow called an action of a back end.
type InteractionActionCalled struct {
	Ref
	// Node is the step that called it.
	Node string `json:"node,omitempty"`
	// Action is the action's id.
	Action string `json:"action"`
	// Version is the action's version.
	Version string `json:"version,omitempty"`
	// Inputs are the inputs by name.
	Inputs map[string]ActionInput `json:"inputs,omitempty"`
}

// EventType returns "interaction.action_called".
func (InteractionActionCalled) EventType() string { return "interaction.action_called" }

// InteractionSessionChanged says that the customer's session or program is
// another one now, or that the customer became known.
type InteractionSessionChanged struct {
	Ref
	// Session is the session from now on.
	Session *Session `json:"session,omitempty"`
	// Client is the program from now on.
	Client *Client `json:"client,omitempty"`
	// Customer is the customer as known from now on.
	Customer *Customer `json:"customer,omitempty"`
}

// EventType returns "interaction.session_changed".
func (InteractionSessionChanged) EventType() string { return "interaction.session_changed" }

// InteractionAttributesChanged says which attached name-value pairs changed.
type InteractionAttributesChanged struct {
	Ref
	// Attributes are the pairs that were set.
	Attributes Attributes `json:"attributes,omitempty"`
	// Removed are the names that were taken away.
	Removed []string `json:"removed,omitempty"`
	// Agent is the agent who changed them.
	Agent string `json:"agent,omitempty"`
}

// EventType returns "interaction.attributes_changed".
func (InteractionAttributesChanged) EventType() string { return "interaction.attributes_changed" }

// InteractionCheckedIn says that a party gave a sign of still being there: a
// customer who came back to a waiting chat, an agent who confirmed a long one.
type InteractionCheckedIn struct {
	Ref
	// Role is the part that the party plays.
	Role Role `json:"role"`
	// Agent is the agent's id, for agents and supervisors.
	Agent string `json:"agent,omitempty"`
	// Note is what was said with it.
	Note string `json:"note,omitempty"`
}

// EventType returns "interaction.checked_in".
func (InteractionCheckedIn) EventType() string { return "interaction.checked_in" }
