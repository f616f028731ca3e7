package floor

import (
	"cmp"
	"slices"

	"trunkline/event"
)

func (a *Agent) code(c *coder, t *Tenant) {
	var own Details
	if c.writing {
		own = *a.Details
	}
	for _, s := range [...]*string{
		&a.ID, &a.GUID, &own.External, &a.Login, &a.Name, &a.GivenName, &a.FamilyName, &a.DisplayName, &own.Email, &a.Address,
		&a.Role, &own.DeskMode, &own.Note, &own.Profile, &own.TransferTo, &own.Terminal, &a.Reason.List, &a.Reason.Item, &a.Reason.Name,
	} {
		str(c, s)
	}
	if !c.writing {
		if a.GUID == "" { // of a time when a source had to give one
			a.GUID = event.GUID(t.Name, event.EntityAgent, a.ID)
		}
		if a.Details = &t.plain; own != t.plain {
			a.Details = &own
		}
	}
	str(c, &a.Presence)
	str(c, &a.Next)
	c.strings(&a.Groups)
	c.strings(&a.Supervisors)
	list(c, &a.Skills, func(s *event.AgentSkill) {
		str(c, &s.ID)
		str(c, &s.Name)
		str(c, &s.Assignment)
		str(c, &s.Media)
		num(c, &s.Level)
	})
	list(c, &a.Queues, func(m *Membership) {
		t.codeQueue(c, &m.Queue)
		num(c, &m.Priority)
		c.flag(&m.Active)
		c.flag(&m.Paused)
		c.flag(&m.used)
		num(c, &m.Since)
		if m.Queue == nil {
			c.fail("a membership has no queue")
		}
	})
	slots := a.Slots != nil
	if c.flag(&slots); slots {
		if a.Slots == nil {
			a.Slots = map[string]int{}
		}
		numbers(c, &a.Slots)
	}
	for _, f := range [...]*bool{&a.Known, &a.Disabled, &a.Deleted, &a.Fetch, &a.NotServing, &a.ServingCallbacks} {
		c.flag(f)
	}
	for _, f := range [...]*bool{&a.spent.LoggedIn, &a.spent.Available, &a.spent.Utilised} {
		c.flag(f)
	}
	num(c, &a.State)
	if a.State >= NumStates {
		c.fail("an agent's state is not known")
		return
	}
	for _, n := range [...]*int64{&a.PresenceSince, &a.Until, &a.LoginSince, &a.Since, &a.accrued, &a.tallied, &a.turned} {
		num(c, n)
	}
	a.AgentRow.code(c)
	for i := range a.Time {
		num(c, &a.Time[i])
	}
	numbers(c, &a.Aways)
	list(c, &a.ByQ, func(r *AgentAtQueue) {
		t.codeQueue(c, &r.Queue)
		r.AgentRow.code(c)
	})
	if c.version >= 4 {
		t.codeChannels(c, a)
	}
	if c.version >= 6 {
		num(c, &a.TalkingSince)
	}
	if c.version >= 5 {
		there := a.use != nil
		if c.flag(&there); there {
			if a.use == nil {
				a.use = &usage{}
			}
			a.use.code(c)
			a.use.offset = windowOffset(a.ID)
		}
	}
}

// codeChannels codes an agent's rows by medium.
func (t *Tenant) codeChannels(c *coder, a *Agent) {
	num(c, &a.only)
	if int(a.only) > int(NumMedia) {
		c.fail("a medium is not known")
	}
	var rows []AgentAtChannel
	if a.byM != nil {
		rows = *a.byM
	}
	list(c, &rows, func(r *AgentAtChannel) {
		num(c, &r.Medium)
		if r.Medium >= NumMedia {
			c.fail("a medium is not known")
		}
		r.AgentRow.code(c)
	})
	if len(rows) > 0 {
		a.keepChannels(&rows)
	}
}

// codeQueue codes a reference to a queue by its id, "" for none.
func (t *Tenant) codeQueue(c *coder, q **Queue) {
	id := (*q).id()
	str(c, &id)
	if c.writing || id == "" {
		return
	}
	if *q = t.queues[id]; *q == nil {
		c.fail("a queue is not there")
	}
}

