// Package interval keeps the 15-minute rows for workforce management: what a
// queue took and how long it took, and how an agent's time was spent.
//
// A [Book] holds the slices of time that can still change. Rows are attributed by
// the sources' times: a visit to the slice in which it ended, a contact to the one
// in which it was over with its wrap-up, and an agent's time to the slices in
// which it was spent. A slice is labelled by its start, in UTC.
//
// A slice is published when the log's time has passed its end by a grace. A fact
// that comes later restates the rows that it touches: they are published again
// with the next version. What comes when the slice is no longer kept is counted
// and left out.
//
// The book has no clock and depends on its calls alone.
package interval

import (
	"cmp"
	"maps"
	"slices"
)

// Length is how long a slice is, in milliseconds.
const Length = 15 * 60 * 1000

// Thresholds are the waits, in milliseconds, within which answers are counted.
var Thresholds = [...]int64{10_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000, 300_000, 600_000}

// QueueRow is what a queue did in a slice. Durations are milliseconds.
type QueueRow struct {
	Version     int                    // 0 until it is published, then 1, 2, 3 … with every restatement
	Assignments int64                  // visits answered
	Abandons    int64                  // visits given up
	Others      int64                  // visits that ended in another way
	Wait        int64                  // Σ wait of the answered
	Within      [len(Thresholds)]int64 // of the answered: those with a wait up to each threshold
	Handled     int64                  // contacts over with their wrap-up
	Handle      int64                  // Σ of their talk, hold and wrap-up
	Wrap        int64                  // Σ of their wrap-up
	Agents      int                    // who were logged in and served the queue at some time of the slice; known once it is published

	dirty bool
}

// AgentKey is whose time it is. Without a queue it is the agent's as a whole.
type AgentKey struct{ Agent, Queue string }

// AgentRow is how an agent's time was spent in a slice: linear, several contacts
// at once count once. Durations are milliseconds. Of a queue it is the time in
// which the agent served it, and utilised means by that queue's contacts.
type AgentRow struct {
	Version           int
	LoggedIn          int64 // logged in
	Available         int64 // of this: presence available
	Busy              int64 // of this: any other presence
	Utilised          int64 // on a contact or in wrap-up
	UtilisedAvailable int64 // of this: while available
	UtilisedBusy      int64 // of this: while busy

	dirty bool
}

// Spent says what an agent was doing.
type Spent struct{ LoggedIn, Available, Utilised bool }

// Slice is one stretch of 15 minutes.
type Slice struct {
	Start     int64 // epoch milliseconds
	Published bool
	Queues    map[string]*QueueRow
	Agents    map[AgentKey]*AgentRow

	dirty bool
}

// Book holds the slices that can still change. The zero Book is empty.
type Book struct {
	Slices  []*Slice // by start
	TooLate int64    // entries for slices that are not kept any more
	Floor   int64    // nothing before this is kept
}

// StartOf gives the start of the slice that a moment falls into.
func StartOf(at int64) int64 {
	s := at % Length
	if s < 0 {
		s += Length
	}
	return at - s
}

func (b *Book) slice(at int64) *Slice {
	start := StartOf(at)
	if start < b.Floor {
		b.TooLate++
		return nil
	}
	i, ok := slices.BinarySearchFunc(b.Slices, start, func(s *Slice, t int64) int { return cmp.Compare(s.Start, t) })
	if !ok {
		b.Slices = slices.Insert(b.Slices, i, &Slice{Start: start, Queues: map[string]*QueueRow{}, Agents: map[AgentKey]*AgentRow{}})
	}
	return b.Slices[i]
}

func (s *Slice) queue(id string) *QueueRow {
	r := s.Queues[id]
	if r == nil {
		r = &QueueRow{}
		s.Queues[id] = r
	}
	r.dirty, s.dirty = true, true
	return r
}

// Answered enters a visit that an agent took after a wait.
func (b *Book) Answered(queue string, at, waited int64) {
	s := b.slice(at)
	if s == nil {
		return
	}
	r := s.queue(queue)
	r.Assignments++
	r.Wait += waited
	for i, t := range Thresholds {
		if waited <= t {
			r.Within[i]++
		}
	}
}

// Left enters a visit that ended in another way.
func (b *Book) Left(queue string, at int64, abandoned bool) {
	s := b.slice(at)
	switch {
	case s == nil:
	case abandoned:
		s.queue(queue).Abandons++
	default:
		s.queue(queue).Others++
	}
}

// Handled enters a contact that is over with its wrap-up.
func (b *Book) Handled(queue string, at, handle, wrap int64) {
	if s := b.slice(at); s != nil {
		r := s.queue(queue)
		r.Handled++
		r.Handle += handle
		r.Wrap += wrap
	}
}

