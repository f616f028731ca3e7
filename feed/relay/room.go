package relay

import (
	"sync"

	"trunkline/eventlog"
	"trunkline/fanout"
)

// maxInbox is how many batches may wait for a room; when it is further behind it
// forgets them and its subscribers read the log.
const maxInbox = 256

// room gives the new events of one tenant to those who are live.
type room struct {
	relay  *Relay
	tenant string
	users  int // guarded by Relay.mu
	stop   func()
	inbox  inbox

	// mu guards what is below and the place of each subscriber. It is held while
	// one batch is queued for all.
	mu     sync.Mutex
	at     eventlog.Cursor // everything up to here was given out
	mark   uint64          // the feed's number of the last event given out, 0: none was
	groups map[groupKey]*group
	ahead  map[*Sub]struct{} // live, but have read further than at
}

// groupKey names subscribers that get the same frames.
type groupKey struct {
	form   Form
	filter string
}

// group is subscribers that get the same frames.
type group struct {
	key    groupKey
	filter Filter
	conns  []*fanout.Conn
	subs   []*Sub // subs[i] owns conns[i]
}

// inbox takes batches from the follower without ever holding it up.
type inbox struct {
	mu      sync.Mutex // guards batches
	batches []*eventlog.Batch
	wake    chan struct{}
	done    chan struct{}
}

func newRoom(f *Relay, tenant string) *room {
	r := &room{relay: f, tenant: tenant, groups: map[groupKey]*group{}, ahead: map[*Sub]struct{}{}}
	r.inbox.wake, r.inbox.done = make(chan struct{}, 1), make(chan struct{})
	r.at, r.stop = f.log.Follow(tenant, r.inbox.put)
	f.wg.Add(1)
	go r.run()
	return r
}

// put is called by the follower of the log.
func (in *inbox) put(b *eventlog.Batch) {
	in.mu.Lock()
	if len(in.batches) >= maxInbox {
		// The room notices that the next one does not follow.
		clear(in.batches)
		in.batches = in.batches[:0]
	}
	in.batches = append(in.batches, b)
	in.mu.Unlock()
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

func (in *inbox) take(spare []*eventlog.Batch) []*eventlog.Batch {
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.batches
	in.batches = spare[:0]
	return got
}

func (r *room) run() {
	defer r.relay.wg.Done()
	var spare []*eventlog.Batch
	for {
		select {
		case <-r.inbox.done:
			return
		case <-r.inbox.wake:
		}
		got := r.inbox.take(spare)
		for i, b := range got {
			got[i] = nil
			r.give(b)
		}
		spare = got
	}
}

// close ends the room. Nobody is in it any more.
func (r *room) close() {
	r.stop()
	close(r.inbox.done)
}

// give queues a batch for everybody who is live.
func (r *room) give(b *eventlog.Batch) {
	var behind []*Sub
	r.mu.Lock()
	switch {
	case b.Epoch == r.at.Epoch && b.Last() <= r.at.Seq:
		r.mu.Unlock()
		return // known
	case b.Epoch == r.at.Epoch && b.First() <= r.at.Seq:
		b = b.From(r.at.Seq + 1)
	case b.Epoch != r.at.Epoch || b.First() != r.at.Seq+1:
		// Something between was not seen here. The log has it, or says what is lost.
		behind = r.empty()
		r.at = eventlog.Cursor{Epoch: b.Epoch, Seq: b.First() - 1}
	}
	mark := r.mark
	for _, g := range r.groups {
		left, m := r.giveGroup(g, b)
		behind, mark = append(behind, left...), max(mark, m)
	}
	for s := range r.ahead {
		switch {
		case s.epoch != b.Epoch || s.next < b.First():
			r.toLog(s, s.next)
			behind = append(behind, s)
		case s.next <= b.Last():
			if !r.giveOne(s, b) {
				behind = append(behind, s)
			}
		}
	}
	r.at, r.mark = b.Cursor(), mark
	r.mu.Unlock()
	for _, s := range behind {
		r.relay.readers.wake(s)
	}
}

// giveGroup queues a batch for a group and gives those who did not take all of it,
// under mu. They are behind from the event that did not fit.
func (r *room) giveGroup(g *group, b *eventlog.Batch) (behind []*Sub, mark uint64) {
	if len(g.conns) == 0 {
		return nil, 0
	}
	type refusal struct{ at int }
	var refused []refusal
	before := r.mark // the number of what those who refuse have got
	for p := range r.relay.frames.pieces(b, g.key.form, g.filter, b.First()) {
		refused = refused[:0]
		mark = max(mark, p.mark)
		r.relay.o.Pool.Publish(g.conns, p.frame, p.last, func(i int, _ fanout.Status) { refused = append(refused, refusal{i}) })
		for i := len(refused) - 1; i >= 0; i-- {
			s := g.subs[refused[i].at]
			s.Mark = max(s.Mark, before)
			r.toLog(s, p.first)
			behind = append(behind, s)
		}
		before = max(before, p.mark)
	}
	return behind, mark
}

// giveOne queues what a subscriber that is ahead does not have yet, under mu.
func (r *room) giveOne(s *Sub, b *eventlog.Batch) bool {
	for p := range r.relay.frames.pieces(b, s.Form, s.Filter, s.next) {
		if s.Conn.Enqueue(p.frame, p.last) != fanout.OK {
			r.toLog(s, p.first)
			return false
		}
		s.Mark = max(s.Mark, p.mark)
	}
	delete(r.ahead, s)
	r.join(s)
	return true
}

// empty sends everybody to the log, under mu.
func (r *room) empty() (behind []*Sub) {
	for _, g := range r.groups {
		for len(g.subs) > 0 {
			s := g.subs[len(g.subs)-1]
			r.toLog(s, r.at.Seq+1)
			behind = append(behind, s)
		}
	}
	return behind
}

// toLog makes a live subscriber read the log from next on, under mu.
func (r *room) toLog(s *Sub, next uint64) {
	r.drop(s)
	s.next = next
	if s.state == live {
		s.state, s.Mark = behind, max(s.Mark, r.mark)
	}
}

// admit lets a subscriber that has read up to s.next join if the room has not given
// out more than that, under mu.
func (r *room) admit(s *Sub) bool {
	switch {
	case r.at.Epoch != s.epoch || s.next > r.at.Seq+1:
		r.ahead[s] = struct{}{}
	case s.next == r.at.Seq+1:
		r.join(s)
	default:
		return false
	}
	s.state = live
	return true
}

// join puts a subscriber into its group, under mu.
func (r *room) join(s *Sub) {
	key := groupKey{form: s.Form}
	if s.Filter != nil {
		key.filter = s.Filter.Key()
	}
	g := r.groups[key]
	if g == nil {
		g = &group{key: key, filter: s.Filter}
		r.groups[key] = g
	}
	s.group, s.place = g, len(g.subs)
	g.conns, g.subs = append(g.conns, s.Conn), append(g.subs, s)
}

// drop takes a subscriber out of the room's lists, under mu.
func (r *room) drop(s *Sub) {
	delete(r.ahead, s)
	g := s.group
	if g == nil {
		return
	}
	s.group = nil
	last := len(g.subs) - 1
	g.conns[s.place], g.subs[s.place] = g.conns[last], g.subs[last]
	g.subs[s.place].place = s.place
	g.conns[last], g.subs[last] = nil, nil
	g.conns, g.subs = g.conns[:last], g.subs[:last]
	if last == 0 {
		delete(r.groups, g.key)
	}
}