// codeAgent codes a reference to an agent by its id, "" for none.
func (t *Tenant) codeAgent(c *coder, a **Agent) {
	id := ""
	if *a != nil {
		id = (*a).ID
	}
	str(c, &id)
	if c.writing || id == "" {
		return
	}
	if *a = t.agents[id]; *a == nil {
		c.fail("an agent is not there")
	}
}

func (it *Interaction) code(c *coder, t *Tenant) {
	for _, s := range [...]*string{&it.ID, &it.Parent, &it.LastAgent, &it.Agent, &it.Disposition, &it.Initiator, &it.Reason, &it.alertAgent} {
		str(c, s)
	}
	num(c, &it.Media)
	if it.Media >= NumMedia {
		c.fail("a medium is not known")
		return
	}
	str(c, &it.Direction)
	str(c, &it.Origin)
	it.codeSource(c, t)
	for _, f := range [...]*bool{&it.Lost, &it.Accepted, &it.Customer, &it.Parked, &it.left} {
		c.flag(f)
	}
	for _, n := range [...]*int{&it.Visits, &it.Contacts, &it.Priority, &it.MessagesIn, &it.MessagesOut} {
		num(c, n)
	}
	for _, n := range [...]*int64{
		&it.Created, &it.Ended, &it.QueuedAt, &it.Waited, &it.AcceptedAt, &it.FirstReply, &it.FirstQueuedAt, &it.alertEnd, &it.touched,
	} {
		num(c, n)
	}
	num(c, &it.leftBy)
	if c.version >= 2 {
		num(c, &it.carried)
	}
	if c.version >= 5 {
		b := []byte(it.story)
		c.bytes(&b)
		it.story = b
		num(c, &it.lastIn)
		num(c, &it.lastOut)
	}
	t.codeQueue(c, &it.LastQueue)
	c.bytes(&it.static)
	c.bytes(&it.attributes)
	list(c, &it.recordings, func(r *Recording) { str(c, &r.ID); str(c, &r.Leg); num(c, &r.At); c.flag(&r.Ready) })
	list(c, &it.supervisors, func(s *supervision) {
		t.codeAgent(c, &s.supervisor)
		t.codeAgent(c, &s.agent)
		t.codeQueue(c, &s.queue)
		str(c, &s.kind)
		num(c, &s.since)
		if s.supervisor == nil || s.agent == nil {
			c.fail("a supervision lacks somebody")
		}
	})
	list(c, &it.visits, func(v **Visit) {
		if *v == nil {
			*v = &Visit{Interaction: it}
		}
		(*v).code(c, t)
	})
	list(c, &it.parts, func(p **Part) {
		if *p == nil {
			*p = &Part{Interaction: it}
		}
		(*p).code(c, t)
	})
}

func (it *Interaction) codeSource(c *coder, t *Tenant) {
	name := ""
	if it.Source != nil {
		name = it.Source.Name
	}
	str(c, &name)
	if !c.writing {
		if it.Source = t.sources[name]; it.Source == nil {
			c.fail("a source is not there")
		}
	}
}

func (v *Visit) code(c *coder, t *Tenant) {
	t.codeQueue(c, &v.Queue)
	num(c, &v.At)
	num(c, &v.Priority)
	num(c, &v.Position)
	str(c, &v.Reason)
	num(c, &v.no)
	for i := range v.told {
		num(c, &v.told[i])
	}
	if v.Queue == nil {
		c.fail("a visit has no queue")
	}
}

func (p *Part) code(c *coder, t *Tenant) {
	t.codeAgent(c, &p.Agent)
	t.codeQueue(c, &p.Queue)
	str(c, &p.Leg)
	str(c, &p.Wrapup)
	num(c, &p.Stage)
	num(c, &p.no)
	for _, n := range [...]*int64{
		&p.Since, &p.Connected, &p.HeldSince, &p.Talked, &p.HeldFor, &p.Wrapped, &p.Limit, &p.due, &p.fireAt,
	} {
		num(c, n)
	}
	c.flag(&p.derived)
	c.flag(&p.released)
	c.flag(&p.counted)
	if p.Agent == nil || p.Stage > PartWrapUp {
		c.fail("a part is not whole")
	}
}

