package rows

import (
	"strconv"

	"trunkline/feed/export/schema"
	"trunkline/floor/interval"
)

func repID(v *view) schema.Value { return schema.Some(v.with[0]) }

func repName(v *view) schema.Value { return v.agentName(v.with[0]) }

func adminCells() cells {
	return cells{
		"rep_id":             repID,
		"rep_name":           repName,
		"status_description": func(v *view) schema.Value { return schema.Some(v.status.Name) },
		"status_start_ts":    func(v *view) schema.Value { return schema.Millis(v.status.Start) },
		"status_end_ts":      func(v *view) schema.Value { return schema.Millis(v.status.End) },
		"status_time_seconds": func(v *view) schema.Value {
			if v.status.End == 0 {
				return schema.Value{}
			}
			return secs(v.status.End - v.status.Start)
		},
	}
}

func slotStart(v *view) schema.Value { return schema.Millis(v.s.Start) }

// exported is the end of the hour in which the row is written.
func exported(v *view) schema.Value { return schema.Millis(v.at) }

func activityCells() cells {
	name := func(v *view) schema.Value { return schema.Some(v.in.Name) }
	return cells{
		"instance_ts":           slotStart,
		"update_ts":             exported,
		"export_ts":             exported,
		"rep_id":                repID,
		"agent_id":              func(v *view) schema.Value { return num(v.with[0]) },
		"rep_name":              repName,
		"agent_name":            repName,
		"status_id":             func(v *view) schema.Value { return schema.Some(v.in.ID) },
		"status_description":    name,
		"in_status_starting_ts": func(v *view) schema.Value { return schema.Millis(v.in.Since) },
		"linear_ute_time":       func(v *view) schema.Value { return secs(v.in.Ute) },
		"cumul_ute_time":        func(v *view) schema.Value { return secs(v.in.Cume) },
		"unutilized_time":       func(v *view) schema.Value { return secs(v.in.Time - v.in.Ute) },
		"window_status_time":    func(v *view) schema.Value { return secs(v.in.Time) },
		"total_status_time":     func(v *view) schema.Value { return secs(v.in.Total) },
		"max_slots":             func(v *view) schema.Value { return schema.Int(v.s.Slots) },
		"status_end_ts":         func(v *view) schema.Value { return schema.Millis(v.in.End) },
		"desk_mode":             func(v *view) schema.Value { return schema.Some(v.s.Desk) },
		"last_dispositioned_ts": func(v *view) schema.Value { return schema.Millis(v.g.Noted) },
	}
}

// minutes gives milliseconds as minutes, rounded.
func minutes(ms int64) schema.Value { return schema.Int((ms + 30_000) / 60_000) }

func utilizedCells() cells {
	of := func(pick func(*slot) int64) cell {
		return func(v *view) schema.Value { return minutes(pick(v.s)) }
	}
	ratio := func(part, all int64) schema.Value {
		if all == 0 {
			return schema.Value{}
		}
		return schema.Real(float64(part) / float64(all))
	}
	over := of(func(s *slot) int64 { return s.Over })
	full := of(func(s *slot) int64 { return s.Full })
	light := of(func(s *slot) int64 { return s.Light })
	return cells{
		"instance_ts":          slotStart,
		"update_ts":            exported,
		"export_ts":            exported,
		"rep_id":               repID,
		"rep_name":             repName,
		"max_slots":            func(v *view) schema.Value { return schema.Int(v.s.Slots) },
		"cum_logged_in_min":    of(func(s *slot) int64 { return s.Cumulated.In }),
		"lin_logged_in_min":    of(func(s *slot) int64 { return s.Linear.In }),
		"cum_avail_min":        of(func(s *slot) int64 { return s.Cumulated.Available }),
		"lin_avail_min":        of(func(s *slot) int64 { return s.Linear.Available }),
		"cum_busy_min":         of(func(s *slot) int64 { return s.Cumulated.Busy }),
		"lin_busy_min":         of(func(s *slot) int64 { return s.Linear.Busy }),
		"cum_prebreak_min":     of(func(s *slot) int64 { return s.Cumulated.Leaving }),
		"lin_prebreak_min":     of(func(s *slot) int64 { return s.Linear.Leaving }),
		"cum_ute_total_min":    of(func(s *slot) int64 { return s.Cumulated.Ute }),
		"lin_ute_total_min":    of(func(s *slot) int64 { return s.Linear.Ute }),
		"cum_ute_avail_min":    of(func(s *slot) int64 { return s.Cumulated.UteAvailable }),
		"lin_ute_avail_min":    of(func(s *slot) int64 { return s.Linear.UteAvailable }),
		"cum_ute_busy_min":     of(func(s *slot) int64 { return s.Cumulated.UteBusy }),
		"lin_ute_busy_min":     of(func(s *slot) int64 { return s.Linear.UteBusy }),
		"cum_ute_prebreak_min": of(func(s *slot) int64 { return s.Cumulated.UteLeaving }),
		"lin_ute_prebreak_min": of(func(s *slot) int64 { return s.Linear.UteLeaving }),
		"labor_min":            of(func(s *slot) int64 { return s.Labour }),
		"busy_clicks_ct":       func(v *view) schema.Value { return schema.Int(v.s.Busied) },
		"ute_ratio":            func(v *view) schema.Value { return ratio(v.s.Linear.Ute, v.s.Labour) },
		"act_ratio":            func(v *view) schema.Value { return ratio(v.s.Cumulated.Ute, v.s.Cumulated.In) },
		"desk_mode":            func(v *view) schema.Value { return schema.Some(v.s.Desk) },

		"lin_utilization_level_over_min":  over,
		"lin_utilization_level_full_min":  full,
		"lin_utilization_level_light_min": light,
		"workload_level_no_min":           of(func(s *slot) int64 { return s.None }),
		"workload_level_over_min":         over,
		"workload_level_full_min":         full,
		"workload_level_light_min":        light,
	}
}

