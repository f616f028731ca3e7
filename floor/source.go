package floor

import (
	"cmp"
	"slices"
	"strings"

	"trunkline/event"
)

// Source is one way in and how well it is: the health of a feed. Times are
// epoch milliseconds. Others than this package only read it.
type Source struct {
	Name     string // the source attribute of its events
	Kind     string
	Version  string
	Address  string // where it is connected
	Up       bool
	Told     bool // it has said that it is up or down; otherwise it only sends facts
	Silent   bool // it is down because nothing was heard of it
	Since    int64
	Reason   string // why it is down
	Events   uint64
	Heard    int64 // when its latest event was received
	LastTime int64 // the latest time it has given
	LagMS    int64 // how far its latest event was behind when it was received
	Gaps     int64
	Missing  int64 // events known to be missing
	Resets   int64
	// SilenceMS is after how long without a word it counts as down; 0: never.
	SilenceMS int64

	promised     int64 // the bound that it has given itself
	told         int64 // when somebody last said that it is up
	quietAt      int64 // when the timer of its silence is due; 0: none is armed
	tellsWrapups bool
	wraps        []*Part // wrap-ups with a timer
	nextWrap     int64   // when the first of them ends, by the source's clock; 0: none
	mark         uint64
}

// maxSources bounds the sources of a tenant; further ones share one entry.
const maxSources = 1000

// source gives a source by the attribute of its events.
func (t *Tenant) source(name string) *Source {
	if t.lastSource != nil && t.lastSource.Name == name {
		return t.lastSource
	}
	s := t.sources[name]
	if s == nil {
		if len(t.sources) >= maxSources {
			name = overflowID
		}
		if s = t.sources[name]; s == nil {
			s = &Source{Name: strings.Clone(name), Up: true, Since: t.at}
			t.sources[s.Name] = s
			t.rebound(s)
			t.touchSource(s)
		}
	}
	t.lastSource = s
	return s
}

// heard notes that a source sent a fact.
func (t *Tenant) heard(s *Source, in *input) {
	s.Events++
	s.Heard = t.now
	if in.at > 0 {
		s.LagMS = max(t.now-in.at, 0)
		s.LastTime = max(s.LastTime, in.at)
	}
	if s.Silent && !in.kind.ofSource() {
		t.speaks(s, in)
	}
	t.listen(s)
}

// health takes in what a source, or whoever watches it, says of it.
func (t *Tenant) health(s *Source, in *input) {
	named := func(name string) *Source {
		if o := t.sources[name]; o != nil {
			return o
		}
		return s
	}
	switch f := in.fact.(type) {
	case event.SourceUp:
		s = named(f.Source)
		if !s.Up || !s.Told {
			s.Up, s.Since = true, in.at
		}
		s.Told, s.Silent, s.Reason, s.told = true, false, "", t.now
		s.Kind, s.Version, s.Address = cmp.Or(f.Kind, s.Kind), cmp.Or(f.Version, s.Version), cmp.Or(f.Address, s.Address)
		s.promised = max(f.SilenceMS, 0)
		t.rebound(s)
		t.listen(s)
	case event.SourceDown:
		s = named(f.Source)
		if s.Up {
			s.Up, s.Since = false, in.at
		}
		s.Told, s.Silent, s.Reason = true, false, f.Reason
	case event.SourceGap:
		s = named(f.Source)
		s.Gaps++
		s.Missing += max(f.Count, 0)
	case event.SourceReset:
		s = named(f.Source)
		s.Resets++
		t.reset(s, &f, in.at)
	}
	t.touchSource(s)
}

// Callback is a callback that is open.
type Callback struct {
	ID, List, Queue, Agent, Interaction string
	Kind                                event.CallbackKind
	Number                              string
	Created, Due, Expires               int64
	Attempts                            int
}

// maxCallbacks bounds the open callbacks of a tenant; the oldest go first.
const maxCallbacks = 100_000

// callback takes in a callback as it is after a change.
func (t *Tenant) callback(in *input) {
	f, _ := in.fact.(event.CallbackChanged)
	b := t.callbacks[f.Callback]
	tries := len(f.Attempts)
	switch {
	case f.Change == event.CallbackClosed:
		if b != nil {
			t.Totals.CallbackAttempts += max(tries-b.Attempts, 0)
			delete(t.callbacks, f.Callback)
		}
		t.Totals.CallbacksClosed++
		t.changed(ChangeCallback, f.Callback)
		return
	case b == nil:
		if len(t.callbacks) >= maxCallbacks {
			t.dropCallback()
		}
		b = &Callback{ID: f.Callback, Created: in.at}
		t.callbacks[b.ID] = b
		t.Totals.CallbacksMade++
	}
	t.Totals.CallbackAttempts += max(tries-b.Attempts, 0)
	b.List, b.Queue, b.Agent, b.Interaction, b.Kind = f.List, f.Queue, f.Agent, f.Interaction, f.Kind
	b.Due, b.Expires, b.Attempts = millis(f.Due.Time), millis(f.Expires.Time), tries
	if f.Customer != nil {
		b.Number = f.Customer.Number
	}
	if c := millis(f.Created.Time); c > 0 {
		b.Created = c
	}
	t.changed(ChangeCallback, b.ID)
}

// dropCallback forgets the oldest tenth of the callbacks.
func (t *Tenant) dropCallback() {
	all := make([]*Callback, 0, len(t.callbacks))
	for _, b := range t.callbacks {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *Callback) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID))
	})
	for _, b := range all[:len(all)/10] {
		delete(t.callbacks, b.ID)
	}
}
