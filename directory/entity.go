package directory

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"trunkline/event"
	"trunkline/floor/hours"
)

// Limits of entities.
const (
	maxText  = 500  // bytes of a text
	maxList  = 1000 // members of a list
	maxSlots = 1000 // contacts at once
)

// Roles of users.
const (
	RoleAgent      = "agent"      // sees itself, its queues and their calls
	RoleSupervisor = "supervisor" // sees the groups it supervises as well
	RoleAdmin      = "admin"      // sees the whole organisation
)

// Agent is how an agent is set up. What is not there is not known.
type Agent struct {
	ID          string             `json:"id"`
	GUID        string             `json:"guid,omitempty"` // empty in a change: UUID version 5 of the id
	External    string             `json:"external,omitempty"`
	Login       string             `json:"login,omitempty"`
	Name        string             `json:"name,omitempty"`
	GivenName   string             `json:"given_name,omitempty"`
	FamilyName  string             `json:"family_name,omitempty"`
	DisplayName string             `json:"display_name,omitempty"`
	Email       string             `json:"email,omitempty"`
	Address     string             `json:"address,omitempty"`
	Role        string             `json:"role,omitempty"`
	DeskMode    string             `json:"desk_mode,omitempty"`
	Groups      []string           `json:"groups,omitempty"`
	Supervisors []string           `json:"supervisors,omitempty"` // ids of agents
	Slots       map[string]int     `json:"slots,omitempty"`       // contacts at once, by medium
	Skills      []event.AgentSkill `json:"skills,omitempty"`
	Queues      []event.AgentQueue `json:"queues,omitempty"`
	Disabled    bool               `json:"disabled,omitempty"`
	Static      bool               `json:"static,omitempty"` // from the configuration
}

// Queue is how a queue is set up: event.QueueConfigured, whose id stands in ID.
type Queue struct {
	ID string `json:"id"`
	event.QueueConfigured
	Queue   string `json:"queue,omitempty"`   // always empty: the id is in ID
	Removed bool   `json:"removed,omitempty"` // always false: who removes a queue deletes it
	Static  bool   `json:"static,omitempty"`
}

// User is somebody who signs in to a feed that knows people.
type User struct {
	ID         string   `json:"id"`
	GUID       string   `json:"guid,omitempty"`
	Login      string   `json:"login,omitempty"` // empty: the id. No two users of the server have the same
	Name       string   `json:"name,omitempty"`
	Role       string   `json:"role"`                 // agent, supervisor, admin
	Agent      string   `json:"agent,omitempty"`      // the id of the agent that the user is
	Supervises []string `json:"supervises,omitempty"` // ids of groups
	Disabled   bool     `json:"disabled,omitempty"`
	Static     bool     `json:"static,omitempty"`
}

// Group is a group of agents; who belongs to it stands with the agents.
type Group struct {
	ID     string `json:"id"`
	GUID   string `json:"guid,omitempty"`
	Name   string `json:"name,omitempty"`
	Static bool   `json:"static,omitempty"`
}

// Channel is a way to reach the centre: a number, a chat on a page, a mailbox.
type Channel struct {
	ID      string      `json:"id"`
	GUID    string      `json:"guid,omitempty"`
	Name    string      `json:"name,omitempty"`
	Media   event.Media `json:"media,omitempty"`
	Address string      `json:"address,omitempty"`
	Static  bool        `json:"static,omitempty"`
}

// ErrEntity is what the complaints about an entity wrap.
var ErrEntity = errors.New("the entity is not valid")

