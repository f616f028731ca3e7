package index_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/index"
)

// store is a shard's stream in memory, written as a writer would.
type store struct {
	first uint64 // sequence of msgs[0]
	msgs  [][]byte
	hash  commit.Hash
	epoch commit.Epoch
	now   time.Time
	heads map[string]uint64

	// The model: where every event is.
	stream   map[string][]uint64 // by tenant, of event i+1
	received map[string][]time.Time
	ids      map[string][]commit.Identity
}

func newStore() *store {
	return &store{
		first: 1, epoch: commit.Epoch{1}, now: time.UnixMilli(1795210742158).UTC(), heads: map[string]uint64{},
		stream: map[string][]uint64{}, received: map[string][]time.Time{}, ids: map[string][]commit.Identity{},
	}
}

func (s *store) last() uint64 { return s.first + uint64(len(s.msgs)) - 1 }

// add writes one commit with so many events for each tenant.
func (s *store) add(counts map[string]int) *commit.Commit { return s.write(counts, commit.Events, "") }

func (s *store) write(counts map[string]int, kind commit.Kind, note string) *commit.Commit {
	var b commit.Builder
	seq := s.last() + 1
	tenants := make([]string, 0, len(counts))
	for t := range counts {
		tenants = append(tenants, t)
	}
	slices.Sort(tenants)
	for _, t := range tenants {
		for range counts[t] {
			s.heads[t]++
			raw := fmt.Appendf(nil, `{"id":"%s-%d"}`, t, s.heads[t])
			id := commit.Identify(t, "src", fmt.Sprint(s.heads[t]), raw)
			b.Add(t, s.epoch.ForTenant(t), s.heads[t], id, false, raw, nil)
			s.stream[t] = append(s.stream[t], seq)
			s.received[t] = append(s.received[t], s.now)
			s.ids[t] = append(s.ids[t], id)
		}
	}
	msg, hash := b.Encode(commit.Head{Kind: kind, Sequence: seq, Received: s.now, Epoch: s.epoch, Prev: s.hash, Note: []byte(note)})
	s.msgs, s.hash = append(s.msgs, msg), hash
	c, err := commit.Parse(msg)
	if err != nil {
		panic(err)
	}
	return c
}

