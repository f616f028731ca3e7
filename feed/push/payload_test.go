package push_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/commit"
	"trunkline/feed/push"
	"trunkline/floor"
	"trunkline/sim"
)

// day lets a simulated centre work and gives its records as the log would hold them, with the context of the floor.
func day(t testing.TB, agents int, n int) []eventlog.Record {
	t.Helper()
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	centre, err := sim.New(sim.Config{Tenant: "acme", Seed: 7, Agents: agents, Start: start, Offset: sim.OffsetFor(start, 13*time.Hour), Load: 1.3, Busy: true, Transcribed: 1})
	if err != nil {
		t.Fatal(err)
	}
	fold := floor.NewFold(floor.Options{Settings: func(string) floor.Settings { return floor.Settings{Statuses: true} }})
	var out []eventlog.Record
	store := func(at time.Time, derived bool, queue ...event.Event) {
		for ; len(queue) > 0; derived = true {
			rec := commit.Record{Seq: uint64(len(out) + 1), Received: at.UTC().Truncate(time.Millisecond), Raw: queue[0].Raw, Derived: derived}
			queue = queue[1:]
			ctx, more := fold.Apply("acme", &rec)
			rec.Context = slices.Clone(ctx)
			for _, d := range more {
				queue = append(queue, d.Event)
			}
			out = append(out, rec)
		}
	}
	for len(out) < n {
		o, ok := centre.Next()
		if !ok {
			break
		}
		for at, due := fold.Due(); due && !at.After(o.Meta.Time); at, due = fold.Due() {
			for _, d := range fold.Fire(at) {
				store(at, true, d.Event)
			}
		}
		e, err := event.Encode(o.Meta, o.Fact)
		if err != nil {
			t.Fatal(err)
		}
		store(o.Meta.Time, false, e)
	}
	return out
}

type payload struct {
	APIVersion string                     `json:"api_version"`
	Name       string                     `json:"name"`
	Meta       map[string]json.RawMessage `json:"meta_data"`
	Data       map[string]json.RawMessage `json:"data"`
	EventID    string                     `json:"event_id"`
	EventType  string                     `json:"event_type"`
	Details    map[string]json.RawMessage `json:"details"`
}

// TestPayloadsOfADay checks every payload of a simulated day: its members are documented ones, nothing in it is null or
// empty, its id is its own, and projecting it again gives the same.
func TestPayloadsOfADay(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 3000 // too few for every type
	}
	recs := day(t, 60, n)
	ids := map[string]bool{}
	types, seen := map[string]int{}, map[string]bool{}
	for i := range recs {
		msgs := push.Project("acme", &recs[i], nil, i%2 == 0)
		again := msgs
		if i%8 < 2 {
			again = push.Project("acme", &recs[i], nil, i%2 == 0)
		}
		for j, m := range msgs {
			if again[j].ID != m.ID || string(again[j].Body) != string(m.Body) {
				t.Fatalf("projected twice: %s and %s", m.Body, again[j].Body)
			}
			if ids[m.ID] {
				t.Fatalf("the event id %s comes twice: %s", m.ID, m.Body)
			}
			ids[m.ID] = true
			types[m.Type]++
			if m.Feed == push.Raw {
				if !json.Valid(m.Body) {
					t.Fatalf("raw: %s", m.Body)
				}
				continue
			}
			for part, members := range checkPayload(t, m) {
				for k := range members {
					seen[string(m.Feed)+" "+part+" "+k] = true
				}
			}
		}
	}
	for _, f := range []push.Kind{push.Journey, push.Activity, push.Queue} {
		for _, typ := range push.Types(f) {
			if types[typ] == 0 && !testing.Short() {
				t.Errorf("no %s in %d records", typ, len(recs))
			}
		}
	}
	for feed, documented := range allowed {
		for part, members := range documented {
			for _, k := range members {
				k = string(feed) + " " + part + " " + k
				if !seen[k] && !testing.Short() {
					t.Errorf("no payload has %s", k)
				}
			}
		}
	}
	t.Logf("%d records, %d payloads of %d types", len(recs), len(ids), len(types))
}

