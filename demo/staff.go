package demo

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"trunkline/auth"
	"trunkline/config"
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
	lists  []hubList
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
			if l.Media == string(event.MediaPhone) {
				list := "cb-" + l.ID
				s.lists = append(s.lists, hubList{hubQueue{event.GUID(tenant, "call_list", list), "Callbacks of " + l.Name}, config.CallList{ID: list, Queues: []string{l.ID}}})
			}
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

// watch has the hub know the call lists, and tell the supervisor of callers who wait.
func (s staff) watch(cfg *config.Config) {
	for _, l := range s.lists {
		cfg.Hub.CallLists = append(cfg.Hub.CallLists, l.of)
	}
	for _, u := range s.users {
		if u.Role == directory.RoleSupervisor {
			cfg.Hub.Alerts = append(cfg.Hub.Alerts, config.Alert{ID: "long-wait", Tenant: tenant, Agents: []string{u.Agent}, Name: "Somebody waits", Expression: "longest_wait > 20"})
		}
	}
}

// hub is what the ready line tells of them.
func (s staff) hub(c credentials) hub {
	h := hub{Users: []hubUser{}, Queues: s.queues, CallLists: []hubQueue{}}
	for _, l := range s.lists {
		h.CallLists = append(h.CallLists, l.hubQueue)
	}
	if h.Queues == nil {
		h.Queues = []hubQueue{}
	}
	for _, u := range s.users {
		h.Users = append(h.Users, hubUser{ID: u.GUID, Login: u.Login, Secret: c.Users[u.ID], Role: u.Role})
	}
	return h
}
