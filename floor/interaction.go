package floor

import (
	"strings"

	"trunkline/event"
)

// Interaction is one call, chat, mail or message as the floor knows it. It stays
// for a while after its end, because wrap-up, recordings and surveys follow.
// Times are epoch milliseconds by the source's clock. Others than this package
// only read it.
type Interaction struct {
	ID, Parent  string
	Media       Medium
	Direction   event.Direction
	Origin      event.Origin
	Source      *Source
	Created     int64
	Ended       int64 // 0 while it is open
	Lost        bool  // nobody saw its end
	Visits      int   // to queues, so far
	Contacts    int   // agents who were connected, so far
	Accepted    bool  // an agent took it
	Customer    bool  // the customer answered, of one that goes out
	Parked      bool
	LastQueue   *Queue
	LastAgent   string
	Agent       string // who dialled it, or whom it reached directly
	QueuedAt    int64  // when it entered its latest queue
	Waited      int64  // how long it waited there, once it is over
	AcceptedAt  int64  // when an agent took it first
	Priority    int
	Disposition string
	MessagesIn  int // by the customer
	MessagesOut int // by agents
	FirstReply  int64
	Initiator   string // who ended it
	Reason      string // why it ended

	FirstQueuedAt int64

	visits      []*Visit
	parts       []*Part
	supervisors []supervision
	recordings  []Recording
	static      []byte // members of the context that come with the facts, as JSON without braces
	attributes  []byte // attached pairs, a JSON object or nil
	story       story
	lastIn      int64 // when the customer wrote last, where statuses are kept
	lastOut     int64 // the same of agents and supervisors
	leftBy      Counter
	left        bool
	carried     callState // of the stream feed's event before
	alertEnd    int64     // when the last offer ended without being taken
	alertAgent  string    // whose it was
	touched     int64     // received time of the latest fact, by which chains are ordered
	mark        uint64
	prev, next  *Interaction // in the chain of the open or of the ended
}

// Recording is a recording of an interaction.
type Recording struct {
	ID    string
	Leg   string
	At    int64
	Ready bool
}

type supervision struct {
	supervisor, agent *Agent
	queue             *Queue // whose coaching it counts as
	kind              event.SupervisionKind
	since             int64
}

const (
	maxRecordings  = 64   // of an interaction
	maxSupervisors = 32   // on an interaction
	maxParts       = 1000 // of an interaction
	maxVisits      = 100  // of an interaction, at once
	maxStatic      = 8 << 10
	maxAttributes  = 16 << 10
)

// Waiting gives the queues in which it waits now.
func (it *Interaction) Waiting() []*Visit { return it.visits }

// Parts gives the agents' parts in it, oldest first.
func (it *Interaction) Parts() []*Part { return it.parts }

// Recordings gives its recordings.
func (it *Interaction) Recordings() []Recording { return it.recordings }

// Open says that it is not over.
func (it *Interaction) Open() bool { return it.Ended == 0 }

// CallState is the state of the call in the words of the stream feed.
func (it *Interaction) CallState() string {
	held, connected := false, false
	for _, p := range it.parts {
		if p.Stage == PartContact {
			connected = true
			held = held || p.HeldSince > 0
		}
	}
	switch {
	case it.Ended > 0:
		return "CS_DISCONNECTED"
	case held:
		return "CS_HOLD"
	case connected && it.Direction != event.DirectionIn && it.Origin != event.OriginTransfer && !it.Customer:
		return "CS_INPROGRESS"
	case connected:
		return "CS_CONNECTED"
	case it.Contacts > 0 && len(it.visits) == 0:
		return "CS_DISCONNECTED"
	case it.Direction != event.DirectionIn || it.Origin == event.OriginTransfer:
		return "CS_IDLE"
	}
	return "CS_QUEUED"
}

// Outcome is what became of an interaction as a whole.
type Outcome uint8

// The outcomes.
const (
	OutcomeOpen      Outcome = iota
	OutcomeAnswered          // the other side spoke with an agent
	OutcomeLeftEarly         // the customer ended it before it was queued
	OutcomeSelfServe         // the system ended it before it was queued
	OutcomeAbandoned         // the customer left a queue, and that was the end
	OutcomeTimeout           // ended at a queue's limit
	OutcomeKey               // left the queue by a key
	OutcomeRefused           // refused by a full queue
	OutcomeUnreached         // the called side did not answer
	OutcomeLost              // nobody saw its end
	NumOutcomes
)

// String gives the outcome's name.
func (o Outcome) String() string {
	return [...]string{"open", "answered", "left_early", "self_serve", "abandoned", "timeout", "key", "full", "unreached", "lost", ""}[min(o, NumOutcomes)]
}

// Outcome is what became of it.
func (it *Interaction) Outcome() Outcome {
	switch {
	case it.Ended == 0:
		return OutcomeOpen
	case it.Accepted && (it.Direction != event.DirectionOut || it.Customer || it.Origin == event.OriginTransfer):
		return OutcomeAnswered
	case it.left && (it.leftBy == AbandonedLong || it.leftBy == AbandonedShort):
		return OutcomeAbandoned
	case it.left && it.leftBy == TimedOut:
		return OutcomeTimeout
	case it.left && it.leftBy == LeftByKey:
		return OutcomeKey
	case it.left && it.leftBy == Refused:
		return OutcomeRefused
	case it.Lost:
		return OutcomeLost
	case it.Direction != event.DirectionIn:
		return OutcomeUnreached
	case it.Initiator == string(event.InitiatorCustomer):
		return OutcomeLeftEarly
	}
	return OutcomeSelfServe
}

// chain is a list of interactions, the one touched longest ago first.
type chain struct {
	head, tail *Interaction
	n          int
}

