package freeswitch_test

import (
	"strings"
	"testing"

	"trunkline/event"
	"trunkline/source/freeswitch"
)

const agents = `list name|contact|status|state; 1001@d|[leg_timeout=6]user/1001@d|Available|Waiting; 1002@d|user/1002@d|Available|Waiting; +OK
`

const callerComes = `
CHANNEL_CREATE id=c1 dir=inbound name=sofia/ext/trunk@10.0.0.9 from=555 to=600
cc member-queue-start Queue=support Member-UUID=m1 Member-Session-UUID=c1
`

const answered = callerComes + `
at 1
cc agent-offering Queue=support Agent=1001@d Member-UUID=m1 Member-Session-UUID=c1
CHANNEL_CREATE id=a1 dir=outbound name=sofia/int/1001@10.0.0.1 variable_cc_side=agent variable_cc_agent=1001@d variable_cc_member_session_uuid=c1
at 3
cc bridge-agent-start Queue=support Agent=1001@d Agent-UUID=a1 Member-UUID=m1 Member-Session-UUID=c1
`

var scenarios = []struct{ name, fields, script, want string }{
	{"a caller leaves by key", "reason waited_ms initiator", callerComes + `
		at 5
		cc member-queue-end Queue=support Cause=Cancel Cancel-Reason=EXIT_WITH_KEY Member-UUID=m1 Member-Session-UUID=c1
		CHANNEL_HANGUP_COMPLETE id=c1 cause=NORMAL_CLEARING by=send_bye`,
		`created
		queued new
		dequeued key 5000
		ended normal system`},
	{"nobody serves the queue", "reason", callerComes + `
		cc member-queue-end Queue=support Cause=Cancel Cancel-Reason=NO_AGENT_TIMEOUT Member-UUID=m1 Member-Session-UUID=c1
		CHANNEL_HANGUP_COMPLETE id=c1 cause=NORMAL_CLEARING by=send_bye`,
		`created
		queued new
		dequeued overflow
		ended normal`},
	{"a time-out leads to another queue", "queue reason target", callerComes + `
		cc member-queue-end Queue=support Cause=Cancel Cancel-Reason=TIMEOUT Member-UUID=m1 Member-Session-UUID=c1
		cc member-queue-start Queue=sales Member-UUID=m2 Member-Session-UUID=c1
		cc member-queue-end Queue=sales Cause=Cancel Cancel-Reason=BREAK_OUT Member-UUID=m2 Member-Session-UUID=c1
		CHANNEL_HANGUP_COMPLETE id=c1 cause=NORMAL_CLEARING by=recv_bye`,
		`created
		queued support new
		dequeued support timeout
		redirected support timeout sales
		queued sales overflow
		dequeued sales abandoned
		ended sales normal`},
	{"a waiting caller is moved elsewhere", "reason waited_ms", callerComes + `
		at 4
		cc member-queue-end Queue=support Cause=Cancel Cancel-Reason=BREAK_OUT Member-UUID=m1 Member-Session-UUID=c1
		at 7
		HEARTBEAT
		at 9
		CHANNEL_HANGUP_COMPLETE id=c1 cause=NORMAL_CLEARING by=recv_bye`,
		`created
		queued new
		dequeued transferred 4000
		ended normal`},
	{"a waiting caller is moved to another queue", "queue reason", callerComes + `
		cc member-queue-end Queue=support Cause=Cancel Cancel-Reason=BREAK_OUT Member-UUID=m1 Member-Session-UUID=c1
		cc member-queue-start Queue=sales Member-UUID=m2 Member-Session-UUID=c1`,
		`created
		queued support new
		dequeued support transferred
		queued sales transfer`},
	{"all phones ring", "agent reason detail", agents + callerComes + `
		cc agent-offering Queue=support Agent=1001@d Member-UUID=m1 Member-Session-UUID=c1
		cc agent-offering Queue=support Agent=1002@d Member-UUID=m1 Member-Session-UUID=c1
		at 2
		cc bridge-agent-start Queue=support Agent=1002@d Agent-UUID=a2 Member-UUID=m1 Member-Session-UUID=c1
		cc bridge-agent-fail Queue=support Agent=1001@d Hangup-Cause=LOSE_RACE Member-UUID=m1 Member-Session-UUID=c1`,
		`agent.status_changed 1001@d
		agent.status_changed 1002@d
		created
		queued new
		offered 1001@d
		offered 1002@d
		accepted 1002@d
		offer_ended 1001@d cancelled LOSE_RACE`},
	{"a caller gives up while a phone rings", "agent reason", callerComes + `
		cc agent-offering Queue=support Agent=1001@d Member-UUID=m1 Member-Session-UUID=c1
		CHANNEL_CREATE id=a1 dir=outbound variable_cc_side=agent variable_cc_agent=1001@d variable_cc_member_session_uuid=c1
		cc member-queue-end Queue=support Cause=Cancel Cancel-Reason=BREAK_OUT Member-UUID=m1 Member-Session-UUID=c1
		CHANNEL_HANGUP_COMPLETE id=c1 cause=ORIGINATOR_CANCEL by=recv_cancel
		CHANNEL_HANGUP_COMPLETE id=a1 cause=ORIGINATOR_CANCEL by=send_cancel
		cc bridge-agent-fail Queue=support Agent=1001@d Hangup-Cause=ORIGINATOR_CANCEL Member-UUID=m1 Member-Session-UUID=c1
		cc agent-state-change Agent=1001@d Agent-State=Waiting`,
		`created
		queued new
		offered 1001@d
		offer_ended 1001@d cancelled
		dequeued abandoned
		ended cancelled`},
	{"an end that was not seen ends with the agent's next state", "agent reason", callerComes + `
		cc agent-offering Queue=support Agent=1001@d Member-UUID=m1 Member-Session-UUID=c1
		cc agent-state-change Agent=1001@d Agent-State=Waiting`,
		`created
		queued new
		offered 1001@d
		offer_ended 1001@d cancelled`},
	{"the agent hangs up and the caller goes on to a survey", "initiator reason talk_ms", answered + `
		at 10
		CHANNEL_HANGUP_COMPLETE id=a1 cause=NORMAL_CLEARING by=recv_bye
		cc bridge-agent-end Queue=support Agent=1001@d Member-UUID=m1 Member-Session-UUID=c1
		cc member-queue-end Queue=support Cause=Terminated Agent=1001@d Member-UUID=m1 Member-Session-UUID=c1
		at 30
		CHANNEL_HANGUP_COMPLETE id=c1 cause=NORMAL_CLEARING by=recv_bye`,
		`created
		queued new
		offered
		accepted
		released agent normal 7000
		ended customer normal`},
	{"the end of a talk before the hang-ups", "initiator reason talk_ms", answered + `
		at 10
		cc bridge-agent-end Queue=support Agent=1001@d Member-UUID=m1 Member-Session-UUID=c1
		CHANNEL_HANGUP_COMPLETE id=a1 cause=NORMAL_CLEARING by=send_bye
		CHANNEL_HANGUP_COMPLETE id=c1 cause=NORMAL_CLEARING by=recv_bye`,
		`created
		queued new
		offered
		accepted
		released system normal 7000
		ended customer normal`},
	{"hold without a pair", "held_ms", answered + `
		CHANNEL_UNHOLD id=a1
		CHANNEL_HOLD id=c1
		at 5
		CHANNEL_HOLD id=a1
		CHANNEL_HOLD id=a1
		at 8
		CHANNEL_UNHOLD id=a1
		CHANNEL_UNHOLD id=a1`,
		`created
		queued
		offered
		accepted
		held
		resumed 3000`},
	{"an orderly stop marks what it ends", "reason suspect initiator", answered + `
		CHANNEL_CREATE id=c2 dir=inbound from=556 to=600
		cc member-queue-start Queue=support Member-UUID=m2 Member-Session-UUID=c2
		at 9
		cc member-queue-end Queue=support Cause=Cancel Cancel-Reason=BREAK_OUT Member-UUID=m2 Member-Session-UUID=c2
		CHANNEL_HANGUP_COMPLETE id=c2 cause=SYSTEM_SHUTDOWN by=send_bye
		CHANNEL_HANGUP_COMPLETE id=a1 cause=SYSTEM_SHUTDOWN by=send_bye
		CHANNEL_HANGUP_COMPLETE id=c1 cause=SYSTEM_SHUTDOWN by=send_bye
		SHUTDOWN`,
		`created
		queued new
		offered
		accepted
		created
		queued new
		dequeued abandoned true
		ended failed true system
		released failed true system
		ended failed true system`},
	{"another core after a crash", "reason lost", answered + `
		CHANNEL_CREATE id=c2 dir=inbound from=556 to=600
		cc member-queue-start Queue=support Member-UUID=m2 Member-Session-UUID=c2
		cut
		at 20
		greet
		core ` + coreB + `
		HEARTBEAT`,
		`created
		queued new
		offered
		accepted
		created
		queued new
		released none true
		ended none true
		dequeued lost
		ended none true
		source.reset crash`},
	{"the same core after a break", "missing", answered + `
		cut
		at 20
		greet
		HEARTBEAT`,
		`created
		queued
		offered
		accepted
		source.gap events while disconnected`},
	{"calls that began before the login, without a list", "reason waited_ms talk_ms", `
		at 100
		cc bridge-agent-start Queue=support Agent=1001@d Agent-UUID=a1 Member-UUID=m1 Member-Session-UUID=c1 Member-Joined-Time=1800000090
		at 110
		cc member-queue-end Queue=support Cause=Terminated Agent=1002@d Agent-Answered-Time=1800000080 Member-Joined-Time=1800000070 Member-UUID=m2 Member-Session-UUID=c2
		cc member-queue-end Queue=support Cause=Cancel Cancel-Reason=TIMEOUT Member-Joined-Time=1800000050 Member-UUID=m3 Member-Session-UUID=c3`,
		`created
		queued new
		accepted 10000
		created
		queued new
		accepted 10000
		released normal 30000
		ended none
		created
		queued new
		dequeued timeout 60000
		ended none`},
	{"a rejected offer from before the login", "agent reason rang_ms", `
		at 100
		cc bridge-agent-fail Queue=support Agent=1001@d Hangup-Cause=USER_BUSY Agent-Called-Time=1800000097 Member-Joined-Time=1800000090 Member-UUID=m1 Member-Session-UUID=c1`,
		`created
		queued new
		offered 1001@d
		offer_ended 1001@d rejected 3000`},
	{"a status that was overtaken, and an event that comes twice", "presence", `
		cc agent-status-change Agent=1001@d Agent-Status=Available seq=10
		cc agent-status-change Agent=1001@d Agent-Status=On_Break seq=12
		cc agent-status-change Agent=1001@d Agent-Status=Available seq=11
		cc agent-status-change Agent=1001@d Agent-Status=Logged_Out seq=13
		cc agent-status-change Agent=1001@d Agent-Status=On_Break seq=12
		cc agent-status-change Agent=1001@d Agent-Status=Available_(On_Demand) seq=14`,
		`agent.status_changed available
		agent.status_changed break
		agent.status_changed logged_out
		agent.status_changed available`},
	{"the queue's state is another axis than the person's status", "presence serving", `
		cc agent-status-change Agent=1001@d Agent-Status=Available
		cc agent-state-change Agent=1001@d Agent-State=Idle
		cc agent-state-change Agent=1001@d Agent-State=Idle
		cc agent-state-change Agent=1001@d Agent-State=Waiting`,
		`agent.status_changed available
		agent.mode_changed false
		agent.mode_changed true`},
	{"an agent rings a customer", "direction agent dialled number reason", agents + `
		CHANNEL_CREATE id=x1 dir=inbound name=sofia/int/1001@10.0.0.1 from=1001 to=0201234
		CHANNEL_CREATE id=x2 dir=outbound name=sofia/gateway/carrier/0201234 to=0201234 other=x1 Other-Type=originator
		at 2
		CHANNEL_ANSWER id=x2
		at 9
		CHANNEL_HANGUP_COMPLETE id=x2 cause=NORMAL_CLEARING by=recv_bye
		CHANNEL_HANGUP_COMPLETE id=x1 cause=NORMAL_CLEARING by=send_bye`,
		`agent.status_changed 1001@d
		agent.status_changed 1002@d
		created out 1001@d 0201234
		accepted 1001@d
		customer_accepted 1001@d 0201234
		released 1001@d normal
		ended 1001@d normal`},
	{"an agent rings a colleague who does not answer", "direction agent reason rang_ms", agents + `
		CHANNEL_CREATE id=x1 dir=inbound name=sofia/int/1001@10.0.0.1 from=1001 to=1002
		CHANNEL_CREATE id=x2 dir=outbound name=sofia/int/1002@10.0.0.2 to=1002 variable_originator=x1
		at 20
		CHANNEL_HANGUP_COMPLETE id=x2 cause=NO_ANSWER by=send_cancel
		CHANNEL_HANGUP_COMPLETE id=x1 cause=NO_ANSWER by=send_refuse`,
		`agent.status_changed 1001@d
		agent.status_changed 1002@d
		created internal 1001@d
		offered 1002@d
		offer_ended 1002@d no_answer 20000
		ended no_answer`},
	{"a call comes to an agent directly", "direction agent reason", agents + `
		CHANNEL_CREATE id=c1 dir=inbound name=sofia/ext/trunk@10.0.0.9 from=555 to=1001
		CHANNEL_CREATE id=x2 dir=outbound name=sofia/int/1001@10.0.0.1 to=1001 other=c1 Other-Type=originator
		CHANNEL_ANSWER id=x2
		at 9
		CHANNEL_HANGUP_COMPLETE id=x2 cause=NORMAL_CLEARING by=send_bye
		CHANNEL_HANGUP_COMPLETE id=c1 cause=NORMAL_CLEARING by=recv_bye`,
		`agent.status_changed 1001@d
		agent.status_changed 1002@d
		created in
		offered 1001@d
		accepted 1001@d
		released 1001@d normal
		ended 1001@d normal`},
	{"a program rings both and joins them", "direction agent", agents + `
		CHANNEL_CREATE id=x1 dir=outbound name=sofia/gateway/carrier/0201234 to=0201234
		CHANNEL_CREATE id=x2 dir=outbound name=sofia/int/1001@10.0.0.1 to=1001
		CHANNEL_BRIDGE id=x1 other=x2
		CHANNEL_HANGUP_COMPLETE id=x2 cause=NORMAL_CLEARING by=recv_bye
		CHANNEL_HANGUP_COMPLETE id=x1 cause=NORMAL_CLEARING by=send_bye`,
		`agent.status_changed 1001@d
		agent.status_changed 1002@d
		created out
		accepted 1001@d
		released 1001@d
		ended 1001@d`},
	{"events come late for a while", "missing lag_ms", `
		HEARTBEAT
		late 15s
		at 20
		HEARTBEAT
		at 40
		HEARTBEAT
		late 1s
		at 60
		HEARTBEAT`,
		`source.gap nothing yet, but events come late 15000`},
}

