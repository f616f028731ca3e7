package floor

import "trunkline/event"

// What the floor must know of the stream feed's events: how many a fact makes,
// because they are numbered without gaps, and the state of the call that they
// show, because some show the one of the event before.

// streamEvents is how many events the stream feed makes of a fact of the kind,
// the agents' status changes apart.
func (k kind) streamEvents(reason string) uint64 {
	switch k {
	case kindOfferEnded:
		if reason == string(event.OfferNoAnswer) {
			return 2 // rejected, then deassigned
		}
		return 1
	case kindLegConnected:
		return 2 // assigned, then accepted
	case kindCreated, kindQueued, kindDequeued, kindOffered, kindAccepted, kindCustomerAccepted, kindHeld, kindResumed,
		kindTransferRequested, kindJoinRequested, kindParticipants, kindReconnected, kindRecordingStarted, kindRecordingReady,
		kindWrapupStarted, kindWrapupEnded, kindReleased, kindLegEnded, kindEnded, kindAgentProvisioned:
		return 1
	}
	return 0
}

// callState is the state of a call as an event of the stream feed shows it.
type callState uint8

const (
	callNone callState = iota // not shown
	callIdle
	callQueued
	callInProgress
	callConnected
	callHold
	callDisconnected
	numCallStates
)

func (s callState) String() string {
	return [...]string{"", "CS_IDLE", "CS_QUEUED", "CS_INPROGRESS", "CS_CONNECTED", "CS_HOLD", "CS_DISCONNECTED"}[s%numCallStates]
}

// streamState is the state that the stream feed's event of a fact shows. Where
// the state is a matter of the event it is kept for those that show the state of
// the event before: offers, their ends, ends of waiting, changes of participants.
// An interaction that is not known is taken for one that comes in.
func (k kind) streamState(it *Interaction) callState {
	in := it == nil || it.Direction == event.DirectionIn
	s := callNone
	switch k {
	case kindCreated:
		if s = callQueued; !in || it != nil && it.Origin == event.OriginTransfer {
			s = callIdle
		}
		if it != nil && it.carried != callNone {
			return s // it comes behind what it should have come before
		}
	case kindQueued:
		if s = callIdle; in {
			s = callQueued
		}
	case kindAccepted:
		if s = callInProgress; in || it.Customer || it.Origin == event.OriginTransfer {
			s = callConnected
		}
	case kindCustomerAccepted, kindLegConnected, kindResumed:
		s = callConnected
	case kindHeld:
		s = callHold
	case kindReconnected, kindWrapupStarted, kindWrapupEnded, kindReleased, kindLegEnded, kindEnded:
		s = callDisconnected
	case kindOffered, kindOfferEnded, kindDequeued, kindParticipants:
		switch {
		case it != nil && it.carried != callNone:
			return it.carried
		case in:
			return callQueued
		}
		return callIdle
	}
	if it != nil && s != callNone {
		it.carried = s
	}
	return s
}
