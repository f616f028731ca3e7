package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/auth/jwt"
	"trunkline/auth/oauth"
	"trunkline/control"
)

const secret = "0123456789abcdef"

func serve(t *testing.T) (*httptest.Server, *jwt.Keys) {
	t.Helper()
	keys, err := jwt.OpenKeys(t.Context(), control.NewMemory(), jwt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	clients, err := oauth.NewClients([]oauth.Client{{ID: "board", Tenant: "acme", Hash: auth.HashOf(secret)}, {ID: "other", Tenant: "globex", Hash: auth.HashOf(secret)}})
	if err != nil {
		t.Fatal(err)
	}
	accounts := map[string]string{"EZCLTR": "acme", "globex": "globex"}
	api := oauth.NewAPI(oauth.Options{Clients: clients, Keys: keys, Audience: "feed", Attempts: &auth.Attempts{Burst: 5},
		Tenant: func(account string) (string, bool) { tenant, ok := accounts[account]; return tenant, ok }})
	mux := http.NewServeMux()
	for _, r := range api.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s, keys
}

type answer struct {
	oauth.Answer
	Error string `json:"error"`
}

func ask(t *testing.T, s *httptest.Server, account, body string, edit func(*http.Request)) (int, answer) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/auth/realms/"+account+"/protocol/openid-connect/token", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if edit != nil {
		edit(req)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var a answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Error("the answer may be cached")
	}
	return resp.StatusCode, a
}

func TestTokenForAClient(t *testing.T) {
	s, keys := serve(t)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"board"}, "client_secret": {secret}}.Encode()
	basic := func(r *http.Request) { r.SetBasicAuth("board", secret) }
	for name, ask := range map[string]func() (int, answer){
		"form":  func() (int, answer) { return ask(t, s, "EZCLTR", form, nil) },
		"basic": func() (int, answer) { return ask(t, s, "EZCLTR", "grant_type=client_credentials&scope=x", basic) },
	} {
		status, a := ask()
		if status != 200 || a.ExpiresIn != 900 || a.TokenType != "Bearer" {
			t.Fatalf("%s: %d %+v", name, status, a)
		}
		c, err := keys.Verify(t.Context(), a.AccessToken, "feed")
		if err != nil || c.Tenant != "acme" || c.Subject != "board" || time.Until(c.Expires) < 14*time.Minute {
			t.Errorf("%s: %+v %v", name, c, err)
		}
	}
}

func TestNoToken(t *testing.T) {
	good := "grant_type=client_credentials&client_id=board&client_secret=" + secret
	for name, c := range map[string]struct {
		account, body string
		edit          func(*http.Request)
		status        int
		code          string
	}{
		"wrong secret":       {"EZCLTR", good + "x", nil, 401, "invalid_client"},
		"unknown client":     {"EZCLTR", "grant_type=client_credentials&client_id=x&client_secret=" + secret, nil, 401, "invalid_client"},
		"a foreign account":  {"globex", good, nil, 401, "invalid_client"},
		"an unknown account": {"nobody", good, nil, 401, "invalid_client"},
		"another grant":      {"EZCLTR", "grant_type=password&client_id=board&client_secret=" + secret, nil, 400, "unsupported_grant_type"},
		"no grant":           {"EZCLTR", "client_id=board&client_secret=" + secret, nil, 400, "invalid_request"},
		"no secret":          {"EZCLTR", "grant_type=client_credentials&client_id=board", nil, 400, "invalid_request"},
		"twice":              {"EZCLTR", good + "&client_id=board", nil, 400, "invalid_request"},
		"both ways":          {"EZCLTR", good, func(r *http.Request) { r.SetBasicAuth("board", secret) }, 400, "invalid_request"},
		"JSON":               {"EZCLTR", "{}", func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 400, "invalid_request"},
		"too much":           {"EZCLTR", good + strings.Repeat("&x=y", 3000), nil, 400, "invalid_request"},
		"in the address":     {"EZCLTR", "", func(r *http.Request) { r.URL.RawQuery = good }, 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := serve(t)
			if status, a := ask(t, s, c.account, c.body, c.edit); status != c.status || a.Error != c.code || a.AccessToken != "" {
				t.Errorf("got %d %+v, want %d %s", status, a, c.status, c.code)
			}
		})
	}
}

func TestAnAddressThatFailsTooOftenWaits(t *testing.T) {
	s, _ := serve(t)
	good := "grant_type=client_credentials&client_id=board&client_secret=" + secret
	for range 5 {
		ask(t, s, "EZCLTR", good+"x", nil)
	}
	if status, _ := ask(t, s, "EZCLTR", good, nil); status != http.StatusTooManyRequests {
		t.Errorf("got %d", status)
	}
}

func TestDiscoveryLeadsToTheKeys(t *testing.T) {
	s, _ := serve(t)
	get := func(u string, into any) int {
		resp, err := s.Client().Get(u)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	var where struct {
		Token string `json:"token_endpoint"`
		Keys  string `json:"jwks_uri"`
	}
	if status := get(s.URL+"/auth/realms/EZCLTR/.well-known/openid-configuration", &where); status != 200 || !strings.HasPrefix(where.Token, s.URL) {
		t.Fatalf("%d %+v", status, where)
	}
	var set struct{ Keys []map[string]any }
	if status := get(where.Keys, &set); status != 200 || len(set.Keys) != 1 || set.Keys[0]["kty"] != "OKP" || set.Keys[0]["d"] != nil {
		t.Errorf("%d %+v", status, set)
	}
	if status := get(s.URL+"/auth/realms/nobody/protocol/openid-connect/certs", &set); status != 404 {
		t.Errorf("an unknown account: %d", status)
	}
}

func TestClientsAreChecked(t *testing.T) {
	h := auth.HashOf(secret)
	for _, list := range [][]oauth.Client{
		{{ID: "", Tenant: "a", Hash: h}}, {{ID: "a b", Tenant: "a", Hash: h}}, {{ID: "a", Hash: h}}, {{ID: "a", Tenant: "*", Hash: h}},
		{{ID: "a", Tenant: "a"}}, {{ID: "a", Tenant: "a", Hash: h}, {ID: "a", Tenant: "b", Hash: h}}, {{ID: strings.Repeat("x", 65), Tenant: "a", Hash: h}},
	} {
		if _, err := oauth.NewClients(list); err == nil {
			t.Errorf("%+v was taken", list)
		}
	}
	if oauth.CheckSecret(secret) != nil || oauth.CheckSecret(secret[1:]) == nil || oauth.CheckSecret(strings.Repeat("x", 257)) == nil {
		t.Error("the bounds of a secret")
	}
}
