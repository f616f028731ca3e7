package auth

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"trunkline/control"
)

// Errors of a Store, to be tested with errors.Is.
var (
	// ErrUnauthenticated: the credential opens nothing. Why is not said.
	ErrUnauthenticated = errors.New("unknown token")
	// ErrExpired: the credential is right, but its time is over. It wraps ErrUnauthenticated.
	ErrExpired = fmt.Errorf("%w: it has expired", ErrUnauthenticated)
	// ErrNoToken: there is no token with that id.
	ErrNoToken = errors.New("no such token")
	// ErrPast: a token was to be made whose time would be over already.
	ErrPast = errors.New("the time at which the token is to expire has passed")
	// ErrStatic: the token stands in the configuration and is changed there.
	ErrStatic = errors.New("the token stands in the configuration file and can be changed only there")
)

// Bucket is the name of the bucket that holds the tokens made at run time.
const Bucket = "tokens"

// StaticToken is a token of the configuration: its description, and its hash or its text.
type StaticToken struct {
	ID     string
	Tenant string
	Scopes []Scope
	Name   string
	// Expires is from when on it opens nothing; zero: never.
	Expires time.Time
	Hash    Hash   // used when Secret is empty
	Secret  string // the whole text, from the environment or a file; kept as its hash only
}

// Store knows all tokens.
type Store struct {
	static map[string]*live
	made   *control.Mirror[*live]
	now    func() time.Time
}

// stored is a token as the bucket holds it.
type stored struct {
	Token
	Hash Hash `json:"hash"`
}

// live is a token in memory: one for each version of it.
type live struct {
	stored
	alive  context.Context
	revoke context.CancelFunc
}

// newLive gives a token that ends when it is revoked or its time is over.
func newLive(s stored) *live {
	l := &live{stored: s}
	if s.Expires.IsZero() {
		l.alive, l.revoke = context.WithCancel(context.Background())
	} else {
		l.alive, l.revoke = context.WithDeadline(context.Background(), s.Expires)
	}
	return l
}

// OpenStore reads the tokens of the bucket and follows it until ctx ends. A static token wins over one of the bucket
// with the same id.
func OpenStore(ctx context.Context, kv control.KV, static []StaticToken) (*Store, error) {
	s := &Store{static: make(map[string]*live, len(static)), now: time.Now}
	for _, t := range static {
		l, err := t.live()
		if err != nil {
			return nil, fmt.Errorf("token %q of the configuration: %w", t.ID, err)
		}
		if s.static[t.ID] != nil {
			return nil, fmt.Errorf("token %q of the configuration: the id is used twice", t.ID)
		}
		s.static[t.ID] = l
	}
	made, err := control.OpenMirror(ctx, kv, control.Codec[*live]{
		Encode: func(l *live) ([]byte, error) { return json.Marshal(l.stored) },
		Decode: decode,
		Changed: func(_ string, old, _ *live) {
			if old != nil {
				old.revoke()
			}
		},
		Broken: func(key string, err error) { slog.Error("token store", "token", key, "error", err) },
	})
	if err != nil {
		return nil, fmt.Errorf("open the token store: %w", err)
	}
	s.made = made
	return s, nil
}

func (t StaticToken) live() (*live, error) {
	tok := Token{ID: t.ID, Tenant: t.Tenant, Scopes: t.Scopes, Name: t.Name, Expires: t.Expires, Static: true}
	if err := CheckID(t.ID); err != nil {
		return nil, err
	}
	if err := tok.Check(); err != nil {
		return nil, err
	}
	hash := t.Hash
	if t.Secret != "" {
		id, ok := SplitSecret(t.Secret)
		if !ok || id != t.ID || len(t.Secret)-len(prefix)-len(id)-1 < minSecret {
			return nil, fmt.Errorf("the secret must be the whole text tl_%s_<at least %d characters>", t.ID, minSecret)
		}
		hash = HashOf(t.Secret)
	}
	if hash == (Hash{}) {
		return nil, fmt.Errorf("neither a hash nor a secret is given")
	}
	return newLive(stored{Token: tok, Hash: hash}), nil
}

func decode(raw []byte) (*live, error) {
	var s stored
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	if s.Hash == (Hash{}) {
		return nil, fmt.Errorf("read token: no hash")
	}
	s.Static = false
	return newLive(s), nil
}

func (s *Store) find(id string) *live {
	if l := s.static[id]; l != nil {
		return l
	}
	l, _ := s.made.Get(id)
	return l
}

