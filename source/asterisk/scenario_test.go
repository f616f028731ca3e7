package asterisk_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/event"
	"trunkline/source/asterisk"
)

const members = `
QueueMember Queue=q Name=Alice Location=PJSIP/1 StateInterface=PJSIP/1 Status=1 Paused=0
QueueMember Queue=q Name=Bob Location=PJSIP/2 StateInterface=PJSIP/2 Status=1 Paused=0
`

func onlyCalls(facts []said) (list []said) {
	for _, s := range facts {
		if strings.HasPrefix(s.fact.EventType(), "interaction.") {
			list = append(list, s)
		}
	}
	return list
}

func TestAttendedTransfer(t *testing.T) {
	facts := onlyCalls(run(t, asterisk.Options{PBX: "p"}, members+`
		Newchannel Channel=PJSIP/trunk-01 Uniqueid=p-1.1 Linkedid=p-1.1 Exten=600
		QueueCallerJoin Channel=PJSIP/trunk-01 Uniqueid=p-1.1 Linkedid=p-1.1 Queue=q Position=1
		Newchannel Channel=PJSIP/1-02 Uniqueid=p-1.2 Linkedid=p-1.1 Exten=s
		AgentCalled Uniqueid=p-1.1 DestUniqueid=p-1.2 Queue=q Interface=PJSIP/1 MemberName=Alice
		at 2
		QueueCallerLeave Uniqueid=p-1.1 Queue=q Position=1
		AgentConnect Uniqueid=p-1.1 DestUniqueid=p-1.2 Queue=q Interface=PJSIP/1 MemberName=Alice
		Hold Uniqueid=p-1.2
		at 3
		Newchannel Channel=PJSIP/1-03 Uniqueid=p-1.3 Linkedid=p-1.3 Exten=2
		Newchannel Channel=PJSIP/2-04 Uniqueid=p-1.4 Linkedid=p-1.3 Exten=s
		DialBegin Uniqueid=p-1.3 DestUniqueid=p-1.4
		at 4
		DialEnd Uniqueid=p-1.3 DestUniqueid=p-1.4 DialStatus=ANSWER
		at 5
		AttendedTransfer Result=Success OrigTransfererUniqueid=p-1.2 SecondTransfererUniqueid=p-1.3 DestType=Bridge
		AgentComplete Uniqueid=p-1.1 DestUniqueid=p-1.2 Queue=q Interface=PJSIP/1 Reason=transfer
		Hangup Uniqueid=p-1.2 Cause=16
		Hangup Uniqueid=p-1.3 Cause=16
		at 9
		HangupRequest Uniqueid=p-1.1 Cause=16
		Hangup Uniqueid=p-1.4 Cause=16
		Hangup Uniqueid=p-1.1 Cause=16
	`))
	expect(t, steps(facts, "interaction", "parent", "agent", "target", "talk_ms"), `
		created p-0-1.1
		queued p-0-1.1
		offered p-0-1.1 1
		accepted p-0-1.1 1
		held p-0-1.1 1
		created p-0-1.3 p-0-1.1 1
		offered p-0-1.3 2
		accepted p-0-1.3 2
		transfer_requested p-0-1.1 1 2
		transfer_connected p-0-1.1 1 2
		released p-0-1.3 2 1000
		leg_connected p-0-1.1 2
		released p-0-1.1 1 3000
		ended p-0-1.3 2
		released p-0-1.1 2 4000
		ended p-0-1.1 2
	`)
	if open := stillOpen(t, facts); len(open) > 0 {
		t.Errorf("still open: %v", open)
	}
}

