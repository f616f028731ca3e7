package directory

import (
	"crypto/subtle"
	"slices"
	"sync"

	"trunkline/auth"
	"trunkline/event"
	"trunkline/floor"
	"trunkline/floor/follow"
)

// Ref names an entity.
type Ref struct {
	Kind event.EntityKind
	ID   string
}

// guidIndex finds a tenant's agents and queues by their GUIDs. It follows the floor: what
// has changed is looked up when somebody asks.
type guidIndex struct {
	stop func()

	mu   sync.Mutex // guards what follows; taken before the floor is looked at
	refs map[string]Ref
	back map[Ref]string

	marks sync.Mutex // guards what follows; taken under the floor's lock, briefly
	dirty map[Ref]struct{}
	all   bool
}

// index gives a tenant's index, which begins with the first question.
func (g *Registry) index(tenant string) *guidIndex {
	g.mu.Lock()
	defer g.mu.Unlock()
	if x := g.indexes[tenant]; x != nil {
		return x
	}
	x := &guidIndex{refs: map[string]Ref{}, back: map[Ref]string{}, dirty: map[Ref]struct{}{}, all: true, stop: func() {}}
	if !g.over {
		x.stop = g.state.Watch(tenant, x.mark)
	}
	g.indexes[tenant] = x
	return x
}

func (x *guidIndex) mark(changed []floor.Change, all bool) {
	x.marks.Lock()
	defer x.marks.Unlock()
	x.all = x.all || all
	for _, c := range changed {
		switch c.Kind {
		case floor.ChangeAgent:
			x.dirty[Ref{event.EntityAgent, c.ID}] = struct{}{}
		case floor.ChangeQueue:
			x.dirty[Ref{event.EntityQueue, c.ID}] = struct{}{}
		}
	}
}

// refresh brings the index up to the floor; mu is held.
func (x *guidIndex) refresh(v follow.View) {
	x.marks.Lock()
	dirty, all := x.dirty, x.all
	x.dirty, x.all = map[Ref]struct{}{}, false
	x.marks.Unlock()
	if v.Tenant == nil {
		return
	}
	if all {
		clear(x.refs)
		clear(x.back)
		for _, a := range v.Tenant.Agents() {
			x.set(Ref{event.EntityAgent, a.ID}, a.GUID)
		}
		for _, q := range v.Tenant.Queues() {
			x.set(Ref{event.EntityQueue, q.ID}, q.GUID)
		}
		return
	}
	for r := range dirty {
		guid := ""
		if r.Kind == event.EntityAgent {
			if a := v.Tenant.Agent(r.ID); a != nil {
				guid = a.GUID
			}
		} else if q := v.Tenant.Queue(r.ID); q != nil {
			guid = q.GUID
		}
		x.set(r, guid)
	}
}

func (x *guidIndex) set(r Ref, guid string) {
	if old := x.back[r]; old != "" && old != guid && x.refs[old] == r {
		delete(x.refs, old)
	}
	if guid == "" {
		delete(x.back, r)
		return
	}
	x.back[r], x.refs[guid] = guid, r
}

// Resolve finds the entity of a tenant that has a GUID, in lower case.
func (g *Registry) Resolve(tenant, guid string) (Ref, bool) {
	x := g.index(tenant)
	x.mu.Lock()
	_ = g.state.View(tenant, x.refresh) // while the log is being read it answers from what it knew
	r, ok := x.refs[guid]
	x.mu.Unlock()
	if ok {
		return r, true
	}
	for _, kind := range []event.EntityKind{event.EntityUser, event.EntityGroup, event.EntityChannel} {
		for _, rec := range g.records(kind, tenant) {
			if rec.guid() == guid {
				return Ref{kind, rec.id()}, true
			}
		}
	}
	return Ref{}, false
}

