package rows

import (
	"cmp"
	"slices"
	"time"

	"trunkline/feed/export/schema"
)

// writeQueues writes all queues.
func (b *Books) writeQueues() {
	if b.view.t == nil {
		return
	}
	for _, q := range b.view.t.Queues() {
		b.view.q = q
		b.put(b.sheets.queueList)
	}
	b.view.q = nil
}

// writeAgents writes all agents with what is known of them.
func (b *Books) writeAgents() {
	if b.view.t == nil {
		return
	}
	v := &b.view
	for _, a := range b.view.t.Agents() {
		v.a, v.g, v.with[0] = a, b.Agents[a.ID], a.ID
		b.put(b.sheets.reps)
		first, seen := int64(0), map[string]bool{}
		if v.g != nil {
			first = v.g.First
		}
		attribute := func(name, value string, since int64) {
			if k := name + "\x00" + value; value != "" && !seen[k] {
				seen[k] = true
				v.with[1], v.with[2], v.num[0] = name, value, cmp.Or(since, first)
				b.put(b.sheets.attributes)
			}
		}
		attribute("role", a.Role, 0)
		attribute("email", a.Email, 0)
		attribute("login", a.Login, 0)
		for _, s := range a.Skills {
			attribute("skill", cmp.Or(s.Name, s.ID), 0)
		}
		for i := range a.Queues {
			attribute("queue", a.Queues[i].Queue.ID, a.Queues[i].Since)
		}
		for _, g := range a.Groups {
			attribute("group", g, 0)
		}
		for _, s := range slices.Compact(slices.Sorted(slices.Values(a.Supervisors))) {
			v.with[1] = s
			b.put(b.sheets.hierarchy)
		}
	}
	v.a, v.g = nil, nil
}

// ended is a window that ended with so many rows.
type ended struct {
	Table    string
	Start, N int64
}

// closeCounts notes how many rows the windows that end now have, and writes it for an
// hour at once.
func (b *Books) closeCounts(end int64, hour, day bool) {
	for _, t := range schema.Tables() {
		switch {
		case t.Empty != "" || t.Name == "export_row_counts" || t.OptIn && !b.o.WFM:
			continue
		case t.Every >= 24*time.Hour && !day, t.Every == time.Hour && !hour:
			continue
		}
		b.Ended = append(b.Ended, ended{t.Name, end - t.Every.Milliseconds(), b.Counts[t.Name]})
		delete(b.Counts, t.Name)
	}
	if !hour {
		return
	}
	v := &b.view
	for _, e := range b.Ended {
		t, _ := schema.Find(e.Table)
		at := time.UnixMilli(e.Start).UTC()
		interval := "day"
		switch {
		case t.Every < time.Hour:
			interval = at.Format("hr=15/mi=04")
		case t.Every < 24*time.Hour:
			interval = at.Format("hr=15")
		}
		v.with = [4]string{e.Table, at.Format("2006-01-02"), interval}
		v.num[0] = e.N
		b.put(b.sheets.counts)
	}
	b.Ended = b.Ended[:0]
	delete(b.Counts, "export_row_counts")
}
