package export

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"trunkline/eventlog"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/rows"
	"trunkline/feed/export/schema"
	"trunkline/floor"
)

// pass is one way through the log: it folds the records of some tenants, keeps their
// rows, and closes windows. It is a function of the log. One goroutine uses it.
type pass struct {
	dir      string // of kept rows
	settings func(string) floor.Settings
	fold     *floor.Fold
	version  int // of the fold, as the log says
	accounts []*account
	byTenant map[string]*account

	at   eventlog.Position // behind the last commit taken
	next time.Time         // the quarter-hour that is closed next; zero before the first commit
	// whole is the moment from which on windows are whole; zero: all are.
	whole time.Time
	// closed is called after each quarter-hour, before anything behind it is taken.
	closed func(end time.Time) error
	// only says which windows are wanted; nil: all.
	only func(layout.Window) bool
	// context makes the context of events that come without it.
	context bool
}

// account is a tenant of a pass.
type account struct {
	tenant  string
	wfm     bool
	books   *rows.Books
	tables  []*schema.Table // that somebody wants
	wants   map[*schema.Table]bool
	open    map[*schema.Table]*spool
	workers []*worker
	spans   []span // of the last day, by quarter-hour
	failed  error  // of a row
}

// span is what a tenant's log received in a quarter-hour.
type span struct {
	Start       time.Time
	Epoch       eventlog.Epoch
	First, Last uint64
}

// passFold is the fold as the log sees it.
type passFold struct {
	*floor.Fold
	p *pass
}

// SetVersion is part of writer.Fold.
func (f passFold) SetVersion(v int) {
	f.p.version = v
	f.Fold.SetVersion(v)
}

func newPass(dir string, settings func(string) floor.Settings, accounts []*account) *pass {
	p := &pass{dir: dir, settings: settings, fold: floor.NewFold(floor.Options{Settings: settings, NoContext: true}), accounts: accounts, byTenant: map[string]*account{}}
	for _, a := range accounts {
		p.byTenant[a.tenant] = a
	}
	return p
}

func newAccount(tenant string, wfm bool, workers []*worker) *account {
	a := &account{tenant: tenant, wfm: wfm, workers: workers, books: rows.New(tenant, rows.Options{WFM: wfm}),
		wants: map[*schema.Table]bool{}, open: map[*schema.Table]*spool{}}
	for _, t := range schema.Tables() {
		if slices.ContainsFunc(workers, func(w *worker) bool { return w.d.takes(t, wfm) }) {
			a.tables = append(a.tables, t)
			a.wants[t] = true
		}
	}
	return a
}

// follow is what the log is followed with.
func (p *pass) follow() passFold { return passFold{p.fold, p} }

// enrich makes the context of events, which the log stores with them and the exported
// ones do not have.
func (p *pass) enrich() {
	p.context = true
	p.fold = floor.NewFold(floor.Options{Settings: p.settings})
}

// step takes a commit.
func (p *pass) step(st *eventlog.Step) error {
	if p.next.IsZero() {
		p.begin(st)
	} else if st.Position.Commit > p.at.Commit+1 {
		// Commits are missing: what is open, and what begins before the next window of
		// each length, is not whole.
		p.whole = st.Received
	}
	for !p.next.After(st.Received) {
		if err := p.close(p.next); err != nil {
			return err
		}
	}
	p.at = st.Position
	if st.Tick {
		p.fold.Tick(st.Received)
	}
	for _, b := range st.Batches {
		a := p.byTenant[b.Tenant]
		if a == nil {
			continue
		}
		for i := range b.Records {
			rec := &b.Records[i]
			if out := p.fold.Fold(b.Tenant, rec); p.context {
				rec.Context = bytes.Clone(out.Context)
			}
			a.books.Apply(rec, p.fold.Tenant(b.Tenant), p.emit(a))
			if err := a.raw(b.Epoch, rec, p); err != nil {
				return err
			}
		}
		a.note(p.next.Add(-layout.Quarter), b)
		if a.failed != nil {
			return a.failed
		}
	}
	return nil
}

// begin takes the first commit. Where it is not the log's first, the windows before
// and around it are not whole.
func (p *pass) begin(st *eventlog.Step) {
	p.next = st.Received.UTC().Truncate(layout.Quarter).Add(layout.Quarter)
	if st.Position.Commit != 1 {
		p.whole = st.Received
	}
}