var (
	plainID = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$`)
	guid    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

var media = []event.Media{event.MediaPhone, event.MediaChat, event.MediaEmail, event.MediaSMS, event.MediaVideo}

func bad(place, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrEntity, place, fmt.Sprintf(format, args...))
}

// checkGUID takes the form in which all GUIDs are compared, lower case.
func checkGUID(g string) error {
	if g != "" && !guid.MatchString(g) {
		return bad("guid", "%q is not a UUID in lower case", g)
	}
	return nil
}

func checkID(id string) error {
	if !plainID.MatchString(id) {
		return bad("id", "%q: 1 to 64 letters, digits, '-', '_' and '.', not first a '.'", id)
	}
	return nil
}

func checkTexts(texts map[string]string) error {
	for place, text := range texts {
		if len(text) > maxText {
			return bad(place, "has %d bytes, at most %d are taken", len(text), maxText)
		}
	}
	return nil
}

// Check says what is wrong with an agent.
func (a *Agent) Check() error {
	if a.ID == "" || len(a.ID) > maxText {
		return bad("id", "has %d bytes, 1 to %d are taken", len(a.ID), maxText)
	}
	if err := checkGUID(a.GUID); err != nil {
		return err
	}
	for place, n := range map[string]int{"groups": len(a.Groups), "supervisors": len(a.Supervisors), "skills": len(a.Skills), "queues": len(a.Queues)} {
		if n > maxList {
			return bad(place, "has %d members, at most %d are taken", n, maxList)
		}
	}
	seen := map[string]bool{}
	for i, q := range a.Queues {
		if q.ID == "" || seen[q.ID] {
			return bad(fmt.Sprintf("queues[%d].id", i), "%q: it is needed, and once", q.ID)
		}
		if q.Name != "" || q.Address != "" {
			return bad(fmt.Sprintf("queues[%d]", i), "a queue's name stands with the queue and the agent's address with the agent")
		}
		seen[q.ID] = true
	}
	clear(seen)
	for i, s := range a.Skills {
		if key := s.ID + "\x00" + string(s.Media); s.ID == "" || seen[key] {
			return bad(fmt.Sprintf("skills[%d].id", i), "%q: it is needed, and once for a medium", s.ID)
		} else {
			seen[key] = true
		}
	}
	for medium, n := range a.Slots {
		if !slices.Contains(media, event.Media(medium)) {
			return bad("slots", "%q: phone, chat, email, sms or video", medium)
		}
		if n < 0 || n > maxSlots {
			return bad("slots."+medium, "%d: 0 to %d", n, maxSlots)
		}
	}
	return checkTexts(map[string]string{
		"external": a.External, "login": a.Login, "name": a.Name, "given_name": a.GivenName, "family_name": a.FamilyName,
		"display_name": a.DisplayName, "email": a.Email, "address": a.Address, "role": a.Role, "desk_mode": a.DeskMode,
	})
}

// Check says what is wrong with a queue. The members that are not looked at here are
// checked as those of any queue.configured.
func (q *Queue) Check() error {
	switch {
	case q.ID == "" || len(q.ID) > maxText:
		return bad("id", "has %d bytes, 1 to %d are taken", len(q.ID), maxText)
	case q.Queue != "" && q.Queue != q.ID:
		return bad("queue", "%q: the id of a queue stands in id", q.Queue)
	case q.Removed:
		return bad("removed", "a queue is removed with DELETE")
	case len(q.Hours) > maxList || len(q.Holidays) > maxList:
		return bad("hours", "at most %d stretches and holidays are taken", maxList)
	}
	if err := checkGUID(q.GUID); err != nil {
		return err
	}
	if _, err := hours.New(&q.QueueConfigured); err != nil {
		return bad("hours", "%v", err)
	}
	if c := q.Caps; c != nil && (c.Size < 0 || c.FallbackSize < 0 || c.EstimatedWaitMS < 0) {
		return bad("caps", "a threshold cannot be negative; 0 is none")
	}
	for place, n := range map[string]int64{
		"service_level_ms": q.ServiceLevelMS, "short_abandon_ms": q.ShortAbandonMS, "max_wait_ms": q.MaxWaitMS,
		"ring_limit_ms": q.RingLimitMS, "wrapup_limit_ms": q.WrapupLimitMS, "max_length": int64(q.MaxLength),
	} {
		if n < 0 {
			return bad(place, "%d: it cannot be negative", n)
		}
	}
	return checkTexts(map[string]string{"name": q.Name, "group": q.Group, "zone": q.Zone, "call_list": q.CallList})
}

// Check says what is wrong with a user.
func (u *User) Check() error {
	if err := checkID(u.ID); err != nil {
		return err
	}
	if !slices.Contains([]string{RoleAgent, RoleSupervisor, RoleAdmin}, u.Role) {
		return bad("role", "%q: agent, supervisor or admin", u.Role)
	}
	if u.Role == RoleAgent && u.Agent == "" {
		return bad("agent", "a user with the role agent is one")
	}
	if len(u.Supervises) > maxList {
		return bad("supervises", "has %d members, at most %d are taken", len(u.Supervises), maxList)
	}
	for _, c := range u.Login {
		if c < ' ' || c == ':' { // HTTP Basic ends the name there
			return bad("login", "%q: without colons and control characters", u.Login)
		}
	}
	if err := checkGUID(u.GUID); err != nil {
		return err
	}
	return checkTexts(map[string]string{"login": u.Login, "name": u.Name, "agent": u.Agent})
}

// Check says what is wrong with a group.
func (g *Group) Check() error {
	if g.ID == "" || len(g.ID) > 64 {
		return bad("id", "has %d bytes, 1 to 64 are taken", len(g.ID))
	}
	return errors.Join(checkID(g.ID), checkGUID(g.GUID), checkTexts(map[string]string{"name": g.Name}))
}

// Check says what is wrong with a channel.
func (c *Channel) Check() error {
	if c.Media != "" && !slices.Contains(media, c.Media) {
		return bad("media", "%q: phone, chat, email, sms or video", c.Media)
	}
	return errors.Join(checkID(c.ID), checkGUID(c.GUID), checkTexts(map[string]string{"name": c.Name, "address": c.Address}))
}
