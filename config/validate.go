package config

import (
	"fmt"
	"net"
	"os"
	"reflect"
	"strings"

	"trunkline/auth"
	"trunkline/directory"
	"trunkline/origin"
)

// validate checks each value against its tags; then, when nothing is wrong so far, what only makes sense together.
func (l *loader) validate(root reflect.Value) {
	l.bounds(root, "")
	if len(l.issues) > 0 {
		return
	}
	c := &l.loaded.Config
	l.listen(&c.Listen)
	l.log(c)
	l.floor(&c.Floor)
	l.people(c)
	l.sources(c)
	l.push(c)
	l.exports(c)
	l.secrets(c)
}

func (l *loader) bounds(v reflect.Value, path string) {
	walk(v, path, func(f field) {
		switch {
		case f.section():
		case f.list():
			for i := range f.value.Len() {
				l.bounds(f.value.Index(i), fmt.Sprintf("%s[%d]", f.path, i))
			}
		case !f.check():
			l.refuse(f.path, "%q is not accepted: %s", f.shown(), f.accepted())
		}
	})
}

// refuse complains about a value, naming where it came from: that of the list entry it stands in when it was
// not given itself.
func (l *loader) refuse(path, format string, args ...any) {
	where := l.loaded.origins[path]
	for p := path; where == "" && strings.Contains(p, "."); {
		p = p[:strings.LastIndexByte(p, '.')]
		where = l.loaded.origins[p]
	}
	if where == "" {
		where = l.file
	}
	l.complain(where, path, format, args...)
}

func (l *loader) listen(c *Listen) {
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		l.refuse("listen.addr", "%q is not accepted: host:port, as in 127.0.0.1:8090 or :8443", c.Addr)
	}
	if _, err := origin.Parse(c.TrustedProxies); err != nil {
		l.refuse("listen.trusted_proxies", "%v", err)
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		l.refuse("listen.tls.cert", "cert and key are given together or not at all")
	}
	if c.TLS.ClientCA != "" && c.TLS.Cert == "" {
		l.refuse("listen.tls.client_ca", "client certificates need TLS: give cert and key")
	}
}

func (l *loader) log(c *Config) {
	log := &c.Log
	if log.URL == "" {
		if log.Dir == "" {
			l.refuse("log.dir", "the embedded log needs a directory")
		}
		for _, f := range [][2]string{{"creds", log.Creds}, {"system_url", log.SystemURL}, {"system_creds", log.SystemCreds}} {
			if f[1] != "" {
				l.refuse("log."+f[0], "this is of use with a cluster alone: give log.url too")
			}
		}
	}
	if log.Replicas%2 == 0 {
		l.refuse("log.replicas", "%d is not accepted: 1, 3 or 5", log.Replicas)
	}
	if c.Limits.EventBytes > c.Limits.BatchBytes {
		l.refuse("limits.event_bytes", "one event of %s does not fit into limits.batch_bytes %s", c.Limits.EventBytes, c.Limits.BatchBytes)
	}
	if c.Limits.BatchBytes > log.Commit.Pending {
		l.refuse("limits.batch_bytes", "one request of %s does not fit into log.commit.pending %s", c.Limits.BatchBytes, log.Commit.Pending)
	}
}

// people checks tenants and tokens.
func (l *loader) people(c *Config) {
	ids := []string{auth.Operator}
	seen, accounts := map[string]bool{}, map[string]bool{}
	for i, t := range c.Tenants {
		path := fmt.Sprintf("tenants[%d]", i)
		if err := t.tenant().Check(); err != nil {
			l.refuse(path, "%v", err)
			continue
		}
		if account := t.tenant().AccountName(); accounts[account] && !seen[t.ID] {
			l.refuse(path+".account", "the account %q is used twice", account)
		} else {
			accounts[account] = true
		}
		if seen[t.ID] {
			l.refuse(path, "the id %q is used twice", t.ID)
		}
		seen[t.ID] = true
		ids = append(ids, t.ID)
		if t.Directory != "" {
			if _, err := directory.ReadDeclaration(t.ID, t.Directory); err != nil {
				l.refuse(path+".directory", "%v", err)
			}
		}
	}
	seen = map[string]bool{}
	for i, t := range c.Tokens {
		path := fmt.Sprintf("tokens[%d]", i)
		if err := t.check(); err != nil {
			l.refuse(path, "%v", err)
			continue
		}
		if seen[t.ID] {
			l.refuse(path, "the id %q is used twice", t.ID)
		}
		seen[t.ID] = true
		l.tenantOf(t.Tenant, path, ids)
	}
	l.clients(c, ids[1:])
	l.hub(c, ids[1:])
}

