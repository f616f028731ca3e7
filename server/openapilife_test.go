package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/event"
	"trunkline/server"
	"trunkline/sim"
)

// asker sends requests and holds them and their answers against docs/openapi.yaml.
type asker struct {
	t       *testing.T
	s       *server.Server
	doc     *openAPI
	secrets map[auth.Scope]string
	signed  string // a token of the measures interface
}

// ask sends a request to a path, which follows a pattern, and gives the answer; want is its status.
func (a *asker) ask(scope auth.Scope, pattern, path, body string, want int) map[string]any {
	a.t.Helper()
	status, out := a.try(scope, pattern, path, body)
	if status != want {
		a.t.Errorf("%s %s: %d, want %d: %v", pattern, path, status, want, out)
	}
	return out
}

func (a *asker) try(scope auth.Scope, pattern, path, body string) (int, map[string]any) {
	a.t.Helper()
	method, mounted, _ := strings.Cut(pattern, " ")
	header, secret := http.Header{}, a.secrets[scope]
	if scope == "" {
		secret = a.signed
	}
	if body != "" {
		header.Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(mounted, "/token"):
			header.Set("Content-Type", "application/x-www-form-urlencoded")
		case pattern == "POST /v1/events":
			header.Set("Content-Type", event.MediaTypeEvent)
		}
	}
	status, got, answer := call(a.t, a.s.URL(), method, path, body, secret, header)
	a.doc.check(a.t, pattern, status, got, answer)
	// What is taken is what the document says is taken.
	if media := header.Get("Content-Type"); status/100 == 2 && strings.HasSuffix(media, "json") {
		if err := a.doc.valid([]byte(body), "paths", openAPIPath(method, mounted), strings.ToLower(method), "requestBody", "content", media, "schema"); err != nil {
			a.t.Errorf("%s takes what docs/openapi.yaml does not say: %v\n%s", pattern, err, body)
		}
	}
	var out map[string]any
	if json.Unmarshal([]byte(answer), &out) != nil && strings.HasPrefix(answer, "[") {
		var list []any
		_ = json.Unmarshal([]byte(answer), &list)
		out = map[string]any{"list": list}
	}
	return status, out
}

// until asks until something is so.
func (a *asker) until(scope auth.Scope, pattern, path string, so func(map[string]any) bool) map[string]any {
	a.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if status, out := a.try(scope, pattern, path, ""); status == 200 && so(out) {
			return out
		} else if time.Now().After(end) {
			a.t.Fatalf("%s: %d %.500v", path, status, out)
		}
	}
}

// of gives the members of a list of an answer.
func of(answer map[string]any, name string) []any {
	list, _ := answer[name].([]any)
	return list
}

// first gives a text of the first member of a list.
func first(answer map[string]any, name, member string) string {
	for _, x := range of(answer, name) {
		text, _ := x.(map[string]any)[member].(string)
		return text
	}
	return ""
}

// TestOpenAPIHasTheAnswers works with a server in which something goes on, and holds all it says against docs/openapi.yaml.
func TestOpenAPIHasTheAnswers(t *testing.T) {
	s := start(t, func(c *config.Config) {
		c.Push.PlainHTTP, c.Push.AllowNetworks = true, []string{"127.0.0.0/8"}
		c.Exports.Destinations = []config.Destination{{ID: "here", Tenant: "acme", Directory: t.TempDir()}}
		c.Clients = []config.Client{{ID: "wallboard", Tenant: "acme", Hash: auth.HashOf("a secret of some length").String()}}
	})
	a := &asker{t: t, s: s, doc: readOpenAPI(t), secrets: map[auth.Scope]string{}}
	issue := func(tenant string, scope auth.Scope) string {
		_, secret, err := s.Tokens().Create(t.Context(), tenant, []auth.Scope{scope}, "")
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	for _, scope := range auth.Scopes() {
		a.secrets[scope] = issue("acme", scope)
	}
	a.secrets["operator"] = issue(auth.Operator, auth.Admin)
	aDayOfWork(t, s)
	for name, part := range map[string]func(*asker){"state": askState, "directory": askDirectory, "webhooks": askWebhooks, "measures": askMeasures, "the rest": askRest} {
		t.Run(name, func(t *testing.T) {
			b := *a
			b.t = t
			part(&b)
		})
	}
	// Whatever has a body was asked for, with success; but for back-fills, for which windows must have ended.
	for _, r := range s.Routes() {
		method, path, _ := strings.Cut(r.Pattern, " ")
		if path = openAPIPath(method, path); strings.HasSuffix(path, "/backfill") {
			continue
		}
		responses, _ := a.doc.at("paths", path, strings.ToLower(method), "responses").(map[string]any)
		for status := range responses {
			if content := a.doc.at("paths", path, strings.ToLower(method), "responses", status, "content", "application/json"); status[0] == '2' && content != nil && !a.doc.checked[method+" "+path+" "+status] {
				t.Errorf("nothing was held against %s %s %s", method, path, status)
			}
		}
	}
}

// aDayOfWork lets a small centre work.
func aDayOfWork(t *testing.T, s *server.Server) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	centre, err := sim.New(sim.Config{Tenant: "acme", Seed: 3, Agents: 20, Start: now.Add(-time.Hour), Offset: sim.OffsetFor(now, 10*time.Hour), Load: 1.1, Busy: true})
	if err != nil {
		t.Fatal(err)
	}
	var batch []event.Event
	for range 1500 {
		item, _ := centre.Next()
		e, err := event.Encode(item.Meta, item.Fact)
		if err != nil {
			t.Fatal(err)
		}
		if batch = append(batch, e); len(batch) == 250 {
			if _, err := s.Append(t.Context(), "acme", batch); err != nil {
				t.Fatal(err)
			}
			batch = nil
		}
	}
}

