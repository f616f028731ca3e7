package hub

import (
	"strings"
	"sync"
	"time"

	"trunkline/directory"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/hub/signalr"
	"trunkline/floor"
	"trunkline/floor/follow"
)

// room tells the sessions of one tenant what happens there.
//
// Facts are told as they come, from the goroutine that follows the log; statuses in
// rounds of the room's own, at most one a tick, and at once to who has just subscribed.
type room struct {
	feed   *Feed
	tenant string
	root   string // the organisation's GUID
	users  int    // guarded by Feed.mu
	done   chan struct{}
	ready  chan struct{} // closed when the room hears of what is new: who subscribes before waits
	hurry  chan struct{} // somebody has subscribed to a status
	wake   chan struct{} // the floor, or somebody's rights, have changed

	mu     sync.Mutex // guards what is below, and session.subs
	subs   map[subject]map[*session]*subscription
	wanted map[*kind]int // subscriptions by event
	comers []comer       // who wait for a first status
	people map[string]person
	read   time.Time // when people were

	marks  sync.Mutex // guards what is below; taken under the floor's lock, briefly
	dirty  map[ref]struct{}
	all    bool
	rights rights

	// What follows belongs to the goroutine of the room.

	last  map[ref]any            // the status sent last
	fetch map[string]fetchMember // agents who fetch their calls
}

// person is how the page names the user that an agent is.
type person struct{ guid, name string }

// comer is a session that has just subscribed to a status.
type comer struct {
	session *session
	sub     *subscription
}

func newRoom(f *Feed, tenant string) *room {
	r := &room{feed: f, tenant: tenant, root: f.o.Organization(tenant), done: make(chan struct{}), ready: make(chan struct{}), hurry: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		subs: map[subject]map[*session]*subscription{}, wanted: map[*kind]int{}, dirty: map[ref]struct{}{}, last: map[ref]any{}, fetch: map[string]fetchMember{}, all: true}
	f.wg.Add(1)
	go r.run()
	return r
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (r *room) run() {
	defer r.feed.wg.Done()
	defer r.feed.o.State.Watch(r.tenant, r.mark)()
	_, stop := r.feed.o.Log.Follow(r.tenant, r.tell)
	defer stop()
	close(r.ready)
	tick := time.NewTimer(0)
	defer tick.Stop()
	<-tick.C
	waiting := false
	var last time.Time
	for {
		select {
		case <-r.done:
			return
		case <-r.hurry:
			r.greet()
		case <-r.wake:
			if !waiting {
				waiting = true
				tick.Reset(max(0, r.feed.o.Tick-time.Since(last)))
			}
		case <-tick.C:
			waiting, last = false, time.Now()
			if r.round() {
				waiting = true
				tick.Reset(r.feed.o.Tick)
			}
		}
	}
}

// mark is called by the floor.
func (r *room) mark(changed []floor.Change, all bool) {
	r.marks.Lock()
	r.all = r.all || all
	for _, c := range changed {
		switch c.Kind {
		case floor.ChangeAgent:
			r.dirty[ref{entityUser, c.ID}] = struct{}{}
		case floor.ChangeQueue:
			r.dirty[ref{entityQueue, c.ID}] = struct{}{}
		}
	}
	r.marks.Unlock()
	nudge(r.wake)
}

// add makes a subscription; false: the session has too many.
func (r *room) add(s *session, sub *subscription) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.subs[sub.subject] == nil {
		if len(s.subs) >= r.feed.o.MaxSubscriptions {
			return false
		}
		r.wanted[sub.kind]++
	}
	if sub.kind == statusOf[sub.about.entity] {
		sub.status = s.conn.Value()
		if old := s.subs[sub.subject]; old != nil {
			sub.status = old.status
		}
		r.comers = append(r.comers, comer{s, sub})
		nudge(r.hurry)
	}
	s.subs[sub.subject] = sub
	if r.subs[sub.subject] == nil {
		r.subs[sub.subject] = map[*session]*subscription{}
	}
	r.subs[sub.subject][s] = sub
	return true
}

func (r *room) remove(s *session, sub subject) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut(s, sub)
}

// cut ends a subscription, under mu.
func (r *room) cut(s *session, sub subject) {
	if s.subs[sub] == nil {
		return
	}
	delete(s.subs, sub)
	r.wanted[sub.kind]--
	if delete(r.subs[sub], s); len(r.subs[sub]) == 0 {
		delete(r.subs, sub)
	}
}

// drop ends all subscriptions of a session.
func (r *room) drop(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for sub := range s.subs {
		r.cut(s, sub)
	}
}

// forget clears up after a session.
func (r *room) forget(s *session) { r.drop(s) }

// active lists the subscriptions of a session.
func (r *room) active(s *session) []*object {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*object, 0, len(s.subs))
	for _, k := range kinds {
		for _, sub := range s.subs {
			if sub.kind == k {
				list = append(list, r.block(k, sub.guid))
			}
		}
	}
	return list
}

// block is the subscription part of a message. Its id is the same for all who have
// subscribed to the same, so that they can be sent the same.
func (r *room) block(k *kind, entity string) *object {
	return r.feed.style.block(k, r.root, entity, event.UUIDv5(idSpace, r.tenant, k.name, entity))
}

// idSpace is the name space of the ids of subscriptions and messages.
var idSpace = [16]byte{0x2d, 0x90, 0x7c, 0x11, 0x64, 0x0e, 0x5f, 0x4b, 0xa3, 0x1d, 0x5c, 0x02, 0x88, 0xf6, 0x21, 0x9e}

