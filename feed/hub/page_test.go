package hub_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/feed/hub"
)

// described is an event as the page has it: an example payload and a table of types.
type described struct {
	Example map[string]any
	Types   map[string]string
}

func page(t *testing.T) map[string]described {
	t.Helper()
	b, err := os.ReadFile("testdata/page.json")
	if err != nil {
		t.Fatal(err)
	}
	var p map[string]described
	if err := json.Unmarshal(b, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// kindOf is the JSON kind of a value.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	case []any:
		return "array"
	}
	return "object"
}

// kindsOf are the JSON kinds of a type of the page's tables.
func kindsOf(typ string) []string {
	base, null := strings.CutSuffix(typ, "?")
	var kinds []string
	switch base {
	case "Guid", "DateTime":
		kinds = []string{"string"}
	case "string", "String":
		return []string{"string", "null"}
	case "int", "long", "short", "uint", "byte", "float":
		kinds = []string{"number"}
	case "bool":
		kinds = []string{"bool"}
	default:
		switch {
		case strings.HasPrefix(base, "List<"):
			return []string{"array", "null"}
		case strings.HasPrefix(base, "Dictionary<"):
			return []string{"object", "null"}
		}
		kinds = []string{"string", "number"} // an enumeration
	}
	if null {
		kinds = append(kinds, "null")
	}
	return kinds
}

// everything are facts that make every event of the page, with all that they can say.
func everything() []event.Fact {
	ref := event.Ref{Interaction: "c1", Media: event.MediaPhone, Leg: "leg-1"}
	out := event.Ref{Interaction: "c2", Media: event.MediaPhone, Leg: "leg-9"}
	at := func(s int) event.Time { return event.At(began.Add(time.Duration(s) * time.Second)) }
	customer := &event.Customer{Number: "+358401", Name: "Cleo"}
	a1 := event.AgentRef{Agent: "a1"}
	return []event.Fact{
		event.AgentStatusChanged{AgentRef: a1, Presence: event.PresenceAvailable, Since: at(0), Until: at(100), Note: "here", Profile: "p1", TransferNumber: "+1", Source: "desktop"},
		event.AgentSettingChanged{AgentRef: a1, Keyword: "color", Value: "red", Values: map[string]string{"a": "b"}, Allowed: map[string]string{"a": "b"}, Level: "user"},
		event.AgentTerminalChanged{AgentRef: a1, Session: "s1", Kind: "user", Status: event.TerminalOnline, Expires: at(500)},
		event.AgentAlerted{AgentRef: a1, Alert: "al1", Condition: "Waiting", Expression: "waiting > 3", Threshold: "3", Value: "4"},
		// A direct call to a1, and one that the queue brings.
		event.InteractionCreated{Ref: event.Ref{Interaction: "c0", Media: event.MediaPhone, Leg: "l"}, Direction: event.DirectionIn, Agent: "a1", Dialled: "4001", Customer: customer, Publicity: event.PublicityPrivate},
		event.InteractionEnded{Ref: event.Ref{Interaction: "c0", Media: event.MediaPhone}, Initiator: event.InitiatorCustomer, Reason: event.EndReason("normal"), Agent: "a1"},
		event.InteractionCreated{Ref: ref, Direction: event.DirectionIn, Dialled: "100", Customer: customer, CallList: "list1"},
		event.InteractionQueued{Ref: ref, Queue: "q1"},
		event.InteractionOffered{Ref: ref, Agent: "a1", Queue: "q1", Address: "4001", Detail: "skill"},
		event.InteractionOfferEnded{Ref: ref, Agent: "a1", Queue: "q1", Reason: event.OfferNoAnswer, Detail: "SIP 480"},
		event.InteractionRedirected{Ref: ref, Agent: "a1", Target: "a2", TargetKind: event.TargetAgent, Reason: "NoAnswer"},
		event.InteractionRedirected{Ref: ref, Queue: "q1", Target: "a1", TargetKind: event.TargetAgent, Connected: "ivr", Reason: "QueueFull", Overflow: "QueueOverflowDefault", Rule: "main", Number: "100", Detail: "timer"},
		event.InteractionOffered{Ref: ref, Agent: "a1", Queue: "q1", Address: "4001", Detail: "skill"},
		event.InteractionAccepted{Ref: ref, Agent: "a1", Queue: "q1", Address: "4001", Legs: &event.Legs{Agent: "leg-2"}, Wrapup: "w1", WrapupLimitMS: 30000},
		event.InteractionHeld{Ref: ref, Agent: "a1"},
		event.InteractionResumed{Ref: ref, Agent: "a1"},
		event.InteractionMessage{Ref: ref, Role: event.RoleCustomer, Text: "hello", Confidence: 0.9, OffsetMS: 10, DurationMS: 20, Interim: true, Queue: "q1", CallList: "list1"},
		event.InteractionSupervisionChanged{Ref: ref, Supervisor: "s1", Agent: "a1", Kind: event.SupervisionMonitor, State: event.SupervisionConnected, SupervisorLeg: "leg-7", Queue: "q1"},
		event.InteractionTransferStarted{Ref: ref, Agent: "a1", Kind: event.TransferConsult, Target: "a2", TargetKind: event.TargetAgent},
		event.InteractionTransferConnected{Ref: ref, Agent: "a1", Kind: event.TransferConsult, Target: "a2", TargetKind: event.TargetAgent},
		event.InteractionTransferCancelled{Ref: ref, Agent: "a1", Kind: event.TransferConsult, Target: "a2", TargetKind: event.TargetAgent, Reason: event.EndReason("normal"), Detail: "changed her mind"},
		event.InteractionRecordingReady{Ref: ref, Recording: "r1", Agent: "a1", Channel: "1", Conversion: "v1"},
		event.InteractionReleased{Ref: ref, Agent: "a1", Queue: "q1"},
		event.InteractionWrapupStarted{Ref: ref, Agent: "a1", Queue: "q1", Wrapup: "w1", LimitMS: 30000, CallList: "list1", Callback: "cb1"},
		event.InteractionEnded{Ref: ref, Initiator: event.InitiatorAgent, Reason: event.EndReason("normal"), Agent: "a1", Queue: "q1", Detail: "16"},
		event.InteractionWrapupEnded{Ref: ref, Agent: "a1", Queue: "q1", Wrapup: "w1", Reason: event.WrapupManual, ElapsedMS: 9000, CallList: "list1", Callback: "cb1"},
		event.AgentWrapupRequested{AgentRef: a1, Action: event.WrapupInitiate, WithoutCall: event.WithoutCallYes, LimitMS: 10000, Wrapup: "w2", Interaction: "c1", Leg: "leg-1", Queue: "q1", Callback: "cb1", CallList: "list1"},
		event.AgentWrapupRequested{AgentRef: a1, Action: event.WrapupTerminate, Wrapup: "w2", Reason: "manual"},
		// A call that goes out.
		event.InteractionCreated{Ref: out, Direction: event.DirectionOut, Agent: "a1", Dialled: "+358402", CallAs: "100", Customer: customer},
		event.InteractionCustomerAccepted{Ref: out, Agent: "a1", Number: "+358402"},
		event.InteractionHeld{Ref: out, Agent: "a1"},
		event.InteractionResumed{Ref: out, Agent: "a1"},
		event.InteractionRecordingReady{Ref: out, Recording: "r2", Agent: "a1", Channel: "2", Conversion: "v2"},
		event.InteractionEnded{Ref: out, Initiator: event.InitiatorAgent, Reason: event.EndReason("normal"), Agent: "a1", Detail: "16"},
		event.CallbackChanged{
			Callback: "cb1", Change: event.CallbackCreated, Kind: event.CallbackRequested, List: "list1", Interaction: "c1", Leg: "leg-1", Queue: "q1", Channel: "Sales", Dialled: "100", Agent: "a1",
			Personal: true, Customer: customer, Message: "call me", Note: "soon", Priority: "high", Created: at(1), Modified: at(2), ModifiedBy: "a1", Due: at(3), NotBefore: at(4),
			Expires: at(5), Recording: "r1", Transcript: "t1", Classification: "k1",
			Attempts: []event.CallbackAttempt{{ID: "at1", Agent: "a1", At: at(6), Type: 2, Note: "busy", Recording: "r3", Interaction: "c9"}},
			Extras:   []event.CallbackExtra{{ID: 7, Name: "color", Value: "red"}}, Related: []event.CallbackRelated{{Callback: "cb2", List: "list1", Status: 3}},
		},
	}
}