func askState(a *asker) {
	const up = `{"specversion":"1.0","id":"up","source":"/pbx","type":"source.up","subject":"source//pbx","data":{"source":"/pbx","kind":"pbx","version":"1"}}`
	a.ask(auth.Ingest, "POST /v1/events", "/v1/events", up, 200)
	a.ask(auth.Ingest, "POST /v1/events", "/v1/events", `{"specversion":"1.0"}`, 400)
	a.ask(auth.Read, "GET /v1/events", "/v1/events?after=oldest&limit=500", "", 200)
	a.ask(auth.Read, "GET /v1/events", "/v1/events?limit=none", "", 400)
	for kind, enough := range map[string]int{"queues": 2, "agents": 10, "interactions": 1, "channels": 2, "sources": 1} {
		all := a.until(auth.Read, "GET /v1/state/"+kind, "/v1/state/"+kind, func(x map[string]any) bool { return len(of(x, kind)) >= enough })
		a.ask(auth.Read, "GET /v1/state/"+kind+"/{id}", "/v1/state/"+kind+"/"+url.PathEscape(first(all, kind, "id")), "", 200)
	}
	queues, agents := a.ask(auth.Read, "GET /v1/state/queues", "/v1/state/queues", "", 200), a.ask(auth.Read, "GET /v1/state/agents", "/v1/state/agents", "", 200)
	for _, query := range []string{"measure=Offered&queue=" + first(queues, "queues", "id"), "measure=averageHandleTime&agent=" + first(agents, "agents", "id"),
		"measure=agentState&agent=" + first(agents, "agents", "id"), "measure=abandonRate&queue=" + first(queues, "queues", "id")} {
		a.ask(auth.Read, "GET /v1/explain", "/v1/explain?"+query, "", 200)
	}
	a.ask(auth.Read, "GET /v1/explain", "/v1/explain?measure=Ofered", "", 400)
	sources := a.until(auth.Read, "GET /v1/sources", "/v1/sources", func(x map[string]any) bool { return len(of(x, "sources")) > 0 })
	a.ask(auth.Read, "GET /v1/sources/{source...}", "/v1/sources/"+url.PathEscape(first(sources, "sources", "source")), "", 200)
}

func askDirectory(a *asker) {
	for _, x := range []struct{ kind, id, body, wrong string }{
		{"groups", "g1", `{"name":"Team"}`, `{"name":1}`},
		{"queues", "dq1", `{"name":"Sales","media":"phone","service_level_ms":20000,"caps":{"size":5},"hours":[{"day":"mon","from":"08:00","to":"18:00"}],"zone":"Europe/Berlin"}`, `{"queue":7}`},
		{"agents", "da1", `{"login":"ann","name":"Ann","groups":["g1"],"queues":[{"id":"dq1","priority":1}],"skills":[{"id":"s","level":3}],"slots":{"chat":2},"role":"agent"}`, `{"slots":{"chat":-1}}`},
		{"users", "u1", `{"login":"ann@acme","role":"supervisor","supervises":["g1"]}`, `{"role":"king"}`},
		{"channels", "c1", `{"name":"Line","media":"phone","address":"+4930"}`, `{"media":"smoke"}`},
	} {
		one := "/v1/directory/" + x.kind + "/{id}"
		path := strings.Replace(one, "{id}", x.id, 1)
		a.ask(auth.Admin, "PUT "+one, path, x.body, 201)
		a.ask(auth.Admin, "PUT "+one, path, x.body, 200)
		a.ask(auth.Admin, "PUT "+one, path, x.wrong, 422)
		a.ask(auth.Read, "GET "+one, path, "", 200)
		a.ask(auth.Read, "GET "+one, strings.Replace(one, "{id}", "none", 1), "", 404)
		a.ask(auth.Read, "GET /v1/directory/"+x.kind, "/v1/directory/"+x.kind+"?limit=1", "", 200)
		a.ask(auth.Read, "GET /v1/directory/"+x.kind, "/v1/directory/"+x.kind+"?limit=none", "", 400)
		if x.kind == "users" {
			a.ask(auth.Admin, "POST "+one+"/secret", path+"/secret", "", 200)
		}
		a.ask(auth.Admin, "DELETE "+one, path, "", 204)
	}
}

