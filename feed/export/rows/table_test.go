package rows_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/feed/export/rows"
	"trunkline/feed/export/schema"
)

// story is a quarter of an hour that has something of everything: a chat that goes
// through a flow and a queue to an agent, is transferred and rated; a call that is held
// and wrapped up, by the same customer; one whose end nobody saw.
func story(t *testing.T) *exporter {
	j := newJournal(t)
	at := func(m, s int) time.Time {
		return start.Add(time.Duration(m)*time.Minute + time.Duration(s)*time.Second)
	}
	settled := true
	customer := &event.Customer{ID: "77", Number: "+15550100", Kind: "registered"}
	j.say(at(0, 0),
		event.QueueConfigured{Queue: "10", Name: "Sales", MaxWaitMS: 600_000},
		event.QueueConfigured{Queue: "vip", Name: "VIP"},
		event.AgentProvisioned{AgentRef: agentRef("ann"), Change: event.ProvisionCreated, Name: "Ann Able", External: "E1", Email: "ann@example.com", Role: "agent", Supervisors: []string{"sue"}, Slots: map[string]int{"chat": 2}},
		event.AgentProvisioned{AgentRef: agentRef("ann"), Change: event.ProvisionQueueAdded, Queue: &event.AgentQueue{ID: "10"}},
		event.AgentProvisioned{AgentRef: agentRef("ann"), Change: event.ProvisionSkillAdded, Skill: &event.AgentSkill{ID: "s1", Name: "French"}},
		event.AgentStatusChanged{AgentRef: agentRef("ann"), Presence: event.PresenceAvailable})
	j.say(at(1, 0), event.InteractionCreated{
		Ref: chat("c1"), Direction: event.DirectionIn, Channel: "web", ChannelName: "Web site", Customer: customer, Session: &event.Session{ID: "s9", Type: "web"},
		Client: &event.Client{ID: "firefox", Type: "web"}, Subdivision: "north", Segments: []string{"fibre", "mobile"}, Language: "fr", Attributes: event.Attributes{"plan": "gold"},
	})
	j.say(at(1, 10), event.InteractionFlowVisited{Ref: chat("c1"), Flow: "menu", Node: "hello", Outcome: event.FlowVisited})
	j.say(at(1, 20), event.InteractionFlowVisited{Ref: chat("c1"), Flow: "menu", Node: "done", Outcome: event.FlowSuccess})
	j.say(at(1, 30), event.InteractionIntentDetected{Ref: chat("c1"), Code: "BUY", Name: "Buy", Path: []string{"BUY"}, BusinessCode: "B1"})
	j.say(at(2, 0), event.InteractionQueued{Ref: chat("c1"), Queue: "10", Reason: event.EntryEscalate})
	j.say(at(2, 30), event.InteractionCheckedIn{Ref: chat("c1"), Role: event.RoleCustomer})
	j.say(at(3, 0), event.InteractionAccepted{Ref: chat("c1"), Agent: "ann", Queue: "10"})
	j.say(at(3, 5), event.InteractionMessage{Ref: chat("c1"), Role: event.RoleCustomer, Text: "Hello?"},
		event.InteractionMessage{Ref: chat("c1"), Role: event.RoleCustomer, Text: "Anyone?"})
	j.say(at(3, 25), event.InteractionMessage{Ref: chat("c1"), Role: event.RoleAgent, Speaker: "ann", Text: "Yes\tI am here"})
	j.say(at(3, 30), event.InteractionMessage{Ref: chat("c1"), Role: event.RoleCustomer, Text: "Fine", Interim: true})
	j.say(at(3, 35), event.InteractionMessage{Ref: chat("c1"), Role: event.RoleCustomer, Text: "Fine"})
	j.say(at(4, 0), event.InteractionTransferStarted{Ref: chat("c1"), Agent: "ann", Kind: event.TransferQueue, Target: "vip", TargetKind: event.TargetQueue})
	j.say(at(4, 5), event.InteractionTransferCancelled{Ref: chat("c1"), Agent: "ann", Kind: event.TransferQueue, Target: "vip", TargetKind: event.TargetQueue})
	j.say(at(5, 0), event.InteractionDispositioned{Ref: chat("c1"), Agent: "ann", Code: "sold", Notes: "two lines", Tags: []string{"big", "new"}})
	j.say(at(5, 10), event.InteractionSummarised{Ref: chat("c1"), Agent: "ann", Text: "They bought."})
	j.say(at(5, 20), event.InteractionReleased{Ref: chat("c1"), Agent: "ann", Initiator: event.InitiatorCustomer})
	j.say(at(5, 20), event.InteractionEnded{Ref: chat("c1"), Initiator: event.InitiatorCustomer, Reason: event.EndNormal, Resolved: &settled})
	j.say(at(5, 30), event.InteractionSurveyAnswered{Ref: chat("c1"), Survey: "after", Answers: []event.SurveyAnswer{{Question: "Well?", Type: "rating", Answer: "4", Ordering: 1}}})

	j.say(at(7, 0), event.InteractionCreated{Ref: call("9001"), Direction: event.DirectionIn, Customer: customer},
		event.InteractionQueued{Ref: call("9001"), Queue: "10", Reason: event.EntryNew})
	j.say(at(7, 10), event.InteractionAccepted{Ref: call("9001"), Agent: "ann", Queue: "10"})
	j.say(at(7, 40), event.InteractionHeld{Ref: call("9001"), Agent: "ann"})
	j.say(at(7, 55), event.InteractionResumed{Ref: call("9001"), Agent: "ann"})
	j.say(at(8, 0), event.InteractionIntentDetected{Ref: call("9001"), Code: "HELP", Name: "Help"})
	j.say(at(8, 10), event.InteractionWrapupStarted{Ref: call("9001"), Agent: "ann", Queue: "10", Wrapup: "w"})
	j.say(at(8, 10), event.InteractionEnded{Ref: call("9001"), Initiator: event.InitiatorAgent, Reason: event.EndNormal})
	j.say(at(8, 30), event.InteractionWrapupEnded{Ref: call("9001"), Agent: "ann", Queue: "10", Wrapup: "w", Reason: event.WrapupManual},
		event.InteractionReleased{Ref: call("9001"), Agent: "ann"})

	j.say(at(9, 0), event.InteractionCreated{Ref: call("lost"), Direction: event.DirectionIn, Customer: &event.Customer{Number: "+15550101"}},
		event.InteractionQueued{Ref: call("lost"), Queue: "vip", Reason: event.EntryNew})
	j.say(at(9, 30), event.SourceReset{SourceRef: event.SourceRef{Source: "pbx"}, Reason: event.ResetRestart})
	j.say(at(10, 0), event.AgentTerminalChanged{AgentRef: agentRef("ann"), Status: event.TerminalOffline})
	j.say(at(10, 30), event.AgentTerminalChanged{AgentRef: agentRef("ann"), Status: event.TerminalOnline})
	j.say(at(12, 0), event.AgentStatusChanged{AgentRef: agentRef("ann"), Presence: event.PresenceBreak, Reason: &event.StatusReason{List: "1", Item: "2", Name: "Lunch"}})
	return export(j, 26*time.Hour)
}

