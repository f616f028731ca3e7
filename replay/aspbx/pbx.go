package aspbx

import (
	"fmt"
	"io"
	"slices"
	"time"

	"trunkline/replay"
	"trunkline/replay/stage"
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

// PBX serves a capture, on the stage that it embeds.
type PBX struct {
	*stage.Stage
	o       Options
	name    string
	lives   []*life
	filters *filters // of all that serve this capture
	at      int      // the life in hand
	world   *world
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
	p.Stage = stage.New(system{p}, stage.Options{Speed: o.Speed, Patience: o.Patience})
	return p
}

// Name returns the systemname in the capture.
func (p *PBX) Name() string { return p.name }

func (p *PBX) zone() *time.Location {
	if p.o.Zone != nil {
		return p.o.Zone
	}
	return time.UTC
}

// system is the PBX as the stage plays it.
type system struct{ *PBX }

func (s system) Lives() int { return len(s.lives) }

func (s system) Life(i int) (from, to time.Time, lines int) {
	v := s.lives[i]
	return v.from, v.to, len(v.events)
}

func (s system) Line(i, k int) stage.Line {
	m := &s.lives[i].events[k]
	return stage.Line{At: m.at, Off: m.off, Raw: m.raw}
}

func (s system) Begin(i int) { s.at, s.world = i, newWorld(s.lives[i]) }

func (s system) Apply(i, k int) { s.world.apply(&s.lives[i].events[k]) }

func (s system) Greet(c *stage.Client) stage.Visitor {
	c.Put([]byte(s.lives[s.at].banner + "\r\n"))
	return &session{p: s.PBX, c: c, action: make(map[string]string)}
}

func (s system) Farewell(int) []byte { return nil }