func TestBlindTransferToAQueue(t *testing.T) {
	facts := onlyCalls(run(t, asterisk.Options{PBX: "p"}, members+`
		Newchannel Channel=PJSIP/trunk-01 Uniqueid=p-1.1 Linkedid=p-1.1 Exten=600
		QueueCallerJoin Uniqueid=p-1.1 Queue=q
		AgentConnect Uniqueid=p-1.1 Channel=PJSIP/trunk-01 Linkedid=p-1.1 DestUniqueid=p-1.2 DestChannel=PJSIP/1-02 DestLinkedid=p-1.1 Queue=q Interface=PJSIP/1
		at 3
		BlindTransfer Result=Success TransfererUniqueid=p-1.2 TransfereeUniqueid=p-1.1 Extension=700
		AgentComplete Uniqueid=p-1.1 DestUniqueid=p-1.2 Queue=q Interface=PJSIP/1 Reason=transfer
		Hangup Uniqueid=p-1.2 Cause=16
		QueueCallerJoin Uniqueid=p-1.1 Queue=sales
		at 5
		HangupRequest Uniqueid=p-1.1
		QueueCallerAbandon Uniqueid=p-1.1 Queue=sales
		QueueCallerLeave Uniqueid=p-1.1 Queue=sales
		Hangup Uniqueid=p-1.1 Cause=0
	`))
	expect(t, steps(facts, "queue", "reason", "connected", "initiator"), `
		created
		queued q new
		accepted q
		transfer_started
		transfer_requested
		released q normal agent
		transfer_connected sales
		queued sales transfer
		dequeued sales abandoned
		ended sales normal customer
	`)
}

func TestBlindTransferThatNobodyAnswers(t *testing.T) {
	facts := onlyCalls(run(t, asterisk.Options{PBX: "p"}, members+`
		Newchannel Channel=PJSIP/trunk-01 Uniqueid=p-1.1 Linkedid=p-1.1 Exten=600
		Newchannel Channel=PJSIP/1-02 Uniqueid=p-1.2 Linkedid=p-1.1
		DialBegin Uniqueid=p-1.1 DestUniqueid=p-1.2
		DialEnd Uniqueid=p-1.1 DestUniqueid=p-1.2 DialStatus=ANSWER
		BlindTransfer Result=Success TransfererUniqueid=p-1.2 Extension=2
		Hangup Uniqueid=p-1.2 Cause=16
		Newchannel Channel=PJSIP/2-03 Uniqueid=p-1.3 Linkedid=p-1.1
		at 1
		DialBegin Uniqueid=p-1.1 DestUniqueid=p-1.3
		at 9
		DialEnd Uniqueid=p-1.1 DestUniqueid=p-1.3 DialStatus=NOANSWER
		Hangup Uniqueid=p-1.3 Cause=0
		Hangup Uniqueid=p-1.1 Cause=16
	`))
	expect(t, steps(facts, "agent", "reason", "rang_ms"), `
		created
		offered 1
		accepted 1
		transfer_started 1
		transfer_requested 1
		released 1 normal
		offered 2
		offer_ended 2 no_answer 8000
		transfer_cancelled 1 no_answer
		ended 1 normal
	`)
}

func TestLocalChannelsThatAsteriskOptimisesAway(t *testing.T) {
	facts := onlyCalls(run(t, asterisk.Options{PBX: "p"}, `
		QueueMember Queue=q Name=Alice Location=Local/1@a/n StateInterface=PJSIP/1 Status=1 Paused=0
		Newchannel Channel=PJSIP/trunk-01 Uniqueid=p-1.1 Linkedid=p-1.1 Exten=600
		QueueCallerJoin Uniqueid=p-1.1 Queue=q
		Newchannel Channel=Local/1@a-01;1 Uniqueid=p-1.2 Linkedid=p-1.1
		Newchannel Channel=Local/1@a-01;2 Uniqueid=p-1.3 Linkedid=p-1.1
		AgentCalled Uniqueid=p-1.1 DestUniqueid=p-1.2 Queue=q Interface=Local/1@a/n
		Newchannel Channel=PJSIP/1-02 Uniqueid=p-1.4 Linkedid=p-1.1
		DialBegin Uniqueid=p-1.3 DestUniqueid=p-1.4
		at 2
		DialEnd Uniqueid=p-1.3 DestUniqueid=p-1.4 DialStatus=ANSWER
		QueueCallerLeave Uniqueid=p-1.1 Queue=q
		AgentConnect Uniqueid=p-1.1 DestUniqueid=p-1.2 Queue=q Interface=Local/1@a/n
		Hangup Uniqueid=p-1.2 Cause=16
		Hangup Uniqueid=p-1.3 Cause=16
		at 5
		Hold Uniqueid=p-1.4
		at 8
		AgentComplete DestUniqueid=p-1.2 Queue=q Interface=Local/1@a/n Reason=caller
		Hangup Uniqueid=p-1.4 Cause=16
		Hangup Uniqueid=p-1.1 Cause=16
	`))
	expect(t, steps(facts, "agent", "talk_ms", "initiator"), `
		created
		queued
		offered 1@a
		accepted 1@a
		held 1@a
		released 1@a 6000 customer
		ended 1@a system
	`)
}

