// Package stage plays captures of telephony systems to those who connect as if
// to the system itself. It moves a capture's time and takes connections; what the
// system says, knows and answers is its [System]'s.
//
// # Invariants
//
//   - A line is given to the system before it is sent, and no command is taken
//     in between: an answer agrees with the lines that were sent before it.
//   - Where a connection of the capture ended, all connections end; none is
//     taken until the capture has the next one.
//   - A client that does not read is waited for when the play has no speed of its
//     own, and cut off when too much is queued for it.
package stage

import (
	"context"
	"sync"
	"time"
)

// System is what is played: the lines of a capture in its lives, each of them
// what one connection of the capture saw. Except for Lives, Life and Line its
// methods are called one at a time.
type System interface {
	Lives() int
	// Life tells when a life began and ended, and how many lines it has.
	Life(life int) (from, to time.Time, lines int)
	// Line returns a line of a life.
	Line(life, line int) Line
	// Begin starts the system for a life; what it knew before is forgotten.
	Begin(life int)
	// Apply lets the system know what a line says, before it is sent.
	Apply(life, line int)
	// Greet begins to serve a client.
	Greet(c *Client) Visitor
	// Farewell is what clients are told at the end of a life; may be nil.
	Farewell(life int) []byte
}

// Line is what a system says at a time.
type Line struct {
	At  time.Time
	Off int64 // in the capture
	Raw []byte
}

// Visitor is a client as the system sees it. Its methods are called one at a
// time with those of the system.
type Visitor interface {
	// Wants tells whether the client gets a line.
	Wants(life, line int) bool
	// Take takes a line that the client sent, without its end.
	Take(text string)
}

// Options say how a capture is played.
type Options struct {
	// Speed is how many times faster than it happened; 0 as fast as clients take it.
	Speed float64
	// Patience is how long each beginning of the capture's connections waits for
	// a client that has taken its snapshot; 0 does not wait.
	Patience time.Duration
}

// Stage plays one system, once.
type Stage struct {
	o      Options
	system System

	mu      sync.Mutex // guards what is below
	drained *sync.Cond // a client took what was queued for it
	life    int        // in hand
	open    bool       // connections are taken
	now     time.Time  // of the capture, at mark
	limit   time.Time  // the next line, which the clock does not pass
	mark    time.Time
	running bool
	clients map[*Client]Visitor
	ready   chan struct{} // closed when a client has taken its snapshot
	cuts    []cut
}

// cut breaks all connections at an offset of the capture.
type cut struct {
	offset int64
	gap    time.Duration
}

// New returns a stage on which a system is about to play.
func New(s System, o Options) *Stage {
	p := &Stage{o: o, system: s, open: true, clients: make(map[*Client]Visitor), ready: make(chan struct{})}
	p.drained = sync.NewCond(&p.mu)
	p.now = p.Start()
	s.Begin(0)
	return p
}

// Start returns when the capture begins.
func (p *Stage) Start() time.Time {
	from, _, _ := p.system.Life(0)
	return from
}

// End returns when the capture ends.
func (p *Stage) End() time.Time {
	_, to, _ := p.system.Life(p.system.Lives() - 1)
	return to
}

// Cut breaks all connections when the line with the capture's byte at offset is
// sent, in the middle of it, and takes none for the time gap of the capture.
// Cuts are given in the order of their offsets, before [Stage.Play].
func (p *Stage) Cut(offset int64, gap time.Duration) { p.cuts = append(p.cuts, cut{offset, gap}) }

// Now returns the time of the capture.
func (p *Stage) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Clock()
}

// Clock is Now for systems and visitors while they are called.
func (p *Stage) Clock() time.Time {
	if !p.running || p.o.Speed == 0 {
		return p.now
	}
	now := p.now.Add(time.Duration(float64(time.Since(p.mark)) * p.o.Speed))
	if now.After(p.limit) {
		return p.limit
	}
	return now
}

// Ready notes that a client has taken its snapshot; for systems and visitors
// while they are called.
func (p *Stage) Ready() {
	select {
	case <-p.ready:
	default:
		close(p.ready)
	}
}

// Play moves through the capture once. It returns when the capture is over, with
// all connections closed, or with the context's error.
func (p *Stage) Play(ctx context.Context) error {
	defer p.shut(nil)
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		p.drained.Broadcast()
		p.mu.Unlock()
	})
	defer stop()
	for i := range p.system.Lives() {
		if i > 0 {
			from, _, _ := p.system.Life(i)
			if err := p.reach(ctx, from); err != nil {
				return err
			}
		}
		p.begin(i)
		if err := p.await(ctx, i); err != nil {
			return err
		}
		_, to, lines := p.system.Life(i)
		for k := range lines {
			if err := p.step(ctx, i, k); err != nil {
				return err
			}
		}
		if err := p.reach(ctx, to); err != nil {
			return err
		}
		p.shut(p.system.Farewell(i))
	}
	p.leave(ctx)
	return nil
}

// leave waits until the clients have what was sent to them.
func (p *Stage) leave(ctx context.Context) {
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
	for len(p.clients) > 0 && !over && ctx.Err() == nil {
		p.drained.Wait()
	}
}

// begin starts the system of a life.
func (p *Stage) begin(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i > 0 {
		p.system.Begin(i)
		p.ready = make(chan struct{})
	}
	from, _, _ := p.system.Life(i)
	p.life, p.now, p.open = i, from, true
	p.running = false
}

// backSoon is how long a later connection of the capture waits for a client at
// most: one that was there before is back by then.
const backSoon = time.Minute

// await waits for a client.
func (p *Stage) await(ctx context.Context, i int) error {
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
func (p *Stage) reach(ctx context.Context, at time.Time) error {
	p.mu.Lock()
	if at.Before(p.now) {
		at = p.now
	}
	p.limit = at
	wait := time.Duration(0)
	if p.o.Speed > 0 {
		wait = time.Duration(float64(at.Sub(p.Clock())) / p.o.Speed)
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

// step plays one line.
func (p *Stage) step(ctx context.Context, i, k int) error {
	line := p.system.Line(i, k)
	if err := p.reach(ctx, line.At); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.o.Speed == 0 && p.behind() && ctx.Err() == nil {
		p.drained.Wait()
	}
	p.system.Apply(i, k)
	raw, broken := line.Raw, false
	if len(p.cuts) > 0 && p.cuts[0].offset < line.Off+int64(len(raw)) {
		broken = true
		raw = raw[:max(p.cuts[0].offset-line.Off, 0)]
	}
	for c, v := range p.clients {
		if v.Wants(i, k) {
			c.Put(raw)
		}
		if broken {
			c.End()
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

// reopen takes connections again after a cut, unless the system itself is down.
func (p *Stage) reopen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = p.running
}

func (p *Stage) behind() bool {
	for c := range p.clients {
		if len(c.out) > keepUp {
			return true
		}
	}
	return false
}

// shut ends all connections when clients have what was sent.
func (p *Stage) shut(farewell []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open, p.running = false, false
	for c := range p.clients {
		c.Put(farewell)
		c.End()
	}
}
