package hub

import (
	"fmt"
	"strings"
)

// Kinds of entities that events are about.
const (
	entityUser     = "User"
	entityQueue    = "Queue"
	entityCallList = "CallList"
)

// organization is the kind of the root of all entities.
const organization = "Organization"

// kind is an event that can be subscribed to.
type kind struct {
	name   string
	entity string
	ttl    int  // seconds; -1: without end
	status bool // a state that later ones replace: its TTL stands in front
	props  []prop
}

// prop is one documented property of an event.
type prop struct {
	name  string
	camel string
	zero  any // what it is when nothing is known; nil is null
}

// Zeros of .NET, for properties that cannot be null.
const zeroGUID = "00000000-0000-0000-0000-000000000000"

// zeros are what a property of a type is when nothing is known of it. Texts are null
// then, as with all types whose letter is followed by a question mark.
var zeros = map[string]any{"guid": zeroGUID, "int": 0, "bool": false, "time": moment{}, "float": 0.0, "text": nil, "list": nil}

// define makes a kind of a list of NAME:TYPE. It is called with constants only.
func define(name, entity string, ttl int, props string) *kind {
	k := &kind{name: name, entity: entity, ttl: ttl, status: ttl > 0}
	for _, field := range strings.Fields(props) {
		p, typ, _ := strings.Cut(field, ":")
		base, null := strings.CutSuffix(typ, "?")
		zero, ok := zeros[base]
		if !ok {
			panic(fmt.Sprintf("hub: property %s of %s has no type", field, name))
		}
		if null {
			zero = nil
		}
		k.props = append(k.props, prop{p, camel(p), zero})
	}
	return k
}

// camel is a property's name as .NET sends it in JSON.
func camel(name string) string { return strings.ToLower(name[:1]) + name[1:] }

const (
	callProps   = "CallId:guid LegId:text UserId:guid OrganizationId:guid "
	numberProps = "CallerNumber:text TargetNumber:text Publicity:int"
	wrapProps   = "OrganizationId:guid CallId:guid? LegId:text UserId:guid QueueId:guid? CallListId:guid? CallBackId:guid? "
)

