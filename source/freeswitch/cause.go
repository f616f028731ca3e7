package freeswitch

import "trunkline/event"

// endOf turns FreeSWITCH's hang-up cause into the reason of an end.
func endOf(cause string) event.EndReason {
	if reason, ok := endReasons[cause]; ok {
		return reason
	}
	return event.EndFailed
}

// endReasons are the causes that are no failure of the network or of
// FreeSWITCH itself; whatever is not here is one.
var endReasons = map[string]event.EndReason{
	"":            event.EndNone,
	"NONE":        event.EndNone,
	"UNSPECIFIED": event.EndNone,

	"NORMAL_CLEARING":    event.EndNormal,
	"NORMAL_UNSPECIFIED": event.EndNormal,
	"SUCCESS":            event.EndNormal,
	"BLIND_TRANSFER":     event.EndNormal,
	"ATTENDED_TRANSFER":  event.EndNormal,
	"MANAGER_REQUEST":    event.EndNormal,
	"ALLOTTED_TIMEOUT":   event.EndNoAnswer,

	"USER_BUSY":           event.EndBusy,
	"NORMAL_CIRCUIT_BUSY": event.EndBusy,

	"NO_ANSWER":         event.EndNoAnswer,
	"NO_USER_RESPONSE":  event.EndNoAnswer,
	"PROGRESS_TIMEOUT":  event.EndNoAnswer,
	"SUBSCRIBER_ABSENT": event.EndNoAnswer,

	"ORIGINATOR_CANCEL": event.EndCancelled,
	"LOSE_RACE":         event.EndCancelled,
	"PICKED_OFF":        event.EndCancelled,

	"CALL_REJECTED":            event.EndRejected,
	"DECLINE":                  event.EndRejected,
	"REJECT_ALL":               event.EndRejected,
	"USER_CHALLENGE":           event.EndRejected,
	"FACILITY_REJECTED":        event.EndRejected,
	"CHAN_NOT_IMPLEMENTED":     event.EndRejected,
	"UNWANTED":                 event.EndBlocked,
	"OUTGOING_CALL_BARRED":     event.EndBlocked,
	"INCOMING_CALL_BARRED":     event.EndBlocked,
	"BEARERCAPABILITY_NOTAUTH": event.EndBlocked,

	"UNALLOCATED_NUMBER":      event.EndBadAddress,
	"NO_ROUTE_DESTINATION":    event.EndBadAddress,
	"NO_ROUTE_TRANSIT_NET":    event.EndBadAddress,
	"INVALID_NUMBER_FORMAT":   event.EndBadAddress,
	"INVALID_URL":             event.EndBadAddress,
	"INVALID_GATEWAY":         event.EndBadAddress,
	"INVALID_PROFILE":         event.EndBadAddress,
	"NUMBER_CHANGED":          event.EndBadAddress,
	"NO_IDENTITY":             event.EndBadAddress,
	"USER_NOT_REGISTERED":     event.EndBadAddress,
	"UNSUPPORTED_URI":         event.EndBadAddress,
	"DOES_NOT_EXIST_ANYWHERE": event.EndBadAddress,
}

// offerEnd tells how an offer ended from the cause of the phone's hang-up. asked
// means that the phone itself refused. A phone that could not be rung at all
// counts as one that refused: the agent was there to be offered to.
func offerEnd(cause string, asked bool) event.OfferEndReason {
	switch endOf(cause) {
	case event.EndNoAnswer:
		return event.OfferNoAnswer
	case event.EndCancelled:
		return event.OfferCancelled
	case event.EndNormal, event.EndNone:
		if !asked {
			return event.OfferCancelled
		}
	}
	return event.OfferRejected
}
