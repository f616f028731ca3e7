package index

import (
	"bytes"
	"fmt"
	"sort"
	"sync"
	"time"

	"trunkline/eventlog/commit"
)

// spacing is how many commits a place speaks for: a tenant's section less than
// this many commits behind the last place is found by scanning from there.
const spacing = 64

// Limits bound a shard's window of identities.
type Limits struct {
	Identities  int           // 0: 5,000,000
	IdentityAge time.Duration // 0: no bound
}

// Shard is what is known of one shard. All methods are safe for concurrent use.
type Shard struct {
	id int

	mu sync.RWMutex // guards everything below

	first    uint64 // first stream sequence that is kept
	applied  uint64 // last stream sequence that was applied
	hash     commit.Hash
	epoch    commit.Epoch
	received time.Time
	events   uint64

	tenants map[string]*tenant
	window  window
	marks   []mark
	breaks  []Break
	// doubt: commits were lost and nothing behind them tells which numbers they
	// gave, so the next writer has to begin a new epoch.
	doubt bool
	// renumbering: an epoch has begun that no commit has yet.
	renumbering bool

	open    segmentBuilder
	segFrom uint64 // first commit of the open segment
}

// tenant is one tenant's part.
type tenant struct {
	name   string
	epoch  commit.Epoch
	head   uint64 // last sequence
	trim   uint64 // last sequence that is not kept any more
	bytes  uint64 // stored in all, before compression
	places []place
	number int // in the open segment's table, -1 when not there yet
}

// place says that the commit at stream holds the tenant's section that begins
// with sequence first.
type place struct {
	stream, first uint64
	received      int64  // ms
	before        uint64 // bytes of the tenant stored before it
}

// mark dates a stream sequence, one in spacing.
type mark struct {
	stream   uint64
	received int64
}

// Break is a place where the log is not what was written.
type Break struct {
	Shard    int
	From, To uint64 // stream sequences of the lost commits
	Reason   string
	Lost     []Range // what tenants are known to have lost
}

// Range is a run of one tenant's sequences.
type Range struct {
	Tenant   string
	From, To uint64
}

func (b Break) String() string {
	s := fmt.Sprintf("shard %d, commits %d to %d: %s", b.Shard, b.From, b.To, b.Reason)
	for _, r := range b.Lost {
		s += fmt.Sprintf("; tenant %s lost %d to %d", r.Tenant, r.From, r.To)
	}
	return s
}

// New makes the index of an empty shard.
func New(id int, lim Limits) *Shard {
	if lim.Identities == 0 {
		lim.Identities = 5_000_000
	}
	s := &Shard{id: id, first: 1, tenants: make(map[string]*tenant), window: newWindow(lim.Identities, lim.IdentityAge)}
	s.open.reset()
	s.segFrom = 1
	return s
}

// Tip is the end of the chain.
type Tip struct {
	Sequence uint64 // of the stream
	Hash     commit.Hash
	Epoch    commit.Epoch
	Received time.Time
}

// Tip gives the end of the chain as far as it was applied.
func (s *Shard) Tip() Tip {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return Tip{s.applied, s.hash, s.epoch, s.received}
}

// Apply takes a commit in. A commit that was applied before is left alone. A
// commit that does not continue the chain is taken in as well, and the break is
// given back and remembered: what can be read is still read.
func (s *Shard) Apply(c *commit.Commit) (applied bool, broken *Break) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Sequence <= s.applied {
		return false, nil
	}
	switch {
	case c.Sequence != s.applied+1 && s.applied+1 >= s.first && s.applied > 0:
		broken = &Break{Shard: s.id, From: s.applied + 1, To: c.Sequence - 1, Reason: "commits are missing"}
	case s.applied > 0 && c.Prev != s.hash:
		broken = &Break{Shard: s.id, From: s.applied, To: c.Sequence, Reason: "commit does not continue the one before it"}
	case s.applied == 0 && c.Sequence > s.first:
		broken = &Break{Shard: s.id, From: s.first, To: c.Sequence - 1, Reason: "commits are missing at the beginning"}
	}
	if c.Sequence != s.applied+1 {
		s.segFrom = 0 // a segment never spans a gap
		s.doubt = s.doubt || broken != nil
	}
	if c.Epoch != s.epoch {
		// Its writer knew of the loss before it.
		s.doubt = s.doubt && !(c.Kind == commit.Claim && bytes.Contains(c.Note, []byte(NoteNewEpoch)))
		s.epoch = c.Epoch
		for _, t := range s.tenants {
			t.epoch = c.Epoch.ForTenant(t.name)
		}
	}
	s.open.begin(c)
	ms := c.Received.UnixMilli()
	for _, sec := range c.Sections {
		t := s.tenant(sec.Tenant, sec.Epoch)
		if lost := s.section(t, c.Sequence, ms, sec.First, sec.Count, sec.Size()); lost != nil {
			if broken == nil {
				broken = &Break{Shard: s.id, From: c.Sequence, To: c.Sequence, Reason: "a tenant's numbers jump"}
			}
			broken.Lost = append(broken.Lost, *lost)
		}
		for i := range sec.Count {
			s.window.add(sec.Identity(i), c.Received)
		}
		s.open.section(t, sec)
	}
	s.advance(c.Sequence, c.Received)
	s.hash = c.Hash
	if broken != nil {
		s.breaks = append(s.breaks, *broken)
	}
	s.renumbering = false
	if s.segFrom == 0 {
		s.segmentBegins(c.Sequence + 1)
	}
	return true, broken
}

