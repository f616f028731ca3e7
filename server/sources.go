package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"trunkline/config"
	"trunkline/source"
	"trunkline/source/asterisk"
	"trunkline/source/freeswitch"
	"trunkline/source/line"
)

// sources are the systems that the configuration attaches.
type sources struct {
	list []*attached
	end  context.CancelFunc
	done sync.WaitGroup
}

// attached is one of them.
type attached struct {
	name   string // in the configuration
	source string // the source attribute of its events
	tenant string
	kind   string
	make   func() follower

	mu     sync.Mutex // guards what is below
	now    follower
	failed string // why the present follower has ended, empty while it runs
	since  time.Time
}

// follower is what reads a system: a client or the reader of a file.
type follower interface {
	Check() error
	Run(ctx context.Context) error
	Health() source.Health
}

// attach makes the sources of the configuration, and says what is wrong with one.
// A system that cannot be reached is nothing wrong.
func (s *Server) attach() error {
	c := s.cfg.Sources
	for i := range c.Asterisk {
		a := &c.Asterisk[i]
		secure, err := sourceTLS(a.TLS)
		if err != nil {
			return fmt.Errorf("sources.asterisk: %s: %w", a.Name, err)
		}
		o := asterisk.ClientOptions{Settings: s.line(a.Name, a.Tenant, a.Address, a.Secret, a.Link, secure), User: a.User,
			AgentID: recognition(a.Recognition, asterisk.AgentID), Inside: source.Matcher(a.Inside), NoFilter: !a.Filter}
		if err := s.sources.add(a.Name, "asterisk/"+a.Name, a.Tenant, "asterisk", func() follower { return asterisk.NewClient(o) }); err != nil {
			return fmt.Errorf("sources.asterisk: %s: %w", a.Name, err)
		}
	}
	for i := range c.FreeSWITCH {
		f := &c.FreeSWITCH[i]
		secure, err := sourceTLS(f.TLS)
		if err != nil {
			return fmt.Errorf("sources.freeswitch: %s: %w", f.Name, err)
		}
		o := freeswitch.ClientOptions{Settings: s.line(f.Name, f.Tenant, f.Address, f.Secret, f.Link, secure),
			AgentID: recognition(f.Recognition, nil), Inside: source.Matcher(f.Inside), Poll: f.Poll.Std()}
		if err := s.sources.add(f.Name, "freeswitch/"+f.Name, f.Tenant, "freeswitch", func() follower { return freeswitch.NewClient(o) }); err != nil {
			return fmt.Errorf("sources.freeswitch: %s: %w", f.Name, err)
		}
	}
	for i := range c.QueueLog {
		q := &c.QueueLog[i]
		state := q.State
		if state == "" {
			dir := filepath.Join(s.cfg.Log.Dir, "sources")
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return fmt.Errorf("sources.queue_log: %s: the directory of its state: %w", q.Name, err)
			}
			state = filepath.Join(dir, q.Name+".json")
		}
		o := asterisk.QueueLogOptions{
			Name: q.Name, Tenant: q.Tenant, File: q.File, StateFile: state, FromStart: q.Start == "begin", Agents: q.Interfaces(),
			AgentID: recognition(q.Recognition, asterisk.AgentID), Linger: q.Linger.Std(), Log: s, Poll: q.Poll.Std(), Promise: q.Silence.Std(),
			Grace: s.grace(), Logger: slog.Default(),
		}
		if err := s.sources.add(q.Name, "asterisk/"+q.Name, q.Tenant, "queue_log", func() follower { return asterisk.NewQueueLog(o) }); err != nil {
			return fmt.Errorf("sources.queue_log: %s: %w", q.Name, err)
		}
	}
	return nil
}

// line is what sources with a connection have in common.
func (s *Server) line(name, tenant, address string, secret config.Secret, l config.Link, secure *tls.Config) line.Settings {
	return line.Settings{
		Name: name, Tenant: tenant, Address: address, Secret: secret.Secret, SecretEnv: secret.SecretEnv, SecretFile: secret.SecretFile,
		TLS: secure, Log: s, PingEvery: l.Ping.Std(), Silence: l.DeadAfter.Std(), Promise: l.Silence.Std(), LoginTimeout: l.LoginTimeout.Std(),
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

func (s *sources) add(name, of, tenant, kind string, follow func() follower) error {
	a := &attached{name: name, source: of, tenant: tenant, kind: kind, make: follow, now: follow()}
	s.list = append(s.list, a)
	return a.now.Check()
}

// run starts them all.
func (s *sources) run(ctx context.Context) {
	ctx, s.end = context.WithCancel(context.WithoutCancel(ctx))
	for _, a := range s.list {
		s.done.Go(func() { a.work(ctx) })
	}
}

// stop ends them and waits until the log has what they said, for at most limit.
func (s *sources) stop(limit time.Duration) error {
	if s.end == nil {
		return nil
	}
	s.end()
	done := make(chan struct{})
	go func() { s.done.Wait(); close(done) }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return fmt.Errorf("the sources did not stop within %v", limit)
	}
}

// work lets a source run until ctx ends. One that fails begins anew: a disk that was
// full may have room again.
func (a *attached) work(ctx context.Context) {
	for failures := 0; ; failures++ {
		began := time.Now()
		err := a.follower().Run(ctx)
		if ctx.Err() != nil {
			if err != nil {
				slog.Warn("a source ended with facts that the log does not have", "source", a.source, "error", err)
			}
			return
		}
		if time.Since(began) > time.Minute {
			failures = 0
		}
		slog.Error("a source failed and begins anew", "source", a.source, "error", err)
		a.ended(err)
		source.Pause(ctx, time.Second, time.Minute, failures, false)
		if ctx.Err() != nil {
			return
		}
		a.renew()
	}
}

func (a *attached) follower() follower {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}

func (a *attached) ended(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed, a.since = fmt.Sprint(err), time.Now()
}

func (a *attached) renew() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now, a.failed = a.make(), ""
}

// health tells how the source is.
func (a *attached) health() source.Health {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := a.now.Health()
	if a.failed != "" {
		h.State, h.Reason, h.Since = source.StateDown, a.failed, a.since
	}
	return h
}
