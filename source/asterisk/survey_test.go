package asterisk_test

import (
	"slices"
	"strings"
	"testing"

	"trunkline/source/asterisk"
)

// TestWhatASnapshotTells joins a PBX that is at work, or comes back to one.
func TestWhatASnapshotTells(t *testing.T) {
	const begin = `
		at 100
		banner
		FullyBooted Uptime=1000
		QueueMember Queue=q Name=Alice Location=PJSIP/1 Paused=0
		QueueMember Queue=q Name=Bob Location=Local/2@agents Paused=0
	`
	const cut = `
		at 110
		cut
		at 120
		banner
		FullyBooted Uptime=1020
		QueueMember Queue=q Name=Alice Location=PJSIP/1 Paused=0
		QueueMember Queue=q Name=Bob Location=Local/2@agents Paused=0
	`
	for name, c := range map[string]struct{ script, want string }{
		"a talk of a queue": {begin + `
			QueueStatusComplete
			CoreShowChannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1 BridgeId=b Application=Queue ApplicationData=q,t,,,60 Duration=00:01:00
			CoreShowChannel Channel=PJSIP/1-2 Uniqueid=p-1.2 Linkedid=p-1.1 BridgeId=b Application=AppQueue Duration=00:00:50
			CoreShowChannelsComplete
			AgentComplete Queue=q Interface=PJSIP/1 Uniqueid=p-1.1 DestUniqueid=p-1.2 Reason=caller`, `
			created
			queued q new
			accepted 1 q
			released 1 q normal`},
		"a talk through a Local channel": {begin + `
			QueueStatusComplete
			CoreShowChannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1 BridgeId=b Application=Queue ApplicationData=q Duration=00:01:00
			CoreShowChannel Channel=Local/2@agents-0;1 Uniqueid=p-1.2 Linkedid=p-1.1 BridgeId=b Application=AppQueue Duration=00:00:50
			CoreShowChannelsComplete`, `
			created
			queued q new
			accepted 2@agents q`},
		"a direct call": {begin + `
			QueueStatusComplete
			CoreShowChannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1 BridgeId=b Application=Dial ApplicationData=PJSIP/1 Duration=00:01:00
			CoreShowChannel Channel=PJSIP/1-2 Uniqueid=p-1.2 Linkedid=p-1.1 BridgeId=b Application=AppDial Duration=00:00:50
			CoreShowChannelsComplete`, `
			created
			accepted 1`},
		"a call to the outside": {begin + `
			QueueStatusComplete
			CoreShowChannel Channel=PJSIP/1-1 Uniqueid=p-1.1 Linkedid=p-1.1 BridgeId=b Application=Dial Exten=555 Duration=00:01:00
			CoreShowChannel Channel=PJSIP/trunk-2 Uniqueid=p-1.2 Linkedid=p-1.1 BridgeId=b Application=AppDial Duration=00:00:50
			CoreShowChannelsComplete`, `
			created 1
			accepted 1
			customer_accepted 1`},
		"a phone that rings": {begin + `
			QueueEntry Queue=q Position=1 Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Wait=5
			QueueStatusComplete
			CoreShowChannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1 Application=Queue ApplicationData=q Duration=00:00:06
			CoreShowChannel Channel=PJSIP/1-2 Uniqueid=p-1.2 Linkedid=p-1.1 Application=AppQueue ChannelStateDesc=Ringing Duration=00:00:03
			CoreShowChannelsComplete
			QueueCallerJoin Queue=q Uniqueid=p-1.1 Position=1
			AgentCalled Queue=q Interface=PJSIP/1 Uniqueid=p-1.1 DestUniqueid=p-1.2
			QueueCallerLeave Queue=q Uniqueid=p-1.1
			AgentConnect Queue=q Interface=PJSIP/1 Uniqueid=p-1.1 DestUniqueid=p-1.2`, `
			created
			queued q new
			offered 1 q
			accepted 1 q`},
		"answered during a cut": {begin + `
			QueueStatusComplete
			CoreShowChannelsComplete
			Newchannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1
			QueueCallerJoin Queue=q Uniqueid=p-1.1
			AgentCalled Queue=q Interface=PJSIP/1 Uniqueid=p-1.1 DestUniqueid=p-1.2 DestChannel=PJSIP/1-2 DestLinkedid=p-1.1` + cut + `
			QueueStatusComplete
			CoreShowChannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1 BridgeId=b Application=Queue ApplicationData=q Duration=00:00:20
			CoreShowChannel Channel=PJSIP/1-2 Uniqueid=p-1.2 Linkedid=p-1.1 BridgeId=b Application=AppQueue Duration=00:00:20
			CoreShowChannelsComplete`, `
			created
			queued q new
			offered 1 q
			source.gap
			accepted 1 q
			source.reset resync`},
		"answered and transferred during a cut": {begin + `
			QueueStatusComplete
			CoreShowChannelsComplete
			Newchannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1
			QueueCallerJoin Queue=q Uniqueid=p-1.1` + cut + `
			QueueStatusComplete
			CoreShowChannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1 BridgeId=b Application=Queue ApplicationData=q Duration=00:00:20
			CoreShowChannel Channel=PJSIP/1-2 Uniqueid=p-1.2 Linkedid=p-1.1 BridgeId=b Application=AppDial Duration=00:00:05
			CoreShowChannelsComplete`, `
			created
			queued q new
			source.gap
			dequeued q lost
			accepted 1
			source.reset resync`},
		"being connected at that moment": {begin + `
			QueueStatusComplete
			CoreShowChannelsComplete
			Newchannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1
			QueueCallerJoin Queue=q Uniqueid=p-1.1` + cut + `
			QueueStatusComplete
			CoreShowChannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1 Application=Queue ApplicationData=q Duration=00:00:20
			CoreShowChannelsComplete
			AgentConnect Queue=q Interface=PJSIP/1 Uniqueid=p-1.1 DestUniqueid=p-1.2 DestChannel=PJSIP/1-2 DestLinkedid=p-1.1`, `
			created
			queued q new
			source.gap
			source.reset resync
			accepted 1 q`},
		"hung up before the cut, gone after it": {begin + `
			QueueStatusComplete
			CoreShowChannelsComplete
			Newchannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1
			QueueCallerJoin Queue=q Uniqueid=p-1.1
			HangupRequest Uniqueid=p-1.1` + cut + `
			QueueStatusComplete
			CoreShowChannelsComplete`, `
			created
			queued q new
			source.gap
			dequeued q abandoned
			ended q true none
			source.reset resync`},
		"moved to another queue during a cut": {begin + `
			QueueStatusComplete
			CoreShowChannelsComplete
			Newchannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1
			QueueCallerJoin Queue=q Uniqueid=p-1.1` + cut + `
			QueueEntry Queue=r Position=1 Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Wait=3
			QueueStatusComplete
			CoreShowChannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1 Application=Queue ApplicationData=r Duration=00:00:20
			CoreShowChannelsComplete`, `
			created
			queued q new
			source.gap
			dequeued q lost
			queued r new
			source.reset resync`},
		"an agent who left during a cut": {begin + `
			QueueStatusComplete
			CoreShowChannelsComplete
			Newchannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1
			QueueCallerJoin Queue=q Uniqueid=p-1.1
			AgentConnect Queue=q Interface=PJSIP/1 Uniqueid=p-1.1 DestUniqueid=p-1.2 DestChannel=PJSIP/1-2 DestLinkedid=p-1.1` + cut + `
			QueueStatusComplete
			CoreShowChannel Channel=PJSIP/trunk-1 Uniqueid=p-1.1 Linkedid=p-1.1 Application=Playback Duration=00:00:20
			CoreShowChannelsComplete`, `
			created
			queued q new
			accepted 1 q
			source.gap
			released 1 q true none
			source.reset resync`},
	} {
		t.Run(name, func(t *testing.T) {
			facts := run(t, asterisk.Options{PBX: "p"}, c.script)
			facts = slices.DeleteFunc(facts, func(s said) bool { return strings.HasPrefix(s.fact.EventType(), "agent.") })
			expect(t, steps(facts, "agent", "queue", "lost", "reason"), c.want)
		})
	}
}
