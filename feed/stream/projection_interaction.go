package stream

import (
	"cmp"
	"strings"
)

// eventsOf names the events of the stream feed that a fact makes, those of
// agents whose status it changes apart. How many they are is told by the floor
// too, which numbers them; the two are held together by a test.
func eventsOf(kind, reason string) [2]string {
	switch kind {
	case "interaction.created":
		return [2]string{evCreated}
	case "interaction.queued":
		return [2]string{evQueued}
	case "interaction.dequeued":
		if reason == "timeout" {
			return [2]string{evQueueTimeout}
		}
		return [2]string{evUnqueued}
	case "interaction.offered":
		return [2]string{evAssigned}
	case "interaction.offer_ended":
		if reason == "no_answer" {
			return [2]string{evRejected, evDeassigned}
		}
		return [2]string{evRejected}
	case "interaction.accepted":
		return [2]string{evAccepted}
	case "interaction.customer_accepted":
		return [2]string{evCustomerAccepted}
	case "interaction.leg_connected":
		return [2]string{evAssigned, evAccepted}
	case "interaction.held", "interaction.resumed":
		return [2]string{evHold}
	case "interaction.transfer_requested":
		return [2]string{evTransferRequest}
	case "interaction.join_requested":
		return [2]string{evJoinLines}
	case "interaction.participants_changed":
		return [2]string{evParticipants}
	case "interaction.reconnected":
		return [2]string{evReconnect}
	case "interaction.recording_started":
		return [2]string{evRecordingStarted}
	case "interaction.recording_ready":
		return [2]string{evRecordingReady}
	case "interaction.wrapup_started":
		return [2]string{evPostProcess}
	case "interaction.wrapup_ended":
		return [2]string{evEndPostProcess}
	case "interaction.released":
		return [2]string{evDeassigned}
	case "interaction.leg_ended", "interaction.ended":
		return [2]string{evDeleted}
	case "agent.provisioned":
		return [2]string{envelopeProvision}
	}
	return [2]string{}
}

// interaction fills in the members of an event about an interaction, in the
// order of their names. InteractionCreated, InteractionQueued and
// InteractionDeleted have the members of the vendor's samples; the others have
// all that apply.
func (s *Scratch) interaction(event string) {
	in := &s.fact
	s.fields = s.fields[:0]
	s.attach()
	created, queued, deleted := event == evCreated, event == evQueued, event == evDeleted
	full := !created && !queued && !deleted
	incoming := in.direction == "in" || in.direction == ""
	waited := queued || in.visits > 0 && !created
	taken := event == evAssigned || event == evAccepted
	s.agentFields(event, taken)
	if len(s.pairs) > 0 {
		s.fields = append(s.fields, field{name: "attachedData", kind: attachedField})
	}
	if deleted {
		s.word("callHangupReason", word(hangupReasons, in.reason, "none"))
	}
	s.text("callState", in.callState(event))
	if full || waited || !incoming {
		s.text("direction", in.inOrOut())
	}
	if !created && !queued {
		s.text("dispositionCode", in.code)
	}
	s.word("event", event)
	if in.firstQueue > 0 && !created {
		s.number("eventTS", in.firstQueue/1000)
	}
	if deleted {
		s.word("hangupInitiator", word(hangupInitiators, in.initiator, "system"))
	}
	if incoming {
		s.text("inboundChannelid", unplussed(in.inbound()))
	}
	s.number("interactionEventTS", in.at/1000)
	s.text("interactionGUID", in.interaction)
	if !created || !incoming {
		s.flag("isAgentInitiated", in.dialler != "" && !incoming)
	}
	if full || deleted {
		// Who hands one on to a queue stands in its creation too.
		s.flag("isDirectAccess", in.dialler != "" && incoming && in.parent == "")
	}
	if taken {
		s.flag("isExternal", in.direction != "internal")
		s.flag("isOutboundCall", !incoming)
	}
	if deleted {
		s.flag("isQueued", in.visits > 0)
	}
	media, resource := mediaType(in.media)
	if !created || !incoming {
		s.word("mediaType", media)
	}
	s.info()
	if in.begin.campaign != "" || taken && !incoming {
		s.text("outboundCampaignid", cmp.Or(in.begin.campaign, "0"))
	}
	if full {
		s.text("participatingAgents", s.participating())
	}
	if queued {
		s.number("priority", in.priority)
	}
	if event == evAssigned && in.ringLimit > 0 {
		s.number("promptingTimeout", in.ringLimit/1000)
	}
	if waited && in.queueID != "" {
		id := queueNumber(in.queueID)
		s.text("queueId", id)
		s.text("queueList", id)
		s.number("queueTime", cmp.Or(in.queuedAt, in.at)/1000)
	}
	if full || deleted {
		s.word("recordingMode", yes(in.recordings > 0))
	}
	if deleted || event == evRejected {
		s.number("rejectReason", in.rejectReason(event))
	}
	s.number("resourceType", resource)
	if event == evHold {
		s.flag("status", in.kind == "interaction.held")
	}
	if full || waited {
		s.text("transactionNum", s.token())
	}
}

