package signalr

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/fanout"
	"trunkline/ws"
)

// Identity is who sends a request.
type Identity struct {
	User any
	// Key is the same for all requests of one user, and of nobody else: a connection
	// is opened by the one who negotiated it.
	Key string
}

// Method is what a client may call. Its arguments are JSON in both protocols; those
// that it does not look at are let pass. The result is encoded with its json tags;
// [Void] is none.
type Method func(ctx context.Context, c *Conn, args []json.RawMessage) (any, error)

// CallError is an error of a method that the caller may read.
type CallError string

// Error gives the text.
func (e CallError) Error() string { return string(e) }

// Options are the terms of a server. Authenticate is needed; zero values of the
// rest mean the defaults.
type Options struct {
	// Authenticate says who sends a request; false: it has written the refusal. It is
	// asked at the negotiation, when a connection opens, and at each request of a
	// transport that has no connection of its own.
	Authenticate func(w http.ResponseWriter, r *http.Request) (Identity, bool)
	// Methods may be called, by their names in any case.
	Methods map[string]Method
	// Opened is called when a client has shaken hands, before its first call; Closed
	// when it has gone, once for each Opened. Neither may block for long.
	Opened func(*Conn)
	Closed func(*Conn, error)
	// Pool writes to the connections. nil: the server has its own.
	Pool *fanout.Pool
	// KeepAlive is the longest pause, give or take a tenth, after which a ping is sent.
	// 0 means 15 s.
	KeepAlive time.Duration
	// ClientTimeout is how long a client may say nothing. 0 means 30 s.
	ClientTimeout time.Duration
	// HandshakeTimeout is how long a connection may take to shake hands, and a
	// negotiation to be followed by a connection. 0 means 15 s.
	HandshakeTimeout time.Duration
	// PollTimeout is how long a poll waits for something to say. 0 means 90 s.
	PollTimeout time.Duration
	// MaxMessage bounds a message of a client, in bytes. 0 means 32 KiB.
	MaxMessage int
	// QueueBytes is what may wait for one connection. 0 means 1 MiB.
	QueueBytes int
	// MaxPending bounds the negotiations of one user that no connection has followed
	// yet: of a reconnect of all clients at once, those that are on their way. 0 means 1,000.
	MaxPending int
	// MaxConns bounds the open connections of one user. 0 means 1,000.
	MaxConns int
	// Origins are those of web pages of other hosts that may connect: exact, or with
	// one * in front of a domain.
	Origins []string
	Logger  *slog.Logger
}

func (o Options) withDefaults() Options {
	o.KeepAlive = cmp.Or(o.KeepAlive, 15*time.Second)
	o.ClientTimeout = cmp.Or(o.ClientTimeout, 30*time.Second)
	o.HandshakeTimeout = cmp.Or(o.HandshakeTimeout, 15*time.Second)
	o.PollTimeout = cmp.Or(o.PollTimeout, 90*time.Second)
	o.MaxMessage = cmp.Or(o.MaxMessage, 32<<10)
	o.QueueBytes = cmp.Or(o.QueueBytes, 1<<20)
	o.MaxPending = cmp.Or(o.MaxPending, 1000)
	o.MaxConns = cmp.Or(o.MaxConns, 1000)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Opened == nil {
		o.Opened = func(*Conn) {}
	}
	if o.Closed == nil {
		o.Closed = func(*Conn, error) {}
	}
	return o
}

// ErrClosing says that the server is being closed.
var ErrClosing = errors.New("the server is stopping")

// Server is a SignalR hub. [Server.Handler] serves it.
type Server struct {
	o       Options
	methods map[string]Method // by their names in lower case
	pool    *fanout.Pool
	ownPool bool
	terms   [numProtos][numWraps]fanout.Terms
	origins origins
	ctx     context.Context // of the methods
	end     context.CancelFunc
	wg      sync.WaitGroup // the sweeper, and those who read from connections

	mu      sync.Mutex // guards what is below
	pending map[string]pending
	waiting map[string]int   // of pending, by key of the user
	conns   map[string]*Conn // by the token that their requests carry
	open    map[string]int   // of conns, by key of the user
	closed  bool

	calls, failures, sent, lost atomic.Uint64
}

// pending is a negotiation that no connection has followed yet.
type pending struct {
	id, key string
	at      time.Time
}

// New starts a server. Close ends it.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	s := &Server{o: o, pool: o.Pool, methods: map[string]Method{}, pending: map[string]pending{}, waiting: map[string]int{}, conns: map[string]*Conn{}, open: map[string]int{}}
	for name, m := range o.Methods {
		s.methods[strings.ToLower(name)] = m
	}
	var err error
	if s.origins, err = parseOrigins(o.Origins); err != nil {
		return nil, err
	}
	if s.pool == nil {
		s.pool, s.ownPool = fanout.New(fanout.PoolOptions{}), true
	}
	for p := range numProtos {
		for w := range numWraps {
			s.terms[p][w] = s.termsOf(p, w)
		}
	}
	s.ctx, s.end = context.WithCancel(context.Background())
	s.wg.Add(1)
	go s.sweep()
	return s, nil
}