func TestScenarios(t *testing.T) {
	for _, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			facts := run(t, freeswitch.Options{}, c.script)
			expect(t, steps(facts, strings.Fields(c.fields)...), c.want)
			ids := make(map[string]bool)
			for _, s := range facts {
				if _, err := event.Encode(s.meta, s.fact); err != nil || ids[s.meta.ID] {
					t.Errorf("%v: %v, or its id is there twice", s, err)
				}
				ids[s.meta.ID] = true
			}
		})
	}
}

// TestListsSayWhatEventsDoNot: agents and tiers that are deleted have no event.
func TestListsSayWhatEventsDoNot(t *testing.T) {
	facts := run(t, freeswitch.Options{Whole: true}, agents+`
		HEARTBEAT
		list name|strategy|max_wait_time; support|ring-all|40; sales|ring-all|0; +OK
		list queue|agent|state|level|position; support|1001@d|Ready|1|1; sales|1001@d|Ready|1|1; +OK
		list name|strategy|max_wait_time; support|ring-all|40; +OK
		list queue|agent|state|level|position; support|1001@d|Ready|2|1; +OK
		list name|contact|status|state; 1001@d|user/2001@d|On Break|Waiting; +OK
		list name|contact|status|state; +OK`)
	var got []string
	for _, s := range facts {
		switch f := s.fact.(type) {
		case event.AgentProvisioned:
			word := f.Agent + " " + string(f.Change)
			if f.Queue != nil {
				word += " " + f.Queue.ID
			}
			got = append(got, word)
		case event.AgentStatusChanged:
			got = append(got, f.Agent+" "+string(f.Presence))
		case event.QueueConfigured:
			word := "queue " + f.Queue
			if f.Removed {
				word += " removed"
			}
			got = append(got, word)
		}
	}
	expect(t, strings.Join(got, "\n"), `
		1001@d created
		1001@d available
		1002@d created
		1002@d available
		queue support
		queue sales
		1001@d queue_added support
		1001@d queue_added sales
		queue sales removed
		1001@d queue_changed support
		1001@d queue_removed sales
		1001@d updated
		1001@d break
		1002@d logged_out
		1002@d deleted
		1001@d queue_removed support
		1001@d logged_out
		1001@d deleted`)
}

