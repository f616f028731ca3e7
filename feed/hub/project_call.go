package hub

import (
	"maps"

	"trunkline/event"
)

// call is what most events of calls have.
func (p *projection) call(r event.Ref, more values) values {
	v := values{"CallId": p.guid("interaction", r.Interaction), "LegId": text(r.Leg), "CallerNumber": text(p.created.Customer.Number), "TargetNumber": text(p.created.Dialled),
		"Publicity": p.publicity()}
	if p.outgoing() {
		v["CallerNumber"], v["TargetNumber"] = text(p.address()), text(p.created.Dialled)
		if p.created.Dialled == "" {
			v["TargetNumber"] = text(p.created.Customer.Number)
		}
	}
	maps.Copy(v, more)
	return v
}

func (p *projection) outgoing() bool { return p.ctx.Direction == string(event.DirectionOut) }

// address is the number of the agent on the call.
func (p *projection) address() string {
	if p.ctx.Agent == nil {
		return ""
	}
	return p.ctx.Agent.Address
}

// queueOf is the fact's queue, else the call's.
func (p *projection) queueOf(queue string) string {
	if queue == "" && p.ctx.Queue != nil {
		return p.ctx.Queue.ID
	}
	return queue
}

// agentOf is the fact's agent, else the call's.
func (p *projection) agentOf(agent string) string {
	if agent == "" && p.ctx.Agent != nil {
		return p.ctx.Agent.ID
	}
	return agent
}

// technical says where a call in routing is.
func (p *projection) technical(queue string, more values) values {
	queue = p.queueOf(queue)
	v := values{"TechQueueId": p.queueGUID(queue), "TechQueueName": p.queueName(queue)}
	maps.Copy(v, more)
	return v
}

// target names where a call goes: users and queues by their GUIDs, numbers as they are.
func (p *projection) target(kind event.TargetKind, id string) any {
	switch kind {
	case event.TargetAgent:
		return p.userGUID(id)
	case event.TargetQueue:
		return p.queueGUID(id)
	}
	return text(id)
}

func (p *projection) interaction(fact event.Fact) {
	switch f := fact.(type) {
	case event.InteractionCreated:
		p.begun(&f)
	case event.InteractionOffered:
		p.phone(f.Media, userCallInArrived, f.Agent, p.call(f.Ref, nil))
		p.phone(f.Media, userCallInUserAllocated, f.Agent, p.call(f.Ref, values{"UserNumber": text(f.Address), "DetailedReason": text(f.Detail)}))
	case event.InteractionOfferEnded:
		p.phone(f.Media, userCallInUserCancelled, f.Agent, p.call(f.Ref, values{"Reason": offerEnds[f.Reason], "DetailedReason": text(f.Detail)}))
	case event.InteractionAccepted:
		p.accepted(&f)
	case event.InteractionCustomerAccepted:
		v := p.call(f.Ref, nil)
		if f.Number != "" {
			v["TargetNumber"] = f.Number
		}
		p.phone(f.Media, userCallOutConnected, p.agentOf(f.Agent), v)
	case event.InteractionHeld:
		p.either(f.Ref, userCallInHoldStart, userCallOutHoldStart, p.agentOf(f.Agent), nil)
	case event.InteractionResumed:
		p.either(f.Ref, userCallInHoldEnd, userCallOutHoldEnd, p.agentOf(f.Agent), nil)
	case event.InteractionTransferStarted:
		agent := p.agentOf(f.Agent)
		p.phone(f.Media, userCallInTransferStarted, agent, p.call(f.Ref, p.technical("", values{
			"TransferTarget": p.target(f.TargetKind, f.Target), "TransferSource": text(p.address()), "TransferApplet": text(applets[f.Kind]), "TechSource": text(string(f.TargetKind))})))
	case event.InteractionTransferConnected:
		connected := text(f.Connected)
		if f.Connected == "" {
			connected = p.target(f.TargetKind, f.Target)
		}
		p.phone(f.Media, userCallInTransferConnected, p.agentOf(f.Agent), p.call(f.Ref, p.technical("", values{
			"ConnectedTarget": connected, "TransferSource": text(p.address()), "TransferApplet": text(applets[f.Kind]), "TechSource": text(string(f.TargetKind))})))
	case event.InteractionTransferCancelled:
		p.phone(f.Media, userCallInTransferCancelled, p.agentOf(f.Agent), p.call(f.Ref, p.technical("", values{
			"TransferApplet": text(applets[f.Kind]), "TechSource": text(string(f.TargetKind)), "Reason": text(string(f.Reason)), "DetailedReason": text(f.Detail)})))
	case event.InteractionRedirected:
		p.redirected(&f)
	case event.InteractionSupervisionChanged:
		p.supervised(&f)
	case event.InteractionRecordingReady:
		v := values{"RecordingId": p.guid("recording", f.Recording), "ConversionId": p.guid("conversion", f.Conversion), "UserChannel": channelOf(f.Channel)}
		p.either(f.Ref, userCallInRecordingConverted, userCallOutRecordingConverted, p.agentOf(f.Agent), v)
	case event.InteractionWrapupStarted:
		v := p.wrapUp(f.Ref, f.Agent, f.Queue, f.CallList, f.Callback, f.Wrapup)
		v["MaxWrapUpDurationSec"] = seconds(f.LimitMS)
		p.user(userWrapUpStarted, f.Agent, v)
	case event.InteractionWrapupEnded:
		v := p.wrapUp(f.Ref, f.Agent, f.Queue, f.CallList, f.Callback, f.Wrapup)
		v["Reason"], v["ElapsedTimeSec"] = text(string(f.Reason)), seconds(f.ElapsedMS)
		p.user(userWrapUpTerminated, f.Agent, v)
	case event.InteractionMessage:
		p.phrase(&f)
	case event.InteractionEnded:
		p.ended(&f)
	}
}