// message makes what clients get.
func (r *room) message(k *kind, entity, id string, at time.Time, v values) *signalr.Message {
	s := r.feed.style
	r.feed.messages.Add(1)
	m := signalr.NewMessage("MessageReceived", s.object("Subscription", r.block(k, entity), "Data", s.data(k, r.root, entity, id, at, v)))
	if k.ttl > 0 {
		m.Expires = time.Now().Add(time.Duration(k.ttl) * time.Second)
	}
	return m
}

// send queues a message for all who have subscribed to it. A status takes the place of the
// one that waits, but not in front of a transition of the same entity.
func (r *room) send(about subject, m *signalr.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s, sub := range r.subs[about] {
		if sub.status != nil {
			sub.status.Send(m)
			continue
		}
		s.passed(about.about)
		s.conn.Send(m)
	}
	r.feed.sent.Add(uint64(len(r.subs[about])))
}

// passed has the statuses of an entity that come later stay behind what is sent now, under
// the room's mu.
func (s *session) passed(about ref) {
	k := statusOf[about.entity]
	if k == nil {
		return
	}
	if sub := s.subs[subject{k, about}]; sub != nil {
		sub.status = sub.status.Sealed()
	}
}

// tell is called by the log with what is new. It makes only what somebody has
// subscribed to.
func (r *room) tell(b *eventlog.Batch) {
	for i := range b.Records {
		rec := &b.Records[i]
		typ := rec.Type()
		if typ == "agent.provisioned" || typ == "directory.changed" || typ == "queue.configured" {
			r.doubt(rec.Seq)
		}
		if !r.wants(causes[typ]) {
			continue
		}
		p, err := project(r.tenant, r, r.feed.style, rec)
		if err != nil {
			r.feed.o.Logger.Warn("a fact cannot be told to the hub", "tenant", r.tenant, "sequence", rec.Seq, "error", err)
			continue
		}
		for _, t := range p.out {
			sub := subject{t.kind, t.about}
			if !r.has(sub) {
				continue
			}
			id := event.UUIDv5(idSpace, r.tenant, p.e.Source, p.e.ID, t.kind.name, t.guid)
			r.send(sub, r.message(t.kind, t.guid, id, p.at(), t.values))
		}
	}
}

func (r *room) wants(list []*kind) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range list {
		if r.wanted[k] > 0 {
			return true
		}
	}
	return false
}

func (r *room) has(sub subject) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.subs[sub]) > 0
}

// peopleAge is how old the names of users may be.
const peopleAge = 5 * time.Second

// org implements names.
func (r *room) org() string { return r.root }

// callIn implements names.
func (r *room) callIn() string { return r.feed.o.SupervisionNumber }

// address implements names.
func (r *room) address(agent string) (number string) {
	_ = r.feed.o.State.View(r.tenant, func(v follow.View) {
		if v.Tenant != nil {
			if a := v.Tenant.Agent(agent); a != nil {
				number = a.Address
			}
		}
	})
	return number
}

// agent implements names.
func (r *room) agent(id string) (guid, name string) {
	if p, ok := r.person(id); ok {
		return p.guid, p.name
	}
	return r.feed.o.People.GUID(r.tenant, directory.Ref{Kind: event.EntityAgent, ID: id}), id
}

// person gives the user that an agent is, from memory. It is asked in the middle of the
// log's commits, so that [room.meet] looks them up in time.
func (r *room) person(agent string) (person, bool) {
	r.mu.Lock()
	known := r.people != nil
	r.mu.Unlock()
	if !known {
		r.meet()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.people[agent]
	return p, ok
}

// meet looks up who the users are, when that was too long ago.
func (r *room) meet() {
	r.mu.Lock()
	fresh := r.people != nil && time.Since(r.read) < peopleAge
	r.mu.Unlock()
	if fresh {
		return
	}
	read, people := time.Now(), map[string]person{}
	for _, u := range r.feed.o.People.Users(r.tenant) {
		if u.Agent != "" {
			people[u.Agent] = person{r.feed.o.People.GUID(r.tenant, directory.Ref{Kind: event.EntityUser, ID: u.ID}), loginOf(u)}
		}
	}
	r.mu.Lock()
	r.people, r.read = people, read
	r.mu.Unlock()
}

func loginOf(u directory.User) string {
	if u.Login != "" {
		return u.Login
	}
	return u.ID
}

// queue implements names.
func (r *room) queue(id string) (guid, name string) {
	guid, name = r.feed.o.People.GUID(r.tenant, directory.Ref{Kind: event.EntityQueue, ID: id}), id
	_ = r.feed.o.State.View(r.tenant, func(v follow.View) {
		if v.Tenant != nil {
			if q := v.Tenant.Queue(id); q != nil && q.Name != "" {
				name = q.Name
			}
		}
	})
	return guid, name
}

// guidOf is how messages name an entity.
func (r *room) guidOf(about ref) string {
	switch about.entity {
	case entityUser:
		if id, ok := strings.CutPrefix(about.id, userOnly); ok {
			return r.feed.o.People.GUID(r.tenant, directory.Ref{Kind: event.EntityUser, ID: id})
		}
		guid, _ := r.agent(about.id)
		return guid
	case entityQueue:
		guid, _ := r.queue(about.id)
		return guid
	}
	return about.id
}
