package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/auth"
	"trunkline/auth/jwt"
	"trunkline/auth/oauth"
	"trunkline/config"
	"trunkline/control"
	"trunkline/directory"
	"trunkline/docs"
	"trunkline/eventlog"
	"trunkline/feed/export"
	"trunkline/feed/export/download"
	"trunkline/feed/hub"
	"trunkline/feed/live"
	"trunkline/feed/measures"
	"trunkline/feed/push"
	"trunkline/feed/stream"
	"trunkline/floor"
	"trunkline/floor/follow"
	"trunkline/source/ingest"
)

// Server is a running server.
type Server struct {
	cfg     config.Config
	phase   phase
	metrics *metrics

	log        *eventlog.Log
	tenants    atomic.Pointer[directory.Directory] // the log asks for quotas before the directory is there
	floors     *floors
	tokens     *auth.Store
	gate       *auth.Gate
	routes     []auth.Route
	live       *live.Feed
	stream     *stream.Feed
	people     *directory.Registry
	push       *push.Feed
	stopWatch  context.CancelFunc // of the destinations' files
	receive    receiver
	state      *follow.Floor // what is true now, for whoever asks
	sources    sources
	measures   *measures.Feed
	export     *export.Feed
	download   *download.API
	hub        *hub.Feed
	oauth      *oauth.API    // nil with an outside issuer
	keys       *jwt.Keys     // our own signing keys, once somebody needs them
	secretKeys *control.Keys // of stored secrets

	edge    edge
	failed  chan error
	closing sync.Once
	closed  error
	closers []func(context.Context) error // in the order in which things were opened
}

// Run serves until ctx ends, and then stops in order. ready, if not nil, is told once when everything is open.
func Run(ctx context.Context, cfg config.Config, ready func(*Server)) error {
	s, err := Start(ctx, cfg)
	if err != nil {
		return err
	}
	if ready != nil {
		ready(s)
	}
	select {
	case err = <-s.failed:
	case <-ctx.Done():
		slog.Info("stopping")
	}
	return errors.Join(err, s.Close())
}

// Start opens everything and returns when the endpoints are mounted and the log was read. Ending ctx during the start
// gives it up; afterwards Close ends the server.
func Start(ctx context.Context, cfg config.Config) (*Server, error) {
	s := &Server{cfg: cfg, metrics: newMetrics(), floors: newFloors(cfg), failed: make(chan error, 1)}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	s.phase.set("starting")
	static, err := s.cfg.StaticTokens()
	if err != nil {
		return err
	}
	if err := s.attach(); err != nil {
		return err
	}
	if err := s.listen(ctx); err != nil {
		return err
	}

	conf := logConfig(s.cfg.Log)
	conf.TenantQuota = s.quota
	conf.Fold = s.floors.writer
	log, err := eventlog.Open(ctx, conf)
	if err != nil {
		return err
	}
	s.log = log
	s.onClose(log.Close)
	s.onClose(s.floors.close)
	s.metrics.logGauges(log.Health)

	// What follows the control state does so until the server stops; ctx ends it during the start alone.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	s.onClose(func(context.Context) error { end(); return nil })
	defer context.AfterFunc(ctx, end)()
	if err := s.openControl(life, static); err != nil {
		return err
	}

	if err := s.openSecrets(life); err != nil {
		return err
	}
	s.gate = &auth.Gate{Store: s.tokens, Known: s.Tenants().Known, Refused: s.metrics.refusal,
		Attempts: auth.Attempts{Burst: s.cfg.Listen.BadTokens}}
	if err := s.bindReceiver(ctx); err != nil {
		return err
	}
	if err := s.openFeeds(life); err != nil {
		return err
	}
	if err := s.openPeople(life); err != nil {
		return err
	}
	if err := s.openMeasures(life); err != nil {
		return err
	}
	if err := s.openHub(life); err != nil {
		return err
	}
	if err := s.openExports(ctx); err != nil {
		return err
	}
	if err := s.shareSources(ctx); err != nil {
		return err
	}
	s.routes = slices.Concat(s.parts()...)
	h, err := s.mount(s.routes)
	if err != nil {
		return err
	}
	s.edge.handler.Store(&h)
	s.phase.set("")
	s.sources.run(ctx)
	if err := s.serveReceiver(); err != nil {
		return err
	}
	slog.Info("serving", "url", s.URL(), "durability", log.Health().Durability, "tenants", len(s.Tenants().Tenants()), "sources", s.cfg.Sources.Attached())
	return nil
}

// openFeeds starts what has connections of its own. ctx ends with the server.
func (s *Server) openFeeds(ctx context.Context) error {
	consumers, err := s.log.KV(ctx, "consumers")
	if err != nil {
		return err
	}
	s.state = follow.New(s.log, floor.Options{Settings: s.floors.settings})
	s.onClose(func(context.Context) error { s.state.Close(); return nil })
	s.metrics.sourceGauges(func() []sourceView { list, _ := s.sourcesOfAll(s.tenantIDs()); return list })
	c := s.cfg.Live
	s.live = live.New(s.log, live.Options{State: s.state, Consumers: consumers, Origins: c.Origins, Heartbeat: c.Heartbeat.Std(),
		QueueBytes: int(c.QueueBytes), PageEvents: c.PageEvents})
	subscriptions, err := s.log.KV(ctx, "stream_subscriptions")
	if err != nil {
		return err
	}
	var seats *stream.Seats
	if s.cfg.Log.URL != "" { // the embedded log has one process
		kv, err := s.log.KV(ctx, "stream_seats")
		if err != nil {
			return err
		}
		if seats, err = stream.OpenSeats(ctx, kv, s.cfg.Log.Lease.Std(), slog.Default()); err != nil {
			return err
		}
	}
	t := s.cfg.Stream
	s.stream = stream.New(s.log, stream.Options{Subscriptions: subscriptions, Seats: seats, Heartbeat: t.Heartbeat.Std(), Validity: t.Validity.Std(),
		Cache: t.Cache.Std(), Connected: t.Connected, QueueBytes: int(t.QueueBytes), Origins: t.Origins})
	s.metrics.feedGauges("stream", func() (int, int) { st := s.stream.Stats(); return st.Connections, st.Behind })
	s.metrics.feedGauges("live", func() (int, int) { st := s.live.Stats(); return st.Connections, st.Behind })
	return s.openPush(ctx)
}