var offerEnds = map[event.OfferEndReason]string{event.OfferNoAnswer: "NoAnswer", event.OfferRejected: "UserActivelyDeclined", event.OfferCancelled: "Cancelled"}

var applets = map[event.TransferKind]string{event.TransferConsult: "Consult", event.TransferBlind: "Blind", event.TransferQueue: "Queue"}

// phone adds an event about a user's call; other media make none.
func (p *projection) phone(m event.Media, k *kind, agent string, v values) {
	if m == event.MediaPhone {
		p.user(k, agent, v)
	}
}

// either adds one of two events, as the call came in or went out.
func (p *projection) either(r event.Ref, in, out *kind, agent string, more values) {
	if p.outgoing() {
		in = out
	}
	p.phone(r.Media, in, agent, p.call(r, more))
}

func (p *projection) begun(f *event.InteractionCreated) {
	switch f.Direction {
	case event.DirectionOut:
		p.phone(f.Media, userCallOutGoing, f.Agent, p.call(f.Ref, values{"CallAsNumber": text(f.CallAs)}))
	case event.DirectionIn:
		p.phone(f.Media, userCallInComing, f.Agent, p.call(f.Ref, nil))
	case event.DirectionInternal:
		if p.phone(f.Media, userCallOutGoing, f.Agent, p.call(f.Ref, values{"TargetNumber": text(f.Target), "CallAsNumber": text(f.CallAs)})); f.TargetKind == event.TargetAgent {
			p.phone(f.Media, userCallInComing, f.Target, p.call(f.Ref, nil))
		}
	}
}

func (p *projection) accepted(f *event.InteractionAccepted) {
	if f.Media != event.MediaPhone {
		return
	}
	queue, leg := p.queueOf(f.Queue), ""
	if f.Legs != nil {
		leg = f.Legs.Agent
	}
	if !p.outgoing() {
		p.user(userCallInUserConnected, f.Agent, p.call(f.Ref, values{"AgentLegId": text(leg), "UserNumber": text(f.Address)}))
	}
	if f.WrapupLimitMS > 0 || f.Wrapup != "" {
		v := p.wrapUp(f.Ref, f.Agent, f.Queue, p.created.CallList, "", f.Wrapup)
		v["MaxWrapUpDurationSec"] = seconds(f.WrapupLimitMS)
		p.user(userWrapUpEnabled, f.Agent, v)
	}
	if p.ctx.Agent == nil {
		return
	}
	guid, name := p.names.agent(f.Agent)
	typ := "directcall"
	switch {
	case p.outgoing():
		typ = "callout"
	case queue != "":
		typ = "servicecall"
	}
	for _, supervisor := range p.ctx.Agent.Supervisors {
		over, called := p.names.agent(supervisor)
		v := p.call(f.Ref, values{
			"TargetUserId": guid, "TargetUserName": text(name), "OrganizationId": p.names.org(), "SupervisorUserId": over, "SupervisorUserName": text(called),
			"QueueName": p.queueName(queue), "QueueId": p.queueGUID(queue), "AgentLegId": text(leg), "CallType": typ,
			"SupervisorTerminalNumber": text(p.names.address(supervisor)), "SupervisionCallInNumber": text(p.names.callIn()), "ConnectedToAgentTime": moment{p.at()},
		})
		p.out = append(p.out, told{userCallAvailableForMonitoring, ref{entityUser, supervisor}, over, v})
	}
}