func TestDirectCallThatIsBusy(t *testing.T) {
	facts := onlyCalls(run(t, asterisk.Options{PBX: "p"}, members+`
		Newchannel Channel=PJSIP/1-01 Uniqueid=p-1.1 Linkedid=p-1.1 Exten=2
		Newchannel Channel=PJSIP/2-02 Uniqueid=p-1.2 Linkedid=p-1.1
		at 1
		DialBegin Uniqueid=p-1.1 DestUniqueid=p-1.2
		DialEnd Uniqueid=p-1.1 DestUniqueid=p-1.2 DialStatus=BUSY
		Hangup Uniqueid=p-1.2 Cause=17
		Hangup Uniqueid=p-1.1 Cause=17
	`))
	expect(t, steps(facts, "direction", "agent", "reason"), `
		created internal 1
		offered 2
		offer_ended 2 rejected
		ended busy
	`)
}

func TestCallerMovedByAnOperator(t *testing.T) {
	facts := onlyCalls(run(t, asterisk.Options{PBX: "p"}, `
		Newchannel Channel=PJSIP/trunk-01 Uniqueid=p-1.1 Linkedid=p-1.1 Exten=600
		QueueCallerJoin Uniqueid=p-1.1 Queue=q
		at 3
		SoftHangupRequest Uniqueid=p-1.1 Cause=2
		QueueCallerAbandon Uniqueid=p-1.1 Queue=q
		QueueCallerLeave Uniqueid=p-1.1 Queue=q
		Newexten Uniqueid=p-1.1 Extension=700 Application=Queue AppData=vip,t
		QueueCallerJoin Uniqueid=p-1.1 Queue=vip
	`))
	expect(t, steps(facts, "queue", "reason"), `
		created
		queued q new
		dequeued q transferred
		queued vip transfer
	`)
}

func TestPauseInOneQueueOnly(t *testing.T) {
	facts := run(t, asterisk.Options{PBX: "p"}, `
		QueueMember Queue=a Name=Bob Location=PJSIP/2 Paused=0
		QueueMember Queue=b Name=Bob Location=PJSIP/2 Paused=0
		at 1
		QueueMemberPause Queue=a Interface=PJSIP/2 Paused=1 PausedReason=Form
		at 2
		Hold Uniqueid=p-9.9
		at 3
		QueueMemberPause Queue=b Interface=PJSIP/2 Paused=1 PausedReason=Form
		at 4
		QueueMemberPause Queue=b Interface=PJSIP/2 Paused=0
		QueueMemberPause Queue=a Interface=PJSIP/2 Paused=0
	`)
	expect(t, steps(facts, "presence", "queues"), `
		agent.status_changed available
		agent.status_changed break [a]
		agent.status_changed break
		agent.status_changed available
	`)
	if at := facts[len(facts)-2].meta.Time; at != scriptStart.Add(3*time.Second) {
		t.Errorf("the second pause is said to be at %v", at)
	}
}

