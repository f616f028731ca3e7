package stream

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"trunkline/auth"
	"trunkline/control"
	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/feed/relay"
	"trunkline/ws"
)

// Log is what the feed needs of the event log.
type Log interface {
	relay.Log
	Head(tenant string) eventlog.Cursor
	Oldest(tenant string) eventlog.Cursor
	ReadBack(ctx context.Context, tenant string, before uint64, fn func(*eventlog.Batch) (bool, error)) error
}

var _ Log = (*eventlog.Log)(nil)

// Options are the terms of the feed. Zero values mean the defaults.
type Options struct {
	// Pool writes to the connections. nil: the feed has its own.
	Pool *fanout.Pool
	// Subscriptions keeps what was acknowledged. nil: it is lost with the process.
	Subscriptions control.KV
	// Seats are shared by the nodes of a cluster. nil: there is this process alone.
	Seats *Seats
	// Heartbeat is the pause between ClientChecks. 0 means 30 s.
	Heartbeat time.Duration
	// Validity is how long a connection lasts. 0 means 60 minutes.
	Validity time.Duration
	// Cache is how long a subscription that is not connected is kept. 0 means 2 hours.
	Cache time.Duration
	// Connected is how many subscriptions of a tenant may be connected. 0 means 3.
	Connected int
	// AckInterval is the pause between pings that acknowledge, and between writes of what
	// was acknowledged. 0 means 1 s.
	AckInterval time.Duration
	// QueueBytes is what may wait for one connection. 0 means 1 MiB.
	QueueBytes int
	// Origins are those of web pages of other hosts that may open a WebSocket.
	Origins []string
	Logger  *slog.Logger
}

// Feed is the stream feed with all its connections.
type Feed struct {
	log     Log
	o       Options
	pool    *fanout.Pool
	ownPool bool
	relay   *relay.Relay
	places  *relay.Places
	seats   *Seats
	proj    *Projection
	socket  fanout.Terms // of WebSockets
	plain   fanout.Terms // of HTTP streaming
	tickets tickets
	ctx     context.Context // ends with Close
	end     context.CancelFunc
	wg      sync.WaitGroup

	mu       sync.Mutex // guards what is below
	sessions map[*session]struct{}
	closed   bool
}

// New starts a feed on a log. Close ends it.
func New(log Log, o Options) *Feed {
	o.Heartbeat = cmp.Or(o.Heartbeat, 30*time.Second)
	o.Validity = cmp.Or(o.Validity, time.Hour)
	o.Cache = cmp.Or(o.Cache, 2*time.Hour)
	o.Connected = cmp.Or(o.Connected, 3)
	o.AckInterval = cmp.Or(o.AckInterval, time.Second)
	o.QueueBytes = cmp.Or(o.QueueBytes, 1<<20)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Subscriptions == nil {
		o.Subscriptions = control.NewMemory()
	}
	f := &Feed{log: log, o: o, pool: o.Pool, proj: NewProjection(), sessions: map[*session]struct{}{}}
	if f.pool == nil {
		f.pool, f.ownPool = fanout.New(fanout.PoolOptions{}), true
	}
	f.ctx, f.end = context.WithCancel(context.Background())
	f.socket = fanout.Terms{
		QueueBytes: o.QueueBytes, Ping: ws.PingFrame, PingInterval: 15 * time.Second, PongTimeout: 2 * time.Minute, AckInterval: o.AckInterval,
		NoPongFrame: ws.CloseFrame(ws.CodeNoPong, "no pong"),
	}
	f.plain = fanout.Terms{QueueBytes: o.QueueBytes}
	f.relay = relay.New(log, relay.Options{Pool: f.pool, Encode: f.encode, Logger: o.Logger})
	f.places = relay.NewPlaces(relay.PlacesOptions{KV: o.Subscriptions, Every: o.AckInterval, Keep: o.Cache, Check: func(tenant string, c eventlog.Cursor) error { return relay.Check(log, tenant, c) }, Logger: o.Logger})
	if f.seats = o.Seats; f.seats == nil {
		f.seats = newSeats()
	}
	f.seats.most, f.seats.closed = o.Connected, f.evict
	f.tickets.init()
	f.wg.Go(func() { f.places.Run(f.ctx) })
	f.wg.Go(func() { f.seats.run(f.ctx) })
	return f
}

// The feed's paths.
const (
	pathSubscribe = "/api/streaming/v1/clientconnect/subscribe/{updates}"
	pathOld       = "/api/sapi/atmosphere/subscribe/{updates}"
	pathPage      = "/api/streaming/v1/TenantUpdates.jsp"
	pathOldPage   = "/api/sapi/TenantUpdates.jsp"
	pathScript    = "/api/streaming/v1/TenantUpdates.js"
	pathTicket    = "/api/streaming/v1/TenantUpdates/tickets"
	pathByTicket  = "/api/streaming/v1/TenantUpdates/events"
)

// Routes lists the endpoints.
func (f *Feed) Routes() []auth.Route {
	return []auth.Route{
		{Pattern: "GET " + pathSubscribe, Scope: auth.Stream, Handler: http.HandlerFunc(f.subscribe)},
		{Pattern: "GET " + pathOld, Scope: auth.Stream, Handler: http.HandlerFunc(f.subscribe)},
		{Pattern: "GET " + pathPage, Handler: http.HandlerFunc(f.page)},
		{Pattern: "GET " + pathOldPage, Handler: http.RedirectHandler(pathPage, http.StatusMovedPermanently)},
		{Pattern: "GET " + pathScript, Handler: http.HandlerFunc(f.script)},
		{Pattern: "POST " + pathTicket, Scope: auth.Stream, Handler: http.HandlerFunc(f.issueTicket)},
		{Pattern: "GET " + pathByTicket, Handler: http.HandlerFunc(f.subscribeByTicket)},
	}
}

// Stats counts what is connected.
type Stats struct {
	Connections int // open
	Behind      int // of them: reading the log instead of being live
}

// Stats counts the connections.
func (f *Feed) Stats() Stats {
	s := f.relay.Stats()
	return Stats{Connections: s.Subs, Behind: s.Behind}
}

// Close says goodbye to everybody, stores what was acknowledged and ends the feed.
func (f *Feed) Close(ctx context.Context) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	sessions := slices.Collect(maps.Keys(f.sessions))
	f.mu.Unlock()
	var all []fanout.Leaver
	for _, s := range sessions {
		s.goodbye(relay.Farewell{Code: ws.CodeShutdown, Reason: relay.ErrClosed.Error()}, false)
		all = append(all, fanout.Leaver{Conn: s.Conn, Gone: s.gone})
	}
	fanout.Part(ctx, relay.ErrClosed, all)
	f.relay.Close()
	f.end()
	f.wg.Wait()
	err := errors.Join(f.places.Flush(ctx), f.seats.close(ctx))
	if f.ownPool {
		f.pool.Close()
	}
	return err
}

func (f *Feed) over() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// evict ends the connections of a subscription that this node has no more.
func (f *Feed) evict(tenant, subscription string, upTo uint64, why ended) {
	f.mu.Lock()
	var gone []*session
	for s := range f.sessions {
		if s.Tenant == tenant && s.req.subscription == subscription && s.claim <= upTo {
			gone = append(gone, s)
		}
	}
	f.mu.Unlock()
	for _, s := range gone {
		s.evicted(why)
	}
}
