package floor

import (
	"slices"
	"time"

	"trunkline/event"
	"trunkline/eventlog/commit"
	"trunkline/eventlog/writer"
	"trunkline/floor/interval"
)

// Version is the meaning of this fold. It is raised when the same records fold
// to something else than before.
const Version = 2

// Options configure a fold.
type Options struct {
	// Settings gives a tenant's settings; nil: the defaults for all.
	Settings func(tenant string) Settings
	// NoContext leaves the context out: for whoever only follows the log.
	NoContext bool
}

// Fold is the floor of all tenants of a shard. It is a [writer.Fold]: the
// writer's goroutine owns it. Whoever follows the log has one of its own.
type Fold struct {
	opts    Options
	tenants map[string]*Tenant
	names   []string // of the tenants, sorted
	timers  timers
	version int
}

var _ writer.Fold = (*Fold)(nil)

// NewFold makes an empty fold.
func NewFold(o Options) *Fold {
	return &Fold{opts: o, tenants: map[string]*Tenant{}, version: Version}
}

// Tenant gives the floor of a tenant, nil when nothing was heard of it.
func (f *Fold) Tenant(name string) *Tenant { return f.tenants[name] }

// Tenants lists the tenants by name.
func (f *Fold) Tenants() []string { return slices.Clone(f.names) }

func (f *Fold) tenant(name string) *Tenant {
	t := f.tenants[name]
	if t == nil {
		var set Settings
		if f.opts.Settings != nil {
			set = f.opts.Settings(name)
		}
		t = newTenant(name, set, &f.timers)
		f.tenants[name] = t
		i, _ := slices.BinarySearch(f.names, name)
		f.names = slices.Insert(f.names, i, name)
	}
	return t
}

// Version is part of [writer.Fold].
func (f *Fold) Version() int { return Version }

// SetVersion is part of [writer.Fold].
func (f *Fold) SetVersion(v int) { f.version = v }

// Result is what a record made of the floor. It is valid until the next record
// of the tenant.
type Result struct {
	Context []byte           // to be stored with the record; nil: none
	Derived []writer.Derived // facts that follow from it
	Changes []Change         // what is not as it was
	Rows    []interval.Row   // 15-minute rows that were published or restated; copies, to be kept at will
}

// Apply is part of [writer.Fold].
func (f *Fold) Apply(tenant string, r *commit.Record) ([]byte, []writer.Derived) {
	out := f.Fold(tenant, r)
	return slices.Clone(out.Context), out.Derived
}

// Fold folds a record in.
func (f *Fold) Fold(tenant string, r *commit.Record) Result {
	t := f.tenant(tenant)
	ok := t.in.decode(r.Raw)
	return f.fold(t, ok, r.Seq, r.Received.UnixMilli(), r.Derived)
}

// FoldFact folds a fact in that was decoded already, as Fold does a record.
func (f *Fold) FoldFact(tenant string, seq uint64, received time.Time, m *event.Meta, fact event.Fact) Result {
	t := f.tenant(tenant)
	ok := t.in.take(m, fact)
	return f.fold(t, ok, seq, received.UnixMilli(), false)
}

func (f *Fold) fold(t *Tenant, ok bool, seq uint64, received int64, derived bool) Result {
	t.start()
	t.Sequence = seq
	before := len(t.outbox)
	t.advance(received)
	if derived {
		n := len(t.outbox)
		t.cameBack(t.in.id)
		before -= n - len(t.outbox)
	}
	var out Result
	if ok {
		it := t.fold(&t.in, derived)
		if !f.opts.NoContext {
			t.context = t.contextOf(t.context[:0], &t.in, it)
			out.Context = t.context
		}
	} else if !derived && t.in.source != "" {
		t.heard(t.source(t.in.source), &t.in)
	}
	t.drop()
	t.review()
	t.measures()
	if len(out.Context) == 0 {
		out.Context = nil
	}
	if len(t.outbox) > max(before, 0) {
		out.Derived = t.facts(nil, max(before, 0))
	}
	out.Changes, out.Rows = t.changes, t.rows
	return out
}

// start begins a record: nothing has changed yet.
func (t *Tenant) start() {
	t.tick++
	t.changes, t.moved, t.rows = t.changes[:0], t.moved[:0], nil
}

// Passed is what the last record or tick made of a tenant without a fact of its
// own: 15-minute rows that were published, entities that changed by time alone.
// The changes are valid until the next one, the rows for good.
func (t *Tenant) Passed() ([]Change, []interval.Row) { return t.changes, t.rows }

// Tick is part of [writer.Fold].
func (f *Fold) Tick(now time.Time) {
	for _, name := range f.names {
		t := f.tenants[name]
		t.start()
		t.advance(now.UnixMilli())
		t.drop()
	}
}

// Due is part of [writer.Fold].
func (f *Fold) Due() (time.Time, bool) {
	for i := 0; f.timers.unsaid > 0 && i < len(f.names); i++ {
		if t := f.tenants[f.names[i]]; len(t.outbox) > 0 {
			return moment(t.now), true
		}
	}
	if x, ok := f.timers.first(); ok {
		return moment(x.at), true
	}
	return time.Time{}, false
}

// Fire is part of [writer.Fold].
func (f *Fold) Fire(now time.Time) []writer.Derived {
	var out []writer.Derived
	for i := 0; f.timers.unsaid > 0 && i < len(f.names); i++ {
		name := f.names[i]
		if out = f.tenants[name].facts(out, 0); len(out) >= chunk {
			return out
		}
	}
	for _, x := range f.timers.due(now.UnixMilli(), timersAtOnce) {
		p, t := x.part, x.tenant
		if q := x.queue; q != nil {
			if q.reviews == x.at || q.opens == x.at {
				if d, ok := t.availabilityDue(q, x.at); ok && t.unsaid(q, x.at) {
					out = append(out, d)
				}
			}
			if q.measure.armed == x.at {
				if d, ok := t.queueMeasureDue(q, x.at); ok {
					out = append(out, d)
				}
			}
			continue
		}
		if a := x.agent; a != nil {
			if a.use.armed == x.at {
				if d, ok := t.agentMeasureDue(a, x.at); ok {
					out = append(out, d)
				}
			}
			if a.use.ends(x.at) {
				if d, ok := t.utilisationDue(a, x.at); ok {
					out = append(out, d)
				}
			}
			continue
		}
		if s := x.source; s != nil {
			if d, ok := t.silenceFact(s, x.at); ok {
				out = append(out, d)
			}
			continue
		}
		end := p.Since + p.Limit
		id := derivedID(t.Name, "wrapup timer", p.Interaction.ID, p.Agent.ID, moment(p.Since).String(), moment(p.fireAt).String())
		e, err := event.Encode(event.Meta{ID: id, Source: DerivedSource, Tenant: t.Name, Time: moment(end)}, p.wrapupEnd(end, event.WrapupTimer))
		if err != nil {
			continue
		}
		out = append(out, writer.Derived{Tenant: t.Name, Event: e})
	}
	return out
}
