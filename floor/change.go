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
	ChangeAgentQueue   // what is counted of an agent (ID) for a queue (Queue)
	ChangeChannel      // what is counted of a medium (ID)
	ChangeQueueChannel // what is counted of a medium (ID) in a queue (Queue)
)

// Change names an entity that a record changed. Whoever follows the floor reads
// the entity; one that is not there any more has gone.
type Change struct {
	Kind  ChangeKind
	ID    string
	Queue string // of the kinds that have two keys
}

func (t *Tenant) changed(k ChangeKind, id string) {
	t.changes = append(t.changes, Change{Kind: k, ID: id})
}

func (t *Tenant) touchChannel(m Medium) {
	if m != MediumUnknown && t.media[m] != t.tick {
		t.media[m] = t.tick
		t.changed(ChangeChannel, m.String())
	}
}

// touchCount marks that something was counted of a queue's channel, and of an
// agent's work for the queue.
func (t *Tenant) touchCount(q *Queue, m Medium, r *AgentAtQueue, a *Agent) {
	if q != nil {
		if q.counted != t.tick {
			q.counted, q.media = t.tick, 0
		}
		if m != MediumUnknown && q.media&(1<<m) == 0 {
			q.media |= 1 << m
			t.changes = append(t.changes, Change{Kind: ChangeQueueChannel, ID: m.String(), Queue: q.ID})
		}
	}
	if r != nil && r.mark != t.tick {
		r.mark = t.tick
		t.changes = append(t.changes, Change{Kind: ChangeAgentQueue, ID: a.ID, Queue: r.Queue.ID})
	}
}

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
