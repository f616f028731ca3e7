package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"trunkline/auth"
	"trunkline/control"
)

// edge is the tokens' interface as the server mounts it.
func edge(t *testing.T) (http.Handler, *auth.Store) {
	s := openStore(t, t.Context(), control.NewMemory())
	gate := &auth.Gate{Store: s}
	mux := http.NewServeMux()
	for _, r := range auth.NewAPI(s, func(tenant string) bool { return tenant == "acme" || tenant == "globex" }).Routes() {
		mux.Handle(r.Pattern, gate.Require(r.Scope, r.Handler))
	}
	return mux, s
}

func call(h http.Handler, method, path, authorization, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func TestRequire(t *testing.T) {
	s := openStore(t, t.Context(), control.NewMemory())
	_, secret, err := s.Create(t.Context(), "acme", []auth.Scope{auth.Read}, "")
	if err != nil {
		t.Fatal(err)
	}
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	gate := &auth.Gate{Store: s}
	h := func(scope auth.Scope) http.Handler {
		return gate.Require(scope, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if p := auth.From(r.Context()); p != nil {
				fmt.Fprint(w, p.Tenant)
			}
		}))
	}
	for _, tc := range []struct {
		name, authorization string
		scope               auth.Scope
		status              int
		challenge           string
	}{
		{"public", "", "", 200, ""},
		{"nothing", "", auth.Read, 401, `Bearer realm="trunkline"`},
		{"bearer", "Bearer " + secret, auth.Read, 200, ""},
		{"scheme in any case", "bEARER  " + secret, auth.Read, 200, ""},
		{"basic", basic("acme", secret), auth.Read, 200, ""},
		{"basic of another tenant", basic("globex", secret), auth.Read, 401, `error="invalid_token"`},
		{"basic without a tenant", basic("", secret), auth.Read, 401, `Bearer realm`},
		{"basic that is not base64", "Basic !!", auth.Read, 401, `Bearer realm`},
		{"another scheme", "Digest " + secret, auth.Read, 401, `Bearer realm`},
		{"wrong secret", "Bearer " + secret[:len(secret)-1] + "~", auth.Read, 401, `error="invalid_token"`},
		{"unknown id", "Bearer " + auth.NewSecret("nobody"), auth.Read, 401, `error="invalid_token"`},
		{"wrong scope", "Bearer " + secret, auth.Ingest, 403, `error="insufficient_scope", scope="ingest"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := call(h(tc.scope), "GET", "/?token="+secret, tc.authorization, "")
			if rec.Code != tc.status {
				t.Errorf("status %d, want %d: %s", rec.Code, tc.status, rec.Body)
			}
			if got := rec.Header().Get("WWW-Authenticate"); !strings.Contains(got, tc.challenge) {
				t.Errorf("challenge %q, want %q", got, tc.challenge)
			}
			if tc.status == 200 && tc.scope != "" && rec.Body.String() != "acme" {
				t.Errorf("principal of %q", rec.Body)
			}
			if strings.Contains(rec.Body.String(), secret) {
				t.Errorf("the answer shows the secret: %s", rec.Body)
			}
		})
	}
}

func TestFailedAttemptsAreLimited(t *testing.T) {
	s := openStore(t, t.Context(), control.NewMemory())
	_, secret, err := s.Create(t.Context(), "acme", []auth.Scope{auth.Read}, "")
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]int{}
	gate := &auth.Gate{Store: s, Refused: func(why string) { refused[why]++ }}
	h := gate.Require(auth.Read, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for i := range 25 {
		rec := call(h, "GET", "/", "Bearer "+auth.NewSecret("x"), "")
		want := 401
		if i >= 20 {
			want = 429
		}
		if rec.Code != want || (want == 429 && rec.Header().Get("Retry-After") == "") {
			t.Fatalf("attempt %d: %d, Retry-After %q", i+1, rec.Code, rec.Header().Get("Retry-After"))
		}
	}
	if rec := call(h, "GET", "/", "Bearer "+secret, ""); rec.Code != 200 {
		t.Errorf("a good token from the same address: %d", rec.Code)
	}
	if refused["invalid"] != 20 || refused["limited"] != 5 {
		t.Errorf("told of %v", refused)
	}
}

func TestTokensDoNotOutliveTheirTenant(t *testing.T) {
	s := openStore(t, t.Context(), control.NewMemory(), auth.StaticToken{ID: "fixed", Tenant: "acme", Scopes: auth.Scopes(), Hash: auth.HashOf("x")})
	var secrets []string
	for _, tenant := range []string{"acme", "acme", "globex", auth.Operator} {
		_, secret, err := s.Create(t.Context(), tenant, []auth.Scope{auth.Admin}, "")
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	there := true
	gate := &auth.Gate{Store: s, Known: func(tenant string) bool { return tenant != "acme" || there }}
	h := gate.Require(auth.Admin, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	expect := func(when string, status ...int) {
		for i, secret := range secrets {
			if rec := call(h, "GET", "/", "Bearer "+secret, ""); rec.Code != status[i] {
				t.Errorf("%s: token %d is answered %d, want %d", when, i, rec.Code, status[i])
			}
		}
	}
	expect("before", 200, 200, 200, 200)
	there = false
	expect("without the tenant", 401, 401, 200, 200)
	there = true
	if err := s.RevokeTenant(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	expect("revoked", 401, 401, 200, 200)
	if got := s.List("acme"); len(got) != 1 || !got[0].Static {
		t.Errorf("what is left of acme: %+v", got)
	}
}

func TestTokenAPI(t *testing.T) {
	h, s := edge(t)
	admin := func(tenant string) string {
		_, secret, err := s.Create(t.Context(), tenant, []auth.Scope{auth.Admin}, "")
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + secret
	}
	operator, acme, globex := admin(auth.Operator), admin("acme"), admin("globex")

	issue := func(by, body string) auth.Issued {
		t.Helper()
		rec := call(h, "POST", "/v1/tokens", by, body)
		var out auth.Issued
		if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil || rec.Code != 201 || out.Secret == "" {
			t.Fatalf("create %s: %d %s", body, rec.Code, rec.Body)
		}
		if rec.Header().Get("Location") != "/v1/tokens/"+out.ID || rec.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", rec.Header())
		}
		return out
	}
	mine := issue(acme, `{"scopes":["read"],"name":"wall"}`)
	if mine.Tenant != "acme" {
		t.Errorf("the tenant of an admin's own token is %q", mine.Tenant)
	}
	issue(operator, `{"tenant":"globex","scopes":["ingest"]}`)
	issue(operator, `{"tenant":"*","scopes":["admin"]}`)

	for _, tc := range []struct {
		name, method, path, by, body string
		status                       int
	}{
		{"for another tenant", "POST", "/v1/tokens", acme, `{"tenant":"globex","scopes":["read"]}`, 403},
		{"for the operator", "POST", "/v1/tokens", acme, `{"tenant":"*","scopes":["admin"]}`, 403},
		{"for a tenant that does not exist", "POST", "/v1/tokens", operator, `{"tenant":"nobody","scopes":["read"]}`, 422},
		{"without a tenant by the operator", "POST", "/v1/tokens", operator, `{"scopes":["read"]}`, 422},
		{"unknown scope", "POST", "/v1/tokens", acme, `{"scopes":["root"]}`, 422},
		{"unknown member", "POST", "/v1/tokens", acme, `{"scopes":["read"],"scope":"x"}`, 422},
		{"not JSON", "POST", "/v1/tokens", acme, `scopes=read`, 422},
		{"two values", "POST", "/v1/tokens", acme, `{"scopes":["read"]} {}`, 422},
		{"too big", "POST", "/v1/tokens", acme, `{"name":"` + strings.Repeat("x", 64<<10) + `"}`, 413},
		{"list of another tenant", "GET", "/v1/tokens?tenant=globex", acme, "", 403},
		{"rotate another tenant's", "POST", "/v1/tokens/" + mine.ID + "/rotate", globex, "", 404},
		{"revoke another tenant's", "DELETE", "/v1/tokens/" + mine.ID, globex, "", 404},
		{"revoke what is not there", "DELETE", "/v1/tokens/nothing", acme, "", 404},
		{"by a token that is no admin", "GET", "/v1/tokens", "Bearer " + mine.Secret, "", 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if rec := call(h, tc.method, tc.path, tc.by, tc.body); rec.Code != tc.status {
				t.Errorf("status %d, want %d: %s", rec.Code, tc.status, rec.Body)
			}
		})
	}

	count := func(by, query string) int {
		rec := call(h, "GET", "/v1/tokens"+query, by, "")
		if strings.Contains(rec.Body.String(), "sha256") {
			t.Errorf("the list shows hashes: %s", rec.Body)
		}
		var out struct{ Tokens []auth.Token }
		if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		return len(out.Tokens)
	}
	if a, g, all := count(acme, ""), count(operator, "?tenant=globex"), count(operator, ""); a != 2 || g != 2 || all != 6 {
		t.Errorf("acme %d, globex %d, all %d; want 2, 2, 6", a, g, all)
	}

	rec := call(h, "POST", "/v1/tokens/"+mine.ID+"/rotate", acme, "")
	var renewed auth.Issued
	if err := json.Unmarshal(rec.Body.Bytes(), &renewed); err != nil || rec.Code != 200 || renewed.Secret == mine.Secret || renewed.ID != mine.ID {
		t.Fatalf("rotate: %d %s", rec.Code, rec.Body)
	}
	if _, err := s.Authenticate(renewed.Secret); err != nil {
		t.Errorf("the new secret: %v", err)
	}
	if rec := call(h, "DELETE", "/v1/tokens/"+mine.ID, operator, ""); rec.Code != 204 {
		t.Errorf("revoke: %d %s", rec.Code, rec.Body)
	}
	if _, err := s.Authenticate(renewed.Secret); err == nil {
		t.Error("the revoked secret still opens")
	}
}
