package floor

import (
	"encoding/json"
	"maps"
	"slices"

	"trunkline/event"
)

// take fills the input from a fact that was decoded already.
func (in *input) take(m *event.Meta, f event.Fact) bool {
	*in = input{id: m.ID, source: m.Source, at: millis(m.Time), names: in.names[:0]}
	switch f := f.(type) {
	case event.InteractionCreated:
		in.ref(kindCreated, &f.Ref)
		in.agent, in.state, in.other = f.Agent, string(f.Direction), string(f.Origin)
		in.target = f.Target
		in.data = createdData(&f)
	case event.InteractionQueued:
		in.ref(kindQueued, &f.Ref)
		in.queue, in.reason, in.priority, in.position, in.limit = f.Queue, string(f.Reason), f.Priority, f.Position, f.LimitMS
	case event.InteractionDequeued:
		in.ref(kindDequeued, &f.Ref)
		in.queue, in.reason, in.ms, in.suspect, in.target = f.Queue, string(f.Reason), f.WaitedMS, f.Suspect, f.Target
	case event.InteractionOffered:
		in.ref(kindOffered, &f.Ref)
		in.agent, in.queue, in.limit = f.Agent, f.Queue, f.RingLimitMS
	case event.InteractionOfferEnded:
		in.ref(kindOfferEnded, &f.Ref)
		in.agent, in.queue, in.reason, in.suspect = f.Agent, f.Queue, string(f.Reason), f.Suspect
	case event.InteractionAccepted:
		in.ref(kindAccepted, &f.Ref)
		in.agent, in.queue, in.ms, in.limit, in.other = f.Agent, f.Queue, f.WaitedMS, f.WrapupLimitMS, f.Wrapup
	case event.InteractionCustomerAccepted:
		in.ref(kindCustomerAccepted, &f.Ref)
		in.agent = f.Agent
	case event.InteractionLegConnected:
		in.ref(kindLegConnected, &f.Ref)
		in.agent = f.Agent
	case event.InteractionHeld:
		in.ref(kindHeld, &f.Ref)
		in.agent = f.Agent
	case event.InteractionResumed:
		in.ref(kindResumed, &f.Ref)
		in.agent, in.ms = f.Agent, f.HeldMS
	case event.InteractionParticipantsChanged:
		in.ref(kindParticipants, &f.Ref)
		for i := range f.Participants {
			if p := &f.Participants[i]; p.Role == event.RoleAgent {
				in.names = append(in.names, listedItem{p.Agent, p.Leg})
			}
		}
	case event.InteractionWrapupStarted:
		in.ref(kindWrapupStarted, &f.Ref)
		in.agent, in.queue, in.other, in.limit = f.Agent, f.Queue, f.Wrapup, f.LimitMS
	case event.InteractionWrapupEnded:
		in.ref(kindWrapupEnded, &f.Ref)
		in.agent, in.queue, in.other, in.reason, in.ms = f.Agent, f.Queue, f.Wrapup, string(f.Reason), f.ElapsedMS
	case event.InteractionReleased:
		in.ref(kindReleased, &f.Ref)
		in.agent, in.queue, in.reason, in.other = f.Agent, f.Queue, string(f.Reason), string(f.Initiator)
		in.ms, in.suspect, in.flag = f.TalkMS, f.Suspect, f.Lost
	case event.InteractionMessage:
		in.ref(kindMessage, &f.Ref)
		in.state, in.flag, in.queue = string(f.Role), f.Interim, f.Queue
	case event.InteractionEnded:
		in.ref(kindEnded, &f.Ref)
		in.agent, in.queue, in.reason, in.other = f.Agent, f.Queue, string(f.Reason), string(f.Initiator)
		in.suspect, in.flag = f.Suspect, f.Lost
	case event.AgentStatusChanged:
		in.kind, in.agent, in.state, in.target = kindAgentStatus, f.Agent, string(f.Presence), string(f.Next)
		in.fact = f
	default:
		return in.takeRare(f)
	}
	return true
}

