package rows_test

import (
	"testing"

	"trunkline/feed/export/schema"
	"trunkline/sim"
)

// agents holds the agents' time against the floor's 15-minute rows.
func agents(t *testing.T, d day) {
	minutes := func(ms int64) int64 { return (ms + 30_000) / 60_000 }
	utilized := map[[2]string]written{}
	for _, w := range latest(t, d.x, "rep_utilized", schema.ByLogical) {
		utilized[[2]string{w.get("instance_ts").String(), w.get("rep_id").Str()}] = w
	}
	members := map[[3]string]written{}
	for _, w := range latest(t, d.x, "queue_membership_wfm", schema.ByLogical) {
		members[[3]string{w.get("instance_ts").String(), w.get("rep_id").Str(), queueOf(t, d, w.get("queue_id"))}] = w
	}
	n := 0
	for _, s := range d.floor.Intervals() {
		if !s.Published {
			continue
		}
		at := schema.Millis(s.Start).String()
		for k, want := range s.Agents {
			n++
			if k.Queue != "" {
				w, ok := members[[3]string{at, k.Agent, k.Queue}]
				if !ok || ms(w.get("lin_logged_in_seconds")) != want.LoggedIn || ms(w.get("lin_ute_total_seconds")) != want.Utilised || ms(w.get("lin_avail_seconds")) != want.Available {
					t.Errorf("%v at %s: %s, the floor says %+v", k, at, w.json, *want)
				}
				continue
			}
			w, ok := utilized[[2]string{at, k.Agent}]
			if !ok {
				t.Errorf("%v at %s has no row", k, at)
				continue
			}
			for column, v := range map[string]int64{
				"lin_logged_in_min": want.LoggedIn, "lin_avail_min": want.Available, "lin_busy_min": want.Busy, "lin_ute_total_min": want.Utilised,
				"lin_ute_avail_min": want.UtilisedAvailable, "lin_ute_busy_min": want.UtilisedBusy,
			} {
				if got := w.get(column).Integer() + prebreak(&w, column); got != minutes(v) {
					t.Errorf("%v at %s: %s is %d, the floor says %d ms", k, at, column, got, v)
				}
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d rows", n)
	}
	b := map[string]int64{}
	for _, w := range latest(t, d.x, "admin_activity", schema.ByLogical) {
		if w.get("status_description").Str() != "logged_out" {
			b[w.get("rep_id").Str()] += ms(w.get("status_time_seconds"))
		}
	}
	for id, want := range d.books.Agents {
		in := int64(0)
		for s, v := range want.Time {
			if sim.State(s) != sim.Offline {
				in += v
			}
		}
		if b[id] != in {
			t.Errorf("agent %s was logged in %d ms, the books say %d", id, b[id], in)
		}
	}
}

// prebreak is what of the time available is told apart, because a break is to follow.
func prebreak(w *written, column string) int64 {
	switch column {
	case "lin_avail_min":
		return w.get("lin_prebreak_min").Integer()
	case "lin_ute_avail_min":
		return w.get("lin_ute_prebreak_min").Integer()
	}
	return 0
}