// The events of the page, in its order.
var (
	userAlert = define("UserAlert", entityUser, -1,
		"AlertId:guid UserId:guid OrganizationId:guid ConditionName:text ConditionValue:text ConditionExpression:text Value:text")
	userAvailability = define("UserAvailability", entityUser, -1,
		"UserId:guid OrganizationId:guid UserName:text ProfileId:guid Availability:text StartTime:time EndTime:time Note:text EventSource:text TransferNumber:text")
	userCallAvailableForMonitoring = define("UserCallAvailableForMonitoring", entityUser, -1,
		"TargetUserId:guid TargetUserName:text OrganizationId:guid SupervisorUserId:guid SupervisorUserName:text QueueName:text QueueId:guid? CallId:guid LegId:text "+
			"AgentLegId:text SupervisorTerminalNumber:text SupervisionCallInNumber:text CallType:text CallerNumber:text ConnectedToAgentTime:time")
	userCallInArrived         = define("UserCallInArrived", entityUser, -1, callProps+"UserName:text "+numberProps)
	userCallInCallbackCreated = define("UserCallInCallbackCreated", entityUser, -1,
		"UserId:guid CallBackId:guid CallListId:guid OrganizationId:guid CallId:guid? LegId:text RecordingId:guid? ContactNumber:text TargetNumber:text ContactMessage:text CreationTime:time")
	userCallInComing       = define("UserCallInComing", entityUser, -1, callProps+"Username:text "+numberProps)
	userCallInDisconnected = define("UserCallInDisconnected", entityUser, -1, callProps+"Username:text Reason:text TechQueueId:guid? TechReason:text "+numberProps)
	userCallInHoldEnd      = define("UserCallInHoldEnd", entityUser, -1, callProps)
	userCallInHoldStart    = define("UserCallInHoldStart", entityUser, -1, callProps)
	userCallInOverflow     = define("UserCallInOverflow", entityUser, -1, callProps+
		"Username:text ConnectedTarget:text TechSource:text TechQueueId:guid TechQueueName:text OverflowApplet:text TechNumber:text TechEvent:text "+
		"CallerNumber:text TargetNumber:text OverflowReason:text OverflowType:text Publicity:int")
	userCallInRecordingConverted = define("UserCallInRecordingConverted", entityUser, -1,
		"CallId:guid OrganizationId:guid UserId:guid RecordingId:guid ConversionId:guid UserChannel:int?")
	userCallInTransferCancelled = define("UserCallInTransferCancelled", entityUser, -1, callProps+
		"Username:text TechQueueId:guid TechQueueName:text TransferApplet:text TechSource:text Reason:text DetailedReason:text "+numberProps)
	userCallInTransferConnected = define("UserCallInTransferConnected", entityUser, -1, callProps+
		"Username:text ConnectedTarget:text TransferSource:text TechQueueId:guid TechQueueName:text TransferApplet:text TechSource:text "+numberProps)
	userCallInTransferStarted = define("UserCallInTransferStarted", entityUser, -1, callProps+
		"Username:text TransferTarget:text TransferSource:text TechQueueId:guid TechQueueName:text TransferApplet:text TechSource:text "+numberProps)
	userCallInUserAllocated = define("UserCallInUserAllocated", entityUser, -1, callProps+"UserName:text UserNumber:text DetailedReason:text "+numberProps)
	userCallInUserCancelled = define("UserCallInUserCancelled", entityUser, -1, callProps+"UserName:text Reason:text DetailedReason:text "+numberProps)
	userCallInUserConnected = define("UserCallInUserConnected", entityUser, -1,
		"CallId:guid LegId:text AgentLegId:text UserId:guid OrganizationId:guid UserName:text UserNumber:text "+numberProps)
	userCallInUserOverflow        = define("UserCallInUserOverflow", entityUser, -1, callProps+"Username:text Reason:text Target:text "+numberProps)
	userCallOutConnected          = define("UserCallOutConnected", entityUser, -1, callProps+"UserName:text "+numberProps)
	userCallOutDisconnected       = define("UserCallOutDisconnected", entityUser, -1, callProps+"UserName:text Reason:text TechReason:text "+numberProps)
	userCallOutGoing              = define("UserCallOutGoing", entityUser, -1, callProps+"UserName:text CallerNumber:text TargetNumber:text CallAsNumber:text Publicity:int")
	userCallOutHoldEnd            = define("UserCallOutHoldEnd", entityUser, -1, callProps)
	userCallOutHoldStart          = define("UserCallOutHoldStart", entityUser, -1, callProps)
	userCallOutRecordingConverted = define("UserCallOutRecordingConverted", entityUser, -1,
		"CallId:guid OrganizationId:guid UserId:guid RecordingId:guid ConversionId:guid UserChannel:int?")
	userRealTimeTranscriptPhrase = define("UserRealTimeTranscriptPhrase", entityUser, -1, callProps+
		"QueueId:guid? CallListId:guid? SpeakerRole:int Phrase:text Confidence:float Duration:int OffsetMilliseconds:int IsIntermediate:bool RealtimeType:text")
	userSetting = define("UserSetting", entityUser, -1,
		"UserId:guid OrganizationId:guid Keyword:text Value:text Values:list? AllowedValues:list? Deleted:bool Level:text")
	userStatus = define("UserStatus", entityUser, 60,
		"UserId:guid OrganizationId:guid CanBeAllocatedTo:bool Talking:bool TalkingStatusChanged:time? ActiveQueueId:guid? ActiveCallListId:guid? Available:bool "+
			"Schedule:bool Serving:bool ServiceTerminals:int ActiveQueues:int ParkedCalls:int WrapUpStart:time? WrapUpEnd:time? ServingCallback:bool FetchMode:bool "+
			"Note:text AvailabilityStatus:text")
	userSupervisionStatus = define("UserSupervisionStatus", entityUser, -1,
		"TargetUserId:guid TargetUserName:text OrganizationId:guid SupervisorUserId:guid SupervisorUserName:text QueueName:text QueueId:guid? CallId:guid LegId:text "+
			"SupervisorLegId:text State:int")
	userTerminalStatus = define("UserTerminalStatus", entityUser, -1,
		"UserId:guid OrganizationId:guid Silo:text Session:text Expires:time TerminalType:text TerminalStatus:text")
	userWrapUpEnabled         = define("UserWrapUpEnabled", entityUser, -1, wrapProps+"MaxWrapUpDurationSec:int WrapUpType:text WrapUpId:guid")
	userWrapUpRequestInitiate = define("UserWrapUpRequestInitiate", entityUser, -1,
		"AllowWithoutCall:int CallBackId:guid? CallBackListId:guid? CallId:guid? LegId:text MaxWrapUpTimeSec:int OrganizationId:guid QueueId:guid? UserId:guid WrapUpId:guid")
	userWrapUpRequestTerminate = define("UserWrapUpRequestTerminate", entityUser, -1, "UserId:guid OrganizationId:guid Reason:text WrapUpId:guid?")
	userWrapUpStarted          = define("UserWrapUpStarted", entityUser, -1, wrapProps+"MaxWrapUpDurationSec:int WrapUpType:text WrapUpId:guid")
	userWrapUpTerminated       = define("UserWrapUpTerminated", entityUser, -1, wrapProps+"Reason:text ElapsedTimeSec:int WrapUpType:text WrapUpId:guid")
	queueStatus                = define("QueueStatus", entityQueue, 60,
		"QueueId:guid OrganizationId:guid QueueName:text NbrOfProviders:int NbrOfRequesters:int NbrOfServingAgentsEstimate:int NbrOfAllocated:int NbrOfConnected:int "+
			"NbrOfQueuingRequesters:int NbrOfNotServedRequesters:int NbrOfAgentsLongTermAway:int NbrOfAgentsShortTermAway:int NbrOfAgentsImmediatelyFree:int "+
			"NbrOfAgentsCheckedInQueue:int NbrOfAgentsOnWrapUp:int NbrOfAgentsOnFetchMode:int MaxWaitTime:int OpenStatus:int")
	callbackChanged = define("CallbackChanged", entityCallList, 120,
		"CallBackId:guid CallListId:guid OrganizationId:guid Modified:time AssignedUserId:guid? LastAttemptUserId:guid? LastModifiedUserId:guid? LastAttemptTypeId:int? "+
			"ContactName:text ContactNumber:text ContactMessage:text Note:text QueueId:guid? ChannelIn:text CreationTime:time Created:bool IsClosed:bool RecordingId:guid? "+
			"TypeId:int DueDate:time? CallId:guid? TranscriptId:guid? ClassificationId:guid? ExpiryDate:time? LastAttemptTimestamp:time? LastAttemptNote:text "+
			"CalculatedPriority:text NotBefore:time? CallbackAttempts:list? CallbackExtras:list? CallbackRelatedItems:list?")
)