// takeRare fills the input from the kinds that come less often.
func (in *input) takeRare(f event.Fact) bool {
	switch f := f.(type) {
	case event.InteractionLegEnded:
		in.ref(kindLegEnded, &f.Ref)
		in.agent, in.reason, in.other, in.suspect = f.Agent, string(f.Reason), string(f.Initiator), f.Suspect
	case event.InteractionParked:
		in.ref(kindParked, &f.Ref)
		in.agent = f.Agent
	case event.InteractionUnparked:
		in.ref(kindUnparked, &f.Ref)
		in.agent = f.Agent
	case event.InteractionTransferStarted:
		in.ref(kindTransferStarted, &f.Ref)
		in.agent, in.reason, in.target = f.Agent, string(f.Kind), f.Target
	case event.InteractionTransferConnected:
		in.ref(kindTransferConnected, &f.Ref)
		in.agent, in.reason, in.target = f.Agent, string(f.Kind), f.Target
	case event.InteractionTransferCancelled:
		in.ref(kindTransferCancelled, &f.Ref)
		in.agent, in.reason, in.target = f.Agent, string(f.Kind), f.Target
	case event.InteractionTransferRequested:
		in.ref(kindTransferRequested, &f.Ref)
		in.agent, in.reason, in.target = f.Agent, string(f.Kind), f.Target
	case event.InteractionRedirected:
		in.ref(kindRedirected, &f.Ref)
		in.agent, in.queue, in.reason, in.target = f.Agent, f.Queue, f.Reason, f.Target
	case event.InteractionJoinRequested:
		in.ref(kindJoinRequested, &f.Ref)
		in.agent = f.Agent
	case event.InteractionReconnected:
		in.ref(kindReconnected, &f.Ref)
		in.agent = f.Agent
	case event.InteractionSupervisionChanged:
		in.ref(kindSupervision, &f.Ref)
		in.agent, in.queue, in.other, in.reason, in.state = f.Agent, f.Queue, f.Supervisor, string(f.Kind), string(f.State)
	case event.InteractionRecordingStarted:
		in.ref(kindRecordingStarted, &f.Ref)
		in.agent, in.other = f.Agent, f.Recording
	case event.InteractionRecordingReady:
		in.ref(kindRecordingReady, &f.Ref)
		in.agent, in.other = f.Agent, f.Recording
	case event.InteractionDispositioned:
		in.ref(kindDispositioned, &f.Ref)
		in.agent, in.other = f.Agent, f.Code
		in.word = f.EventType()
		in.json(f)
	case event.InteractionAttributesChanged:
		in.ref(kindAttributes, &f.Ref)
		in.agent = f.Agent
		in.json(f)
	case event.InteractionSessionChanged:
		in.ref(kindSession, &f.Ref)
		in.json(f)
	case event.InteractionIntentDetected:
		in.ref(kindJourney, &f.Ref)
		in.word = f.EventType()
		in.json(f)
	case event.InteractionFlowVisited:
		in.ref(kindJourney, &f.Ref)
		in.word = f.EventType()
		in.json(f)
	case event.InteractionActionCalled:
		in.ref(kindJourney, &f.Ref)
		in.word = f.EventType()
		in.json(f)
	case event.InteractionSurveyAnswered:
		in.ref(kindJourney, &f.Ref)
		in.word = f.EventType()
		in.json(f)
	case event.InteractionFileReceived:
		in.ref(kindJourney, &f.Ref)
		in.word = f.EventType()
		in.json(f)
	case event.InteractionSummarised:
		in.ref(kindJourney, &f.Ref)
		in.word = f.EventType()
		in.json(f)
		in.agent = f.Agent
	case event.InteractionCheckedIn:
		in.ref(kindJourney, &f.Ref)
		in.word = f.EventType()
		in.json(f)
		in.agent = f.Agent
	default:
		return in.takeEntity(f)
	}
	return true
}

// takeEntity fills the input from facts that are not about an interaction.
func (in *input) takeEntity(f event.Fact) bool {
	in.kind, in.fact = kindOf(f.EventType()), f
	switch f := f.(type) {
	case event.AgentModeChanged:
		in.agent = f.Agent
	case event.AgentProvisioned:
		in.agent = f.Agent
	case event.AgentTerminalChanged:
		in.agent, in.state = f.Agent, string(f.Status)
	case event.AgentSettingChanged:
		in.agent = f.Agent
	case event.AgentWrapupRequested:
		in.agent, in.queue = f.Agent, f.Queue
	case event.AgentAlerted:
		in.agent = f.Agent
	case event.AgentMeasured:
		in.agent = f.Agent
	case event.AgentUtilised:
		in.agent = f.Agent
	case event.QueueMeasured:
		in.queue = f.Queue
	case event.QueueAvailabilityChanged:
		in.queue = f.Queue
	case event.QueueConfigured:
		in.queue = f.Queue
	}
	return in.kind != kindOther
}

func (in *input) ref(k kind, r *event.Ref) {
	in.kind, in.interaction, in.parent, in.leg, in.media = k, r.Interaction, r.Parent, r.Leg, mediumOf(string(r.Media))
}

// createdData writes what is told on of a begin. It is the one fact with data of
// its own that comes with every interaction, so it does without reflection.
func createdData(f *event.InteractionCreated) string {
	b := append(make([]byte, 0, 512), '{')
	b = text(b, "channel", f.Channel)
	b = text(b, "channel_name", f.ChannelName)
	b = text(b, "dialled", f.Dialled)
	b = text(b, "call_as", f.CallAs)
	if c := f.Customer; c != nil {
		b = append(b, `"customer":{`...)
		b = closed(text(text(text(text(b, "id", c.ID), "number", c.Number), "name", c.Name), "kind", c.Kind))
	}
	b = text(b, "target", f.Target)
	b = text(b, "target_kind", string(f.TargetKind))
	b = text(b, "campaign", f.Campaign)
	b = text(b, "campaign_name", f.CampaignName)
	b = text(b, "call_list", f.CallList)
	b = text(b, "callback", f.Callback)
	if s := f.Session; s != nil {
		b = closed(text(text(append(b, `"session":{`...), "id", s.ID), "type", s.Type))
	}
	if c := f.Client; c != nil {
		b = closed(text(text(append(b, `"client":{`...), "id", c.ID), "type", c.Type))
	}
	b = text(b, "subdivision", f.Subdivision)
	if len(f.Segments) > 0 {
		b = append(b, `"segments":[`...)
		for _, s := range f.Segments {
			b = append(appendText(b, s), ',')
		}
		b[len(b)-1] = ']'
		b = append(b, ',')
	}
	b = text(b, "language", f.Language)
	b = text(b, "publicity", string(f.Publicity))
	if len(f.Attributes) > 0 {
		b = append(b, `"attributes":{`...)
		for _, k := range slices.Sorted(maps.Keys(f.Attributes)) {
			b = append(appendText(append(appendText(b, k), ':'), f.Attributes[k]), ',')
		}
		b = closed(b)
	}
	b = closed(b)
	return string(b[:len(b)-1])
}

// json keeps the data as text for the kinds whose loose fields are told on.
func (in *input) json(f event.Fact) {
	if b, err := json.Marshal(f); err == nil {
		in.data = string(b)
	}
}
