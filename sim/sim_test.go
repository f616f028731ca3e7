package sim_test

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/event"
	"trunkline/sim"
)

func start(t interface{ Fatal(...any) }, cfg sim.Config) *sim.Sim {
	s, err := sim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// compare says where two books differ.
func compare(t interface{ Errorf(string, ...any) }, got, want *sim.Books) {
	same := func(what string, got, want any) {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the books say %+v, the facts %+v", what, got, want)
		}
	}
	same("at", got.At.UTC(), want.At.UTC())
	same("created", got.Created, want.Created)
	same("ended", got.Ended, want.Ended)
	same("facts", got.Facts, want.Facts)
	same("messages", got.Messages, want.Messages)
	same("outcomes", got.Outcomes, want.Outcomes)
	same("callbacks", got.Callbacks, want.Callbacks)
	same("number of queues", len(got.Queues), len(want.Queues))
	for id, q := range want.Queues {
		same("queue "+id, got.Queues[id], q)
	}
	same("number of agents", len(got.Agents), len(want.Agents))
	for id, a := range want.Agents {
		same("agent "+id, got.Agents[id], a)
	}
	same("number of interactions", len(got.Interactions), len(want.Interactions))
	for id, w := range want.Interactions {
		g := got.Interactions[id]
		if g == nil {
			t.Errorf("interaction %s is not in the books", id)
			continue
		}
		g.Created, g.Ended = g.Created.UTC(), g.Ended.UTC()
		same("interaction "+id, g, w)
	}
}

// consistent checks what must hold in any books.
func consistent(t interface{ Errorf(string, ...any) }, b *sim.Books, from time.Time, drained bool) {
	for id, q := range b.Queues {
		out := q.Answered + q.AbandonedShort + q.AbandonedLong + q.Timeout + q.Overflow + q.Key + q.Full + q.Transferred
		if q.Offered != out+q.Waiting {
			t.Errorf("queue %s: offered %d, outcomes %d, waiting %d", id, q.Offered, out, q.Waiting)
		}
		if q.WaitAnswered.Count != q.Answered || q.WaitLeft.Count != out-q.Answered {
			t.Errorf("queue %s: waits counted %d and %d", id, q.WaitAnswered.Count, q.WaitLeft.Count)
		}
		if drained && q.Waiting != 0 {
			t.Errorf("queue %s: %d still wait", id, q.Waiting)
		}
		if drained && q.Handled != q.Answered {
			t.Errorf("queue %s: %d handled, %d answered", id, q.Handled, q.Answered)
		}
	}
	for id, a := range b.Agents {
		var sum int64
		for _, ms := range a.Time {
			sum += ms
		}
		if sum != b.At.Sub(from).Milliseconds() {
			t.Errorf("agent %s: %d ms in all states, of %v", id, sum, b.At.Sub(from))
		}
		if drained && a.Offers != a.Accepted+a.NoAnswer+a.Rejected+a.Cancelled {
			t.Errorf("agent %s: %d offers do not end", id, a.Offers)
		}
	}
	total := 0
	for _, n := range b.Outcomes {
		total += n
	}
	if total != b.Ended || b.Ended > b.Created || drained && b.Ended != b.Created {
		t.Errorf("%d created, %d ended, %d outcomes", b.Created, b.Ended, total)
	}
	if drained && b.Callbacks.Open != 0 || b.Callbacks.Created != b.Callbacks.Closed+b.Callbacks.Open {
		t.Errorf("callbacks %+v", b.Callbacks)
	}
}

// audit runs a simulation to its end, sends every fact through the codec and
// holds the books against a recount of what came out of it.
func audit(t rapid.TB, cfg sim.Config) *sim.Books {
	cfg.KeepInteractions = true
	s, err := sim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := newRecounter(cfg.Start)
	ids := make(map[string]bool)
	for m, f := range s.All {
		e, err := event.Encode(m, f)
		if err != nil {
			t.Fatalf("%T: %v", f, err)
		}
		if e, err = event.Parse(e.Raw, event.DefaultLimits()); err != nil {
			t.Fatalf("%s: %v", e.Raw, err)
		}
		back, err := event.Decode(e)
		if err != nil {
			t.Fatalf("%s: %v", e.Raw, err)
		}
		if ids[e.ID] || e.Source != "sim/"+cfg.Tenant || e.Tenant != cfg.Tenant {
			t.Fatalf("identity of %s", e.Raw)
		}
		ids[e.ID] = true
		r.add(e.Time, back)
	}
	books := s.Books()
	for _, w := range r.wrong {
		t.Errorf("%s", w)
	}
	compare(t, books, r.close(books.At))
	consistent(t, books, cfg.Start, cfg.Drain)
	return books
}