// Authenticate gives the principal of a token's text, ErrUnauthenticated, or ErrExpired, of which only who has the
// right text is told. An unknown id takes as long as a wrong secret.
func (s *Store) Authenticate(secret string) (*Principal, error) {
	id, ok := SplitSecret(secret)
	if !ok {
		return nil, ErrUnauthenticated
	}
	l := s.find(id)
	var want Hash // nothing hashes to it
	if l != nil {
		want = l.Hash
	}
	got := HashOf(secret)
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || l == nil {
		return nil, ErrUnauthenticated
	}
	// The deadline of alive does not run while the machine sleeps, so the clock on the wall is asked as well.
	if l.Expired(s.now()) {
		return nil, fmt.Errorf("%w: its time was over at %s", ErrExpired, l.Expires.Format(time.RFC3339))
	}
	if l.alive.Err() != nil {
		return nil, ErrUnauthenticated
	}
	return &Principal{TokenID: id, Tenant: l.Tenant, Scopes: l.Scopes, Revoked: l.alive.Done(), alive: l.alive}, nil
}

// Create makes a token without an end for the tenant and gives it with its text, which is not kept.
func (s *Store) Create(ctx context.Context, tenant string, scopes []Scope, name string) (Token, string, error) {
	return s.Issue(ctx, Token{Tenant: tenant, Scopes: scopes, Name: name})
}

// Issue makes a token with the tenant, scopes, name and end of t, and gives it with its text, which is not kept.
func (s *Store) Issue(ctx context.Context, t Token) (Token, string, error) {
	now := s.now().UTC().Truncate(time.Millisecond)
	t = Token{ID: NewID(), Tenant: t.Tenant, Scopes: t.Scopes, Name: t.Name, Created: now, Expires: t.Expires.Truncate(time.Millisecond)}
	if err := t.Check(); err != nil {
		return Token{}, "", err
	}
	if t.Expired(now) {
		return Token{}, "", fmt.Errorf("%w: %s", ErrPast, t.Expires.Format(time.RFC3339))
	}
	secret := NewSecret(t.ID)
	// What is written needs no life: the mirror makes one of what it reads.
	if err := s.made.Create(ctx, t.ID, &live{stored: stored{Token: t, Hash: HashOf(secret)}}); err != nil {
		return Token{}, "", fmt.Errorf("create token: %w", err)
	}
	return t, secret, nil
}

// Get gives the token with that id, or ErrNoToken.
func (s *Store) Get(id string) (Token, error) {
	if l := s.find(id); l != nil {
		return l.Token, nil
	}
	return Token{}, ErrNoToken
}

// List gives the tokens of a tenant, of all with "", ordered by tenant and id.
func (s *Store) List(tenant string) []Token {
	all := s.made.All()
	maps.Copy(all, s.static)
	out := make([]Token, 0, len(all))
	for _, l := range all {
		if tenant == "" || l.Tenant == tenant {
			out = append(out, l.Token)
		}
	}
	slices.SortFunc(out, func(a, b Token) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Rotate replaces the secret of a token and gives the new text. Whoever came in with the old one is thrown out. A token
// that expires is good for as long again as it was given before, also when its time was over.
func (s *Store) Rotate(ctx context.Context, id string) (Token, string, error) {
	if s.static[id] != nil {
		return Token{}, "", ErrStatic
	}
	secret := NewSecret(id)
	l, err := s.made.Change(ctx, id, func(old *live) (*live, error) {
		old.revoke() // it was made for this alone
		now, at := old.stored, s.now().UTC().Truncate(time.Millisecond)
		now.Expires = now.renewed(at)
		now.Hash, now.Rotated = HashOf(secret), at
		return &live{stored: now}, nil
	})
	if errors.Is(err, control.ErrNotFound) {
		return Token{}, "", ErrNoToken
	}
	if err != nil {
		return Token{}, "", fmt.Errorf("rotate token: %w", err)
	}
	return l.Token, secret, nil
}

// Revoke removes a token. Whoever came in with it is thrown out.
func (s *Store) Revoke(ctx context.Context, id string) error {
	if s.static[id] != nil {
		return ErrStatic
	}
	err := s.made.Delete(ctx, id)
	if errors.Is(err, control.ErrNotFound) {
		return ErrNoToken
	}
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	return nil
}

// RevokeTenant removes all tokens of a tenant that were made at run time.
func (s *Store) RevokeTenant(ctx context.Context, tenant string) error {
	for _, t := range s.List(tenant) {
		if t.Static || t.Tenant != tenant {
			continue
		}
		if err := s.Revoke(ctx, t.ID); err != nil && !errors.Is(err, ErrNoToken) {
			return err
		}
	}
	return nil
}