// rebuild makes what follows from the state: lists, gauges and timers. A gauge
// is not in the snapshot, so that it cannot contradict what it counts.
func (t *Tenant) rebuild() {
	if len(t.outbox) > 0 {
		t.timers.unsaid++
	}
	var visits []*Visit
	for _, ch := range [...]*chain{&t.open, &t.ended} {
		for it := ch.head; it != nil; it = it.next {
			visits = append(visits, it.visits...)
			for _, p := range it.parts {
				t.rebuildPart(p)
			}
			for _, s := range it.supervisors {
				s.supervisor.watched++
				s.agent.watched++
				if s.kind == event.SupervisionCoach {
					t.gauge(gaugeCoaches, 1, s.queue, s.agent, it.Media)
				}
			}
		}
	}
	slices.SortFunc(visits, func(a, b *Visit) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.no, b.no)) })
	for _, v := range visits {
		v.Queue.insert(v)
		t.gauge(gaugeWaiting, 1, v.Queue, nil, v.Interaction.Media)
	}
	for _, s := range t.sources {
		t.rebound(s)
		t.listen(s)
	}
	for _, q := range t.queues {
		for _, at := range [...]int64{q.reviews, q.opens} {
			if at > 0 {
				t.timers.push(timer{at: at, tenant: t, queue: q})
			}
		}
		if q.measure.armed > 0 {
			t.timers.push(timer{at: q.measure.armed, tenant: t, queue: q})
		}
	}
	for _, a := range t.agents {
		if u := a.use; u != nil {
			for _, at := range [...]int64{u.armed, u.lastEnd, u.windowArmed} {
				if at > 0 {
					t.timers.push(timer{at: at, tenant: t, agent: a})
				}
			}
		}
		if a.talking = a.Talking(); a.TalkingSince == 0 { // an older version wrote it
			a.TalkingSince = a.talkedBefore()
		}
		t.inState[a.State]++
		for i := range a.Queues {
			a.Queues[i].Queue.Members++
			a.Queues[i].Queue.InState[a.State]++
		}
		// An agent's work is listed as it came; the interactions are not.
		slices.SortStableFunc(a.work, func(x, y *Part) int {
			return cmp.Compare(x.no, y.no)
		})
	}
	t.changes = t.changes[:0]
}

// talkedBefore is about when Talking changed, for snapshots that do not say: when the oldest of
// the agent's calls was dialled, offered or answered.
func (a *Agent) talkedBefore() int64 {
	since := a.Since
	if !a.talking {
		return since
	}
	for _, p := range a.work {
		switch p.Stage {
		case PartOffered, PartDialling, PartContact:
			since = min(since, p.Since)
		}
	}
	return since
}

func (t *Tenant) rebuildPart(p *Part) {
	m := p.Interaction.Media
	p.Agent.work = append(p.Agent.work, p)
	switch p.Stage {
	case PartDialling:
		p.Agent.dialing++
	case PartOffered:
		t.gauge(gaugeAlerting, 1, p.Queue, p.Agent, m)
	case PartContact:
		t.gauge(gaugeActive, 1, p.Queue, p.Agent, m)
		if p.HeldSince > 0 {
			t.gauge(gaugeHeld, 1, p.Queue, p.Agent, m)
		}
	case PartWrapUp:
		t.gauge(gaugeWrapping, 1, p.Queue, p.Agent, m)
		if p.fireAt > 0 {
			t.timers.push(timer{at: p.fireAt, tenant: t, part: p})
			s := p.Interaction.Source
			s.wraps = append(s.wraps, p)
			if s.nextWrap == 0 || p.due < s.nextWrap {
				s.nextWrap = p.due
			}
		}
	}
}
