package jwt

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"trunkline/control"
	"trunkline/jsonhttp"
)

// Bucket is the name of the bucket that holds the signing keys.
const Bucket = "signing-keys"

// The claims of our tokens beyond those that are registered.
const (
	claimTenant = "tenant"
	issuer      = "trunkline"
)

// Options are the terms of the keys. Zero values mean the defaults.
type Options struct {
	// Rotate is how long a key signs. 0 means 24 h.
	Rotate time.Duration
	// MaxLife is the longest that a token may be good for: a key that signs no more goes on checking for so long.
	// 0 means 24 h.
	MaxLife time.Duration
	// Extra names further claims that Verify gives.
	Extra []string
	// Now is the clock. nil: the real one.
	Now func() time.Time
}

// Keys are the program's own signing keys.
type Keys struct {
	o    Options
	made *control.Mirror[*key]

	mu sync.Mutex // held while a key is made, so that one request does it for all
}

// key is one signing key. It signs from From until the next one does.
type key struct {
	ID      string    `json:"id"`
	From    time.Time `json:"from"`
	Private []byte    `json:"private"` // the seed of the Ed25519 key

	private ed25519.PrivateKey
	public  ed25519.PublicKey
}

func decode(raw []byte) (*key, error) {
	k := new(key)
	if err := json.Unmarshal(raw, k); err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	if len(k.Private) != ed25519.SeedSize || k.ID == "" || k.From.IsZero() {
		return nil, errors.New("read signing key: it is not whole")
	}
	k.private = ed25519.NewKeyFromSeed(k.Private)
	k.public = k.private.Public().(ed25519.PublicKey)
	return k, nil
}

// OpenKeys reads the keys of the bucket and follows it until ctx ends. The first key is made when it is needed.
func OpenKeys(ctx context.Context, kv control.KV, o Options) (*Keys, error) {
	o.Rotate = cmp.Or(o.Rotate, 24*time.Hour)
	o.MaxLife = cmp.Or(o.MaxLife, 24*time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	made, err := control.OpenMirror(ctx, kv, control.Codec[*key]{
		Encode: func(k *key) ([]byte, error) { return json.Marshal(k) },
		Decode: decode,
		Broken: func(name string, err error) { slog.Error("signing keys", "key", name, "error", err) },
	})
	if err != nil {
		return nil, fmt.Errorf("open the signing keys: %w", err)
	}
	return &Keys{o: o, made: made}, nil
}

// all lists the keys, the one that signed first in front.
func (k *Keys) all() []*key {
	var list []*key
	for _, one := range k.made.All() {
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b *key) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.ID, b.ID)) })
	return list
}

