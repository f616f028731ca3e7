package rows

// sheets are the sheets of all tables that have rows.
type sheets struct {
	metadata, metadataEnded, metrics, metricsEnded, missed, kind *sheet
	intents, intentsEnded, voiceIntents, intentList              *sheet
	completions, steps, params, paramsHourly                     *sheet
	queues, opportunities, direct, convos, transfers, checkIns   *sheet
	dispositions, tags, utterances, feedback, callbacks          *sheet
	admin, activity, utilized, frequencies                       *sheet
	containment, containmentDay                                  *sheet
	queueList, reps, attributes, hierarchy, counts               *sheet
	wfm, membership                                              *sheet
}

func newSheets() sheets {
	company, common := companyCells(), issueCells()
	with := func(names string) cells { return pick(merged(company, common), names) }
	s := sheets{
		metadata:      newSheet("convos_metadata", metadataCells(), with("company_id company_subdivision company_segments issue_id customer_id platform device_type company_name desk_mode_flag desk_mode_string first_utterance_ts")),
		metadataEnded: newSheet("convos_metadata_ended", without(metadataCells(), "language_code"), with("company_id company_subdivision company_segments issue_id customer_id platform device_type company_name desk_mode_flag desk_mode_string first_utterance_ts")),
		metrics:       newSheet("convos_metrics", metricCells(), with("company_subdivision company_segments conversation_id customer_id platform device_type issue_id company_name first_utterance_ts")),
		metricsEnded:  newSheet("convos_metrics_ended", metricCells(), with("company_subdivision company_segments conversation_id customer_id platform device_type issue_id company_name first_utterance_ts")),
		missed: newSheet("fact_convos_missed_ends", pick(metadataCells(), "issue_created_ts last_event_ts conversation_end_ts last_rep_id external_issue_id"),
			with("instance_ts company_id company_subdivision company_segments issue_id customer_id company_name")),
		kind: newSheet("issue_type", typeCells(), with("instance_ts issue_id company_id company_subdivision company_segments customer_id company_name")),

		intents:      newSheet("convos_intents", intentCells(), with("conversation_id customer_id issue_id company_name")),
		intentsEnded: newSheet("convos_intents_ended", intentCells(), with("conversation_id customer_id issue_id company_name")),
		voiceIntents: newSheet("voice_intents", voiceIntentCells(), with("instance_ts issue_id company_id company_name")),
		intentList:   newSheet("intents", intentListCells(), with("company_name")),

		completions:  newSheet("flow_completions", completionCells(), with("conversation_id company_id company_subdivision company_segments platform customer_id issue_id company_name")),
		steps:        newSheet("flow_detail", stepCells(), with("conversation_id issue_id company_name")),
		params:       newSheet("customer_params", paramCells(), with("issue_id company_id company_subdivision company_segments customer_id platform company_name")),
		paramsHourly: newSheet("customer_params_hourly", paramCells(), with("issue_id company_id company_subdivision company_segments customer_id platform company_name")),

		queues:        newSheet("issue_queues", visitCells(), with("instance_ts conversation_id company_subdivision company_segments issue_id company_name")),
		opportunities: newSheet("live_agent_opportunities", opportunityCells(), with("instance_ts company_id company_subdivision company_segments customer_id issue_id platform device_type company_name desk_mode_flag desk_mode_string")),
		direct:        newSheet("live_agent_opportunities", opportunityCells(), directCells(), with("instance_ts company_id company_subdivision company_segments customer_id issue_id platform device_type company_name desk_mode_flag desk_mode_string")),
		convos:        newSheet("rep_convos", convoCells(), with("instance_ts conversation_id company_subdivision company_segments issue_id company_name desk_mode_flag desk_mode_string")),
		transfers:     newSheet("transfers", transferCells(), with("instance_ts conversation_id company_id company_subdivision company_segments issue_id company_name")),
		checkIns:      newSheet("queue_check_ins", checkInCells(), with("issue_id customer_id company_id instance_ts company_name")),

		dispositions: newSheet("rep_assignment_disposition", noteCells(), with("company_id issue_id company_name")),
		tags:         newSheet("convos_summary_tags", tagCells(), with("instance_ts issue_id company_id company_subdivision company_segments company_name")),
		utterances:   newSheet("utterances", utteranceCells(), with("conversation_id company_subdivision company_segments issue_id company_name")),
		feedback:     newSheet("customer_feedback", feedbackCells(), with("conversation_id issue_id company_name company_subdivision company_segments platform")),
		callbacks:    newSheet("issue_callback_3d", callbackCells(), with("company_id company_name")),

		containment:    newSheet("csid_containment", sessionCells(), with("instance_ts company_id company_subdivision company_segments customer_id company_name")),
		containmentDay: newSheet("csid_containment_1d", sessionCells(), with("instance_ts company_id company_subdivision company_segments customer_id company_name")),

		admin:       newSheet("admin_activity", adminCells(), with("company_name")),
		activity:    newSheet("rep_activity", activityCells(), with("company_name")),
		utilized:    newSheet("rep_utilized", utilizedCells(), with("company_id company_name")),
		frequencies: newSheet("agent_journey_rep_event_frequency", frequencyCells(), with("company_marker")),

		queueList:  newSheet("dim_queues", queueListCells(), with("company_id company_name")),
		reps:       newSheet("reps", repCells(), with("company_name")),
		attributes: newSheet("rep_attributes", attributeCells(), with("company_name")),
		hierarchy:  newSheet("rep_hierarchy", hierarchyCells(), with("company_name")),
		counts:     newSheet("export_row_counts", countCells(), with("company_name")),

		wfm:        newSheet("queue_wfm", wfmCells(), with("company_id company_name")),
		membership: newSheet("queue_membership_wfm", membershipCells(), with("company_id company_name")),
	}
	return s
}

func merged(parts ...cells) cells {
	out := cells{}
	for _, p := range parts {
		for k, c := range p {
			out[k] = c
		}
	}
	return out
}

func without(c cells, names ...string) cells {
	for _, n := range names {
		delete(c, n)
	}
	return c
}
