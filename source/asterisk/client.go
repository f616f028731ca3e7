package asterisk

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
)

// ErrOptions is what an error wraps when a source's options make no sense.
var ErrOptions = errors.New("asterisk: wrong options")

// ClientOptions configure a [Client]. Durations and bounds that are zero take
// their defaults.
type ClientOptions struct {
	// Name names the PBX in the source and in all ids; required. Two PBXs of one
	// tenant must have two names. It need not be the systemname.
	Name   string
	Tenant string
	// Address is host:port of the manager interface, mostly port 5038.
	Address string
	User    string
	// Secret is the user's; or SecretFile names a file that holds it, or SecretEnv
	// an environment variable. It is read at every login, so that it can be
	// changed without a restart. It never goes over the line.
	Secret, SecretFile, SecretEnv string
	// TLS makes the connection one with TLS (tlsenable in manager.conf); may be nil.
	TLS *tls.Config
	// Log takes the facts.
	Log source.Appender

	// AgentID and Inside are as in [Options].
	AgentID func(iface string) string
	Inside  func(device string) bool

	// PingEvery is how long the PBX may be quiet before it is asked whether it is
	// there; default 10 s.
	PingEvery time.Duration
	// Silence is how long it may say nothing at all before the connection counts
	// as dead; default 30 s.
	Silence time.Duration
	// Promise is after how long without a fact the source may be taken for silent,
	// as source.up tells the log. A PBX that has nothing to tell for half of it gets
	// another source.up, as long as it answers. Default 2 minutes; negative promises
	// nothing.
	Promise time.Duration
	// LoginTimeout bounds the way from the dial to FullyBooted; default 15 s.
	LoginTimeout time.Duration
	// RetryMin and RetryMax bound the wait before the next connection, which is
	// drawn between nothing and a bound that doubles; default 0.5 s and 30 s.
	RetryMin, RetryMax time.Duration
	// MaxWaiting is how many facts may wait for the log before nothing more is
	// read from the PBX; default 20,000.
	MaxWaiting int
	// Grace is how long facts may take to the log after a stop; default 5 s.
	Grace time.Duration
	// NoFilter leaves out the choice of event classes and the attempt to add event
	// filters to the connection.
	NoFilter bool

	// Dial connects; nil dials Address by TCP. Now is the clock; nil is the
	// system's.
	Dial func(ctx context.Context) (net.Conn, error)
	Now  func() time.Time
	// Logger may be nil.
	Logger *slog.Logger
}

// Client keeps one PBX connected: it logs in, takes a snapshot, turns what the
// PBX says into facts and hands them to the log, and does it again whenever the
// connection breaks. Several PBXs are several clients. See [NewClient].
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
	o.Logger = o.Logger.With("source", "asterisk/"+o.Name)
	c := &Client{o: o}
	c.health = source.Health{Name: o.Name, Address: o.Address, State: source.StateConnecting, Since: o.Now()}
	c.up = source.NewOutbox(o.Log, o.Tenant, o.MaxWaiting, o.Logger)
	c.tr = NewTranslator(Options{
		Emit: c.put, Tenant: o.Tenant, PBX: o.Name, AgentID: o.AgentID, Inside: o.Inside,
		live: true, address: o.Address, promise: max(o.Promise, 0),
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
	case o.Name == "" || text([]byte(o.Name)) != o.Name || strings.ContainsAny(o.Name, "/ "):
		return fmt.Errorf("%w: name %q must be there, without a space or a slash", ErrOptions, o.Name)
	case o.Log == nil:
		return fmt.Errorf("%w: there is no log", ErrOptions)
	case o.User == "" || strings.ContainsAny(o.User, "\r\n"):
		return fmt.Errorf("%w: user %q must be there, on one line", ErrOptions, o.User)
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
	_, err := o.secret()
	return err
}

// secret returns the secret from wherever it is.
func (o *ClientOptions) secret() (string, error) {
	s := o.Secret
	switch {
	case s != "":
	case o.SecretFile != "":
		b, err := os.ReadFile(o.SecretFile)
		if err != nil {
			return "", fmt.Errorf("%w: read the secret: %w", ErrOptions, err)
		}
		s = strings.TrimRight(string(b), "\r\n")
	case o.SecretEnv != "":
		s = os.Getenv(o.SecretEnv)
	}
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return "", fmt.Errorf("%w: the secret must be there, on one line", ErrOptions)
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
		began := c.o.Now()
		s, err := c.connect(ctx)
		if err == nil {
			err = s.run(ctx)
			if s.listed {
				failures = 0
			}
		}
		now := c.o.Now()
		if s != nil {
			now = s.pbxNow()
		}
		reason := "stopped"
		if ctx.Err() == nil {
			reason = err.Error()
			c.o.Logger.Warn("connection lost", "reason", reason, "after", c.o.Now().Sub(began).Round(time.Millisecond))
		}
		c.set(source.StateDown, reason)
		c.tr.Disconnected(now, reason)
		source.Pause(ctx, c.o.RetryMin, c.o.RetryMax, failures, errors.Is(err, ErrLogin))
	}
	c.tr.Close()
	return c.up.Flush(ctx, c.o.Grace)
}

// dial connects to the PBX.
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
