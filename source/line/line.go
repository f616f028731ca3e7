package line

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"trunkline/event"
	"trunkline/source"
)

// Protocol is what speaks on a line.
type Protocol interface {
	// Begin is told of a new connection and gives what works it.
	Begin(*Conn) Session
	// Ended is told that a connection is over, or could not be made, and when, by the system's clock as far as it is known.
	Ended(now time.Time, reason string)
	// Close is told that there will be no more connections: what is left to say is said now.
	Close()
}

// Session works one connection.
type Session interface {
	// Take takes what was read. [Conn.At] says when.
	Take(data []byte)
	// Tick is called about once a second.
	Tick(now time.Time)
	// Held is called while nothing is read: what was said meanwhile is still to come, so that it is nobody's silence.
	Held(now time.Time)
	// Listed says whether the snapshot is complete, and so the system up.
	Listed() bool
	// Now is the time by the system's clock, as far as it is known.
	Now() time.Time
	// Goodbye is what is sent before the connection is closed at a stop.
	Goodbye() string
}

// Line keeps one system connected.
type Line struct {
	Settings
	peer string // what the system is called in reasons
	out  *source.Outbox
	said time.Time // when the last fact was, by our clock

	mu     sync.Mutex // guards health
	health source.Health
}

// New makes a line to the system that reasons call peer, of a source of that kind.
func New(kind, peer string, s Settings) *Line {
	s.setDefaults()
	s.Logger = s.Logger.With("source", kind+"/"+s.Name)
	return &Line{
		Settings: s, peer: peer, out: source.NewOutbox(s.Log, s.Tenant, s.MaxWaiting, s.Logger),
		health: source.Health{Name: s.Name, Address: s.Address, State: source.StateConnecting, Since: s.Now()},
	}
}

// Put hands a fact to the log.
func (l *Line) Put(m event.Meta, f event.Fact) {
	l.said = l.Now()
	l.out.Put(m, f)
}

// Owes says whether a sign of life is due, so that the promise is kept.
func (l *Line) Owes(now time.Time) bool {
	return l.Promise > 0 && now.Sub(l.said) >= l.Promise/2
}

// Health tells how the source is.
func (l *Line) Health() source.Health {
	l.mu.Lock()
	h := l.health
	l.mu.Unlock()
	h.Waiting, h.Refused, h.Dropped = l.out.State()
	return h
}

// Set changes the state, and since when it is so if that is new.
func (l *Line) Set(s source.State, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.health.State != s || l.health.Reason != reason {
		l.health.State, l.health.Reason, l.health.Since = s, reason, l.Now()
	}
}

// Note changes what else health shows.
func (l *Line) Note(f func(*source.Health)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.health)
}

// Run works until ctx ends; then the session says goodbye, the protocol ends, and the log gets a last chance to take what
// waits. It returns nil then, or [source.ErrUndelivered].
func (l *Line) Run(ctx context.Context, p Protocol) error {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	var sender sync.WaitGroup
	sender.Go(func() { l.out.Run(sending) })
	defer sender.Wait()
	defer stop()
	for failures := 0; ctx.Err() == nil; failures++ {
		l.Set(source.StateConnecting, "")
		began := l.Now()
		listed, now, err := l.connect(ctx, p)
		if listed {
			failures = 0
		}
		reason := "stopped"
		if ctx.Err() == nil {
			reason = err.Error()
			l.Logger.Warn("connection lost", "reason", reason, "after", l.Now().Sub(began).Round(time.Millisecond))
		}
		l.Set(source.StateDown, reason)
		p.Ended(now, reason)
		source.Pause(ctx, l.RetryMin, l.RetryMax, failures, errors.Is(err, ErrLogin))
	}
	p.Close()
	return l.out.Flush(ctx, l.Grace)
}

// connect dials and works the connection until it ends. It gives whether the snapshot was taken, and when the end was by
// the system's clock.
func (l *Line) connect(ctx context.Context, p Protocol) (listed bool, now time.Time, err error) {
	nc, err := l.dial(ctx)
	if err != nil {
		return false, l.Now(), fmt.Errorf("connect: %w", err)
	}
	at := l.Now()
	c := &Conn{Heard: at, At: at, Began: at, line: l, net: nc, chunks: make(chan chunk, readAhead)}
	s := p.Begin(c)
	err = c.work(ctx, s)
	return s.Listed(), s.Now(), err
}
