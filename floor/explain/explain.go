package explain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"trunkline/eventlog"
	"trunkline/floor"
	"trunkline/floor/measure"
)

// ErrReading says that the time ran out before the stretch was reached. Asked again,
// the question goes on from where it came to.
var ErrReading = errors.New("the log in front of the stretch is still being read")

// Log is what is needed of the event log.
type Log interface {
	Head(tenant string) eventlog.Cursor
	Oldest(tenant string) eventlog.Cursor
	Read(ctx context.Context, tenant string, after eventlog.Cursor, fn func(*eventlog.Batch) (bool, error)) error
}

// Query asks for the events behind a number.
type Query struct {
	Tenant  string
	Measure *measure.Measure
	Key     floor.Change  // of a kind that has measures
	From    time.Time     // by the log's clock; the zero time is the beginning of the log
	To      time.Time     // exclusive; the zero time is now
	After   uint64        // only list events behind this sequence
	Limit   int           // events of the page
	Budget  time.Duration // for the work, not the wait for others
}

// Event is an event that contributed.
type Event struct {
	Sequence uint64
	ID, Type string
	Time     string // as the source gave it
	Received time.Time
	Derived  bool
	Parts    []measure.Part // what it added to each, those left out to which it added nothing
	Before   measure.Value  // of a state: the value in front of the event
	After    measure.Value  // and behind it
}

// Answer is what was found.
type Answer struct {
	At       eventlog.Cursor // up to where the log was read
	Known    bool            // the key is there at the end of the stretch
	Counted  bool            // the value is made of counters; else it is a state
	Parts    []measure.Part  // over the stretch
	Before   measure.Value   // of a state: in front of the stretch
	Value    measure.Value   // over the stretch; of a state, at its end
	Events   []Event
	More     bool   // there are more events, behind Next
	Next     uint64 // sequence of the last event listed
	Complete bool   // the stretch was read to its end in the time given
	Trimmed  bool   // the log does not begin with the first event: what was open before is not known
}

// Explainer answers questions about the floors of a log.
type Explainer struct {
	log   Log
	fold  func() *floor.Fold
	lanes *lanes

	mu    sync.Mutex // guards marks
	marks []mark     // the one made last stands last
}

// mark is a floor as it was at a cursor.
type mark struct {
	tenant   string
	at       eventlog.Cursor
	received time.Time // of the event at the cursor
	state    []byte
}

const (
	maxMarks     = 8
	maxMarkBytes = 64 << 20
	worthAMark   = 5000 // events: with fewer, folding them again is as good
)

// New makes an explainer. fold makes an empty fold that counts as the floor does.
func New(log Log, fold func() *floor.Fold) *Explainer {
	return &Explainer{log: log, fold: fold, lanes: newLanes()}
}

// Explain answers a question. ErrBusy when its turn does not come.
func (e *Explainer) Explain(ctx context.Context, q Query) (*Answer, error) {
	leave, err := e.lanes.enter(ctx, q.Tenant)
	if err != nil {
		return nil, err
	}
	defer leave()
	oldest := e.log.Oldest(q.Tenant)
	r := &run{Query: q, explainer: e, fold: e.fold(), deadline: time.Now().Add(q.Budget), start: oldest, last: oldest}
	r.answer.Trimmed = oldest.Seq > 0
	if m, ok := e.nearest(&q, oldest); ok {
		if err := r.fold.Restore(m.state); err != nil {
			return nil, fmt.Errorf("take up the state at %s: %w", m.at, err)
		}
		r.start, r.last = m.at, m.at
	}
	if err := e.log.Read(ctx, q.Tenant, r.start, r.batch); err != nil {
		return nil, fmt.Errorf("read the log for %s: %w", q.Measure.Name, err)
	}
	return r.end()
}

// nearest gives the floor that was kept closest in front of the stretch.
func (e *Explainer) nearest(q *Query, oldest eventlog.Cursor) (best mark, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.marks {
		if m.tenant == q.Tenant && m.at.Epoch == oldest.Epoch && m.at.Seq >= max(oldest.Seq, best.at.Seq) && m.received.Before(q.From) {
			best, ok = m, true
		}
	}
	return best, ok
}

// keep keeps a floor for the next question.
func (e *Explainer) keep(m mark) {
	if len(m.state) > maxMarkBytes {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.marks) == maxMarks {
		e.marks = append(e.marks[:0], e.marks[1:]...)
	}
	e.marks = append(e.marks, m)
}

// run is a question being worked on.
type run struct {
	Query
	explainer *Explainer
	fold      *floor.Fold
	deadline  time.Time
	start     eventlog.Cursor // where the folding began
	last      eventlog.Cursor // where it stands
	received  time.Time       // of the event there
	folded    int
	begun     bool // the stretch has been reached
	late      bool // the time ran out

	before []measure.Part // of the key, in front of the next event
	value  measure.Value
	answer Answer
}

