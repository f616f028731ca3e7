package line

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"trunkline/source"
	"trunkline/source/clean"
)

// Errors to be tested with errors.Is.
var (
	// ErrOptions is what an error wraps when a source's options make no sense.
	ErrOptions = errors.New("wrong options")
	// ErrLogin is what an error wraps when the system refuses the user, the secret or the address that we come from.
	ErrLogin = errors.New("login refused")
)

// Settings are what a client of any system is told. Durations and bounds that are zero take their defaults.
type Settings struct {
	// Name names the system in the source and in ids; required. Two systems of one kind and one tenant must have two
	// names.
	Name   string
	Tenant string
	// Address is the system's host:port.
	Address string
	// Secret is what the system asks for; or SecretFile names a file that holds it, or SecretEnv an environment
	// variable. It is read at every login, so that it can be changed without a restart.
	Secret, SecretFile, SecretEnv string
	// TLS makes the connection one with TLS; may be nil.
	TLS *tls.Config
	// Log takes the facts.
	Log source.Appender

	// PingEvery is how long the system may be quiet before it is asked whether it is there; default 10 s.
	PingEvery time.Duration
	// Silence is how long it may say nothing at all before the connection counts as dead; default 30 s.
	Silence time.Duration
	// Promise is after how long without a fact the source may be taken for silent, as source.up tells the log. A system
	// that has nothing to tell for half of it gets another source.up, as long as it answers. Default 2 minutes;
	// negative promises nothing.
	Promise time.Duration
	// LoginTimeout bounds the way from the dial to the end of the login; default 15 s.
	LoginTimeout time.Duration
	// RetryMin and RetryMax bound the wait before the next connection, see [source.Pause]; default 0.5 s and 30 s.
	RetryMin, RetryMax time.Duration
	// MaxWaiting is how many facts may wait for the log before nothing more is read; default 20,000.
	MaxWaiting int
	// Grace is how long facts may take to the log after a stop; default 5 s.
	Grace time.Duration

	// Dial connects; nil dials Address by TCP. Now is the clock; nil is the system's.
	Dial func(ctx context.Context) (net.Conn, error)
	Now  func() time.Time
	// Logger may be nil.
	Logger *slog.Logger
}

func (s *Settings) setDefaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&s.PingEvery, 10*time.Second)
	def(&s.Silence, 30*time.Second)
	if s.Promise == 0 {
		s.Promise = 2 * time.Minute
	}
	def(&s.LoginTimeout, 15*time.Second)
	def(&s.RetryMin, 500*time.Millisecond)
	def(&s.RetryMax, 30*time.Second)
	def(&s.Grace, 5*time.Second)
	if s.MaxWaiting <= 0 {
		s.MaxWaiting = 20_000
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
}

// Check tells what is wrong with the settings, in an error that wraps [ErrOptions].
func (s *Settings) Check() error {
	switch {
	case s.Name == "" || clean.Text(s.Name) != s.Name || strings.ContainsAny(s.Name, "/ "):
		return fmt.Errorf("%w: name %q must be there, without a space or a slash", ErrOptions, s.Name)
	case s.Log == nil:
		return fmt.Errorf("%w: there is no log", ErrOptions)
	case s.Silence <= s.PingEvery:
		return fmt.Errorf("%w: silence %v must be longer than the time between pings, %v", ErrOptions, s.Silence, s.PingEvery)
	}
	if s.Dial == nil {
		if _, _, err := net.SplitHostPort(s.Address); err != nil {
			return fmt.Errorf("%w: address: %w", ErrOptions, err)
		}
	}
	if s.Promise > 0 && s.Promise < s.Silence {
		return fmt.Errorf("%w: the promise to be heard within %v is shorter than the %v after which the connection counts as dead",
			ErrOptions, s.Promise, s.Silence)
	}
	_, err := s.ReadSecret()
	return err
}

// ReadSecret gives the secret from wherever it is.
func (s *Settings) ReadSecret() (string, error) {
	secret := s.Secret
	switch {
	case secret != "":
	case s.SecretFile != "":
		b, err := os.ReadFile(s.SecretFile)
		if err != nil {
			return "", fmt.Errorf("%w: read the secret: %w", ErrOptions, err)
		}
		secret = strings.TrimRight(string(b), "\r\n")
	case s.SecretEnv != "":
		secret = os.Getenv(s.SecretEnv)
	}
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", fmt.Errorf("%w: the secret must be there, on one line", ErrOptions)
	}
	return secret, nil
}

// dial connects to the system.
func (s *Settings) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.LoginTimeout)
	defer cancel()
	if s.Dial != nil {
		return s.Dial(ctx)
	}
	d := &net.Dialer{KeepAlive: 15 * time.Second}
	if s.TLS != nil {
		return (&tls.Dialer{NetDialer: d, Config: s.TLS}).DialContext(ctx, "tcp", s.Address)
	}
	return d.DialContext(ctx, "tcp", s.Address)
}
