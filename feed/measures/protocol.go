package measures

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"trunkline/ws"
)

// The statuses of the answer to an authentication.
const (
	statusConfirmed   = "CONNECTION_CONFIRMED"
	statusToken       = "CONNECTION_FAILED_INVALID_TOKEN"
	statusUnknown     = "CONNECTION_FAILED_UNKNOWN_SUBSCRIPTION"
	statusServerError = "CONNECTION_FAILED_INTERNAL_SERVER_ERROR"
	statusConstraint  = "CONNECTION_FAILED_CONSTRAINT_VIOLATION"
)

// The words of the messages.
const (
	eventAuthentication = "authentication"
	eventResponse       = "authenticationResponse"
	eventInitialized    = "initialized"

	actionUpsert = "UPSERT"
	actionDelete = "DELETE"

	payloadInitializing = "INITIALIZING"
	payloadLive         = "LIVE"
)

// Authentication is the first message of a client.
type Authentication struct {
	Event          string `json:"event,omitempty"` // "authentication"; there are clients that leave it out
	SubscriptionID string `json:"subscriptionId,omitempty"`
	Token          string `json:"token"`
}

// AuthenticationResponse is the answer to it.
type AuthenticationResponse struct {
	Event  string `json:"event"` // "authenticationResponse"
	Status string `json:"status"`
}

// EventData is a message about one key: all its measures, or that it is gone.
type EventData struct {
	AccountID         string            `json:"accountId"`
	Keys              map[string]string `json:"keys"`
	EventAction       string            `json:"eventAction"` // UPSERT or DELETE
	EventSourceID     string            `json:"eventSourceId"`
	MeasureProducerID string            `json:"measureProducerId"`
	PayloadType       string            `json:"payloadType"` // INITIALIZING or LIVE
	Measures          map[string]string `json:"measures"`    // empty for DELETE
}

// Initialized is the marker behind the last INITIALIZING message, for subscriptions that ask for it.
type Initialized struct {
	Event             string `json:"event"` // "initialized"
	AccountID         string `json:"accountId"`
	MeasureProducerID string `json:"measureProducerId"`
	Cursor            string `json:"cursor"` // of the log, at which the snapshot stands
	Keys              int    `json:"keys"`   // how many messages the snapshot has
}

// parseAuthentication reads a client's first message. Members that are not known are passed over.
func parseAuthentication(text bool, payload []byte) (Authentication, error) {
	var a Authentication
	if !text {
		return a, errors.New("the first message is a text")
	}
	if err := json.Unmarshal(payload, &a); err != nil {
		return a, errors.New("the first message is an object of JSON texts")
	}
	switch {
	case a.Event != "" && a.Event != eventAuthentication:
		return a, errors.New(`the event of the first message is "authentication"`)
	case a.Token == "":
		return a, errors.New("the first message has a token")
	}
	return a, nil
}

// response is a finished answer.
func response(status string) []byte {
	return ws.TextFrame([]byte(`{"event":"` + eventResponse + `","status":"` + status + `"}`))
}

// initialized is a finished marker.
func initialized(account, producer, cursor string, keys int) []byte {
	return ws.TextFrame(initializedMessage(account, producer, cursor, keys))
}

func initializedMessage(account, producer, cursor string, keys int) []byte {
	msg := appendText([]byte(`{"event":"`+eventInitialized+`","accountId":`), account)
	msg = appendText(append(msg, `,"measureProducerId":`...), producer)
	msg = appendText(append(msg, `,"cursor":`...), cursor)
	msg = strconv.AppendInt(append(msg, `,"keys":`...), int64(keys), 10)
	return append(msg, '}')
}

// envelope is what all messages of a sheet have in common, around the keys and the measures.
type envelope struct {
	head   []byte // up to the keys
	middle []byte // between the action and the payload type
}

func newEnvelope(account, source, producer string) envelope {
	var e envelope
	e.head = append(appendText([]byte(`{"accountId":`), account), `,"keys":`...)
	e.middle = appendText([]byte(`","eventSourceId":`), source)
	e.middle = appendText(append(e.middle, `,"measureProducerId":`...), producer)
	e.middle = append(e.middle, `,"payloadType":"`...)
	return e
}

// What stands between the parts of a message.
const beforeAction, beforeMeasures, end = `,"eventAction":"`, `","measures":`, `}`

// appendFrame appends the message about a key as a finished frame. measures is nil for a key that is gone.
func (e *envelope) appendFrame(dst, keys, measures []byte, payload string) []byte {
	action, body := what(measures)
	n := len(e.head) + len(keys) + len(beforeAction) + len(action) + len(e.middle) + len(payload) + len(beforeMeasures) + len(body) + len(end)
	return e.appendMessage(ws.AppendTextHeader(dst, n), keys, measures, payload)
}

// what says what happens to a key.
func what(measures []byte) (action string, body []byte) {
	if measures == nil {
		return actionDelete, emptyMeasures
	}
	return actionUpsert, measures
}

// appendMessage appends the message about a key.
func (e *envelope) appendMessage(dst, keys, measures []byte, payload string) []byte {
	action, body := what(measures)
	dst = append(append(dst, e.head...), keys...)
	dst = append(append(dst, beforeAction...), action...)
	dst = append(append(dst, e.middle...), payload...)
	dst = append(append(dst, beforeMeasures...), body...)
	return append(dst, end...)
}

var emptyMeasures = []byte("{}")

// appendText appends a text as JSON.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(strings.ToValidUTF8(s, "\uFFFD"))
			if err != nil {
				return append(dst, `""`...) // a text always marshals
			}
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
