package live

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"trunkline/auth"
	"trunkline/control"
	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/feed/relay"
	"trunkline/floor/explain"
	"trunkline/ws"
)

// Log is what the feed needs of the event log.
type Log interface {
	Head(tenant string) eventlog.Cursor
	Oldest(tenant string) eventlog.Cursor
	SeekTime(tenant string, at time.Time) eventlog.Cursor
	Read(ctx context.Context, tenant string, after eventlog.Cursor, fn func(*eventlog.Batch) (bool, error)) error
	ReadBack(ctx context.Context, tenant string, before uint64, fn func(*eventlog.Batch) (bool, error)) error
	Follow(tenant string, fn func(*eventlog.Batch)) (at eventlog.Cursor, stop func())
}

var _ Log = (*eventlog.Log)(nil)

// Options are the terms of the feed. Zero values mean the defaults.
type Options struct {
	// Pool writes to the connections. nil: the feed has its own.
	Pool *fanout.Pool
	// State is the live state. nil: it is not served.
	State State
	// Consumers keeps the stored cursors. nil: they are lost with the process.
	Consumers control.KV
	// Origins are those of web pages of other hosts that may open a WebSocket.
	Origins []string
	// Heartbeat is the pause between signs of life on a quiet connection: pings on a
	// WebSocket, comments on SSE. 0 means 15 s.
	Heartbeat time.Duration
	// AckInterval is the pause between pings that acknowledge, where a consumer's
	// cursor is stored by pong, and between writes of stored cursors. 0 means 1 s.
	AckInterval time.Duration
	// QueueBytes is what may wait for one connection. 0 means 1 MiB.
	QueueBytes int
	// PageEvents is how many events a page of history has when the request names no
	// limit. 0 means 1,000.
	PageEvents int
	// Readers is how many goroutines read the log for those who are behind. 0 means
	// two for each processor.
	Readers int
	Logger  *slog.Logger
}

// Feed is the live feed with all its connections.
type Feed struct {
	log       Log
	o         Options
	pool      *fanout.Pool
	ownPool   bool
	terms     map[way]*fanout.Terms
	relay     *relay.Relay
	places    *relay.Places
	explainer *explain.Explainer // nil without a state
	ctx       context.Context    // ends with Close
	end       context.CancelFunc
	wg        sync.WaitGroup

	// mu guards what is below.
	mu      sync.Mutex
	subs    map[*sub]struct{}
	boards  map[string]*board
	viewers map[*viewer]struct{}
	closed  bool
}

// way is how a connection is written and acknowledged.
type way uint8

const (
	wayWebSocket way = iota
	wayAck           // a WebSocket whose pongs are stored
	waySSE
	wayChunked
)

// New starts a feed on a log. Close ends it.
func New(log Log, o Options) *Feed {
	o.Heartbeat = cmp.Or(o.Heartbeat, 15*time.Second)
	o.AckInterval = cmp.Or(o.AckInterval, time.Second)
	o.QueueBytes = cmp.Or(o.QueueBytes, 1<<20)
	o.PageEvents = cmp.Or(o.PageEvents, 1000)
	o.Readers = cmp.Or(o.Readers, 2*runtime.GOMAXPROCS(0))
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Consumers == nil {
		o.Consumers = control.NewMemory()
	}
	f := &Feed{log: log, o: o, pool: o.Pool, subs: map[*sub]struct{}{},
		boards: map[string]*board{}, viewers: map[*viewer]struct{}{}}
	if f.pool == nil {
		f.pool, f.ownPool = fanout.New(fanout.PoolOptions{}), true
	}
	if o.State != nil {
		f.explainer = explain.New(log, o.State.Fold)
	}
	f.ctx, f.end = context.WithCancel(context.Background())
	socket := fanout.Terms{
		QueueBytes: o.QueueBytes, Ping: ws.PingFrame, PingInterval: o.Heartbeat, PongTimeout: max(4*o.Heartbeat, time.Minute),
		NoPongFrame: ws.CloseFrame(ws.CodeNoPong, "no pong"),
	}
	acked := socket
	acked.AckInterval = o.AckInterval
	// Heartbeats of server-sent events are comments, which clients ignore.
	comment := fanout.Frame(":\n\n")
	chunk := fanout.ChunkFrame(comment)
	f.terms = map[way]*fanout.Terms{
		wayWebSocket: &socket,
		wayAck:       &acked,
		waySSE:       {QueueBytes: o.QueueBytes, NoPong: true, PingInterval: o.Heartbeat, Ping: func([]byte) fanout.Frame { return comment }},
		wayChunked:   {QueueBytes: o.QueueBytes, NoPong: true, PingInterval: o.Heartbeat, Ping: func([]byte) fanout.Frame { return chunk }},
	}
	f.relay = relay.New(log, relay.Options{Pool: f.pool, Encode: encode, Readers: o.Readers, Logger: o.Logger})
	f.places = relay.NewPlaces(relay.PlacesOptions{KV: o.Consumers, Every: o.AckInterval, Logger: o.Logger,
		Check: func(tenant string, c eventlog.Cursor) error { return relay.Check(log, tenant, c) }})
	f.wg.Go(func() { f.places.Run(f.ctx) })
	return f
}

// Routes lists the endpoints.
func (f *Feed) Routes() []auth.Route {
	return append([]auth.Route{
		{Pattern: "GET /v1/events", Scope: auth.Read, Handler: http.HandlerFunc(f.history)},
		{Pattern: "GET /v1/live", Scope: auth.Read, Handler: http.HandlerFunc(f.live)},
	}, f.stateRoutes()...)
}

// Stats counts what is connected.
type Stats struct {
	Connections int // open
	Behind      int // of them: reading the log instead of being live
	Rooms       int // tenants whose events somebody listens to
	Viewers     int // connections that listen to the state; these are in Connections too
}

// Stats counts the connections.
func (f *Feed) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.relay.Stats()
	return Stats{Connections: len(f.subs) + len(f.viewers), Behind: r.Behind, Rooms: r.Rooms, Viewers: len(f.viewers)}
}

// Close says goodbye to everybody, stores the acknowledged cursors and ends the
// feed. Connections that do not take their goodbye in time are cut.
func (f *Feed) Close(ctx context.Context) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	type listener struct {
		conn *fanout.Conn
		form form
		gone chan struct{}
	}
	var all []listener
	for s := range f.subs {
		all = append(all, listener{s.Conn, s.form, s.gone})
	}
	for v := range f.viewers {
		all = append(all, listener{v.conn, v.form, v.gone})
	}
	f.mu.Unlock()
	var leavers []fanout.Leaver
	for _, l := range all {
		goodbye(l.conn, l.form, relay.Farewell{Code: ws.CodeShutdown, Reason: relay.ErrClosed.Error()}, false)
		leavers = append(leavers, fanout.Leaver{Conn: l.conn, Gone: l.gone})
	}
	fanout.Part(ctx, relay.ErrClosed, leavers)
	f.relay.Close()
	f.end()
	f.wg.Wait()
	err := f.places.Flush(ctx)
	if f.ownPool {
		f.pool.Close()
	}
	return err
}

// enter registers a subscriber.
func (f *Feed) enter(s *sub) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return relay.ErrClosed
	}
	if err := f.relay.Enter(&s.Sub); err != nil {
		return err
	}
	f.subs[s] = struct{}{}
	return nil
}

// leave forgets a subscriber.
func (f *Feed) leave(s *sub) {
	f.relay.Leave(&s.Sub)
	f.mu.Lock()
	delete(f.subs, s)
	f.mu.Unlock()
	close(s.gone)
}
