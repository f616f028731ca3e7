package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/auth"
	"trunkline/control"
)

// A token that expires is good until that moment on every node, and whoever came in with it is thrown out then.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		kv := control.NewMemory()
		end := time.Now().Add(90 * 24 * time.Hour)
		written := auth.StaticToken{ID: "wall", Tenant: "acme", Scopes: []auth.Scope{auth.Read}, Secret: auth.NewSecret("wall"), Expires: end}
		here, there := openStore(t, ctx, kv, written), openStore(t, ctx, kv, written)
		tok, made, err := here.Issue(ctx, auth.Token{Tenant: "acme", Scopes: []auth.Scope{auth.Read}, Expires: end})
		if err != nil || !tok.Expires.Equal(end) {
			t.Fatalf("%+v, %v", tok, err)
		}
		_, lasting, err := here.Create(ctx, "acme", []auth.Scope{auth.Read}, "")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()

		time.Sleep(time.Until(end) - time.Millisecond)
		var inside []*auth.Principal
		thrown := make(chan string, 4)
		for _, s := range []*auth.Store{here, there} {
			for _, secret := range []string{made, written.Secret} {
				p, err := s.Authenticate(secret)
				if err != nil || closed(p.Revoked) {
					t.Fatalf("a millisecond before the end: %v", err)
				}
				p.OnRevoke(func() { thrown <- p.Ended() })
				inside = append(inside, p)
			}
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		for i, p := range inside {
			if !closed(p.Revoked) {
				t.Errorf("principal %d may stay", i)
			}
			if why := <-thrown; why != "the token has expired" {
				t.Errorf("it is told: %s", why)
			}
		}
		for _, s := range []*auth.Store{here, there} {
			for _, secret := range []string{made, written.Secret} {
				if _, err := s.Authenticate(secret); !errors.Is(err, auth.ErrExpired) || !errors.Is(err, auth.ErrUnauthenticated) {
					t.Errorf("at the end: %v", err)
				}
			}
			if _, err := s.Authenticate(made + "x"); errors.Is(err, auth.ErrExpired) {
				t.Error("who does not know the secret learns that the token has expired")
			}
			if _, err := s.Authenticate(lasting); err != nil {
				t.Errorf("a token without an end: %v", err)
			}
			if list := s.List("acme"); len(list) != 3 {
				t.Errorf("the list has %d tokens: an expired one stays until it is revoked", len(list))
			}
		}

		time.Sleep(time.Hour)
		again, renewed, err := there.Rotate(ctx, tok.ID)
		if err != nil {
			t.Fatal(err)
		}
		if want := time.Now().Add(90 * 24 * time.Hour); !again.Expires.Equal(want) {
			t.Errorf("rotated it ends at %v, want as long as at first, %v", again.Expires, want)
		}
		synctest.Wait()
		for _, s := range []*auth.Store{here, there} {
			if _, err := s.Authenticate(renewed); err != nil {
				t.Errorf("rotated: %v", err)
			}
			if _, err := s.Authenticate(made); err == nil || errors.Is(err, auth.ErrExpired) {
				t.Errorf("the text from before the rotation: %v", err)
			}
		}
		if _, _, err := here.Issue(ctx, auth.Token{Tenant: "acme", Scopes: []auth.Scope{auth.Read}, Expires: time.Now()}); !errors.Is(err, auth.ErrPast) {
			t.Errorf("a token whose time is over: %v", err)
		}
	})
}

func TestExpiredIsAnsweredPlainly(t *testing.T) {
	old := auth.StaticToken{ID: "old", Tenant: "acme", Scopes: []auth.Scope{auth.Read}, Secret: auth.NewSecret("old"), Expires: time.Now().Add(-time.Second)}
	store := openStore(t, t.Context(), control.NewMemory(), old)
	var why []string
	gate := &auth.Gate{Store: store, Refused: func(w string) { why = append(why, w) }, Attempts: auth.Attempts{Burst: 1, Every: time.Hour}}
	h := gate.Require(auth.Read, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("an expired token came through") }))
	for _, want := range []int{http.StatusUnauthorized, http.StatusTooManyRequests} {
		r := httptest.NewRequest("GET", "/v1/events", nil)
		r.Header.Set("Authorization", "Bearer "+old.Secret)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Fatalf("%d %s, want %d", w.Code, w.Body, want)
		}
		if want != http.StatusUnauthorized {
			continue
		}
		var p struct{ Type, Title string }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Type != "urn:trunkline:problem:token-expired" || p.Title != "The token has expired" {
			t.Errorf("%s: %v", w.Body, err)
		}
		if got := w.Header().Get("WWW-Authenticate"); !strings.Contains(got, `error="invalid_token"`) || !strings.Contains(got, "expired") {
			t.Errorf("WWW-Authenticate: %s", got)
		}
	}
	if strings.Join(why, " ") != "expired limited" {
		t.Errorf("counted as %v", why)
	}
}

func TestParseExpires(t *testing.T) {
	for text, want := range map[string]time.Time{
		"":                          {},
		"2027-03-31":                time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC),
		"2028-02-28":                time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC),
		"2027-03-31T18:00:00Z":      time.Date(2027, 3, 31, 18, 0, 0, 0, time.UTC),
		"2027-03-31T18:00:00+02:00": time.Date(2027, 3, 31, 16, 0, 0, 0, time.UTC),
	} {
		if got, err := auth.ParseExpires(text); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"90d", "2027-02-30", "31.3.2027", "2027-03-31 18:00", "never", "0"} {
		if _, err := auth.ParseExpires(text); err == nil || !strings.Contains(err.Error(), "2027-03-31") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
