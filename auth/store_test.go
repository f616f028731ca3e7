package auth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/auth"
	"trunkline/control"
)

func openStore(t *testing.T, ctx context.Context, kv control.KV, static ...auth.StaticToken) *auth.Store {
	t.Helper()
	s, err := auth.OpenStore(ctx, kv, static)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Two stores on one bucket are two nodes: what one does the other follows.
func TestTokenOnTwoNodes(t *testing.T) {
	for _, end := range []struct {
		name  string
		do    func(ctx context.Context, s *auth.Store, id string) (secret string, err error)
		still bool // a token with that id exists afterwards
	}{
		{"revoke", func(ctx context.Context, s *auth.Store, id string) (string, error) { return "", s.Revoke(ctx, id) }, false},
		{"rotate", func(ctx context.Context, s *auth.Store, id string) (string, error) {
			_, secret, err := s.Rotate(ctx, id)
			return secret, err
		}, true},
	} {
		t.Run(end.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer synctest.Wait()
				defer cancel()
				kv := control.NewMemory()
				here, there := openStore(t, ctx, kv), openStore(t, ctx, kv)
				tok, secret, err := here.Create(ctx, "acme", []auth.Scope{auth.Read, auth.Stream}, "wallboard")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := here.Authenticate(secret); err != nil {
					t.Fatalf("on the node that made it, at once: %v", err)
				}
				synctest.Wait()
				var principals []*auth.Principal
				called := make(chan struct{}, 2)
				for _, s := range []*auth.Store{here, there} {
					p, err := s.Authenticate(secret)
					if err != nil {
						t.Fatal(err)
					}
					if p.Tenant != "acme" || p.TokenID != tok.ID || !p.Allows(auth.Stream) || p.Allows(auth.Ingest) || closed(p.Revoked) {
						t.Fatalf("principal %+v", p)
					}
					p.OnRevoke(func() { called <- struct{}{} })
					principals = append(principals, p)
				}
				renewed, err := end.do(ctx, here, tok.ID)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				for i, s := range []*auth.Store{here, there} {
					if !closed(principals[i].Revoked) {
						t.Errorf("node %d: Revoked is still open", i)
					}
					if _, err := s.Authenticate(secret); !errors.Is(err, auth.ErrUnauthenticated) {
						t.Errorf("node %d: the old secret: %v", i, err)
					}
					if _, err := s.Get(tok.ID); (err == nil) != end.still {
						t.Errorf("node %d: get: %v", i, err)
					}
					if end.still {
						if p, err := s.Authenticate(renewed); err != nil || closed(p.Revoked) {
							t.Errorf("node %d: the new secret: %v", i, err)
						}
					}
				}
				if len(called) != 2 {
					t.Errorf("OnRevoke was called %d times, want 2", len(called))
				}
			})
		})
	}
}

func TestCreateChecks(t *testing.T) {
	ctx := t.Context()
	s := openStore(t, ctx, control.NewMemory())
	for _, tc := range []struct {
		tenant string
		scopes []auth.Scope
		name   string
		want   string // part of the error, empty: accepted
	}{
		{"acme", auth.Scopes(), "", ""},
		{auth.Operator, []auth.Scope{auth.Admin}, "", ""},
		{"acme", []auth.Scope{auth.Read}, strings.Repeat("n", 200), ""},
		{"acme", []auth.Scope{auth.Read}, strings.Repeat("n", 201), "200"},
		{"", []auth.Scope{auth.Read}, "", "tenant"},
		{"acme", nil, "", "at least one"},
		{"acme", []auth.Scope{"write"}, "", `"write"`},
		{"acme", []auth.Scope{auth.Read, auth.Read}, "", "twice"},
		{auth.Operator, []auth.Scope{auth.Admin, auth.Read}, "", "operator"},
	} {
		_, _, err := s.Create(ctx, tc.tenant, tc.scopes, tc.name)
		if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s %v: %v, want an error with %q", tc.tenant, tc.scopes, err, tc.want)
		}
	}
	if got := len(s.List("acme")); got != 2 {
		t.Errorf("acme has %d tokens, want 2", got)
	}
	if got := len(s.List("")); got != 3 {
		t.Errorf("%d tokens, want 3", got)
	}
}

func TestStaticTokens(t *testing.T) {
	ctx := t.Context()
	secret := auth.NewSecret("wall")
	read := []auth.Scope{auth.Read}
	for _, tc := range []struct {
		name string
		tok  auth.StaticToken
		want string
	}{
		{"by secret", auth.StaticToken{ID: "wall", Tenant: "acme", Scopes: read, Secret: secret}, ""},
		{"by hash", auth.StaticToken{ID: "wall", Tenant: "acme", Scopes: read, Hash: auth.HashOf(secret)}, ""},
		{"neither", auth.StaticToken{ID: "wall", Tenant: "acme", Scopes: read}, "neither"},
		{"secret of another id", auth.StaticToken{ID: "other", Tenant: "acme", Scopes: read, Secret: secret}, "tl_other_"},
		{"31 characters of secret", auth.StaticToken{ID: "wall", Tenant: "acme", Scopes: read, Secret: "tl_wall_" + strings.Repeat("x", 31)}, "at least 32"},
		{"bad id", auth.StaticToken{ID: "Wall", Tenant: "acme", Scopes: read, Secret: secret}, "lower-case"},
		{"no scope", auth.StaticToken{ID: "wall", Tenant: "acme", Secret: secret}, "scope"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := auth.OpenStore(ctx, control.NewMemory(), []auth.StaticToken{tc.tok})
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Fatalf("got %v, want an error with %q", err, tc.want)
				}
				if strings.Contains(err.Error(), secret) {
					t.Fatalf("the error shows the secret: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if p, err := s.Authenticate(secret); err != nil || p.Tenant != "acme" {
				t.Fatalf("principal %+v, %v", p, err)
			}
			if got := s.List("acme"); len(got) != 1 || !got[0].Static {
				t.Errorf("list %+v", got)
			}
			if err := s.Revoke(ctx, "wall"); !errors.Is(err, auth.ErrStatic) {
				t.Errorf("revoke: %v", err)
			}
			if _, _, err := s.Rotate(ctx, "wall"); !errors.Is(err, auth.ErrStatic) {
				t.Errorf("rotate: %v", err)
			}
		})
	}
	twice := auth.StaticToken{ID: "wall", Tenant: "acme", Scopes: read, Secret: secret}
	if _, err := auth.OpenStore(ctx, control.NewMemory(), []auth.StaticToken{twice, twice}); err == nil {
		t.Error("an id that is used twice was accepted")
	}
}

