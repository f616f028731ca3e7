package asesl

import (
	"fmt"
	"io"
	"time"

	"trunkline/replay"
	"trunkline/replay/stage"
)

// Options say how a capture is served. A zero field takes its default.
type Options struct {
	// Password is that to log in with; default "ClueCon", as FreeSWITCH has it.
	Password string
	// Speed is how many times faster than it happened; 0 as fast as clients take it.
	Speed float64
	// Patience is how long each beginning of the capture's connections waits for
	// a client that has logged in and taken its snapshot; 0 does not wait.
	Patience time.Duration
}

// Switch serves a capture, on the stage that it embeds.
type Switch struct {
	*stage.Stage
	o     Options
	lives []*life
	at    int // the life in hand
	world *world
}

// Load makes a switch of a capture. The record of reads gives it its timing;
// without it the times are those of the events.
func Load(capture io.Reader, reads []replay.Read, o Options) (*Switch, error) {
	data, err := io.ReadAll(capture)
	if err != nil {
		return nil, fmt.Errorf("read the capture: %w", err)
	}
	lives, err := load(data, reads)
	if err != nil {
		return nil, err
	}
	return newSwitch(lives, o), nil
}

// With returns a switch that serves the same capture from its start with other
// options.
func (s *Switch) With(o Options) *Switch { return newSwitch(s.lives, o) }

func newSwitch(lives []*life, o Options) *Switch {
	if o.Password == "" {
		o.Password = "ClueCon"
	}
	s := &Switch{o: o, lives: lives}
	s.Stage = stage.New(system{s}, stage.Options{Speed: o.Speed, Patience: o.Patience})
	return s
}

// system is the switch as the stage plays it.
type system struct{ *Switch }

func (s system) Lives() int { return len(s.lives) }

func (s system) Life(i int) (from, to time.Time, lines int) {
	l := s.lives[i]
	return l.from, l.to, len(l.events)
}

func (s system) Line(i, k int) stage.Line {
	f := &s.lives[i].events[k]
	return stage.Line{At: f.at, Off: f.off, Raw: f.raw}
}

func (s system) Begin(i int) { s.at, s.world = i, newWorld(s.lives[i]) }

func (s system) Apply(i, k int) { s.world.apply(&s.lives[i].events[k]) }

func (s system) Greet(c *stage.Client) stage.Visitor {
	c.Put([]byte("Content-Type: auth/request\n\n"))
	return &session{p: s.Switch, c: c}
}

func (s system) Farewell(i int) []byte { return s.lives[i].notice }
