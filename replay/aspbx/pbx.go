package aspbx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"trunkline/replay"
)

// Options say how a capture is served. A zero field takes its default.
type Options struct {
	// User and Secret are those to log in with; default "trunkline" for both.
	User, Secret string
	// Write are the classes of actions that the user may ask for; default "all".
	// CoreStatus, CoreShowChannels and DeviceStateList need "reporting", Filter
	// needs "system".
	Write string
	// Speed is how many times faster than it happened; 0 as fast as clients take it.
	Speed float64
	// Patience is how long each beginning of the capture's connections waits for
	// a client that has logged in and taken its snapshot; 0 does not wait.
	Patience time.Duration
	// Reboot lets the PBX come back, without calls, that long after the capture's
	// end, and stay for as long; 0 does not.
	Reboot time.Duration
	// Zone is the time zone in which CoreStatus says when the PBX was started.
	Zone *time.Location
}

// PBX serves a capture.
type PBX struct {
	o       Options
	name    string
	lives   []*life
	filters *filters // of all that serve this capture

	mu       sync.Mutex
	drained  *sync.Cond // a client took what was queued for it
	at       int        // the life in hand
	open     bool       // connections are taken
	world    *world
	now      time.Time // of the capture, at mark
	limit    time.Time // the next event, which the clock does not pass
	mark     time.Time
	running  bool
	sessions map[*session]bool
	ready    chan struct{} // closed when a client has taken its snapshot
	cuts     []cut
}

// cut breaks all connections at an offset of the capture.
type cut struct {
	offset int64
	gap    time.Duration
}

// Load makes a PBX of a capture. The record of reads gives it its timing;
// without it the times are those that the PBX gave its events.
func Load(capture io.Reader, reads []replay.Read, o Options) (*PBX, error) {
	data, err := io.ReadAll(capture)
	if err != nil {
		return nil, fmt.Errorf("read the capture: %w", err)
	}
	l, err := load(data, reads)
	if err != nil {
		return nil, err
	}
	p := &PBX{name: l.name, lives: l.lives, filters: &filters{}}
	return p.with(o), nil
}

// With returns a PBX that serves the same capture from its start with other
// options.
func (p *PBX) With(o Options) *PBX {
	return (&PBX{name: p.name, lives: p.lives, filters: p.filters}).with(o)
}

func (p *PBX) with(o Options) *PBX {
	if o.User == "" {
		o.User = "trunkline"
	}
	if o.Secret == "" {
		o.Secret = "trunkline"
	}
	if o.Write == "" {
		o.Write = "all"
	}
	p.o = o
	if o.Reboot > 0 {
		last := p.lives[len(p.lives)-1]
		from := last.to.Add(o.Reboot)
		p.lives = append(slices.Clone(p.lives), &life{banner: last.banner, boot: from, from: from, to: from.Add(o.Reboot), rows: last.rows})
	}
	p.drained = sync.NewCond(&p.mu)
	p.sessions = make(map[*session]bool)
	p.ready = make(chan struct{})
	p.world = newWorld(p.lives[0])
	p.now = p.lives[0].from
	p.open = true
	return p
}

// Name returns the systemname in the capture.
func (p *PBX) Name() string { return p.name }

// Start returns when the capture begins.
func (p *PBX) Start() time.Time { return p.lives[0].from }

// End returns when the capture ends.
func (p *PBX) End() time.Time { return p.lives[len(p.lives)-1].to }

// Cut breaks all connections when the event with the capture's byte at offset is
// sent, in the middle of it, and takes none for the time gap of the capture.
// Cuts are given in the order of their offsets, before [PBX.Play].
func (p *PBX) Cut(offset int64, gap time.Duration) { p.cuts = append(p.cuts, cut{offset, gap}) }

// Now returns the time of the capture.
func (p *PBX) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clock()
}

func (p *PBX) clock() time.Time {
	if !p.running || p.o.Speed == 0 {
		return p.now
	}
	now := p.now.Add(time.Duration(float64(time.Since(p.mark)) * p.o.Speed))
	if now.After(p.limit) {
		return p.limit
	}
	return now
}

func (p *PBX) zone() *time.Location {
	if p.o.Zone != nil {
		return p.o.Zone
	}
	return time.UTC
}

// asked notes that a client has taken its snapshot; under p.mu.
func (p *PBX) asked(_ *session, action string) {
	if action != "queuesummary" {
		return
	}
	select {
	case <-p.ready:
	default:
		close(p.ready)
	}
}

// Serve takes connections until the listener is closed.
func (p *PBX) Serve(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept a manager connection: %w", err)
		}
		go p.ServeConn(conn)
	}
}

