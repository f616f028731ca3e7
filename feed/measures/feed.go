package measures

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/auth"
	"trunkline/auth/jwt"
	"trunkline/control"
	"trunkline/fanout"
	"trunkline/floor"
	"trunkline/floor/follow"
	"trunkline/ws"
)

// State is what the feed needs of the floor.
type State interface {
	View(tenant string, fn func(follow.View)) error
	Watch(tenant string, fn func(changed []floor.Change, all bool)) (stop func())
}

var _ State = (*follow.Floor)(nil)

// Options are the terms of the feed. State, Tokens, Tenant and Account are needed; zero values of the rest mean the defaults.
type Options struct {
	State State
	// Tokens checks the tokens of clients, Audience is what these must be for.
	Tokens   jwt.Verifier
	Audience string
	// Tenant gives the tenant of an account, Account the account of a tenant.
	Tenant  func(account string) (tenant string, ok bool)
	Account func(tenant string) string
	// AccountTokens says that tokens name the account and not the tenant, as an outside issuer's do.
	AccountTokens bool
	// Subscriptions keeps the subscriptions. nil: they are lost with the process.
	Subscriptions control.KV
	// Webhooks says how webhooks are sent. nil: they are refused.
	Webhooks *Webhooks
	// Pool writes to the connections. nil: the feed has its own.
	Pool *fanout.Pool
	// Tick is the least time between two messages about one key. 0 means 250 ms.
	Tick time.Duration
	// EventSource is the eventSourceId of all messages. "" means IXCC_1.0.0.
	EventSource string
	// PingInterval is the longest time without a ping of the client. 0 means 5 min.
	PingInterval time.Duration
	// AuthTimeout is the longest time until the authentication. 0 means 10 s.
	AuthTimeout time.Duration
	// QueueBytes is what may wait for one connection. 0 means 256 KiB.
	QueueBytes int
	// MaxSubscriptions bounds the subscriptions of one account. 0 means 2,000.
	MaxSubscriptions int
	// KeepInactive is how long an expired subscription can be renewed. 0 means 24 h.
	KeepInactive time.Duration
	// PublicURL is how clients reach the WebSockets, as wss://host. "": by the host that they ask.
	PublicURL string
	// Origins are those of web pages of other hosts that may open a WebSocket.
	Origins []string
	// Attempts limits failed requests per remote address. nil: the usual limits.
	Attempts *auth.Attempts
	// Now is the clock. nil: the real one.
	Now    func() time.Time
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Tick = cmp.Or(o.Tick, 250*time.Millisecond)
	o.EventSource = cmp.Or(o.EventSource, "IXCC_1.0.0")
	o.PingInterval = cmp.Or(o.PingInterval, 5*time.Minute)
	o.AuthTimeout = cmp.Or(o.AuthTimeout, 10*time.Second)
	o.QueueBytes = cmp.Or(o.QueueBytes, 256<<10)
	o.MaxSubscriptions = cmp.Or(o.MaxSubscriptions, 2000)
	o.KeepInactive = cmp.Or(o.KeepInactive, 24*time.Hour)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Subscriptions == nil {
		o.Subscriptions = control.NewMemory()
	}
	if o.Webhooks != nil {
		w := *o.Webhooks
		w.Timeout, w.Pause = cmp.Or(w.Timeout, 10*time.Second), cmp.Or(w.Pause, time.Second)
		if w.Owns == nil {
			w.Owns = func(string) bool { return true }
		}
		o.Webhooks = &w
	}
	if o.Attempts == nil {
		o.Attempts = new(auth.Attempts)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Feed is the measures feed with all its connections.
type Feed struct {
	o       Options
	subs    *store
	pool    *fanout.Pool
	ownPool bool
	terms   fanout.Terms
	ended   chan string     // subscriptions to look at
	ctx     context.Context // ends with Close
	end     context.CancelFunc
	wg      sync.WaitGroup

	delivered atomic.Uint64

	mu       sync.Mutex // guards what is below
	rooms    map[string]*room
	sessions map[*session]struct{}
	bySub    map[string]map[*session]struct{}
	hooks    map[string]*hook // by subscription
	closed   bool
}

var errClosing = errors.New("the server is stopping")

// New starts the feed. Close ends it.
func New(ctx context.Context, o Options) (*Feed, error) {
	o = o.withDefaults()
	f := &Feed{o: o, pool: o.Pool, ended: make(chan string, 1024), rooms: map[string]*room{}, sessions: map[*session]struct{}{}, bySub: map[string]map[*session]struct{}{}, hooks: map[string]*hook{}}
	f.ctx, f.end = context.WithCancel(context.WithoutCancel(ctx))
	subs, err := openStore(f.ctx, o.Subscriptions, o, func(id string) {
		select {
		case f.ended <- id:
		default: // the next sweep finds it
		}
	})
	if err != nil {
		f.end()
		return nil, fmt.Errorf("measures feed: %w", err)
	}
	f.subs = subs
	if f.pool == nil {
		f.pool, f.ownPool = fanout.New(fanout.PoolOptions{}), true
	}
	// A client may sleep as long as it pings; that is what the write time-out is here.
	f.terms = fanout.Terms{QueueBytes: o.QueueBytes, WriteTimeout: o.PingInterval + time.Minute, SlowFrame: ws.CloseFrame(ws.CodeSlow, "slow")}
	f.wg.Add(1)
	go f.watch()
	return f, nil
}

// Stats counts what is connected.
type Stats struct {
	Connections   int    // open, authenticated or not
	Rooms         int    // tenants whose measures somebody gets
	Webhooks      int    // subscriptions that this node delivers to by webhook
	Subscriptions int    // of all accounts, the inactive ones included
	Delivered     uint64 // messages queued for clients
}

// Stats counts the connections.
func (f *Feed) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Stats{Connections: len(f.sessions), Rooms: len(f.rooms), Webhooks: len(f.hooks), Subscriptions: f.subs.made.Len(), Delivered: f.delivered.Load()}
}

// claims checks a token and gives what it says, with the tenant's id.
func (f *Feed) claims(ctx context.Context, token string) (jwt.Claims, error) {
	c, err := f.o.Tokens.Verify(ctx, token, f.o.Audience)
	if err != nil {
		return c, err
	}
	if f.o.AccountTokens {
		tenant, ok := f.o.Tenant(c.Tenant)
		if !ok {
			return c, fmt.Errorf("%w: it is of an account that there is not", jwt.ErrInvalid)
		}
		c.Tenant = tenant
	}
	if tenant, ok := f.o.Tenant(f.o.Account(c.Tenant)); !ok || tenant != c.Tenant {
		return c, fmt.Errorf("%w: its tenant is not there any more", jwt.ErrInvalid)
	}
	return c, nil
}

// enter registers a connection; false: the feed is closing.
func (f *Feed) enter(s *session) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.sessions[s] = struct{}{}
	return true
}