func (s *store) Read(_ context.Context, from uint64, most int, fn func([]byte) error) (int, error) {
	n := 0
	for seq := max(from, s.first); seq <= s.last() && n < 50 && (most == 0 || n < most); seq++ {
		if msg := s.msgs[seq-s.first]; msg != nil {
			n++
			if err := fn(msg); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (s *store) Last(context.Context) (uint64, error) { return s.last(), nil }

// load builds an index as a start does: from the segments, where they reach,
// and from the stream.
func load(t interface{ Fatal(...any) }, s *store, segs []*index.Segment) *index.Shard {
	x := index.New(0, index.Limits{})
	x.SetFirst(s.first)
	nothing := func(*commit.Commit, *index.Break) {}
	for _, seg := range segs {
		if seg.To < s.first || seg.From <= x.Tip().Sequence {
			continue
		}
		if err := x.CatchUpTo(context.Background(), s, seg.From-1, nothing); err != nil {
			t.Fatal(err)
		}
		if err := x.Load(seg.Bytes, true); err != nil {
			t.Fatal(err)
		}
	}
	x.SetFirst(s.first)
	if err := x.CatchUp(context.Background(), s, nothing); err != nil {
		t.Fatal(err)
	}
	return x
}

var names = []string{"acme", "bolt", "corp", "dune", "echo"}

// machine drives a shard's index through what a log does with it, and asks it
// after every step what a walk through all events would say.
type machine struct {
	s    *store
	x    *index.Shard
	segs []*index.Segment
}

func (m *machine) commits(t *rapid.T) {
	rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	var weights [5]float64
	for i := range weights {
		weights[i] = max(0, rnd.Float64()*1.3-0.3)
	}
	for range rapid.IntRange(1, 120).Draw(t, "commits") {
		m.s.now = m.s.now.Add(time.Duration(rnd.IntN(4)) * time.Millisecond)
		counts := map[string]int{}
		for i, n := range names {
			if rnd.Float64() < weights[i] {
				counts[n] = 1 + rnd.IntN(3)
			}
		}
		c := m.s.add(counts)
		if applied, broken := m.x.Apply(c); !applied || broken != nil {
			t.Fatalf("commit %d: applied %v, %v", c.Sequence, applied, broken)
		}
		if applied, broken := m.x.Apply(c); applied || broken != nil {
			t.Fatalf("commit %d twice: applied %v, %v", c.Sequence, applied, broken)
		}
	}
}

func (m *machine) cut() {
	if seg := m.x.Cut(); seg != nil {
		m.segs = append(m.segs, seg)
	}
}

func (m *machine) trim(t *rapid.T) {
	if m.s.last() < m.s.first+2 {
		return
	}
	keep := rapid.Uint64Range(m.s.first, m.s.last()).Draw(t, "keep")
	m.cut()
	m.x.Trim(keep)
	m.s.msgs = slices.Clone(m.s.msgs[keep-m.s.first:])
	m.s.first = keep
	for len(m.segs) > 1 && m.segs[0].To < keep {
		m.segs = m.segs[1:]
	}
}

func (m *machine) restart(t *rapid.T) {
	if m.s.first == 1 && rapid.Bool().Draw(t, "lose a segment") && len(m.segs) > 0 {
		// One that cannot be read is made up for by the log.
		i := rapid.IntRange(0, len(m.segs)-1).Draw(t, "which")
		m.segs = slices.Delete(m.segs, i, i+1)
	}
	x := load(t, m.s, m.segs)
	if x.Tip() != m.x.Tip() {
		t.Fatalf("after a restart the tip is %+v, was %+v", x.Tip(), m.x.Tip())
	}
	if b := x.Breaks(); len(b) > 0 || x.Doubtful() {
		t.Fatalf("breaks %v, doubtful %v", b, x.Doubtful())
	}
	m.x = x
}

func (m *machine) check(t *rapid.T) {
	for _, n := range names {
		m.checkTenant(t, n)
	}
	have := 0
	for n := range m.s.heads {
		if !slices.Contains(m.x.Tenants(), n) {
			t.Fatalf("tenant %s is not listed", n)
		}
		have++
	}
	if len(m.x.Tenants()) != have {
		t.Fatalf("tenants are %v", m.x.Tenants())
	}
}

func (m *machine) checkTenant(t *rapid.T, n string) {
	got := m.x.Tenant(n)
	head := m.s.heads[n]
	if m.x.Tip().Sequence > 0 && got.Epoch != m.s.epoch.ForTenant(n) || got.Head != head {
		t.Fatalf("%s: %+v, want head %d", n, got, head)
	}
	// What is gone counts as gone, and at most a place's span more.
	gone, most := uint64(0), uint64(0)
	for i, at := range m.s.stream[n] {
		if at < m.s.first {
			gone = uint64(i) + 1
		}
		if at < m.s.first+64 {
			most = uint64(i) + 1
		}
	}
	if m.s.first == 1 {
		most = 0
	}
	if got.Trim < gone || got.Trim > most {
		t.Fatalf("%s: trimmed up to %d, between %d and %d are gone (first kept commit %d)", n, got.Trim, gone, most, m.s.first)
	}
	if _, ok := m.x.Find(n, head+1); ok {
		t.Fatalf("%s: found an event behind the head", n)
	}
	if got.Trim < head {
		seq := rapid.Uint64Range(got.Trim+1, head).Draw(t, "seq of "+n)
		at := m.s.stream[n][seq-1]
		span, ok := m.x.Find(n, seq)
		if !ok || at < span.From || at > span.To || span.From < m.s.first || span.To > m.s.last() {
			t.Fatalf("%s: event %d is in commit %d, the index says %+v", n, seq, at, span)
		}
		if first, ok := m.x.Before(n, seq); !ok || first > seq || first <= got.Trim {
			t.Fatalf("%s: reading back from %d begins at %d, trimmed up to %d", n, seq, first, got.Trim)
		}
		id := m.s.ids[n][seq-1]
		if body, ok := m.x.Known(id.Key()); !ok || body != id.Body() {
			t.Fatalf("%s: event %d is not known", n, seq)
		}
		when := m.s.received[n][seq-1].Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, "shift")) * time.Millisecond)
		want := head + 1
		for i, r := range m.s.received[n] {
			if !r.Before(when) {
				want = uint64(i) + 1
				break
			}
		}
		if c := m.x.SeekTime(n, when); c > max(want, got.Trim+1) || c <= got.Trim {
			t.Fatalf("%s: seek gives %d, the first at that time is %d, trimmed up to %d", n, c, want, got.Trim)
		}
	}
	if got.Trim > 0 {
		if _, ok := m.x.Find(n, got.Trim); ok {
			t.Fatalf("%s: found trimmed event %d", n, got.Trim)
		}
	}
}

func TestAsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{s: newStore(), x: index.New(0, index.Limits{})}
		t.Repeat(map[string]func(*rapid.T){
			"commits": m.commits,
			"cut":     func(*rapid.T) { m.cut() },
			"trim":    m.trim,
			"restart": m.restart,
			"":        m.check,
		})
	})
}

