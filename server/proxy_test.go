package server_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"trunkline/config"
)

// What a proxy says of its client counts for one that the configuration names, and for nobody else.
func TestTrustedProxies(t *testing.T) {
	for _, tt := range []struct {
		name    string
		proxies []string
		issuer  string // how its address begins, empty: as it was asked for
		second  int    // the answer to another client's wrong token, after one used up the attempts
	}{
		{"nobody is named", nil, "", http.StatusTooManyRequests},
		{"another is", []string{"10.1.0.0/16"}, "", http.StatusTooManyRequests},
		{"this one", []string{"127.0.0.0/8", "::1"}, "https://events.example.com", http.StatusUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, func(c *config.Config) { c.Listen.TrustedProxies, c.Listen.BadTokens = tt.proxies, 1 })
			get := func(path, client, token string) (int, []byte) {
				h := http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"events.example.com"}, "X-Forwarded-For": {client}}
				status, _, body := call(t, s.URL(), "GET", path, "", token, h)
				return status, []byte(body)
			}
			_, body := get("/auth/realms/acme/.well-known/openid-configuration", "198.51.100.1", "")
			var found struct{ Issuer string }
			if tt.issuer == "" {
				tt.issuer = s.URL()
			}
			if err := json.Unmarshal(body, &found); err != nil || found.Issuer != tt.issuer+"/auth/realms/acme" {
				t.Errorf("%s: %v", body, err)
			}
			for i, want := range []int{http.StatusUnauthorized, http.StatusTooManyRequests} {
				if status, body := get("/v1/events", "198.51.100.1", "tl_wrong_token"); status != want {
					t.Errorf("wrong token %d: %d %s", i, status, body)
				}
			}
			if status, body := get("/v1/events", "198.51.100.2", "tl_wrong_token"); status != tt.second {
				t.Errorf("another client: %d %s", status, body)
			}
		})
	}
}