func (c *chain) push(it *Interaction) {
	it.prev, it.next = c.tail, nil
	if c.tail == nil {
		c.head = it
	} else {
		c.tail.next = it
	}
	c.tail = it
	c.n++
}

func (c *chain) remove(it *Interaction) {
	if it.prev == nil {
		c.head = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		c.tail = it.prev
	} else {
		it.next.prev = it.prev
	}
	it.prev, it.next = nil, nil
	c.n--
}

// find gives the interaction of a fact, nil when it is not known.
func (t *Tenant) find(in *input) *Interaction {
	it := t.interactions[in.interaction]
	if it != nil {
		t.refresh(it)
	}
	return it
}

// refresh notes that an interaction was heard of.
func (t *Tenant) refresh(it *Interaction) {
	t.touchInteraction(it)
	if it.touched == t.now {
		return
	}
	it.touched = t.now
	if it.Ended == 0 && t.open.tail != it {
		t.open.remove(it)
		t.open.push(it)
	}
}

// begin gives the interaction of a fact that can only be true while it is open.
// One whose start was missed is made up; one that had been given up for lost
// lives again. Both are said in a correction. A late fact of one that is
// properly over gives nil.
func (t *Tenant) begin(in *input) *Interaction {
	it := t.find(in)
	switch {
	case it == nil && in.interaction == "":
		return nil
	case it == nil:
		it = t.create(in)
		t.missing.Starts++
		t.correct("interaction/"+it.ID, "state", "", "open", "missing_start", in)
	case it.Ended > 0 && !it.Lost:
		return nil
	case it.Ended > 0:
		t.ended.remove(it)
		it.Ended, it.Lost, it.Initiator, it.Reason = 0, false, "", ""
		t.open.push(it)
		t.Totals.Lost--
		t.Totals.Ended--
		t.Totals.Outcomes[OutcomeLost]--
		t.correct("interaction/"+it.ID, "state", "lost", "open", "heard_again", in)
	}
	return it
}

// create makes an interaction known.
func (t *Tenant) create(in *input) *Interaction {
	if t.open.n >= t.set.MaxInteractions {
		t.giveUp(t.open.head, "too_many", in)
	}
	id := strings.Clone(in.interaction)
	it := &Interaction{
		ID: id, Parent: strings.Clone(in.parent), Media: in.media, Direction: event.DirectionIn,
		Source: t.source(in.source), Created: in.at, touched: t.now,
	}
	t.interactions[id] = it
	t.open.push(it)
	t.Totals.Created++
	t.touchInteraction(it)
	return it
}

// created takes in the begin of an interaction. A second one, or one that comes
// behind the facts it should have come before, only fills in what it says.
func (t *Tenant) created(in *input) *Interaction {
	it := t.find(in)
	if it == nil {
		if in.interaction == "" {
			return nil
		}
		it = t.create(in)
	}
	switch event.Direction(in.state) {
	case event.DirectionOut:
		it.Direction = event.DirectionOut
	case event.DirectionInternal:
		it.Direction = event.DirectionInternal
	default:
		it.Direction = event.DirectionIn
	}
	it.Created, it.Media = min(it.Created, in.at), in.media
	it.Origin = event.Origin(strings.Clone(in.other))
	if it.Parent == "" {
		it.Parent = strings.Clone(in.parent)
	}
	it.keepStatic(in.data)
	if a := t.agent(in.agent); a != nil {
		it.Agent = a.ID
		if it.Direction != event.DirectionIn && it.Ended == 0 && it.part(a, PartContact) == nil && it.part(a, PartOffered) == nil {
			t.addPart(it, a, nil, PartDialling, in)
		}
	}
	return it
}

// over takes in the end of an interaction for everybody.
func (t *Tenant) over(in *input) *Interaction {
	it := t.find(in)
	if it == nil || it.Ended > 0 {
		return it
	}
	if in.flag {
		t.lose(it, in.at, "")
		it.Initiator, it.Reason = strings.Clone(in.other), strings.Clone(in.reason)
		return it
	}
	for len(it.visits) > 0 {
		v := it.visits[0]
		t.missing.Ends++
		t.correct("interaction/"+it.ID, "visit/"+v.Queue.ID, "waiting", "lost", "missing_end", in)
		t.leave(v, LostWaiting, in.at, in.suspect)
		it.left, it.leftBy = true, LostWaiting
	}
	for i := len(it.parts) - 1; i >= 0; i-- {
		switch p := it.parts[i]; p.Stage {
		case PartOffered:
			t.endOffer(p, Cancelled, in.at)
		case PartDialling:
			t.undial(p, in.at)
		case PartContact:
			t.endContact(p, in.at)
		}
	}
	t.endSupervision(it, nil, in.at)
	it.Initiator, it.Reason = strings.Clone(in.other), strings.Clone(in.reason)
	t.finish(it, in.at)
	return it
}

// finish moves an interaction to those that are over.
func (t *Tenant) finish(it *Interaction, at int64) {
	t.open.remove(it)
	it.Ended = max(at, it.Created, 1)
	it.touched = t.now
	t.ended.push(it)
	t.Totals.Ended++
	if it.Lost {
		t.Totals.Lost++
	}
	t.Totals.Outcomes[it.Outcome()]++
	t.touchInteraction(it)
	for t.ended.n > t.set.MaxEnded {
		t.purge(t.ended.head)
	}
}

// purge forgets an interaction that is over.
func (t *Tenant) purge(it *Interaction) {
	for len(it.parts) > 0 {
		t.closePart(it.parts[0], t.at, true)
	}
	t.ended.remove(it)
	delete(t.interactions, it.ID)
	t.touchInteraction(it)
}
