package config

import (
	"fmt"
	"os"
	"strings"

	"trunkline/auth"
	"trunkline/auth/jwt"
	"trunkline/auth/oauth"
)

// Measures is the measures feed.
type Measures struct {
	Tick             Duration `yaml:"tick" default:"250ms" min:"10ms" max:"1m" doc:"Measures of one key that change more often than this are sent as they are then."`
	EventSource      string   `yaml:"event_source" default:"IXCC_1.0.0" doc:"The eventSourceId in every message."`
	PingInterval     Duration `yaml:"ping_interval" default:"5m" min:"1s" max:"1h" doc:"A client that sends no ping for so long is closed and its subscription set INACTIVE. Told in every subscription."`
	AuthTimeout      Duration `yaml:"auth_timeout" default:"10s" min:"100ms" max:"5m" doc:"How long a client may take to send its authentication after it has connected."`
	QueueBytes       Size     `yaml:"queue_bytes" default:"256KiB" min:"16KiB" max:"64MiB" doc:"What may wait for one connection. A slower reader gets the latest values only, when it reads again."`
	MaxSubscriptions int      `yaml:"max_subscriptions" default:"2000" min:"1" max:"1000000" doc:"Subscriptions of one account, the inactive ones included."`
	KeepInactive     Duration `yaml:"keep_inactive" default:"24h" min:"1m" max:"8760h" doc:"How long an inactive subscription can still be renewed; then it is removed."`
	PublicURL        string   `yaml:"public_url" example:"wss://hub.example.com" doc:"How clients reach the server's WebSockets, for the endpoint in a subscription. Empty: by the host that the client asked."`
	Origins          []string `yaml:"origins" example:"https://wallboard.example.com" doc:"Origins of browser pages of other hosts that may open a WebSocket. Empty: pages of this server only."`
}

// OAuth is signed tokens.
type OAuth struct {
	Life     Duration `yaml:"life" default:"15m" min:"10s" max:"24h" doc:"How long a token is good. Subscriptions of the measures feed end with the token that made or renewed them."`
	Rotate   Duration `yaml:"rotate" default:"24h" min:"1h" max:"8760h" doc:"How long a key signs before the next one does."`
	Audience string   `yaml:"audience" default:"trunkline-measures" doc:"What the tokens are for: the claim aud. Tokens for another audience are refused."`
	Issuer   Issuer   `yaml:"issuer" doc:"An outside issuer whose tokens are taken in place of our own. Without jwks_url there is none."`
}

// Issuer is an outside issuer of tokens.
type Issuer struct {
	JWKSURL      string   `yaml:"jwks_url" example:"https://login.example.com/realms/EZCLTR/protocol/openid-connect/certs" doc:"Where it publishes its keys, as a JSON Web Key Set."`
	Name         string   `yaml:"name" example:"https://login.example.com/realms/EZCLTR" doc:"The claim iss of its tokens."`
	Algorithm    string   `yaml:"algorithm" default:"RS256" oneof:"RS256,ES256,EdDSA" doc:"What it signs with. No other algorithm is taken."`
	AccountClaim string   `yaml:"account_claim" default:"account" doc:"The claim in which the account stands."`
	Refresh      Duration `yaml:"refresh" default:"15m" min:"10s" max:"24h" doc:"How long its keys are used without asking again."`
}

// Client is a program that may ask for tokens.
type Client struct {
	ID         string `yaml:"id" example:"wallboard" doc:"The client_id: 1 to 64 letters, digits, '-', '_' and '.'."`
	Tenant     string `yaml:"tenant" example:"acmecorp01" doc:"Whose it is."`
	Hash       string `yaml:"hash" secret:"true" doc:"sha256: and the hexadecimal SHA-256 of the client_secret, which has at least 16 characters and should be made at random: printf %s SECRET | sha256sum."`
	SecretEnv  string `yaml:"secret_env" example:"WALLBOARD_SECRET" doc:"Environment variable that holds the client_secret."`
	SecretFile string `yaml:"secret_file" doc:"File that holds the client_secret."`
}

// Outside gives the outside issuer, false when there is none.
func (o OAuth) Outside() (jwt.Issuer, bool) {
	i := o.Issuer
	return jwt.Issuer{URL: i.JWKSURL, Name: i.Name, Algorithm: i.Algorithm, TenantClaim: i.AccountClaim, Refresh: i.Refresh.Std()}, i.JWKSURL != ""
}

func (c Client) check() error {
	if err := oauth.CheckID(c.ID); err != nil {
		return err
	}
	given := 0
	for _, v := range []string{c.Hash, c.SecretEnv, c.SecretFile} {
		if v != "" {
			given++
		}
	}
	if given != 1 {
		return fmt.Errorf("client %q needs exactly one of hash, secret_env and secret_file", c.ID)
	}
	if c.Hash != "" {
		return new(auth.Hash).UnmarshalText([]byte(c.Hash))
	}
	return nil
}

// clients checks the clients; ids are those of the tenants.
func (l *loader) clients(c *Config, ids []string) {
	seen := map[string]bool{}
	for i, one := range c.Clients {
		path := fmt.Sprintf("clients[%d]", i)
		if err := one.check(); err != nil {
			l.refuse(path, "%v", err)
			continue
		}
		if seen[one.ID] {
			l.refuse(path, "the id %q is used twice", one.ID)
		}
		seen[one.ID] = true
		l.tenantOf(one.Tenant, path, ids)
	}
	if c.OAuth.Issuer.JWKSURL == "" {
		return
	}
	issuer, _ := c.OAuth.Outside()
	if _, err := jwt.NewOutside(issuer); err != nil {
		l.refuse("oauth.issuer", "%v", err)
	}
}

// OAuthClients gives the clients of the configuration, with their secrets read from the environment and from files.
func (c *Config) OAuthClients() ([]oauth.Client, error) {
	out := make([]oauth.Client, 0, len(c.Clients))
	for _, one := range c.Clients {
		client := oauth.Client{ID: one.ID, Tenant: one.Tenant}
		if one.Hash != "" {
			if err := client.Hash.UnmarshalText([]byte(one.Hash)); err != nil {
				return nil, fmt.Errorf("client %q: %w", one.ID, err)
			}
			out = append(out, client)
			continue
		}
		secret := os.Getenv(one.SecretEnv)
		if one.SecretFile != "" {
			data, err := os.ReadFile(one.SecretFile)
			if err != nil {
				return nil, fmt.Errorf("client %q: read its secret: %w", one.ID, err)
			}
			secret = string(data)
		}
		secret = strings.TrimSpace(secret)
		if err := oauth.CheckSecret(secret); err != nil {
			return nil, fmt.Errorf("client %q: its secret in %s%s: %w", one.ID, one.SecretEnv, one.SecretFile, err)
		}
		client.Hash = auth.HashOf(secret)
		out = append(out, client)
	}
	return out, nil
}