// kinds are all events, in the order of the page.
var kinds = []*kind{
	userAlert, userAvailability, userCallAvailableForMonitoring, userCallInArrived, userCallInCallbackCreated, userCallInComing, userCallInDisconnected,
	userCallInHoldEnd, userCallInHoldStart, userCallInOverflow, userCallInRecordingConverted, userCallInTransferCancelled, userCallInTransferConnected,
	userCallInTransferStarted, userCallInUserAllocated, userCallInUserCancelled, userCallInUserConnected, userCallInUserOverflow, userCallOutConnected,
	userCallOutDisconnected, userCallOutGoing, userCallOutHoldEnd, userCallOutHoldStart, userCallOutRecordingConverted, userRealTimeTranscriptPhrase,
	userSetting, userStatus, userSupervisionStatus, userTerminalStatus, userWrapUpEnabled, userWrapUpRequestInitiate, userWrapUpRequestTerminate,
	userWrapUpStarted, userWrapUpTerminated, queueStatus, callbackChanged,
}

// statusOf are the events that tell what holds of an entity, in place of what has happened.
var statusOf = map[string]*kind{entityUser: userStatus, entityQueue: queueStatus}

// kindNamed finds an event by its name in any case; nil: there is none. The heading
// UserTerminalStatusEvent of the page is another name of UserTerminalStatus.
func kindNamed(name string) *kind {
	for _, k := range kinds {
		if strings.EqualFold(k.name, name) {
			return k
		}
	}
	if strings.EqualFold(name, "UserTerminalStatusEvent") {
		return userTerminalStatus
	}
	return nil
}
