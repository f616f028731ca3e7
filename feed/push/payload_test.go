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
	fold := floor.NewFold(floor.Options{})
	var out []eventlog.Record
	for len(out) < n {
		o, ok := centre.Next()
		if !ok {
			break
		}
		e, err := event.Encode(o.Meta, o.Fact)
		if err != nil {
			t.Fatal(err)
		}
		queue := []event.Event{e}
		for derived := false; len(queue) > 0; derived = true {
			rec := commit.Record{Seq: uint64(len(out) + 1), Received: o.Meta.Time.UTC().Truncate(time.Millisecond), Raw: queue[0].Raw, Derived: derived}
			queue = queue[1:]
			ctx, more := fold.Apply("acme", &rec)
			rec.Context = slices.Clone(ctx)
			for _, d := range more {
				queue = append(queue, d.Event)
			}
			out = append(out, rec)
		}
	}
	return out
}

// allowed are the documented members, by feed and part.
var allowed = map[push.Kind]map[string][]string{
	push.Activity: {
		"data": {"rep_id", "agent_id", "desk_mode", "rep_name", "agent_given_name", "agent_family_name", "agent_display_name", "external_rep_id", "max_slots", "queue_ids", "queue_names"},
		"details": {"status_updated_ts", "status_description", "routing_status_updated_ts", "routing_status", "assignment_load_updated_ts", "assigned_customer_ct",
			"previous_routing_status_updated_ts", "previous_routing_status", "previous_routing_status_duration_sec", "previous_routing_status_start_ts"},
	},
	push.Journey: {
		"data": {"customer_id", "opportunity_origin", "opportunity_id", "queue_id", "group_id", "session_id", "session_type", "user_id", "user_type", "session_update_ts",
			"agent_id", "rep_id", "agent_name", "agent_given_name", "agent_family_name", "agent_display_name", "queue_name", "external_agent_id"},
		"details": {"issue_start_ts", "intent_code", "business_intent_code", "flow_node_type", "flow_node_name", "intent_code_path", "business_intent_code_path", "flow_name_path",
			"business_flow_name_path", "issue_ended_ts", "survey_responses", "survey_submit_ts", "last_flow_action_called_ts", "last_flow_action_called_node_name",
			"last_flow_action_called_action_id", "last_flow_action_called_version", "last_flow_action_called_inputs", "detected_ts", "escalated_ts", "queued_ts", "assigned_ts",
			"abandoned_ts", "queued_ms", "opportunity_ended_ts", "ended_type", "assigment_ended_ts", "handle_ms", "is_ghost_customer", "last_agent_utterance_ts", "agent_utterance_ct",
			"agent_first_response_ms", "timeout_ts", "last_customer_utterance_ts", "customer_utterance_ct", "is_resolved", "customer_ended_ts", "uploaded_files_list",
			"last_assignment_summary_ts", "last_assignment_summary_text", "disposition_ts", "disposition_fields",
			"customer_params_field_01", "customer_params_field_02", "customer_params_field_03", "customer_params_field_04", "customer_params_field_05", "customer_params_field_06",
			"customer_params_field_07", "customer_params_field_08", "customer_params_field_09", "customer_params_field_10", "customer_params_key_name_01", "customer_params_key_name_02",
			"customer_params_key_name_03", "customer_params_key_name_04", "customer_params_key_name_05", "customer_params_key_name_06", "customer_params_key_name_07",
			"customer_params_key_name_08", "customer_params_key_name_09", "customer_params_key_name_10"},
	},
	push.Queue: {
		"data": {"queue_id", "group_id", "queue_name", "business_hours_time_zone_offset_minutes", "business_hours_time_zone_name", "business_hours_start_minutes", "business_hours_end_minutes",
			"holiday_closed_dates", "queue_capping_enabled", "queue_capping_estimated_wait_time_seconds", "queue_capping_size", "queue_capping_fallback_size", "mitigation_status",
			"queue_availability_next_scheduled_open_ts", "queue_availability_next_scheduled_close_ts"},
		"details": {"last_queue_size", "last_queue_size_ts", "queue_availability_is_closed", "queue_availability_is_closed_by_business_hours", "queue_availability_is_closed_by_holiday_settings",
			"queue_availability_is_closed_by_estimated_wait_time_cap", "queue_availability_is_closed_by_size_cap", "queue_availability_is_closed_by_fallback_size_cap",
			"queue_availability_is_closed_by_mitigation"},
	},
}

var metaAllowed = []string{"create_time", "event_time", "session_id", "issue_id", "company_subdivision", "company_id", "company_segments", "client_id", "client_type"}

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
	types := map[string]int{}
	for i := range recs {
		msgs := push.Project("acme", &recs[i], nil, i%2 == 0)
		again := push.Project("acme", &recs[i], nil, i%2 == 0)
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
			checkPayload(t, m)
		}
	}
	for _, f := range []push.Kind{push.Journey, push.Activity, push.Queue} {
		for _, typ := range push.Types(f) {
			if types[typ] == 0 && !slices.Contains(notSimulated, typ) && !testing.Short() {
				t.Errorf("no %s in %d records", typ, len(recs))
			}
		}
	}
	t.Logf("%d records, %d payloads of %d types", len(recs), len(ids), len(types))
}

// notSimulated are types that the simulated day has no fact for; TestEachFact makes them.
var notSimulated = []string{"holiday_settings_updated", "queue_mitigation_updated"}

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

func checkPayload(t *testing.T, m push.Message) {
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
}