// us is a moment of the story as the tables write it.
func us(m, s int) string {
	return schema.Millis(start.UnixMilli() + int64(m*60_000+s*1000)).String()
}

func TestEveryTable(t *testing.T) {
	x := story(t)
	c1, lost, ann, sue := fmt.Sprint(rows.Number("c1")), fmt.Sprint(rows.Number("lost")), fmt.Sprint(rows.Number("ann")), fmt.Sprint(rows.Number("sue"))
	vip := fmt.Sprint(rows.QueueNumber("vip"))
	covered := map[string]bool{"export_row_counts": true} // see TestTheTablesEqualTheBooks
	for _, c := range []struct {
		table string
		n     int    // rows without duplicates
		one   string // which row is looked at: column=value
		want  string // column=value, separated by |
	}{
		{"admin_activity", 3, "status_description=available", "rep_id=ann|rep_name=Ann Able|status_start_ts=" + us(0, 0) + "|status_end_ts=" + us(12, 0) + "|status_time_seconds=720"},
		{"agent_journey_rep_event_frequency", 14, "event_type=AGENT_TERMINAL_CHANGED", "rep_id=ann|event_count=2|disconnected_count=1|disconnected_seconds=30|company_marker=acme|instance_ts=2026-03-02T00:00:00.000000+00:00"},
		{"convos_intents", 2, "issue_id=" + c1, "first_intent_code=BUY|final_intent_code=BUY|intent_path=BUY|disambig_count=0|is_first_intent_correct=true|first_rep_id=ann|first_utterance_ts=" + us(3, 5)},
		{"convos_intents_ended", 2, "issue_id=9001", "final_intent_code=HELP|customer_id=77"},
		{"convos_metadata", 3, "issue_id=" + c1, "company_subdivision=north|company_segments=fibre,mobile|first_utterance_text=Hello?|issue_created_ts=" + us(1, 0) + "|conversation_end_ts=" + us(5, 20) +
			"|last_event_ts=" + us(5, 30) + "|session_id=s9|session_type=web|external_user_id=77|external_user_type=registered|external_issue_id=c1|external_channel=Web site|customer_id=77|escalated_to_chat=1|platform=web|device_type=firefox" +
			"|first_rep_id=ann|last_rep_id=ann|external_rep_id=E1|assigned_to_rep_time=" + us(3, 0) + "|disposition_event_type=sold|disposition_ts=" + us(5, 0) + "|disposition_notes=two lines|termination_event_type=CUSTOMER_ENDED|ended_resolved=1|ended_other=0" +
			"|session_metadata={\"plan\":\"gold\"}|issue_queue_id=10|issue_queue_name=Sales|csat_rating=4|desk_mode_string=CHAT|desk_mode_flag=1|language_code=fr|last_srs_event_ts=" + us(1, 20)},
		{"convos_metadata_ended", 3, "issue_id=9001", "termination_event_type=AGENT_ENDED|platform=phone|desk_mode_string=VOICE"},
		{"convos_metrics", 3, "issue_id=" + c1, "assisted=1|total_handle_time=140|total_lead_time=140|total_wrap_up_time=0|total_session_time=260|customer_sent_msgs=3|rep_sent_msgs=1|rep_response_count=1|customer_response_count=1" +
			"|total_rep_seconds_to_respond=20|total_cust_seconds_to_respond=10|first_rep_response_count=1|total_seconds_to_first_rep_response=20|time_in_queue=60|attempted_chat=1|hold_ct=0"},
		{"convos_metrics_ended", 3, "issue_id=9001", "total_handle_time=80|total_lead_time=60|total_wrap_up_time=20|hold_ct=1|total_hold_time_seconds=15|time_in_queue=10|total_session_time=70"},
		{"convos_summary_tags", 2, "summary_tag_presented=new", "issue_id=" + c1 + "|rep_id=ann|disposition_ts=" + us(5, 0) + "|summary_tag_selected_bool=true|queue_name=Sales"},
		{"csid_containment", 1, "", "csid=s9|csid_start_ts=" + us(1, 0) + "|csid_end_ts=" + us(5, 30) + "|included_issues=" + c1 + "|is_contained=false|was_enqueued=true|rep_msgs=1|messages_sent=4|has_customer_utterance=true|reps_involved=ann|last_platform=web|event_count=19|customer_id=77"},
		{"csid_containment_1d", 1, "", "csid=s9|is_contained=false|external_customer_id=77"},
		{"customer_feedback", 1, "", "issue_id=" + c1 + "|question=Well?|answer=4|question_type=rating|ordering=1|last_rep_id=ann|feedback_form_type=after|instance_ts=" + us(0, 0) + "|company_segments=fibre,mobile"},
		{"customer_params", 1, "", "issue_id=" + c1 + "|param_key=plan|param_value=gold|event_ts=" + us(1, 0) + "|params={\"plan\":\"gold\"}"},
		{"customer_params_hourly", 1, "", "param_key=plan|session_id=s9"},
		{"dim_queues", 2, "queue_name=VIP", "queue_id=" + vip + "|queue_key=" + fmt.Sprint(rows.Number("vip"))},
		{"fact_convos_missed_ends", 1, "", "issue_id=" + lost + "|external_issue_id=lost|conversation_end_ts=" + us(9, 30)},
		{"flow_completions", 1, "", "issue_id=" + c1 + "|success_rule_id=done|success_event_ts=" + us(1, 20) + "|is_flow_success_issue=true|customer_session_id=s9"},
		{"flow_detail", 2, "event_name=done", "issue_id=" + c1 + "|event_type=SUCCESS|flow_name=menu|event_ts=" + us(1, 20)},
		{"intents", 2, "code=BUY", "name=Buy|short_description=B1"},
		{"issue_callback_3d", 3, "issue_id=" + c1, "next_callback_issue_id=9001|next_callback_issue_created_ts=" + us(7, 0) + "|time_btwn_next_callback_issue_seconds=100|issue_disconnect_ts=" + us(5, 20) + "|callback_prev_issue_id=null"},
		{"issue_callback_3d", 3, "issue_id=9001", "callback_prev_issue_id=" + c1 + "|time_btwn_callback_prev_issue_seconds=100|next_callback_issue_id=null|issue_cutoff_ts=2026-03-05T09:08:10.000000+00:00"},
		{"issue_queues", 3, "issue_id=" + c1, "queue_id=10|queue_name=Sales|enter_queue_ts=" + us(2, 0) + "|exit_queue_ts=" + us(3, 0) + "|abandoned=false|enqueue_time=60|exit_queue_eventtype=ASSIGNED|enter_queue_eventtype=QUEUED_ESCALATE|rep_id=ann|enter_queue_flow_name=menu|enter_queue_message_name=done"},
		{"issue_queues", 3, "issue_id=" + lost, "exit_queue_eventtype=LOST|abandoned=false|rep_id=null"},
		{"issue_type", 3, "issue_id=9001", "issue_type=phone|channel_type=in|queue_id=10|rep_id=ann"},
		{"live_agent_opportunities", 3, "issue_id=" + c1, "opportunity_ts=" + us(2, 0) + "|first_opportunity=true|triggered_when_busy=false|event_type=QUEUED_ESCALATE|previous_event_type=INTENT_DETECTED|by_request=true|by_design=false|assigned_ts=" + us(3, 0) +
			"|dispositioned_ts=" + us(5, 20) + "|customer_end_ts=" + us(5, 20) + "|handle_time_seconds=140|cust_utterance_count=3|rep_utterance_count=1|rep_first_response_ts=" + us(3, 25) + "|intent_code=BUY|is_ghost_customer=false|disposition_event_type=sold|flow_name=menu"},
		{"queue_check_ins", 1, "", "issue_id=" + c1 + "|check_in_ts=" + us(2, 30) + "|check_in_result=assigned|check_in_result_ts=" + us(3, 0) + "|wait_time_threshold_ts=" + us(12, 0) + "|queue_name=Sales|opportunity_ts=" + us(2, 0)},
		{"queue_membership_wfm", 103, "instance_ts=" + us(0, 0), "rep_id=ann|queue_id=10|queue_name=Sales|lin_logged_in_seconds=900|lin_avail_seconds=720|lin_busy_seconds=180|lin_ute_total_seconds=220|lin_ute_avail_seconds=220|export_ts=" + us(30, 0)},
		{"queue_wfm", 104, "instance_ts=" + us(0, 0) + "|queue_name=Sales", "queue_id=10|rep_id=null|assignments=2|abandons=0|handled=2|handle_time_seconds=220|avg_handle_time_seconds=110|wrap_up_time_seconds=20|avg_wrap_up_time_seconds=10|wait_time_seconds=70|avg_wait_time_seconds=35|assigned_within_10s=1|assigned_within_60s=2|rep_count=1"},
		{"rep_activity", 105, "status_id=available", "instance_ts=" + us(0, 0) + "|rep_id=ann|window_status_time=720|linear_ute_time=220|cumul_ute_time=220|unutilized_time=500|max_slots=2|in_status_starting_ts=" + us(0, 0) + "|status_end_ts=" + us(12, 0) + "|last_dispositioned_ts=" + us(5, 0) + "|desk_mode=CHAT"},
		{"rep_assignment_disposition", 1, "", "issue_id=" + c1 + "|rep_id=ann|rep_assigned_ts=" + us(3, 0) + "|disposition_event=sold|disposition_notes_txt=two lines|selected_tags=big,new|selected_tags_ct_distinct=2|auto_summary_txt=They bought."},
		{"rep_attributes", 4, "attribute_name=skill", "rep_id=ann|attribute_value=French|agent_id=" + ann + "|external_rep_id=E1"},
		{"rep_convos", 2, "issue_id=9001", "rep_id=ann|issue_assigned_ts=" + us(7, 10) + "|dispositioned_ts=" + us(8, 30) + "|handle_time_seconds=80|lead_time_seconds=60|wrap_up_time_seconds=20|hold_ct=1|cume_hold_time_seconds=15|queue_id=10|disposition_event_type=WRAPUP_STARTED"},
		{"rep_convos", 2, "issue_id=" + c1, "first_response_seconds=20|cume_rep_response_seconds=20|max_rep_response_seconds=20|avg_rep_response_seconds=20|cume_cust_response_seconds=10|rep_response_ct=1|cust_response_ct=1|customer_end_ts=" + us(5, 20)},
		{"rep_hierarchy", 1, "", "subordinate_rep_id=" + ann + "|superior_rep_id=" + sue + "|reporting_relationship=supervisor"},
		{"rep_utilized", 104, "instance_ts=" + us(0, 0), "rep_id=ann|lin_logged_in_min=15|cum_logged_in_min=30|lin_avail_min=12|cum_avail_min=24|lin_busy_min=3|lin_ute_total_min=4|labor_min=12|busy_clicks_ct=1|max_slots=2|desk_mode=CHAT|workload_level_no_min=11|lin_utilization_level_light_min=4"},
		{"reps", 1, "", "rep_id=ann|agent_id=" + ann + "|name=Ann Able|max_slot=2|rep_status=active|crm_rep_id=E1|created_ts=" + us(0, 0)},
		{"transfers", 1, "", "issue_id=" + c1 + "|rep_id=ann|timestamp_req=" + us(4, 0) + "|timestamp_reply=" + us(4, 5) + "|group_transfer_to=vip|group_transfer_to_name=VIP|requested_group_transfer_id=" + vip + "|group_transfer_from=10|accepted=false|exit_transfer_event_type=TRANSFER_CANCELLED"},
		{"utterances", 4, "utterance=Anyone?", "issue_id=" + c1 + "|sender_id=77|sender_type=customer|created_ts=2026-03-02T09:03:05.000001+00:00|utterance_type=chat|sent_to_rep=true|sequence_id=2"},
		{"voice_intents", 1, "", "issue_id=9001|voice_intent_code=HELP|voice_intent_name=Help"},
	} {
		covered[c.table] = true
		got := latest(t, x, c.table, schema.ByLogical)
		if len(got) != c.n {
			t.Errorf("%s has %d rows, want %d", c.table, len(got), c.n)
		}
		i := slices.IndexFunc(got, func(w written) bool { return c.one == "" || differs(&w, c.one) == "" })
		if i < 0 {
			t.Errorf("%s has no row with %s", c.table, c.one)
			continue
		}
		if d := differs(&got[i], c.want); d != "" {
			t.Errorf("%s: %s in\n%s", c.table, d, got[i].json)
		}
	}
	for _, tb := range filled() {
		if !covered[tb.Name] {
			t.Errorf("nothing is said of %s", tb.Name)
		}
	}
}

// differs says in which of some columns a row is another one.
func differs(w *written, want string) string {
	var out []string
	for pair := range strings.SplitSeq(want, "|") {
		name, v, _ := strings.Cut(pair, "=")
		if got := w.get(name).String(); got != v {
			out = append(out, fmt.Sprintf("%s is %s, not %s", name, got, v))
		}
	}
	return strings.Join(out, "; ")
}