// What somebody wrote into the bucket by hand opens nothing unless it is whole.
func TestDamagedTokens(t *testing.T) {
	ctx := t.Context()
	kv := control.NewMemory()
	secret := auth.NewSecret("x")
	for _, value := range []string{`{`, `{"id":"x","tenant":"acme","scopes":["read"]}`, `{"id":"x","tenant":"","scopes":["read"],"hash":"` + auth.HashOf(secret).String() + `"}`, `{"id":"x","tenant":"acme","scopes":["root"],"hash":"` + auth.HashOf(secret).String() + `"}`} {
		if _, err := kv.Put(ctx, "x", []byte(value)); err != nil {
			t.Fatal(err)
		}
		s := openStore(t, ctx, kv)
		if _, err := s.Authenticate(secret); !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%s: %v", value, err)
		}
	}
}

func TestNothingSecretIsStored(t *testing.T) {
	ctx := t.Context()
	kv := control.NewMemory()
	s := openStore(t, ctx, kv)
	tok, secret, err := s.Create(ctx, "acme", []auth.Scope{auth.Read}, "x")
	if err != nil {
		t.Fatal(err)
	}
	e, err := kv.Get(ctx, tok.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, tail, _ := strings.Cut(strings.TrimPrefix(secret, "tl_"), "_")
	if strings.Contains(string(e.Value), tail) {
		t.Errorf("the bucket holds the secret: %s", e.Value)
	}
	if !strings.Contains(string(e.Value), auth.HashOf(secret).String()) {
		t.Errorf("the bucket lacks the hash: %s", e.Value)
	}
}

func FuzzSplitSecret(f *testing.F) {
	for _, seed := range []string{auth.NewSecret("abc"), "tl_a_b", "tl__x", "tl_a_", "tl_A_x", "bearer", "", "tl_a_b_c", strings.Repeat("tl_a_", 60)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, ok := auth.SplitSecret(text)
		if !ok {
			return
		}
		if auth.CheckID(id) != nil || !strings.HasPrefix(text, "tl_"+id+"_") || len(text) > 256 {
			t.Fatalf("%q was taken as a token with id %q", text, id)
		}
	})
}

func TestSecretsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := auth.NewID()
		s := auth.NewSecret(id)
		if got, ok := auth.SplitSecret(s); !ok || got != id {
			t.Fatalf("%q: id %q, %v", s, got, ok)
		}
		seen[s] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d different secrets of 1000", len(seen))
	}
}

func TestHashText(t *testing.T) {
	h := auth.HashOf("tl_a_b")
	text, err := h.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var back auth.Hash
	if err := back.UnmarshalText(text); err != nil || back != h {
		t.Fatalf("%s: %v", text, err)
	}
	for _, bad := range []string{"", "sha256:", "sha1:" + strings.Repeat("0", 64), "sha256:" + strings.Repeat("0", 63), "sha256:" + strings.Repeat("0", 65), "sha256:" + strings.Repeat("z", 64)} {
		if err := back.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &auth.Attempts{Burst: 3, Every: time.Second, Max: 4}
		fail := func(addr string, n int) (waits []bool) {
			for range n {
				waits = append(waits, a.Failed(addr) > 0)
			}
			return waits
		}
		if got := fail("10.0.0.1:1", 4); !slices.Equal(got, []bool{false, false, false, true}) {
			t.Errorf("four failures: %v", got)
		}
		if a.Blocked("10.0.0.1:99") == 0 {
			t.Error("another port of the same host is not blocked")
		}
		if a.Blocked("10.0.0.2:1") != 0 {
			t.Error("another host is blocked")
		}
		time.Sleep(time.Second)
		if got := fail("10.0.0.1:1", 2); !slices.Equal(got, []bool{false, true}) {
			t.Errorf("after a second: %v", got)
		}
		time.Sleep(time.Minute)
		if got := fail("10.0.0.1:1", 4); !slices.Equal(got, []bool{false, false, false, true}) {
			t.Errorf("after a minute: %v", got)
		}
		fail("[2001:db8::1]:1", 3)
		if a.Blocked("[2001:db8::2]:7") == 0 {
			t.Error("a neighbour in the same /64 is not blocked")
		}
		for i := range 1000 {
			fail(fmt.Sprintf("10.1.%d.%d:1", i/250, i%250), 1)
		}
		blocked := 0
		for i := range 1000 {
			if len(fail(fmt.Sprintf("10.1.%d.%d:1", i/250, i%250), 3)) == 3 {
				blocked++
			}
		}
		if blocked != 1000 {
			t.Errorf("%d addresses", blocked)
		}
	})
}