func TestBooksEqualARecountOfTheFacts(t *testing.T) {
	for _, c := range []struct {
		name   string
		agents int
		seed   uint64
		length time.Duration
		load   float64
		drain  bool
	}{
		{"a day of five", 5, 1, 24 * time.Hour, 1, true},
		{"a day of twenty-five", 25, 2, 24 * time.Hour, 1, true},
		{"another seed", 25, 3, 10 * time.Hour, 1, true},
		{"cut off in the middle", 40, 4, 3 * time.Hour, 1, false},
		{"overrun", 30, 5, 2 * time.Hour, 2.5, true},
		{"two sites", 401, 6, 20 * time.Minute, 1, true},
		{"nobody calls", 10, 7, 24 * time.Hour, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := sim.DefaultConfig()
			cfg.Agents, cfg.Seed, cfg.Length, cfg.Load, cfg.Drain = c.agents, c.seed, c.length, c.load, c.drain
			cfg.Busy, cfg.Transcribed = c.seed%2 == 0, 0.1
			cfg.Start = time.Date(2026, time.March, 2, 7, 45, 0, 0, time.UTC)
			b := audit(t, cfg)
			t.Logf("%d interactions, occupancy %.2f, %+v", b.Created, b.Occupancy(), b.Sum())
		})
	}
}

func TestAnyCentreKeepsItsBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := sim.DefaultConfig()
		cfg.Tenant = rapid.StringMatching(`[a-z][a-z0-9]{0,12}`).Draw(t, "tenant")
		cfg.Seed = rapid.Uint64().Draw(t, "seed")
		cfg.Run = rapid.Uint32Range(0, 3).Draw(t, "run")
		cfg.Agents = rapid.IntRange(5, 40).Draw(t, "agents")
		cfg.Start = cfg.Start.Add(time.Duration(rapid.Int64Range(-1e9, 1e9).Draw(t, "start")) * time.Millisecond)
		cfg.Offset = time.Duration(rapid.IntRange(-12, 14).Draw(t, "offset")) * time.Hour
		cfg.Length = time.Duration(rapid.Int64Range(1, 90*60_000).Draw(t, "length")) * time.Millisecond
		cfg.Drain = rapid.Bool().Draw(t, "drain")
		cfg.Busy = rapid.Bool().Draw(t, "busy")
		cfg.Load = rapid.Float64Range(0, 3).Draw(t, "load")
		cfg.Transcribed = rapid.Float64Range(0, 0.3).Draw(t, "transcribed")
		audit(t, cfg)
	})
}

func TestOccupancyIsThatOfARealFloor(t *testing.T) {
	for _, agents := range []int{50, 400, 900} {
		cfg := sim.DefaultConfig()
		cfg.Agents, cfg.Transcribed, cfg.Start = agents, 0, time.Date(2026, time.March, 2, 10, 0, 0, 0, time.UTC)
		cfg.Length = 4 * time.Hour
		s := start(t, cfg)
		for range s.All {
		}
		b := s.Books()
		q := b.Sum()
		abandoned := float64(q.AbandonedShort+q.AbandonedLong) / float64(q.Offered)
		t.Logf("%d agents: occupancy %.3f, abandoned %.3f of %d, mean wait %.1f s", agents, b.Occupancy(), abandoned, q.Offered,
			float64(q.WaitAnswered.Sum)/1000/float64(q.WaitAnswered.Count))
		if o := b.Occupancy(); o < 0.70 || o > 0.85 {
			t.Errorf("%d agents: occupancy %.3f", agents, o)
		}
		if abandoned < 0.005 || abandoned > 0.12 {
			t.Errorf("%d agents: %.3f of the visits abandoned", agents, abandoned)
		}
	}
}

// fingerprint is a hash of every encoded byte.
func fingerprint(t *testing.T, cfg sim.Config) [32]byte {
	h := sha256.New()
	var buf []byte
	for m, f := range start(t, cfg).All {
		var err error
		if buf, err = event.AppendFact(buf[:0], m, f); err != nil {
			t.Fatal(err)
		}
		h.Write(buf)
	}
	return [32]byte(h.Sum(nil))
}

