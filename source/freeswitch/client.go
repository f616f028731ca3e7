package freeswitch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"trunkline/event"
	"trunkline/source"
	"trunkline/source/clean"
)

// ErrOptions is what an error wraps when a source's options make no sense.
var ErrOptions = errors.New("freeswitch: wrong options")

// ClientOptions configure a [Client]. Durations and bounds that are zero take
// their defaults.
type ClientOptions struct {
	// Name names the switch in the source; required. Two switches of one tenant
	// must have two names. It need not be the switchname.
	Name   string
	Tenant string
	// Address is host:port of the event socket, mostly port 8021.
	Address string
	// Password is that of event_socket.conf; or PasswordFile names a file that
	// holds it, or PasswordEnv an environment variable. It is read at every login,
	// so that it can be changed without a restart. The event socket takes it in
	// the clear: outside one machine put a tunnel or TLS around the connection.
	Password, PasswordFile, PasswordEnv string
	// TLS makes the connection one with TLS, to a tunnel's end; may be nil.
	TLS *tls.Config
	// Log takes the facts.
	Log source.Appender

	// AgentID and Inside are as in [Options].
	AgentID func(name string) string
	Inside  func(channel string) bool

	// Poll is how often the lists of queues, agents, tiers and channels are asked
	// for again: FreeSWITCH sends no event when an agent or a tier is deleted;
	// default one minute.
	Poll time.Duration
	// PingEvery is how often FreeSWITCH is asked for its time, as a sign of life
	// and to see how its clock stands; default 10 s.
	PingEvery time.Duration
	// Silence is how long it may say nothing at all before the connection counts
	// as dead; default 30 s.
	Silence time.Duration
	// Promise is after how long without a fact the source may be taken for silent,
	// as source.up tells the log. A switch that has nothing to tell for half of it
	// gets another source.up, as long as it answers. Default 2 minutes; negative
	// promises nothing.
	Promise time.Duration
	// LoginTimeout bounds the way from the dial to the end of the first snapshot;
	// default 15 s.
	LoginTimeout time.Duration
	// RetryMin and RetryMax bound the wait before the next connection, see
	// [source.Pause]; default 0.5 s and 30 s.
	RetryMin, RetryMax time.Duration
	// MaxWaiting is how many facts may wait for the log before nothing more is
	// read from FreeSWITCH; default 20,000.
	MaxWaiting int
	// Grace is how long facts may take to the log after a stop; default 5 s.
	Grace time.Duration
	// Limits bound the reader.
	Limits Limits

	// Dial connects; nil dials Address by TCP. Now is the clock; nil is the
	// system's.
	Dial func(ctx context.Context) (net.Conn, error)
	Now  func() time.Time
	// Logger may be nil.
	Logger *slog.Logger
}

// Client keeps one FreeSWITCH connected: it logs in, takes a snapshot, turns
// what FreeSWITCH says into facts and hands them to the log, and does it again
// whenever the connection breaks. See [NewClient].
type Client struct {
	o  ClientOptions
	tr *Translator
	up *source.Outbox

	said time.Time // when the last fact was, by our clock

	mu     sync.Mutex
	health source.Health
}

// NewClient returns a client; [Client.Run] works it.
func NewClient(o ClientOptions) *Client {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.Poll, time.Minute)
	def(&o.PingEvery, 10*time.Second)
	def(&o.Silence, 30*time.Second)
	if o.Promise == 0 {
		o.Promise = 2 * time.Minute
	}
	def(&o.LoginTimeout, 15*time.Second)
	def(&o.RetryMin, 500*time.Millisecond)
	def(&o.RetryMax, 30*time.Second)
	def(&o.Grace, 5*time.Second)
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = 20_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Logger = o.Logger.With("source", "freeswitch/"+o.Name)
	c := &Client{o: o}
	c.health = source.Health{Name: o.Name, Address: o.Address, State: source.StateConnecting, Since: o.Now()}
	c.up = source.NewOutbox(o.Log, o.Tenant, o.MaxWaiting, o.Logger)
	c.tr = NewTranslator(Options{
		Emit: c.put, Tenant: o.Tenant, Name: o.Name, AgentID: o.AgentID, Inside: o.Inside, Whole: true, address: o.Address,
		promise: max(o.Promise, 0),
	})
	return c
}

