package asapp

import (
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"trunkline/event"
)

// activity makes the facts of a payload about an agent.
func (e *Envelope) activity() []event.Fact {
	ref := event.AgentRef{Agent: e.agent()}
	if ref.Agent == "" {
		return nil
	}
	who := event.AgentProvisioned{AgentRef: ref, Change: event.ProvisionUpdated, External: e.Data.Get("external_rep_id").String(), Name: e.Data.Get("rep_name").Str,
		GivenName: e.Data.Get("agent_given_name").Str, FamilyName: e.Data.Get("agent_family_name").Str, DisplayName: e.Data.Get("agent_display_name").Str,
		DeskMode: e.Data.Get("desk_mode").Str}
	switch e.Type {
	case "agent_activity_status_updated":
		what := e.Details.Get("status_description").Str
		p, ok := presence(what)
		if !ok {
			return nil
		}
		f := event.AgentStatusChanged{AgentRef: ref, Presence: p, Since: when(e.Details.Get("status_updated_ts"))}
		if string(p) != what {
			f.Reason = &event.StatusReason{Name: what}
		}
		return []event.Fact{f}
	case "agent_activity_identity_updated":
		return []event.Fact{who}
	case "agent_activity_capacity_updated":
		if n := e.Data.Get("max_slots"); n.Exists() {
			who.Slots = map[string]int{string(event.MediaChat): int(n.Int())}
			return []event.Fact{who}
		}
	case "agent_activity_queue_membership":
		names := e.Data.Get("queue_names").Array()
		var out []event.Fact
		for i, id := range e.Data.Get("queue_ids").Array() {
			f := who
			f.Change, f.Queue = event.ProvisionQueueAdded, &event.AgentQueue{ID: id.String()}
			if i < len(names) {
				f.Queue.Name = names[i].String()
			}
			out = append(out, f)
			if len(out) == 100 {
				break
			}
		}
		return out
	}
	return nil
}

// presence reads the description of a status: a word of ours, or one of those that are in use.
func presence(s string) (event.Presence, bool) {
	word := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), " ", "_"))
	switch p := event.Presence(word); p {
	case event.PresenceLoggedOut, event.PresenceLoggedIn, event.PresenceAvailable, event.PresenceBreak, event.PresenceWorkOffline:
		return p, true
	}
	switch word {
	case "active", "online", "ready":
		return event.PresenceAvailable, true
	case "away", "lunch", "paused", "inactive":
		return event.PresenceBreak, true
	case "offline", "disconnected", "signed_out":
		return event.PresenceLoggedOut, true
	}
	return "", false
}

// queue makes the fact of a payload about a queue's settings. All of them carry the whole of it.
func (e *Envelope) queue() []event.Fact {
	switch e.Type {
	case "queue_info_updated", "business_hours_settings_updated", "holiday_settings_updated", "queue_capping_settings_updated", "queue_mitigation_updated":
	default:
		return nil
	}
	d := e.Data
	f := event.QueueConfigured{Queue: e.queueID(), Name: d.Get("queue_name").Str, Zone: d.Get("business_hours_time_zone_name").Str}
	if f.Queue == "" {
		return nil
	}
	f.Hours = hours(d.Get("business_hours_start_minutes").Array(), d.Get("business_hours_end_minutes").Array())
	d.Get("holiday_closed_dates").ForEach(func(_, v gjson.Result) bool {
		if len(v.Str) >= 10 {
			f.Holidays = append(f.Holidays, event.Holiday{Date: v.Str[:10]})
		}
		return true
	})
	if d.Get("queue_capping_enabled").Bool() {
		f.Caps = &event.QueueCaps{EstimatedWaitMS: positive(d.Get("queue_capping_estimated_wait_time_seconds")) * 1000,
			Size: int(positive(d.Get("queue_capping_size"))), FallbackSize: int(positive(d.Get("queue_capping_fallback_size")))}
	}
	if s := d.Get("mitigation_status").Str; s != "" {
		f.Mitigation = &event.Mitigation{Active: !strings.EqualFold(s, "inactive") && !strings.EqualFold(s, "none"), Status: s}
	}
	return []event.Fact{f}
}

// hours reads the openings and closings of a week, in minutes from Sunday 0:00.
func hours(starts, ends []gjson.Result) []event.OpenHours {
	days := []event.Day{event.Sunday, event.Monday, event.Tuesday, event.Wednesday, event.Thursday, event.Friday, event.Saturday}
	clock := func(m int64) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }
	var out []event.OpenHours
	for i := range min(len(starts), len(ends), 100) {
		from, to := starts[i].Int(), ends[i].Int()
		if from < 0 || from >= 7*24*60 || to < 0 || to > 7*24*60 {
			return nil
		}
		end := to % (24 * 60)
		if end == 0 {
			end = 24 * 60
		}
		out = append(out, event.OpenHours{Day: days[from/(24*60)], From: clock(from % (24 * 60)), To: clock(end)})
	}
	return out
}

// when reads a time of the payload; anything else is none.
func when(v gjson.Result) event.Time {
	t, err := time.Parse(time.RFC3339, v.Str)
	if err != nil {
		return event.Time{}
	}
	return event.At(t)
}