// admit gives an authenticated session its room, which is made when it is the first of its tenant.
func (f *Feed) admit(s *session) {
	f.mu.Lock()
	r := f.roomOf(s.sub.Tenant)
	if f.bySub[s.sub.ID] == nil {
		f.bySub[s.sub.ID] = map[*session]struct{}{}
	}
	f.bySub[s.sub.ID][s] = struct{}{}
	s.place = r
	f.mu.Unlock()
	s.joined.Store(true)
	r.join(s)
}

// roomOf gives the room of a tenant to one more user; mu is held.
func (f *Feed) roomOf(tenant string) *room {
	r := f.rooms[tenant]
	if r == nil {
		r = newRoom(f, tenant, f.o.Account(tenant))
		f.rooms[tenant] = r
	}
	r.users++
	return r
}

// quit says that a room has a user less, and whether it was the last: then the room is to be closed. mu is held.
func (f *Feed) quit(r *room) (last bool) {
	if r.users--; r.users > 0 {
		return false
	}
	delete(f.rooms, r.tenant)
	return true
}

// leave forgets a connection, and its room when it was the last.
func (f *Feed) leave(s *session) {
	if s.place != nil {
		s.place.leave(s)
	}
	f.mu.Lock()
	delete(f.sessions, s)
	last := false
	if r := s.place; r != nil {
		if delete(f.bySub[s.sub.ID], s); len(f.bySub[s.sub.ID]) == 0 {
			delete(f.bySub, s.sub.ID)
		}
		last = f.quit(r)
	}
	f.mu.Unlock()
	if last {
		s.place.close()
	}
	close(s.gone)
}

// Close says goodbye to everybody and ends the feed. Connections that do not take their goodbye in time are cut.
func (f *Feed) Close(ctx context.Context) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	all := make([]*session, 0, len(f.sessions))
	for s := range f.sessions {
		all = append(all, s)
	}
	f.mu.Unlock()
	var leavers []fanout.Leaver
	for _, s := range all {
		s.goodbye(ws.CodeShutdown, errClosing.Error())
		leavers = append(leavers, fanout.Leaver{Conn: s.conn, Gone: s.gone})
	}
	fanout.Part(ctx, errClosing, leavers)
	f.end()
	f.wg.Wait()
	if f.ownPool {
		f.pool.Close()
	}
	return nil
}