// Declarations reads the directory files of the tenants.
func (c *Config) Declarations() ([]*directory.Declaration, error) {
	var out []*directory.Declaration
	for _, t := range c.Tenants {
		if t.Directory == "" {
			continue
		}
		d, err := directory.ReadDeclaration(t.ID, t.Directory)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

func (t Tenant) tenant() directory.Tenant {
	return directory.Tenant{ID: t.ID, Name: t.Name, TimeZone: t.TimeZone, Account: t.Account, GUID: t.GUID, LogBytes: int64(t.LogBytes)}
}

func (t Token) token() auth.StaticToken {
	out := auth.StaticToken{ID: t.ID, Tenant: t.Tenant, Name: t.Name}
	for _, s := range t.Scopes {
		out.Scopes = append(out.Scopes, auth.Scope(s))
	}
	return out
}

func (t Token) check() error {
	if err := auth.CheckID(t.ID); err != nil {
		return err
	}
	s := t.token()
	if err := (&auth.Token{Tenant: s.Tenant, Scopes: s.Scopes, Name: s.Name}).Check(); err != nil {
		return err
	}
	if _, err := auth.ParseExpires(t.Expires); err != nil {
		return fmt.Errorf("expires: %w", err)
	}
	given := 0
	for _, v := range []string{t.Hash, t.SecretEnv, t.SecretFile} {
		if v != "" {
			given++
		}
	}
	if given != 1 {
		return fmt.Errorf("token %q needs exactly one of hash, secret_env and secret_file", t.ID)
	}
	if t.Hash != "" {
		return new(auth.Hash).UnmarshalText([]byte(t.Hash))
	}
	return nil
}

// DirectoryTenants gives the tenants of the configuration.
func (c *Config) DirectoryTenants() []directory.Tenant {
	out := make([]directory.Tenant, len(c.Tenants))
	for i, t := range c.Tenants {
		out[i] = t.tenant()
	}
	return out
}

// StaticTokens gives the tokens of the configuration, with their secrets read from the environment and from files.
func (c *Config) StaticTokens() ([]auth.StaticToken, error) {
	out := make([]auth.StaticToken, 0, len(c.Tokens))
	for _, t := range c.Tokens {
		s := t.token()
		var err error
		if s.Expires, err = auth.ParseExpires(t.Expires); err != nil {
			return nil, fmt.Errorf("token %q: expires: %w", t.ID, err)
		}
		switch {
		case t.Hash != "":
			if err := s.Hash.UnmarshalText([]byte(t.Hash)); err != nil {
				return nil, fmt.Errorf("token %q: %w", t.ID, err)
			}
		case t.SecretEnv != "":
			s.Secret = strings.TrimSpace(os.Getenv(t.SecretEnv))
			if s.Secret == "" {
				return nil, fmt.Errorf("token %q: the environment variable %s is empty", t.ID, t.SecretEnv)
			}
		default:
			data, err := os.ReadFile(t.SecretFile)
			if err != nil {
				return nil, fmt.Errorf("token %q: read its secret: %w", t.ID, err)
			}
			s.Secret = strings.TrimSpace(string(data))
			if s.Secret == "" {
				return nil, fmt.Errorf("token %q: the file %s is empty", t.ID, t.SecretFile)
			}
		}
		out = append(out, s)
	}
	return out, nil
}
