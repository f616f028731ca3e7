package demo

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"trunkline/auth"
	"trunkline/config"
)

// The demo's tenant. The account is how Avaya's interfaces name a customer, six letters.
const (
	tenant     = "acmecorp01"
	tenantName = "Acme Corporation"
	account    = "EZCLTR"
)

// credentialsFile stands beside the log in the data directory; only its owner may read it.
const credentialsFile = "credentials.json"

// credentials are what survives a restart beside the log.
type credentials struct {
	Organization string            `json:"organization"`
	Tokens       map[string]string `json:"tokens"` // by scope
	ClientSecret string            `json:"client_secret"`
	Users        map[string]string `json:"users"` // secrets of the directory's users by id
	Runs         uint32            `json:"runs"`  // of the simulation so far
}

// openCredentials reads the credentials of a data directory, makes those that are missing, and counts the run that
// begins, so that its ids are new even when the last run ended without a word.
func openCredentials(dir string) (c credentials, run uint32, err error) {
	path := filepath.Join(dir, credentialsFile)
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return c, 0, fmt.Errorf("read the demo's credentials: %w", err)
	default:
		if err := json.Unmarshal(raw, &c); err != nil {
			return c, 0, fmt.Errorf("read the demo's credentials in %s: %w", path, err)
		}
	}
	if c.Organization == "" {
		c.Organization = uuid.NewString()
	}
	if c.Tokens == nil {
		c.Tokens = make(map[string]string)
	}
	for _, scope := range auth.Scopes() {
		if c.Tokens[string(scope)] == "" {
			c.Tokens[string(scope)] = auth.NewSecret(tokenID(scope))
		}
	}
	if c.Users == nil {
		c.Users = make(map[string]string)
	}
	for _, id := range userIDs {
		if c.Users[id] == "" {
			c.Users[id] = rand.Text()
		}
	}
	if c.ClientSecret == "" {
		c.ClientSecret = rand.Text()
	}
	run = c.Runs
	c.Runs++
	if raw, err = json.MarshalIndent(c, "", "  "); err != nil {
		return c, 0, fmt.Errorf("encode the demo's credentials: %w", err)
	}
	if err := replaceFile(path, append(raw, '\n')); err != nil {
		return c, 0, fmt.Errorf("write the demo's credentials: %w", err)
	}
	return c, run, nil
}

// replaceFile writes a file that only its owner may read, whole or not at all.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// clientID is the demo's program that asks for signed tokens.
const clientID = "demo-measures"

// clients turns the client into that of a configuration.
func (c credentials) clients() []config.Client {
	return []config.Client{{ID: clientID, Tenant: tenant, Hash: auth.HashOf(c.ClientSecret).String()}}
}

func tokenID(s auth.Scope) string { return "demo-" + string(s) }

// static turns the tokens into those of a configuration, which holds their hashes only.
func (c credentials) static() []config.Token {
	var list []config.Token
	for _, scope := range auth.Scopes() {
		list = append(list, config.Token{ID: tokenID(scope), Tenant: tenant, Scopes: []string{string(scope)},
			Name: "the demo's token for " + string(scope), Hash: auth.HashOf(c.Tokens[string(scope)]).String()})
	}
	return list
}
