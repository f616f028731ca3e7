package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"trunkline/config"
	"trunkline/source"
	"trunkline/source/asterisk"
	"trunkline/source/freeswitch"
	"trunkline/source/line"
)

// attachable makes what follows the systems of a configuration, and says what is wrong with one.
// A system that cannot be reached is nothing wrong.
func (s *Server) attachable(c config.Sources) ([]*attached, error) {
	var list []*attached
	add := func(section, name, of, tenant string, conf any, follow func(source.Appender) follower) error {
		a := &attached{name: name, source: of, tenant: tenant, kind: section, conf: conf, make: follow, log: s}
		a.now = follow(a)
		list = append(list, a)
		if err := a.now.Check(); err != nil {
			return fmt.Errorf("sources.%s: %s: %w", section, name, err)
		}
		return nil
	}
	for i := range c.Asterisk {
		a := &c.Asterisk[i]
		secure, err := sourceTLS(a.TLS)
		if err != nil {
			return nil, fmt.Errorf("sources.asterisk: %s: %w", a.Name, err)
		}
		o := asterisk.ClientOptions{Settings: s.line(a.Name, a.Tenant, a.Address, a.Secret, a.Link, secure), User: a.User,
			AgentID: recognition(a.Recognition, asterisk.AgentID), Inside: source.Matcher(a.Inside), NoFilter: !a.Filter}
		if err := add("asterisk", a.Name, "asterisk/"+a.Name, a.Tenant, *a, func(log source.Appender) follower { o := o; o.Log = log; return asterisk.NewClient(o) }); err != nil {
			return nil, err
		}
	}
	for i := range c.FreeSWITCH {
		f := &c.FreeSWITCH[i]
		secure, err := sourceTLS(f.TLS)
		if err != nil {
			return nil, fmt.Errorf("sources.freeswitch: %s: %w", f.Name, err)
		}
		o := freeswitch.ClientOptions{Settings: s.line(f.Name, f.Tenant, f.Address, f.Secret, f.Link, secure),
			AgentID: recognition(f.Recognition, nil), Inside: source.Matcher(f.Inside), Poll: f.Poll.Std()}
		if err := add("freeswitch", f.Name, "freeswitch/"+f.Name, f.Tenant, *f, func(log source.Appender) follower { o := o; o.Log = log; return freeswitch.NewClient(o) }); err != nil {
			return nil, err
		}
	}
	for i := range c.QueueLog {
		q := &c.QueueLog[i]
		state := q.State
		if state == "" {
			dir := filepath.Join(s.cfg.Log.Dir, "sources")
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return nil, fmt.Errorf("sources.queue_log: %s: the directory of its state: %w", q.Name, err)
			}
			state = filepath.Join(dir, q.Name+".json")
		}
		o := asterisk.QueueLogOptions{
			Name: q.Name, Tenant: q.Tenant, File: q.File, StateFile: state, FromStart: q.Start == "begin", Agents: q.Interfaces(),
			AgentID: recognition(q.Recognition, asterisk.AgentID), Linger: q.Linger.Std(), Poll: q.Poll.Std(), Promise: q.Silence.Std(),
			Grace: s.grace(), Logger: slog.Default(),
		}
		if err := add("queue_log", q.Name, "asterisk/"+q.Name, q.Tenant, *q, func(log source.Appender) follower { o := o; o.Log = log; return asterisk.NewQueueLog(o) }); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// line is what sources with a connection have in common.
func (s *Server) line(name, tenant, address string, secret config.Secret, l config.Link, secure *tls.Config) line.Settings {
	return line.Settings{
		Name: name, Tenant: tenant, Address: address, Secret: secret.Secret, SecretEnv: secret.SecretEnv, SecretFile: secret.SecretFile,
		TLS: secure, PingEvery: l.Ping.Std(), Silence: l.DeadAfter.Std(), Promise: l.Silence.Std(), LoginTimeout: l.LoginTimeout.Std(),
		RetryMin: l.RetryMin.Std(), RetryMax: l.RetryMax.Std(), MaxWaiting: l.Spool, Grace: s.grace(), Logger: slog.Default(),
	}
}

// grace is how long a source's last facts may take to the log at a stop; the rest is for the way there.
func (s *Server) grace() time.Duration { return s.cfg.Listen.ShutdownTimeout.Std() * 3 / 4 }

func recognition(r config.Recognition, usual func(string) string) func(string) string {
	ids, pattern := r.AgentIDs()
	return source.Recognition{IDs: ids, Pattern: pattern, Usual: usual}.AgentID
}

// sourceTLS makes our side of a connection, nil for one without TLS.
func sourceTLS(c config.SourceTLS) (*tls.Config, error) {
	if !c.Enabled {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("tls.ca: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.ca: there is no certificate in %s", c.CA)
		}
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("tls.cert: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}
