package hub

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline/directory"
	"trunkline/event"
	"trunkline/feed/hub/signalr"
	"trunkline/floor/follow"
)

// may says whether somebody who sees so much may hear of an entity.
func (s *session) may(sight directory.Sight, about ref) bool {
	if sight.All {
		return true
	}
	switch about.entity {
	case entityUser:
		if user, ok := strings.CutPrefix(about.id, userOnly); ok {
			return user == s.who.user
		}
		return sight.Agents[about.id]
	case entityQueue:
		return sight.Queues[about.id]
	}
	for _, queue := range s.room.queuesOf(about.id) {
		if sight.Queues[queue] {
			return true
		}
	}
	return false
}

// callLists remembers which queues the call lists belong to that somebody has asked for: a
// list does not cease to be a queue's when its last callback is closed.
type callLists struct {
	mu sync.Mutex // guards what is below
	of map[string]map[string]bool
}

// learn adds queues to what is known of a list, and gives all of them.
func (l *callLists) learn(tenant, list string, queues []string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := tenant + "/" + list
	known := l.of[key]
	for _, q := range queues {
		if known == nil {
			if l.of == nil {
				l.of = map[string]map[string]bool{}
			}
			known = map[string]bool{}
			l.of[key] = known
		}
		known[q] = true
	}
	return slices.Collect(maps.Keys(known))
}

// queuesOf are the queues that a call list belongs to.
func (r *room) queuesOf(list string) []string {
	is := func(name string) bool {
		return strings.EqualFold(name, list) || event.GUID(r.tenant, "call_list", name) == list
	}
	var out []string
	for name, queues := range r.feed.o.CallLists {
		if is(name) {
			out = append(out, queues...)
		}
	}
	_ = r.feed.o.State.View(r.tenant, func(v follow.View) {
		if v.Tenant == nil {
			return
		}
		for _, cb := range v.Tenant.Callbacks() {
			if cb.List != "" && cb.Queue != "" && is(cb.List) {
				out = append(out, cb.Queue)
			}
		}
	})
	return r.feed.lists.learn(r.tenant, list, out)
}

// rights says that somebody's rights may have changed.
type rights struct {
	seq   uint64    // of the fact that says so; the floor may not know of it yet
	until time.Time // the directory may be as late, on another node than the one that changed it
}

// reviewFor is how long after a change rights are looked at again.
const reviewFor = 3 * time.Second

// doubt has rights looked at, because of a fact.
func (r *room) doubt(seq uint64) {
	r.marks.Lock()
	r.rights = rights{seq: seq, until: time.Now().Add(reviewFor)}
	r.marks.Unlock()
	nudge(r.wake)
}

// review ends the subscriptions to which somebody has no right any more, with a notice,
// and the connections of users who are gone.
func (r *room) review() {
	r.mu.Lock()
	of := map[*session][]*subscription{}
	for _, sessions := range r.subs {
		for s, sub := range sessions {
			of[s] = append(of[s], sub)
		}
	}
	r.mu.Unlock()
	sights := map[string]*directory.Sight{}
	for s, subs := range of {
		sight, ok := sights[s.who.user]
		if !ok {
			if u, err := r.feed.o.People.User(r.tenant, s.who.user); err == nil && !u.Disabled {
				now := r.feed.o.People.Sees(r.tenant, u)
				sight = &now
			}
			sights[s.who.user] = sight
		}
		if sight == nil {
			s.conn.Close("The user may not connect any more.", false)
			continue
		}
		for _, sub := range subs {
			if s.may(*sight, sub.about) {
				continue
			}
			r.remove(s, sub.subject)
			style := r.feed.style
			s.conn.Send(signalr.NewMessage("MessageReceived", style.object("Subscription", r.block(sub.kind, sub.guid), "Data", style.object(
				"EventType", "SubscriptionEnded", "EntityType", sub.kind.entity, "EntityId", sub.guid, "EventName", sub.kind.name, "Message", unauthorized,
				"Timestamp", moment{time.Now()}))))
		}
	}
}
