package asterisk_test

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/source/asterisk"
)

// The eleven traps of the capture, as far as translation goes.

// without takes events away that match, as an eventfilter in manager.conf does.
func without(data []byte, pattern string) []byte {
	re := regexp.MustCompile(pattern)
	var out bytes.Buffer
	for _, block := range bytes.SplitAfter(data, []byte("\r\n\r\n")) {
		if !re.Match(block) {
			out.Write(block)
		}
	}
	return out.Bytes()
}

func reasons(facts []said) map[event.DequeueReason]int {
	n := make(map[event.DequeueReason]int)
	for _, f := range of[event.InteractionDequeued](facts) {
		n[f.Reason]++
	}
	return n
}

func feed(data []byte) *translation {
	tr := newTranslation(asterisk.Options{})
	tr.Feed(data, time.Time{})
	tr.Close()
	return tr
}

func TestTrap01AbandonIsNotTimeout(t *testing.T) {
	if n := bytes.Count(capture(t), []byte("Event: QueueCallerAbandon\r\n")); n != 50 {
		t.Fatalf("the capture has %d QueueCallerAbandon", n)
	}
	want := map[event.DequeueReason]int{"abandoned": 33, "timeout": 17, "key": 1, "full": 1, "lost": 5}
	if got := reasons(translate(t)); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// A time-out need not have waited for the whole limit.
	early := 0
	limits := make(map[string]int64)
	for _, s := range translate(t) {
		switch f := s.fact.(type) {
		case event.InteractionQueued:
			limits[f.Interaction] = f.LimitMS
		case event.InteractionDequeued:
			if f.Reason == event.DequeueTimeout && f.WaitedMS < limits[f.Interaction] {
				early++
			}
		}
	}
	if early != 12 {
		t.Errorf("got %d time-outs before the limit, want 12", early)
	}
}

// Without the class dialplan there is no QUEUESTATUS. What the caller's channel
// did tells the two apart; only the one visit that the PBX's own stop ended is
// then taken for abandoned, and the full queue cannot be seen.
func TestTrap01WithoutTheClassDialplan(t *testing.T) {
	facts := feed(without(capture(t), `^Event: (VarSet|Newexten)\r`)).facts
	want := map[event.DequeueReason]int{"abandoned": 34, "timeout": 16, "key": 1, "lost": 5}
	if got := reasons(facts); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if open := stillOpen(t, facts); len(open) > 0 {
		t.Errorf("still open: %v", open)
	}
}

func TestTrap02FullQueue(t *testing.T) {
	for _, f := range of[event.InteractionDequeued](translate(t)) {
		if f.Reason != event.DequeueFull {
			continue
		}
		if f.Queue != "sales" || f.WaitedMS != 0 || !strings.HasSuffix(f.Interaction, "1795210900.25") {
			t.Errorf("got %+v", f)
		}
		return
	}
	t.Error("the caller whom the full queue refused is not there")
}

func TestTrap03CrashLeavesOrphansThatEndAsLost(t *testing.T) {
	facts := translateTimed(t).facts
	lostVisits, lostTalks, lostCalls := 0, 0, 0
	var resets []event.SourceReset
	for _, s := range facts {
		switch f := s.fact.(type) {
		case event.InteractionDequeued:
			if f.Reason == event.DequeueLost {
				lostVisits++
			}
		case event.InteractionReleased:
			if f.Lost {
				lostTalks++
			}
		case event.InteractionEnded:
			if f.Lost {
				lostCalls++
			}
		case event.SourceReset:
			resets = append(resets, f)
		}
	}
	if lostVisits != 5 || lostTalks != 3 || lostCalls != 8 {
		t.Errorf("got %d visits, %d talks, %d interactions lost, want 5, 3, 8", lostVisits, lostTalks, lostCalls)
	}
	if len(resets) != 2 || resets[0].Reason != event.ResetRestart || resets[1].Reason != event.ResetCrash {
		t.Errorf("got resets %+v", resets)
	}
	var downs []bool
	for _, f := range of[event.SourceDown](facts) {
		downs = append(downs, f.Orderly)
	}
	if fmt.Sprint(downs) != "[true false true]" {
		t.Errorf("got orderly downs %v", downs)
	}
}

