package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// ErrUnknownType says that an event's type is not of the vocabulary. Such
// events are carried, but have no fact.
var ErrUnknownType = errors.New("not a type of the vocabulary")

// TypeInfo describes one word of the vocabulary.
type TypeInfo struct {
	// Type is the CloudEvents type.
	Type string
	// Zero is the zero value of its Go struct.
	Zero Fact
	// Name is the name of its Go struct.
	Name string
	// Doc is its documentation, in one paragraph.
	Doc string
	// Subject is the kind of entity in the subject: the part before the slash,
	// which is also the name of the data field with the id. For floor.corrected
	// it is "entity": the whole subject is in that field.
	Subject string
	// Derived says that the log itself makes these events.
	Derived bool
	// Shape describes the data.
	Shape *Shape

	subjectField int // the place of the field Subject in Shape
	decode       func(data []byte) (Fact, error)
}

// word makes the entry of one fact.
func word[T Fact]() TypeInfo {
	var zero T
	subject, _, _ := strings.Cut(zero.EventSubject(), "/")
	return TypeInfo{
		Type:    zero.EventType(),
		Zero:    zero,
		Subject: subject,
		decode: func(data []byte) (Fact, error) {
			var f T
			if err := json.Unmarshal(data, &f); err != nil {
				return nil, err
			}
			return f, nil
		},
	}
}

// derived makes the entry of a fact that the log itself makes.
func derived[T Fact]() TypeInfo {
	t := word[T]()
	t.Derived = true
	return t
}

// facts lists the vocabulary in the order of the documents.
func facts() []TypeInfo {
	return []TypeInfo{
		word[InteractionCreated](),
		word[InteractionQueued](),
		word[InteractionDequeued](),
		word[InteractionOffered](),
		word[InteractionOfferEnded](),
		word[InteractionAccepted](),
		word[InteractionCustomerAccepted](),
		word[InteractionLegConnected](),
		word[InteractionHeld](),
		word[InteractionResumed](),
		word[InteractionParked](),
		word[InteractionUnparked](),
		word[InteractionTransferStarted](),
		word[InteractionTransferConnected](),
		word[InteractionTransferCancelled](),
		word[InteractionTransferRequested](),
		word[InteractionRedirected](),
		word[InteractionJoinRequested](),
		word[InteractionParticipantsChanged](),
		word[InteractionReconnected](),
		word[InteractionSupervisionChanged](),
		word[InteractionRecordingStarted](),
		word[InteractionRecordingReady](),
		word[InteractionWrapupStarted](),
		word[InteractionWrapupEnded](),
		word[InteractionReleased](),
		word[InteractionLegEnded](),
		word[InteractionDispositioned](),
		word[InteractionMessage](),
		word[InteractionIntentDetected](),
		word[InteractionFlowVisited](),
		word[InteractionActionCalled](),
		word[InteractionSurveyAnswered](),
		word[InteractionSessionChanged](),
		word[InteractionAttributesChanged](),
		word[InteractionFileReceived](),
		word[InteractionSummarised](),
		word[InteractionCheckedIn](),
		word[InteractionEnded](),
		word[AgentStatusChanged](),
		word[AgentModeChanged](),
		word[AgentProvisioned](),
		word[AgentSettingChanged](),
		word[AgentTerminalChanged](),
		word[AgentWrapupRequested](),
		derived[AgentAlerted](),
		derived[AgentMeasured](),
		derived[AgentUtilised](),
		word[QueueConfigured](),
		word[DirectoryChanged](),
		derived[QueueAvailabilityChanged](),
		derived[QueueMeasured](),
		word[CallbackChanged](),
		word[SourceUp](),
		word[SourceDown](),
		word[SourceGap](),
		word[SourceReset](),
		derived[FloorCorrected](),
		derived[DestinationUp](),
		derived[DestinationDown](),
	}
}

// vocabulary is the table of all facts, built at first use and never changed.
type vocabulary struct {
	types    []TypeInfo
	byType   map[string]*TypeInfo
	families map[string]bool // first labels that are ours
	names    []string        // all types
}

var dictionary = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{types: facts(), byType: map[string]*TypeInfo{}, families: map[string]bool{}}
	for i := range v.types {
		t := &v.types[i]
		if t.Type == "floor.corrected" || t.Type == "directory.changed" {
			t.Subject = "entity"
		}
		describe(t)
		v.byType[t.Type] = t
		family, _, _ := strings.Cut(t.Type, ".")
		v.families[family] = true
		v.names = append(v.names, t.Type)
	}
	return v
})

// Types lists the vocabulary with its documentation and shapes. The list is
// the caller's, the shapes in it are shared and must not be changed.
func Types() []TypeInfo {
	list := slices.Clone(dictionary().types)
	document(list)
	return list
}

// Known reports whether a type is a word of the vocabulary.
func Known(eventType string) bool { return dictionary().byType[eventType] != nil }

// Decode returns the fact that an event of the vocabulary carries. It returns
// [ErrUnknownType] for other types.
func Decode(e Event) (Fact, error) {
	t := dictionary().byType[e.Type]
	if t == nil {
		return nil, fmt.Errorf("decode event %q of type %q: %w", e.ID, e.Type, ErrUnknownType)
	}
	data := e.Data()
	if data == nil {
		return nil, fmt.Errorf("decode event %q of type %q: it has no data", e.ID, e.Type)
	}
	f, err := t.decode(data)
	if err != nil {
		return nil, fmt.Errorf("decode event %q of type %q: %w", e.ID, e.Type, err)
	}
	return f, nil
}
