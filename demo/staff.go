package demo

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"trunkline/auth"
	"trunkline/directory"
	"trunkline/event"
	"trunkline/sim"
)

// userIDs are the users of the demo, one of each role.
var userIDs = []string{directory.RoleAgent, directory.RoleSupervisor, directory.RoleAdmin}

// staff is who signs in to the demo, and the queues there are.
type staff struct {
	users  []directory.User
	queues []hubQueue
}

// staffOf picks users among the people of the simulated centre, which may be nil.
func staffOf(centre *sim.Sim) staff {
	people := map[string]sim.Person{} // by role, the first one
	var s staff
	if centre != nil {
		for _, p := range centre.People() {
			if _, ok := people[p.Role]; !ok {
				people[p.Role] = p
			}
		}
		for _, l := range centre.Lines() {
			s.queues = append(s.queues, hubQueue{ID: l.GUID, Name: l.Name})
		}
	}
	for _, role := range userIDs {
		u := directory.User{ID: role, Role: role, Login: role + "@" + tenant, Name: "The demo's " + role}
		if p, ok := people[role]; ok {
			u.Agent, u.GUID, u.Name = p.ID, p.GUID, p.Name
		} else if role != directory.RoleAdmin {
			u.Agent = "demo-" + role
		}
		if u.GUID == "" {
			u.GUID = event.GUID(tenant, event.EntityUser, u.ID)
		}
		s.users = append(s.users, u)
	}
	return s
}

// declare writes the directory file of the demo's tenant and gives its name.
func (s staff) declare(dir string, c credentials) (string, error) {
	d := struct {
		Users []directory.DeclaredUser `json:"users"`
	}{}
	for _, u := range s.users {
		d.Users = append(d.Users, directory.DeclaredUser{User: u, Hash: auth.HashOf(c.Users[u.ID])})
	}
	raw, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode the demo's directory: %w", err)
	}
	path := filepath.Join(dir, "directory.json")
	if err := replaceFile(path, append(raw, '\n')); err != nil {
		return "", fmt.Errorf("write the demo's directory: %w", err)
	}
	return path, nil
}

// hub is what the ready line tells of them.
func (s staff) hub(c credentials) hub {
	h := hub{Users: []hubUser{}, Queues: s.queues}
	if h.Queues == nil {
		h.Queues = []hubQueue{}
	}
	for _, u := range s.users {
		h.Users = append(h.Users, hubUser{ID: u.GUID, Login: u.Login, Secret: c.Users[u.ID], Role: u.Role})
	}
	return h
}
