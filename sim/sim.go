package sim

import (
	"fmt"
	"strconv"
	"time"

	"trunkline/event"
)

// Item is one fact with its envelope.
type Item struct {
	Meta event.Meta
	Fact event.Fact
}

// Sim is a contact centre at work. It is not safe for concurrent use.
type Sim struct {
	cfg    Config
	source string
	agenda
	rnd    random // what happens
	ids    random // what it is called
	sites  []*site
	end    int64 // no arrivals from here on, -1 is never
	books  *Books
	facts  map[string]*int
	out    []Item
	taken  int
	counts uint64 // of facts, for their ids
	idHigh []byte // the first half of every fact's id
	order  uint64 // of visits

	open      int // interactions
	legs      int // agents' parts in them
	promised  int // callbacks
	trailing  int // what still follows an interaction: surveys, recordings, supervisors
	draining  bool
	finished  bool
	startUnix int64
}

// New prepares a contact centre. Nothing has happened yet: the first call of
// [Sim.Next] announces the queues and agents.
func New(cfg Config) (*Sim, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Sim{
		cfg:       cfg,
		source:    "sim/" + cfg.Tenant,
		rnd:       newRandom(cfg.Seed, mix64(uint64(cfg.Run))),
		ids:       newRandom(mix64(cfg.Seed), mix64(uint64(cfg.Run)+1)),
		end:       -1,
		facts:     make(map[string]*int),
		startUnix: cfg.Start.UnixMilli(),
		books: &Books{
			Queues: make(map[string]*QueueBook), Agents: make(map[string]*AgentBook),
			Messages: make(map[string]int), Outcomes: make(map[Outcome]int),
		},
	}
	s.idHigh = appendUUIDHigh(nil, s.ids.Uint64(), 8)
	if cfg.KeepInteractions {
		s.books.Interactions = make(map[string]*InteractionBook)
	}
	if cfg.Length > 0 {
		s.end = cfg.Length.Milliseconds()
	}
	s.sites = build(cfg)
	for _, st := range s.sites {
		for _, q := range st.queues {
			q.book = &QueueBook{}
			s.books.Queues[q.id] = q.book
		}
		for _, a := range st.agents {
			a.book = &AgentBook{Away: make(map[string]int)}
			s.books.Agents[a.id] = a.book
		}
	}
	if s.end >= 0 { // before everything else of that instant
		s.after(s.end, s.close)
	}
	s.after(0, s.begin)
	return s, nil
}

// Next returns the next fact, in the order of time. It is false when the
// simulation is over.
func (s *Sim) Next() (Item, bool) {
	for s.taken == len(s.out) {
		clear(s.out)
		s.out, s.taken = s.out[:0], 0
		if s.finished || !s.step() {
			return Item{}, false
		}
		if s.draining {
			s.rest()
		}
	}
	s.taken++
	return s.out[s.taken-1], true
}

// All hands out every fact that is left; with a Config without a length it
// never ends by itself.
func (s *Sim) All(yield func(event.Meta, event.Fact) bool) {
	for {
		it, ok := s.Next()
		if !ok || !yield(it.Meta, it.Fact) {
			return
		}
	}
}

// Halt ends the simulation where it is, whatever is still open, and returns the
// fact that says so. Facts that Next has not handed out yet are dropped.
func (s *Sim) Halt(reason string) Item {
	clear(s.out)
	s.out, s.taken = s.out[:0], 0
	s.finished = true
	s.emit(event.SourceDown{SourceRef: event.SourceRef{Source: s.source}, Reason: reason, Orderly: true})
	it := s.out[0]
	s.out = s.out[:0]
	return it
}

// Now is how far the simulation is, by its own clock.
func (s *Sim) Now() time.Time { return s.at(s.now) }

// Books closes the books at [Sim.Now] and returns a copy. They include facts
// that Next has still to hand out: those of the same instant.
func (s *Sim) Books() *Books {
	for _, st := range s.sites {
		for _, a := range st.agents {
			s.observe(a)
		}
	}
	s.books.At = s.Now()
	s.books.Facts = make(map[string]int, len(s.facts))
	for kind, n := range s.facts {
		s.books.Facts[kind] = *n
	}
	s.books.Callbacks.Open = s.promised
	return s.books.clone()
}

