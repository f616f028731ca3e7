package stream_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/stream"
	"trunkline/floor"
	"trunkline/sim"
)

// checkCounts holds the events of all records against what the floor has counted
// them as: so many, with these numbers, and no number left out.
func (b *book) checkCounts() {
	b.t.Helper()
	p := stream.NewProjection()
	var s stream.Scratch
	next, names := uint64(1), stream.EventNames()
	for i := range b.records {
		var c floor.Context
		if r := &b.records[i]; len(r.Context) > 0 {
			if err := json.Unmarshal(r.Context, &c); err != nil {
				b.t.Fatalf("context %s: %v", r.Context, err)
			}
		}
		n := 0
		err := p.Each(&b.records[i], tenant, epoch, stream.JSON, &s, func(seq uint64, payload []byte) error {
			if seq != next || gjson.GetBytes(payload, "*.msgInfo.sequenceId").Uint() != seq {
				b.t.Fatalf("event %d is %d, and says %s", next, seq, payload)
			}
			e := gjson.GetBytes(payload, "Interaction.event").Str
			if e == "" {
				e = strings.SplitN(string(payload), `"`, 3)[1]
			}
			if s.Event() != e || !slices.Contains(names, e) {
				b.t.Fatalf("%s is called %s", payload, s.Event())
			}
			next++
			n++
			return nil
		})
		if err != nil {
			b.t.Fatal(err)
		}
		if n != c.StreamEvents {
			b.t.Fatalf("%d events, not %d, of %s with %s", n, c.StreamEvents, b.records[i].Raw, b.records[i].Context)
		}
	}
}

func TestEventsAreCountedAsTheFloorDoes(t *testing.T) {
	length := 3 * time.Hour
	if testing.Short() {
		length = 20 * time.Minute
	}
	b := simulated(t, func(c *sim.Config) { c.Agents, c.Length, c.Run, c.Busy = 60, length, 1, true })
	b.checkCounts()
}

// TestEveryWordOfTheVocabulary makes every fact of the vocabulary with every word
// that its fields may have, about an interaction that is known and one that is
// not, and looks at the number of events.
func TestEveryWordOfTheVocabulary(t *testing.T) { everyWord(t).checkCounts() }

func everyWord(t testing.TB) *book {
	t.Helper()
	b := newBook(t)
	b.campaign()
	b.add(on(ref("x"), "one", "two"), event.AgentProvisioned{AgentRef: by("two"), Change: event.ProvisionQueueAdded, Queue: &event.AgentQueue{ID: "591"}})
	over := ref("over")
	b.add(event.InteractionCreated{Ref: over, Direction: event.DirectionIn}, ended(over, event.InitiatorAgent))
	for _, info := range event.Types() {
		words := map[string][]string{"": {""}}
		for _, f := range info.Shape.Fields {
			if f.Shape.Kind == event.KindWord {
				for _, w := range f.Shape.Words {
					words[f.Name] = append(words[f.Name], w.Value)
				}
			}
		}
		ids := []string{"x", "over", "unheard of, " + info.Type}
		if info.Subject != "interaction" {
			ids = ids[:1]
		}
		for name, list := range words {
			for _, w := range list {
				for _, id := range ids {
					b.raw(info, data(info, name, w, id))
				}
				if info.Subject == "interaction" {
					b.raw(info, data(info, name, w, b.rich(event.DirectionIn)))
					b.raw(info, data(info, name, w, b.rich(event.DirectionOut)))
				}
			}
		}
	}
	return b
}

// data is what a fact must have, with a word in one of its fields. One about a
// rich interaction names an agent.
func data(info event.TypeInfo, field, word, id string) map[string]any {
	d := minimal(info.Shape)
	if field != "" {
		d[field] = word
	}
	if _, ok := d["interaction"]; ok {
		d["interaction"] = id
	}
	for _, f := range info.Shape.Fields {
		switch {
		case !strings.HasPrefix(id, "rich"):
		case f.Name == "agent":
			d[f.Name] = "one"
		case f.Name == "ring_limit_ms":
			d[f.Name] = 30_000
		}
	}
	return d
}