// TestQueueSettings holds the payloads of a queue's whole configuration against what the vendor documents.
func TestQueueSettings(t *testing.T) {
	at := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	e, err := event.Encode(event.Meta{ID: "1", Source: "/test", Time: at}, event.QueueConfigured{
		Queue: "q1", Name: "Billing", Zone: "Europe/Helsinki",
		Hours:      []event.OpenHours{{Day: event.Sunday, From: "08:00", To: "12:00"}, {Day: event.Saturday, From: "22:00", To: "02:00"}},
		Holidays:   []event.Holiday{{Date: "2026-12-24"}, {Date: "2026-12-31", From: "08:00", To: "12:00"}},
		Caps:       &event.QueueCaps{EstimatedWaitMS: 600_000, Size: 50},
		Mitigation: &event.Mitigation{Active: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	rec := eventlog.Record{Seq: 1, Received: at.Add(5 * time.Millisecond), Raw: e.Raw}
	got := map[string]payload{}
	for _, m := range push.Project("acme", &rec, func(f push.Kind, _ string) bool { return f == push.Queue }, false) {
		checkPayload(t, m)
		var p payload
		if err := json.Unmarshal(m.Body, &p); err != nil {
			t.Fatal(err)
		}
		got[m.Type] = p
	}
	for _, typ := range []string{"queue_info_updated", "business_hours_settings_updated", "holiday_settings_updated", "queue_capping_settings_updated", "queue_mitigation_updated"} {
		p, ok := got[typ]
		if !ok {
			t.Errorf("no %s", typ)
			continue
		}
		for k, want := range map[string]string{
			"queue_id": `"q1"`, "queue_name": `"Billing"`, "business_hours_time_zone_offset_minutes": "180", "business_hours_time_zone_name": `"Europe/Helsinki"`,
			"business_hours_start_minutes": "[480,9960]", "business_hours_end_minutes": "[720,120]", "holiday_closed_dates": `["2026-12-24T00:00:00.000Z"]`,
			"queue_capping_enabled": "true", "queue_capping_estimated_wait_time_seconds": "600", "queue_capping_size": "50", "queue_capping_fallback_size": "0",
			"mitigation_status": `"ACTIVE"`,
		} {
			if string(p.Data[k]) != want {
				t.Errorf("%s: %s is %s, want %s", typ, k, p.Data[k], want)
			}
		}
		if string(p.Meta["create_time"]) != `"2026-07-01T10:00:00.005Z"` || string(p.Meta["event_time"]) != `"2026-07-01T10:00:00.000Z"` {
			t.Errorf("times %s, %s", p.Meta["create_time"], p.Meta["event_time"])
		}
	}
}

// checkPayload checks one payload and gives its members by part.
func checkPayload(t *testing.T, m push.Message) map[string]map[string]json.RawMessage {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(m.Body))
	d.DisallowUnknownFields()
	var p payload
	if err := d.Decode(&p); err != nil {
		t.Fatalf("%v: %s", err, m.Body)
	}
	if p.APIVersion != push.APIVersion || p.Name != "com.asapp.event."+string(m.Feed) || p.EventID != m.ID || p.EventType != m.Type {
		t.Fatalf("envelope of %s", m.Body)
	}
	if !slices.Contains(push.Types(m.Feed), m.Type) {
		t.Fatalf("%s is not in the list of %s", m.Type, m.Feed)
	}
	check := func(part string, members map[string]json.RawMessage, known []string) {
		for k, v := range members {
			if !slices.Contains(known, k) {
				t.Fatalf("%s.%s is not documented: %s", part, k, m.Body)
			}
			if s := string(v); s == "null" || s == `""` || s == "[]" || s == "{}" {
				t.Fatalf("%s.%s is empty: %s", part, k, m.Body)
			}
		}
	}
	check("meta_data", p.Meta, metaAllowed)
	check("data", p.Data, allowed[m.Feed]["data"])
	check("details", p.Details, allowed[m.Feed]["details"])
	for _, k := range []string{"create_time", "event_time"} {
		var at string
		if err := json.Unmarshal(p.Meta[k], &at); err != nil || len(at) != 24 || at[23] != 'Z' {
			t.Fatalf("%s %s: %s", k, p.Meta[k], m.Body)
		}
	}
	if m.Feed == push.Journey && string(p.Data["queue_id"]) != string(p.Data["group_id"]) || string(p.Data["agent_id"]) != string(p.Data["rep_id"]) {
		t.Fatalf("both names carry the same: %s", m.Body)
	}
	return map[string]map[string]json.RawMessage{"data": p.Data, "details": p.Details}
}
