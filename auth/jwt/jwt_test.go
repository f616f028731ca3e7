package jwt_test

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"trunkline/auth/jwt"
	"trunkline/control"
)

// clock is a clock that tests turn.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)} }

func open(t *testing.T, kv control.KV, c *clock) *jwt.Keys {
	t.Helper()
	k, err := jwt.OpenKeys(t.Context(), kv, jwt.Options{Extra: []string{"azp"}, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t *testing.T, k *jwt.Keys, c *clock) string {
	t.Helper()
	token, err := k.Sign(t.Context(), jwt.Claims{Audience: "feed", Tenant: "acme", Subject: "me", Expires: c.now().Add(15 * time.Minute), Extra: map[string]string{"azp": "client"}})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func refused(t *testing.T, v jwt.Verifier, token, audience, because string) {
	t.Helper()
	_, err := v.Verify(t.Context(), token, audience)
	if !errors.Is(err, jwt.ErrInvalid) || !strings.Contains(err.Error(), because) {
		t.Errorf("got %v, want a refusal because %q", err, because)
	}
	if err != nil && len(token) > 20 && strings.Contains(err.Error(), token[:20]) {
		t.Errorf("the refusal shows the token: %v", err)
	}
}

func TestSignedOnOneNodeIsGoodOnAnother(t *testing.T) {
	kv, c := control.NewMemory(), newClock()
	one, other := open(t, kv, c), open(t, kv, c)
	token := sign(t, one, c)
	deadline := time.Now().Add(30 * time.Second)
	for {
		got, err := other.Verify(t.Context(), token, "feed")
		if err == nil {
			if got.Tenant != "acme" || got.Subject != "me" || got.ID == "" || !got.Expires.Equal(c.now().Add(15*time.Minute)) || got.Extra["azp"] != "client" {
				t.Errorf("got %+v", got)
			}
			return
		}
		if time.Now().After(deadline) { // the other node is told of the key a moment later
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestWhatIsRefused(t *testing.T) {
	kv, c := control.NewMemory(), newClock()
	k := open(t, kv, c)
	token := sign(t, k, c)
	parts := strings.Split(token, ".")
	enc := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	kid := kidOf(t, token)
	var public []byte
	for _, key := range publicKeys(t, k) {
		public = key
	}
	hs := func(head, claims string) string {
		m := hmac.New(sha256.New, public)
		m.Write([]byte(enc(head) + "." + claims))
		return enc(head) + "." + claims + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
	}
	_, strange, _ := ed25519.GenerateKey(rand.Reader)
	stranger := func() string {
		h := jws.NewHeaders()
		_ = h.Set(jws.KeyIDKey, kid)
		tok, _ := jwxjwt.NewBuilder().Issuer("trunkline").Audience([]string{"feed"}).Subject("me").Claim("tenant", "acme").Expiration(c.now().Add(time.Minute)).Build()
		b, err := jwxjwt.Sign(tok, jwxjwt.WithKey(jwa.EdDSA(), strange, jws.WithProtectedHeaders(h)))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	refused(t, k, "", "feed", "three parts")
	refused(t, k, "rubbish", "feed", "three parts")
	refused(t, k, "a.b.c.d", "feed", "three parts")
	refused(t, k, "!.b.c", "feed", "base64url")
	refused(t, k, enc("[]")+".b.c", "feed", "JSON")
	refused(t, k, strings.Repeat("x", 9<<10), "feed", "more than")
	refused(t, k, enc(`{"alg":"none","kid":"`+kid+`"}`)+"."+parts[1]+".", "feed", "algorithm")
	refused(t, k, enc(`{"alg":"EdDSA","kid":"`+kid+`","crit":["x"]}`)+"."+parts[1]+"."+parts[2], "feed", "extensions")
	refused(t, k, hs(`{"alg":"HS256","kid":"`+kid+`"}`, parts[1]), "feed", "algorithm")
	refused(t, k, hs(`{"alg":"EdDSA","kid":"`+kid+`"}`, parts[1]), "feed", "signature")
	refused(t, k, enc(`{"alg":"EdDSA","kid":"nobody"}`)+"."+parts[1]+"."+parts[2], "feed", "key")
	refused(t, k, stranger(), "feed", "signature")
	refused(t, k, parts[0]+"."+enc(`{"aud":"feed","tenant":"globex","sub":"me","exp":99999999999}`)+"."+parts[2], "feed", "signature")
	refused(t, k, token, "another", "audience")

	early, err := k.Sign(t.Context(), jwt.Claims{Audience: "feed", Tenant: "acme", Subject: "me", NotBefore: c.now().Add(time.Minute), Expires: c.now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, k, early, "feed", "not good yet")
	c.turn(15*time.Minute + 4*time.Second)
	if _, err := k.Verify(t.Context(), token, "feed"); err != nil {
		t.Errorf("within the tolerance of clocks: %v", err)
	}
	c.turn(2 * time.Second)
	refused(t, k, token, "feed", "expired")
	if _, err := k.Verify(t.Context(), early, "feed"); err != nil {
		t.Errorf("in its time: %v", err)
	}
}

func TestSignDemandsWhatATokenNeeds(t *testing.T) {
	c := newClock()
	k := open(t, control.NewMemory(), c)
	for _, claims := range []jwt.Claims{
		{Tenant: "acme", Subject: "me", Expires: c.now().Add(time.Hour)},
		{Audience: "feed", Subject: "me", Expires: c.now().Add(time.Hour)},
		{Audience: "feed", Tenant: "acme", Expires: c.now().Add(time.Hour)},
		{Audience: "feed", Tenant: "acme", Subject: "me"},
		{Audience: "feed", Tenant: "acme", Subject: "me", Expires: c.now().Add(25 * time.Hour)},
	} {
		if _, err := k.Sign(t.Context(), claims); err == nil {
			t.Errorf("%+v was signed", claims)
		}
	}
}

func TestKeysAreReplacedInTime(t *testing.T) {
	kv, c := control.NewMemory(), newClock()
	k := open(t, kv, c)
	first := kidOf(t, sign(t, k, c))
	c.turn(22 * time.Hour) // the next one is published ahead of its time
	token := sign(t, k, c)
	if kidOf(t, token) != first || len(publicKeys(t, k)) != 2 {
		t.Errorf("signed with %s, %d keys published", kidOf(t, token), len(publicKeys(t, k)))
	}
	c.turn(2*time.Hour + time.Second)
	if second := kidOf(t, sign(t, k, c)); second == first {
		t.Error("the first key signs after its time")
	}
	if _, err := k.Verify(t.Context(), token, "feed"); !errors.Is(err, jwt.ErrInvalid) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("got %v", err)
	}
	// Whatever was signed has expired long since: nothing is checked with the first any more.
	for range 3 {
		c.turn(24 * time.Hour)
		sign(t, k, c)
	}
	if _, there := publicKeys(t, k)[first]; there {
		t.Error("the first key is still published")
	}
	again := open(t, kv, c)
	if got := kidOf(t, sign(t, again, c)); got != kidOf(t, sign(t, k, c)) {
		t.Error("a restart makes another key")
	}
}

func TestManyNodesAtOnceMakeOneKeyForAMoment(t *testing.T) {
	kv, c := control.NewMemory(), newClock()
	var wg sync.WaitGroup
	tokens := make([]string, 8)
	for i := range tokens {
		k := open(t, kv, c)
		wg.Go(func() {
			token, err := k.Sign(context.Background(), jwt.Claims{Audience: "feed", Tenant: "acme", Subject: "me", Expires: c.now().Add(time.Minute)})
			if err != nil {
				t.Error(err)
			}
			tokens[i] = token
		})
	}
	wg.Wait()
	for _, token := range tokens[1:] {
		if kidOf(t, token) != kidOf(t, tokens[0]) {
			t.Error("two keys for one moment")
		}
	}
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var h struct{ Kid string }
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	return h.Kid
}

// publicKeys reads the published set as any client would.
func publicKeys(t *testing.T, k *jwt.Keys) map[string][]byte {
	t.Helper()
	w := httptest.NewRecorder()
	k.Public().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if strings.Contains(w.Body.String(), `"d"`) {
		t.Fatal("a private key is published")
	}
	set, err := jwk.Parse(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for i := range set.Len() {
		one, _ := set.Key(i)
		id, _ := one.KeyID()
		var raw ed25519.PublicKey
		if err := jwk.Export(one, &raw); err != nil {
			t.Fatal(err)
		}
		out[id] = raw
	}
	return out
}

// outsider is an issuer with RSA keys.
type outsider struct {
	*httptest.Server
	mu    sync.Mutex
	keys  map[string]*rsa.PrivateKey
	asked int
	down  bool
}

func newOutsider(t *testing.T, ids ...string) *outsider {
	o := &outsider{keys: map[string]*rsa.PrivateKey{}}
	for _, id := range ids {
		o.add(t, id)
	}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked++
		if o.down {
			w.WriteHeader(500)
			return
		}
		set := jwk.NewSet()
		for id, key := range o.keys {
			pub, _ := jwk.Import(key.Public())
			_ = pub.Set(jwk.KeyIDKey, id)
			_ = set.AddKey(pub)
		}
		_ = json.NewEncoder(w).Encode(set)
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *outsider) add(t *testing.T, id string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keys[id] = key
}

func (o *outsider) token(t *testing.T, id string, alg jwa.SignatureAlgorithm, edit func(*jwxjwt.Builder)) string {
	b := jwxjwt.NewBuilder().Issuer("https://issuer.example").Audience([]string{"other", "feed"}).Subject("me").
		Claim("account", "EZCLTR").Expiration(time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC))
	if edit != nil {
		edit(b)
	}
	tok, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	h := jws.NewHeaders()
	_ = h.Set(jws.KeyIDKey, id)
	o.mu.Lock()
	key := o.keys[id]
	o.mu.Unlock()
	raw, err := jwxjwt.Sign(tok, jwxjwt.WithKey(alg, key, jws.WithProtectedHeaders(h)))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func (o *outsider) questions() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked
}

func TestOutsideIssuer(t *testing.T) {
	o, c := newOutsider(t, "a"), newClock()
	v, err := jwt.NewOutside(jwt.Issuer{URL: o.URL, Name: "https://issuer.example", Algorithm: "RS256", TenantClaim: "account", Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	good := o.token(t, "a", jwa.RS256(), nil)
	for range 3 {
		got, err := v.Verify(t.Context(), good, "feed")
		if err != nil || got.Tenant != "EZCLTR" || got.Subject != "me" {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if n := o.questions(); n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
	refused(t, v, o.token(t, "a", jwa.RS512(), nil), "feed", "algorithm")
	refused(t, v, o.token(t, "a", jwa.RS256(), func(b *jwxjwt.Builder) { b.Issuer("somebody") }), "feed", "issuer")
	refused(t, v, o.token(t, "a", jwa.RS256(), func(b *jwxjwt.Builder) { b.Audience([]string{"x"}) }), "feed", "audience")
	refused(t, v, o.token(t, "a", jwa.RS256(), func(b *jwxjwt.Builder) { b.Claim("account", 7) }), "feed", "tenant")
	refused(t, v, o.token(t, "a", jwa.RS256(), func(b *jwxjwt.Builder) { b.NotBefore(c.now().Add(time.Hour)) }), "feed", "not good yet")
	refused(t, v, o.token(t, "a", jwa.RS256(), func(b *jwxjwt.Builder) { b.Expiration(c.now().Add(-time.Hour)) }), "feed", "expired")

	// A key that is new is asked for, but not at every token with an unknown one.
	o.add(t, "b")
	fresh := o.token(t, "b", jwa.RS256(), nil)
	refused(t, v, fresh, "feed", "key")
	c.turn(11 * time.Second)
	if _, err := v.Verify(t.Context(), fresh, "feed"); err != nil {
		t.Errorf("a new key: %v", err)
	}
	o.add(t, "c")
	unknown := o.token(t, "c", jwa.RS256(), nil)
	for range 20 {
		refused(t, v, unknown, "feed", "key")
	}
	if n := o.questions(); n != 2 {
		t.Errorf("the issuer was asked %d times", n)
	}
	// While it is down the known keys go on.
	o.mu.Lock()
	o.down = true
	o.mu.Unlock()
	c.turn(20 * time.Minute)
	if _, err := v.Verify(t.Context(), good, "feed"); err != nil {
		t.Errorf("while the issuer is down: %v", err)
	}
}

func TestOutsideIssuerThatIsDownFromTheStart(t *testing.T) {
	o, c := newOutsider(t, "a"), newClock()
	o.down = true
	v, err := jwt.NewOutside(jwt.Issuer{URL: o.URL, Name: "https://issuer.example", Algorithm: "RS256", TenantClaim: "account", Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), o.token(t, "a", jwa.RS256(), nil), "feed"); err == nil || errors.Is(err, jwt.ErrInvalid) {
		t.Errorf("a token that cannot be checked is said to be bad: %v", err)
	}
	for _, bad := range []jwt.Issuer{
		{URL: "x", Name: "x", TenantClaim: "x", Algorithm: "HS256"}, {URL: "x", Name: "x", TenantClaim: "x", Algorithm: "none"},
		{Name: "x", TenantClaim: "x", Algorithm: "RS256"}, {URL: "x", TenantClaim: "x", Algorithm: "RS256"}, {URL: "x", Name: "x", Algorithm: "RS256"},
	} {
		if _, err := jwt.NewOutside(bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func FuzzVerify(f *testing.F) {
	k, err := jwt.OpenKeys(f.Context(), control.NewMemory(), jwt.Options{})
	if err != nil {
		f.Fatal(err)
	}
	good, err := k.Sign(f.Context(), jwt.Claims{Audience: "feed", Tenant: "acme", Subject: "me", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := k.Verify(t.Context(), token, "feed"); err == nil && !sameToken(token, good) {
			t.Errorf("%q is let in", token)
		}
	})
}

// sameToken ignores the bits of base64 that say nothing.
func sameToken(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range x {
		p, err1 := base64.RawURLEncoding.DecodeString(x[i])
		q, err2 := base64.RawURLEncoding.DecodeString(y[i])
		if err1 != nil || err2 != nil || string(p) != string(q) {
			return false
		}
	}
	return len(x) == len(y)
}