// rich is a new interaction of which everything is known that can be.
func (b *book) rich(d event.Direction) string {
	b.t.Helper()
	x := ref(fmt.Sprint("rich ", len(b.records)))
	b.add(event.AgentProvisioned{AgentRef: by("one"), Change: event.ProvisionUpdated, GUID: "g", Address: "40375"},
		event.InteractionCreated{Ref: x, Direction: d, Channel: "+13125555068", Agent: "one", Campaign: "4926",
			Customer: &event.Customer{Number: "+15515557212", Name: "Andrew"}, Attributes: event.Attributes{"tok": "19727"}},
		queued(x), event.InteractionOffered{Ref: x, Agent: "one", RingLimitMS: 30_000}, accepted(x, "one"), recorded(x, "one"),
		event.InteractionDispositioned{Ref: x, Code: "1000"})
	return x.Interaction
}

// TestWrapupsOfTheFloor sees the wrap-ups of a source that tells of none: the floor
// says them, and the stream's events of them are as of others.
func TestWrapupsOfTheFloor(t *testing.T) {
	b := newBook(t)
	x := ref("x")
	b.add(event.InteractionCreated{Ref: x, Direction: event.DirectionIn}, queued(x), offered(x, "one"),
		event.InteractionAccepted{Ref: x, Agent: "one", WrapupLimitMS: 10_000}, released(x, "one"), ended(x, event.InitiatorCustomer))
	b.at = b.at.Add(time.Minute)
	b.add(event.InteractionCreated{Ref: ref("y"), Direction: event.DirectionIn})
	b.checkCounts()
	got := strings.Join(b.families()["x"], " ")
	want := "Created/QUEUED Queued/QUEUED Assigned/QUEUED Accepted/CONNECTED Deassigned/DISCONNECTED PostProcess/DISCONNECTED " +
		"Deleted/DISCONNECTED/CUSTOMER EndPostProcess/DISCONNECTED"
	if got != want {
		t.Errorf("%s\nnot %s", got, want)
	}
}

// minimal is the data of a fact with nothing but what it must have.
func minimal(s *event.Shape) map[string]any {
	out := map[string]any{}
	for _, f := range s.Fields {
		if !f.Required {
			continue
		}
		switch f.Shape.Kind {
		case event.KindText:
			out[f.Name] = "some"
		case event.KindWord:
			out[f.Name] = f.Shape.Words[0].Value
		case event.KindTime:
			out[f.Name] = "2026-03-02T09:00:00Z"
		case event.KindInteger, event.KindNumber:
			out[f.Name] = max(f.Least, 1)
		case event.KindFlag:
			out[f.Name] = true
		case event.KindObject:
			out[f.Name] = minimal(f.Shape)
		case event.KindList:
			out[f.Name] = []any{}
		case event.KindMap:
			out[f.Name] = map[string]any{}
		}
	}
	return out
}

// raw adds a fact as JSON.
func (b *book) raw(info event.TypeInfo, data map[string]any) {
	b.t.Helper()
	subject := info.Subject
	if id, ok := data[subject].(string); ok {
		if subject += "/" + id; info.Subject == "entity" {
			subject = id
		}
	}
	raw, err := json.Marshal(map[string]any{"specversion": "1.0", "id": fmt.Sprint("w", len(b.records)), "source": "/test",
		"type": info.Type, "subject": subject, "tenant": tenant, "time": b.at.Format(time.RFC3339), "data": data})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := event.Parse(raw, event.Limits{}); err != nil {
		b.t.Fatalf("%s: %v", raw, err)
	}
	b.put(raw, nil, b.at, false)
}

