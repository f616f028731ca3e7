package directory

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"trunkline/event"
	"trunkline/floor"
)

// Source is the source attribute of the facts that the directory says.
const Source = "/trunkline/directory"

// agentOf gives an agent as the floor has it.
func agentOf(a *floor.Agent) Agent {
	out := Agent{
		ID: a.ID, GUID: a.GUID, External: a.External, Login: a.Login, Name: a.Name, GivenName: a.GivenName, FamilyName: a.FamilyName,
		DisplayName: a.DisplayName, Email: a.Email, Address: a.Address, Role: a.Role, DeskMode: a.DeskMode,
		Groups: slices.Clone(a.Groups), Supervisors: slices.Clone(a.Supervisors), Slots: maps.Clone(a.Slots),
		Skills: slices.Clone(a.Skills), Disabled: a.Disabled,
	}
	for _, m := range a.Queues {
		q := event.AgentQueue{ID: m.Queue.ID, Priority: m.Priority}
		if !m.Active {
			q.Active = new(bool)
		}
		out.Queues = append(out.Queues, q)
	}
	return out
}

// queueOf gives a queue as the floor has it.
func queueOf(q *floor.Queue) Queue {
	out := Queue{ID: q.ID, QueueConfigured: q.Config}
	out.QueueConfigured.Queue, out.QueueConfigured.Removed = "", false
	out.Name, out.GUID = q.Name, q.GUID
	return out
}

// agentFacts are what makes an agent of what it was: one fact for each change. known
// says that there was one.
func agentFacts(tenant string, before Agent, known bool, after Agent) []event.Fact {
	change := func(c event.ProvisionChange) event.AgentProvisioned {
		return event.AgentProvisioned{AgentRef: event.AgentRef{Agent: after.ID}, Change: c}
	}
	var facts []event.Fact
	base := change(event.ProvisionUpdated)
	if !known {
		base.Change, before = event.ProvisionCreated, Agent{ID: after.ID}
	}
	if after.GUID == "" && before.GUID == event.GUID(tenant, event.EntityAgent, after.ID) {
		before.GUID = "" // nobody gave it
	}
	moved := !known
	for _, f := range []struct {
		name     event.AgentField
		old, now string
		to       *string
	}{
		{event.FieldGUID, before.GUID, after.GUID, &base.GUID},
		{event.FieldExternal, before.External, after.External, &base.External},
		{event.FieldLogin, before.Login, after.Login, &base.Login},
		{event.FieldName, before.Name, after.Name, &base.Name},
		{event.FieldGivenName, before.GivenName, after.GivenName, &base.GivenName},
		{event.FieldFamilyName, before.FamilyName, after.FamilyName, &base.FamilyName},
		{event.FieldDisplayName, before.DisplayName, after.DisplayName, &base.DisplayName},
		{event.FieldEmail, before.Email, after.Email, &base.Email},
		{event.FieldAddress, before.Address, after.Address, &base.Address},
		{event.FieldRole, before.Role, after.Role, &base.Role},
		{event.FieldDeskMode, before.DeskMode, after.DeskMode, &base.DeskMode},
	} {
		if f.old == f.now {
			continue
		}
		moved = true
		if *f.to = f.now; f.now == "" {
			base.Cleared = append(base.Cleared, f.name)
		}
	}
	if !slices.Equal(before.Groups, after.Groups) {
		moved, base.Groups = true, after.Groups
		if len(after.Groups) == 0 {
			base.Cleared = append(base.Cleared, event.FieldGroups)
		}
	}
	if !slices.Equal(before.Supervisors, after.Supervisors) {
		moved, base.Supervisors = true, after.Supervisors
		if len(after.Supervisors) == 0 {
			base.Cleared = append(base.Cleared, event.FieldSupervisors)
		}
	}
	if !maps.Equal(before.Slots, after.Slots) {
		moved, base.Slots = true, after.Slots
		if len(after.Slots) == 0 {
			base.Cleared = append(base.Cleared, event.FieldSlots)
		}
	}
	if moved {
		facts = append(facts, base)
	}
	if before.Disabled != after.Disabled {
		c := change(event.ProvisionEnabled)
		if after.Disabled {
			c = change(event.ProvisionDisabled)
		}
		facts = append(facts, c)
	}
	type skillKey struct {
		id    string
		media event.Media
	}
	members(before.Skills, after.Skills, func(s event.AgentSkill) skillKey { return skillKey{s.ID, s.Media} }, func(how int, s event.AgentSkill) {
		c := change([...]event.ProvisionChange{event.ProvisionSkillAdded, event.ProvisionSkillChanged, event.ProvisionSkillRemoved}[how])
		c.Skill = &s
		facts = append(facts, c)
	})
	members(before.Queues, after.Queues, func(q event.AgentQueue) string { return q.ID }, func(how int, q event.AgentQueue) {
		c := change([...]event.ProvisionChange{event.ProvisionQueueAdded, event.ProvisionQueueChanged, event.ProvisionQueueRemoved}[how])
		if how != gone && q.Active == nil { // nobody gets back what was switched off by leaving it out
			yes := true
			q.Active = &yes
		}
		c.Queue = &q
		facts = append(facts, c)
	})
	return facts
}