// ServeConn serves one client until it hangs up or the capture's connection
// ends. Where the PBX is down, the connection is closed at once.
func (p *PBX) ServeConn(conn net.Conn) {
	s := &session{p: p, conn: conn, wake: make(chan struct{}, 1)}
	p.mu.Lock()
	if !p.open {
		p.mu.Unlock()
		conn.Close()
		return
	}
	p.sessions[s] = true
	s.put([]byte(p.lives[p.at].banner + "\r\n"))
	p.mu.Unlock()
	var writer sync.WaitGroup
	writer.Go(s.write)
	s.read()
	p.mu.Lock()
	delete(p.sessions, s)
	s.drop()
	p.drained.Broadcast()
	p.mu.Unlock()
	close(s.wake)
	writer.Wait()
}

// Play moves through the capture once. It returns when the capture is over, with
// all connections closed, or with the context's error.
func (p *PBX) Play(ctx context.Context) error {
	defer p.shut()
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		p.drained.Broadcast()
		p.mu.Unlock()
	})
	defer stop()
	for i, v := range p.lives {
		p.begin(i)
		if err := p.await(ctx, i); err != nil {
			return err
		}
		for k := range v.events {
			if err := p.step(ctx, &v.events[k]); err != nil {
				return err
			}
		}
		if err := p.reach(ctx, v.to); err != nil {
			return err
		}
		p.shut()
		if i+1 < len(p.lives) {
			if err := p.reach(ctx, p.lives[i+1].from); err != nil {
				return err
			}
		}
	}
	p.leave(ctx)
	return nil
}

// leave waits until the clients have what was sent to them.
func (p *PBX) leave(ctx context.Context) {
	const patience = 5 * time.Second
	over := false
	timer := time.AfterFunc(patience, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		over = true
		p.drained.Broadcast()
	})
	defer timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.sessions) > 0 && !over && ctx.Err() == nil {
		p.drained.Wait()
	}
}

// begin boots the PBX of a life.
func (p *PBX) begin(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i > 0 {
		p.world = newWorld(p.lives[i])
		p.ready = make(chan struct{})
	}
	p.at, p.now, p.open = i, p.lives[i].from, true
	p.running = false
}

// backSoon is how long a later connection of the capture waits for a client at
// most: one that was there before is back by then.
const backSoon = time.Minute

// await waits for a client.
func (p *PBX) await(ctx context.Context, i int) error {
	if patience := p.o.Patience; patience > 0 {
		if i > 0 {
			patience = min(patience, backSoon)
		}
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-p.ready:
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mark, p.limit, p.running = time.Now(), p.now, true
	return nil
}

// reach lets the capture's time come to at.
func (p *PBX) reach(ctx context.Context, at time.Time) error {
	p.mu.Lock()
	if at.Before(p.now) {
		at = p.now
	}
	p.limit = at
	wait := time.Duration(0)
	if p.o.Speed > 0 {
		wait = time.Duration(float64(at.Sub(p.clock())) / p.o.Speed)
	}
	p.mu.Unlock()
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	p.now, p.mark, p.limit = at, time.Now(), at
	p.mu.Unlock()
	return ctx.Err()
}

// keepUp is how much may be queued for a client before the play waits for it,
// when it has no speed of its own.
const keepUp = 256 << 10

// step plays one event.
func (p *PBX) step(ctx context.Context, m *message) error {
	if err := p.reach(ctx, m.at); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.o.Speed == 0 && p.behind() && ctx.Err() == nil {
		p.drained.Wait()
	}
	p.world.apply(m)
	raw, broken := m.raw, false
	if len(p.cuts) > 0 && p.cuts[0].offset < m.off+int64(len(raw)) {
		broken = true
		raw = raw[:max(p.cuts[0].offset-m.off, 0)]
	}
	for s := range p.sessions {
		if s.wants(m) {
			s.put(raw)
		}
		if broken {
			s.end()
		}
	}
	if broken {
		p.open = false
		gap := time.Duration(0)
		if p.o.Speed > 0 {
			gap = time.Duration(float64(p.cuts[0].gap) / p.o.Speed)
		}
		p.cuts = p.cuts[1:]
		time.AfterFunc(gap, p.reopen)
	}
	return nil
}

// reopen takes connections again after a cut, unless the PBX itself is down.
func (p *PBX) reopen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = p.running
}

func (p *PBX) behind() bool {
	for s := range p.sessions {
		if len(s.out) > keepUp {
			return true
		}
	}
	return false
}

// shut ends all connections when clients have what was sent.
func (p *PBX) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open, p.running = false, false
	for s := range p.sessions {
		s.end()
	}
}