func TestTrap03EndsByAShutdownAreMarked(t *testing.T) {
	got := make(map[string]int)
	for _, s := range translate(t) {
		switch f := s.fact.(type) {
		case event.InteractionDequeued:
			if f.Suspect {
				got["dequeued "+string(f.Reason)]++
			}
		case event.InteractionReleased:
			if f.Suspect && f.Initiator == event.InitiatorSystem {
				got["released"]++
			}
		case event.InteractionOfferEnded:
			if f.Suspect {
				got["offer "+string(f.Reason)]++
			}
		case event.InteractionEnded:
			if f.Suspect {
				got["ended"]++
			}
		}
	}
	// The restart: one waiting, three talking, three in the menu. The stop: one
	// waiting whose offer was ringing.
	want := map[string]int{"dequeued abandoned": 1, "dequeued timeout": 1, "released": 3, "offer cancelled": 1, "ended": 8}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTrap04UniqueidsStartAnew(t *testing.T) {
	// The same bytes as two boots: only the boot tells the calls apart.
	data := capture(t)
	first := data[:bytes.Index(data[1:], []byte("Asterisk Call Manager/"))+1]
	tr := newTranslation(asterisk.Options{})
	tr.Feed(first, time.Unix(1795210740, 0))
	again := bytes.Replace(first, []byte("Uptime: 22\r"), []byte("Uptime: 1\r"), 1)
	tr.Feed(again, time.Unix(1795299999, 0))
	seen := make(map[string]int)
	for _, s := range tr.facts {
		if f, ok := s.fact.(event.InteractionCreated); ok {
			seen[f.Interaction]++
		}
		seen[s.meta.ID]++
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("%s %d times", id, n)
		}
	}
}

func TestTrap05MissingTimestampsTakeTheReadTime(t *testing.T) {
	read := time.Date(2026, 11, 20, 21, 38, 59, 844_000_000, time.UTC)
	for _, s := range translateTimed(t).facts {
		if _, ok := s.fact.(event.QueueConfigured); ok {
			if d := s.meta.Time.Sub(read); d < 0 || d > 10*time.Millisecond {
				t.Errorf("snapshot at %v, want about %v", s.meta.Time, read)
			}
		}
	}
	// Durations come from events, not from the PBX's whole seconds.
	f := of[event.InteractionReleased](translate(t))[0]
	if f.TalkMS != 3500 {
		t.Errorf("got talk of %d ms, want 3500, where AgentComplete says 4 s", f.TalkMS)
	}
}

func TestTrap06OrderIsNotFixed(t *testing.T) {
	back := 0
	var last time.Time
	for _, m := range regexp.MustCompile(`\r\nTimestamp: (\d+)\.(\d+)\r`).FindAllSubmatch(capture(t), -1) {
		var sec, usec int64
		fmt.Sscan(string(m[1]), &sec)
		fmt.Sscan(strings.TrimLeft(string(m[2]), "0")+" ", &usec)
		at := time.Unix(sec, usec*1000)
		if at.Before(last) {
			back++
		}
		last = at
	}
	if back < 7 {
		t.Fatalf("the capture has %d backward steps, want at least 7", back)
	}
	// Whatever the order of AgentComplete, BridgeLeave and Hangup: 25 talks of
	// queues end 22 times by what happened and 3 times as lost.
	ended, lost := 0, 0
	for _, f := range of[event.InteractionReleased](translate(t)) {
		if f.Queue == "" {
			continue
		}
		if f.TalkMS < 0 {
			t.Errorf("a talk of %d ms", f.TalkMS)
		}
		if ended++; f.Lost {
			lost++
		}
	}
	if ended != 25 || lost != 3 {
		t.Errorf("got %d talks ended, %d lost", ended, lost)
	}
}

func TestTrap06AgentCompleteMayBeMissing(t *testing.T) {
	facts := feed(without(capture(t), `^Event: (AgentComplete|BridgeLeave|BridgeEnter)\r`)).facts
	if got := counts(facts); !maps.Equal(got, golden) {
		t.Errorf("got %v, want %v", got, golden)
	}
}

