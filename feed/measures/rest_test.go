package measures_test

import (
	"fmt"
	"strings"
	"testing"

	"trunkline/feed/measures"
)

func TestNotificationAPI(t *testing.T) {
	e := serve(t, measures.Options{MaxSubscriptions: 14})
	token := e.token(t, tenant)
	const good = `{"family":"ANALYTICS","events":["ALL"],"transport":{"type":"WEBSOCKET"},"extensions":{"measureProducerId":"AGENT_ITD","processorType":"ITD"}}`
	for body, field := range map[string]string{
		``: "", `[]`: "", `{"family":7}`: "family",
		strings.Replace(good, "ANALYTICS", "AGENT_ENGAGEMENT", 1): "family", strings.Replace(good, "ANALYTICS", "x", 1): "family",
		strings.Replace(good, `["ALL"]`, `[]`, 1): "events", strings.Replace(good, `"ALL"`, `"X"`, 1): "events",
		strings.Replace(good, "WEBSOCKET", "WEBHOOK", 1): "transport.type", strings.Replace(good, "WEBSOCKET", "MAIL", 1): "transport.type",
		strings.Replace(good, "AGENT_ITD", "Agnt_itd", 1): "extensions.measureProducerId", strings.Replace(good, `"ITD"`, `"CDR"`, 1): "extensions.processorType",
		strings.Replace(good, `"ITD"`, `"ITD","queueId":"q"`, 1): "extensions.queueId", strings.Replace(good, `"ITD"`, `"ITD","measures":"x"`, 1): "extensions.measures",
		strings.Replace(good, `"ITD"`, `"ITD","initializedMarker":"x"`, 1):         "extensions.initializedMarker",
		`{"family":"ANALYTICS","events":["ALL"],"transport":{"type":"WEBSOCKET"}}`: "extensions.measureProducerId",
		strings.Repeat(" ", 70<<10): "",
	} {
		var p struct{ Violations []measures.Violation }
		if status := e.ask(t, "POST", subscriptions, token, body, &p); status != 400 || len(p.Violations) == 0 || p.Violations[0].Field != field || p.Violations[0].Message == "" || p.Violations[0].Code == "" {
			t.Errorf("%.150s: %d %+v", body, status, p)
		}
	}
	var first measures.Subscription
	for i := range 14 {
		var s measures.Subscription
		if status := e.ask(t, "POST", subscriptions, token, strings.Replace(good, `["ALL"]`, `"ALL"`, i%2), &s); status != 201 || s.Status != "ACTIVE" || len(s.ID) != 36 ||
			s.ExpiresIn < 890 || s.ExpiresIn > 900 || s.Transport.PingInterval != 300 || s.Extensions["measureProducerId"] != "Agent_itd_1.0.0" ||
			!strings.HasSuffix(s.Transport.Endpoint, "/ws/notification/v1/analytics/realtime/"+account+"/"+s.ID) {
			t.Fatalf("%d: %d %+v", i, status, s)
		}
		if i == 0 {
			first = s
		}
	}
	if status := e.ask(t, "POST", subscriptions, token, good, nil); status != 409 {
		t.Errorf("one too many: %d", status)
	}
	var page measures.Page
	if status := e.ask(t, "GET", subscriptions+"?pageNumber=2&pageSize=5", token, "", &page); status != 200 || len(page.Subscriptions) != 5 || page.Pagination.Total != 14 ||
		!strings.Contains(page.Links.Prev, "pageNumber=1&") || !strings.Contains(page.Links.Next, "pageNumber=3&") {
		t.Errorf("%d %+v", status, page)
	}
	for query, want := range map[string]int{"?pageSize=25": 200, "?pageSize=26": 400, "?pageNumber=0": 400, "?pageSize=x": 400, "?pageNumber=99": 200} {
		if status := e.ask(t, "GET", subscriptions+query, token, "", nil); status != want {
			t.Errorf("%s: %d, want %d", query, status, want)
		}
	}
	foreign := e.token(t, "globex")
	for _, c := range []struct {
		method, path, token, body string
		want                      int
	}{
		{"GET", "/" + first.ID, token, "", 200},
		{"GET", "/" + first.ID, foreign, "", 403},
		{"GET", "/" + first.ID, "", "", 401},
		{"GET", "/" + first.ID, "rubbish", "", 401},
		{"GET", "/nothing", token, "", 404},
		{"PATCH", "/" + first.ID, token, `{"events":["ALL"]}`, 200},
		{"PATCH", "/" + first.ID, token, `{"transport":{"type":"WEBHOOK"}}`, 400},
		{"PATCH", "/" + strings.Repeat("0", 36), token, `{}`, 404},
		{"POST", "/" + first.ID, token, "", 405},
		{"POST", "/" + first.ID + ":renew", token, "", 200},
		{"POST", "/" + first.ID + ":renew", token, "{", 400},
		{"POST", "/nothing:renew", token, "", 404},
		{"DELETE", "/" + first.ID, foreign, "", 403},
		{"DELETE", "/" + first.ID, token, "", 204},
		{"DELETE", "/" + first.ID, token, "", 404},
		{"POST", "/" + first.ID + ":renew", token, "", 404},
	} {
		if status := e.ask(t, c.method, subscriptions+c.path, c.token, c.body, nil); status != c.want {
			t.Errorf("%s: %d, want %d", fmt.Sprint(c.method, " ", c.path), status, c.want)
		}
	}
}
