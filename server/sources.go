package server

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"trunkline/config"
	"trunkline/control/lease"
	"trunkline/source"
)

// sources are the systems that the configuration attaches.
type sources struct {
	reloading sync.Mutex // one reload at a time

	mu   sync.Mutex // guards what is below
	list []*attached
	gone []*attached     // those that a reload lets end
	life context.Context // of those that run, nil before they do
	end  context.CancelFunc
	take func(*attached) *lease.Lease // of what nodes share; nil: there is one node
}

// attached is one of them.
type attached struct {
	name   string // in the configuration
	source string // the source attribute of its events
	tenant string
	kind   string
	conf   any // its entry of the configuration
	make   func(log source.Appender) follower
	log    source.Appender
	lease  *lease.Lease // of nodes that could all attach it, set before it runs; nil: this one does

	end  context.CancelFunc // guarded by sources.mu; nil until it runs
	done chan struct{}      // closed when it has ended

	mu     sync.Mutex // guards what is below
	now    follower
	away   bool   // another node is attached
	failed string // why the present follower has ended, empty while it runs
	since  time.Time
}

// follower is what reads a system: a client or the reader of a file.
type follower interface {
	Check() error
	Run(ctx context.Context) error
	Health() source.Health
}

// attach makes the sources of the configuration.
func (s *Server) attach() error {
	list, err := s.attachable(s.cfg.Sources)
	s.sources.list = list
	return err
}

// Reload takes over the attached sources of a configuration while the server runs: those that are new begin, those that are
// gone end, those that are described in another way end and begin anew, and all others are left alone. When anything
// is wrong nothing is changed. All other settings take effect with a restart.
func (s *Server) Reload(c config.Config) error {
	s.sources.reloading.Lock()
	defer s.sources.reloading.Unlock()
	list, err := s.attachable(c.Sources)
	if err != nil {
		return err
	}
	for _, a := range list {
		if !s.Tenants().Known(a.tenant) {
			return fmt.Errorf("sources.%s: %s: the server has no tenant %q; those of the configuration are made when it starts", a.kind, a.name, a.tenant)
		}
	}
	begun, ended := s.sources.replace(list)
	slog.Info("the sources of the configuration were taken over", "sources", len(list), "begun", begun, "ended", ended)
	now := s.cfg
	for _, one := range []*config.Config{&now, &c} {
		one.Sources.Asterisk, one.Sources.FreeSWITCH, one.Sources.QueueLog = nil, nil, nil
	}
	if !reflect.DeepEqual(now, c) {
		slog.Warn("the configuration has changes besides the attached sources, which take effect with a restart")
	}
	return nil
}

// run starts them all.
func (s *sources) run(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	for _, a := range s.list {
		s.begin(a)
	}
}

// begin starts one, unless all have been stopped; mu is held.
func (s *sources) begin(a *attached) {
	if s.life == nil || s.life.Err() != nil {
		return
	}
	if s.take != nil {
		a.share(s.take(a))
	}
	ctx, end := context.WithCancel(s.life)
	a.end, a.done = end, make(chan struct{})
	go func() {
		defer close(a.done)
		a.work(ctx)
	}()
}

// all are those of now.
func (s *sources) all() []*attached {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// replace goes over to another list, of which those stay that are described as they were. A system has one follower at a
// time: the next one begins when the log has what the one before had to say.
func (s *sources) replace(list []*attached) (begun, ended []string) {
	s.mu.Lock()
	old := s.list
	s.list = list
	s.gone = nil
	for _, a := range old {
		at := slices.IndexFunc(list, func(b *attached) bool { return b.kind == a.kind && reflect.DeepEqual(a.conf, b.conf) })
		if at >= 0 {
			list[at] = a
			continue
		}
		s.gone, ended = append(s.gone, a), append(ended, a.source)
		if a.end != nil {
			a.end()
		}
	}
	gone := s.gone
	s.mu.Unlock()
	for _, a := range gone {
		if a.done != nil {
			<-a.done // soon: its grace is bounded
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range list {
		if a.end == nil {
			s.begin(a)
			begun = append(begun, a.source)
		}
	}
	return begun, ended
}

// stop ends them and waits until the log has what they said, for at most limit.
func (s *sources) stop(limit time.Duration) error {
	s.mu.Lock()
	var running []chan struct{}
	if s.end != nil {
		s.end()
	}
	for _, a := range slices.Concat(s.list, s.gone) {
		if a.done != nil {
			running = append(running, a.done)
		}
	}
	s.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for _, done := range running {
		select {
		case <-done:
		case <-timer.C:
			return fmt.Errorf("the sources did not stop within %v", limit)
		}
	}
	return nil
}

// follow lets a source run until ctx ends. One that fails begins anew: a disk that was
// full may have room again.
func (a *attached) follow(ctx context.Context) {
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
	a.now, a.failed = a.make(a), ""
}

// health tells how the source is.
func (a *attached) health() source.Health {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := a.now.Health()
	switch {
	case a.away:
		return source.Health{Name: h.Name, Address: h.Address, State: source.StateElsewhere, Reason: "another node is attached", Since: a.since}
	case a.failed != "":
		h.State, h.Reason, h.Since = source.StateDown, a.failed, a.since
	}
	return h
}
