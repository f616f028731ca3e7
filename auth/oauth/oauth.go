// Package oauth is an OAuth2 token endpoint for programs: client credentials in
// (RFC 6749, section 4.4), a signed JSON Web Token out.
//
// The addresses are those of the identity server that clients of the vendors' interfaces
// know: one realm for each account, its token endpoint, its published keys and its
// discovery document. A [Client] belongs to one tenant; [Clients] holds those of the
// configuration, of whose secrets the hashes alone are kept. [API] is the HTTP edge.
//
// Invariants: a secret is taken from the Authorization header or the form, never from the
// address; an unknown client takes as long as a wrong secret; a client of another account
// than the realm's is refused like one that does not exist; an address that fails too often
// has to wait before it is looked at.
package oauth

import (
	"crypto/subtle"
	"errors"
	"fmt"

	"trunkline/auth"
)

// Client is a program that may ask for tokens.
type Client struct {
	ID     string
	Tenant string
	Hash   auth.Hash // of its secret
}

// Limits of a client's description, in bytes.
const (
	maxID     = 64
	minSecret = 16
	maxSecret = 256
)

// CheckID says what is wrong with a client's id.
func CheckID(id string) error {
	if id == "" || len(id) > maxID {
		return fmt.Errorf("a client's id has 1 to %d characters, not %d", maxID, len(id))
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return fmt.Errorf("a client's id consists of letters, digits, '-', '_' and '.', not %q", c)
		}
	}
	return nil
}

// CheckSecret says what is wrong with a client's secret.
func CheckSecret(secret string) error {
	if len(secret) < minSecret || len(secret) > maxSecret {
		return fmt.Errorf("a client's secret has %d to %d characters", minSecret, maxSecret)
	}
	return nil
}

// errClient says that the credentials open nothing; why is not said.
var errClient = errors.New("the client is unknown or its secret is wrong")

// Clients are the clients of a process. They do not change.
type Clients struct {
	byID map[string]Client
}

// NewClients checks the list.
func NewClients(list []Client) (*Clients, error) {
	c := &Clients{byID: make(map[string]Client, len(list))}
	for _, one := range list {
		if err := CheckID(one.ID); err != nil {
			return nil, err
		}
		if one.Tenant == "" || one.Tenant == auth.Operator {
			return nil, fmt.Errorf("the client %q needs a tenant", one.ID)
		}
		if one.Hash == (auth.Hash{}) {
			return nil, fmt.Errorf("the client %q needs a secret", one.ID)
		}
		if _, twice := c.byID[one.ID]; twice {
			return nil, fmt.Errorf("the client %q is named twice", one.ID)
		}
		c.byID[one.ID] = one
	}
	return c, nil
}

// authenticate gives the client of an id and its secret.
func (c *Clients) authenticate(id, secret string) (Client, error) {
	if len(secret) > maxSecret {
		return Client{}, errClient
	}
	client, known := c.byID[id]
	got := auth.HashOf(secret)
	if subtle.ConstantTimeCompare(got[:], client.Hash[:]) != 1 || !known {
		return Client{}, errClient
	}
	return client, nil
}