// agentFields adds what is said of the agent whom the fact names.
func (s *Scratch) agentFields(event string, taken bool) {
	in := &s.fact
	if in.agent == "" {
		return
	}
	phone := in.address
	if in.agentID == in.agent {
		s.text("agentGUID", in.agentGUID)
		phone = cmp.Or(phone, in.agentPhone)
	}
	s.text("agentId", in.agent)
	s.text("agentPhone", phone)
	if event == evAssigned && in.ringLimit > 0 {
		s.number("agentRscWaitTime", in.ringLimit/1000)
	}
	if taken && phone != "" {
		from := len(s.arena)
		s.arena = append(append(append(s.arena, phone...), '-'), s.tenant...)
		s.text("agentTreatedPhone", textOf(s.arena[from:]))
	}
}

// callState is the state of the call that an event shows, "" where the vendor's
// table has none. The floor gives it; of the two events of one fact it gives the
// one that the next event carries on.
func (f *fact) callState(event string) string {
	switch {
	case event == evQueueTimeout:
		return ""
	case event == evAssigned && f.kind == "interaction.leg_connected":
		return "CS_INPROGRESS"
	case event == evDeassigned:
		return "CS_DISCONNECTED"
	}
	return f.state
}

func (f *fact) rejectReason(event string) int64 {
	switch {
	case event != evRejected:
		return 0
	case f.reason == "no_answer":
		return 1
	case f.reason == "rejected":
		return 2
	}
	return 0
}

// inOrOut is the direction in the vendor's words: a line between agents counts
// as one that goes out.
func (f *fact) inOrOut() string {
	if f.direction == "internal" {
		return "out"
	}
	return f.direction
}

// inbound is the channel by which it came in.
func (f *fact) inbound() string { return cmp.Or(f.begin.channel, f.begin.dialled) }

// participating lists the agents who take part, by a comma.
func (s *Scratch) participating() string {
	in := &s.fact
	from := len(s.arena)
	add := func(id string) {
		if id == "" || listed(textOf(s.arena[from:]), id) {
			return
		}
		if len(s.arena) > from {
			s.arena = append(s.arena, ',')
		}
		s.arena = append(s.arena, id...)
	}
	for _, id := range in.taking {
		add(id)
	}
	add(in.agent)
	return textOf(s.arena[from:])
}

// listed says whether a list has an entry.
func listed(list, id string) bool {
	for list != "" {
		var e string
		if e, list, _ = strings.Cut(list, ","); e == id {
			return true
		}
	}
	return false
}

// mediaType gives the vendor's name and number of a medium.
func mediaType(media string) (string, int64) {
	switch media {
	case "email":
		return "email", 1
	case "chat":
		return "chat", 2
	case "sms":
		return "chat", 3
	case "video":
		return "phone", 4
	}
	return "phone", 0
}

// queueNumber takes the number out of a queue's id in one of the vendor's two
// layouts, tenant~~queue~~media~~591 and tenant~~591~~media~~guid. Any other id
// is given as it is.
func queueNumber(id string) string {
	a, rest, ok := strings.Cut(id, "~~")
	second, rest, ok2 := strings.Cut(rest, "~~")
	_, fourth, ok3 := strings.Cut(rest, "~~")
	if !ok || !ok2 || !ok3 || a == "" || strings.Contains(fourth, "~~") {
		return id
	}
	if digits(second) {
		return second
	}
	return cmp.Or(fourth, id)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// unplussed is an international number without its plus sign.
func unplussed(s string) string {
	if len(s) > 1 && s[0] == '+' && digits(s[1:]) {
		return s[1:]
	}
	return s
}

// national is a number as the vendor writes it in phoneNum: without the plus
// sign, one of North America without its country code too.
func national(s string) string {
	if len(s) == 12 && s[1] == '1' && s[0] == '+' && digits(s[1:]) {
		return s[2:]
	}
	return unplussed(s)
}

func word(words map[string]string, w, missing string) string {
	if v := words[w]; v != "" {
		return v
	}
	return words[missing]
}

func yes(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}
