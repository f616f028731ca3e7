package floor

// ChangeKind says what a change is about.
type ChangeKind uint8

// The kinds of change.
const (
	ChangeAgent ChangeKind = iota
	ChangeQueue
	ChangeInteraction
	ChangeCallback
	ChangeSource
)

// Change names an entity that a record changed. Whoever follows the floor reads
// the entity; one that is not there any more has gone.
type Change struct {
	Kind ChangeKind
	ID   string
}

func (t *Tenant) changed(k ChangeKind, id string) { t.changes = append(t.changes, Change{k, id}) }

func (t *Tenant) touchAgent(a *Agent) {
	if a.mark != t.tick {
		a.mark = t.tick
		t.changed(ChangeAgent, a.ID)
	}
}

func (t *Tenant) touchQueue(q *Queue) {
	if q.mark != t.tick {
		q.mark = t.tick
		t.changed(ChangeQueue, q.ID)
	}
}

func (t *Tenant) touchInteraction(it *Interaction) {
	if it.mark != t.tick {
		it.mark = t.tick
		t.changed(ChangeInteraction, it.ID)
	}
}

func (t *Tenant) touchSource(s *Source) {
	if s.mark != t.tick {
		s.mark = t.tick
		t.changed(ChangeSource, s.Name)
	}
}