// last is the one event of the fact added last, as JSON.
func (b *book) last() gjson.Result {
	b.t.Helper()
	var out string
	b.each(stream.JSON, func(r *eventlog.Record, _ uint64, payload []byte) {
		if r.Seq == uint64(len(b.records)) && out == "" {
			out = string(payload)
		}
	})
	return gjson.Parse(out)
}

// TestWaysOfHangingUp sees every initiator and every reason of the vendor's page.
func TestWaysOfHangingUp(t *testing.T) {
	reasons := map[event.EndReason]string{
		event.EndNone: "CEC_NONE", event.EndNormal: "CEC_DISCONNECT_NORMAL", event.EndBusy: "CEC_DISCONNECT_BUSY",
		event.EndBadAddress: "CEC_DISCONNECT_BADADDRESS", event.EndNoAnswer: "CEC_DISCONNECT_NOANSWER",
		event.EndCancelled: "CEC_DISCONNECT_CANCELLED", event.EndRejected: "CEC_DISCONNECT_REJECTED",
		event.EndFailed: "CEC_DISCONNECT_FAILED", event.EndBlocked: "CEC_DISCONNECT_BLOCKED",
	}
	who := map[event.Initiator]string{event.InitiatorSystem: "SYSTEM", event.InitiatorAgent: "AGENT", event.InitiatorCustomer: "CUSTOMER"}
	b, n := newBook(t), 0
	for r, reason := range reasons {
		for i, initiator := range who {
			n++
			x := ref(fmt.Sprint("x", n))
			b.add(event.InteractionCreated{Ref: x, Direction: event.DirectionOut}, event.InteractionEnded{Ref: x, Initiator: i, Reason: r})
			e := b.last().Get("Interaction")
			if e.Get("callHangupReason").Str != reason || e.Get("hangupInitiator").Str != initiator || e.Get("callState").Str != "CS_DISCONNECTED" {
				t.Errorf("%s by %s: %s", r, i, e.Raw)
			}
		}
	}
	if len(reasons) != 9 {
		t.Errorf("%d reasons", len(reasons))
	}
}

// TestStatesOfAgents follows agents through the vendor's numbered states.
func TestStatesOfAgents(t *testing.T) {
	b := newBook(t)
	state := func(want int64, reason string, f event.Fact) {
		t.Helper()
		n := len(b.payloads(stream.JSON))
		b.add(f)
		var last gjson.Result
		for _, p := range b.payloads(stream.JSON)[n:] {
			if e := gjson.Parse(p).Get("AgentStatusChange"); e.Exists() {
				last = e
			}
		}
		if last.Get("newState").Int() != want || last.Get("newReasonCodeUser").Str != reason || last.Get("statusEventTS").Int() != b.at.Unix() {
			t.Errorf("after %T: %s, not %d for %q", f, last.Raw, want, reason)
		}
	}
	for presence, want := range map[event.Presence]int64{
		event.PresenceLoggedOut: 1, event.PresenceOffWork: 1, event.PresenceLoggedIn: 2, event.PresenceBreak: 3,
		event.PresenceBeRightBack: 3, event.PresenceAway: 3, event.PresenceAvailable: 4, event.PresenceWorkOffline: 5,
		event.PresenceDoNotDisturb: 5, event.PresenceBusy: 9,
	} {
		state(want, "801=1722", event.AgentStatusChanged{AgentRef: by("a"), Presence: presence, Reason: &event.StatusReason{List: "801", Item: "1722"}})
	}
	state(4, "", event.AgentStatusChanged{AgentRef: by("one"), Presence: event.PresenceAvailable})
	x := ref("x")
	b.add(event.InteractionCreated{Ref: x, Direction: event.DirectionIn}, queued(x))
	queue := "591"
	state(6, "", event.InteractionOffered{Ref: x, Agent: "one", Queue: queue})
	state(4, "", event.InteractionOfferEnded{Ref: x, Agent: "one", Reason: event.OfferRejected})
	state(6, "", event.InteractionOffered{Ref: x, Agent: "one", Queue: queue})
	state(7, "", event.InteractionAccepted{Ref: x, Agent: "one", Queue: queue})
	state(8, "", wrapping(x, "one"))
	state(4, "", wrapped(x, "one"))
	y := ref("y")
	b.add(event.InteractionCreated{Ref: y, Direction: event.DirectionIn, Agent: "one"}, offered(y, "one"))
	state(10, "", accepted(y, "one"))
	state(4, "", ended(y, event.InitiatorAgent))
	state(3, "-1=7", event.AgentStatusChanged{AgentRef: by("one"), Presence: event.PresenceBreak, Reason: &event.StatusReason{Item: "7"}})
}