func (p *projection) wrapUp(r event.Ref, agent, queue, list, callback, id string) values {
	if id == "" {
		id = r.Interaction + "/" + agent
	}
	return values{"CallId": p.guid("interaction", r.Interaction), "LegId": text(r.Leg), "QueueId": p.queueGUID(p.queueOf(queue)), "CallListId": p.guid("call_list", list),
		"CallBackId": p.guid("callback", callback), "WrapUpType": wrapUpType, "WrapUpId": p.guid("wrapup", id)}
}

// redirected tells a user whose call goes elsewhere: the user who did not take it, or the
// one whom a queue or a rule sends it to or takes it from.
func (p *projection) redirected(f *event.InteractionRedirected) {
	if f.Agent != "" {
		p.phone(f.Media, userCallInUserOverflow, f.Agent, p.call(f.Ref, values{"Reason": text(f.Reason), "Target": p.target(f.TargetKind, f.Target)}))
		return
	}
	agent := p.agentOf("")
	if f.TargetKind == event.TargetAgent {
		agent = f.Target
	}
	source := "Queue"
	if f.Queue == "" {
		source = "Applet"
	}
	p.phone(f.Media, userCallInOverflow, agent, p.call(f.Ref, p.technical(f.Queue, values{
		"ConnectedTarget": text(f.Connected), "TechSource": source, "OverflowApplet": text(f.Rule), "TechNumber": text(f.Number), "TechEvent": text(f.Detail),
		"OverflowReason": text(f.Reason), "OverflowType": text(f.Overflow),
	})))
}

// supervised tells both the supervisor and the supervised.
func (p *projection) supervised(f *event.InteractionSupervisionChanged) {
	target, name := p.names.agent(f.Agent)
	over, called := p.names.agent(f.Supervisor)
	queue := p.queueOf(f.Queue)
	v := values{"TargetUserId": target, "TargetUserName": text(name), "OrganizationId": p.names.org(), "SupervisorUserId": over, "SupervisorUserName": text(called),
		"QueueName": p.queueName(queue), "QueueId": p.queueGUID(queue), "CallId": p.guid("interaction", f.Interaction), "LegId": text(f.Leg),
		"SupervisorLegId": text(f.SupervisorLeg), "State": supervisions[f.State]}
	p.out = append(p.out, told{userSupervisionStatus, ref{entityUser, f.Supervisor}, over, v}, told{userSupervisionStatus, ref{entityUser, f.Agent}, target, v})
}

// phrase tells everybody who is on the call what was said.
func (p *projection) phrase(f *event.InteractionMessage) {
	if f.Media != event.MediaPhone {
		return
	}
	queue, list := p.queueOf(f.Queue), f.CallList
	if list == "" {
		list = p.created.CallList
	}
	typ := "Unknown"
	switch {
	case queue != "":
		typ = "Queue"
	case list != "":
		typ = "CallList"
	case len(p.ctx.Agents) > 0:
		typ = "User"
	}
	for _, agent := range p.present() {
		p.user(userRealTimeTranscriptPhrase, agent, p.call(f.Ref, values{
			"QueueId": p.queueGUID(queue), "CallListId": p.guid("call_list", list), "SpeakerRole": roles[f.Role], "Phrase": text(f.Text), "Confidence": f.Confidence,
			"Duration": f.DurationMS, "OffsetMilliseconds": f.OffsetMS, "IsIntermediate": f.Interim, "RealtimeType": typ,
		}))
	}
}

// present are the agents on the call, or else the last one.
func (p *projection) present() []string {
	var on []string
	for _, a := range p.ctx.Agents {
		if a.Stage != "over" && a.Stage != "wrap_up" {
			on = append(on, a.ID)
		}
	}
	if len(on) == 0 && p.ctx.Agent != nil {
		on = []string{p.ctx.Agent.ID}
	}
	return on
}

func (p *projection) ended(f *event.InteractionEnded) {
	reason := "remote"
	if f.Initiator == event.InitiatorAgent {
		reason = "local"
	}
	agents := p.present()
	if f.Agent != "" {
		agents = []string{f.Agent}
	}
	for _, agent := range agents {
		p.either(f.Ref, userCallInDisconnected, userCallOutDisconnected, agent, values{
			"Reason": reason, "TechReason": text(f.Detail), "TechQueueId": p.queueGUID(p.queueOf(f.Queue))})
	}
}
