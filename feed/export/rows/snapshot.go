package rows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"trunkline/floor"
)

// ErrSnapshot is what the errors of a snapshot that cannot be used wrap.
var ErrSnapshot = errors.New("snapshot of the export's books cannot be used")

// snapshotVersion is the version of what a snapshot holds.
const snapshotVersion = 1

type envelope struct {
	Version int
	Tenant  string
	WFM     bool
	State   *state
}

// Snapshot gives the state of the books, for Restore. Equal states are equal bytes.
func (b *Books) Snapshot() ([]byte, error) {
	raw, err := json.Marshal(envelope{snapshotVersion, b.tenant, b.o.WFM, &b.state})
	if err != nil {
		return nil, fmt.Errorf("write the state of %s: %w", b.tenant, err)
	}
	return raw, nil
}

// Restore takes up a state. The floor is the tenant's as it was when the snapshot was
// taken, nil if it knew nothing of the tenant. The books are unchanged after an error.
func (b *Books) Restore(raw []byte, t *floor.Tenant) error {
	s := newState()
	e := envelope{State: &s}
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	switch {
	case e.Version != snapshotVersion:
		return fmt.Errorf("%w: it has version %d, %d can be read", ErrSnapshot, e.Version, snapshotVersion)
	case e.Tenant != b.tenant:
		return fmt.Errorf("%w: it is of tenant %q, not %q", ErrSnapshot, e.Tenant, b.tenant)
	case e.WFM != b.o.WFM:
		return fmt.Errorf("%w: it was taken with other options", ErrSnapshot)
	case e.State == nil:
		return fmt.Errorf("%w: it has no state", ErrSnapshot)
	}
	s = *e.State
	if what := s.missing(); what != "" {
		return fmt.Errorf("%w: nothing is said of %s", ErrSnapshot, what)
	}
	for id, i := range s.Issues {
		var it *floor.Interaction
		if t != nil {
			it = t.Interaction(id)
		}
		i.relink(it)
	}
	b.state = s
	return nil
}

// missing names something of which the state says nothing, "" when it is whole, and
// makes the maps that it leaves out.
func (s *state) missing() string {
	for id, i := range s.Issues {
		if i == nil || hole(i.Visits) || hole(i.Parts) || hole(i.Transfers) || hole(i.Notes) || hole(i.CheckIns) {
			return "issue " + id
		}
	}
	for id, i := range s.Strays {
		if i == nil || hole(i.Notes) {
			return "issue " + id
		}
	}
	for id, g := range s.Agents {
		if g == nil || hole(g.Statuses) {
			return "agent " + id
		}
		for _, x := range g.Slots {
			if x == nil || hole(x.By) {
				return "the time of agent " + id
			}
		}
		if g.Slots == nil {
			g.Slots = map[int64]*slot{}
		}
		if g.Counts == nil {
			g.Counts = map[string]int64{}
		}
	}
	for _, w := range s.Slices {
		if w == nil || w.Queues == nil || w.Agents == nil {
			return "a quarter of an hour"
		}
	}
	for code, x := range s.Intents {
		if x == nil {
			return "intent " + code
		}
	}
	for key, c := range s.Callers {
		if c == nil {
			return "customer " + key
		}
	}
	for id, d := range s.Sessions {
		if d == nil || len(d.Issues) == 0 {
			return "session " + id
		}
	}
	if hole(s.Again) {
		return "an issue of before"
	}
	s.fill()
	return ""
}

// fill makes the maps that a state leaves out.
func (s *state) fill() {
	fresh := newState()
	if s.Counts == nil {
		s.Counts = fresh.Counts
	}
	if s.Issues == nil {
		s.Issues = fresh.Issues
	}
	if s.Strays == nil {
		s.Strays = fresh.Strays
	}
	if s.Agents == nil {
		s.Agents = fresh.Agents
	}
	if s.Callers == nil {
		s.Callers = fresh.Callers
	}
	if s.Intents == nil {
		s.Intents = fresh.Intents
	}
	if s.Sessions == nil {
		s.Sessions = fresh.Sessions
	}
	if s.Slices == nil {
		s.Slices = fresh.Slices
	}
}

// hole says that a list has an item of which nothing is said.
func hole[T any](list []*T) bool { return slices.Contains(list, nil) }
