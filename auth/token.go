package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Scope is one thing that a token allows.
type Scope string

// The scopes.
const (
	Ingest Scope = "ingest" // append events
	Read   Scope = "read"   // history, live events and state of one's own tenant
	Stream Scope = "stream" // the tenant stream, whose clients know one token a tenant
	Admin  Scope = "admin"  // tokens and settings of one's own tenant; of all tenants for the operator
)

// Scopes lists all scopes.
func Scopes() []Scope { return []Scope{Ingest, Read, Stream, Admin} }

// ParseScope checks one scope.
func ParseScope(s string) (Scope, error) {
	if slices.Contains(Scopes(), Scope(s)) {
		return Scope(s), nil
	}
	return "", fmt.Errorf("unknown scope %q, want one of ingest, read, stream, admin", s)
}

// Operator is the tenant of tokens that administer all tenants.
const Operator = "*"

// Token is what is known of a token; it does not contain the secret.
type Token struct {
	ID      string    `json:"id"`
	Tenant  string    `json:"tenant"`
	Scopes  []Scope   `json:"scopes"`
	Name    string    `json:"name,omitempty"` // what it is for, in the words of whoever made it
	Created time.Time `json:"created,omitzero"`
	Rotated time.Time `json:"rotated,omitzero"` // when its secret was last replaced
	Expires time.Time `json:"expires,omitzero"` // from when on it opens nothing any more; zero: never
	Static  bool      `json:"static,omitempty"` // from the configuration
}

// Allows says whether the token carries the scope.
func (t *Token) Allows(s Scope) bool { return slices.Contains(t.Scopes, s) }

// Expired says whether the token's time is over.
func (t *Token) Expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// renewed gives the end of a token that is rotated at now: as much later as it was given at first, or at the last
// rotation.
func (t *Token) renewed(now time.Time) time.Time {
	if t.Expires.IsZero() {
		return time.Time{}
	}
	given := t.Created
	if t.Rotated.After(given) {
		given = t.Rotated
	}
	return now.Add(t.Expires.Sub(given))
}

// ParseExpires reads when a token ends: a moment as in RFC 3339, or a day, at whose end in UTC it does; "" is never.
func ParseExpires(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a day such as 2027-03-31 nor a moment such as 2027-03-31T18:00:00Z", s)
	}
	return at.UTC(), nil
}

// Check says what is wrong with the description of a token.
func (t *Token) Check() error {
	if t.Tenant == "" {
		return fmt.Errorf("a token needs a tenant")
	}
	if len(t.Scopes) == 0 {
		return fmt.Errorf("a token needs at least one scope of ingest, read, stream, admin")
	}
	for i, s := range t.Scopes {
		if _, err := ParseScope(string(s)); err != nil {
			return err
		}
		if slices.Contains(t.Scopes[:i], s) {
			return fmt.Errorf("scope %s is named twice", s)
		}
		if t.Tenant == Operator && s != Admin {
			return fmt.Errorf("a token of the operator (tenant %q) carries the scope admin alone, not %s", Operator, s)
		}
	}
	if len(t.Name) > maxName {
		return fmt.Errorf("the name has %d bytes, at most %d", len(t.Name), maxName)
	}
	return nil
}

const (
	prefix    = "tl_"
	maxID     = 32  // characters of a token's id
	maxName   = 200 // bytes of a token's name
	minSecret = 32  // characters of a static token's secret part
	maxToken  = 256 // characters of a whole token: nothing longer is hashed
)

// Hash is what is stored of a token: the SHA-256 of its text.
type Hash [sha256.Size]byte

// HashOf gives the hash of a token's whole text, tl_ included.
func HashOf(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// String is sha256:<hex>, the form in configuration files.
func (h Hash) String() string { return "sha256:" + hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(b []byte) error {
	digits, ok := strings.CutPrefix(string(b), "sha256:")
	if !ok || len(digits) != 2*sha256.Size {
		return fmt.Errorf("a token's hash is sha256: and 64 hexadecimal digits")
	}
	if _, err := hex.Decode(h[:], []byte(digits)); err != nil {
		return fmt.Errorf("a token's hash is sha256: and 64 hexadecimal digits: %w", err)
	}
	return nil
}

// NewSecret makes the text of a token with that id.
func NewSecret(id string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: the runtime ends the program instead
	return prefix + id + "_" + base64.RawURLEncoding.EncodeToString(b[:])
}

// NewID makes a token id.
func NewID() string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// CheckID says what is wrong with a token's id: 1 to 32 lower-case letters, digits and '-'.
func CheckID(id string) error {
	if id == "" || len(id) > maxID {
		return fmt.Errorf("a token's id has 1 to %d characters, not %d", maxID, len(id))
	}
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("a token's id consists of lower-case letters, digits and '-', not %q", c)
		}
	}
	return nil
}

// SplitSecret finds the id in the text of a token. The id has no '_', the secret may.
func SplitSecret(text string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(text) > maxToken {
		return "", false
	}
	id, secret, ok := strings.Cut(rest, "_")
	if !ok || secret == "" || CheckID(id) != nil {
		return "", false
	}
	return id, true
}