func askWebhooks(a *asker) {
	var broken atomic.Bool
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	a.t.Cleanup(sink.Close)
	const one = "/v1/webhooks/{id}"
	made := a.ask(auth.Admin, "POST /v1/webhooks", "/v1/webhooks", `{"id":"w1","url":"`+sink.URL+`","feeds":["raw"],"signing_secret":"new","retries":0,"headers":{"X-Key":"k"},"after":"oldest","description":"d"}`, 201)
	if made["signing_secret"] == nil {
		a.t.Errorf("%v", made)
	}
	a.ask(auth.Admin, "POST /v1/webhooks", "/v1/webhooks", `{"id":"w1","url":"`+sink.URL+`","feeds":["queue"]}`, 409)
	a.ask(auth.Admin, "POST /v1/webhooks", "/v1/webhooks", `{"url":"nowhere"}`, 422)
	path := "/v1/webhooks/w1"
	a.until(auth.Admin, "GET "+one+"/attempts", path+"/attempts?limit=200", func(x map[string]any) bool { return len(of(x, "attempts")) > 0 })
	broken.Store(true)
	a.ask(auth.Admin, "POST "+one+"/test", path+"/test", "", 200)
	a.ask(auth.Ingest, "POST /v1/events", "/v1/events", strings.Replace(fact(""), `"1",`, `"later",`, 1), 200)
	parked := a.until(auth.Admin, "GET "+one+"/parked", path+"/parked", func(x map[string]any) bool { return len(of(x, "parked")) > 0 })
	a.until(auth.Admin, "GET "+one+"/attempts", path+"/attempts?failed=true", func(x map[string]any) bool { return len(of(x, "attempts")) > 0 })
	broken.Store(false)
	a.ask(auth.Admin, "POST "+one+"/replay", path+"/replay", `{"event":"`+first(parked, "parked", "event_id")+`"}`, 202)
	a.ask(auth.Admin, "POST "+one+"/replay", path+"/replay", `{}`, 422)
	a.ask(auth.Admin, "POST "+one+"/rotate", path+"/rotate", `{"overlap_seconds":60}`, 200)
	a.ask(auth.Admin, "POST "+one+"/pause", path+"/pause", `{"reason":"a test"}`, 200)
	a.ask(auth.Admin, "POST "+one+"/resume", path+"/resume", "", 200)
	a.ask(auth.Admin, "PATCH "+one, path, `{"rate_per_second":5,"filter":"true"}`, 200)
	a.ask(auth.Admin, "PATCH "+one, path, `{"filter":"("}`, 422)
	a.ask(auth.Admin, "GET "+one, path, "", 200)
	a.ask(auth.Admin, "GET "+one, "/v1/webhooks/none", "", 404)
	a.ask(auth.Admin, "GET /v1/webhooks", "/v1/webhooks", "", 200)
	a.ask(auth.Admin, "DELETE "+one, path, "", 204)
}

