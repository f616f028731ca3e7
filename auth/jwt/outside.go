package jwt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

// Issuer describes an outside issuer.
type Issuer struct {
	// URL is where it publishes its keys as a JSON Web Key Set.
	URL string
	// Name is what stands in the claim iss of its tokens.
	Name string
	// Algorithm is the one that it signs with: RS256, ES256 or EdDSA. No other is taken.
	Algorithm string
	// TenantClaim names the claim in which the tenant or account stands.
	TenantClaim string
	// Extra names further claims that Verify gives.
	Extra []string
	// Refresh is how long its keys are used without asking again. 0 means 15 min.
	Refresh time.Duration
	// Client asks for them. nil: one with a time-out of 10 s.
	Client *http.Client
	// Now is the clock. nil: the real one.
	Now func() time.Time
}

// Outside checks the tokens of an outside issuer.
type Outside struct {
	i   Issuer
	alg jwa.SignatureAlgorithm

	mu      sync.Mutex // guards what is below, and is held while the issuer is asked, so that one request does it for all
	keys    jwk.Set
	fetched time.Time // when keys were read
	asked   time.Time // when the issuer was asked last, in vain or not
}

// askPause is the least pause between two questions to the issuer: tokens with made-up key ids must not turn into load.
const askPause = 10 * time.Second

// maxKeys bounds a published key set, in bytes.
const maxKeys = 1 << 20

// Algorithms lists what an outside issuer may sign with.
func Algorithms() []string { return []string{"RS256", "ES256", "EdDSA"} }

// NewOutside checks the description. The keys are read with the first token.
func NewOutside(i Issuer) (*Outside, error) {
	var alg jwa.SignatureAlgorithm
	switch i.Algorithm {
	case "RS256":
		alg = jwa.RS256()
	case "ES256":
		alg = jwa.ES256()
	case "EdDSA":
		alg = jwa.EdDSA()
	default:
		return nil, fmt.Errorf("outside issuer: the algorithm %q is not one of %v", i.Algorithm, Algorithms())
	}
	if i.URL == "" || i.Name == "" || i.TenantClaim == "" {
		return nil, errors.New("outside issuer: the address of its keys, its name and the claim of the tenant are needed")
	}
	i.Refresh = cmp.Or(i.Refresh, 15*time.Minute)
	if i.Client == nil {
		i.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if i.Now == nil {
		i.Now = time.Now
	}
	return &Outside{i: i, alg: alg}, nil
}

// Verify implements Verifier.
func (o *Outside) Verify(ctx context.Context, token, audience string) (Claims, error) {
	h, err := header(token)
	if err != nil {
		return Claims{}, err
	}
	if h.Alg != o.alg.String() {
		return Claims{}, invalid("its algorithm is not %s", o.alg)
	}
	one, err := o.key(ctx, h.Kid)
	if err != nil {
		return Claims{}, err
	}
	t, c, err := claims(token, o.alg, one, audience, o.i.Name, o.i.Now)
	if err != nil {
		return Claims{}, err
	}
	if t.Get(o.i.TenantClaim, &c.Tenant) != nil || c.Tenant == "" || c.Subject == "" {
		return Claims{}, invalid("it names no tenant or no subject")
	}
	c.Extra = extra(t, o.i.Extra)
	return c, nil
}

// key gives the issuer's key of that id, asking for the keys when they are old or it is not among them.
func (o *Outside) key(ctx context.Context, id string) (jwk.Key, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.i.Now()
	one := o.find(id)
	if (one == nil || now.Sub(o.fetched) > o.i.Refresh) && (o.asked.IsZero() || now.Sub(o.asked) >= askPause) {
		o.asked = now
		keys, err := o.fetch(ctx)
		if err != nil {
			slog.Error("the keys of the outside issuer cannot be read", "url", o.i.URL, "error", err)
		} else {
			o.keys, o.fetched = keys, now
		}
		one = o.find(id)
	}
	switch {
	case one != nil:
		return one, nil
	case o.keys == nil:
		return nil, errors.New("the keys of the outside issuer are not known")
	}
	return nil, invalid("its key is not known")
}

// find gives the key of that id; with no id in the token, the only key there is. A key for another algorithm or for
// encryption is none.
func (o *Outside) find(id string) jwk.Key {
	if o.keys == nil {
		return nil
	}
	var one jwk.Key
	ok := false
	if id != "" {
		one, ok = o.keys.LookupKeyID(id)
	} else if o.keys.Len() == 1 {
		one, ok = o.keys.Key(0)
	}
	if !ok {
		return nil
	}
	if use, there := one.KeyUsage(); there && use != "sig" {
		return nil
	}
	if alg, there := one.Algorithm(); there && alg.String() != o.alg.String() {
		return nil
	}
	return one
}

func (o *Outside) fetch(ctx context.Context) (jwk.Set, error) {
	// Whoever asked may go away: the keys are for everybody.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.i.URL, nil)
	if err != nil {
		return nil, err
	}
	resp, err := o.i.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %s", resp.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxKeys+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxKeys {
		return nil, fmt.Errorf("a key set of more than %d bytes", maxKeys)
	}
	set, err := jwk.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	public, err := jwk.PublicSetOf(set) // a symmetric key in it would be no key to check with
	if err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	return public, nil
}
