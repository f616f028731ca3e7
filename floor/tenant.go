package floor

import (
	"time"

	"trunkline/floor/interval"
	"trunkline/floor/wait"
)

// Settings are what a tenant's floor is configured with. They must be the same
// wherever the same log is folded.
type Settings struct {
	Zone           *time.Location   // whose midnight begins the day; nil is UTC
	ServiceLevelMS int64            // for queues whose configuration has none; 20,000 by default
	ServiceLevelOf map[string]int64 // of single queues whose configuration has none
	ShortAbandonMS int64            // the same for short abandons; 5,000 by default
	WrapupLimitMS  map[string]int64 // of queues whose configuration has none and whose source tells of no wrap-up

	// SourceSilenceMS is after how long without a word a source counts as down that has said
	// that it is up and has given no bound of its own; 0: never. SourceSilence has the bounds
	// of single sources, which go before what they say themselves; 0: never.
	SourceSilenceMS int64
	SourceSilence   map[string]int64

	WaitMethod wait.Method // by which a queue's cap on the estimated wait is judged

	// Statuses says of queues and agents how they measure (queue.measured, agent.measured,
	// agent.utilised), and keeps what the push feed's payloads accumulate.
	Statuses bool

	Intervals     bool          // keep the 15-minute rows for workforce management
	IntervalGrace time.Duration // how long after its end a slice is published; 5 minutes by default
	IntervalKeep  time.Duration // how long after its end late facts restate it; 2 hours by default

	MaxInteractions int           // open at once; 200,000 by default
	MaxEnded        int           // ended ones kept for what follows; 50,000 by default
	KeepEnded       time.Duration // how long an ended one is kept; 15 minutes by default
	MaxSilence      time.Duration // after which an open one is given up; 7 days by default
	MaxAgents       int           // 200,000 by default
	MaxQueues       int           // 20,000 by default
}

func (s Settings) withDefaults() Settings {
	or := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	or(&s.MaxInteractions, 200_000)
	or(&s.MaxEnded, 50_000)
	or(&s.MaxAgents, 200_000)
	or(&s.MaxQueues, 20_000)
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	if s.ServiceLevelMS <= 0 {
		s.ServiceLevelMS = 20_000
	}
	if s.ShortAbandonMS <= 0 {
		s.ShortAbandonMS = 5_000
	}
	if s.KeepEnded <= 0 {
		s.KeepEnded = 15 * time.Minute
	}
	if s.IntervalGrace <= 0 {
		s.IntervalGrace = 5 * time.Minute
	}
	if s.IntervalKeep <= 0 {
		s.IntervalKeep = 2 * time.Hour
	}
	s.IntervalKeep = max(s.IntervalKeep, s.IntervalGrace)
	if s.MaxSilence <= 0 {
		s.MaxSilence = 7 * 24 * time.Hour
	}
	return s
}

// Totals count since the beginning of the log, or of the snapshot's.
type Totals struct {
	Created, Ended, Lost                             int
	Outcomes                                         [NumOutcomes]int
	CallbacksMade, CallbacksClosed, CallbackAttempts int
}

// Repairs count what sources left out.
type Repairs struct {
	Starts      int // begins that were made up
	Ends        int // ends that were made up
	Corrections int // floor.corrected facts
	Unsaid      int // facts that could not be derived
}

// Tenant is the floor of one tenant: a fold of its records. It is not safe for
// concurrent use.
type Tenant struct {
	Name     string
	Sequence uint64 // of the record folded last
	Channels [NumMedia]Row
	Totals   Totals

	set          Settings
	now          int64 // the log's time: when the record folded last was received
	at           int64 // the time of the fact folded last, by its source
	agents       map[string]*Agent
	queues       map[string]*Queue
	interactions map[string]*Interaction
	callbacks    map[string]*Callback
	plain        Details // of all agents who have none; stays empty
	sources      map[string]*Source
	lastSource   *Source
	open, ended  chain
	inState      [NumStates]int32
	missing      Repairs
	visitNo      uint64
	derivedNo    uint64
	streamSeq    uint64
	midnight     int64 // when the next day begins
	outbox       []said
	timers       *timers
	intervals    interval.Book
	nextClose    int64 // when slices of time are published next

	in      input
	tick    uint64           // of the record being folded: an entity with this mark is in changes already
	media   [NumMedia]uint64 // the same for the channels
	changes []Change
	rows    []interval.Row
	moved   []moved
	leaving []*Agent
	context []byte
}

// moved is an agent whose state the record changed.
type moved struct {
	agent *Agent
	from  State
}

