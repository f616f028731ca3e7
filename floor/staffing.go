package floor

import (
	"strings"

	"trunkline/event"
)

// provision takes in how an agent is set up.
func (t *Tenant) provision(in *input) {
	f, _ := in.fact.(event.AgentProvisioned)
	a := t.agent(f.Agent)
	if a == nil {
		return
	}
	a.Known = true
	t.touchAgent(a)
	set := func(to *string, v string) {
		if v != "" && *to != v {
			*to = strings.Clone(v)
		}
	}
	set(&a.GUID, f.GUID)
	if f.External != "" {
		a.detail(func(d *Details) *string { return &d.External }, f.External)
	}
	set(&a.Login, f.Login)
	set(&a.Name, f.Name)
	set(&a.GivenName, f.GivenName)
	set(&a.FamilyName, f.FamilyName)
	set(&a.DisplayName, f.DisplayName)
	if f.Email != "" {
		a.detail(func(d *Details) *string { return &d.Email }, f.Email)
	}
	set(&a.Address, f.Address)
	set(&a.Role, f.Role)
	if f.DeskMode != "" {
		a.detail(func(d *Details) *string { return &d.DeskMode }, f.DeskMode)
	}
	if f.Groups != nil {
		a.Groups = f.Groups
	}
	if f.Supervisors != nil {
		a.Supervisors = f.Supervisors
	}
	if f.Slots != nil {
		a.Slots = f.Slots
	}
	for _, field := range f.Cleared {
		t.clear(a, field)
	}
	switch f.Change {
	case event.ProvisionCreated, event.ProvisionEnabled:
		a.Disabled, a.Deleted = false, false
	case event.ProvisionDisabled:
		a.Disabled = true
	case event.ProvisionDeleted:
		t.forgetAgent(a, in.at)
		return
	}
	if s := f.Skill; s != nil {
		t.skill(a, s, f.Change == event.ProvisionSkillRemoved)
	}
	if q := f.Queue; q != nil {
		t.member(a, q, f.Change == event.ProvisionQueueRemoved, in.at)
	}
}

// clear takes away what an agent has in a field.
func (t *Tenant) clear(a *Agent, field event.AgentField) {
	switch field {
	case event.FieldGUID:
		a.GUID = event.GUID(t.Name, event.EntityAgent, a.ID)
	case event.FieldExternal:
		a.detail(func(d *Details) *string { return &d.External }, "")
	case event.FieldLogin:
		a.Login = ""
	case event.FieldName:
		a.Name = ""
	case event.FieldGivenName:
		a.GivenName = ""
	case event.FieldFamilyName:
		a.FamilyName = ""
	case event.FieldDisplayName:
		a.DisplayName = ""
	case event.FieldEmail:
		a.detail(func(d *Details) *string { return &d.Email }, "")
	case event.FieldAddress:
		a.Address = ""
	case event.FieldRole:
		a.Role = ""
	case event.FieldDeskMode:
		a.detail(func(d *Details) *string { return &d.DeskMode }, "")
	case event.FieldGroups:
		a.Groups = nil
	case event.FieldSupervisors:
		a.Supervisors = nil
	case event.FieldSlots:
		a.Slots = nil
	}
}

func (t *Tenant) skill(a *Agent, s *event.AgentSkill, gone bool) {
	for i := range a.Skills {
		if a.Skills[i].ID == s.ID && a.Skills[i].Media == s.Media {
			if gone {
				a.Skills = append(a.Skills[:i:i], a.Skills[i+1:]...)
			} else {
				a.Skills[i] = *s
			}
			return
		}
	}
	if !gone && len(a.Skills) < maxSkills {
		a.Skills = append(a.Skills, *s)
	}
}

const (
	maxSkills = 1000 // of an agent
	maxQueues = 1000 // of an agent
)

// member takes in that an agent serves a queue, or no longer does.
func (t *Tenant) member(a *Agent, m *event.AgentQueue, gone bool, at int64) {
	q := t.queue(m.ID)
	if q == nil {
		return
	}
	if q.Name == "" {
		q.Name = strings.Clone(m.Name)
	}
	i := 0
	for i < len(a.Queues) && a.Queues[i].Queue != q {
		i++
	}
	t.touchAgent(a)
	t.touchQueue(q)
	t.tally(a, at)
	switch {
	case i == len(a.Queues) && gone:
		return
	case i == len(a.Queues):
		if i >= maxQueues {
			return
		}
		a.Queues = append(a.Queues, Membership{Queue: q, Active: true, Since: at})
		q.Members++
		q.InState[a.State]++
	case gone:
		a.Queues = append(a.Queues[:i:i], a.Queues[i+1:]...)
		q.Members--
		q.InState[a.State]--
		return
	}
	a.Queues[i].Priority = m.Priority
	if m.Active != nil {
		a.Queues[i].Active = *m.Active
	}
}

// forgetAgent takes an agent off the floor: at once when nothing is open, else
// with the end of the last contact.
func (t *Tenant) forgetAgent(a *Agent, at int64) {
	a.Deleted = true
	a.Presence, a.PresenceSince, a.LoginSince = event.PresenceLoggedOut, at, 0
	t.logout(a, at)
	t.settle(a, at)
	t.dropIfDone(a)
}

// dropIfDone lets a deleted agent who has nothing open any more go when the
// record at hand is done with.
func (t *Tenant) dropIfDone(a *Agent) {
	if a.Deleted {
		t.leaving = append(t.leaving, a)
	}
}

// drop removes the deleted agents who have nothing open any more.
func (t *Tenant) drop() {
	for _, a := range t.leaving {
		if !a.Deleted || len(a.work) > 0 || a.watched > 0 || t.agents[a.ID] != a {
			continue
		}
		for i := range a.Queues {
			q := a.Queues[i].Queue
			q.Members--
			q.InState[a.State]--
			t.touchQueue(q)
		}
		t.inState[a.State]--
		t.tally(a, t.at)
		t.touchAgent(a)
		delete(t.agents, a.ID)
		a.use = nil
	}
	clear(t.leaving)
	t.leaving = t.leaving[:0]
}

// mode takes in how an agent takes work.
func (t *Tenant) mode(in *input) {
	f, _ := in.fact.(event.AgentModeChanged)
	if a := t.agent(f.Agent); a != nil {
		a.Fetch, a.NotServing, a.ServingCallbacks = f.Fetch, !f.Serving, f.ServingCallbacks
		if f.Slots != nil {
			a.Slots = f.Slots
		}
		t.use(a, in.at)
		t.touchAgent(a)
	}
}
