package push_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/commit"
	"trunkline/feed/push"
	"trunkline/floor"
)

var update = flag.Bool("update", false, "write docs/push-journeys.md anew")

// script is a day of few facts, folded as a log would.
type script struct {
	t    *testing.T
	at   time.Time
	n    int
	fold *floor.Fold
	recs []eventlog.Record
}

func newScript(t *testing.T) *script {
	return &script{t: t, at: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
		fold: floor.NewFold(floor.Options{Settings: func(string) floor.Settings { return floor.Settings{Statuses: true} }})}
}

func (s *script) store(e event.Event, derived bool) {
	rec := commit.Record{Seq: uint64(len(s.recs) + 1), Received: s.at.Add(4 * time.Millisecond), Raw: e.Raw, Derived: derived}
	ctx, more := s.fold.Apply("acme", &rec)
	rec.Context = slices.Clone(ctx)
	s.recs = append(s.recs, rec)
	for _, d := range more {
		s.store(d.Event, true)
	}
}

// say lets facts happen, and what the floor's timers say by then.
func (s *script) say(after time.Duration, facts ...event.Fact) {
	s.t.Helper()
	s.at = s.at.Add(after)
	for _, f := range facts {
		s.n++
		e, err := event.Encode(event.Meta{ID: fmt.Sprint("e", s.n), Source: "/pbx", Tenant: "acme", Time: s.at}, f)
		if err != nil {
			s.t.Fatal(err)
		}
		s.store(e, false)
	}
	for _, d := range s.fold.Fire(s.at.Add(4 * time.Millisecond)) {
		s.store(d.Event, true)
	}
}

// payloads are those of one feed and entity.
func (s *script) payloads(kind push.Kind, key string, accumulate bool) (out []push.Message) {
	s.t.Helper()
	for i := range s.recs {
		for _, m := range push.Project("acme", &s.recs[i], func(f push.Kind, _ string) bool { return f == kind }, accumulate) {
			if m.Key == key {
				checkPayload(s.t, m)
				out = append(out, m)
			}
		}
	}
	return out
}

func setUp(t *testing.T) *script {
	s := newScript(t)
	s.say(0,
		event.QueueConfigured{Queue: "billing", Name: "Billing", Zone: "Europe/Helsinki", Hours: []event.OpenHours{{Day: event.Monday, From: "08:00", To: "17:00"}},
			Caps: &event.QueueCaps{Size: 50}},
		event.AgentProvisioned{AgentRef: event.AgentRef{Agent: "1001"}, Change: event.ProvisionCreated, Name: "Nadia Okafor", GivenName: "Nadia", FamilyName: "Okafor",
			DisplayName: "Nadia", External: "E00023", DeskMode: "chat", Slots: map[string]int{"chat": 3}},
		event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "1001"}, Presence: event.PresenceAvailable},
	)
	return s
}

// chat lets a customer write to an agent about a bill.
func chat(s *script) {
	ref := event.Ref{Interaction: "4711", Media: event.MediaChat}
	s.say(5*time.Second, event.InteractionCreated{Ref: ref, Direction: event.DirectionIn, Channel: "web", Customer: &event.Customer{ID: "c-9", Kind: "registered"},
		Session: &event.Session{ID: "s-81", Type: "browser"}, Client: &event.Client{ID: "web/7.2", Type: "WEB"}, Subdivision: "retail", Segments: []string{"gold"}})
	s.say(time.Second, event.InteractionFlowVisited{Ref: ref, Flow: "welcome", Path: []string{"welcome"}, Node: "greeting", NodeType: "message", Outcome: event.FlowVisited})
	s.say(4*time.Second, event.InteractionIntentDetected{Ref: ref, Code: "bill_high", Path: []string{"bill_high"}, BusinessCode: "BILLING", BusinessPath: []string{"BILLING"}})
	s.say(time.Second, event.InteractionActionCalled{Ref: ref, Node: "look_up", Action: "last_bill", Version: "3", Inputs: map[string]event.ActionInput{"account": {Value: "88-1", Type: "string"}}})
	s.say(time.Second, event.InteractionAttributesChanged{Ref: ref, Attributes: event.Attributes{"account": "88-1"}})
	s.say(3*time.Second, event.InteractionQueued{Ref: ref, Queue: "billing", Reason: event.EntryNew})
	s.say(7*time.Second, event.InteractionAccepted{Ref: ref, Agent: "1001", Queue: "billing", WaitedMS: 7000})
	s.say(6*time.Second, event.InteractionMessage{Ref: ref, Role: event.RoleAgent, Text: "Good morning!", Speaker: "1001"})
	s.say(9*time.Second, event.InteractionMessage{Ref: ref, Role: event.RoleCustomer, Text: "Why is my bill so high?"})
	s.say(5*time.Second, event.InteractionFileReceived{Ref: ref, File: "f-1", Name: "bill.png", MimeType: "image/png", Bytes: 131072, Width: 640, Height: 480})
	s.say(20*time.Second, event.InteractionMessage{Ref: ref, Role: event.RoleAgent, Text: "It has two months on it.", Speaker: "1001"})
	s.say(10*time.Second, event.InteractionReleased{Ref: ref, Agent: "1001", Queue: "billing", Initiator: event.InitiatorCustomer, TalkMS: 50_000})
	s.say(2*time.Second, event.InteractionDispositioned{Ref: ref, Agent: "1001", Code: "explained"},
		event.InteractionSummarised{Ref: ref, Agent: "1001", Text: "The bill covers two months."})
	s.say(3*time.Second, event.InteractionEnded{Ref: ref, Initiator: event.InitiatorCustomer, Reason: event.EndNormal})
	s.say(15*time.Second, event.InteractionSurveyAnswered{Ref: ref, Answers: []event.SurveyAnswer{{Question: "How did we do?", Answer: "5", Type: "rating", Ordering: 1}}})
}

