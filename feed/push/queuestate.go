package push

import (
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// queue makes the payloads of a fact about a queue.
func (p *projection) queue() {
	known := p.ctx.Get("queueKnown")
	event := func(typ string, details func(*body)) {
		p.add(Queue, typ, typ, "queue/"+p.data.Get("queue").Str, func(o *body) { p.queueData(o, known) }, p.accumulating(details, func(o *body) { queueDetails(o, known) }))
	}
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
		event("queue_availability_updated", func(o *body) {
			closedBy(o, p.data.Get("open").Bool(), p.data.Get("closed_by"))
			o.truth("queue_availability_is_estimated_wait_time_after_closed_hours", known.Get("availability.afterClosing").Bool())
		})
	case "measured":
		p.data.Get("changed").ForEach(func(_, what gjson.Result) bool {
			switch what.Str {
			case "size":
				event("queue_size_updated", func(o *body) {
					at := known.Get("waitingAt").Int()
					if at == 0 {
						at = p.time
					}
					size(o, p.data.Get("waiting"), at, known.Get("waitingWhy").Str)
				})
			case "wait":
				event("queue_estimated_wait_time_updated", func(o *body) {
					o.at("estimated_wait_time_updated_ts", p.time)
					estimate(o, p.data.Get("estimated").Bool(), p.data.Get("estimated_wait_ms").Int())
				})
			}
			return true
		})
	}
}

func size(o *body, n gjson.Result, at int64, why string) {
	o.number("last_queue_size", n.Int())
	o.at("last_queue_size_ts", at)
	o.text("last_queue_size_update_type", strings.ToUpper(why))
}

// estimate writes an estimated wait. Zero seconds are an estimate; none at all is no number.
func estimate(o *body, known bool, ms int64) {
	if known {
		o.number("estimated_wait_time_seconds", ms/1000)
	}
	o.truth("estimated_wait_time_is_available", known)
}

func closedBy(o *body, open bool, reasons gjson.Result) {
	by := map[string]bool{}
	reasons.ForEach(func(_, v gjson.Result) bool {
		by[v.Str] = true
		return true
	})
	o.truth("queue_availability_is_closed", !open)
	o.truth("queue_availability_is_closed_by_business_hours", by["hours"])
	o.truth("queue_availability_is_closed_by_holiday_settings", by["holiday"])
	o.truth("queue_availability_is_closed_by_estimated_wait_time_cap", by["estimated_wait"])
	o.truth("queue_availability_is_closed_by_size_cap", by["size"])
	o.truth("queue_availability_is_closed_by_fallback_size_cap", by["fallback_size"])
	o.truth("queue_availability_is_closed_by_mitigation", by["mitigation"])
}

// queueDetails writes what is known of a queue's state, whatever it was that is told now.
func queueDetails(o *body, known gjson.Result) {
	if at := known.Get("waitingAt").Int(); at > 0 {
		size(o, known.Get("waiting"), at, known.Get("waitingWhy").Str)
	}
	if at := known.Get("waitAt").Int(); at > 0 {
		o.at("estimated_wait_time_updated_ts", at)
		ms := known.Get("waitMs")
		estimate(o, ms.Exists(), ms.Int())
	}
	if a := known.Get("availability"); a.Exists() {
		closedBy(o, a.Get("open").Bool(), a.Get("closedBy"))
		o.truth("queue_availability_is_estimated_wait_time_after_closed_hours", a.Get("afterClosing").Bool())
	}
}

// queueData writes a queue's settings: from the fact where it sets them, else from what the log keeps.
func (p *projection) queueData(o *body, known gjson.Result) {
	set := p.data
	if p.typ != "queue.configured" {
		set = known.Get("config")
	}
	o.value("queue_id", p.data.Get("queue"))
	o.value("group_id", p.data.Get("queue"))
	if name := set.Get("name"); name.Str != "" {
		o.value("queue_name", name)
	} else {
		o.value("queue_name", p.ctx.Get("queue.name"))
	}
	if set.Exists() {
		p.settings(o, set, known.Get("offsetMinutes"))
	}
	o.at("queue_availability_last_scheduled_open_ts", known.Get("lastOpen").Int())
	o.at("queue_availability_last_scheduled_close_ts", known.Get("lastClose").Int())
	o.at("queue_availability_next_scheduled_open_ts", known.Get("nextOpen").Int())
	o.at("queue_availability_next_scheduled_close_ts", known.Get("nextClose").Int())
}

func (p *projection) settings(o *body, set, offset gjson.Result) {
	zone := set.Get("zone").Str
	if offset.Exists() { // from the floor, which keeps the zone at hand
		o.number("business_hours_time_zone_offset_minutes", offset.Int())
		o.text("business_hours_time_zone_name", zone)
	} else if loc, err := time.LoadLocation(zone); err == nil && zone != "" {
		_, offset := time.UnixMilli(p.time).In(loc).Zone()
		o.number("business_hours_time_zone_offset_minutes", int64(offset/60))
		o.text("business_hours_time_zone_name", zone)
	}
	starts, ends := weekMinutes(set.Get("hours"))
	o.numbers("business_hours_start_minutes", starts)
	o.numbers("business_hours_end_minutes", ends)
	var closed []string
	set.Get("holidays").ForEach(func(_, h gjson.Result) bool {
		if !h.Get("from").Exists() && h.Get("date").Str != "" {
			closed = append(closed, h.Get("date").Str+"T00:00:00.000Z") // the vendor writes full timestamps
		}
		return true
	})
	o.texts("holiday_closed_dates", closed)
	if caps := set.Get("caps"); caps.Exists() {
		wait, size, fallback := caps.Get("estimated_wait_ms").Int()/1000, caps.Get("size").Int(), caps.Get("fallback_size").Int()
		o.truth("queue_capping_enabled", wait > 0 || size > 0 || fallback > 0)
		o.number("queue_capping_estimated_wait_time_seconds", wait)
		o.number("queue_capping_size", size)
		o.number("queue_capping_fallback_size", fallback)
	}
	if m := set.Get("mitigation"); m.Exists() {
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
