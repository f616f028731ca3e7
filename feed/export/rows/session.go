package rows

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"trunkline/feed/export/schema"
)

// session is a customer's visit on a site or in an app, with all issues in it.
type session struct {
	ID            string
	No            uint64
	Start, End    int64 // the first and the latest of its facts
	Touched       int64 // when one was appended last
	Issues        []string
	Reps          []string
	Events        int64
	Agent         int64 // utterances
	Customer      int64
	All           int64
	Queued        bool
	Static, Media string // of the issue heard of last
	Dirty         bool
}

// sessionOver is how long after its last fact a session is over.
const sessionOver = 24 * time.Hour

// sat takes a fact in for the session of its issue.
func (b *Books) sat(i *issue, what string, f *fact) {
	if i.Session == "" {
		return
	}
	d := b.Sessions[i.Session]
	if d == nil {
		d = &session{ID: i.Session, No: b.number(), Start: f.at}
		b.Sessions[i.Session] = d
	}
	d.Start, d.End, d.Touched = min(d.Start, f.at), max(d.End, f.at), f.received
	d.Events++
	d.Static, d.Media, d.Dirty = i.Static, i.Media, true
	d.Queued = d.Queued || i.FirstQueued
	if !slices.Contains(d.Issues, i.ID) {
		d.Issues = keep(d.Issues, i.ID)
	}
	if what == "message" && !f.data.Get("interim").Bool() {
		d.All++
		switch f.data.Get("role").Str {
		case "agent":
			d.Agent++
		case "customer":
			d.Customer++
		}
	}
	if p := i.partOf(""); p != nil && !slices.Contains(d.Reps, p.Agent) {
		d.Reps = keep(d.Reps, p.Agent)
	}
}

// closeSessions writes the sessions that changed in an hour, and once more those that
// are over.
func (b *Books) closeSessions(end int64) {
	var out []*session
	for _, d := range b.Sessions {
		if d.Dirty || d.Touched+sessionOver.Milliseconds() <= end {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(x, y *session) int { return cmp.Compare(x.No, y.No) })
	v := &b.view
	for _, d := range out {
		v.d = d
		v.i = &issue{ID: d.Issues[len(d.Issues)-1], Static: d.Static, Media: d.Media, Created: d.Start, Latest: d.End}
		if d.Dirty {
			d.Dirty = false
			b.put(b.sheets.containment)
		}
		if d.Touched+sessionOver.Milliseconds() <= end {
			b.put(b.sheets.containmentDay)
			delete(b.Sessions, d.ID)
		}
	}
	v.d, v.i = nil, nil
}

func sessionCells() cells {
	reps := func(v *view) schema.Value { return cut(strings.Join(v.d.Reps, ","), 4096) }
	queued := func(v *view) schema.Value { return schema.Truth(v.d.Queued) }
	return cells{
		"external_customer_id": func(v *view) schema.Value { return cut(v.i.customer(), 255) },
		"csid":                 func(v *view) schema.Value { return cut(v.d.ID, 255) },
		"csid_start_ts":        func(v *view) schema.Value { return schema.Millis(v.d.Start) },
		"csid_end_ts":          func(v *view) schema.Value { return schema.Millis(v.d.End) },
		"agents_involved":      reps,
		"reps_involved":        reps,
		"included_issues": func(v *view) schema.Value {
			var b []byte
			for n, id := range v.d.Issues {
				if n > 0 {
					b = append(b, ',')
				}
				b = num(id).AppendJSON(b)
			}
			return schema.Some(string(b))
		},
		"is_contained":           func(v *view) schema.Value { return schema.Truth(len(v.d.Reps) == 0 && !v.d.Queued) },
		"event_count":            func(v *view) schema.Value { return schema.Int(v.d.Events) },
		"was_enqueued":           queued,
		"attempted_escalate":     queued,
		"rep_msgs":               func(v *view) schema.Value { return schema.Int(v.d.Agent) },
		"messages_sent":          func(v *view) schema.Value { return schema.Int(v.d.All) },
		"has_customer_utterance": func(v *view) schema.Value { return schema.Truth(v.d.Customer > 0) },
		"last_platform":          func(v *view) schema.Value { return cut(v.i.platform(), 191) },
		"last_device_type":       func(v *view) schema.Value { return cut(v.i.told("client.id"), 191) },
	}
}