// TestPartialListsRemoveNothing: a capture may hold the answer to a question
// about one agent.
func TestPartialListsRemoveNothing(t *testing.T) {
	facts := run(t, freeswitch.Options{}, agents+`
		HEARTBEAT
		list name|contact|status|state; 1001@d|user/1001@d|On Break|Waiting; +OK`)
	expect(t, steps(facts, "agent", "presence"), `
		agent.status_changed 1001@d available
		agent.status_changed 1002@d available
		agent.status_changed 1001@d break`)
}

// TestChannelsWithBarsInTheirTexts: the list of channels has dial strings in it.
func TestChannelsWithBarsInTheirTexts(t *testing.T) {
	for _, delim := range []string{"|", "~|~"} {
		list := strings.ReplaceAll(`list uuid^direction^created^created_epoch^name^state^cid_name^cid_num^ip_addr^dest^application^application_data^call_uuid; `+
			`c1^inbound^x^1799999990^sofia/ext/trunk@10.0.0.9^CS_EXECUTE^Ann^555^10.0.0.9^600^bridge^user/1001|user/1002^c1; ; 1 total.`, "^", delim)
		facts := run(t, freeswitch.Options{}, callerComes+list+`
			at 8
			HEARTBEAT
			at 20
			`+list+`
			at 30
			HEARTBEAT`)
		expect(t, steps(facts, "reason"), `
			created
			queued new
			source.reset resync`)
	}
}

// TestWhatIsMissingIsLostALittleLater gives events on their way a chance.
func TestWhatIsMissingIsLostALittleLater(t *testing.T) {
	text := answered + `
		at 20
		list 0 total.
		`
	expect(t, steps(run(t, freeswitch.Options{}, text+`
		at 21
		CHANNEL_HANGUP_COMPLETE id=a1 cause=NORMAL_CLEARING by=recv_bye
		CHANNEL_HANGUP_COMPLETE id=c1 cause=NORMAL_CLEARING by=send_bye
		at 30
		pass`), "lost", "reason"), `
		created
		queued new
		offered
		accepted
		released normal
		ended normal
		source.reset resync`)
	expect(t, steps(run(t, freeswitch.Options{}, text+`
		at 30
		pass`), "lost", "reason"), `
		created
		queued new
		offered
		accepted
		released true none
		ended true none
		source.reset resync`)
}
