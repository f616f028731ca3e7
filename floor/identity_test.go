package floor_test

import (
	"testing"

	"trunkline/event"
	"trunkline/floor"
)

// Everybody has a GUID: the one that the source gave, else one that every node makes the same.
func TestEverybodyHasAGUID(t *testing.T) {
	s := newScript(t, floor.Options{})
	own := "6b1f4a52-0a6f-4d0e-9f5e-0e4a3a2d7c11"
	s.say(event.QueueConfigured{Queue: "q", Name: "Sales"}, event.AgentProvisioned{AgentRef: agentRef("a"), Change: event.ProvisionCreated})
	a, q := s.floor().Agent("a"), s.floor().Queue("q")
	s.want("agent", a.GUID, event.GUID(tenant, event.EntityAgent, "a"))
	s.want("queue", q.GUID, event.GUID(tenant, event.EntityQueue, "q"))
	s.want("they differ", a.GUID == q.GUID, false)
	s.say(event.AgentProvisioned{AgentRef: agentRef("a"), Change: event.ProvisionUpdated, GUID: own})
	s.want("told", s.floor().Agent("a").GUID, own)
	s.say(event.AgentProvisioned{AgentRef: agentRef("a"), Change: event.ProvisionUpdated, Cleared: []event.AgentField{event.FieldGUID}})
	s.want("taken back", s.floor().Agent("a").GUID, a.GUID)
}

// What a fact leaves out stays, what it names as cleared goes.
func TestFieldsAreCleared(t *testing.T) {
	s := newScript(t, floor.Options{})
	full := event.AgentProvisioned{
		AgentRef: agentRef("a"), Change: event.ProvisionCreated, External: "e", Login: "l", Name: "n", GivenName: "g", FamilyName: "f",
		DisplayName: "d", Email: "m", Address: "x", Role: "r", DeskMode: "k", Groups: []string{"1"}, Supervisors: []string{"2"},
		Slots: map[string]int{"chat": 3},
	}
	s.say(full)
	s.say(event.AgentProvisioned{AgentRef: agentRef("a"), Change: event.ProvisionUpdated, Name: "other"})
	a := s.floor().Agent("a")
	s.want("kept", []any{a.External, a.Login, a.Name, a.Email, a.Groups, a.Slots["chat"]}, "[e l other m [1] 3]")
	s.say(event.AgentProvisioned{AgentRef: agentRef("a"), Change: event.ProvisionUpdated, Cleared: []event.AgentField{
		event.FieldExternal, event.FieldLogin, event.FieldName, event.FieldGivenName, event.FieldFamilyName, event.FieldDisplayName,
		event.FieldEmail, event.FieldAddress, event.FieldRole, event.FieldDeskMode, event.FieldGroups, event.FieldSupervisors, event.FieldSlots,
	}})
	a = s.floor().Agent("a")
	s.want("cleared", a.External+a.Login+a.Name+a.GivenName+a.FamilyName+a.DisplayName+a.Email+a.Address+a.Role+a.DeskMode, "")
	s.want("lists", len(a.Groups)+len(a.Supervisors)+len(a.Slots), 0)
}