// TestChangesOfAgents sees one AgentProvChange for each change.
func TestChangesOfAgents(t *testing.T) {
	b := newBook(t)
	no := false
	for _, c := range []struct {
		fact event.AgentProvisioned
		want string
	}{
		{event.AgentProvisioned{Change: event.ProvisionCreated, Name: "Ann"}, `yes AgentCreated   `},
		{event.AgentProvisioned{Change: event.ProvisionDisabled}, `no AgentDisabled   `},
		{event.AgentProvisioned{Change: event.ProvisionSkillAdded, Skill: &event.AgentSkill{ID: "s"}}, `yes AgentSkillCreated s s `},
		{event.AgentProvisioned{Change: event.ProvisionSkillRemoved, Skill: &event.AgentSkill{ID: "s", Assignment: "a-s"}}, `no AgentSkillDeleted a-s s `},
		{event.AgentProvisioned{Change: event.ProvisionQueueAdded, Queue: &event.AgentQueue{ID: "acme~~queue~~phone~~591"}}, `yes AgentQueueCreated   591`},
		{event.AgentProvisioned{Change: event.ProvisionQueueChanged, Queue: &event.AgentQueue{ID: "acme~~1162~~phone~~g", Active: &no}}, `no AgentQueueChanged   1162`},
	} {
		c.fact.Agent = "one"
		b.add(c.fact)
		e := b.last().Get("AgentProvChange")
		got := fmt.Sprint(e.Get("enabled"), " ", e.Get("event"), " ", e.Get("skillId"), " ", e.Get("tenantSkillId"), " ", e.Get("queueId"))
		if got != c.want || e.Get("agentId").Str != "one" {
			t.Errorf("%s: %s", got, e.Raw)
		}
	}
}

