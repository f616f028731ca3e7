package rows

import (
	"strings"

	"trunkline/feed/export/schema"
)

func noteCells() cells {
	tags := func(v *view) schema.Value { return schema.Some(strings.Join(v.n.Tags, ",")) }
	return cells{
		"rep_id":                    func(v *view) schema.Value { return schema.Some(v.n.Agent) },
		"rep_assigned_ts":           func(v *view) schema.Value { return schema.Micros(v.n.AssignedUS) },
		"disposition_event":         func(v *view) schema.Value { return schema.Some(v.n.Code) },
		"disposition_notes_txt":     func(v *view) schema.Value { return schema.Some(v.n.Text) },
		"disposition_notes_valid":   func(v *view) schema.Value { return schema.Truth(v.n.Text != "") },
		"selected_tags":             tags,
		"selected_tags_ct_distinct": func(v *view) schema.Value { return schema.Int(v.n.distinct()) },
		"auto_summary_txt":          func(v *view) schema.Value { return schema.Some(v.n.Summary) },
	}
}

func (n *note) distinct() int {
	seen := map[string]bool{}
	for _, t := range n.Tags {
		seen[t] = true
	}
	return len(seen)
}

func tagCells() cells {
	return cells{
		"rep_id":                    func(v *view) schema.Value { return schema.Some(v.n.Agent) },
		"queue_id":                  func(v *view) schema.Value { return queueNum(v.i.lastQueue()) },
		"queue_name":                func(v *view) schema.Value { return v.queueName(v.i.lastQueue()) },
		"disposition_ts":            func(v *view) schema.Value { return schema.Millis(v.n.At) },
		"summary_tag_presented":     func(v *view) schema.Value { return schema.Text(v.with[0]) },
		"summary_tag_selected_bool": func(*view) schema.Value { return schema.Truth(true) },
		"disposition_notes":         func(v *view) schema.Value { return schema.Some(v.n.Text) },
	}
}

// factWindow is the quarter of an hour in which the fact happened.
func factWindow(v *view) schema.Value { return schema.Millis(windowOf(v.f.at)) }

func factTime(v *view) schema.Value { return schema.Millis(v.f.at) }

func utteranceCells() cells {
	toAgent := func(v *view) schema.Value {
		return schema.Truth(v.with[1] == "customer" && v.i.partOf("") != nil)
	}
	return cells{
		"instance_ts":    factWindow,
		"created_ts":     func(v *view) schema.Value { return schema.Micros(v.num[0]) },
		"sequence_id":    func(v *view) schema.Value { return schema.Int(v.num[3]) },
		"sender_id":      func(v *view) schema.Value { return num(v.with[0]) },
		"sender_type":    func(v *view) schema.Value { return schema.Some(senderType(v.with[1])) },
		"utterance_type": func(v *view) schema.Value { return schema.Some(v.i.Media) },
		"sent_to_agent":  toAgent,
		"sent_to_rep":    toAgent,
		"utterance":      func(v *view) schema.Value { return schema.Text(v.with[2]) },
		"utterance_start_ts": func(v *view) schema.Value {
			if v.num[2] == 0 || v.i.Created == 0 {
				return factTime(v)
			}
			return schema.Millis(v.i.Created + v.num[1])
		},
		"utterance_end_ts": func(v *view) schema.Value {
			if v.num[2] == 0 || v.i.Created == 0 {
				return factTime(v)
			}
			return schema.Millis(v.i.Created + v.num[1] + v.num[2])
		},
		"event_uuid": func(v *view) schema.Value { return cut(v.f.id, 36) },
	}
}

// senderType is a speaker's role as the tables spell it.
func senderType(role string) string {
	if role == "agent" {
		return "rep"
	}
	return role
}

func feedbackCells() cells {
	return cells{
		"instance_ts":        func(v *view) schema.Value { return schema.Micros(v.num[1]) },
		"last_agent_id":      lastRep,
		"last_rep_id":        lastRep,
		"question":           func(v *view) schema.Value { return schema.Some(v.with[0]) },
		"question_category":  func(v *view) schema.Value { return schema.Some(v.with[1]) },
		"question_type":      func(v *view) schema.Value { return schema.Some(v.with[2]) },
		"answer":             func(v *view) schema.Value { return schema.Some(v.with[3]) },
		"ordering":           func(v *view) schema.Value { return schema.Int(v.num[0]) },
		"feedback_form_type": func(v *view) schema.Value { return schema.Some(v.f.str("survey")) },
	}
}

func paramCells() cells {
	return cells{
		"instance_ts": factWindow,
		"event_ts":    factTime,
		"rep_id": func(v *view) schema.Value {
			if a := v.f.str("agent"); a != "" {
				return schema.Text(a)
			}
			return lastRep(v)
		},
		"event_id":    func(v *view) schema.Value { return cut(v.f.id, 256) },
		"session_id":  func(v *view) schema.Value { return cut(v.i.told("session.id"), 128) },
		"params":      func(v *view) schema.Value { return schema.Some(v.with[2]) },
		"param_key":   func(v *view) schema.Value { return cut(v.with[0], 255) },
		"param_value": func(v *view) schema.Value { return schema.Some(v.with[1]) },
	}
}

func (i *issue) intentCode() schema.Value {
	if i.Intent == nil {
		return schema.Value{}
	}
	return cut(i.Intent.Final, 128)
}

