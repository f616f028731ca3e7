package push_test

import "trunkline/feed/push"

// allowed are the documented members, by feed and part.
var allowed = map[push.Kind]map[string][]string{
	push.Activity: {
		"data": {"rep_id", "agent_id", "desk_mode", "rep_name", "agent_given_name", "agent_family_name", "agent_display_name", "external_rep_id", "max_slots", "queue_ids", "queue_names"},
		"details": {"status_updated_ts", "status_description", "routing_status_updated_ts", "routing_status", "assignment_load_updated_ts", "assigned_customer_ct",
			"previous_routing_status_updated_ts", "previous_routing_status", "previous_routing_status_duration_sec", "previous_routing_status_start_ts",
			"utilization_5_min_updated_ts", "utilization_5_min_window_start_ts", "utilization_5_min_window_end_ts", "utilization_5_min_any_status", "utilization_5_min_active",
			"utilization_5_min_away", "utilization_5_min_offline", "utilization_5_min_wrapping_up"},
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
			"queue_availability_last_scheduled_open_ts", "queue_availability_last_scheduled_close_ts",
			"queue_availability_next_scheduled_open_ts", "queue_availability_next_scheduled_close_ts"},
		"details": {"last_queue_size", "last_queue_size_ts", "last_queue_size_update_type", "estimated_wait_time_updated_ts", "estimated_wait_time_seconds",
			"estimated_wait_time_is_available", "queue_availability_is_closed", "queue_availability_is_closed_by_business_hours", "queue_availability_is_closed_by_holiday_settings",
			"queue_availability_is_closed_by_estimated_wait_time_cap", "queue_availability_is_closed_by_size_cap", "queue_availability_is_closed_by_fallback_size_cap",
			"queue_availability_is_closed_by_mitigation", "queue_availability_is_estimated_wait_time_after_closed_hours"},
	},
}

var metaAllowed = []string{"create_time", "event_time", "session_id", "issue_id", "company_subdivision", "company_id", "company_segments", "client_id", "client_type"}
