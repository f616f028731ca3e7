// Package jwt signs and checks JSON Web Tokens: those that the program issues itself,
// and those of an outside issuer.
//
// [Keys] are the program's own signing keys (Ed25519). They are kept in a bucket of the
// control state, so that every node signs and checks alike and a restart ends no
// session; they are replaced in time ([Options].Rotate), and an old one goes on checking
// until the last token signed with it has expired. [Outside] checks tokens of another
// issuer with the keys that it publishes. Both are a [Verifier]; Keys is a [Signer] too.
//
// Invariants:
//
//   - The algorithm is that of the key, never what the token says of itself: a token of
//     another one, "none" and HMAC among them, is refused before any signature is looked at.
//   - A token without expiry, before its time, after it, or for another audience is
//     refused; so is one whose tenant is not named.
//   - No token is ever part of an error.
package jwt

import (
	"context"
	"errors"
	"time"
)

// ErrInvalid is what the error of every token wraps that opens nothing. The text says why,
// for the log: clients are told no more than that it is not valid.
var ErrInvalid = errors.New("the token is not valid")

// Claims are what a token says.
type Claims struct {
	// ID is the token's own; Sign makes one up when it is empty.
	ID string
	// Audience is what the token is for: a feed's name.
	Audience string
	// Tenant is whose the bearer is.
	Tenant string
	// Subject is who the bearer is: a user's id, a client's id.
	Subject string
	// Issued is when it was signed, NotBefore from when on it is good, Expires until when.
	// Sign fills in the first two.
	Issued, NotBefore, Expires time.Time
	// Extra are further claims with text values. Verify gives those whose names were asked for in the options.
	Extra map[string]string
}

// Signer makes tokens.
type Signer interface {
	// Sign gives the token in its compact form. Audience, Tenant, Subject and Expires are needed.
	Sign(ctx context.Context, c Claims) (string, error)
}

// Verifier checks tokens.
type Verifier interface {
	// Verify gives what a token says that is good now and for that audience, otherwise an error that wraps ErrInvalid.
	// Any other error means that the token could not be checked.
	Verify(ctx context.Context, token, audience string) (Claims, error)
}

var (
	_ Signer   = (*Keys)(nil)
	_ Verifier = (*Keys)(nil)
	_ Verifier = (*Outside)(nil)
)
