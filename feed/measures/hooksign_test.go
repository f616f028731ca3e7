package measures_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/control"
	"trunkline/event"
	"trunkline/feed/measures"
)

// delivery is what an endpoint was sent.
type delivery struct {
	header http.Header
	body   []byte
}

// signedBy says whether a delivery carries a signature by a secret, as Standard Webhooks has it.
func (d delivery) signedBy(t *testing.T, secret string) bool {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(d.header.Get("webhook-id") + "." + d.header.Get("webhook-timestamp") + "."))
	h.Write(d.body)
	want := "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
	return slices.Contains(strings.Split(d.header.Get("webhook-signature"), " "), want)
}

// A webhook is signed with the secret that its subscription was given, and with the one before for a while.
func TestWebhooksAreSigned(t *testing.T) {
	kv := control.NewMemory()
	e := serve(t, measures.Options{Webhooks: hooks(), Subscriptions: kv})
	e.stage.say(tenant, event.QueueConfigured{Queue: "q1", Name: "One"})
	got := make(chan delivery, 1000)
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got <- delivery{r.Header, raw}
	}))
	t.Cleanup(sink.Close)
	// until gives the first delivery that is as it should be; those that were on their way before a change may come before.
	until := func(what string, fits func(delivery) bool) {
		t.Helper()
		for {
			select {
			case d := <-got:
				if fits(d) {
					return
				}
			case <-time.After(time.Minute):
				t.Fatalf("no delivery %s", what)
			}
		}
	}
	token := e.token(t, tenant)
	var sub measures.Subscription
	ask := func(method, path, body string, want int) string {
		t.Helper()
		sub = measures.Subscription{}
		if status := e.ask(t, method, subscriptions+path, token, body, &sub); status != want {
			t.Fatalf("%s %s: %d", method, path, status)
		}
		return sub.Transport.SigningSecret
	}
	first := ask("POST", "", strings.Replace(hookBody(sink.URL, "Queue_itd", ""), `"authToken"`, `"signingSecret":"new","authToken"`, 1), 201)
	if !strings.HasPrefix(first, "whsec_") || !sub.Transport.Signed {
		t.Fatalf("%+v", sub.Transport)
	}
	path := "/" + sub.ID
	until("signed with the first secret", func(d delivery) bool {
		return d.signedBy(t, first) && !strings.Contains(d.header.Get("webhook-signature"), " ")
	})
	if ask("GET", path, "", 200) != "" || !sub.Transport.Signed {
		t.Errorf("%+v: a secret is shown once", sub.Transport)
	}
	second := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	if ask("POST", path+":renew", `{"transport":{"signingSecret":"`+second+`"}}`, 200) != "" {
		t.Error("a secret that the client knows is shown")
	}
	until("signed with both", func(d delivery) bool { return d.signedBy(t, first) && d.signedBy(t, second) })
	third := ask("PATCH", path, `{"transport":{"signingSecret":"new"}}`, 200)
	if third == "" || third == first || sub.Transport.Endpoint != sink.URL || sub.Transport.AuthTokenHeader != "X-Key" {
		t.Errorf("%+v: what a change does not name stays", sub.Transport)
	}
	until("signed with the last two, with the token of before", func(d delivery) bool {
		return d.signedBy(t, second) && d.signedBy(t, third) && !d.signedBy(t, first) && d.header.Get("X-Key") == "k1"
	})
	if ask("PATCH", path, `{"transport":{"signingSecret":""}}`, 200); sub.Transport.Signed {
		t.Error("a secret that was taken away still signs")
	}
	until("without a signature", func(d delivery) bool { return d.header.Get("webhook-signature") == "" })
	for _, body := range []string{`{"transport":{"signingSecret":"secret"}}`, `{"transport":{"signingSecret":"whsec_AAAA"}}`} {
		for method, path := range map[string]string{"PATCH": path, "POST": path + ":renew"} {
			var p struct{ Violations []measures.Violation }
			if status := e.ask(t, method, subscriptions+path, token, body, &p); status != 400 || len(p.Violations) != 1 || p.Violations[0].Field != "transport.signingSecret" {
				t.Errorf("%s %s: %d %+v", method, body, status, p)
			}
		}
	}
	if status := e.ask(t, "PATCH", subscriptions+path, token, `{"transport":{"type":"WEBSOCKET"}}`, nil); status != 200 {
		t.Fatal(status)
	}
	if status := e.ask(t, "PATCH", subscriptions+path, token, `{"transport":{"authToken":"x"}}`, &sub); status != 200 || sub.Transport.Type != "WEBSOCKET" {
		t.Errorf("%d %+v", status, sub.Transport)
	}
}

// What a change does not name stays as it is.
func TestChanges(t *testing.T) {
	e := serve(t, measures.Options{})
	token := e.token(t, tenant)
	made := e.subscribe(t, "Agent_itd", "agentId", "a1", "team", "red")
	for _, tc := range []struct {
		body, field, producer, agents, team string
	}{
		{`{}`, "", "Agent_itd_1.0.0", "a1", "red"},
		{`{"extensions":{"agentId":"a2"}}`, "", "Agent_itd_1.0.0", "a2", ""},
		{`{"extensions":{}}`, "", "Agent_itd_1.0.0", "", ""},
		{`{"extensions":null}`, "", "Agent_itd_1.0.0", "", ""},
		{`{"extensions":{"queueId":"q1"}}`, "extensions.queueId", "Agent_itd_1.0.0", "", ""},
		{`{"extensions":{"measureProducerId":"AgentByQueue_itd","agentId":"a3"}}`, "", "AgentByQueue_itd_1.0.0", "a3", ""},
		{`{"transport":{}}`, "", "AgentByQueue_itd_1.0.0", "a3", ""},
		{`{"family":"OTHER"}`, "family", "AgentByQueue_itd_1.0.0", "a3", ""},
		{`{"events":7}`, "events", "AgentByQueue_itd_1.0.0", "a3", ""},
		{`{"transport":"WEBSOCKET"}`, "transport", "AgentByQueue_itd_1.0.0", "a3", ""},
		{`{"extensions":{"agentId":7}}`, "extensions", "AgentByQueue_itd_1.0.0", "a3", ""},
	} {
		var p struct{ Violations []measures.Violation }
		status := e.ask(t, "PATCH", subscriptions+"/"+made.ID, token, tc.body, &p)
		if want := map[bool]int{true: 200, false: 400}[tc.field == ""]; status != want || want == 400 && (len(p.Violations) != 1 || p.Violations[0].Field != tc.field) {
			t.Errorf("%s: %d %+v", tc.body, status, p)
		}
		var now measures.Subscription
		e.ask(t, "GET", subscriptions+"/"+made.ID, token, "", &now)
		if x := now.Extensions; x["measureProducerId"] != tc.producer || x["agentId"] != tc.agents || x["team"] != tc.team || now.Transport.Type != "WEBSOCKET" || len(now.Events) != 1 {
			t.Errorf("%s: %+v", tc.body, now)
		}
	}
}
