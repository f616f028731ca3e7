package server_test

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"trunkline/auth"
	"trunkline/config"
)

// endpoint is one line of the table that every mounted pattern must be in.
type endpoint struct {
	pattern string
	scope   auth.Scope
	// path, header and body make a request that the right token may send; {own} and {other} stand for tokens of the
	// tenant acme and of another one.
	path   string
	body   string
	header http.Header
	// stream: the answer does not end by itself; only its beginning is looked at.
	stream bool
	// operator: a tenant's admin is refused with 403.
	operator bool
	// operators: the operator's admin passes too.
	operators bool
	// status of the right token; 0: 200.
	status int
	// foreign is a path of the other tenant's, and what a token of acme is answered there; empty where the path
	// cannot name a tenant: then what the endpoint shows is the token's own.
	foreign       string
	foreignStatus int
	foreignBody   string
}

// endpoints is the table.
var endpoints = []endpoint{
	{pattern: "GET /healthz", path: "/healthz"},
	{pattern: "GET /readyz", path: "/readyz"},
	{pattern: "GET /metrics", path: "/metrics"},

	{pattern: "GET /v1/tokens", scope: auth.Admin, path: "/v1/tokens", foreign: "/v1/tokens?tenant=globex", foreignStatus: 403},
	{pattern: "POST /v1/tokens", scope: auth.Admin, path: "/v1/tokens", body: `{"scopes":["read"]}`, status: 201,
		foreign: "/v1/tokens", foreignBody: `{"tenant":"globex","scopes":["read"]}`, foreignStatus: 403},
	{pattern: "POST /v1/tokens/{id}/rotate", scope: auth.Admin, path: "/v1/tokens/{own}/rotate", foreign: "/v1/tokens/{other}/rotate", foreignStatus: 404},
	{pattern: "DELETE /v1/tokens/{id}", scope: auth.Admin, path: "/v1/tokens/{own}", status: 204, foreign: "/v1/tokens/{other}", foreignStatus: 404},

	{pattern: "GET /v1/schemas/", path: "/v1/schemas/interaction.created"},
	{pattern: "GET /docs/asyncapi.yaml", path: "/docs/asyncapi.yaml"},
	{pattern: "GET /docs/openapi.yaml", path: "/docs/openapi.yaml"},
	{pattern: "POST /v1/events", scope: auth.Ingest, path: "/v1/events", body: fact(""), header: structured,
		foreign: "/v1/events", foreignBody: fact("globex"), foreignStatus: 403},
	{pattern: "GET /api/streaming/v1/clientconnect/subscribe/{updates}", scope: auth.Stream,
		path: "/api/streaming/v1/clientconnect/subscribe/TenantUpdates?tenantId=acme&subsId=x", stream: true,
		foreign: "/api/streaming/v1/clientconnect/subscribe/TenantUpdates?tenantId=globex&subsId=x", foreignStatus: 403},
	{pattern: "GET /api/sapi/atmosphere/subscribe/{updates}", scope: auth.Stream,
		path: "/api/sapi/atmosphere/subscribe/TenantUpdates-acme-x?tenantId=acme&subsId=x", stream: true,
		foreign: "/api/sapi/atmosphere/subscribe/TenantUpdates-globex-x", foreignStatus: 403},
	{pattern: "POST /api/streaming/v1/TenantUpdates/tickets", scope: auth.Stream, path: "/api/streaming/v1/TenantUpdates/tickets", status: 201},
	// Public: a ticket, which was given for a token, opens it.
	{pattern: "GET /api/streaming/v1/TenantUpdates/events", path: "/api/streaming/v1/TenantUpdates/events?ticket=none", status: 401},
	{pattern: "GET /api/streaming/v1/TenantUpdates.jsp", path: "/api/streaming/v1/TenantUpdates.jsp"},
	{pattern: "GET /api/sapi/TenantUpdates.jsp", path: "/api/sapi/TenantUpdates.jsp"},
	{pattern: "GET /api/streaming/v1/TenantUpdates.js", path: "/api/streaming/v1/TenantUpdates.js"},
	// What these give is the token's own tenant's alone; nothing in them can name another.
	{pattern: "GET /v1/events", scope: auth.Read, path: "/v1/events?limit=10"},
	{pattern: "GET /v1/live", scope: auth.Read, path: "/v1/live", stream: true},
	{pattern: "GET /v1/explain", scope: auth.Read, path: "/v1/explain?measure=Offered&queue=none", status: 404},
	{pattern: "GET /v1/state/queues", scope: auth.Read, path: "/v1/state/queues"},
	{pattern: "GET /v1/state/queues/{id}", scope: auth.Read, path: "/v1/state/queues/none", status: 404},
	{pattern: "GET /v1/state/agents", scope: auth.Read, path: "/v1/state/agents"},
	{pattern: "GET /v1/state/agents/{id}", scope: auth.Read, path: "/v1/state/agents/none", status: 404},
	{pattern: "GET /v1/state/interactions", scope: auth.Read, path: "/v1/state/interactions"},
	{pattern: "GET /v1/state/interactions/{id}", scope: auth.Read, path: "/v1/state/interactions/none", status: 404},
	{pattern: "GET /v1/state/channels", scope: auth.Read, path: "/v1/state/channels"},
	{pattern: "GET /v1/state/channels/{id}", scope: auth.Read, path: "/v1/state/channels/fax", status: 404},
	{pattern: "GET /v1/state/sources", scope: auth.Read, path: "/v1/state/sources"},
	{pattern: "GET /v1/state/sources/{id}", scope: auth.Read, path: "/v1/state/sources/none", status: 404},

	{pattern: "GET /v1/sources", scope: auth.Read, path: "/v1/sources", operators: true, foreign: "/v1/sources?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/sources/{source...}", scope: auth.Read, path: "/v1/sources/none", status: 404, operators: true,
		foreign: "/v1/sources/none?tenant=globex", foreignStatus: 403},

	{pattern: "GET /v1/exports", scope: auth.Read, path: "/v1/exports?tenant=acme", operators: true, foreign: "/v1/exports?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/exports/feeds", scope: auth.Read, path: "/v1/exports/feeds?tenant=acme", operators: true, foreign: "/v1/exports/feeds?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/exports/destinations/{id}", scope: auth.Read, path: "/v1/exports/destinations/none?tenant=acme", status: 404, operators: true,
		foreign: "/v1/exports/destinations/none?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/exports/destinations/{id}/feeds/{feed}/windows", scope: auth.Read, path: "/v1/exports/destinations/none/feeds/reps/windows?tenant=acme", status: 404,
		operators: true, foreign: "/v1/exports/destinations/none/feeds/reps/windows?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/exports/destinations/{id}/backfill", scope: auth.Admin, path: "/v1/exports/destinations/none/backfill", status: 404,
		foreign: "/v1/exports/destinations/none/backfill?tenant=globex", foreignStatus: 403},
	{pattern: "POST /v1/exports/destinations/{id}/backfill", scope: auth.Admin, path: "/v1/exports/destinations/none/backfill", body: `{"from":"2026-03-02T00:00:00Z","to":"2026-03-03T00:00:00Z"}`,
		status: 404, foreign: "/v1/exports/destinations/none/backfill?tenant=globex", foreignStatus: 403},
	// Public: they have headers of their own for credentials, and links carry a signature.
	{pattern: "POST /fileexporter/v1/static/listfeeds", path: "/fileexporter/v1/static/listfeeds", status: 401},
	{pattern: "POST /fileexporter/v1/static/listfeedversions", path: "/fileexporter/v1/static/listfeedversions", status: 401},
	{pattern: "POST /fileexporter/v1/static/listfeedformats", path: "/fileexporter/v1/static/listfeedformats", status: 401},
	{pattern: "POST /fileexporter/v1/static/listfeeddates", path: "/fileexporter/v1/static/listfeeddates", status: 401},
	{pattern: "POST /fileexporter/v1/static/listfeedintervals", path: "/fileexporter/v1/static/listfeedintervals", status: 401},
	{pattern: "POST /fileexporter/v1/static/listfeedfiles", path: "/fileexporter/v1/static/listfeedfiles", status: 401},
	{pattern: "POST /fileexporter/v1/static/getfeedfile", path: "/fileexporter/v1/static/getfeedfile", status: 401},
	{pattern: "GET /fileexporter/v1/files/{tenant}/{key...}", path: "/fileexporter/v1/files/acme/none?expires=1&signature=x", status: 403},

	{pattern: "PUT /v1/directory/agents/{id}", scope: auth.Admin, path: "/v1/directory/agents/a1", body: `{"name":"A"}`, status: 201, foreign: "/v1/directory/agents/a1?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/directory/agents", scope: auth.Read, path: "/v1/directory/agents?tenant=acme", operators: true, foreign: "/v1/directory/agents?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/directory/agents/{id}", scope: auth.Read, path: "/v1/directory/agents/a1?tenant=acme", operators: true, foreign: "/v1/directory/agents/a1?tenant=globex", foreignStatus: 403},
	{pattern: "DELETE /v1/directory/agents/{id}", scope: auth.Admin, path: "/v1/directory/agents/a1", status: 204, foreign: "/v1/directory/agents/a1?tenant=globex", foreignStatus: 403},
	{pattern: "PUT /v1/directory/queues/{id}", scope: auth.Admin, path: "/v1/directory/queues/q1", body: `{"name":"Q"}`, status: 201, foreign: "/v1/directory/queues/q1?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/directory/queues", scope: auth.Read, path: "/v1/directory/queues?tenant=acme", operators: true, foreign: "/v1/directory/queues?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/directory/queues/{id}", scope: auth.Read, path: "/v1/directory/queues/q1?tenant=acme", operators: true, foreign: "/v1/directory/queues/q1?tenant=globex", foreignStatus: 403},
	{pattern: "DELETE /v1/directory/queues/{id}", scope: auth.Admin, path: "/v1/directory/queues/q1", status: 204, foreign: "/v1/directory/queues/q1?tenant=globex", foreignStatus: 403},
	{pattern: "PUT /v1/directory/users/{id}", scope: auth.Admin, path: "/v1/directory/users/u1", body: `{"role":"admin"}`, status: 201, foreign: "/v1/directory/users/u1?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/directory/users", scope: auth.Read, path: "/v1/directory/users?tenant=acme", operators: true, foreign: "/v1/directory/users?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/directory/users/{id}", scope: auth.Read, path: "/v1/directory/users/u1?tenant=acme", operators: true, foreign: "/v1/directory/users/u1?tenant=globex", foreignStatus: 403},
	{pattern: "POST /v1/directory/users/{id}/secret", scope: auth.Admin, path: "/v1/directory/users/u1/secret",
		foreign: "/v1/directory/users/u1/secret?tenant=globex", foreignStatus: 403},
	{pattern: "DELETE /v1/directory/users/{id}", scope: auth.Admin, path: "/v1/directory/users/u1", status: 204, foreign: "/v1/directory/users/u1?tenant=globex", foreignStatus: 403},
	{pattern: "PUT /v1/directory/groups/{id}", scope: auth.Admin, path: "/v1/directory/groups/g1", body: `{"name":"G"}`, status: 201, foreign: "/v1/directory/groups/g1?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/directory/groups", scope: auth.Read, path: "/v1/directory/groups?tenant=acme", operators: true, foreign: "/v1/directory/groups?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/directory/groups/{id}", scope: auth.Read, path: "/v1/directory/groups/g1?tenant=acme", operators: true, foreign: "/v1/directory/groups/g1?tenant=globex", foreignStatus: 403},
	{pattern: "DELETE /v1/directory/groups/{id}", scope: auth.Admin, path: "/v1/directory/groups/g1", status: 204, foreign: "/v1/directory/groups/g1?tenant=globex", foreignStatus: 403},
	{pattern: "PUT /v1/directory/channels/{id}", scope: auth.Admin, path: "/v1/directory/channels/c1", body: `{"media":"chat"}`, status: 201, foreign: "/v1/directory/channels/c1?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/directory/channels", scope: auth.Read, path: "/v1/directory/channels?tenant=acme", operators: true, foreign: "/v1/directory/channels?tenant=globex", foreignStatus: 403},
	{pattern: "GET /v1/directory/channels/{id}", scope: auth.Read, path: "/v1/directory/channels/c1?tenant=acme", operators: true, foreign: "/v1/directory/channels/c1?tenant=globex", foreignStatus: 403},
	{pattern: "DELETE /v1/directory/channels/{id}", scope: auth.Admin, path: "/v1/directory/channels/c1", status: 204, foreign: "/v1/directory/channels/c1?tenant=globex", foreignStatus: 403},
	// A destination of another tenant is one that is not there.
	{pattern: "GET /v1/webhooks", scope: auth.Admin, path: "/v1/webhooks"},
	{pattern: "POST /v1/webhooks", scope: auth.Admin, path: "/v1/webhooks", body: `{"id":"made","url":"https://events.example.com/"}`, status: 201},
	{pattern: "GET /v1/webhooks/{id}", scope: auth.Admin, path: "/v1/webhooks/none", status: 404},
	{pattern: "PATCH /v1/webhooks/{id}", scope: auth.Admin, path: "/v1/webhooks/none", body: `{}`, status: 404},
	{pattern: "DELETE /v1/webhooks/{id}", scope: auth.Admin, path: "/v1/webhooks/none", status: 404},
	{pattern: "POST /v1/webhooks/{id}/pause", scope: auth.Admin, path: "/v1/webhooks/none/pause", status: 404},
	{pattern: "POST /v1/webhooks/{id}/resume", scope: auth.Admin, path: "/v1/webhooks/none/resume", status: 404},
	{pattern: "POST /v1/webhooks/{id}/test", scope: auth.Admin, path: "/v1/webhooks/none/test", status: 404},
	{pattern: "POST /v1/webhooks/{id}/rotate", scope: auth.Admin, path: "/v1/webhooks/none/rotate", status: 404},
	{pattern: "GET /v1/webhooks/{id}/attempts", scope: auth.Admin, path: "/v1/webhooks/none/attempts", status: 404},
	{pattern: "GET /v1/webhooks/{id}/parked", scope: auth.Admin, path: "/v1/webhooks/none/parked", status: 404},
	{pattern: "POST /v1/webhooks/{id}/replay", scope: auth.Admin, path: "/v1/webhooks/none/replay", body: `{"parked":true}`, status: 404},
	// These take signed tokens alone, of which the gate knows nothing; feed/measures holds them against foreign ones.
	{pattern: "POST /api/notification/v1/accounts/{account}/subscriptions", path: "/api/notification/v1/accounts/acme/subscriptions", status: 401},
	{pattern: "GET /api/notification/v1/accounts/{account}/subscriptions", path: "/api/notification/v1/accounts/acme/subscriptions", status: 401},
	{pattern: "GET /api/notification/v1/accounts/{account}/subscriptions/{subscription}", path: "/api/notification/v1/accounts/acme/subscriptions/x", status: 401},
	{pattern: "PATCH /api/notification/v1/accounts/{account}/subscriptions/{subscription}", path: "/api/notification/v1/accounts/acme/subscriptions/x", status: 401},
	{pattern: "DELETE /api/notification/v1/accounts/{account}/subscriptions/{subscription}", path: "/api/notification/v1/accounts/acme/subscriptions/x", status: 401},
	{pattern: "POST /api/notification/v1/accounts/{account}/subscriptions/{subscription}", path: "/api/notification/v1/accounts/acme/subscriptions/x", status: 401},
	{pattern: "GET /api/analytics/producer-management/v1/accounts/{account}/measure-producers", path: "/api/analytics/producer-management/v1/accounts/acme/measure-producers", status: 401},
	{pattern: "GET /api/analytics/producer-management/v1/accounts/{account}/measure-producers/{producer}", path: "/api/analytics/producer-management/v1/accounts/acme/measure-producers/Queue_itd_1.0.0", status: 401},
	{pattern: "GET /api/analytics/producer-management/v1/accounts/{account}/measure-producers/{producer}/locales", path: "/api/analytics/producer-management/v1/accounts/acme/measure-producers/Queue_itd_1.0.0/locales", status: 401},
	{pattern: "GET /api/analytics/producer-management/v1/accounts/{account}/measure-producers/{producer}/dictionaries/{locale}", path: "/api/analytics/producer-management/v1/accounts/acme/measure-producers/Queue_itd_1.0.0/dictionaries/en", status: 401},
	{pattern: "GET /ws/notification", path: "/ws/notification", status: 426},
	{pattern: "GET /ws/notification/v1beta/analytics/realtime", path: "/ws/notification/v1beta/analytics/realtime", status: 426},
	{pattern: "GET /ws/notification/v1/analytics/realtime", path: "/ws/notification/v1/analytics/realtime", status: 426},
	{pattern: "GET /ws/notification/v1/analytics/realtime/{account}/{subscription}", path: "/ws/notification/v1/analytics/realtime/acme/x", status: 426},
	{pattern: "POST /auth/realms/{account}/protocol/openid-connect/token", path: "/auth/realms/acme/protocol/openid-connect/token", status: 400},
	{pattern: "GET /auth/realms/{account}/protocol/openid-connect/certs", path: "/auth/realms/acme/protocol/openid-connect/certs"},
	{pattern: "GET /auth/realms/{account}/.well-known/openid-configuration", path: "/auth/realms/acme/.well-known/openid-configuration"},
	// These take a user's name and secret, or the tokens made of them; feed/hub holds them against others'.
	{pattern: "GET /token/{user}/rte/{$}", path: "/token/me/rte/", status: 401},
	{pattern: "GET /token/{user}/rte", path: "/token/me/rte", status: 401},
	{pattern: "OPTIONS /token/{user}/rte/{$}", path: "/token/me/rte/", status: 204},
	{pattern: "OPTIONS /token/{user}/rte", path: "/token/me/rte", status: 204},
	{pattern: "POST /rte/negotiate", path: "/rte/negotiate", status: 401},
	{pattern: "OPTIONS /rte/negotiate", path: "/rte/negotiate", status: 204},
	{pattern: "GET /rte", path: "/rte", status: 401},
	{pattern: "POST /rte", path: "/rte", status: 401},
	{pattern: "DELETE /rte", path: "/rte", status: 401},
	{pattern: "OPTIONS /rte", path: "/rte", status: 204},

	{pattern: "GET /v1/tenants", scope: auth.Admin, path: "/v1/tenants"},
	{pattern: "GET /v1/tenants/{id}", scope: auth.Admin, path: "/v1/tenants/acme", foreign: "/v1/tenants/globex", foreignStatus: 404},
	{pattern: "PUT /v1/tenants/{id}", scope: auth.Admin, path: "/v1/tenants/initech", body: `{}`, status: 201, operator: true},
	{pattern: "DELETE /v1/tenants/{id}", scope: auth.Admin, path: "/v1/tenants/initech", status: 204, operator: true},
}