func TestReconnectWithinOneBoot(t *testing.T) {
	facts := run(t, asterisk.Options{PBX: "p"}, `
		banner
		FullyBooted Uptime=100
		QueueMember Queue=q Name=Alice Location=PJSIP/1 Paused=0
		QueueStatusComplete
		at 1
		Newchannel Channel=PJSIP/trunk-01 Uniqueid=p-1.1 Linkedid=p-1.1
		Newchannel Channel=PJSIP/trunk-02 Uniqueid=p-1.2 Linkedid=p-1.2
		QueueCallerJoin Uniqueid=p-1.2 Queue=q
		at 10
		cut
		at 20
		banner
		FullyBooted Uptime=120
		QueueMember Queue=q Name=Alice Location=PJSIP/1 Paused=0
		QueueStatusComplete
		CoreShowChannel Channel=PJSIP/trunk-01 Uniqueid=p-1.1 Linkedid=p-1.1 Duration=00:00:19
		CoreShowChannel Channel=PJSIP/trunk-03 Uniqueid=p-1.3 Linkedid=p-1.3 Duration=00:00:05
		CoreShowChannelsComplete
	`)
	boot := "p-1799999900-"
	expect(t, steps(facts, "interaction", "reason", "interactions", "lost"), `
		agent.status_changed
		created `+boot+`1.1
		created `+boot+`1.2
		queued `+boot+`1.2 new
		source.gap
		created `+boot+`1.3
		dequeued `+boot+`1.2 lost
		ended `+boot+`1.2 none true
		source.reset resync [`+boot+`1.1 `+boot+`1.3]
	`)
	if created := facts[len(facts)-4]; created.meta.Time != scriptStart.Add(15*time.Second) {
		t.Errorf("a call that was up for 5 s began at %v", created.meta.Time)
	}
}

func TestAProgramThatStartsAnewKeepsTheBoot(t *testing.T) {
	first := newTranslation(asterisk.Options{PBX: "p"})
	first.Feed([]byte("Event: FullyBooted\r\nUptime: 100\r\n\r\n"), scriptStart.Add(900*time.Millisecond))
	second := newTranslation(asterisk.Options{PBX: "p", Boot: first.Boot()})
	second.Feed([]byte("Event: FullyBooted\r\nUptime: 161\r\n\r\n"), scriptStart.Add(62*time.Second))
	if !second.Boot().Equal(first.Boot()) {
		t.Errorf("got boot %v, want %v", second.Boot(), first.Boot())
	}
}

func TestWaitingCallersOfASnapshot(t *testing.T) {
	facts := onlyCalls(run(t, asterisk.Options{PBX: "p"}, `
		at 100
		FullyBooted Uptime=1000
		QueueParams Queue=q
		QueueEntry Queue=q Position=1 Channel=PJSIP/trunk-01 Uniqueid=p-1.1 CallerIDNum=555 Wait=40
		QueueStatusComplete
	`))
	expect(t, steps(facts, "queue", "position", "customer"), `
		created map[number:555]
		queued q 1
	`)
	if at := facts[1].meta.Time; at != scriptStart.Add(60*time.Second) {
		t.Errorf("queued at %v, want 40 s before", at)
	}
}

func TestTheNameIsAwaited(t *testing.T) {
	tr := newTranslation(asterisk.Options{})
	tr.Feed([]byte("Event: QueueParams\r\nQueue: q\r\n\r\n"), scriptStart)
	if len(tr.facts) != 0 {
		t.Fatalf("got %v before the name is known", tr.facts)
	}
	tr.Feed([]byte("Event: DeviceStateChange\r\nSystemName: p7\r\n\r\n"), scriptStart.Add(time.Minute))
	if len(tr.facts) != 1 || tr.facts[0].meta.Source != "asterisk/p7" || !tr.facts[0].meta.Time.Equal(scriptStart) {
		t.Fatalf("got %v", tr.facts)
	}
}