// Whatever commits are lost, the loss is named, and no number can be given
// twice in one epoch.
func TestLossIsNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{s: newStore(), x: index.New(0, index.Limits{})}
		m.commits(t)
		if rapid.Bool().Draw(t, "segment") {
			m.cut()
			m.commits(t)
		}
		covered := uint64(0)
		for _, seg := range m.segs {
			covered = seg.To
		}
		lost := rapid.SliceOfNDistinct(rapid.Uint64Range(1, m.s.last()), 1, min(8, int(m.s.last())), rapid.ID).Draw(t, "lost")
		named := false
		for _, seq := range lost {
			if rapid.Bool().Draw(t, "gone") {
				m.s.msgs[seq-1] = nil
			} else {
				m.s.msgs[seq-1] = slices.Clone(m.s.msgs[seq-1])
				m.s.msgs[seq-1][30] ^= 4
			}
			named = named || seq > covered
		}
		x := load(t, m.s, m.segs)
		if named && len(x.Breaks()) == 0 {
			t.Fatalf("commits %v are lost, segments reach to %d, and nothing is said", lost, covered)
		}
		for _, n := range names {
			if got := x.Tenant(n); got.Head != m.s.heads[n] && !x.Doubtful() {
				t.Fatalf("%s: head %d was given, the index says %d and has no doubt; lost %v", n, m.s.heads[n], got.Head, lost)
			}
		}
		// A claim that begins a new epoch settles it, also for the next start.
		if x.Doubtful() {
			x.NewEpoch(commit.Epoch{2})
			tip := x.Tip()
			if len(m.s.msgs) < int(tip.Sequence) || m.s.last() != tip.Sequence {
				t.Fatalf("the index ends at %d, the stream at %d", tip.Sequence, m.s.last())
			}
			m.s.hash, m.s.epoch = tip.Hash, tip.Epoch
			c := m.s.write(nil, commit.Claim, "{"+index.NoteNewEpoch+"}")
			if _, broken := x.Apply(c); broken != nil || x.Doubtful() {
				t.Fatalf("%v, doubtful %v", broken, x.Doubtful())
			}
			if load(t, m.s, m.segs).Doubtful() {
				t.Fatal("the next start doubts again")
			}
		}
	})
}

func TestWindow(t *testing.T) {
	s := newStore()
	x := index.New(0, index.Limits{Identities: 400, IdentityAge: time.Hour})
	for range 500 {
		s.now = s.now.Add(time.Second)
		x.Apply(s.add(map[string]int{"acme": 2}))
	}
	known := func(i int) bool { id := s.ids["acme"][i]; _, ok := x.Known(id.Key()); return ok }
	for i := 1000 - 300; i < 1000; i++ {
		if !known(i) {
			t.Fatalf("identity %d of 1000 is forgotten, three quarters of 400 are kept", i)
		}
	}
	if known(1000-401) || x.Identities() > 400 {
		t.Fatalf("%d identities are kept", x.Identities())
	}
	s.now = s.now.Add(10 * time.Hour)
	x.Apply(s.add(map[string]int{"acme": 1}))
	s.now = s.now.Add(2 * time.Hour)
	x.Apply(s.add(map[string]int{"acme": 1}))
	if known(998) || !known(1001) {
		t.Fatal("an old identity is known, or the newest is not")
	}
}

func FuzzLoad(f *testing.F) {
	s := newStore()
	x := index.New(0, index.Limits{})
	for i := range 70 {
		x.Apply(s.add(map[string]int{names[i%4]: 1 + i%2}))
	}
	seg := x.Cut().Bytes
	f.Add(seg[:len(seg)-16])
	for i := range 3 {
		x.Apply(s.add(map[string]int{names[i]: 1}))
	}
	small := x.Cut().Bytes
	f.Add(small[:len(small)-16])
	f.Add([]byte("TLS1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := index.New(0, index.Limits{Identities: 100})
		if err := x.Load(b, true); err == nil {
			t.Fatal("a segment without its hash was taken")
		}
		if err := x.Load(index.Seal(b), true); err != nil {
			if x.Tip().Sequence != 0 || len(x.Tenants()) != 0 || x.Events() != 0 {
				t.Fatal("a segment that was refused left something behind")
			}
			return
		}
		for _, n := range x.Tenants() {
			got := x.Tenant(n)
			x.Find(n, got.Head)
			x.Before(n, got.Head)
			x.SeekTime(n, time.Now())
		}
		if seg := x.Cut(); seg != nil {
			t.Fatal("a loaded segment is cut again")
		}
	})
}
