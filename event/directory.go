package event

// EntityKind is a kind of entity of the directory.
type EntityKind string

// The kinds.
const (
	EntityAgent   EntityKind = "agent"
	EntityQueue   EntityKind = "queue"
	EntityUser    EntityKind = "user"
	EntityGroup   EntityKind = "group"
	EntityChannel EntityKind = "channel"
)

// EntityChange is what became of an entity.
type EntityChange string

// The changes.
const (
	EntityCreated EntityChange = "created"
	EntityUpdated EntityChange = "updated"
	EntityDeleted EntityChange = "deleted"
)

func (EntityChange) words() []string { return words(EntityCreated, EntityUpdated, EntityDeleted) }

// DirectoryChanged says that a user, a group or a channel of the directory was
// changed. Agents and queues have facts of their own, agent.provisioned and
// queue.configured.
type DirectoryChanged struct {
	// Entity is what was changed, for instance "user/anna".
	Entity string `json:"entity"`
	// Change is what became of it.
	Change EntityChange `json:"change"`
	// GUID is its UUID.
	GUID string `json:"guid,omitempty"`
	// Name is its name.
	Name string `json:"name,omitempty"`
	// Role is a user's role.
	Role string `json:"role,omitempty"`
	// Agent is the agent that a user is.
	Agent string `json:"agent,omitempty"`
	// By is the id of the token it was changed with; absent for the configuration.
	By string `json:"by,omitempty"`
}

// EventType returns "directory.changed".
func (DirectoryChanged) EventType() string { return "directory.changed" }

// EventSubject returns the entity that was changed.
func (f DirectoryChanged) EventSubject() string { return f.Entity }