func frequencyCells() cells {
	return cells{
		"instance_ts":          exported,
		"rep_id":               repID,
		"event_type":           func(v *view) schema.Value { return schema.Text(v.with[1]) },
		"event_count":          func(v *view) schema.Value { return schema.Int(v.num[0]) },
		"disconnected_count":   func(v *view) schema.Value { return schema.Int(v.num[1]) },
		"disconnected_seconds": func(v *view) schema.Value { return schema.Int(v.num[2]) },
	}
}

func queueListCells() cells {
	return cells{
		"queue_key":  func(v *view) schema.Value { return num(v.q.ID) },
		"queue_id":   func(v *view) schema.Value { return queueNum(v.q.ID) },
		"queue_name": func(v *view) schema.Value { return v.queueName(v.q.ID) },
	}
}

func repCells() cells {
	external := func(v *view) schema.Value { return cut(v.a.External, 255) }
	status := func(v *view) schema.Value {
		switch {
		case v.a.Deleted:
			return schema.Text("deleted")
		case v.a.Disabled:
			return schema.Text("disabled")
		}
		return schema.Text("active")
	}
	return cells{
		"created_ts": func(v *view) schema.Value {
			if v.g == nil {
				return schema.Value{}
			}
			return schema.Millis(v.g.First)
		},
		"agent_id":     func(v *view) schema.Value { return num(v.a.ID) },
		"crm_agent_id": external,
		"crm_rep_id":   external,
		"name":         repName,
		"max_slot":     func(v *view) schema.Value { return schema.Int(slotsOf(v.a)) },
		"disabled_time": func(v *view) schema.Value {
			if v.g == nil {
				return schema.Value{}
			}
			return schema.Millis(v.g.Disabled)
		},
		"agent_status": status,
		"rep_status":   status,
		"rep_id":       repID,
	}
}

func attributeCells() cells {
	external := func(v *view) schema.Value { return cut(v.a.External, 255) }
	id := func(v *view) schema.Value {
		return schema.Int(Number("attribute\x00" + v.with[1] + "\x00" + v.with[2]))
	}
	return cells{
		"created_ts":         func(v *view) schema.Value { return schema.Millis(v.num[0]) },
		"agent_id":           func(v *view) schema.Value { return num(v.with[0]) },
		"attribute_name":     func(v *view) schema.Value { return cut(v.with[1], 64) },
		"attribute_value":    func(v *view) schema.Value { return cut(v.with[2], 1024) },
		"agent_attribute_id": id,
		"rep_attribute_id":   id,
		"external_agent_id":  external,
		"external_rep_id":    external,
		"rep_id":             repID,
	}
}

