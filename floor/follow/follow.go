// Package follow keeps the floor of a process that reads: one fold for each shard
// of the log, built from the snapshot that the shard's writer has stored and the
// log behind it, and brought up to date by every commit.
//
// A [Floor] is asked for one tenant at a time: [Floor.View] shows its state and the
// cursor at which it stands, [Floor.Watch] tells what changes from there on, record
// by record, and [Floor.Steps] commit by commit, with the sequence up to which it
// goes and the 15-minute rows that were published.
//
// A feed of measures takes Steps first and then a View: what the view at its cursor
// does not have comes as a step behind it. It reads the values of the changed keys
// from a View whenever it is ready to send; nothing is copied for it.
//
// Invariants:
//
//   - A view is a state between two commits: the fold of exactly the tenant's
//     events up to its cursor.
//   - What a watcher marks as changed and what a view shows have no gap between
//     them: both happen under the same lock.
//   - Readers never hold up the log's writer, nor the followers of feeds; a long
//     look holds up the fold of this process alone.
//
// A tenant's state changes with its events, and when the log's time passes a bound
// in silence (a tick): then the cursor stays as it is.
package follow

import (
	"context"
	"errors"
	"sync"

	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/floor"
	"trunkline/floor/interval"
)

// ErrCatchingUp says that the floor is still being read from the log.
var ErrCatchingUp = errors.New("the state is still being read from the log")

// Log is what a Floor needs of the event log.
type Log interface {
	Shards() int
	ShardOf(tenant string) int
	Head(tenant string) eventlog.Cursor
	FollowAll(ctx context.Context, shard int, fold writer.Fold, step func(*eventlog.Step), reached func()) error
}

var _ Log = (*eventlog.Log)(nil)

// View is the state of a tenant at a cursor. It is valid, and not to be kept, while
// the function that it is given to runs.
type View struct {
	Tenant *floor.Tenant // nil when nothing was heard of the tenant
	At     eventlog.Cursor
}

// Floor follows all shards of a log.
type Floor struct {
	log    Log
	shards []*shard
	opts   floor.Options
	end    context.CancelFunc
	done   sync.WaitGroup
}

type shard struct {
	mu       sync.RWMutex // guards all below: held for writing while a commit is folded
	fold     *floor.Fold
	ready    bool
	watchers map[string]map[*watcher]struct{}
	next     Step                      // of the tenant and commit being folded, for those who take steps
	seen     map[floor.Change]struct{} // what is in it
}

type watcher struct {
	fn   func(changed []floor.Change, all bool) // of each record
	step func(Step)                             // of each commit; one of the two is nil
}

// Step is what a commit, or time alone, made of a tenant's floor.
type Step struct {
	// Sequence is of the last record folded: a view with this sequence or a later one
	// shows the change.
	Sequence uint64
	// All says that the state was restored anew: anything may be different, and what
	// is told below is nothing.
	All bool
	// Changed names each entity and key once, in the order in which they changed first.
	// It is valid while the call runs.
	Changed []floor.Change
	// Rows are the 15-minute rows that were published or restated, in their order. They
	// are copies, and may be kept.
	Rows []interval.Row
}

// New starts to follow. Close ends it.
func New(log Log, o floor.Options) *Floor {
	o.NoContext = true
	ctx, end := context.WithCancel(context.Background())
	f := &Floor{log: log, opts: o, end: end}
	for id := range log.Shards() {
		s := &shard{fold: floor.NewFold(o), watchers: map[string]map[*watcher]struct{}{}, seen: map[floor.Change]struct{}{}}
		f.shards = append(f.shards, s)
		f.done.Go(func() { _ = log.FollowAll(ctx, id, restorer{s.fold, s}, s.step, s.reached) })
	}
	return f
}

// Fold gives an empty fold that counts as this floor does, for whoever folds a
// stretch of the log again.
func (f *Floor) Fold() *floor.Fold { return floor.NewFold(f.opts) }

// Close ends the following. Views show the state as it is then.
func (f *Floor) Close() {
	f.end()
	f.done.Wait()
}

// restorer is the shard's fold while it is restored: nobody may look then.
type restorer struct {
	*floor.Fold
	s *shard
}