func askMeasures(a *asker) {
	const realm, notification, management = "/auth/realms/{account}", "/api/notification/v1/accounts/{account}/subscriptions", "/api/analytics/producer-management/v1/accounts/{account}/measure-producers"
	at := strings.NewReplacer("{account}", "acme").Replace
	token := a.ask("", "POST "+realm+"/protocol/openid-connect/token", at(realm)+"/protocol/openid-connect/token",
		url.Values{"grant_type": {"client_credentials"}, "client_id": {"wallboard"}, "client_secret": {"a secret of some length"}}.Encode(), 200)
	a.ask("", "POST "+realm+"/protocol/openid-connect/token", at(realm)+"/protocol/openid-connect/token", "grant_type=password", 400)
	a.ask("", "GET "+realm+"/protocol/openid-connect/certs", at(realm)+"/protocol/openid-connect/certs", "", 200)
	a.ask("", "GET "+realm+"/.well-known/openid-configuration", at(realm)+"/.well-known/openid-configuration", "", 200)
	a.signed, _ = token["access_token"].(string)
	made := a.ask("", "POST "+notification, at(notification), `{"family":"ANALYTICS","events":["ALL"],"transport":{"type":"WEBHOOK","endpoint":"https://203.0.113.9/","authToken":"t","signingSecret":"new"},
		"extensions":{"measureProducerId":"Queue_itd","initializedMarker":"true"}}`, 201)
	a.ask("", "POST "+notification, at(notification), `{}`, 400)
	one, id := notification+"/{subscription}", made["subscriptionId"].(string)
	a.ask("", "GET "+one, at(notification)+"/"+id, "", 200)
	a.ask("", "GET "+one, at(notification)+"/none", "", 404)
	a.ask("", "PATCH "+one, at(notification)+"/"+id, `{"transport":{"type":"WEBSOCKET"},"extensions":{"channelId":"PHONE"}}`, 200)
	a.ask("", "POST "+one, at(notification)+"/"+id+":renew", "", 200)
	a.ask("", "GET "+notification, at(notification)+"?pageSize=1", "", 200)
	a.ask("", "DELETE "+one, at(notification)+"/"+id, "", 204)
	a.ask("", "GET "+management, at(management), "", 200)
	a.ask("", "GET "+management+"/{producer}", at(management)+"/Queue_itd", "", 200)
	a.ask("", "GET "+management+"/{producer}", at(management)+"/none", "", 404)
	a.ask("", "GET "+management+"/{producer}/locales", at(management)+"/Queue_itd/locales", "", 200)
	a.ask("", "GET "+management+"/{producer}/dictionaries/{locale}", at(management)+"/Queue_itd/dictionaries/fr", "", 200)
}

func askRest(a *asker) {
	made := a.ask(auth.Admin, "POST /v1/tokens", "/v1/tokens", `{"scopes":["read"],"name":"wallboard","expires":"`+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+`"}`, 201)
	a.ask(auth.Admin, "POST /v1/tokens", "/v1/tokens", `{"scopes":["fly"]}`, 422)
	a.ask(auth.Admin, "GET /v1/tokens", "/v1/tokens", "", 200)
	a.ask(auth.Admin, "POST /v1/tokens/{id}/rotate", "/v1/tokens/"+made["id"].(string)+"/rotate", "", 200)
	a.ask(auth.Admin, "DELETE /v1/tokens/{id}", "/v1/tokens/"+made["id"].(string), "", 204)
	a.ask(auth.Admin, "GET /v1/tenants", "/v1/tenants", "", 200)
	a.ask("operator", "PUT /v1/tenants/{id}", "/v1/tenants/initech", `{"name":"Initech","time_zone":"America/Chicago","account":"INITEC"}`, 201)
	a.ask("operator", "PUT /v1/tenants/{id}", "/v1/tenants/initech", `{"log_bytes":1073741824}`, 200)
	a.ask("operator", "PUT /v1/tenants/{id}", "/v1/tenants/initech", `{"time_zone":"Mars"}`, 422)
	a.ask("operator", "GET /v1/tenants/{id}", "/v1/tenants/initech", "", 200)
	a.ask("operator", "DELETE /v1/tenants/{id}", "/v1/tenants/initech", "", 204)
	a.ask(auth.Read, "GET /v1/exports", "/v1/exports", "", 200)
	a.ask(auth.Read, "GET /v1/exports/feeds", "/v1/exports/feeds", "", 200)
	const one = "/v1/exports/destinations/{id}"
	path := "/v1/exports/destinations/here"
	a.ask(auth.Read, "GET "+one, path, "", 200)
	a.ask(auth.Read, "GET "+one+"/feeds/{feed}/windows", path+"/feeds/reps/windows?date="+time.Now().UTC().Format(time.DateOnly), "", 200)
	a.ask(auth.Read, "GET "+one+"/feeds/{feed}/windows", path+"/feeds/reps/windows?date=today", "", 422)
	a.ask(auth.Admin, "POST "+one+"/backfill", path+"/backfill", `{"from":"`+time.Now().Add(-3*time.Hour).UTC().Format(time.RFC3339)+`"}`, 422)
	a.ask(auth.Admin, "GET "+one+"/backfill", path+"/backfill", "", 404)
	a.ask(auth.Admin, "GET /v1/schemas/", "/v1/schemas/", "", 200)
	a.ask(auth.Admin, "GET /v1/schemas/", "/v1/schemas/agent.alerted", "", 200)
	a.ask(auth.Admin, "GET /v1/schemas/", "/v1/schemas/none", "", 404)
	a.ask(auth.Admin, "GET /healthz", "/healthz", "", 200)
	a.ask(auth.Admin, "GET /readyz", "/readyz", "", 200)
}