// TestMembersFollowTheFacts looks at members that come from facts before.
func TestMembersFollowTheFacts(t *testing.T) {
	b := newBook(t)
	begun := b.at.Unix() + 3
	b.add(event.QueueConfigured{Queue: "591", Name: "Sales", Media: event.MediaSMS})
	x := event.Ref{Interaction: "x", Media: event.MediaSMS}
	b.add(event.InteractionCreated{Ref: x, Direction: event.DirectionIn, Language: "fi", Attributes: event.Attributes{"a": "0123", "b": "true", "c": "1"}})
	b.add(event.InteractionQueued{Ref: x, Queue: "591"},
		event.InteractionDequeued{Ref: x, Queue: "591", Reason: event.DequeueOverflow},
		event.InteractionQueued{Ref: x, Queue: "592", Priority: 7},
		event.InteractionAttributesChanged{Ref: x, Attributes: event.Attributes{"c": "2", "d": "x"}, Removed: []string{"b"}},
		event.InteractionOffered{Ref: x, Agent: "one", Queue: "592", Address: "40375", RingLimitMS: 30_000},
		event.InteractionAccepted{Ref: x, Agent: "one", Queue: "592"})
	e := b.last().Get("Interaction")
	for path, want := range map[string]string{
		"event": `"InteractionAccepted"`, "eventTS": fmt.Sprint(begun), "queueTime": fmt.Sprint(begun + 2), "queueId": "592", "resourceType": "3",
		"mediaType": `"chat"`, "direction": `"in"`, "participatingAgents": `"one"`, "isAgentInitiated": "false", "callState": `"CS_CONNECTED"`,
		`attachedData.attachedDatum.#(attachedDataKey="a").attachedDataValue`:   `"0123"`,
		`attachedData.attachedDatum.#(attachedDataKey="b").attachedDataValue`:   ``,
		`attachedData.attachedDatum.#(attachedDataKey="c").attachedDataValue`:   `2`,
		`attachedData.attachedDatum.#(attachedDataKey="d").attachedDataValue`:   `"x"`,
		`attachedData.attachedDatum.#(attachedDataKey="que").attachedDataValue`: `"acmecorp01~~queue~~chat~~592"`,
	} {
		if got := e.Get(path).Raw; got != want {
			t.Errorf("%s is %s, not %s, in %s", path, got, want, e.Raw)
		}
	}
	b.add(event.InteractionEnded{Ref: x, Initiator: event.InitiatorCustomer, Reason: event.EndNormal})
	if e := b.last().Get("Interaction"); !e.Get("isQueued").Bool() || e.Get("eventTS").Int() != begun {
		t.Errorf("at the end: %s", e.Raw)
	}
	for _, c := range []struct {
		parent string
		direct bool
	}{{"", true}, {"x", false}} {
		y := event.Ref{Interaction: "y" + c.parent, Media: event.MediaPhone, Parent: c.parent}
		b.add(event.InteractionCreated{Ref: y, Direction: event.DirectionIn, Agent: "one"}, event.InteractionOffered{Ref: y, Agent: "one"})
		if e := b.last().Get("Interaction"); e.Get("event").Str != "InteractionAssigned" || e.Get("isDirectAccess").Bool() != c.direct {
			t.Errorf("of parent %q: %s", c.parent, e.Raw)
		}
	}
}

func TestErrorsOfTheReceiverEndTheRecord(t *testing.T) {
	b := newBook(t)
	b.consult(event.OriginConsult) // its last fact makes two events
	var s stream.Scratch
	stop, n := errors.New("stop"), 0
	err := stream.NewProjection().Each(&b.records[len(b.records)-1], tenant, epoch, stream.JSON, &s, func(uint64, []byte) error {
		n++
		return stop
	})
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("%d events, then %v", n, err)
	}
}

func TestParseFormat(t *testing.T) {
	for name, want := range map[string]stream.Format{"": stream.JSON, "JSON": stream.JSON, "XML": stream.XML,
		"NEWLINE_JSON": stream.NewlineJSON, "NEWLINE_XML": stream.NewlineXML} {
		if f, err := stream.ParseFormat(name); f != want || err != nil || name != "" && f.String() != name {
			t.Errorf("%q: %v, %v", name, f, err)
		}
	}
	for _, name := range []string{"json", "YAML", "JSON "} {
		if _, err := stream.ParseFormat(name); !errors.Is(err, stream.ErrFormat) ||
			err.Error() != fmt.Sprintf("not an output type: %q; the output types are JSON, XML, NEWLINE_JSON, NEWLINE_XML", name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestNoAllocation projects a simulated centre: the memory for the next record is
// there already.
func TestNoAllocation(t *testing.T) {
	b := simulated(t, func(c *sim.Config) { c.Agents, c.Length = 25, 10*time.Minute })
	p := stream.NewProjection()
	for f := stream.JSON; f <= stream.NewlineXML; f++ {
		var s stream.Scratch
		events := 0
		say := func(uint64, []byte) error { events++; return nil }
		n := testing.AllocsPerRun(3, func() {
			events = 0
			for i := range b.records {
				if err := p.Each(&b.records[i], tenant, epoch, f, &s, say); err != nil {
					t.Fatal(err)
				}
			}
		})
		if n/float64(events) > 0.01 {
			t.Errorf("%s: %.0f allocations for %d events", f, n, events)
		}
	}
}
