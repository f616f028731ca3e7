package hub

import (
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"trunkline/event"
	"trunkline/floor"
	"trunkline/floor/follow"
)

// userState is all that a UserStatus says of an agent. Two that are equal are not sent
// twice.
type userState struct {
	allocatable, talking, available, schedule, serving, callbacks, fetch bool
	terminals, queues, parked                                            int
	talkingAt, wrapFrom, wrapTo                                          int64 // epoch ms
	queue, list, note, availability                                      string
}

// queueState is all that a QueueStatus says of a queue, but for the wait of the oldest,
// whose growth alone is no change.
type queueState struct {
	name                                                     string
	members, waiting, allocated, connected                   int
	offline, away, idle, busy, wrapping, fetching, checkedIn int
	open                                                     int
	oldest                                                   int64 // when the one who waits longest began to, epoch ms
}

// Open states of the page.
const (
	openNoHandler = 1
	openClosed    = 3
	openOpen      = 5
)

// fetchMember is where an agent who fetches calls does so.
type fetchMember []string

// stateOf reads an agent.
func stateOf(a *floor.Agent) userState {
	s := userState{
		allocatable: a.State == floor.Idle && !a.NotServing && !a.Fetch, talking: a.Talking(), talkingAt: a.TalkingSince, available: a.Presence == event.PresenceAvailable,
		schedule:  a.Presence != event.PresenceLoggedOut && a.Presence != event.PresenceOffWork && a.Presence != "",
		callbacks: a.ServingCallbacks, fetch: a.Fetch, note: a.Note, availability: availabilities[a.Presence],
	}
	if s.availability == "" {
		s.availability = "OffWork"
	}
	for _, m := range a.Queues {
		if m.Active {
			s.queues++
		}
	}
	s.serving = s.queues > 0 && !a.NotServing
	if a.State != floor.Offline && a.Terminal != string(event.TerminalOffline) {
		s.terminals = 1
	}
	for _, p := range a.Work() {
		switch p.Stage {
		case floor.PartOffered, floor.PartDialling, floor.PartContact:
			if p.Queue != nil {
				s.queue = p.Queue.ID
			}
			if created, _ := p.Interaction.Details(); len(created) > 0 {
				s.list = gjson.Get("{"+string(created)+"}", "call_list").Str
			}
			if p.Interaction.Parked {
				s.parked++
			}
		case floor.PartWrapUp:
			s.wrapFrom = p.Since
			if p.Limit > 0 {
				s.wrapTo = p.Since + p.Limit
			}
		}
	}
	return s
}

// listGUID is how the page names a call list, null where there is none.
func listGUID(tenant, id string) any {
	p := projection{tenant: tenant}
	return p.guid("call_list", id)
}

func (s userState) values(r *room, queue any) values {
	v := values{
		"CanBeAllocatedTo": s.allocatable, "Talking": s.talking, "TalkingStatusChanged": instant(s.talkingAt), "ActiveQueueId": queue, "ActiveCallListId": listGUID(r.tenant, s.list), "Available": s.available,
		"Schedule": s.schedule, "Serving": s.serving, "ServiceTerminals": s.terminals, "ActiveQueues": s.queues, "ParkedCalls": s.parked,
		"WrapUpStart": instant(s.wrapFrom), "WrapUpEnd": instant(s.wrapTo), "ServingCallback": s.callbacks, "FetchMode": s.fetch, "Note": text(s.note),
		"AvailabilityStatus": s.availability, "OrganizationId": r.root,
	}
	if s.wrapFrom > 0 && s.wrapTo == 0 {
		v["WrapUpEnd"] = forever
	}
	return v
}