// Person is somebody who works in the simulated centre.
type Person struct{ ID, GUID, Login, Name, Role string }

// Line is a queue of the simulated centre.
type Line struct{ ID, GUID, Name, Media string }

// People lists the agents and supervisors, the same in every run of a seed.
func (s *Sim) People() []Person {
	var list []Person
	for _, st := range s.sites {
		for _, a := range st.agents {
			list = append(list, Person{a.id, a.guid, a.login, a.name(), "agent"})
		}
		for _, b := range st.bosses {
			list = append(list, Person{b.id, b.guid, "", b.given + " " + b.family, "supervisor"})
		}
	}
	return list
}

// Lines lists the queues.
func (s *Sim) Lines() []Line {
	var list []Line
	for _, st := range s.sites {
		for _, q := range st.queues {
			list = append(list, Line{q.id, q.guid, q.name, q.media})
		}
	}
	return list
}

func (s *Sim) at(ms int64) time.Time { return s.cfg.Start.Add(time.Duration(ms) * time.Millisecond) }

// clock is the site's clock, in milliseconds.
func (s *Sim) clock() int64 { return s.startUnix + s.now + s.cfg.Offset.Milliseconds() }

// emit hands out a fact at this instant.
func (s *Sim) emit(f event.Fact) {
	s.counts++
	kind := f.EventType()
	n := s.facts[kind]
	if n == nil {
		n = new(int)
		s.facts[kind] = n
	}
	*n++
	var id [36]byte
	s.out = append(s.out, Item{
		Meta: event.Meta{
			ID:     string(appendUUIDLow(append(id[:0], s.idHigh...), scramble62(s.counts))),
			Source: s.source, Tenant: s.cfg.Tenant, Time: s.at(s.now),
		},
		Fact: f,
	})
}

// interactionID makes an id in the form that 8x8 uses.
func (s *Sim) interactionID(media string) string {
	b := make([]byte, 0, 64)
	b = append(b, "int-"...)
	b = strconv.AppendInt(b, s.startUnix+s.now, 16)
	b = append(b, '-')
	b = s.ids.token(b, 25)
	b = append(b, '-')
	b = append(b, media...)
	b = append(b, "-00-"...)
	return string(append(b, s.cfg.Tenant...))
}

func (s *Sim) shortID(prefix string) string { return string(s.ids.token([]byte(prefix), 12)) }

// begin announces the source, the queues and the people, and lets the day start.
func (s *Sim) begin() {
	ref := event.SourceRef{Source: s.source}
	if s.cfg.Run > 0 {
		s.emit(event.SourceReset{SourceRef: ref, Reason: event.ResetRestart,
			Detail: fmt.Sprintf("run %d of the simulation begins", s.cfg.Run+1)})
	}
	s.emit(event.SourceUp{SourceRef: ref, Kind: "sim", Version: "1"})
	for _, st := range s.sites {
		for _, q := range st.queues {
			s.announceQueue(st, q)
		}
		for _, b := range st.bosses {
			s.announceSupervisor(st, b)
		}
		for _, a := range st.agents {
			s.announceAgent(a)
		}
	}
	for _, st := range s.sites {
		for _, a := range st.agents {
			s.firstShift(a)
		}
		s.startArrivals(st)
		if s.cfg.Busy {
			s.rush(st)
		}
	}
}

// close is the end of the arrivals.
func (s *Sim) close() {
	if !s.cfg.Drain {
		s.finished = true
		return
	}
	s.draining = true
	s.callEverybodyIn()
}

// rest ends a simulation that drains and has nothing left to do.
func (s *Sim) rest() {
	if !s.draining || s.finished || s.open > 0 || s.legs > 0 || s.promised > 0 || s.trailing > 0 {
		return
	}
	for _, st := range s.sites {
		for _, a := range st.agents {
			s.logout(a)
		}
	}
	s.emit(event.SourceDown{SourceRef: event.SourceRef{Source: s.source}, Reason: "the simulation is over", Orderly: true})
	s.finished = true
}