var structured = http.Header{"Content-Type": {"application/cloudevents+json"}}

// fact is an event of a type that is not ours; tenant may be empty.
func fact(tenant string) string {
	extension := ""
	if tenant != "" {
		extension = `"tenant":"` + tenant + `",`
	}
	return `{"specversion":"1.0","id":"1","source":"/test","type":"com.example.happened",` + extension + `"data":{}}`
}

func TestEveryEndpointIsInTheTable(t *testing.T) {
	s := start(t, nil)
	known := map[string]auth.Scope{}
	for _, e := range endpoints {
		if _, twice := known[e.pattern]; twice {
			t.Errorf("%s stands in the table twice", e.pattern)
		}
		known[e.pattern] = e.scope
	}
	for _, r := range s.Routes() {
		scope, ok := known[r.Pattern]
		if !ok {
			t.Errorf("%s is mounted but not in the table of endpoints", r.Pattern)
			continue
		}
		if scope != r.Scope {
			t.Errorf("%s is mounted with scope %q, the table says %q", r.Pattern, r.Scope, scope)
		}
		delete(known, r.Pattern)
	}
	for pattern := range known {
		t.Errorf("%s is in the table but not mounted", pattern)
	}
}

// Every endpoint is asked by nobody, with tokens that are no tokens, with each wrong scope, for another tenant, and
// with the right token.
func TestEndpointsAreGuarded(t *testing.T) {
	s := start(t, func(c *config.Config) { c.Listen.BadTokens = 100_000 })
	issue := func(tenant string, scopes ...auth.Scope) (id, secret string) {
		t.Helper()
		tok, secret, err := s.Tokens().Create(t.Context(), tenant, scopes, "")
		if err != nil {
			t.Fatal(err)
		}
		return tok.ID, secret
	}
	byScope := map[auth.Scope]string{}
	for _, scope := range auth.Scopes() {
		_, byScope[scope] = issue("acme", scope)
	}
	_, operator := issue(auth.Operator, auth.Admin)
	revokedID, revoked := issue("acme", auth.Scopes()...)
	if err := s.Tokens().Revoke(t.Context(), revokedID); err != nil {
		t.Fatal(err)
	}
	otherID, otherSecret := issue("globex", auth.Scopes()...)

	described := readOpenAPI(t)
	for _, e := range endpoints {
		t.Run(e.pattern, func(t *testing.T) {
			method, _, _ := strings.Cut(e.pattern, " ")
			ownID, _ := issue("acme", auth.Read)
			ask := func(path, body, secret string) (int, http.Header, string) {
				path = strings.NewReplacer("{own}", ownID, "{other}", otherID).Replace(path)
				if e.stream {
					resp := open(t, s.URL(), method, path, body, secret, e.header)
					defer resp.Body.Close()
					return resp.StatusCode, resp.Header, ""
				}
				return call(t, s.URL(), method, path, body, secret, e.header)
			}
			if e.scope != "" {
				for name, secret := range map[string]string{
					"no token": "", "rubbish": "rubbish", "an unknown token": auth.NewSecret("nobody"),
					"a revoked token": revoked, "a changed secret": otherSecret[:len(otherSecret)-4] + "AAAA",
				} {
					status, header, body := ask(e.path, e.body, secret)
					if status != 401 || header.Get("WWW-Authenticate") == "" || header.Get("Content-Type") != "application/problem+json" {
						t.Errorf("%s: %d %v %s", name, status, header, body)
					}
				}
				for scope, secret := range byScope {
					if scope == e.scope {
						continue
					}
					if status, header, body := ask(e.path, e.body, secret); status != 403 || !strings.Contains(header.Get("WWW-Authenticate"), "insufficient_scope") {
						t.Errorf("scope %s: %d %s", scope, status, body)
					}
				}
				if e.operators {
					if status, _, body := ask(e.path, e.body, operator); status != cmp.Or(e.status, 200) {
						t.Errorf("the operator: %d %s", status, body)
					}
				} else if e.scope != auth.Admin {
					if status, _, body := ask(e.path, e.body, operator); status != 403 {
						t.Errorf("the operator: %d %s", status, body)
					}
				}
			}
			if e.foreign != "" {
				status, header, body := ask(e.foreign, cmp.Or(e.foreignBody, e.body), byScope[e.scope])
				if status != e.foreignStatus {
					t.Errorf("another tenant's: %d %s, want %d", status, body, e.foreignStatus)
				}
				if !e.stream {
					described.check(t, e.pattern, status, header, body)
				}
			}
			right := byScope[e.scope]
			if e.operator {
				if status, _, body := ask(e.path, e.body, right); status != 403 {
					t.Errorf("a tenant's admin: %d %s, want 403", status, body)
				}
				right = operator
			}
			status, header, body := ask(e.path, e.body, right)
			if status != cmp.Or(e.status, 200) {
				t.Errorf("the right token: %d %s, want %d", status, body, cmp.Or(e.status, 200))
			}
			if !e.stream {
				described.check(t, e.pattern, status, header, body)
			}
			if strings.Contains(body, "globex") {
				t.Errorf("the answer tells of another tenant: %s", body)
			}
		})
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := start(t, nil)
	for _, tc := range []struct {
		method, path, allow string
		status              int
	}{
		{"GET", "/nothing", "", 404},
		{"GET", "/v1/tokens/x/y/z", "", 404},
		{"PATCH", "/v1/tenants/acme", "DELETE, GET, HEAD, PUT", 405},
		{"POST", "/healthz", "GET, HEAD", 405},
	} {
		status, header, body := call(t, s.URL(), tc.method, tc.path, "", "", nil)
		if status != tc.status || header.Get("Allow") != tc.allow || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d, Allow %q, %s", tc.method, tc.path, status, header.Get("Allow"), body)
		}
	}
}

// call sends a request and gives the answer.
func call(t *testing.T, base, method, path, body, secret string, header http.Header) (int, http.Header, string) {
	t.Helper()
	resp := open(t, base, method, path, body, secret, header)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

// open sends a request and gives the answer as far as its header.
func open(t *testing.T, base, method, path, body, secret string, header http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = slices.Clone(v)
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(fmt.Errorf("%s %s: %w", method, path, err))
	}
	return resp
}