// queueState reads a queue.
func (r *room) queueState(t *floor.Tenant, q *floor.Queue) queueState {
	s := queueState{name: q.Name, members: int(q.Members), open: openOpen,
		offline: int(q.InState[floor.Offline]), away: int(q.InState[floor.Away]), idle: int(q.InState[floor.Idle]),
		busy: int(q.InState[floor.Alerting] + q.InState[floor.Contact]), wrapping: int(q.InState[floor.WrapUp])}
	if s.name == "" {
		s.name = q.ID
	}
	s.checkedIn = s.members - s.offline
	s.waiting, s.allocated = int(q.Waiting), min(int(q.Alerting), int(q.Waiting))
	if v := q.Oldest(); v != nil {
		s.oldest = v.At
	}
	s.connected = int(q.Active)
	for _, queues := range r.fetch {
		for _, id := range queues {
			if id == q.ID {
				s.fetching++
			}
		}
	}
	switch a := t.Availability(q, t.Now()); {
	case a.ByStage:
		s.open = openNoHandler
	case !a.ScheduleOpen:
		s.open = openClosed
	}
	return s
}

func (s queueState) values(r *room, now int64) values {
	var wait int64
	if s.oldest > 0 {
		wait = max(0, now-s.oldest) / 1000
	}
	return values{
		"OrganizationId": r.root, "QueueName": text(s.name), "NbrOfProviders": s.members, "NbrOfRequesters": s.waiting + s.connected,
		"NbrOfServingAgentsEstimate": s.checkedIn - s.away, "NbrOfAllocated": s.allocated, "NbrOfConnected": s.connected,
		"NbrOfQueuingRequesters": s.waiting - s.allocated, "NbrOfNotServedRequesters": s.waiting, "NbrOfAgentsLongTermAway": s.away,
		"NbrOfAgentsShortTermAway": s.busy + s.wrapping, "NbrOfAgentsImmediatelyFree": s.idle, "NbrOfAgentsCheckedInQueue": s.checkedIn,
		"NbrOfAgentsOnWrapUp": s.wrapping, "NbrOfAgentsOnFetchMode": s.fetching, "MaxWaitTime": wait, "OpenStatus": s.open,
	}
}

// status is a finished look at an entity.
type status struct {
	about ref
	state any
	queue string // the active queue of a user, by its GUID
	guid  string // as the floor has it, "" where it has none
	now   int64  // epoch ms
}

// look reads the status of an entity while the floor is held still; false: the floor
// does not know it.
func (r *room) look(t *floor.Tenant, about ref) (status, bool) {
	s := status{about: about, now: t.Now()}
	switch about.entity {
	case entityUser:
		if strings.HasPrefix(about.id, userOnly) {
			s.state = userState{availability: availabilities[event.PresenceOffWork]} // nobody who could work
			return s, true
		}
		a := t.Agent(about.id)
		if a == nil {
			return s, false
		}
		u := stateOf(a)
		if u.queue != "" {
			s.queue = t.Queue(u.queue).GUID
		}
		s.guid, s.state = a.GUID, u
	case entityQueue:
		q := t.Queue(about.id)
		if q == nil {
			return s, false
		}
		s.guid, s.state = q.GUID, r.queueState(t, q)
	}
	return s, s.state != nil
}