func (c *Client) put(m event.Meta, f event.Fact) {
	c.said = c.o.Now()
	c.up.Put(m, f)
}

// Check tells what is wrong with the options, in an error that wraps [ErrOptions].
// [Client.Run] begins with it.
func (c *Client) Check() error { return c.o.check() }

func (o *ClientOptions) check() error {
	switch {
	case o.Name == "" || clean.Text(o.Name) != o.Name || strings.ContainsAny(o.Name, "/ "):
		return fmt.Errorf("%w: name %q must be there, without a space or a slash", ErrOptions, o.Name)
	case o.Log == nil:
		return fmt.Errorf("%w: there is no log", ErrOptions)
	case o.Silence <= o.PingEvery:
		return fmt.Errorf("%w: silence %v must be longer than the time between pings, %v", ErrOptions, o.Silence, o.PingEvery)
	}
	if o.Dial == nil {
		if _, _, err := net.SplitHostPort(o.Address); err != nil {
			return fmt.Errorf("%w: address: %w", ErrOptions, err)
		}
	}
	if o.Promise > 0 && o.Promise < o.Silence {
		return fmt.Errorf("%w: the promise to be heard within %v is shorter than the %v after which the connection counts as dead",
			ErrOptions, o.Promise, o.Silence)
	}
	_, err := o.password()
	return err
}

// password returns the password from wherever it is.
func (o *ClientOptions) password() (string, error) {
	s := o.Password
	switch {
	case s != "":
	case o.PasswordFile != "":
		b, err := os.ReadFile(o.PasswordFile)
		if err != nil {
			return "", fmt.Errorf("%w: read the password: %w", ErrOptions, err)
		}
		s = strings.TrimRight(string(b), "\r\n")
	case o.PasswordEnv != "":
		s = os.Getenv(o.PasswordEnv)
	}
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return "", fmt.Errorf("%w: the password must be there, on one line", ErrOptions)
	}
	return s, nil
}

// Run works until ctx ends; then it logs off, says source.down and gives the
// log a last chance to take what waits. It returns nil then, an error that wraps
// [ErrOptions] when the options make no sense, or [source.ErrUndelivered].
func (c *Client) Run(ctx context.Context) error {
	if err := c.o.check(); err != nil {
		return err
	}
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	var sender sync.WaitGroup
	sender.Go(func() { c.up.Run(sending) })
	defer sender.Wait()
	defer stop()
	for failures := 0; ctx.Err() == nil; failures++ {
		c.set(source.StateConnecting, "")
		s, err := c.connect(ctx)
		now := c.o.Now()
		if err == nil {
			err = s.run(ctx)
			now = s.switchNow()
			if s.listed {
				failures = 0
			}
		}
		reason := "stopped"
		if ctx.Err() == nil {
			reason = err.Error()
			c.o.Logger.Warn("connection lost", "reason", reason)
		}
		c.set(source.StateDown, reason)
		c.tr.Disconnected(now, reason)
		c.tr.Unreachable(now, reason)
		if ctx.Err() == nil {
			source.Pause(ctx, c.o.RetryMin, c.o.RetryMax, failures, errors.Is(err, ErrLogin))
		}
	}
	c.tr.Close()
	return c.up.Flush(ctx, c.o.Grace)
}

// dial connects to FreeSWITCH.
func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.LoginTimeout)
	defer cancel()
	if c.o.Dial != nil {
		return c.o.Dial(ctx)
	}
	d := &net.Dialer{KeepAlive: 15 * time.Second}
	if c.o.TLS != nil {
		return (&tls.Dialer{NetDialer: d, Config: c.o.TLS}).DialContext(ctx, "tcp", c.o.Address)
	}
	return d.DialContext(ctx, "tcp", c.o.Address)
}

// Health returns how the source is.
func (c *Client) Health() source.Health {
	c.mu.Lock()
	h := c.health
	c.mu.Unlock()
	h.Waiting, h.Refused, h.Dropped = c.up.State()
	h.LeftOut = c.tr.left.Counts()
	return h
}

func (c *Client) set(s source.State, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.health.State != s || c.health.Reason != reason {
		c.health.State, c.health.Reason, c.health.Since = s, reason, c.o.Now()
	}
}

// note changes the health.
func (c *Client) note(f func(*source.Health)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.health)
}