func (s *Shard) tenant(name string, epoch commit.Epoch) *tenant {
	t, ok := s.tenants[name]
	if !ok {
		t = &tenant{name: name, epoch: epoch, number: -1}
		s.tenants[name] = t
	}
	return t
}

// section notes where a section is; it gives back what must have been lost
// before it.
func (s *Shard) section(t *tenant, stream uint64, ms int64, first uint64, count, size int) (lost *Range) {
	if first > t.head+1 && (t.head > 0 || s.first == 1) {
		lost = &Range{t.name, t.head + 1, first - 1}
	}
	if t.head == 0 && first > 1 {
		t.trim = first - 1
	}
	if n := len(t.places); n == 0 || stream-t.places[n-1].stream >= spacing {
		t.places = append(t.places, place{stream, first, ms, t.bytes})
	}
	t.head = first + uint64(count) - 1
	t.bytes += uint64(size)
	s.events += uint64(count)
	return lost
}

func (s *Shard) advance(stream uint64, received time.Time) {
	s.applied, s.received = stream, received
	if n := len(s.marks); n == 0 || stream-s.marks[n-1].stream >= spacing {
		s.marks = append(s.marks, mark{stream, received.UnixMilli()})
	}
	s.window.expire(received)
}

// Known says whether an identity is in the window, and the checksum of the body
// that came first.
func (s *Shard) Known(k commit.Key) (body uint32, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.window.find(k)
}

// Tenant is what is known of one tenant.
type Tenant struct {
	Epoch commit.Epoch
	Head  uint64 // last sequence, 0 when there is none
	Trim  uint64 // the last sequence that is not kept any more
	Bytes uint64 // of the events that are kept, before compression
}

// Tenant tells of one tenant; one that never had an event has an epoch already.
func (s *Shard) Tenant(name string) Tenant {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, ok := s.tenants[name]
	if !ok {
		return Tenant{Epoch: s.epoch.ForTenant(name)}
	}
	kept := uint64(0)
	if len(t.places) > 0 {
		kept = t.bytes - t.places[0].before
	}
	return Tenant{t.epoch, t.head, t.trim, kept}
}

// Tenants lists the tenants that have events, by name.
func (s *Shard) Tenants() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := make([]string, 0, len(s.tenants))
	for n := range s.tenants {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Events is the number of events applied since the index was made.
func (s *Shard) Events() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.events
}

// Identities is the number of identities in the window.
func (s *Shard) Identities() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.window.count()
}

// First is the first stream sequence that is kept.
func (s *Shard) First() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.first
}

// Breaks lists the breaks that were met.
func (s *Shard) Breaks() []Break {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return append([]Break(nil), s.breaks...)
}

// AddBreak remembers a break that somebody else met, once.
func (s *Shard) AddBreak(b Break) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, have := range s.breaks {
		if have.From == b.From && have.To == b.To {
			return
		}
	}
	s.breaks = append(s.breaks, b)
}

// Begin tells the epoch in which the shard's first commit will be.
func (s *Shard) Begin(e commit.Epoch) {
	s.mu.Lock()
	s.epoch = e
	s.mu.Unlock()
}

// NewEpoch makes the next claim start a new numbering era: the tail that
// readers may have seen is gone.
func (s *Shard) NewEpoch(e commit.Epoch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch = e
	s.doubt = false
	s.renumbering = true
	for _, t := range s.tenants {
		t.epoch = e.ForTenant(t.name)
	}
}

// Renumbering says whether an epoch has begun that no commit has yet: the claim
// that is first to have it says so in its note (see NoteNewEpoch).
func (s *Shard) Renumbering() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.renumbering
}

// NoteNewEpoch stands in the note of a claim that begins a new epoch: what was
// lost before it is settled.
const NoteNewEpoch = `"new_epoch":true`

// Doubt makes the next writer begin a new epoch: numbers may have been given
// that nothing tells of any more.
func (s *Shard) Doubt() {
	s.mu.Lock()
	s.doubt = true
	s.mu.Unlock()
}

// Doubtful says whether the next writer has to begin a new epoch.
func (s *Shard) Doubtful() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.doubt
}