func newTenant(name string, set Settings, tm *timers) *Tenant {
	return &Tenant{
		Name: name, set: set.withDefaults(), timers: tm, agents: map[string]*Agent{}, queues: map[string]*Queue{},
		interactions: map[string]*Interaction{}, callbacks: map[string]*Callback{}, sources: map[string]*Source{},
	}
}

// advance lets the log's time pass: a new day begins, what is over for long is
// forgotten, what was silent for too long is given up.
func (t *Tenant) advance(now int64) {
	if now <= t.now && t.midnight > 0 {
		return
	}
	t.now = max(t.now, now)
	if t.at == 0 {
		t.at = t.now
	}
	if t.now >= t.midnight {
		t.newDay()
	}
	for it := t.ended.head; it != nil && it.touched+t.set.KeepEnded.Milliseconds() <= t.now; it = t.ended.head {
		t.purge(it)
	}
	for it := t.open.head; it != nil && it.touched+t.set.MaxSilence.Milliseconds() <= t.now; it = t.open.head {
		t.giveUp(it, "silent", &input{at: t.at})
	}
	t.closeIntervals()
}

// newDay takes all counters back to zero at the tenant's midnight. The times of
// agents in a state that goes on are cut there.
func (t *Tenant) newDay() {
	at := moment(t.now).In(t.set.Zone)
	next := time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, t.set.Zone).UnixMilli()
	if next <= t.now { // a midnight that the zone skips or has twice
		next = t.now + time.Hour.Milliseconds()
	}
	last := t.midnight
	t.midnight = next
	if last == 0 {
		return // the first record of all begins its day in the middle
	}
	for i := range t.Channels {
		t.Channels[i].reset()
		t.touchChannel(Medium(i))
	}
	for _, q := range t.queues {
		q.reset()
		q.WaitsTaken, q.WaitsOthers = Waits{}, Waits{}
		q.Estimates.NewDay()
		for m, r := range q.ByMedium {
			if r != nil {
				r.reset()
				t.touchCount(q, Medium(m), nil, nil)
			}
		}
		t.touchQueue(q)
	}
	for _, a := range t.agents {
		a.reset()
		a.Time, a.Aways = [NumStates]int64{}, nil
		a.accrued = max(a.accrued, last)
		keep := a.ByQ[:0]
		for i := range a.ByQ {
			r := &a.ByQ[i]
			r.reset()
			t.touchCount(nil, 0, r, a)
			if r.Active+r.Held+r.Wrapping+r.Alerting+r.Coaches != 0 {
				keep = append(keep, *r)
			}
		}
		clear(a.ByQ[len(keep):])
		a.ByQ = keep
		if a.only = 0; a.byM != nil {
			a.keepChannels(nil)
		}
		t.touchAgent(a)
	}
}

// maxAhead is how far a source's clock may be ahead of the log's, in
// milliseconds. A time beyond it is a mistake and would stand in the way of all
// that come after it: the time of reception is taken instead. Nothing bounds how
// far a time may lie behind, because a capture of last year may be replayed.
const maxAhead = 24 * 60 * 60 * 1000

// EventTime is when a fact happened, in epoch milliseconds: the source's time,
// unless the source gave none (0) or one that cannot be.
func EventTime(source, received int64) int64 {
	if source == 0 || source > received+maxAhead {
		return received
	}
	return source
}

// fold folds one fact in and gives the interaction it is about.
func (t *Tenant) fold(in *input, derived bool) *Interaction {
	in.at = EventTime(in.at, t.now)
	var s *Source
	if !derived {
		t.at = in.at
		s = t.source(in.source)
		t.heard(s, in)
		t.sourceClock(s, in.at)
	}
	if in.kind.ofInteraction() {
		it := t.foldInteraction(in, derived)
		if it != nil && !derived {
			t.keepStory(it, in)
		}
		return it
	}
	switch in.kind {
	case kindAgentStatus:
		t.status(in)
	case kindAgentMode:
		t.mode(in)
	case kindAgentProvisioned:
		t.provision(in)
	case kindAgentTerminal:
		if a := t.agent(in.agent); a != nil && a.Terminal != in.state {
			a.detail(func(d *Details) *string { return &d.Terminal }, in.state)
			t.touchAgent(a)
		}
	case kindWrapupRequested:
		t.wrapupRequested(in)
	case kindQueueConfigured:
		t.configure(in)
	case kindQueueAvailability:
		t.availabilityTold(in)
	case kindMeasured:
		t.measureTold(in)
	case kindCallback:
		t.callback(in)
	case kindSourceUp, kindSourceDown, kindSourceGap, kindSourceReset:
		switch {
		case s != nil:
			t.health(s, in)
		case in.kind == kindSourceDown:
			t.silent(in)
		}
	}
	return nil
}
