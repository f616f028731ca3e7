package floor_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog/commit"
	"trunkline/eventlog/writer"
	"trunkline/floor"
	"trunkline/sim"
)

const tenant = "acme"

// journal is a log in memory with a fold at its end, driven as the writer drives
// it: timers fire before a record, derived facts are appended behind their cause.
type journal struct {
	t       testing.TB
	fold    *floor.Fold
	records []commit.Record
	keep    bool
	known   map[string]bool
}

func newJournal(t testing.TB, o floor.Options) *journal {
	return &journal{t: t, fold: floor.NewFold(o), keep: true, known: map[string]bool{}}
}

func (j *journal) append(received time.Time, m event.Meta, f event.Fact) floor.Result {
	j.t.Helper()
	e, err := event.Encode(m, f)
	if err != nil {
		j.t.Fatal(err)
	}
	j.fire(received)
	return j.add(received, e.ID, e.Raw, false)
}

func (j *journal) fire(now time.Time) {
	for range 1000 {
		at, ok := j.fold.Due()
		if !ok || at.After(now) {
			return
		}
		n := len(j.records)
		j.derive(now, j.fold.Fire(now))
		if len(j.records) == n {
			j.t.Fatal("a timer is due and says nothing")
		}
	}
	j.t.Fatal("timers fire without end")
}

func (j *journal) derive(now time.Time, facts []writer.Derived) {
	for _, d := range facts {
		if !j.known[d.Event.ID] {
			j.known[d.Event.ID] = true
			j.add(now, d.Event.ID, d.Event.Raw, true)
		}
	}
}

func (j *journal) add(received time.Time, _ string, raw []byte, derived bool) floor.Result {
	r := commit.Record{Seq: uint64(len(j.records) + 1), Received: received, Derived: derived, Raw: raw}
	out := j.fold.Fold(tenant, &r)
	r.Context = bytes.Clone(out.Context)
	j.records = append(j.records, r)
	if len(out.Derived) > 0 {
		j.derive(received, out.Derived)
	}
	return out
}

func (j *journal) floor() *floor.Tenant {
	if f := j.fold.Tenant(tenant); f != nil {
		return f
	}
	j.t.Fatal("nothing was folded")
	return nil
}

func snapshot(t testing.TB, f *floor.Fold) []byte {
	t.Helper()
	b, err := f.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// replay folds records into a fold as a restarted writer does.
func replay(f *floor.Fold, records []commit.Record) {
	for i := range records {
		f.Apply(tenant, &records[i])
	}
}

func simulation(t testing.TB, cfg sim.Config) *sim.Sim {
	t.Helper()
	s, err := sim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func centre(seed uint64, agents int) sim.Config {
	c := sim.DefaultConfig()
	c.Tenant, c.Seed, c.Agents, c.Transcribed = tenant, seed, agents, 0.05
	c.Start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	return c
}

// interaction facts for scripted tests

type script struct {
	*journal
	at  time.Time
	n   int
	src string
}

func newScript(t testing.TB, o floor.Options) *script {
	return &script{journal: newJournal(t, o), at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), src: "pbx"}
}

func (s *script) after(d time.Duration) *script {
	s.at = s.at.Add(d)
	return s
}

func (s *script) say(facts ...event.Fact) floor.Result {
	s.t.Helper()
	var out floor.Result
	for _, f := range facts {
		s.n++
		out = s.append(s.at, event.Meta{ID: fmt.Sprint(s.n), Source: s.src, Tenant: tenant, Time: s.at}, f)
	}
	return out
}

func call(id string) event.Ref { return event.Ref{Interaction: id, Media: event.MediaPhone} }

func agentRef(id string) event.AgentRef { return event.AgentRef{Agent: id} }
