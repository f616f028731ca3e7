package floor

import "trunkline/event"

// kind is a word of the vocabulary as a small number.
type kind uint8

const (
	kindOther kind = iota // carried, but nothing that the floor folds
	kindCreated
	kindQueued
	kindDequeued
	kindOffered
	kindOfferEnded
	kindAccepted
	kindCustomerAccepted
	kindLegConnected
	kindHeld
	kindResumed
	kindParked
	kindUnparked
	kindTransferStarted
	kindTransferConnected
	kindTransferCancelled
	kindTransferRequested
	kindRedirected
	kindJoinRequested
	kindParticipants
	kindReconnected
	kindSupervision
	kindRecordingStarted
	kindRecordingReady
	kindWrapupStarted
	kindWrapupEnded
	kindReleased
	kindLegEnded
	kindDispositioned
	kindMessage
	kindAttributes
	kindSession
	kindJourney // any other fact of an interaction, told on with its context
	kindEnded
	kindAgentStatus
	kindAgentMode
	kindAgentProvisioned
	kindAgentTerminal
	kindWrapupRequested
	kindAgentOther // settings and alerts: told on with their context
	kindQueueConfigured
	kindQueueAvailability
	kindMeasured // how a queue or an agent measures: the floor's own
	kindCallback
	kindSourceUp
	kindSourceDown
	kindSourceGap
	kindSourceReset
	numKinds
)

// kindOf gives the kind of a CloudEvents type.
func kindOf(eventType string) kind {
	switch eventType {
	case "interaction.created":
		return kindCreated
	case "interaction.queued":
		return kindQueued
	case "interaction.dequeued":
		return kindDequeued
	case "interaction.offered":
		return kindOffered
	case "interaction.offer_ended":
		return kindOfferEnded
	case "interaction.accepted":
		return kindAccepted
	case "interaction.customer_accepted":
		return kindCustomerAccepted
	case "interaction.leg_connected":
		return kindLegConnected
	case "interaction.held":
		return kindHeld
	case "interaction.resumed":
		return kindResumed
	case "interaction.parked":
		return kindParked
	case "interaction.unparked":
		return kindUnparked
	case "interaction.transfer_started":
		return kindTransferStarted
	case "interaction.transfer_connected":
		return kindTransferConnected
	case "interaction.transfer_cancelled":
		return kindTransferCancelled
	case "interaction.transfer_requested":
		return kindTransferRequested
	case "interaction.redirected":
		return kindRedirected
	case "interaction.join_requested":
		return kindJoinRequested
	case "interaction.participants_changed":
		return kindParticipants
	case "interaction.reconnected":
		return kindReconnected
	case "interaction.supervision_changed":
		return kindSupervision
	case "interaction.recording_started":
		return kindRecordingStarted
	case "interaction.recording_ready":
		return kindRecordingReady
	case "interaction.wrapup_started":
		return kindWrapupStarted
	case "interaction.wrapup_ended":
		return kindWrapupEnded
	case "interaction.released":
		return kindReleased
	case "interaction.leg_ended":
		return kindLegEnded
	case "interaction.dispositioned":
		return kindDispositioned
	case "interaction.message":
		return kindMessage
	case "interaction.attributes_changed":
		return kindAttributes
	case "interaction.session_changed":
		return kindSession
	case "interaction.intent_detected", "interaction.flow_visited", "interaction.action_called",
		"interaction.survey_answered", "interaction.file_received", "interaction.summarised", "interaction.checked_in":
		return kindJourney
	case "interaction.ended":
		return kindEnded
	case "agent.status_changed":
		return kindAgentStatus
	case "agent.mode_changed":
		return kindAgentMode
	case "agent.provisioned":
		return kindAgentProvisioned
	case "agent.terminal_changed":
		return kindAgentTerminal
	case "agent.wrapup_requested":
		return kindWrapupRequested
	case "agent.setting_changed", "agent.alerted":
		return kindAgentOther
	case "queue.configured":
		return kindQueueConfigured
	case "queue.availability_changed":
		return kindQueueAvailability
	case "queue.measured", "agent.measured", "agent.utilised":
		return kindMeasured
	case "callback.changed":
		return kindCallback
	case "source.up":
		return kindSourceUp
	case "source.down":
		return kindSourceDown
	case "source.gap":
		return kindSourceGap
	case "source.reset":
		return kindSourceReset
	}
	return kindOther
}

// ofInteraction says that facts of the kind are about an interaction.
func (k kind) ofInteraction() bool { return k >= kindCreated && k <= kindEnded }

// ofQueue says that facts of the kind may be about a queue itself.
func (k kind) ofQueue() bool {
	return k == kindQueueConfigured || k == kindQueueAvailability || k == kindMeasured
}

// ofAgent says that facts of the kind may be about an agent itself.
func (k kind) ofAgent() bool {
	switch k {
	case kindAgentStatus, kindAgentMode, kindAgentProvisioned, kindMeasured:
		return true
	}
	return false
}

// ofSource says that facts of the kind are about a source.
func (k kind) ofSource() bool { return k >= kindSourceUp && k <= kindSourceReset }

// flat says that of the data of a fact of the kind only the fields of an input
// are read, so that its text is not needed.
func (k kind) flat() bool {
	return k.ofInteraction() && k != kindCreated && k != kindAttributes && k != kindSession && k != kindJourney && k != kindDispositioned
}

// Medium is a medium as a small number. Rows by channel are kept by it.
type Medium uint8

// The media.
const (
	MediumUnknown Medium = iota
	MediumPhone
	MediumChat
	MediumEmail
	MediumSMS
	MediumVideo
	NumMedia
)

func mediumOf(m string) Medium {
	switch event.Media(m) {
	case event.MediaPhone:
		return MediumPhone
	case event.MediaChat:
		return MediumChat
	case event.MediaEmail:
		return MediumEmail
	case event.MediaSMS:
		return MediumSMS
	case event.MediaVideo:
		return MediumVideo
	}
	return MediumUnknown
}

// MediumNamed gives the medium of the vocabulary's word.
func MediumNamed(name string) (Medium, bool) {
	m := mediumOf(name)
	return m, m != MediumUnknown
}

// String gives the vocabulary's word, "" for the unknown medium.
func (m Medium) String() string {
	switch m {
	case MediumPhone:
		return string(event.MediaPhone)
	case MediumChat:
		return string(event.MediaChat)
	case MediumEmail:
		return string(event.MediaEmail)
	case MediumSMS:
		return string(event.MediaSMS)
	case MediumVideo:
		return string(event.MediaVideo)
	}
	return ""
}
