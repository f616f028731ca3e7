package jwt

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// maxToken is the longest token that is looked at, in bytes.
const maxToken = 8 << 10

// skew is how far the clocks of issuer and checker may be apart.
const skew = 5 * time.Second

// head is what is read of a token before its signature is checked.
type head struct {
	Alg  string   `json:"alg"`
	Kid  string   `json:"kid"`
	Crit []string `json:"crit"`
}

// header reads the header of a compact token. Nothing in it is believed: it only names the key to check with.
func header(token string) (head, error) {
	var h head
	if len(token) > maxToken {
		return h, invalid("it has more than %d bytes", maxToken)
	}
	first, rest, ok := strings.Cut(token, ".")
	if !ok || strings.Count(rest, ".") != 1 {
		return h, invalid("it does not consist of three parts")
	}
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return h, invalid("its header is not base64url")
	}
	if err := json.Unmarshal(raw, &h); err != nil {
		return h, invalid("its header is not JSON")
	}
	if len(h.Crit) > 0 {
		return h, invalid("its header demands extensions")
	}
	return h, nil
}

// claims checks the signature with the key and the claims with the rest.
func claims(token string, alg jwa.SignatureAlgorithm, key any, audience, issuer string, now func() time.Time) (jwt.Token, Claims, error) {
	options := []jwt.ParseOption{
		jwt.WithKey(alg, key), jwt.WithClock(jwt.ClockFunc(now)), jwt.WithAcceptableSkew(skew),
		jwt.WithRequiredClaim(jwt.ExpirationKey), jwt.WithAudience(audience),
	}
	if issuer != "" {
		options = append(options, jwt.WithIssuer(issuer))
	}
	t, err := jwt.ParseString(token, options...)
	if err != nil {
		return nil, Claims{}, invalid("%s", why(err))
	}
	c := Claims{Audience: audience}
	c.ID, _ = t.JwtID()
	c.Subject, _ = t.Subject()
	c.Issued, _ = t.IssuedAt()
	c.NotBefore, _ = t.NotBefore()
	c.Expires, _ = t.Expiration()
	return t, c, nil
}

// why puts what the library found into words of ours: its own may contain parts of the token.
func why(err error) string {
	for _, known := range []struct {
		is   error
		text string
	}{
		{jwt.TokenExpiredError(), "it has expired"},
		{jwt.TokenNotYetValidError(), "it is not good yet"},
		{jwt.InvalidIssuedAtError(), "it was issued in the future"},
		{jwt.InvalidAudienceError(), "it is for another audience"},
		{jwt.InvalidIssuerError(), "it is of another issuer"},
		{jwt.MissingRequiredClaimError(), "a claim is missing"},
	} {
		if errors.Is(err, known.is) {
			return known.text
		}
	}
	return "its signature or form is not right"
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// extra reads further claims.
func extra(t jwt.Token, names []string) map[string]string {
	var out map[string]string
	for _, name := range slices.Sorted(slices.Values(names)) {
		var text string
		if t.Get(name, &text) == nil {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = text
		}
	}
	return out
}