func TestTrap07RejectedIsNotNoAnswer(t *testing.T) {
	got := make(map[string]int)
	for _, f := range of[event.InteractionOfferEnded](translate(t)) {
		got[string(f.Reason)]++
		if f.Reason == event.OfferRejected && (f.RangMS != 501 || f.Detail != "SIP 486, Q.850 17" || f.Agent != "1002") {
			t.Errorf("got %+v", f)
		}
		if f.Reason == event.OfferNoAnswer && (f.RangMS < 5400 || f.RangMS > 6100) {
			t.Errorf("no answer after %d ms", f.RangMS)
		}
	}
	if want := map[string]int{"no_answer": 12, "rejected": 1, "cancelled": 1}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTrap08NoWrapupIsInvented(t *testing.T) {
	for typ := range counts(translate(t)) {
		if strings.Contains(typ, "wrapup") {
			t.Errorf("got %s, which Asterisk never says", typ)
		}
	}
}

func TestTrap09OneAgentInSeveralQueues(t *testing.T) {
	// Bob is in two queues: one status for each pause, not two.
	var bob []string
	for _, f := range of[event.AgentStatusChanged](translate(t)) {
		if f.Agent != "1002" {
			continue
		}
		if len(f.Queues) > 0 {
			t.Errorf("got a status for %v", f.Queues)
		}
		s := string(f.Presence)
		if f.Reason != nil {
			s += " " + f.Reason.Name
		}
		bob = append(bob, s)
	}
	want := "[available break Lunch available break Training available break Break available]"
	if fmt.Sprint(bob) != want {
		t.Errorf("got %v, want %s", bob, want)
	}
	// Alice's own call is no queue call.
	for _, f := range of[event.InteractionAccepted](translate(t)) {
		if strings.HasSuffix(f.Interaction, "1795210945.34") && f.Queue != "" {
			t.Errorf("a private call is taken for one of queue %s", f.Queue)
		}
	}
}

func TestTrap10AgentCompleteWithoutChannels(t *testing.T) {
	// Two of 22 lack the caller's channel, one of those has no channel at all.
	talks := make(map[string]int64)
	for _, f := range of[event.InteractionReleased](translate(t)) {
		talks[f.Interaction[strings.LastIndexByte(f.Interaction, '-')+1:]] = f.TalkMS
	}
	if talks["1795210753.2"] != 7547 || talks["1795210862.19"] != 5984 {
		t.Errorf("got talks of %d and %d ms", talks["1795210753.2"], talks["1795210862.19"])
	}
	// The same when the agent's hang-up is not seen: queue and interface tell.
	data := without(capture(t), `^Event: Hangup\r\n(?s:.*)Uniqueid: pbx1-1795210868\.20\r`)
	for _, f := range of[event.InteractionReleased](feed(data).facts) {
		if strings.HasSuffix(f.Interaction, "1795210862.19") && (f.Agent != "1003" || f.Initiator != event.InitiatorAgent) {
			t.Errorf("got %+v", f)
		}
	}
}

func TestTrap11MostOfTheVolumeIsNotNeeded(t *testing.T) {
	all := capture(t)
	lean := without(all, `Event: (CEL|Cdr|RTCP|Newstate|MusicOnHold|NewConnectedLine|Bridge|DialState|UserEvent)`)
	lean = without(lean, `Variable: (RTPAUDIO|BRIDGE|DIALED|ANSWERED|QUEUEWAIT|QUEUEPOSITION)`)
	// Facts without a time of their own take that of the event before them, which
	// may be one of those that were taken away: of these only the number is held.
	timed := func(facts []said) (list []said) {
		for _, s := range facts {
			if strings.HasPrefix(s.fact.EventType(), "interaction.") && !strings.Contains(s.String(), "lost") {
				list = append(list, s)
			}
		}
		return list
	}
	facts := feed(lean).facts
	if got := counts(facts); !maps.Equal(got, golden) {
		t.Errorf("got %v, want %v", got, golden)
	}
	if transcriptOf(timed(facts)) != transcriptOf(timed(translate(t))) {
		t.Error("the events that docs/asterisk.md calls unneeded change the facts")
	}
	if len(lean) > len(all)/3 {
		t.Errorf("%d of %d bytes are left, docs/asterisk.md promises less than a third", len(lean), len(all))
	}
}

func TestUnholdWithoutHold(t *testing.T) {
	held, resumed := of[event.InteractionHeld](translate(t)), of[event.InteractionResumed](translate(t))
	if len(held) != 2 || len(resumed) != 2 || resumed[0].HeldMS != 3001 || resumed[1].HeldMS != 3 {
		t.Errorf("got %+v and %+v", held, resumed)
	}
}

func TestDynamicMembersVanishSilently(t *testing.T) {
	var carol []string
	for _, s := range translate(t) {
		switch f := s.fact.(type) {
		case event.AgentProvisioned:
			if f.Agent == "1003" {
				carol = append(carol, string(f.Change))
			}
		case event.AgentStatusChanged:
			if f.Agent == "1003" {
				carol = append(carol, string(f.Presence))
			}
		}
	}
	want := "[created queue_added available queue_changed queue_removed logged_out " +
		"queue_added available queue_removed logged_out queue_added available queue_removed logged_out]"
	if fmt.Sprint(carol) != want {
		t.Errorf("got %v, want %s", carol, want)
	}
}

func TestOverflowIsOneInteractionWithTwoVisits(t *testing.T) {
	var steps []string
	for _, s := range translate(t) {
		switch f := s.fact.(type) {
		case event.InteractionQueued:
			if strings.HasSuffix(f.Interaction, "1795210839.17") {
				steps = append(steps, fmt.Sprintf("queued %s %s %d", f.Queue, f.Reason, f.LimitMS))
			}
		case event.InteractionDequeued:
			if strings.HasSuffix(f.Interaction, "1795210839.17") {
				steps = append(steps, fmt.Sprintf("dequeued %s %s", f.Queue, f.Reason))
			}
		case event.InteractionRedirected:
			if strings.HasSuffix(f.Interaction, "1795210839.17") {
				steps = append(steps, fmt.Sprintf("redirected %s %s", f.Queue, f.Target))
			}
		}
	}
	want := "[queued support new 6000 dequeued support timeout redirected support overflow queued overflow overflow 5000 dequeued overflow timeout]"
	if fmt.Sprint(steps) != want {
		t.Errorf("got %v\nwant %s", steps, want)
	}
}

func TestPriorityCallerJumpsTheLine(t *testing.T) {
	for _, f := range of[event.InteractionQueued](translate(t)) {
		if strings.HasSuffix(f.Interaction, "1795210916.31") {
			if f.Priority != 10 || f.Position != 1 {
				t.Errorf("got %+v", f)
			}
			return
		}
	}
	t.Error("the priority caller is not there")
}

func TestCallsOutsideQueues(t *testing.T) {
	var steps []string
	for _, s := range translate(t) {
		if strings.HasSuffix(s.fact.EventSubject(), "1795210945.34") {
			steps = append(steps, strings.TrimPrefix(s.fact.EventType(), "interaction."))
		}
	}
	if fmt.Sprint(steps) != "[created accepted customer_accepted released ended]" {
		t.Errorf("got %v", steps)
	}
	for _, f := range of[event.InteractionCreated](translate(t)) {
		if strings.HasSuffix(f.Interaction, "1795210945.34") &&
			(f.Direction != event.DirectionOut || f.Agent != "1001" || f.Dialled != "+15559990001") {
			t.Errorf("got %+v", f)
		}
	}
}

func TestBlindTransfer(t *testing.T) {
	var steps []string
	for _, s := range translate(t) {
		if strings.HasSuffix(s.fact.EventSubject(), "1795210881.21") {
			steps = append(steps, strings.TrimPrefix(s.fact.EventType(), "interaction."))
		}
	}
	want := "[created queued offered accepted transfer_started transfer_requested released offered transfer_connected accepted released ended]"
	if fmt.Sprint(steps) != want {
		t.Errorf("got %v\nwant %s", steps, want)
	}
	f := of[event.InteractionTransferConnected](translate(t))[0]
	if f.Agent != "1001" || f.Target != "1003" || f.TargetKind != event.TargetAgent || f.Connected != "" {
		t.Errorf("got %+v", f)
	}
}
