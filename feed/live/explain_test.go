package live_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"trunkline/feed/live"
)

type explained struct {
	Measure, Formula, Description, Unit string
	Value, Now                          any
	Parts                               map[string]int
	More, Complete                      bool
	After, Cursor                       string
	Events                              []struct {
		Sequence      uint64
		ID, Type      string
		Added         map[string]int
		Before, After any
	}
}

func (h *hall) explain(tenant, query string) explained {
	h.t.Helper()
	status, body := h.get(h.t, "/v1/explain?"+query, tenant)
	var got explained
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		h.t.Fatalf("%s: %d %v: %s", query, status, err, body)
	}
	return got
}

// The events that an explanation lists, over its pages, are in the history and add
// up to the number that the state shows.
func TestExplanationsAddUp(t *testing.T) {
	h := openHall(t, t.TempDir(), live.Options{})
	h.work("alpha", 3, 3000, 200)
	h.work("beta", 4, 500, 100)
	h.quiet("alpha")
	queues, _ := h.state("alpha", "queues")
	var list []struct {
		ID    string
		Today struct{ Offered, Answered int }
	}
	if err := json.Unmarshal([]byte(queues), &list); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, q := range list {
		query := "measure=Answered&limit=7&queue=" + url.QueryEscape(q.ID)
		sum, last := 0, uint64(0)
		got := h.explain("alpha", query)
		for {
			for _, e := range got.Events {
				sum += e.Added["answered"]
				if e.Type != "interaction.accepted" || e.Sequence <= last {
					t.Errorf("an answer by %+v behind %d", e, last)
				}
				last = e.Sequence
			}
			if !got.More {
				break
			}
			got = h.explain("alpha", query+"&after="+got.After)
		}
		if sum != q.Today.Answered || got.Parts["answered"] != sum || got.Value != float64(sum) || got.Now != got.Value || !got.Complete {
			t.Errorf("%s: %d answered by the events, the state has %d: %+v", q.ID, sum, q.Today.Answered, got)
		}
		seen += sum
	}
	if seen < 10 {
		t.Errorf("only %d answers", seen)
	}
	id := url.QueryEscape(list[0].ID)
	ready := h.explain("alpha", "measure=agentsReady&queue="+id)
	if n := len(ready.Events); n == 0 || ready.Events[n-1].After == nil || ready.Parts != nil || ready.Events[n-1].Added != nil {
		t.Errorf("a state is explained as %+v", ready)
	}
	if got := h.explain("alpha", "measure=Offered&channel=phone&to=2020-01-01T00:00:00Z&from=2019-01-01T00:00:00Z"); len(got.Events) != 0 || got.Value != nil {
		t.Errorf("of a time before all events: %+v", got)
	}
	if got := h.explain("alpha", "measure=serviceLevelOffered&queue="+id); got.Unit != "%" || !strings.Contains(got.Formula, "answeredInTarget") {
		t.Errorf("a quotient is explained as %+v", got)
	}
	for query, want := range map[string]struct {
		status int
		says   string
	}{
		"queue=" + id:                                     {400, "measure is missing"},
		"measure=Offerd&queue=" + id:                      {400, `did you mean \"Offered\"?`},
		"measure=Offered":                                 {400, "whose number is missing"},
		"measure=Offered&agent=a":                         {400, "by queue; by channel; by queue and channel"},
		"measure=Offered&queue=" + id + "x":               {404, `did you mean \"` + list[0].ID + `\"?`},
		"measure=alerts&agent=nobody-of-that-name":        {404, "nothing is known of the agent"},
		"measure=alerts&channel=fax":                      {400, "known are phone"},
		"measure=alerts&channel=phone&agent=a":            {400, "exclude each other"},
		"measure=Offered&queue=" + id + "&limit=0":        {400, "it must be 1 to 1000"},
		"measure=Offered&queue=" + id + "&limit=1001":     {400, "it must be 1 to 1000"},
		"measure=Offered&queue=" + id + "&from=yesterday": {400, "from"},
		"measure=Offered&queue=" + id + "&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z": {400, "from must be before to"},
		"measure=Offered&queue=" + id + "&after=c1x":                                         {400, "after"},
		"measure=Offered&queu=" + id:                                                         {400, `did you mean \"queue\"?`},
	} {
		if status, body := h.get(t, "/v1/explain?"+query, "alpha"); status != want.status || !strings.Contains(body, want.says) {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	if status, body := h.get(t, "/v1/explain?measure=Offered&queue=q", "nobody"); status != http.StatusNotFound {
		t.Errorf("of a tenant without events: %d %s", status, body)
	}
}
