package event

// InteractionRecordingStarted says that a leg is being recorded.
type InteractionRecordingStarted struct {
	Ref
	// Recording is the recording's id.
	Recording string `json:"recording"`
	// Agent is the agent who is recorded.
	Agent string `json:"agent,omitempty"`
	// Channel is the audio channel of the agent in the recording.
	Channel string `json:"channel,omitempty"`
}

// EventType returns "interaction.recording_started".
func (InteractionRecordingStarted) EventType() string { return "interaction.recording_started" }

// InteractionRecordingReady says that a recording can be fetched.
type InteractionRecordingReady struct {
	Ref
	// Recording is the recording's id.
	Recording string `json:"recording"`
	// Agent is the agent who was recorded.
	Agent string `json:"agent,omitempty"`
	// Channel is the audio channel of the agent in the recording.
	Channel string `json:"channel,omitempty"`
	// Conversion is the id of the conversion that made it ready.
	Conversion string `json:"conversion,omitempty"`
	// URL is where it can be fetched.
	URL string `json:"url,omitempty"`
	// MimeType is the media type of the recording.
	MimeType string `json:"mime_type,omitempty"`
	// DurationMS is its length in milliseconds.
	DurationMS int64 `json:"duration_ms,omitempty"`
	// Bytes is its size in bytes.
	Bytes int64 `json:"bytes,omitempty"`
}

// EventType returns "interaction.recording_ready".
func (InteractionRecordingReady) EventType() string { return "interaction.recording_ready" }

// InteractionWrapupStarted says that an agent began the work after a contact.
type InteractionWrapupStarted struct {
	Ref
	// Agent is the agent's id.
	Agent string `json:"agent"`
	// Queue is the queue the contact came from.
	Queue string `json:"queue,omitempty"`
	// Wrapup is the id of this wrap-up.
	Wrapup string `json:"wrapup,omitempty"`
	// LimitMS is how long it may take, in milliseconds; absent when there is no limit.
	LimitMS int64 `json:"limit_ms,omitempty"`
	// CallList is the call list the contact came from.
	CallList string `json:"call_list,omitempty"`
	// Callback is the callback the contact answered.
	Callback string `json:"callback,omitempty"`
}

// EventType returns "interaction.wrapup_started".
func (InteractionWrapupStarted) EventType() string { return "interaction.wrapup_started" }

// WrapupEnd is what ended a wrap-up.
type WrapupEnd string

// The ends of a wrap-up.
const (
	WrapupManual WrapupEnd = "manual" // the agent was done
	WrapupTimer  WrapupEnd = "timer"  // the limit passed
	WrapupLost   WrapupEnd = "lost"   // the source forgot it
)

func (WrapupEnd) words() []string { return words(WrapupManual, WrapupTimer, WrapupLost) }

// InteractionWrapupEnded says that the work after a contact is over.
type InteractionWrapupEnded struct {
	Ref
	// Agent is the agent's id.
	Agent string `json:"agent"`
	// Queue is the queue the contact came from.
	Queue string `json:"queue,omitempty"`
	// Wrapup is the id of this wrap-up.
	Wrapup string `json:"wrapup,omitempty"`
	// Reason says what ended it.
	Reason WrapupEnd `json:"reason"`
	// ElapsedMS is how long it took, in milliseconds.
	ElapsedMS int64 `json:"elapsed_ms,omitempty"`
	// CallList is the call list the contact came from.
	CallList string `json:"call_list,omitempty"`
	// Callback is the callback the contact answered.
	Callback string `json:"callback,omitempty"`
}

// EventType returns "interaction.wrapup_ended".
func (InteractionWrapupEnded) EventType() string { return "interaction.wrapup_ended" }

// DispositionField is one field of a disposition form.
type DispositionField struct {
	// Type is the kind of field, in the source's words.
	Type string `json:"type,omitempty"`
	// Name is the field's name.
	Name string `json:"name"`
	// Value is what was entered.
	Value string `json:"value,omitempty"`
}

