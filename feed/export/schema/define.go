package schema

// Reasons why tables stay empty.
const (
	noVirtualAgent = "made by the vendor's own virtual agent, of which no fact tells"
	noAssistant    = "made by the vendor's own assistance to agents, of which no fact tells"
	noFact         = "no fact of the vocabulary tells of it"
)

// define lists the tables without their columns.
func define() []*Table {
	return []*Table{
		of("admin_activity", hour, "rep_id status_description status_start_ts", "status_end_ts", "Statuses that agents set, one row each.").
			guide("company_id rep_id status_description status_start_ts"),
		of("agent_journey_rep_event_frequency", day, "rep_id event_type company_marker instance_ts", "instance_ts", "How often what happened to an agent in a day."),
		of("autopilot_flow", hour, "company_id issue_id form_start_ts", "instance_ts", "Forms of the autopilot.").empty(noAssistant),
		of("cobrowsing", hour, "issue_id cob_start_ts", "instance_ts", "Shared browsing sessions.").empty(noFact),
		of("convos_intents", hour, "issue_id", "first_utterance_ts", "What customers wanted, by issue."),
		of("convos_intents_ended", hour, "issue_id", "first_utterance_ts", "What customers wanted, by issue that is over."),
		of("convos_metadata", hour, "issue_id", "last_event_ts", "What is known of each issue, whenever it changed."),
		of("convos_metadata_ended", hour, "issue_id", "conversation_end_ts", "What is known of each issue that is over."),
		of("convos_metrics", hour, "issue_id", "first_utterance_ts", "Times and counts of each issue, whenever they changed."),
		of("convos_metrics_ended", hour, "issue_id", "first_utterance_ts", "Times and counts of each issue that is over."),
		of("convos_summary_tags", hour, "issue_id company_id summary_tag_presented", "instance_ts", "Tags that agents noted with the outcome."),
		of("csid_containment", hour, "company_id csid", "instance_ts", "Customers' visits on a site or in an app, with all their issues, and whether they needed an agent."),
		of("csid_containment_1d", hour, "company_id csid", "instance_ts", "The same, once, a day after the last fact of the visit."),
		of("customer_feedback", day, "issue_id company_subdivision company_segments last_rep_id question instance_ts", "instance_ts", "Answers to surveys, one row each."),
		of("customer_params", day, "event_id param_key", "instance_ts", "Pairs attached to issues, one row for each change."),
		of("customer_params_hourly", hour, "event_id param_key", "instance_ts", "Pairs attached to issues, one row for each change."),
		of("dim_queues", hour, "queue_key", "", "All queues."),
		of("events", quarter, "id source", "sequence", "The events of the log as they are, with what the log added.").raw(),
		of("export_row_counts", hour, "export_date export_job export_interval", "", "How many rows were written, by table and window."),
		of("fact_convos_missed_ends", hour, "company_id issue_id conversation_end_ts", "instance_ts", "Issues whose end nobody saw."),
		of("flow_completions", hour, "issue_id", "negation_event_ts success_event_ts", "Automated flows that reached their aim.").by("success_event_ts"),
		of("flow_detail", hour, "issue_id event_ts", "event_ts", "Steps of automated flows."),
		of("intents", day, "code name intent_type", "", "The intents that were seen."),
		of("issue_callback_3d", hour, "issue_id", "instance_ts", "Issues of customers who came again within three days."),
		of("issue_entity_genagent", hour, "issue_id", "instance_ts", "Turns of the generative agent.").guide("company_marker issue_id").empty(noVirtualAgent),
		of("issue_entry", hour, "issue_id", "instance_ts", "How issues began on a page.").guide("company_marker issue_id").empty(noFact),
		of("issue_omnichannel", hour, "company_id issue_id third_party_customer_id", "instance_ts", "Issues that came by another vendor's channel.").empty(noFact),
		of("issue_queues", hour, "issue_id queue_id enter_queue_ts", "instance_ts", "Visits to queues."),
		of("issue_sentiment", day, "issue_id", "instance_ts", "The mood of issues.").guide("issue_id created_ts").empty(noFact),
		of("issue_session_merge", hour, "company_id issue_id session_id", "instance_ts", "Issues that were merged.").empty(noFact),
		of("issue_type", hour, "company_id customer_id issue_id", "instance_ts", "The kind of each issue."),
		of("knowledge_base", hour, "issue_id company_id article_id event_ts", "event_ts", "Articles shown to agents.").empty(noAssistant),
		of("live_agent_opportunities", hour, "issue_id customer_id opportunity_ts", "instance_ts", "Chances to reach an agent: one row for each visit to a queue, and one for each contact without a queue."),
		of("queue_check_ins", hour, "issue_id customer_id check_in_ts", "instance_ts", "Signs of waiting customers that they are still there."),
		of("queue_membership_wfm", quarter, "instance_ts company_id rep_id queue_id", "instance_ts", "How agents spent a quarter of an hour, by queue that they served and (without a queue) as a whole.").by("export_ts").optIn(),
		of("queue_wfm", quarter, "instance_ts queue_name rep_id", "instance_ts", "What a queue did in a quarter of an hour.").by("export_ts").optIn(),
		of("quick_reply_buttons", day, "final_intent_code quick_reply_button_text escalated_to_chat escalation_requested quick_reply_button_index", "instance_ts", "Quick replies shown.").empty(noVirtualAgent),
		of("rep_activity", hour, "instance_ts rep_id status_id in_status_starting_ts", "instance_ts", "How long agents were in a status, by quarter of an hour.").by("export_ts").
			guide("company_id instance_ts rep_id status_id in_status_starting_ts"),
		of("rep_assignment_disposition", hour, "company_id issue_id rep_id rep_assigned_ts", "rep_assigned_ts", "What agents noted as the outcome."),
		of("rep_attributes", day, "rep_attribute_id rep_id created_ts", "created_ts", "Skills, queues, groups and further attributes of agents."),
		of("rep_augmentation", hour, "issue_id", "instance_ts", "Suggestions made to agents.").empty(noAssistant),
		of("rep_convos", hour, "issue_id rep_id issue_assigned_ts", "instance_ts", "Agents' parts in issues."),
		of("rep_hierarchy", day, "subordinate_rep_id superior_rep_id", "", "Who supervises whom.").guide("subordinate_agent_id superior_agent_id"),
		of("rep_utilized", hour, "instance_ts rep_id desk_mode", "instance_ts", "How agents were occupied, by quarter of an hour.").by("export_ts"),
		of("reps", day, "rep_id", "created_ts", "All agents."),
		of("sms_events", hour, "sms_flow_id", "", "Text messages sent by flows.").empty(noFact),
		of("transfers", hour, "issue_id rep_id timestamp_req", "instance_ts", "Transfers, asked for and completed."),
		of("utterances", hour, "issue_id sender_id created_ts", "instance_ts", "What was said and written."),
		of("voice_intents", hour, "issue_id company_id", "instance_ts", "What callers wanted."),
	}
}

func (t *Table) raw() *Table {
	t.Raw = true
	return t
}