// Every event of the page is sent with exactly the documented properties, in the
// documented kinds of JSON.
func TestEveryEventOfThePage(t *testing.T) {
	c := open(t, nil)
	documented := page(t)
	p := c.connect("ada")
	user, supervisor, queue := c.guid(event.EntityUser, "anna"), c.guid(event.EntityUser, "sue"), c.guid(event.EntityQueue, "q1")
	list := event.GUID(tenant, "call_list", "list1")
	available, _ := p.invoke("AvailableSubscriptions", "surplus")
	names := map[string]string{} // of the events, with the entity
	for _, n := range available.([]any) {
		name := n.(string)
		names[name] = user
		switch name {
		case "QueueStatus":
			names[name] = queue
		case "CallbackChanged":
			names[name] = list
		case "UserCallAvailableForMonitoring":
			names[name] = supervisor
		}
	}
	if len(names) != 36 {
		t.Fatalf("%d events", len(names))
	}
	var entries [][2]string
	for name, entity := range names {
		entries = append(entries, [2]string{entity, name})
	}
	for i, wrong := range p.subscribe("Subscribe", entries...) {
		if wrong != "" {
			t.Fatalf("%v: %s", entries[i], wrong)
		}
	}
	c.say(everything()...)
	seen := map[string]map[string]any{} // the fullest of each
	for len(seen) < 36 {
		a := p.next()
		if a.Type != 1 {
			t.Fatalf("%+v", a)
		}
		m := a.Arguments[0]
		data := m["data"].(map[string]any)
		name := data["eventType"].(string)
		if seen[name] == nil || nulls(data) < nulls(seen[name]["data"].(map[string]any)) {
			seen[name] = m
		}
	}
	for name, m := range seen {
		doc, ok := documented[name]
		if name == "UserTerminalStatus" {
			doc, ok = documented["UserTerminalStatusEvent"]
		}
		if !ok {
			t.Errorf("%s is not on the page", name)
			continue
		}
		data := m["data"].(map[string]any)
		want := map[string]any{}
		for k, v := range doc.Example {
			want[strings.ToLower(k[:1])+k[1:]] = v
		}
		for k := range doc.Types {
			if _, there := want[strings.ToLower(k[:1])+k[1:]]; !there {
				want[strings.ToLower(k[:1])+k[1:]] = nil
			}
		}
		if doc.Example == nil {
			for _, k := range []string{"rootEntityType", "rootEntityId", "eventType", "entityType", "entityId", "id", "timestamp", "messageTTLSeconds"} {
				want[k] = ""
			}
			want["messageTTLSeconds"] = 0.0
		}
		if got, wanted := slices.Sorted(maps.Keys(data)), slices.Sorted(maps.Keys(want)); !slices.Equal(got, wanted) {
			t.Errorf("%s has %v, the page %v", name, got, wanted)
			continue
		}
		for k, example := range want {
			typ := ""
			for documented, t := range doc.Types {
				if strings.EqualFold(documented, k) {
					typ = t
				}
			}
			kind := kindOf(data[k])
			switch {
			case example != nil && kindOf(example) != kind:
				t.Errorf("%s.%s is %s (%v), in the example %v", name, k, kind, data[k], example)
			case typ != "" && !slices.Contains(kindsOf(typ), kind):
				t.Errorf("%s.%s is %s (%v), the table says %s", name, k, kind, data[k], typ)
			}
		}
		if doc.Example != nil && data["messageTTLSeconds"] != doc.Example["MessageTTLSeconds"] {
			t.Errorf("%s: TTL %v", name, data["messageTTLSeconds"])
		}
		sub := m["subscription"].(map[string]any)
		if sub["eventType"] != name || sub["entityId"] != names[name] || data["entityId"] != names[name] || sub["organizationId"] != organization || data["rootEntityId"] != organization ||
			sub["rootEntityType"] != "Organization" || sub["allEntities"] != false || sub["allRootEntities"] != false || len(sub) != 9 {
			t.Errorf("%s: subscription %v", name, sub)
		}
	}
	other := c.guid(event.EntityUser, "bert")
	for name, property := range map[string]string{"UserCallInTransferStarted": "transferTarget", "UserCallInTransferConnected": "connectedTarget", "UserCallInUserOverflow": "target"} {
		if got := seen[name]["data"].(map[string]any)[property]; got != other {
			t.Errorf("%s.%s is %v, bert is %s", name, property, got, other)
		}
	}
	parts := seen["CallbackChanged"]["data"].(map[string]any)
	for list, name := range map[string]string{"callbackAttempts": "CallbackAttempt", "callbackExtras": "CallbackExtra", "callbackRelatedItems": "CallbackRelatedItem"} {
		item := parts[list].([]any)[0].(map[string]any)
		for k, example := range documented[name].Example {
			v, ok := item[strings.ToLower(k[:1])+k[1:]]
			if !ok || len(item) != len(documented[name].Example) || example != nil && kindOf(v) != kindOf(example) {
				t.Errorf("%s.%s: %v in %v", name, k, v, item)
			}
		}
	}
	asyncapi(t, seen)
}