// show sends a status, to one session or to all that have subscribed to it.
func (r *room) show(s status, to *comer) {
	k, guid := queueStatus, s.guid
	if s.about.entity == entityUser {
		k = userStatus
		if p, ok := r.person(s.about.id); ok {
			guid = p.guid
		}
	}
	if guid == "" {
		guid = r.guidOf(s.about)
	}
	var v values
	switch state := s.state.(type) {
	case userState:
		v = state.values(r, text(s.queue))
		v["UserId"] = guid
	case queueState:
		v = state.values(r, s.now)
		v["QueueId"] = guid
	}
	at := time.Now()
	sub := subject{k, s.about}
	m := r.message(k, guid, event.UUIDv5(idSpace, r.tenant, k.name, s.about.id, at.Format(time.RFC3339Nano)), at, v)
	if to == nil {
		r.send(sub, m)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	to.sub.status.Send(m)
	r.feed.sent.Add(1)
}

// greet sends those who have just subscribed the status as it is.
func (r *room) greet() {
	r.mu.Lock()
	comers := r.comers
	r.comers = nil
	r.mu.Unlock()
	r.refetch()
	seen := map[ref]status{}
	err := r.feed.o.State.View(r.tenant, func(v follow.View) {
		if v.Tenant == nil {
			return
		}
		for _, c := range comers {
			if _, ok := seen[c.sub.about]; !ok {
				if s, ok := r.look(v.Tenant, c.sub.about); ok {
					seen[c.sub.about] = s
				}
			}
		}
	})
	if err != nil { // the floor is being restored: it tells when it is there
		r.mu.Lock()
		r.comers = append(comers, r.comers...)
		r.mu.Unlock()
		return
	}
	for i := range comers {
		s, ok := seen[comers[i].sub.about]
		if !ok {
			continue
		}
		if r.last[s.about] == nil {
			r.last[s.about] = s.state
		}
		r.show(s, &comers[i])
	}
}

// refetch brings up to date who fetches calls, for the agents that have changed; the
// marks stay for the round.
func (r *room) refetch() {
	r.marks.Lock()
	all := r.all
	var agents []string
	for about := range r.dirty {
		if about.entity == entityUser {
			agents = append(agents, about.id)
		}
	}
	r.marks.Unlock()
	_ = r.feed.o.State.View(r.tenant, func(v follow.View) {
		if v.Tenant == nil {
			return
		}
		note := func(a *floor.Agent) {
			delete(r.fetch, a.ID)
			if a.Fetch {
				var queues fetchMember
				for _, m := range a.Queues {
					if m.Active {
						queues = append(queues, m.Queue.ID)
					}
				}
				r.fetch[a.ID] = queues
			}
		}
		if all {
			clear(r.fetch)
			for _, a := range v.Tenant.Agents() {
				note(a)
			}
			return
		}
		for _, id := range agents {
			if a := v.Tenant.Agent(id); a != nil {
				note(a)
			} else {
				delete(r.fetch, id)
			}
		}
	})
}

// round sends the statuses that have changed, and looks at rights that may have; again
// says that it has to before long.
func (r *room) round() (again bool) {
	r.meet()
	r.greet()
	r.marks.Lock()
	dirty, all, review := r.dirty, r.all, r.rights
	r.dirty, r.all = map[ref]struct{}{}, false
	r.marks.Unlock()
	subscribed := r.statuses()
	var changed []status
	var at uint64
	err := r.feed.o.State.View(r.tenant, func(v follow.View) {
		at = v.At.Seq
		if v.Tenant == nil {
			return
		}
		for about := range dirty {
			if a := v.Tenant.Agent(about.id); about.entity == entityUser && a != nil {
				for _, m := range a.Queues { // counted by what the agent does
					dirty[ref{entityQueue, m.Queue.ID}] = struct{}{}
				}
			}
		}
		if all {
			dirty = subscribed
		}
		for about := range dirty {
			if _, ok := subscribed[about]; !ok {
				continue
			}
			if s, ok := r.look(v.Tenant, about); ok && r.last[about] != s.state {
				r.last[about] = s.state
				changed = append(changed, s)
			}
		}
	})
	if err != nil {
		r.marks.Lock()
		r.all = true
		r.marks.Unlock()
		return false
	}
	for about := range r.last { // nobody asks for it any more
		if _, ok := subscribed[about]; !ok {
			delete(r.last, about)
		}
	}
	for _, s := range changed {
		r.show(s, nil)
	}
	if review.seq == 0 {
		return false
	}
	r.review()
	r.marks.Lock()
	defer r.marks.Unlock()
	if r.rights == review && at >= review.seq && time.Now().After(review.until) {
		r.rights = rights{}
	}
	return r.rights.seq != 0
}

// statuses are the entities of whose statuses somebody hears.
func (r *room) statuses() map[ref]struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[ref]struct{})
	for sub := range r.subs {
		if sub.kind == userStatus || sub.kind == queueStatus {
			out[sub.about] = struct{}{}
		}
	}
	return out
}