func intentCells() cells {
	return cells{
		"first_agent_id": firstRep,
		"first_rep_id":   firstRep,
		"first_utterance_ts": func(v *view) schema.Value {
			return schema.Text(schema.Millis(v.i.Uttered).String())
		},
		"first_utterance_text":    func(v *view) schema.Value { return cut(v.i.Talk.FirstText, 255) },
		"first_intent_code":       func(v *view) schema.Value { return cut(v.i.Intent.First, 255) },
		"final_intent_code":       func(v *view) schema.Value { return cut(v.i.Intent.Final, 255) },
		"intent_path":             func(v *view) schema.Value { return cut(v.i.Intent.Path, 255) },
		"disambig_count":          func(v *view) schema.Value { return schema.Int(v.i.Intent.Changes) },
		"is_first_intent_correct": func(v *view) schema.Value { return schema.Truth(v.i.Intent.Changes == 0) },
	}
}

func voiceIntentCells() cells {
	return cells{
		"voice_intent_code": func(v *view) schema.Value { return cut(v.i.Intent.Final, 255) },
		"voice_intent_name": func(v *view) schema.Value { return cut(v.i.Intent.Name, 255) },
	}
}

func intentListCells() cells {
	return cells{
		"code":              func(v *view) schema.Value { return cut(v.with[0], 128) },
		"name":              func(v *view) schema.Value { return cut(v.with[1], 256) },
		"short_description": func(v *view) schema.Value { return cut(v.with[2], 1024) },
	}
}

func completionCells() cells {
	done := func(v *view) schema.Value {
		return schema.Truth(v.i.Flow.SuccessAt > 0 && v.i.Flow.NegatedAt < v.i.Flow.SuccessAt)
	}
	return cells{
		"external_user_id":       func(v *view) schema.Value { return cut(v.i.customer(), 255) },
		"customer_session_id":    func(v *view) schema.Value { return schema.Some(v.i.told("session.id")) },
		"success_rule_id":        func(v *view) schema.Value { return cut(v.i.Flow.SuccessOf, 256) },
		"success_event_ts":       func(v *view) schema.Value { return schema.Millis(v.i.Flow.SuccessAt) },
		"negation_rule_id":       func(v *view) schema.Value { return cut(v.i.Flow.NegatedOf, 256) },
		"negation_event_ts":      func(v *view) schema.Value { return schema.Millis(v.i.Flow.NegatedAt) },
		"is_flow_success_event":  func(v *view) schema.Value { return schema.Truth(v.i.Flow.SuccessAt > 0) },
		"is_flow_success_issue":  done,
		"last_relevant_event_ts": func(v *view) schema.Value { return schema.Millis(v.i.Flow.Last) },
	}
}

func stepCells() cells {
	return cells{
		"event_ts":          func(v *view) schema.Value { return schema.Micros(v.num[0]) },
		"event_type":        func(v *view) schema.Value { return schema.Some(strings.ToUpper(v.f.data.Get("outcome").Str)) },
		"session_id":        func(v *view) schema.Value { return cut(v.i.told("session.id"), 128) },
		"flow_name":         func(v *view) schema.Value { return cut(v.f.str("flow"), 255) },
		"event_name":        func(v *view) schema.Value { return schema.Some(v.f.str("node")) },
		"link_resolved_pdl": func(v *view) schema.Value { return schema.Some(v.f.str("link")) },
	}
}

func callbackCells() cells {
	gap := func(from, to int64) schema.Value {
		if from == 0 || to == 0 {
			return schema.Value{}
		}
		return secs(to - from)
	}
	return cells{
		"instance_ts":                       func(v *view) schema.Value { return schema.Millis(windowOf(v.k.Latest)) },
		"issue_id":                          func(v *view) schema.Value { return num(v.k.Issue) },
		"company_subdivision":               func(v *view) schema.Value { return cut(v.k.Subdivision, 255) },
		"company_segments":                  func(v *view) schema.Value { return cut(v.k.Segments, 255) },
		"customer_id":                       func(v *view) schema.Value { return num(v.k.Key) },
		"issue_created_ts":                  func(v *view) schema.Value { return schema.Millis(v.k.Created) },
		"issue_disconnect_ts":               func(v *view) schema.Value { return schema.Millis(v.k.Disconnected) },
		"issue_cutoff_ts":                   func(v *view) schema.Value { return schema.Millis(v.k.cutoff()) },
		"next_callback_issue_id":            func(v *view) schema.Value { return num(v.k.Next) },
		"next_callback_issue_created_ts":    func(v *view) schema.Value { return schema.Millis(v.k.NextAt) },
		"callback_prev_issue_id":            func(v *view) schema.Value { return num(v.k.Prev) },
		"callback_prev_issue_created_ts":    func(v *view) schema.Value { return schema.Millis(v.k.PrevAt) },
		"callback_prev_issue_disconnect_ts": func(v *view) schema.Value { return schema.Millis(v.k.PrevEnd) },
		"time_btwn_next_callback_issue_seconds": func(v *view) schema.Value {
			return gap(v.k.Disconnected, v.k.NextAt)
		},
		"time_btwn_callback_prev_issue_seconds": func(v *view) schema.Value {
			return gap(v.k.PrevEnd, v.k.Created)
		},
	}
}