// Spend enters how an agent spent the time from one moment to another. With the
// moments the other way round it takes the entry back.
func (b *Book) Spend(k AgentKey, from, to int64, how Spent) {
	sign := int64(1)
	if to < from {
		from, to, sign = to, from, -1
	}
	if !how.LoggedIn && !how.Utilised {
		return
	}
	if from < b.Floor {
		from = b.Floor
	}
	for from < to {
		end := min(StartOf(from)+Length, to)
		if s := b.slice(from); s != nil {
			s.spend(k, sign*(end-from), how)
		}
		from = end
	}
}

func (s *Slice) spend(k AgentKey, ms int64, how Spent) {
	r := s.Agents[k]
	if r == nil {
		r = &AgentRow{}
		s.Agents[k] = r
	}
	r.dirty, s.dirty = true, true
	if how.LoggedIn {
		r.LoggedIn += ms
		if how.Available {
			r.Available += ms
		} else {
			r.Busy += ms
		}
	}
	if how.Utilised {
		r.Utilised += ms
		switch {
		case how.LoggedIn && how.Available:
			r.UtilisedAvailable += ms
		case how.LoggedIn:
			r.UtilisedBusy += ms
		}
	}
}

// Row is one published row: of a queue, or of an agent's time. It is a copy that
// never changes, so that any goroutine may keep it; all rows of one publication
// share their memory.
type Row struct {
	Start int64
	Queue string
	Agent string // "" for a queue's
	OfQ   *QueueRow
	OfA   *AgentRow
}

// Publish gives the rows of the slices that ended at or before a moment and have
// not been published, and those restated since, each with its new version. They
// are in the order of slice, queues before agents, ids.
func (b *Book) Publish(until int64) []Row {
	var out []Row
	for _, s := range b.Slices {
		if s.Start+Length > until {
			break
		}
		if s.Published && !s.dirty {
			continue
		}
		out = s.publish(out)
	}
	return out
}

func (s *Slice) publish(out []Row) []Row {
	s.Published, s.dirty = true, false
	agents := map[string]int{}
	for k, r := range s.Agents {
		if k.Queue != "" && r.LoggedIn > 0 {
			agents[k.Queue]++
		}
	}
	for id, n := range agents {
		if r := s.Queues[id]; r == nil || r.Agents != n {
			s.queue(id).Agents = n
		}
	}
	s.dirty = false
	return s.rows(out, func(dirty *bool, version *int) bool {
		if !*dirty {
			return false
		}
		*dirty = false
		*version++
		return true
	})
}

// Published gives the newest published version of every row that is kept, as far
// as nothing was restated since, in the order of Publish: what somebody has to
// catch up with who may have missed a publication. A row that was restated since
// comes with the next one.
func (b *Book) Published() []Row {
	var out []Row
	for _, s := range b.Slices {
		if s.Published {
			out = s.rows(out, func(dirty *bool, version *int) bool { return !*dirty && *version > 0 })
		}
	}
	return out
}

// rows appends copies of the rows that are wanted.
func (s *Slice) rows(out []Row, want func(dirty *bool, version *int) bool) []Row {
	queues := make([]QueueRow, 0, len(s.Queues))
	for _, id := range slices.Sorted(maps.Keys(s.Queues)) {
		if r := s.Queues[id]; want(&r.dirty, &r.Version) {
			queues = append(queues, *r)
			out = append(out, Row{Start: s.Start, Queue: id, OfQ: &queues[len(queues)-1]})
		}
	}
	agents := make([]AgentRow, 0, len(s.Agents))
	for _, k := range s.SortedAgents() {
		if r := s.Agents[k]; want(&r.dirty, &r.Version) {
			agents = append(agents, *r)
			out = append(out, Row{Start: s.Start, Queue: k.Queue, Agent: k.Agent, OfA: &agents[len(agents)-1]})
		}
	}
	return out
}

// SortedAgents lists the keys of a slice's agents in their order.
func (s *Slice) SortedAgents() []AgentKey {
	return slices.SortedFunc(maps.Keys(s.Agents), func(a, b AgentKey) int {
		return cmp.Or(cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.Queue, b.Queue))
	})
}

// Dirty says that a published slice has rows that were restated since.
func (b *Book) Dirty() bool {
	for _, s := range b.Slices {
		if s.Published && s.dirty {
			return true
		}
	}
	return false
}

// Forget drops the slices that ended at or before a moment.
func (b *Book) Forget(until int64) {
	n := 0
	for n < len(b.Slices) && b.Slices[n].Start+Length <= until {
		n++
	}
	clear(b.Slices[:n])
	b.Slices = b.Slices[n:]
	b.Floor = max(b.Floor, StartOf(until))
}

// Marks gives and takes whether a row is to be published again, for a snapshot.
func (r *QueueRow) Marks() *bool { return &r.dirty }

// Marks is the same for an agent's row.
func (r *AgentRow) Marks() *bool { return &r.dirty }

// Marks is the same for a slice.
func (s *Slice) Marks() *bool { return &s.dirty }
