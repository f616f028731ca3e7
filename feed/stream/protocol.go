package stream

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Format is how events are written.
type Format uint8

// The formats, with the names that a client asks for them by.
const (
	JSON        Format = iota // JSON: one object per event
	XML                       // XML: one element per event
	NewlineJSON               // NEWLINE_JSON: as JSON, with a line end behind each event
	NewlineXML                // NEWLINE_XML: as XML, with a line end behind each event
	numFormats
)

var formatNames = [numFormats]string{"JSON", "XML", "NEWLINE_JSON", "NEWLINE_XML"}

// ErrFormat says that a text names no format.
var ErrFormat = errors.New("not an output type")

// ParseFormat gives the format with a name; the empty name is JSON.
func ParseFormat(s string) (Format, error) {
	if s == "" {
		return JSON, nil
	}
	if i := slices.Index(formatNames[:], s); i >= 0 {
		return Format(i), nil
	}
	return JSON, fmt.Errorf("%w: %.40q; the output types are %s", ErrFormat, s, strings.Join(formatNames[:], ", "))
}

// String gives the format's name.
func (f Format) String() string { return formatNames[f%numFormats] }

func (f Format) isXML() bool { return f == XML || f == NewlineXML }

func (f Format) newline() bool { return f == NewlineJSON || f == NewlineXML }

// The envelopes: the one member of an event's object, or its root element.
const (
	envelopeInteraction = "Interaction"
	envelopeStatus      = "AgentStatusChange"
	envelopeProvision   = "AgentProvChange"
	envelopeHeartbeat   = "ClientCheck"
)

// The events in the Interaction envelope, by the value of their member "event".
const (
	evCreated          = "InteractionCreated"
	evQueued           = "InteractionQueued"
	evUnqueued         = "InteractionUnqueued"
	evQueueTimeout     = "InteractionQueueTimeout"
	evAssigned         = "InteractionAssigned"
	evRejected         = "InteractionRejected"
	evAccepted         = "InteractionAccepted"
	evCustomerAccepted = "InteractionCustomerAccepted"
	evHold             = "LineHoldStatus"
	evRecordingStarted = "InteractionRecordingStarted"
	evRecordingReady   = "InteractionRecordingReady"
	evTransferRequest  = "InteractionTransferRequest"
	evJoinLines        = "InteractionJoinLinesRequest"
	evParticipants     = "InteractionParticipantChange"
	evReconnect        = "InteractionReconnect"
	evPostProcess      = "InteractionPostProcess"
	evEndPostProcess   = "InteractionEndPostProcess"
	evDeassigned       = "InteractionDeassigned"
	evDeleted          = "InteractionDeleted"
)

// EventNames gives the names of all events that the feed sends: those of the
// member "event", and the envelopes of events that have none.
func EventNames() []string {
	return []string{
		envelopeHeartbeat, envelopeStatus, envelopeProvision,
		evCreated, evQueued, evUnqueued, evQueueTimeout, evAssigned, evRejected, evAccepted, evCustomerAccepted, evHold,
		evRecordingStarted, evRecordingReady, evTransferRequest, evJoinLines, evParticipants, evReconnect,
		evPostProcess, evEndPostProcess, evDeassigned, evDeleted,
	}
}

// The states of an agent, newState in AgentStatusChange. Two of the vendor's are
// never sent: 0 UNKNOWN, because an agent of whom nothing was heard has no event,
// and 11 ON_EMAIL, because a mail in hand is a contact like others.
const (
	stateLoggedOut   = 1
	stateLoggedIn    = 2
	stateOnBreak     = 3
	stateAvailable   = 4 // WAIT_TRANSACT
	stateWorkOffline = 5
	stateOffered     = 6 // TRANSACT_OFFERED
	stateOnContact   = 7 // PROCESS_TRANSACT
	stateWrapUp      = 8 // POST_PROCESS
	stateBusy        = 9
	stateDirectCall  = 10
)

// hangupReasons are the vendor's words for why a connection ended.
var hangupReasons = map[string]string{
	"none":        "CEC_NONE",
	"normal":      "CEC_DISCONNECT_NORMAL",
	"busy":        "CEC_DISCONNECT_BUSY",
	"bad_address": "CEC_DISCONNECT_BADADDRESS",
	"no_answer":   "CEC_DISCONNECT_NOANSWER",
	"cancelled":   "CEC_DISCONNECT_CANCELLED",
	"rejected":    "CEC_DISCONNECT_REJECTED",
	"failed":      "CEC_DISCONNECT_FAILED",
	"blocked":     "CEC_DISCONNECT_BLOCKED",
}

// hangupInitiators are the vendor's words for who ended it.
var hangupInitiators = map[string]string{"system": "SYSTEM", "agent": "AGENT", "customer": "CUSTOMER"}

// provisionEvents are the vendor's words for what changed of an agent.
var provisionEvents = map[string]string{
	"created":       "AgentCreated",
	"updated":       "AgentChanged",
	"deleted":       "AgentDeleted",
	"enabled":       "AgentEnabled",
	"disabled":      "AgentDisabled",
	"skill_added":   "AgentSkillCreated",
	"skill_changed": "AgentSkillChanged",
	"skill_removed": "AgentSkillDeleted",
	"queue_added":   "AgentQueueCreated",
	"queue_changed": "AgentQueueChanged",
	"queue_removed": "AgentQueueDeleted",
}