// current gives the key to sign with. The next one is made a while before its time, so that every node, and whoever
// reads the published keys, knows it before it signs.
func (k *Keys) current(ctx context.Context) (*key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.o.Now()
	signs, newest := k.pick(now)
	if signs != nil && newest.From.Add(k.o.Rotate-k.o.Rotate/8).After(now) {
		return signs, nil
	}
	from := now
	if newest != nil && newest.From.Add(k.o.Rotate).After(now) {
		from = newest.From.Add(k.o.Rotate)
	}
	if err := k.add(ctx, from); err != nil {
		if signs != nil {
			slog.Error("the next signing key could not be made", "error", err)
			return signs, nil
		}
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	k.sweep(ctx, now)
	if signs, _ = k.pick(now); signs == nil {
		return nil, errors.New("the signing key that was made is not there")
	}
	return signs, nil
}

// pick gives the key that signs at that time and the newest one, which may sign only later.
func (k *Keys) pick(now time.Time) (signs, newest *key) {
	for _, one := range k.all() {
		if !one.From.After(now) {
			signs = one
		}
		newest = one
	}
	return signs, newest
}

// add makes a key. Nodes that do it at the same time for the same moment make one.
func (k *Keys) add(ctx context.Context, from time.Time) error {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails: the runtime ends the program instead
	from = from.UTC().Truncate(time.Second)
	id := "k" + strconv.FormatInt(from.Unix(), 36)
	err := k.made.Create(ctx, id, &key{ID: id, From: from, Private: seed})
	if errors.Is(err, control.ErrExists) {
		return k.await(ctx, id)
	}
	return err
}

// await waits until the key that another node made is known here.
func (k *Keys) await(ctx context.Context, id string) error {
	for range 500 {
		if _, ok := k.made.Get(id); ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("the key %s of another node does not appear", id)
}

// sweep removes keys that nothing good can be signed with any more.
func (k *Keys) sweep(ctx context.Context, now time.Time) {
	list := k.all()
	for i, one := range list {
		if i+1 < len(list) && list[i+1].From.Add(k.o.MaxLife+time.Hour).Before(now) {
			if err := k.made.Delete(ctx, one.ID); err != nil && !errors.Is(err, control.ErrNotFound) {
				slog.Warn("an old signing key could not be removed", "key", one.ID, "error", err)
			}
		}
	}
}

// Sign implements Signer.
func (k *Keys) Sign(ctx context.Context, c Claims) (string, error) {
	now := k.o.Now()
	switch {
	case c.Audience == "" || c.Tenant == "" || c.Subject == "":
		return "", errors.New("sign a token: audience, tenant and subject are needed")
	case !c.Expires.After(now):
		return "", errors.New("sign a token: it would have expired")
	case c.Expires.After(now.Add(k.o.MaxLife)):
		return "", fmt.Errorf("sign a token: it would be good for longer than %v", k.o.MaxLife)
	}
	signer, err := k.current(ctx)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	b := jwt.NewBuilder()
	for name, value := range c.Extra {
		b = b.Claim(name, value)
	}
	if c.ID == "" {
		c.ID = uuid.NewString()
	}
	if c.NotBefore.IsZero() {
		c.NotBefore = now
	}
	t, err := b.Issuer(issuer).Audience([]string{c.Audience}).Subject(c.Subject).Claim(claimTenant, c.Tenant).
		JwtID(c.ID).IssuedAt(now).NotBefore(c.NotBefore).Expiration(c.Expires).Build()
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	h := jws.NewHeaders()
	if err := h.Set(jws.KeyIDKey, signer.ID); err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	signed, err := jwt.Sign(t, jwt.WithKey(jwa.EdDSA(), signer.private, jws.WithProtectedHeaders(h)))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return string(signed), nil
}

// Verify implements Verifier.
func (k *Keys) Verify(_ context.Context, token, audience string) (Claims, error) {
	h, err := header(token)
	if err != nil {
		return Claims{}, err
	}
	if h.Alg != jwa.EdDSA().String() {
		return Claims{}, invalid("its algorithm is not %s", jwa.EdDSA())
	}
	one, ok := k.made.Get(h.Kid)
	if !ok {
		return Claims{}, invalid("its key is not known")
	}
	t, c, err := claims(token, jwa.EdDSA(), one.public, audience, issuer, k.o.Now)
	if err != nil {
		return Claims{}, err
	}
	if t.Get(claimTenant, &c.Tenant) != nil || c.Tenant == "" || c.Subject == "" {
		return Claims{}, invalid("it names no tenant or no subject")
	}
	c.Extra = extra(t, k.o.Extra)
	return c, nil
}

// Public answers with the public keys as a JSON Web Key Set.
func (k *Keys) Public() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := k.current(r.Context()); err != nil {
			slog.Error("signing keys", "error", err)
		}
		keys := []jwk.Key{}
		for _, one := range k.all() {
			pub, err := published(one)
			if err != nil {
				slog.Error("signing keys", "key", one.ID, "error", err)
				continue
			}
			keys = append(keys, pub)
		}
		jsonhttp.Write(w, http.StatusOK, map[string]any{"keys": keys})
	})
}

func published(one *key) (jwk.Key, error) {
	pub, err := jwk.Import(one.public)
	if err != nil {
		return nil, err
	}
	return pub, errors.Join(pub.Set(jwk.KeyIDKey, one.ID), pub.Set(jwk.AlgorithmKey, jwa.EdDSA()), pub.Set(jwk.KeyUsageKey, "sig"))
}