// GUID is the GUID of an entity of a tenant, whether it is known or not.
func (g *Registry) GUID(tenant string, r Ref) string {
	switch r.Kind {
	case event.EntityAgent, event.EntityQueue:
		x := g.index(tenant)
		x.mu.Lock()
		defer x.mu.Unlock()
		_ = g.state.View(tenant, x.refresh)
		if guid := x.back[r]; guid != "" {
			return guid
		}
	default:
		if rec := g.record(r.Kind, tenant, r.ID); rec != nil {
			return rec.guid()
		}
	}
	return event.GUID(tenant, r.Kind, r.ID)
}

// named keeps the users of the bucket by what they are called; mu is held.
func (g *Registry) named(key string, r *record, there bool) {
	if r == nil || r.User == nil {
		return
	}
	for _, name := range []string{r.User.Login, r.User.ID, r.User.GUID} {
		if keys := g.names[name]; there {
			if keys == nil {
				keys = map[string]bool{}
				g.names[name] = keys
			}
			keys[key] = true
		} else if delete(keys, key); len(keys) == 0 {
			delete(g.names, name)
		}
	}
}

// candidates are the users who have a name: as login, id or GUID.
func (g *Registry) candidates(name string) []*record {
	var out []*record
	for _, d := range g.declared {
		for _, r := range d.records() {
			if u := r.User; u != nil && (u.Login == name || u.ID == name || u.GUID == name) {
				out = append(out, r)
			}
		}
	}
	g.mu.Lock()
	var keys []string
	for key := range g.names[name] {
		keys = append(keys, key)
	}
	g.mu.Unlock()
	for _, key := range keys {
		if r, ok := g.made.Get(key); ok && r.User != nil && !g.declares(event.EntityUser, r.Tenant, r.User.ID) {
			out = append(out, r)
		}
	}
	return out
}

// nobody is compared with when there is no such user, so that the time does not tell.
var nobody = auth.HashOf("")

// SignIn finds the user who has a name (login, id or GUID) and a secret, and the tenant.
// Which of the two was wrong is not said.
func (g *Registry) SignIn(name, secret string) (u User, tenant string, ok bool) {
	given := auth.HashOf(secret)
	found := g.candidates(name)
	if len(found) == 0 {
		subtle.ConstantTimeCompare(given[:], nobody[:])
	}
	for _, r := range found {
		if r.Hash != nil && subtle.ConstantTimeCompare(given[:], r.Hash[:]) == 1 && !r.User.Disabled {
			u, tenant, ok = *r.User, r.Tenant, true
		}
	}
	return u, tenant, ok
}

// User gives a user by id; ErrNoEntity.
func (g *Registry) User(tenant, id string) (User, error) {
	if r := g.record(event.EntityUser, tenant, id); r != nil {
		return *r.User, nil
	}
	return User{}, ErrNoEntity
}

// Sight is what a user may see.
type Sight struct {
	All    bool            // the whole organisation
	Agents map[string]bool // ids
	Queues map[string]bool // ids: the user's own and those of the agents seen
}

// Sees tells what a user may see at present: an agent itself and its queues, a
// supervisor the agents of the groups it supervises and those who name it as their
// supervisor as well, an administrator everything.
func (g *Registry) Sees(tenant string, u User) Sight {
	s := Sight{All: u.Role == RoleAdmin, Agents: map[string]bool{}, Queues: map[string]bool{}}
	if s.All || u.Disabled {
		return s
	}
	_ = g.state.View(tenant, func(v follow.View) {
		if v.Tenant == nil {
			return
		}
		see := func(a *floor.Agent) {
			s.Agents[a.ID] = true
			for _, m := range a.Queues {
				s.Queues[m.Queue.ID] = true
			}
		}
		if a := v.Tenant.Agent(u.Agent); a != nil {
			see(a)
		}
		if u.Role != RoleSupervisor {
			return
		}
		for _, a := range v.Tenant.Agents() {
			under := u.Agent != "" && slices.Contains(a.Supervisors, u.Agent)
			if under || slices.ContainsFunc(a.Groups, func(id string) bool { return slices.Contains(u.Supervises, id) }) {
				see(a)
			}
		}
	})
	return s
}