// What happened to a member of a list.
const (
	added = iota
	altered
	gone
)

// members tells what was done to a list whose members have keys.
func members[T any, K comparable](before, after []T, key func(T) K, tell func(how int, m T)) {
	old := map[K]T{}
	for _, m := range before {
		old[key(m)] = m
	}
	for _, m := range after {
		was, there := old[key(m)]
		delete(old, key(m))
		if !there {
			tell(added, m)
		} else if !same(was, m) {
			tell(altered, m)
		}
	}
	for _, m := range before {
		if _, left := old[key(m)]; left {
			tell(gone, m)
		}
	}
}

// same says whether two values say the same: a membership that is active says so by
// nothing, too.
func same(a, b any) bool {
	if qa, ok := a.(event.AgentQueue); ok {
		qb := b.(event.AgentQueue)
		active := func(q event.AgentQueue) bool { return q.Active == nil || *q.Active }
		return qa.ID == qb.ID && qa.Priority == qb.Priority && active(qa) == active(qb)
	}
	return reflect.DeepEqual(a, b)
}

// queueFacts are what makes a queue of what it was: nothing, or its whole configuration.
func queueFacts(tenant string, before Queue, known bool, after Queue) []event.Fact {
	want := after.QueueConfigured
	want.Queue = after.ID
	if known {
		was := before.QueueConfigured
		was.Queue = after.ID
		if want.GUID == "" && was.GUID == event.GUID(tenant, event.EntityQueue, after.ID) {
			was.GUID = ""
		}
		if want.GUID == "" {
			want.GUID = was.GUID // a queue keeps what it was once given
		}
		if want.Name == "" {
			want.Name = was.Name
		}
		if equalJSON(was, want) {
			return nil
		}
	}
	return []event.Fact{want}
}

func equalJSON(a, b any) bool {
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && string(x) == string(y)
}

// encode makes events of facts. Their ids depend on the place in the log up to which it
// was known what there is, and on what they say.
func encode(tenant, at string, facts []event.Fact) ([]event.Event, error) {
	out := make([]event.Event, 0, len(facts))
	now := time.Now().UTC()
	for i, f := range facts {
		data, err := json.Marshal(f)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", f.EventType(), err)
		}
		id := event.UUIDv5(idNamespace, tenant, f.EventType(), f.EventSubject(), at, fmt.Sprint(i), string(data))
		e, err := event.Encode(event.Meta{ID: id, Source: Source, Tenant: tenant, Time: now}, f)
		if err == nil {
			// What comes in here is held to what everybody else is held to.
			e, err = event.Parse(e.Raw, event.DefaultLimits())
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrEntity, err)
		}
		out = append(out, e)
	}
	return out, nil
}

// idNamespace is the name space of the ids of the directory's facts.
var idNamespace = [16]byte{0x0b, 0x63, 0xe1, 0x5c, 0x7d, 0x2f, 0x54, 0x8d, 0xa3, 0x19, 0x5a, 0x77, 0xc4, 0x06, 0x91, 0x2e}