func (r *run) batch(b *eventlog.Batch) (bool, error) {
	for i := range b.Records {
		rec := &b.Records[i]
		if !r.To.IsZero() && !rec.Received.Before(r.To) {
			return false, nil
		}
		if r.folded%256 == 255 && time.Now().After(r.deadline) {
			r.late = true
			return false, nil
		}
		if !r.begun && !rec.Received.Before(r.From) {
			if err := r.begin(); err != nil {
				return false, err
			}
		}
		r.take(rec)
		r.folded++
		r.last, r.received = eventlog.Cursor{Epoch: b.Epoch, Seq: rec.Seq}, rec.Received
	}
	return true, nil
}

// begin is called in front of the first event of the stretch.
func (r *run) begin() error {
	r.begun = true
	if err := r.mark(); err != nil {
		return err
	}
	if v, ok := r.view(); ok {
		r.before, r.value = r.Measure.Parts(&v), r.Measure.Read(&v)
	}
	r.answer.Before = r.value
	return nil
}

// mark keeps the floor as it is for the next question.
func (r *run) mark() error {
	if r.folded < worthAMark {
		return nil
	}
	state, err := r.fold.Snapshot()
	if err != nil {
		return fmt.Errorf("keep the state at %s: %w", r.last, err)
	}
	r.explainer.keep(mark{strings.Clone(r.Tenant), r.last, r.received, state})
	return nil
}

func (r *run) view() (measure.View, bool) {
	if t := r.fold.Tenant(r.Tenant); t != nil {
		return measure.Key(t, r.Key)
	}
	return measure.View{}, false
}

// take folds an event and notes what it added.
func (r *run) take(rec *eventlog.Record) {
	day := int64(0)
	if t := r.fold.Tenant(r.Tenant); t != nil {
		day = t.Midnight()
	}
	changed := false
	for _, c := range r.fold.Fold(r.Tenant, rec).Changes {
		changed = changed || c == r.Key
	}
	if !r.begun || !changed {
		return
	}
	var parts []measure.Part
	var value measure.Value
	if v, ok := r.view(); ok {
		parts, value = r.Measure.Parts(&v), r.Measure.Read(&v)
	}
	if r.fold.Tenant(r.Tenant).Midnight() != day {
		r.before = nil // counted anew since midnight
	}
	var added []measure.Part
	for _, p := range parts {
		if n := p.Value - of(r.before, p.Name); n != 0 {
			added = append(added, measure.Part{Name: p.Name, Value: n})
			r.answer.add(p.Name, n)
		}
	}
	was := r.value
	r.before, r.value = parts, value
	if len(added) > 0 || parts == nil && was != value {
		r.list(rec, added, was)
	}
}

func (r *run) list(rec *eventlog.Record, added []measure.Part, was measure.Value) {
	a := &r.answer
	if rec.Seq <= r.After {
		return
	}
	if len(a.Events) >= r.Limit {
		a.More = true
		return
	}
	f := gjson.GetManyBytes(rec.Raw, "id", "type", "time")
	a.Events = append(a.Events, Event{
		Sequence: rec.Seq, ID: strings.Clone(f[0].Str), Type: strings.Clone(f[1].Str), Time: strings.Clone(f[2].Str),
		Received: rec.Received, Derived: rec.Derived, Parts: added, Before: was, After: r.value,
	})
	a.Next = rec.Seq
}

// end makes the answer.
func (r *run) end() (*Answer, error) {
	if r.late && !r.begun {
		if err := r.mark(); err != nil {
			return nil, err
		}
		return nil, ErrReading
	}
	if !r.begun { // nothing has happened in the stretch
		if err := r.begin(); err != nil {
			return nil, err
		}
	}
	a := &r.answer
	a.At, a.Complete = r.last, !r.late
	v, ok := r.view()
	if !ok {
		return a, nil
	}
	a.Known = true
	parts := r.Measure.Parts(&v)
	a.Counted, a.Value = parts != nil, r.value
	if !a.Counted {
		return a, nil
	}
	for i := range parts {
		parts[i].Value = of(a.Parts, parts[i].Name)
	}
	a.Parts, a.Value = parts, r.Measure.With(&v, parts)
	return a, nil
}

func (a *Answer) add(name string, n int64) {
	for i := range a.Parts {
		if a.Parts[i].Name == name {
			a.Parts[i].Value += n
			return
		}
	}
	a.Parts = append(a.Parts, measure.Part{Name: name, Value: n})
}

func of(parts []measure.Part, name string) int64 {
	for _, p := range parts {
		if p.Name == name {
			return p.Value
		}
	}
	return 0
}
