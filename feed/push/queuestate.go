package push

import (
	"strconv"
	"time"

	"github.com/tidwall/gjson"
)

// queue makes the payloads of a fact about a queue.
func (p *projection) queue() {
	key := "queue/" + p.data.Get("queue").Str
	event := func(typ string, details func(*body)) { p.add(Queue, typ, typ, key, p.queueData, details) }
	switch p.typ[len("queue."):] {
	case "configured":
		event("queue_info_updated", nil)
		if p.data.Get("hours").Exists() || p.data.Get("zone").Exists() {
			event("business_hours_settings_updated", nil)
		}
		if p.data.Get("holidays").Exists() {
			event("holiday_settings_updated", nil)
		}
		if p.data.Get("caps").Exists() {
			event("queue_capping_settings_updated", nil)
		}
		if p.data.Get("mitigation").Exists() {
			event("queue_mitigation_updated", nil)
		}
	case "availability_changed":
		event("queue_availability_updated", func(o *body) { p.availability(o) })
	}
}

func (p *projection) queueData(o *body) {
	o.value("queue_id", p.data.Get("queue"))
	o.value("group_id", p.data.Get("queue"))
	if p.typ != "queue.configured" {
		o.value("queue_name", p.ctx.Get("queue.name"))
		if next := millis(p.data.Get("schedule_changes")); next > 0 {
			if scheduledOpen(p.data) {
				o.at("queue_availability_next_scheduled_close_ts", next)
			} else {
				o.at("queue_availability_next_scheduled_open_ts", next)
			}
		}
		return
	}
	o.value("queue_name", p.data.Get("name"))
	zone := p.data.Get("zone").Str
	if loc, err := time.LoadLocation(zone); err == nil && zone != "" {
		_, offset := time.UnixMilli(p.time).In(loc).Zone()
		o.number("business_hours_time_zone_offset_minutes", int64(offset/60))
		o.text("business_hours_time_zone_name", zone)
	}
	starts, ends := weekMinutes(p.data.Get("hours"))
	o.numbers("business_hours_start_minutes", starts)
	o.numbers("business_hours_end_minutes", ends)
	var closed []string
	p.data.Get("holidays").ForEach(func(_, h gjson.Result) bool {
		if !h.Get("from").Exists() && h.Get("date").Str != "" {
			closed = append(closed, h.Get("date").Str+"T00:00:00.000Z") // the vendor writes full timestamps
		}
		return true
	})
	o.texts("holiday_closed_dates", closed)
	if caps := p.data.Get("caps"); caps.Exists() {
		wait, size, fallback := caps.Get("estimated_wait_ms").Int()/1000, caps.Get("size").Int(), caps.Get("fallback_size").Int()
		o.truth("queue_capping_enabled", wait > 0 || size > 0 || fallback > 0)
		o.number("queue_capping_estimated_wait_time_seconds", wait)
		o.number("queue_capping_size", size)
		o.number("queue_capping_fallback_size", fallback)
	}
	if m := p.data.Get("mitigation"); m.Exists() {
		switch {
		case m.Get("status").Str != "":
			o.value("mitigation_status", m.Get("status"))
		case m.Get("active").Bool():
			o.text("mitigation_status", "ACTIVE")
		default:
			o.text("mitigation_status", "INACTIVE")
		}
	}
}

// scheduledOpen says that hours and holidays leave the queue open.
func scheduledOpen(d gjson.Result) bool {
	open := true
	d.Get("closed_by").ForEach(func(_, v gjson.Result) bool {
		if v.Str == "hours" || v.Str == "holiday" {
			open = false
		}
		return open
	})
	return open
}

func (p *projection) availability(o *body) {
	by := map[string]bool{}
	p.data.Get("closed_by").ForEach(func(_, v gjson.Result) bool {
		by[v.Str] = true
		return true
	})
	o.number("last_queue_size", p.data.Get("waiting").Int())
	o.at("last_queue_size_ts", p.time)
	o.truth("queue_availability_is_closed", !p.data.Get("open").Bool())
	o.truth("queue_availability_is_closed_by_business_hours", by["hours"])
	o.truth("queue_availability_is_closed_by_holiday_settings", by["holiday"])
	o.truth("queue_availability_is_closed_by_estimated_wait_time_cap", by["estimated_wait"])
	o.truth("queue_availability_is_closed_by_size_cap", by["size"])
	o.truth("queue_availability_is_closed_by_fallback_size_cap", by["fallback_size"])
	o.truth("queue_availability_is_closed_by_mitigation", by["mitigation"])
}

// weekMinutes gives the openings and closings of a week in minutes from Sunday 0:00.
func weekMinutes(hours gjson.Result) (starts, ends []int64) {
	days := map[string]int64{"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
	const week = 7 * 24 * 60
	hours.ForEach(func(_, h gjson.Result) bool {
		day, known := days[h.Get("day").Str]
		from, ok := clock(h.Get("from").Str)
		to, also := clock(h.Get("to").Str)
		if known && ok && also {
			if to <= from {
				to += 24 * 60 // past midnight
			}
			starts = append(starts, day*24*60+from)
			end := day*24*60 + to
			if end > week {
				end -= week
			}
			ends = append(ends, end)
		}
		return true
	})
	return starts, ends
}

// clock reads HH:MM as minutes.
func clock(s string) (int64, bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	h, err := strconv.ParseUint(s[:2], 10, 8)
	m, err2 := strconv.ParseUint(s[3:], 10, 8)
	return int64(h*60 + m), err == nil && err2 == nil && h <= 24 && m < 60
}
