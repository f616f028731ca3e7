package asterisk_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"trunkline/event"
	"trunkline/source"
	"trunkline/source/asterisk"
)

var memberNames = map[string]string{"Alice": "PJSIP/1001", "Bob": "PJSIP/1002", "Carol": "PJSIP/1003"}

func queueLog(t testing.TB) []byte {
	data, err := os.ReadFile("testdata/queue_log")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// translateQueueLog translates lines and ends what can be ended.
func translateQueueLog(t testing.TB, data []byte) []said {
	var facts []said
	tr := asterisk.NewQueueLogTranslator(asterisk.QueueLogTranslatorOptions{
		PBX: "pbx1", Tenant: "acme", Agents: memberNames,
		Emit: func(m event.Meta, f event.Fact) { facts = append(facts, said{m, f}) },
	})
	for line := range bytes.Lines(data) {
		if err := tr.Line(line); err != nil {
			t.Error(err)
		}
	}
	tr.Close()
	return facts
}

func TestQueueLogHasTheSameOutcomesAsTheManagerInterface(t *testing.T) {
	facts := translateQueueLog(t, queueLog(t))
	want, got := factOutcomes(translate(t)), factOutcomes(facts)
	for key, w := range want {
		if got[key] != w {
			t.Errorf("%s: got %s, want %s", key, got[key], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d visits, want %d", len(got), len(want))
	}
	if open := stillOpen(t, facts); len(open) > 0 {
		t.Errorf("still open: %v", open)
	}
	n := counts(facts)
	for typ, w := range map[string]int{
		"interaction.created": 79, "interaction.ended": 79, "interaction.queued": 81, "interaction.accepted": 25,
		"interaction.released": 25, "interaction.dequeued": 56, "interaction.offered": 14, "interaction.offer_ended": 14,
		"interaction.transfer_requested": 1, "interaction.redirected": 2, "source.reset": 2, "source.up": 1, "queue.configured": 3,
	} {
		if n[typ] != w {
			t.Errorf("%d %s, want %d", n[typ], typ, w)
		}
	}
	lost := 0
	for _, f := range of[event.InteractionReleased](facts) {
		if f.Lost {
			lost++
		}
	}
	if lost != 3 {
		t.Errorf("%d talks lost, want 3", lost)
	}
	resets := of[event.SourceReset](facts)
	if resets[0].Reason != event.ResetRestart || resets[1].Reason != event.ResetCrash {
		t.Errorf("got %+v", resets)
	}
}

func TestQueueLogFactsAreValidEvents(t *testing.T) {
	ids := make(map[string]bool)
	for _, s := range translateQueueLog(t, queueLog(t)) {
		e, err := event.Encode(s.meta, s.fact)
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		if p, err := event.Parse(e.Raw, event.DefaultLimits()); err != nil || p.Source != "asterisk/pbx1" || ids[p.ID] {
			t.Fatalf("%s: %v, or an id twice", e.Raw, err)
		}
		ids[e.ID] = true
	}
}

// TestQueueLogNamesAnAgentInTwoWays follows Carol, who is PJSIP/1003 when she is
// added to a queue, and one pause that is written three times.
func TestQueueLogNamesAnAgentInTwoWays(t *testing.T) {
	facts := translateQueueLog(t, queueLog(t))
	for _, s := range facts {
		if subject := s.fact.EventSubject(); strings.HasPrefix(subject, "agent/") && !strings.HasPrefix(subject, "agent/100") {
			t.Errorf("got agent %s", subject)
		}
	}
	pauses := 0
	for _, f := range of[event.AgentStatusChanged](facts) {
		if f.Presence == event.PresenceBreak {
			pauses++
			if len(f.Queues) > 0 {
				t.Errorf("a pause everywhere names queues: %+v", f)
			}
		}
	}
	if pauses != 4 {
		t.Errorf("%d pauses, want 4", pauses)
	}
}

func TestQueueLogScripts(t *testing.T) {
	const start = "100|NONE|NONE|NONE|QUEUESTART|\n"
	for name, c := range map[string]struct{ lines, want string }{
		"a pause in one queue": {"101|NONE|q|Alice|PAUSE|Lunch\n102|NONE|q|Alice|UNPAUSE|\n", `
			agent.status_changed available
			agent.status_changed break q
			agent.status_changed available`},
		"a pause everywhere is left in one queue": {"101|NONE|NONE|Alice|PAUSEALL|x\n101|NONE|q|Alice|PAUSE|x\n102|NONE|q|Alice|UNPAUSE|\n", `
			agent.status_changed available
			agent.status_changed break
			agent.status_changed available q`},
		"a member comes and goes": {"101|CLI|q|PJSIP/1003|ADDMEMBER|PAUSED\n105|CLI|q|PJSIP/1003|REMOVEMEMBER|\n", `
			agent.status_changed available
			agent.status_changed break q
			agent.status_changed logged_out`},
		"from queue to queue": {"101|1.1|a|NONE|ENTERQUEUE||555|1\n111|1.1|a|NONE|EXITWITHTIMEOUT|1|1|10\n120|1.1|b|NONE|ENTERQUEUE||555|1\n121|1.1|b|Alice|CONNECT|1|1.2|1\n131|1.1|b|Alice|COMPLETECALLER|1|10|1\n", `
			created
			queued new a
			dequeued timeout a
			redirected timeout a
			queued overflow b
			agent.status_changed available
			accepted b
			released normal b
			ended normal b`},
		"back after a long time": {"101|1.1|a|NONE|ENTERQUEUE||555|1\n111|1.1|a|NONE|EXITWITHKEY|2|1|1|10\n190|1.1|a|NONE|ENTERQUEUE||555|1\n191|1.1|a|NONE|ABANDON|1|1|1\n", `
			created
			queued new a
			dequeued key a
			ended normal a
			created
			queued new a
			dequeued abandoned a
			ended cancelled a`},
		"a transfer to a queue": {"101|1.1|a|NONE|ENTERQUEUE||555|1\n102|1.1|a|Alice|CONNECT|1|1.2|1\n110|1.1|a|Alice|BLINDTRANSFER|600|ctx|1|8|1\n110|1.1|b|NONE|ENTERQUEUE||555|1\n112|1.1|b|NONE|EXITEMPTY|1|1|2\n", `
			created
			queued new a
			agent.status_changed available
			accepted a
			transfer_started
			transfer_requested
			released normal a
			transfer_connected
			queued transfer b
			dequeued overflow b
			ended normal b`},
		"an attended transfer": {"101|1.1|a|NONE|ENTERQUEUE||555|1\n102|1.1|a|Alice|CONNECT|1|1.2|1\n110|1.1|a|Alice|ATTENDEDTRANSFER|BRIDGE|x|1|8|1\n", `
			created
			queued new a
			agent.status_changed available
			accepted a
			transfer_requested
			released normal a
			ended normal a`},
		"missing beginnings": {"101|1.1|a|NONE|ABANDON|1|1|9\n102|1.2|a|Alice|COMPLETEAGENT|1|8|1\n103|1.3|a|Bob|CONNECT|1|1.4|1\n104|1.3|a|Bob|COMPLETEAGENT|1|1|1\n", `
			created
			agent.status_changed available
			accepted a
			released normal a
			ended normal a`},
	} {
		t.Run(name, func(t *testing.T) {
			facts := translateQueueLog(t, []byte(start+c.lines))
			var rest []said
			for _, s := range facts {
				if s.fact.EventType() != "queue.configured" {
					rest = append(rest, s)
				}
			}
			got := steps(rest, "reason", "presence", "queue", "queues")
			for _, old := range []string{"map[name:Lunch] ", "map[name:x]"} {
				got = strings.ReplaceAll(got, old, "")
			}
			got = strings.NewReplacer("[", "", "]", "", "changed  ", "changed ").Replace(got)
			var lines []string
			for l := range strings.Lines(got) {
				lines = append(lines, strings.Join(strings.Fields(l), " "))
			}
			expect(t, strings.Join(lines, "\n"), c.want)
		})
	}
}

func TestQueueLogLinesThatMakeNoSense(t *testing.T) {
	for _, line := range []string{"", "hello", "1|2|3|4", "x|NONE|NONE|NONE|QUEUESTART|", "1|NONE|NONE|NONE||", "1|a|b|c|d" + strings.Repeat("|x", 40_000)} {
		if _, err := asterisk.ParseQueueLog([]byte(line)); !errors.Is(err, asterisk.ErrQueueLog) {
			t.Errorf("%.40s: got %v", line, err)
		}
	}
	if l, err := asterisk.ParseQueueLog([]byte("1|CLI|q|PJSIP/1|ADDMEMBER\r\n")); err != nil || l.Call != "" || l.Event != "ADDMEMBER" || len(l.Args) != 0 || l.Arg(0) != "" {
		t.Errorf("got %+v, %v", l, err)
	}
}

func FuzzQueueLog(f *testing.F) {
	f.Add(queueLog(f)[:2000])
	f.Add([]byte("1|1.1|q|NONE|ENTERQUEUE||\n2|1.1|q|A|CONNECT\n3|1.1|q|A|TRANSFER|x\n4|1.1|r|NONE|ENTERQUEUE\n5|NONE|NONE|NONE|QUEUESTART\n"))
	f.Add([]byte("9|1.1|q|A|RINGNOANSWER|-5\n1|1.1|q|A|CONNECT|a|b|c\n1|1.1|q|PJSIP/|ADDMEMBER|PAUSED\n1|NONE|q|A|UNPAUSE\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var facts []said
		o := asterisk.QueueLogTranslatorOptions{PBX: "p", Agents: memberNames, Emit: func(m event.Meta, fact event.Fact) {
			facts = append(facts, said{m, fact})
			if e, err := event.Encode(m, fact); err != nil {
				t.Fatalf("%+v: %v", fact, err)
			} else if _, err := event.Parse(e.Raw, event.DefaultLimits()); err != nil {
				t.Fatalf("%s: %v", e.Raw, err)
			}
		}}
		tr := asterisk.NewQueueLogTranslator(o)
		again := asterisk.NewQueueLogTranslator(o)
		for line := range bytes.Lines(data) {
			_ = tr.Line(line)
			state, err := tr.State()
			if err != nil {
				t.Fatal(err)
			}
			if err := again.Restore(state); err != nil {
				t.Fatal(err)
			}
			tr, again = again, tr // every line is read by a translator that was just made of the state
		}
		tr.Close()
		_, wrong, _ := audit(facts)
		for _, w := range wrong {
			if strings.HasPrefix(w, "visit") || strings.HasPrefix(w, "interaction") {
				t.Error(w)
			}
		}
	})
}

// TestIDsOfMembersWithoutAnInterface maps the names that calls carry.
func TestIDsOfMembersWithoutAnInterface(t *testing.T) {
	var ids []string
	tr := asterisk.NewQueueLogTranslator(asterisk.QueueLogTranslatorOptions{
		PBX: "p", Agents: map[string]string{"Bob": "PJSIP/1002"},
		AgentID: source.Recognition{IDs: map[string]string{"Alice": "4711", "PJSIP/1002": "4712"}, Usual: asterisk.AgentID}.AgentID,
		Emit: func(_ event.Meta, f event.Fact) {
			if a, ok := f.(event.AgentStatusChanged); ok {
				ids = append(ids, a.Agent)
			}
		},
	})
	for _, who := range []string{"Alice", "Bob", "Carol", "PJSIP/1004"} {
		if err := tr.Line([]byte("1795210744|NONE|NONE|" + who + "|PAUSEALL|")); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(slices.Compact(ids), " "); got != "4711 4712 Carol 1004" {
		t.Errorf("got %s", got)
	}
}