// Restore is part of writer.Fold.
func (r restorer) Restore(b []byte) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.ready = false
	return r.Fold.Restore(b)
}

// reached is called when everything in the log has been folded.
func (s *shard) reached() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready {
		return
	}
	s.ready = true
	for _, ws := range s.watchers {
		for w := range ws {
			if w.fn != nil {
				w.fn(nil, true)
			} else {
				w.step(Step{All: true})
			}
		}
	}
}

// step folds a commit.
func (s *shard) step(st *eventlog.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.Tick {
		s.fold.Tick(st.Received)
		for tenant, ws := range s.watchers {
			if t := s.fold.Tenant(tenant); t != nil {
				changed, rows := t.Passed()
				s.tell(ws, changed, rows)
				s.send(ws, t.Sequence)
			}
		}
	}
	for _, b := range st.Batches {
		ws := s.watchers[b.Tenant]
		for i := range b.Records {
			if out := s.fold.Fold(b.Tenant, &b.Records[i]); len(ws) > 0 {
				s.tell(ws, out.Changes, out.Rows)
			}
		}
		if len(ws) > 0 {
			s.send(ws, s.fold.Tenant(b.Tenant).Sequence)
		}
	}
}

// tell tells what a record changed, to those who want to know it at once, and
// notes it for the others.
func (s *shard) tell(ws map[*watcher]struct{}, changed []floor.Change, rows []interval.Row) {
	if len(changed)+len(rows) == 0 {
		return
	}
	steps := false
	for w := range ws {
		if w.fn == nil {
			steps = true
		} else if len(changed) > 0 {
			w.fn(changed, false)
		}
	}
	if !steps {
		return
	}
	for _, c := range changed {
		if _, ok := s.seen[c]; ok {
			continue
		}
		s.seen[c] = struct{}{}
		s.next.Changed = append(s.next.Changed, c)
	}
	s.next.Rows = append(s.next.Rows, rows...)
}

// send tells what a commit changed.
func (s *shard) send(ws map[*watcher]struct{}, sequence uint64) {
	if len(s.next.Changed)+len(s.next.Rows) == 0 {
		return
	}
	s.next.Sequence = sequence
	for w := range ws {
		if w.step != nil {
			w.step(s.next)
		}
	}
	clear(s.seen)
	clear(s.next.Changed)
	s.next = Step{Changed: s.next.Changed[:0]}
}

// View shows the state of a tenant to fn. Nothing is folded meanwhile: fn must not
// wait for anything. The error is ErrCatchingUp as long as the log is being read.
func (f *Floor) View(tenant string, fn func(View)) error {
	s := f.shards[f.log.ShardOf(tenant)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.ready {
		return ErrCatchingUp
	}
	v := View{Tenant: s.fold.Tenant(tenant), At: f.log.Head(tenant)}
	v.At.Seq = 0
	if v.Tenant != nil {
		v.At.Seq = v.Tenant.Sequence
	}
	fn(v)
	return nil
}

// Watch calls fn with what changes in a tenant, record by record, or with all when
// the state was restored anew and anything may be different. A view that is taken
// after a call shows the change. fn is called while nobody can look: it must only
// take a note. After stop has returned it is not called again.
func (f *Floor) Watch(tenant string, fn func(changed []floor.Change, all bool)) (stop func()) {
	return f.watch(tenant, &watcher{fn: fn})
}

// Steps calls fn with what each commit changes in a tenant, in order and without a
// gap, and what time alone changes. The rule of Watch holds: fn is called while
// nobody can look and must only take a note. Rows that were published before the
// first call are in [floor.Tenant.Published].
func (f *Floor) Steps(tenant string, fn func(Step)) (stop func()) {
	return f.watch(tenant, &watcher{step: fn})
}

func (f *Floor) watch(tenant string, w *watcher) (stop func()) {
	s := f.shards[f.log.ShardOf(tenant)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers[tenant] == nil {
		s.watchers[tenant] = map[*watcher]struct{}{}
	}
	s.watchers[tenant][w] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers[tenant], w)
		if len(s.watchers[tenant]) == 0 {
			delete(s.watchers, tenant)
		}
	}
}