// InteractionDispositioned says what an agent noted as the outcome.
type InteractionDispositioned struct {
	Ref
	// Agent is the agent's id.
	Agent string `json:"agent,omitempty"`
	// Code is the disposition code.
	Code string `json:"code"`
	// Name is the code's name.
	Name string `json:"name,omitempty"`
	// List is the list that the code is from.
	List string `json:"list,omitempty"`
	// Notes are free words.
	Notes string `json:"notes,omitempty"`
	// Tags are labels.
	Tags []string `json:"tags,omitempty"`
	// Fields are further fields of the form.
	Fields []DispositionField `json:"fields,omitempty"`
}

// EventType returns "interaction.dispositioned".
func (InteractionDispositioned) EventType() string { return "interaction.dispositioned" }

// InteractionMessage is one thing said or written: a chat message, an e-mail,
// a phrase of a live transcript.
type InteractionMessage struct {
	Ref
	// Message is the message's id; a final phrase has the id of its interim ones.
	Message string `json:"message,omitempty"`
	// Speaker is the id of who said it: an agent's id for agents and supervisors.
	Speaker string `json:"speaker,omitempty"`
	// Role is the part that the speaker plays.
	Role Role `json:"role"`
	// Text is what was said.
	Text string `json:"text,omitempty"`
	// Language is the BCP 47 tag of its language.
	Language string `json:"language,omitempty"`
	// Interim marks a phrase that may still change.
	Interim bool `json:"interim,omitempty"`
	// Confidence is the recogniser's confidence, from 0 to 1.
	Confidence float64 `json:"confidence,omitempty"`
	// OffsetMS is where it began, in milliseconds from the start of the interaction.
	OffsetMS int64 `json:"offset_ms,omitempty"`
	// DurationMS is how long it was spoken, in milliseconds.
	DurationMS int64 `json:"duration_ms,omitempty"`
	// Queue is the queue that the transcript is made for.
	Queue string `json:"queue,omitempty"`
	// CallList is the call list that the transcript is made for.
	CallList string `json:"call_list,omitempty"`
}

// EventType returns "interaction.message".
func (InteractionMessage) EventType() string { return "interaction.message" }

// SurveyAnswer is one answer of a survey.
type SurveyAnswer struct {
	// Question is the question asked.
	Question string `json:"question"`
	// Category is the question's category.
	Category string `json:"category,omitempty"`
	// Type is the kind of question, for instance "rating" or "free_text".
	Type string `json:"type,omitempty"`
	// Answer is the answer given.
	Answer string `json:"answer,omitempty"`
	// Ordering is the question's place in the survey.
	Ordering int `json:"ordering,omitempty"`
}

// InteractionSurveyAnswered says that the customer answered a survey.
type InteractionSurveyAnswered struct {
	Ref
	// Survey is the survey's id.
	Survey string `json:"survey,omitempty"`
	// Answers are the answers.
	Answers []SurveyAnswer `json:"answers"`
}

// EventType returns "interaction.survey_answered".
func (InteractionSurveyAnswered) EventType() string { return "interaction.survey_answered" }

// InteractionFileReceived says that somebody sent a file.
type InteractionFileReceived struct {
	Ref
	// File is the file's id.
	File string `json:"file"`
	// Name is the file's name.
	Name string `json:"name,omitempty"`
	// MimeType is its media type.
	MimeType string `json:"mime_type,omitempty"`
	// Bytes is its size in bytes.
	Bytes int64 `json:"bytes,omitempty"`
	// Width is the width of an image in pixels.
	Width int `json:"width,omitempty"`
	// Height is the height of an image in pixels.
	Height int `json:"height,omitempty"`
	// Role says who sent it.
	Role Role `json:"role,omitempty"`
	// Speaker is the sender's id.
	Speaker string `json:"speaker,omitempty"`
}

// EventType returns "interaction.file_received".
func (InteractionFileReceived) EventType() string { return "interaction.file_received" }

// InteractionSummarised carries a summary of the interaction or of one agent's
// part in it.
type InteractionSummarised struct {
	Ref
	// Text is the summary.
	Text string `json:"text"`
	// Agent is the agent whose part is summarised.
	Agent string `json:"agent,omitempty"`
	// Author says what or who wrote it, for instance "agent" or a model's name.
	Author string `json:"author,omitempty"`
}

// EventType returns "interaction.summarised".
func (InteractionSummarised) EventType() string { return "interaction.summarised" }
