package directory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/goccy/go-yaml"

	"trunkline/auth"
	"trunkline/event"
)

// Declaration is what a directory file of the configuration says of a tenant: agents,
// queues, users, groups and channels in the form in which the API has them.
type Declaration struct {
	Tenant string `json:"-"`

	Agents   []Agent        `json:"agents"`
	Queues   []Queue        `json:"queues"`
	Users    []DeclaredUser `json:"users"`
	Groups   []Group        `json:"groups"`
	Channels []Channel      `json:"channels"`

	known map[string]*record // by kind and id; nil values for agents and queues
}

// DeclaredUser is a user with one of three ways to give the secret.
type DeclaredUser struct {
	User
	Hash       auth.Hash `json:"hash,omitzero"`         // sha256: and the hexadecimal SHA-256 of the secret
	SecretEnv  string    `json:"secret_env,omitempty"`  // environment variable that holds it
	SecretFile string    `json:"secret_file,omitempty"` // file that holds it
}

// minSecret is how short a secret that people choose may be: it is stored by its SHA-256,
// which is no protection for what can be guessed.
const minSecret = 16

// ReadDeclaration reads a directory file, YAML or JSON.
func ReadDeclaration(tenant, path string) (*Declaration, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the directory of tenant %q: %w", tenant, err)
	}
	d, err := ParseDeclaration(tenant, raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// ParseDeclaration reads the text of a directory file.
func ParseDeclaration(tenant string, text []byte) (*Declaration, error) {
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, errors.New(strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	d := &Declaration{Tenant: tenant}
	dec := json.NewDecoder(bytes.NewReader(asJSON))
	dec.DisallowUnknownFields()
	if err := dec.Decode(d); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the directory: %w; it has agents, queues, users, groups and channels, each as the API has it", err)
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	return d, nil
}

// Check says all that is wrong with the declaration, and reads the users' secrets.
func (d *Declaration) Check() error {
	var errs []error
	d.known = map[string]*record{}
	put := func(kind event.EntityKind, i int, id string, r *record, err error) {
		place := fmt.Sprintf("%ss[%d] %q", kind, i, id)
		key := string(kind) + "/" + id
		if _, twice := d.known[key]; twice {
			err = errors.Join(err, errors.New("it is there twice"))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", place, err))
		}
		d.known[key] = r
	}
	for i := range d.Agents {
		put(event.EntityAgent, i, d.Agents[i].ID, nil, d.Agents[i].Check())
	}
	for i := range d.Queues {
		q := &d.Queues[i]
		err := q.Check()
		if err == nil {
			_, err = encode(d.Tenant, "", queueFacts(d.Tenant, Queue{}, false, *q))
		}
		put(event.EntityQueue, i, q.ID, nil, err)
	}
	for i := range d.Users {
		u := &d.Users[i]
		hash, err := u.secret()
		u.User.complete(d.Tenant)
		put(event.EntityUser, i, u.ID, &record{Tenant: d.Tenant, User: &u.User, Hash: &hash}, errors.Join(u.Check(), err))
	}
	for i := range d.Groups {
		d.Groups[i].complete(d.Tenant)
		put(event.EntityGroup, i, d.Groups[i].ID, &record{Tenant: d.Tenant, Group: &d.Groups[i]}, d.Groups[i].Check())
	}
	for i := range d.Channels {
		d.Channels[i].complete(d.Tenant)
		put(event.EntityChannel, i, d.Channels[i].ID, &record{Tenant: d.Tenant, Channel: &d.Channels[i]}, d.Channels[i].Check())
	}
	for _, r := range d.known {
		if r != nil {
			r.static()
		}
	}
	return errors.Join(errs...)
}

// secret gives the hash of a declared user's secret.
func (u *DeclaredUser) secret() (auth.Hash, error) {
	given, secret := 0, ""
	if u.Hash != (auth.Hash{}) {
		given++
	}
	if u.SecretEnv != "" {
		given++
		secret = os.Getenv(u.SecretEnv)
	}
	if u.SecretFile != "" {
		given++
		raw, err := os.ReadFile(u.SecretFile)
		if err != nil {
			return u.Hash, fmt.Errorf("read secret_file: %w", err)
		}
		secret = strings.TrimSpace(string(raw))
	}
	switch {
	case given != 1:
		return u.Hash, fmt.Errorf("one of hash, secret_env and secret_file is needed, %d are given", given)
	case u.Hash != (auth.Hash{}):
		return u.Hash, nil
	case len(secret) < minSecret:
		return u.Hash, fmt.Errorf("the secret has %d characters, at least %d are needed", len(secret), minSecret)
	}
	return auth.HashOf(secret), nil
}

// records gives the users, groups and channels.
func (d *Declaration) records() []*record {
	var out []*record
	for _, r := range d.known {
		if r != nil {
			out = append(out, r)
		}
	}
	return out
}

func (d *Declaration) record(kind event.EntityKind, id string) *record {
	return d.known[string(kind)+"/"+id]
}

func (d *Declaration) has(kind event.EntityKind, id string) bool {
	_, ok := d.known[string(kind)+"/"+id]
	return ok
}

func (r *record) static() {
	switch {
	case r.User != nil:
		r.User.Static = true
	case r.Group != nil:
		r.Group.Static = true
	case r.Channel != nil:
		r.Channel.Static = true
	}
}

// complete fills in what follows from the rest.
func (u *User) complete(tenant string) {
	if u.GUID == "" {
		u.GUID = event.GUID(tenant, event.EntityUser, u.ID)
	}
	if u.Login == "" {
		u.Login = u.ID
	}
}

func (g *Group) complete(tenant string) {
	if g.GUID == "" {
		g.GUID = event.GUID(tenant, event.EntityGroup, g.ID)
	}
}

func (c *Channel) complete(tenant string) {
	if c.GUID == "" {
		c.GUID = event.GUID(tenant, event.EntityChannel, c.ID)
	}
}
