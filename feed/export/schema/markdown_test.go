package schema_test

import (
	"bytes"
	"os"
	"testing"

	"trunkline/feed/export/schema"
)

func TestTheReferenceIsWhatTheTablesAre(t *testing.T) {
	const file = "../../../docs/export-tables.md"
	var b bytes.Buffer
	if err := schema.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw, b.Bytes()) {
		t.Errorf("%s is out of date: go test ./feed/export/schema -run Reference -update", file)
	}
}

// TestEveryTableOfTheGuideIsThere lists the tables of the vendor's de-duplication guide.
func TestEveryTableOfTheGuideIsThere(t *testing.T) {
	for _, name := range []string{
		"admin_activity", "agent_journey_rep_event_frequency", "autopilot_flow", "cobrowsing", "convos_intents", "convos_intents_ended", "convos_metadata",
		"convos_metadata_ended", "convos_metrics", "convos_metrics_ended", "convos_summary_tags", "csid_containment", "csid_containment_1d", "customer_feedback",
		"customer_params", "dim_queues", "export_row_counts", "fact_convos_missed_ends", "flow_completions", "flow_detail", "intents", "issue_callback_3d",
		"issue_omnichannel", "issue_queues", "issue_sentiment", "issue_session_merge", "issue_type", "knowledge_base", "live_agent_opportunities",
		"queue_check_ins", "queue_membership_wfm", "queue_wfm", "quick_reply_buttons", "reps", "rep_activity", "rep_assignment_disposition", "rep_attributes",
		"rep_augmentation", "rep_convos", "rep_hierarchy", "rep_utilized", "sms_events", "transfers", "utterances", "voice_intents",
	} {
		if _, ok := schema.Find(name); !ok {
			t.Errorf("no table %s", name)
		}
	}
}
