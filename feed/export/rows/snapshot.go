package rows

import (
	"encoding/json"
	"errors"
	"fmt"

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
	for id, i := range s.Issues {
		if i == nil {
			return fmt.Errorf("%w: nothing is said of issue %q", ErrSnapshot, id)
		}
		var it *floor.Interaction
		if t != nil {
			it = t.Interaction(id)
		}
		i.relink(it)
	}
	b.state = s
	return nil
}
