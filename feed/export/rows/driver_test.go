package rows_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog/commit"
	"trunkline/eventlog/writer"
	"trunkline/feed/export/rows"
	"trunkline/feed/export/schema"
	"trunkline/floor"
	"trunkline/sim"
)

const tenant = "acme"

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func settings(string) floor.Settings {
	return floor.Settings{Intervals: true, IntervalKeep: 24 * time.Hour}
}

// journal is a log in memory, written as the log's writer does it: timers fire before
// a record, derived facts are appended behind their cause.
type journal struct {
	t       testing.TB
	fold    *floor.Fold
	records []commit.Record
	known   map[string]bool
	n       int
}

func newJournal(t testing.TB) *journal {
	return &journal{t: t, fold: floor.NewFold(floor.Options{Settings: settings}), known: map[string]bool{}}
}

func (j *journal) append(received time.Time, m event.Meta, f event.Fact) {
	j.t.Helper()
	e, err := event.Encode(m, f)
	if err != nil {
		j.t.Fatal(err)
	}
	for range 1000 {
		at, ok := j.fold.Due()
		if !ok || at.After(received) {
			break
		}
		j.derive(received, j.fold.Fire(received))
	}
	j.add(received, e.Raw, false)
}

func (j *journal) derive(now time.Time, facts []writer.Derived) {
	for _, d := range facts {
		if !j.known[d.Event.ID] {
			j.known[d.Event.ID] = true
			j.add(now, d.Event.Raw, true)
		}
	}
}

func (j *journal) add(received time.Time, raw []byte, derived bool) {
	r := commit.Record{Seq: uint64(len(j.records) + 1), Received: received.Truncate(time.Millisecond), Derived: derived, Raw: raw}
	out := j.fold.Fold(tenant, &r)
	r.Context = bytes.Clone(out.Context)
	j.records = append(j.records, r)
	j.derive(received, out.Derived)
}

// say appends facts that happen as they are appended.
func (j *journal) say(at time.Time, facts ...event.Fact) {
	j.t.Helper()
	for _, f := range facts {
		j.late(at, at, f)
	}
}

// late appends a fact that happened before.
func (j *journal) late(received, at time.Time, f event.Fact) {
	j.t.Helper()
	j.n++
	j.append(received, event.Meta{ID: fmt.Sprint("f", j.n), Source: "pbx", Tenant: tenant, Time: at}, f)
}

// simulate appends a simulated day.
func (j *journal) simulate(cfg sim.Config) *sim.Sim {
	j.t.Helper()
	s, err := sim.New(cfg)
	if err != nil {
		j.t.Fatal(err)
	}
	for m, f := range s.All {
		j.append(m.Time, m, f)
	}
	return s
}

func centre(seed uint64, agents int, length time.Duration) sim.Config {
	c := sim.DefaultConfig()
	c.Tenant, c.Seed, c.Agents, c.Transcribed, c.Length, c.Drain = tenant, seed, agents, 0.05, length, true
	c.Start = start
	return c
}

// written is a row as it was handed on.
type written struct {
	table  *schema.Table
	row    schema.Row
	window time.Time
	json   string
}

// exporter drives the books as the engine does.
type exporter struct {
	fold  *floor.Fold
	books *rows.Books
	next  time.Time // the quarter-hour that is closed next
	out   []written
}

func newExporter(o rows.Options, first time.Time) *exporter {
	return &exporter{
		fold: floor.NewFold(floor.Options{Settings: settings, NoContext: true}), books: rows.New(tenant, o),
		next: first.Truncate(rows.Quarter).Add(rows.Quarter),
	}
}

func (x *exporter) emit(t *schema.Table, r schema.Row) {
	begin := x.next.Add(-rows.Quarter)
	x.out = append(x.out, written{t, slices.Clone(r), begin.Truncate(t.Every), string(t.AppendJSON(nil, r))})
}

// close ends all windows up to a moment.
func (x *exporter) close(until time.Time) {
	for !x.next.After(until) {
		x.fold.Tick(x.next)
		x.books.Close(x.next, x.fold.Tenant(tenant), x.emit)
		x.next = x.next.Add(rows.Quarter)
	}
}

func (x *exporter) take(records []commit.Record) {
	for i := range records {
		r := &records[i]
		x.close(r.Received)
		x.fold.Fold(tenant, r)
		x.books.Apply(r, x.fold.Tenant(tenant), x.emit)
	}
}

// lines gives all rows as text, with their tables and windows.
func (x *exporter) lines() string {
	var b strings.Builder
	for _, w := range x.out {
		fmt.Fprintf(&b, "%s %s %s\n", w.window.Format(time.RFC3339), w.table.Name, w.json)
	}
	return b.String()
}

// export makes the rows of a journal and of the hours behind it.
func export(j *journal, behind time.Duration) *exporter {
	x := newExporter(rows.Options{WFM: true}, j.records[0].Received)
	x.take(j.records)
	x.close(j.records[len(j.records)-1].Received.Add(behind))
	return x
}

// of gives the rows of a table.
func (x *exporter) of(name string) []written {
	var out []written
	for _, w := range x.out {
		if w.table.Name == name {
			out = append(out, w)
		}
	}
	return out
}

// get gives a value of a row.
func (w *written) get(column string) schema.Value {
	i, ok := w.table.Column(column)
	if !ok {
		panic(w.table.Name + " has no column " + column)
	}
	return w.row[i]
}

func call(id string) event.Ref { return event.Ref{Interaction: id, Media: event.MediaPhone} }

func chat(id string) event.Ref { return event.Ref{Interaction: id, Media: event.MediaChat} }

func agentRef(id string) event.AgentRef { return event.AgentRef{Agent: id} }