// call lets a customer ring the same agent.
func call(s *script) {
	ref := event.Ref{Interaction: "4712", Media: event.MediaPhone}
	s.say(5*time.Second, event.InteractionCreated{Ref: ref, Direction: event.DirectionIn, Customer: &event.Customer{ID: "c-9", Number: "+358401234567"}, Segments: []string{"gold"}})
	s.say(2*time.Second, event.InteractionQueued{Ref: ref, Queue: "billing", Reason: event.EntryNew})
	s.say(12*time.Second, event.InteractionAccepted{Ref: ref, Agent: "1001", Queue: "billing", WaitedMS: 12_000, RangMS: 3000})
	s.say(3*time.Second, event.InteractionMessage{Ref: ref, Role: event.RoleAgent, Text: "Nadia speaking.", Speaker: "1001"})
	s.say(4*time.Second, event.InteractionMessage{Ref: ref, Role: event.RoleCustomer, Text: "It is about my bill again."})
	s.say(60*time.Second, event.InteractionWrapupStarted{Ref: ref, Agent: "1001", Queue: "billing"})
	s.say(20*time.Second, event.InteractionDispositioned{Ref: ref, Agent: "1001", Code: "solved"},
		event.InteractionWrapupEnded{Ref: ref, Agent: "1001", Queue: "billing", Reason: event.WrapupManual},
		event.InteractionReleased{Ref: ref, Agent: "1001", Queue: "billing", Initiator: event.InitiatorAgent, TalkMS: 67_000},
		event.InteractionEnded{Ref: ref, Initiator: event.InitiatorAgent, Reason: event.EndNormal})
}

// TestTheDocumentedJourneys holds docs/push-journeys.md against the code that it shows.
func TestTheDocumentedJourneys(t *testing.T) {
	s := setUp(t)
	chat(s)
	s.say(time.Minute)
	call(s)
	s.say(5 * time.Minute)
	var b bytes.Buffer
	b.WriteString("# What the push feed sends of a chat and a call\n\n" +
		"The whole payloads, in the order in which an endpoint gets them. Written by a test: `go test ./feed/push -run Journeys -update`.\n" +
		"[push-feed.md](push-feed.md) says what the members mean.\n")
	show := func(title, text string, msgs []push.Message) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```json\n", title, text)
		for _, m := range msgs {
			// One line a part, which reads better than one line a member.
			for _, part := range []string{`"meta_data":`, `"data":`, `"event_id":`, `"details":`} {
				m.Body = bytes.Replace(m.Body, []byte(","+part), []byte(",\n "+part), 1)
			}
			b.Write(append(m.Body, '\n'))
		}
		b.WriteString("```\n")
	}
	show("A chat", "The journey feed, without an `event_list`.", s.payloads(push.Journey, "issue/4711", false))
	show("A call", "The same of a call.", s.payloads(push.Journey, "issue/4712", false))
	all := s.payloads(push.Journey, "issue/4711", true)
	ended := all[slices.IndexFunc(all, func(m push.Message) bool { return m.Type == "ISSUE_ENDED" })]
	show("The end of the chat, filtered", "With `\"event_list\": [\"ISSUE_ENDED\"]` one payload says everything that is known by then.", []push.Message{ended})
	show("The agent meanwhile", "The activity feed.", s.payloads(push.Activity, "agent/1001", false))
	show("The queue meanwhile", "The queue feed.", s.payloads(push.Queue, "queue/billing", false))

	path := filepath.Join("..", "..", "docs", "push-journeys.md")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s is stale; run go test ./feed/push -run Journeys -update", path)
	}
}

// TestAccumulation: a payload for a destination with an event_list has what all payloads of the issue before it had.
func TestAccumulation(t *testing.T) {
	s := setUp(t)
	chat(s)
	said := map[string]string{} // the latest value of every member
	plain, all := s.payloads(push.Journey, "issue/4711", false), s.payloads(push.Journey, "issue/4711", true)
	for i := range plain {
		for k, v := range checkPayload(t, plain[i])["details"] {
			said[k] = string(v)
		}
		whole := checkPayload(t, all[i])["details"]
		for k, want := range said {
			switch k {
			case "ended_type", "is_ghost_customer", "is_resolved": // of their own event alone
				continue
			case "queued_ts", "queued_ms", "detected_ts", "issue_start_ts", "assigned_ts":
				if _, ok := whole[k]; !ok {
					t.Errorf("%s lacks %s", all[i].Type, k)
				}
				continue
			}
			if got := string(whole[k]); got != want {
				t.Errorf("%s: %s is %s, it was %s", all[i].Type, k, got, want)
			}
		}
		var own payload
		if err := json.Unmarshal(plain[i].Body, &own); err != nil || plain[i].ID != all[i].ID {
			t.Fatalf("the ids are %s and %s, %v", plain[i].ID, all[i].ID, err)
		}
	}
	last := string(all[len(all)-1].Body)
	for _, k := range []string{"intent_code", "flow_node_name", "last_flow_action_called_inputs", "survey_responses", "uploaded_files_list", "last_assignment_summary_text",
		"disposition_fields", "assigned_ts", "handle_ms", "customer_params_field_01", "customer_utterance_ct", "customer_ended_ts"} {
		if !strings.Contains(last, `"`+k+`":`) {
			t.Errorf("the last payload lacks %s: %s", k, last)
		}
	}
}
