package client_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/client"
	"trunkline/control"
	"trunkline/problem"
)

func TestTokens(t *testing.T) {
	ctx := t.Context()
	store, err := auth.OpenStore(ctx, control.NewMemory(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := store.Create(ctx, auth.Operator, []auth.Scope{auth.Admin}, "")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, r := range auth.NewAPI(store, func(string) bool { return true }).Routes() {
		mux.Handle(r.Pattern, store.Require(r.Scope, r.Handler))
	}
	srv := httptest.NewServer(mux)
	defer srv.Close()
	c, err := client.New(client.Options{URL: srv.URL + "/", Token: secret})
	if err != nil {
		t.Fatal(err)
	}
	tokens := client.Tokens{Client: c}
	tok, first, err := tokens.Issue(ctx, auth.Token{Tenant: "acme", Scopes: []auth.Scope{auth.Read}, Name: "wall", Expires: time.Now().Add(time.Hour)})
	if err != nil || first == "" || tok.Tenant != "acme" || tok.Expires.IsZero() {
		t.Fatalf("create: %+v, %v", tok, err)
	}
	if list, err := tokens.List(ctx, "acme"); err != nil || len(list) != 1 || list[0].Name != "wall" {
		t.Errorf("list: %+v, %v", list, err)
	}
	if _, second, err := tokens.Rotate(ctx, tok.ID); err != nil || second == first || second == "" {
		t.Errorf("rotate: %v", err)
	}
	if err := tokens.Revoke(ctx, tok.ID); err != nil {
		t.Errorf("revoke: %v", err)
	}
	var refused *client.ProblemError
	if err := tokens.Revoke(ctx, tok.ID); !errors.As(err, &refused) || refused.Status != 404 || refused.Title != "There is no such token" {
		t.Errorf("second revoke: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/problem":
			problem.Write(w, problem.Detail{Status: 429, Title: "Slow down", Detail: "later"})
		case "/plain":
			http.Error(w, "no", http.StatusBadGateway)
		case "/rubbish":
			_, _ = io.WriteString(w, "{")
		}
	}))
	defer srv.Close()
	c, err := client.New(client.Options{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/problem": "the server answers 429: Slow down: later",
		"/plain":   "the server answers 502: Bad Gateway",
		"/rubbish": "read the answer: unexpected EOF",
	} {
		var out any
		if err := c.Do(t.Context(), "GET", path, nil, &out); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []client.Options{
		{URL: ""}, {URL: "127.0.0.1:8090"}, {URL: "ftp://h"}, {URL: "http://"}, {URL: "http://u:secretpw@h"}, {URL: "http://h?token=secretpw"},
		{URL: "http://h", CA: empty}, {URL: "http://h", CA: empty + "x"}, {URL: "http://h", Cert: empty, Key: empty},
	} {
		if _, err := client.New(o); err == nil || strings.Contains(err.Error(), "secretpw") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