// note remembers which events a quarter-hour has.
func (a *account) note(quarter time.Time, b *eventlog.Batch) {
	if n := len(a.spans); n > 0 && a.spans[n-1].Start.Equal(quarter) && a.spans[n-1].Epoch == b.Epoch {
		a.spans[n-1].Last = b.Last()
		return
	}
	a.spans = append(a.spans, span{quarter, b.Epoch, b.First(), b.Last()})
}

// cursors gives the first and last event of a window, "" for none.
func (a *account) cursors(w layout.Window) (first, last string) {
	for _, s := range a.spans {
		if s.Start.Before(w.Start) || !s.Start.Before(w.End()) {
			continue
		}
		if first == "" {
			first = eventlog.Cursor{Epoch: s.Epoch, Seq: s.First}.String()
		}
		last = eventlog.Cursor{Epoch: s.Epoch, Seq: s.Last}.String()
	}
	return first, last
}

// emit keeps the rows of an account.
func (p *pass) emit(a *account) rows.Emit {
	return func(t *schema.Table, r schema.Row) {
		if a.failed == nil && a.wants[t] {
			a.failed = p.keep(a, t, r)
		}
	}
}

func (p *pass) keep(a *account, t *schema.Table, r schema.Row) error {
	s := a.open[t]
	if s == nil {
		w := layout.WindowAt(p.next.Add(-1), t.Every)
		if p.only != nil && !p.only(w) {
			return nil
		}
		s = newSpool(p.dir, a.tenant, t, w)
		a.open[t] = s
	}
	return s.add(r)
}

// close ends the windows that end at a quarter-hour.
func (p *pass) close(end time.Time) error {
	p.fold.Tick(end)
	for _, a := range p.accounts {
		if t := p.fold.Tenant(a.tenant); t != nil {
			a.books.Close(end, t, p.emit(a))
		}
		if a.failed != nil {
			return a.failed
		}
		for _, t := range a.tables {
			if end.Equal(end.Truncate(t.Every)) {
				if err := p.deliver(a, t, layout.Window{Start: end.Add(-t.Every), Length: t.Every}); err != nil {
					return err
				}
			}
		}
		day := end.Add(-layout.Daily)
		a.spans = slices.DeleteFunc(a.spans, func(s span) bool { return s.Start.Before(day) })
		for _, w := range a.workers {
			w.seen.reach(end)
		}
	}
	p.next = end.Add(layout.Quarter)
	return p.closed(end)
}

// deliver hands a window that has ended to those who want it.
func (p *pass) deliver(a *account, t *schema.Table, w layout.Window) error {
	if p.only != nil && !p.only(w) {
		return nil
	}
	var takers []*worker
	for _, to := range a.workers {
		if to.d.takes(t, a.wfm) {
			takers = append(takers, to)
		}
	}
	s := a.open[t]
	delete(a.open, t)
	if w.Start.Before(p.whole) {
		if s != nil {
			s.remove()
		}
		for _, to := range takers {
			to.seen.miss("", w, "the log does not reach back to its beginning")
		}
		return nil
	}
	j := job{Table: t, Window: w}
	j.First, j.Last = a.cursors(w)
	if s != nil {
		if err := s.sync(); err != nil {
			return err
		}
		j.Kept, j.shared = s.kept, new(atomic.Int32)
		j.shared.Store(int32(len(takers)))
	}
	for _, to := range takers {
		own := j
		to.add(&own)
	}
	return nil
}

// raw keeps an event as it is.
func (a *account) raw(epoch eventlog.Epoch, rec *eventlog.Record, p *pass) error {
	t, ok := schema.Find("events")
	if !ok || !a.wants[t] {
		return nil
	}
	return p.keep(a, t, eventRow(t, epoch, rec))
}

// describe names a tenant of a pass for checkpoints: what it keeps depends on that.
func (a *account) describe() string {
	names := make([]string, 0, len(a.tables)+1)
	for _, t := range a.tables {
		names = append(names, t.Name+"@"+t.Version)
	}
	return fmt.Sprintf("%s wfm=%v %s", a.tenant, a.wfm, strings.Join(names, ","))
}