func TestInvalidTextBecomesValid(t *testing.T) {
	tr := newTranslation(asterisk.Options{PBX: "p"})
	tr.Feed([]byte("Event: Newchannel\r\nChannel: PJSIP/t-1\r\nUniqueid: 1.1\r\nCallerIDName: J\xf6rg\r\nCallerIDNum: <unknown>\r\n\r\n"), scriptStart)
	f := tr.facts[0].fact.(event.InteractionCreated)
	if f.Customer == nil || f.Customer.Name != "J\uFFFDrg" || f.Customer.Number != "" {
		t.Errorf("got %+v", f.Customer)
	}
}

// TestNoMessageIsNeeded takes messages away at random: what remains must give
// valid facts, and whatever is opened must end once the PBX boots again.
func TestNoMessageIsNeeded(t *testing.T) {
	all := strings.SplitAfter(string(capture(t)), "\r\n\r\n")
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint32().Draw(rt, "seed")
		share := rapid.Uint32Range(1, 60).Draw(rt, "percent")
		tr := newTranslation(asterisk.Options{PBX: "p"})
		for _, m := range all[:len(all)/8] {
			seed = seed*1664525 + 1013904223
			if seed>>8%100 >= share {
				tr.Feed([]byte(m), time.Time{})
			}
		}
		tr.Feed([]byte("Event: FullyBooted\r\nUptime: 0\r\n\r\n"), time.Unix(1795220000, 0))
		tr.Feed([]byte("Event: FullyBooted\r\nUptime: 0\r\n\r\n"), time.Unix(1795230000, 0))
		if tr.Open() != 0 {
			rt.Errorf("%d interactions are open after a new boot", tr.Open())
		}
		for _, s := range tr.facts {
			if _, err := event.Encode(s.meta, s.fact); err != nil {
				rt.Fatalf("%v: %v", s, err)
			}
		}
		if open, wrong, _ := audit(tr.facts); len(open)+len(wrong) > 0 {
			rt.Errorf("still open: %v; wrong: %v", open, wrong)
		}
	})
}

func FuzzTranslator(f *testing.F) {
	blocks := strings.SplitAfter(string(unzip(f, "ami-capture.txt.gz")), "\r\n\r\n")
	for i := 0; i+40 < len(blocks); i += 900 {
		f.Add([]byte(strings.Join(blocks[i:i+40], "")))
	}
	f.Add([]byte("Event: QueueMember\r\nQueue: q\r\nLocation: /\r\n\r\nEvent: QueueMemberRemoved\r\nQueue: q\r\nInterface: /\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tr := newTranslation(asterisk.Options{PBX: "p", Tenant: "t"})
		tr.Feed(data, scriptStart)
		tr.Disconnected(scriptStart.Add(time.Second), "end")
		tr.Close()
		for _, s := range tr.facts {
			if _, err := event.Encode(s.meta, s.fact); err != nil {
				t.Fatalf("%v: %v", s, err)
			}
		}
	})
}

func TestShiftedTimes(t *testing.T) {
	text := `
		FullyBooted Uptime=100
		QueueMember Queue=q Name=Alice Location=PJSIP/1 Paused=1 LastPause=1799999990
		at 1
		Newchannel Channel=PJSIP/trunk-01 Uniqueid=p-1.1 Linkedid=p-1.1
	`
	plain := run(t, asterisk.Options{PBX: "p"}, text)
	moved := run(t, asterisk.Options{PBX: "p", Shift: time.Hour}, text)
	for i, s := range moved {
		if d := s.meta.Time.Sub(plain[i].meta.Time); d != time.Hour || s.meta.ID == plain[i].meta.ID {
			t.Errorf("%v is moved by %v", s, d)
		}
		if f, ok := s.fact.(event.AgentStatusChanged); ok && f.Since.Unix() != 1799999990+3600 {
			t.Errorf("since %v", f.Since)
		}
	}
	if f := moved[len(moved)-1].fact.(event.InteractionCreated); f.Interaction != "p-1800003500-1.1" {
		t.Errorf("got interaction %s", f.Interaction)
	}
}