func hierarchyCells() cells {
	below := func(v *view) schema.Value { return num(v.a.ID) }
	above := func(v *view) schema.Value { return num(v.with[1]) }
	return cells{
		"subordinate_agent_id":   below,
		"subordinate_rep_id":     below,
		"superior_agent_id":      above,
		"superior_rep_id":        above,
		"reporting_relationship": func(*view) schema.Value { return schema.Text("supervisor") },
	}
}

func countCells() cells {
	name := func(v *view) schema.Value { return schema.Text(v.with[0]) }
	return cells{
		"export_job":      name,
		"export_name":     name,
		"export_date":     func(v *view) schema.Value { return schema.Text(v.with[1]) },
		"export_interval": func(v *view) schema.Value { return schema.Text(v.with[2]) },
		"exported_rows":   func(v *view) schema.Value { return schema.Int(v.num[0]) },
	}
}

func wfmCells() cells {
	of := func(pick func(*interval.QueueRow) schema.Value) cell {
		return func(v *view) schema.Value { return pick(v.queueRow) }
	}
	out := cells{
		"instance_ts":              func(v *view) schema.Value { return schema.Millis(v.at) },
		"export_ts":                func(v *view) schema.Value { return schema.Millis(v.num[0]) },
		"queue_id":                 func(v *view) schema.Value { return queueNum(v.with[0]) },
		"queue_name":               func(v *view) schema.Value { return v.queueName(v.with[0]) },
		"assignments":              of(func(r *interval.QueueRow) schema.Value { return schema.Int(r.Assignments) }),
		"abandons":                 of(func(r *interval.QueueRow) schema.Value { return schema.Int(r.Abandons) }),
		"other_exits":              of(func(r *interval.QueueRow) schema.Value { return schema.Int(r.Others) }),
		"handled":                  of(func(r *interval.QueueRow) schema.Value { return schema.Int(r.Handled) }),
		"handle_time_seconds":      of(func(r *interval.QueueRow) schema.Value { return secs(r.Handle) }),
		"avg_handle_time_seconds":  of(func(r *interval.QueueRow) schema.Value { return mean(r.Handle, r.Handled) }),
		"wrap_up_time_seconds":     of(func(r *interval.QueueRow) schema.Value { return secs(r.Wrap) }),
		"avg_wrap_up_time_seconds": of(func(r *interval.QueueRow) schema.Value { return mean(r.Wrap, r.Handled) }),
		"wait_time_seconds":        of(func(r *interval.QueueRow) schema.Value { return secs(r.Wait) }),
		"avg_wait_time_seconds":    of(func(r *interval.QueueRow) schema.Value { return mean(r.Wait, r.Assignments) }),
		"rep_count":                of(func(r *interval.QueueRow) schema.Value { return schema.Int(r.Agents) }),
	}
	for i, ms := range interval.Thresholds {
		out["assigned_within_"+strconv.FormatInt(ms/1000, 10)+"s"] = of(func(r *interval.QueueRow) schema.Value { return schema.Int(r.Within[i]) })
	}
	return out
}

func membershipCells() cells {
	of := func(pick func(*interval.AgentRow) int64) cell {
		return func(v *view) schema.Value { return secs(pick(v.agentRow)) }
	}
	return cells{
		"instance_ts":           func(v *view) schema.Value { return schema.Millis(v.at) },
		"export_ts":             func(v *view) schema.Value { return schema.Millis(v.num[0]) },
		"rep_id":                func(v *view) schema.Value { return schema.Text(v.with[1]) },
		"rep_name":              func(v *view) schema.Value { return v.agentName(v.with[1]) },
		"queue_id":              func(v *view) schema.Value { return queueNum(v.with[0]) },
		"queue_name":            func(v *view) schema.Value { return v.queueName(v.with[0]) },
		"lin_logged_in_seconds": of(func(r *interval.AgentRow) int64 { return r.LoggedIn }),
		"lin_avail_seconds":     of(func(r *interval.AgentRow) int64 { return r.Available }),
		"lin_busy_seconds":      of(func(r *interval.AgentRow) int64 { return r.Busy }),
		"lin_ute_total_seconds": of(func(r *interval.AgentRow) int64 { return r.Utilised }),
		"lin_ute_avail_seconds": of(func(r *interval.AgentRow) int64 { return r.UtilisedAvailable }),
		"lin_ute_busy_seconds":  of(func(r *interval.AgentRow) int64 { return r.UtilisedBusy }),
	}
}