func TestTheSameConfigGivesTheSameBytes(t *testing.T) {
	cfg := sim.DefaultConfig()
	cfg.Length, cfg.Drain, cfg.Busy = 2*time.Hour, true, true
	first := fingerprint(t, cfg)
	if fingerprint(t, cfg) != first {
		t.Error("two runs of one configuration differ")
	}
	for name, change := range map[string]func(*sim.Config){
		"seed":   func(c *sim.Config) { c.Seed++ },
		"run":    func(c *sim.Config) { c.Run++ },
		"tenant": func(c *sim.Config) { c.Tenant = "other" },
		"start":  func(c *sim.Config) { c.Start = c.Start.Add(time.Millisecond) },
	} {
		other := cfg
		change(&other)
		if fingerprint(t, other) == first {
			t.Errorf("another %s gives the same facts", name)
		}
	}
}

func TestAnotherRunIsTheSameCentreWithFreshIDs(t *testing.T) {
	cfg := sim.DefaultConfig()
	cfg.Length, cfg.Busy = time.Hour, true
	ids := make(map[string]bool)
	people := start(t, cfg).People()
	for run := range uint32(4) {
		cfg.Run = run
		s := start(t, cfg)
		if !reflect.DeepEqual(s.People(), people) {
			t.Fatalf("run %d has other people", run)
		}
		n := 0
		for m, f := range s.All {
			if n == 0 && run > 0 && f.EventType() != "source.reset" {
				t.Errorf("run %d begins with %s", run, f.EventType())
			}
			n++
			own := []string{m.ID}
			if c, ok := f.(event.InteractionCreated); ok {
				own = append(own, c.Interaction)
			}
			for _, id := range own {
				if ids[id] {
					t.Fatalf("run %d repeats the id %s", run, id)
				}
				ids[id] = true
			}
		}
	}
}

func TestABusyFloorIsBusyAtOnce(t *testing.T) {
	for seed := range uint64(8) {
		cfg := sim.DefaultConfig()
		cfg.Seed, cfg.Busy, cfg.Transcribed, cfg.Length = seed, true, 1, 20*time.Minute
		windows := make([]int, 40) // half a minute each
		first := time.Time{}
		for m, f := range start(t, cfg).All {
			switch f.(type) {
			case event.QueueConfigured, event.AgentProvisioned:
				continue
			case event.InteractionCreated:
				if first.IsZero() {
					first = m.Time
				}
			}
			windows[m.Time.Sub(cfg.Start)/(30*time.Second)]++
		}
		if d := first.Sub(cfg.Start); d > time.Second {
			t.Errorf("seed %d: the first call comes after %v", seed, d)
		}
		sum := 0
		for i, n := range windows {
			if sum += n; n < 3*30 {
				t.Errorf("seed %d: %d facts in half a minute, %d s after the start", seed, n, 30*i)
			}
		}
		perSecond := float64(sum) / 1200
		t.Logf("seed %d: %.1f facts a second", seed, perSecond)
		if perSecond < 5 {
			t.Errorf("seed %d: %.1f facts a second", seed, perSecond)
		}
	}
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*sim.Config){
		"too few agents":    func(c *sim.Config) { c.Agents = 4 },
		"too many agents":   func(c *sim.Config) { c.Agents = sim.MaxAgents + 1 },
		"tenant":            func(c *sim.Config) { c.Tenant = "a b" },
		"no start":          func(c *sim.Config) { c.Start = time.Time{} },
		"start in µs":       func(c *sim.Config) { c.Start = c.Start.Add(time.Microsecond) },
		"offset in minutes": func(c *sim.Config) { c.Offset = 30 * time.Minute },
		"offset":            func(c *sim.Config) { c.Offset = 15 * time.Hour },
		"length":            func(c *sim.Config) { c.Length = -1 },
		"drain for ever":    func(c *sim.Config) { c.Drain = true },
		"load":              func(c *sim.Config) { c.Load = -0.1 },
		"transcribed":       func(c *sim.Config) { c.Transcribed = 1.1 },
	} {
		cfg := sim.DefaultConfig()
		change(&cfg)
		if _, err := sim.New(cfg); !errors.Is(err, sim.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, agents := range []int{5, sim.MaxAgents} {
		cfg := sim.DefaultConfig()
		cfg.Agents = agents
		if got := len(start(t, cfg).Books().Agents); got != agents {
			t.Errorf("%d agents of %d", got, agents)
		}
	}
}
