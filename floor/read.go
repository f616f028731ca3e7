package floor

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Now is the log's time up to which the floor was folded, in epoch milliseconds.
func (t *Tenant) Now() int64 { return t.now }

// At is the time of the fact folded last, by its source, in epoch milliseconds.
func (t *Tenant) At() int64 { return t.at }

// Midnight is when the next day of the tenant begins, in epoch milliseconds.
func (t *Tenant) Midnight() int64 { return t.midnight }

// DayBegan is when the present day of the tenant began, in epoch milliseconds; 0
// before anything was heard.
func (t *Tenant) DayBegan() int64 {
	if t.midnight == 0 {
		return 0
	}
	d := moment(t.now).In(t.set.Zone)
	return time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, t.set.Zone).UnixMilli()
}

// Settings are what the tenant's floor is configured with, defaults filled in.
func (t *Tenant) Settings() Settings { return t.set }

// Repairs is what sources left out so far.
func (t *Tenant) Repairs() Repairs { return t.missing }

// Agent gives an agent, nil when it is not known.
func (t *Tenant) Agent(id string) *Agent { return t.agents[id] }

// Queue gives a queue, nil when it is not known.
func (t *Tenant) Queue(id string) *Queue { return t.queues[id] }

// Interaction gives an interaction that is open or ended a short while ago.
func (t *Tenant) Interaction(id string) *Interaction { return t.interactions[id] }

// Callback gives an open callback.
func (t *Tenant) Callback(id string) *Callback { return t.callbacks[id] }

// Source gives a source by the attribute of its events.
func (t *Tenant) Source(name string) *Source { return t.sources[name] }

// Agents lists the agents by id.
func (t *Tenant) Agents() []*Agent { return sorted(t.agents) }

// Queues lists the queues by id.
func (t *Tenant) Queues() []*Queue { return sorted(t.queues) }

// Callbacks lists the open callbacks by id.
func (t *Tenant) Callbacks() []*Callback { return sorted(t.callbacks) }

// Sources lists the sources by name.
func (t *Tenant) Sources() []*Source { return sorted(t.sources) }

func sorted[T any](m map[string]*T) []*T {
	out := make([]*T, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}

// OpenInteractions lists the interactions that are not over, oldest first.
func (t *Tenant) OpenInteractions() []*Interaction {
	out := make([]*Interaction, 0, t.open.n)
	for it := t.open.head; it != nil; it = it.next {
		out = append(out, it)
	}
	slices.SortFunc(out, func(a, b *Interaction) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Open is how many interactions are not over.
func (t *Tenant) Open() int { return t.open.n }

// OpenCallbacks is how many callbacks are open.
func (t *Tenant) OpenCallbacks() int { return len(t.callbacks) }

// AgentsIn is how many agents are in a state.
func (t *Tenant) AgentsIn(s State) int { return int(t.inState[s]) }

// WrappingOn is how many agents are in wrap-up after a contact of a medium.
func (t *Tenant) WrappingOn(m Medium) int {
	n := 0
	for _, a := range t.agents {
		if a.State == WrapUp && a.On(m).Wrapping > 0 {
			n++
		}
	}
	return n
}

// Changes is what the record folded last, or the tick that came after it, changed.
// It is valid until the next record or tick.
func (t *Tenant) Changes() []Change { return t.changes }

// Details gives what the source told of the interaction: the members of
// interaction.created that are told on, as JSON without braces, and the attached
// pairs as a JSON object. Each is nil when there are none, and the floor's.
func (it *Interaction) Details() (created, attributes []byte) { return it.static, it.attributes }