func nulls(m map[string]any) (n int) {
	for _, v := range m {
		if v == nil {
			n++
		}
	}
	return n
}

// The sample of a live message on the page: its members are all there, in camel case and
// in the same order; by configuration in the case of the reference part.
func TestTheLiveSample(t *testing.T) {
	for _, pascal := range []bool{false, true} {
		c := open(t, func(o *hub.Options) { o.Pascal = pascal })
		p := c.connect("ada")
		c.say(event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "a1"}, Presence: event.PresenceAvailable})
		if _, failure := p.invoke("Subscribe", []any{map[string]any{"entityid": c.guid(event.EntityUser, "anna"), "EVENTNAME": 141}}); failure != "" {
			t.Fatal(failure)
		}
		members := []string{"rootEntityType", "rootEntityId", "eventType", "entityType", "entityId", "messageTTLSeconds", "userId", "organizationId", "canBeAllocatedTo",
			"talking", "activeQueueId", "available", "schedule", "serving", "serviceTerminals", "activeQueues", "parkedCalls", "wrapUpEnd", "servingCallback", "fetchMode", "id", "timestamp"}
		for len(p.texts) == 0 {
			p.next()
		}
		text := p.texts[0]
		at := 0
		for _, m := range members {
			if pascal {
				m = strings.ToUpper(m[:1]) + m[1:]
			}
			i := strings.Index(text[at:], fmt.Sprintf("%q:", m))
			if i < 0 {
				t.Fatalf("pascal %v: %s is not behind the others in %s", pascal, m, text)
			}
			at += i
		}
	}
}
