package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/auth"
	"trunkline/auth/jwt"
	"trunkline/directory"
	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/feed/hub/signalr"
	"trunkline/floor"
	"trunkline/floor/follow"
)

// Audience is what the hub's tokens are for.
const Audience = "trunkline-hub"

// Log is what the feed needs of the event log.
type Log interface {
	Follow(tenant string, fn func(*eventlog.Batch)) (at eventlog.Cursor, stop func())
}

// State is what the feed needs of the floor.
type State interface {
	View(tenant string, fn func(follow.View)) error
	Watch(tenant string, fn func(changed []floor.Change, all bool)) (stop func())
}

// People is what the feed needs of the directory.
type People interface {
	Resolve(tenant, guid string) (directory.Ref, bool)
	GUID(tenant string, r directory.Ref) string
	Sees(tenant string, u directory.User) directory.Sight
	SignIn(name, secret string) (u directory.User, tenant string, ok bool)
	User(tenant, id string) (directory.User, error)
	Users(tenant string) []directory.User
}

var (
	_ Log    = (*eventlog.Log)(nil)
	_ State  = (*follow.Floor)(nil)
	_ People = (*directory.Registry)(nil)
)

// Keys makes and checks the tokens.
type Keys interface {
	jwt.Signer
	jwt.Verifier
}

// Options are the terms of the feed. Log, State, People, Keys and Organization are
// needed; zero values of the rest mean the defaults.
type Options struct {
	Log    Log
	State  State
	People People
	Keys   Keys
	// Organization is the GUID of a tenant, "" when there is no such tenant.
	Organization func(tenant string) string
	// Admin gives the tenant whose users an API token may ask tokens for; nil: of none.
	Admin func(r *http.Request) (tenant string, ok bool)
	// Pool writes to the connections. nil: the feed has its own.
	Pool *fanout.Pool
	// Tick is the least time between two statuses of one entity. 0 means 1 s.
	Tick time.Duration
	// Life is how long a token is good. 0 means 15 min.
	Life time.Duration
	// Pascal names members as the reference part of the page does, not as its live sample.
	Pascal bool
	// PublicURL is how clients reach the hub, as https://host. "": by the host that they ask.
	PublicURL string
	// MaxSubscriptions bounds those of one connection. 0 means 5,000.
	MaxSubscriptions int
	// SupervisionNumber is where supervisors call to listen to a call; empty: nowhere.
	SupervisionNumber string
	// CallLists are the queues that a call list belongs to: who sees one of them may
	// subscribe to the list. Those of the callbacks that the floor knows count as well.
	CallLists map[string][]string
	// Attempts limits failed requests per remote address. nil: the usual limits.
	Attempts *auth.Attempts
	// SignalR are the terms of the connections; Authenticate, Methods, Opened, Closed,
	// Pool and Logger are the feed's.
	SignalR signalr.Options
	Logger  *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Tick = cmp.Or(o.Tick, time.Second)
	o.Life = cmp.Or(o.Life, 15*time.Minute)
	o.MaxSubscriptions = cmp.Or(o.MaxSubscriptions, 5000)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Attempts == nil {
		o.Attempts = new(auth.Attempts)
	}
	return o
}

// Feed is the hub with all its connections.
type Feed struct {
	o      Options
	style  style
	server *signalr.Server
	wg     sync.WaitGroup // the rooms
	lists  callLists

	messages atomic.Uint64 // made
	sent     atomic.Uint64 // queued for clients

	mu       sync.Mutex // guards what is below
	rooms    map[string]*room
	sessions map[*signalr.Conn]*session
}

// New starts the feed. Close ends it.
func New(o Options) (*Feed, error) {
	o = o.withDefaults()
	f := &Feed{o: o, style: style{o.Pascal}, rooms: map[string]*room{}, sessions: map[*signalr.Conn]*session{}}
	so := o.SignalR
	so.Authenticate, so.Methods, so.Opened, so.Closed, so.Pool, so.Logger = f.authenticate, f.methods(), f.opened, f.closed, o.Pool, o.Logger
	var err error
	if f.server, err = signalr.New(so); err != nil {
		return nil, fmt.Errorf("hub feed: %w", err)
	}
	return f, nil
}

// Stats counts what is connected.
type Stats struct {
	Connections int    // that have shaken hands
	Rooms       int    // tenants of which somebody is connected
	Messages    uint64 // made
	Sent        uint64 // queued for clients
	Expired     uint64 // of these: not sent since their time was over
	Slow        uint64 // connections closed since they did not read
}

// Stats counts the connections.
func (f *Feed) Stats() Stats {
	wire := f.server.Stats()
	f.mu.Lock()
	defer f.mu.Unlock()
	return Stats{Connections: len(f.sessions), Rooms: len(f.rooms), Messages: f.messages.Load(), Sent: f.sent.Load(),
		Expired: wire.Expired, Slow: wire.Slow}
}

// opened gives a new connection its session, and a room when it is the first of its
// tenant.
func (f *Feed) opened(c *signalr.Conn) {
	who := c.User().(identity)
	s := &session{feed: f, conn: c, who: who, subs: map[subject]*subscription{}}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.rooms[who.tenant]
	if r == nil {
		r = newRoom(f, who.tenant)
		f.rooms[who.tenant] = r
	}
	r.users++
	s.room = r
	f.sessions[c] = s
}

func (f *Feed) closed(c *signalr.Conn, err error) {
	f.mu.Lock()
	s := f.sessions[c]
	delete(f.sessions, c)
	var last *room
	if s != nil {
		if s.room.users--; s.room.users == 0 {
			last = s.room
			delete(f.rooms, last.tenant)
		}
	}
	f.mu.Unlock()
	if s == nil {
		return
	}
	s.room.forget(s)
	if last != nil {
		close(last.done)
	}
	f.o.Logger.Debug("a hub connection ended", "tenant", s.who.tenant, "user", s.who.user, "error", err)
}

// session gives the session of a connection; nil when it has gone.
func (f *Feed) session(c *signalr.Conn) *session {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sessions[c]
}

// Close says goodbye to everybody and ends the feed.
func (f *Feed) Close(ctx context.Context) error {
	f.server.Close(ctx)
	done := make(chan struct{})
	go func() {
		f.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the hub feed: %w", ctx.Err())
	}
}

// errGone says that a method was called by a connection that is being closed.
var errGone = errors.New("the connection is closing")