// openControl opens the directory and the tokens on the log's buckets.
func (s *Server) openControl(ctx context.Context, static []auth.StaticToken) error {
	tenants, tokens, err := openControl(ctx, s.log, s.cfg.DirectoryTenants(), static)
	if err != nil {
		return err
	}
	s.tenants.Store(tenants)
	s.floors.opened(tenants)
	s.tokens = tokens
	return nil
}

func openControl(ctx context.Context, log *eventlog.Log, tenants []directory.Tenant, static []auth.StaticToken) (*directory.Directory, *auth.Store, error) {
	kv, err := log.KV(ctx, directory.Bucket)
	if err != nil {
		return nil, nil, err
	}
	dir, err := directory.Open(ctx, kv, tenants)
	if err != nil {
		return nil, nil, err
	}
	if kv, err = log.KV(ctx, auth.Bucket); err != nil {
		return nil, nil, err
	}
	tokens, err := auth.OpenStore(ctx, kv, static)
	return dir, tokens, err
}

// quota is a tenant's own bound, 0 when it has none.
func (s *Server) quota(tenant string) uint64 {
	if dir := s.tenants.Load(); dir != nil {
		t, _ := dir.Tenant(tenant)
		return uint64(t.LogBytes)
	}
	return 0
}

// parts are the endpoints, one line a source, feed or interface.
func (s *Server) parts() [][]auth.Route {
	return [][]auth.Route{
		s.healthRoutes(),
		s.metricsRoutes(s.cfg.Observability),
		auth.NewAPI(s.tokens, s.Tenants().Known).Routes(),
		directory.NewAPI(s.Tenants(), s.clearTenant).Routes(),
		directory.NewEntityAPI(s.people).Routes(),
		schemaRoutes(),
		docs.Routes(),
		ingest.New(s, eventLimits(s.cfg.Limits)).Routes(),
		s.live.Routes(),
		s.push.Routes(),
		s.measuresRoutes(),
		s.hub.Routes(),
		s.stream.Routes(),
		s.export.Routes(),
		s.download.Routes(),
		s.sourceRoutes(),
	}
}

// Log is the event log.
func (s *Server) Log() *eventlog.Log { return s.log }

// Tokens are the tokens.
func (s *Server) Tokens() *auth.Store { return s.tokens }

// People is who and what there is in each tenant.
func (s *Server) People() *directory.Registry { return s.people }

// Tenants is the directory.
func (s *Server) Tenants() *directory.Directory { return s.tenants.Load() }

// Routes lists all endpoints.
func (s *Server) Routes() []auth.Route { return slices.Clone(s.routes) }

// onClose has fn called when the server stops, before what was opened earlier is closed.
func (s *Server) onClose(fn func(context.Context) error) { s.closers = append(s.closers, fn) }

// closeReserve is what the log may take to close after the requests have had their time.
const closeReserve = time.Second

// Close stops the server: readiness goes first, then requests in flight get listen.shutdown_timeout to finish, then
// everything is closed in the reverse order of its opening. It may be called more than once.
func (s *Server) Close() error {
	s.closing.Do(func() {
		began := time.Now()
		s.phase.set("stopping")
		limit := s.cfg.Listen.ShutdownTimeout.Std()
		ctx, cancel := context.WithTimeout(context.Background(), limit+closeReserve)
		defer cancel()
		// Feeds say goodbye while the requests finish: they have connections that HTTP knows nothing of any more. So
		// do sources, whose last facts the log has yet to take.
		goodbye := make(chan error, 2)
		go func() { goodbye <- s.closeFeeds(ctx, limit) }()
		go func() { goodbye <- s.sources.stop(limit) }()
		go func() { goodbye <- s.closePush(ctx) }()
		go func() { goodbye <- s.receive.stop(ctx, limit) }()
		errs := []error{s.edge.stop(ctx, limit), <-goodbye, <-goodbye, <-goodbye, <-goodbye}
		for _, fn := range slices.Backward(s.closers) {
			errs = append(errs, fn(ctx))
		}
		s.closed = errors.Join(errs...)
		slog.Info("stopped", "took", time.Since(began).Round(time.Millisecond))
	})
	return s.closed
}

func (s *Server) closeFeeds(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var closing sync.WaitGroup
	errs := make([]error, 4)
	if s.live != nil {
		closing.Go(func() { errs[0] = s.live.Close(ctx) })
	}
	if s.measures != nil {
		closing.Go(func() { errs[1] = s.measures.Close(ctx) })
	}
	if s.stream != nil {
		closing.Go(func() { errs[2] = s.stream.Close(ctx) })
	}
	if s.hub != nil {
		closing.Go(func() { errs[3] = s.hub.Close(ctx) })
	}
	closing.Wait()
	return errors.Join(errs...)
}