// termsOf are the terms of the connections of a kind.
func (s *Server) termsOf(proto int, w wrap) fanout.Terms {
	t := fanout.Terms{
		Discipline: fanout.Conflate, QueueBytes: s.o.QueueBytes, NoPong: true,
		// A visit of the pool that finds that something was written sends no ping: two
		// visits must fit, as clients give a server up after twice its interval.
		PingInterval: s.o.KeepAlive / 2,
		SlowFrame:    s.last(proto, w, "The client does not read what it is sent.", true, ws.CodeSlow),
	}
	if w != wrapBare { // a poll that says nothing ends by itself
		frame := wrapRecord(ping(proto), proto, w)
		t.Ping = func([]byte) fanout.Frame { return frame }
	}
	return t
}

// last is what a connection is sent before it is closed.
func (s *Server) last(proto int, w wrap, reason string, reconnect bool, code ws.CloseCode) fanout.Frame {
	frame := wrapRecord(closing(proto, reason, reconnect), proto, w)
	switch w {
	case wrapWebSocket:
		frame = append(frame[:len(frame):len(frame)], ws.CloseFrame(code, reason)...)
	case wrapChunk:
		frame = append(frame[:len(frame):len(frame)], fanout.LastChunk()...)
	}
	return frame
}

// Stats counts what the server does.
type Stats struct {
	Conns    int    // clients that are connected
	Pending  int    // negotiations that no connection has followed yet
	Calls    uint64 // of methods
	Failures uint64 // of these: ended with an error that the caller may not read
	Sent     uint64 // messages queued
	Lost     uint64 // messages for connections that were closing
	Expired  uint64 // messages that were not sent since their time was over; of the whole pool
	Slow     uint64 // connections closed since they did not read; of the whole pool
}

// Stats reads the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pool.Stats()
	return Stats{Conns: len(s.conns), Pending: len(s.pending), Calls: s.calls.Load(), Failures: s.failures.Load(), Sent: s.sent.Load(), Lost: s.lost.Load(),
		Expired: uint64(p.Expired), Slow: uint64(p.Overflows)}
}

// Close says goodbye to everybody: they may come back. It waits until they have
// gone, or are cut.
func (s *Server) Close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	conns := make([]*Conn, 0, len(s.conns))
	for _, c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	var leavers []fanout.Leaver
	for _, c := range conns {
		c.end(ErrClosing, "The server is stopping.", true, ws.CodeShutdown)
		if out := c.out.Load(); out != nil {
			leavers = append(leavers, fanout.Leaver{Conn: out, Gone: c.gone})
		}
	}
	fanout.Part(ctx, ErrClosing, leavers)
	s.end()
	s.wg.Wait()
	if s.ownPool {
		s.pool.Close()
	}
}

// sweepEvery is how often connections are looked at.
const sweepEvery = time.Second

// sweep ends connections that are silent, and forgets negotiations that nobody
// follows.
func (s *Server) sweep() {
	defer s.wg.Done()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case now := <-tick.C:
			s.look(now)
		}
	}
}

func (s *Server) look(now time.Time) {
	var late []*Conn
	s.mu.Lock()
	for token, p := range s.pending {
		if now.Sub(p.at) >= s.o.HandshakeTimeout {
			s.forget(token)
		}
	}
	for _, c := range s.conns {
		if c.late(now) {
			late = append(late, c)
		}
	}
	s.mu.Unlock()
	for _, c := range late {
		if c.shaken.Load() {
			c.end(errSilent, "The client said nothing for too long.", true, ws.CodeNoPong)
		} else {
			c.end(errNoHandshake, "", false, ws.CodeNoPong)
		}
	}
}

var (
	errSilent      = errors.New("the client said nothing for too long")
	errNoHandshake = errors.New("no handshake came in time")
)

// add counts in a connection, under mu.
func (s *Server) add(c *Conn) {
	s.conns[c.token] = c
	s.open[c.who.Key]++
	s.wg.Add(1) // until it has left
}

// remove counts out a connection, under mu.
func (s *Server) remove(c *Conn) {
	delete(s.conns, c.token)
	if s.open[c.who.Key]--; s.open[c.who.Key] == 0 {
		delete(s.open, c.who.Key)
	}
}

// crowded tells a user who has as many connections as one may have.
func (s *Server) crowded() string {
	return "This user has " + strconv.Itoa(s.o.MaxConns) + " connections already: close some of them first."
}

// forget drops a pending negotiation, under mu.
func (s *Server) forget(token string) (pending, bool) {
	p, ok := s.pending[token]
	if ok {
		delete(s.pending, token)
		if s.waiting[p.key]--; s.waiting[p.key] == 0 {
			delete(s.waiting, p.key)
		}
	}
	return p, ok
}
