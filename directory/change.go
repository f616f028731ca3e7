package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"trunkline/auth"
	"trunkline/control"
	"trunkline/event"
)

// Tag is the entity tag of an entity: a hash of what it says.
func Tag(entity any) string {
	raw, err := json.Marshal(entity)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// Condition says what must hold of an entity for a change to be made; nil: nothing.
// there says whether there is one, and tag is its tag.
type Condition func(there bool, tag string) bool

func (c Condition) holds(there bool, entity any) error {
	if c != nil && !c(there, Tag(entity)) {
		return ErrChanged
	}
	return nil
}

// PutAgent makes an agent what it is given as, by facts.
func (g *Registry) PutAgent(ctx context.Context, tenant string, a Agent, when Condition) (created bool, err error) {
	a.Static = false
	if err := a.Check(); err != nil {
		return false, err
	}
	if g.declares(event.EntityAgent, tenant, a.ID) {
		return false, ErrDeclared
	}
	return g.putAgent(ctx, tenant, a, when)
}

func (g *Registry) putAgent(ctx context.Context, tenant string, a Agent, when Condition) (created bool, err error) {
	g.writing.Lock()
	defer g.writing.Unlock()
	before, known, at, err := g.lookAgent(tenant, a.ID)
	if err == nil {
		err = when.holds(known, before)
	}
	if err != nil {
		return false, err
	}
	if facts := agentFacts(tenant, before, known, a); len(facts) > 0 {
		err = g.say(ctx, tenant, at, facts)
	}
	return !known, err
}

// DeleteAgent takes an agent away: at once, or with the end of the last contact.
func (g *Registry) DeleteAgent(ctx context.Context, tenant, id string, when Condition) error {
	if g.declares(event.EntityAgent, tenant, id) {
		return ErrDeclared
	}
	g.writing.Lock()
	defer g.writing.Unlock()
	before, known, at, err := g.lookAgent(tenant, id)
	switch {
	case err != nil:
		return err
	case !known:
		return ErrNoEntity
	}
	if err := when.holds(known, before); err != nil {
		return err
	}
	gone := event.AgentProvisioned{AgentRef: event.AgentRef{Agent: id}, Change: event.ProvisionDeleted}
	return g.say(ctx, tenant, at, []event.Fact{gone})
}

// PutQueue makes a queue what it is given as, by a fact.
func (g *Registry) PutQueue(ctx context.Context, tenant string, q Queue, when Condition) (created bool, err error) {
	q.Static = false
	if err := q.Check(); err != nil {
		return false, err
	}
	if g.declares(event.EntityQueue, tenant, q.ID) {
		return false, ErrDeclared
	}
	return g.putQueue(ctx, tenant, q, when)
}

func (g *Registry) putQueue(ctx context.Context, tenant string, q Queue, when Condition) (created bool, err error) {
	g.writing.Lock()
	defer g.writing.Unlock()
	before, known, at, err := g.lookQueue(tenant, q.ID)
	if err == nil {
		err = when.holds(known, before)
	}
	if err != nil {
		return false, err
	}
	if facts := queueFacts(tenant, before, known, q); len(facts) > 0 {
		err = g.say(ctx, tenant, at, facts)
	}
	return !known, err
}

// DeleteQueue takes a queue away. Who waits in it goes on waiting.
func (g *Registry) DeleteQueue(ctx context.Context, tenant, id string, when Condition) error {
	if g.declares(event.EntityQueue, tenant, id) {
		return ErrDeclared
	}
	g.writing.Lock()
	defer g.writing.Unlock()
	before, there, at, err := g.lookQueue(tenant, id)
	switch {
	case err != nil:
		return err
	case !there:
		return ErrNoEntity
	}
	if err := when.holds(there, before); err != nil {
		return err
	}
	return g.say(ctx, tenant, at, []event.Fact{event.QueueConfigured{Queue: id, Removed: true}})
}

// PutUser makes or changes a user. A new user's secret is made and given, this once.
func (g *Registry) PutUser(ctx context.Context, tenant string, u User, by string, when Condition) (secret string, created bool, err error) {
	u.Static = false
	u.complete(tenant)
	if err := u.Check(); err != nil {
		return "", false, err
	}
	r := &record{Tenant: tenant, User: &u}
	created, err = g.put(ctx, r, by, when, func(before *record) error {
		if before != nil {
			r.Hash, secret = before.Hash, ""
		} else {
			secret = rand.Text()
			hash := auth.HashOf(secret)
			r.Hash = &hash
		}
		return g.free(tenant, u)
	})
	return secret, created, err
}

// free says whether a user's names are nobody else's.
func (g *Registry) free(tenant string, u User) error {
	key := recordKey(event.EntityUser, tenant, u.ID)
	for _, other := range g.candidates(u.Login) {
		if other.User.Login == u.Login && recordKey(event.EntityUser, other.Tenant, other.User.ID) != key {
			return ErrTaken
		}
	}
	return nil
}

// RotateSecret gives a user another secret, which is given this once.
func (g *Registry) RotateSecret(ctx context.Context, tenant, id, by string) (secret string, err error) {
	before := g.record(event.EntityUser, tenant, id)
	if before == nil {
		return "", ErrNoEntity
	}
	secret = rand.Text()
	hash := auth.HashOf(secret)
	u := *before.User
	r := &record{Tenant: tenant, User: &u, Hash: &hash}
	_, err = g.put(ctx, r, by, nil, func(before *record) error {
		if before == nil {
			return ErrNoEntity // on another node
		}
		u = *before.User
		return nil
	})
	return secret, err
}

// PutGroup makes or changes a group.
func (g *Registry) PutGroup(ctx context.Context, tenant string, x Group, by string, when Condition) (created bool, err error) {
	x.Static = false
	x.complete(tenant)
	if err := x.Check(); err != nil {
		return false, err
	}
	return g.put(ctx, &record{Tenant: tenant, Group: &x}, by, when, nil)
}

// PutChannel makes or changes a channel.
func (g *Registry) PutChannel(ctx context.Context, tenant string, x Channel, by string, when Condition) (created bool, err error) {
	x.Static = false
	x.complete(tenant)
	if err := x.Check(); err != nil {
		return false, err
	}
	return g.put(ctx, &record{Tenant: tenant, Channel: &x}, by, when, nil)
}

// errSame: a change that changes nothing.
var errSame = errors.New("it is so already")

// put stores a user, group or channel and tells of it. It is compared with what the bucket holds, and stored only over
// that: another node may be quicker. more completes r by what it takes the place of, more than once then.
func (g *Registry) put(ctx context.Context, r *record, by string, when Condition, more func(before *record) error) (created bool, err error) {
	if g.declares(r.kind(), r.Tenant, r.id()) {
		return false, ErrDeclared
	}
	g.writing.Lock()
	defer g.writing.Unlock()
	allowed := func(before *record) error {
		err := when.holds(before != nil, before.shown())
		if err == nil && more != nil {
			err = more(before)
		}
		return err
	}
	key := recordKey(r.kind(), r.Tenant, r.id())
	_, there := g.made.Get(key)
	for {
		if there {
			_, err = g.made.Change(ctx, key, func(before *record) (*record, error) {
				err := allowed(before)
				if err == nil && equalJSON(before, r) {
					err = errSame
				}
				return r, err
			})
			if errors.Is(err, control.ErrNotFound) { // another node has deleted it
				there = false
				continue
			}
		} else if err = allowed(nil); err == nil {
			if err = g.made.Create(ctx, key, r); errors.Is(err, control.ErrExists) { // another node was first
				there = true
				continue
			}
		}
		break
	}
	switch {
	case errors.Is(err, errSame):
		return false, nil
	case errors.Is(err, ErrChanged), errors.Is(err, ErrTaken), errors.Is(err, ErrNoEntity):
		return false, err
	case err != nil:
		return false, fmt.Errorf("store %s %s: %w", r.kind(), r.id(), err)
	case there:
		return false, g.tell(ctx, r, event.EntityUpdated, by)
	}
	return true, g.tell(ctx, r, event.EntityCreated, by)
}

// Delete takes a user, group or channel away.
func (g *Registry) Delete(ctx context.Context, tenant string, kind event.EntityKind, id, by string, when Condition) error {
	if g.declares(kind, tenant, id) {
		return ErrDeclared
	}
	g.writing.Lock()
	defer g.writing.Unlock()
	var before *record
	_, err := g.made.Change(ctx, recordKey(kind, tenant, id), func(now *record) (*record, error) {
		before = now
		if err := when.holds(true, now.shown()); err != nil {
			return nil, err
		}
		return now, errSame // it was read as the bucket has it, and is not written
	})
	switch {
	case errors.Is(err, control.ErrNotFound):
		return ErrNoEntity
	case errors.Is(err, errSame):
		err = g.made.Delete(ctx, recordKey(kind, tenant, id))
	case errors.Is(err, ErrChanged):
		return err
	}
	if err != nil && !errors.Is(err, control.ErrNotFound) {
		return fmt.Errorf("delete %s %s: %w", kind, id, err)
	}
	return g.tell(ctx, before, event.EntityDeleted, by)
}

// shown is what a record shows of itself.
func (r *record) shown() any {
	switch {
	case r == nil:
		return nil
	case r.User != nil:
		return *r.User
	case r.Group != nil:
		return *r.Group
	}
	return *r.Channel
}

// tell says what became of a user, group or channel.
func (g *Registry) tell(ctx context.Context, r *record, change event.EntityChange, by string) error {
	f := event.DirectoryChanged{Entity: string(r.kind()) + "/" + r.id(), Change: change, GUID: r.guid(), By: by}
	switch {
	case r.User != nil:
		f.Name, f.Role, f.Agent = r.User.Name, r.User.Role, r.User.Agent
	case r.Group != nil:
		f.Name = r.Group.Name
	case r.Channel != nil:
		f.Name = r.Channel.Name
	}
	// Two changes of one user are two facts, even back and forth.
	events, err := encode(r.Tenant, rand.Text(), []event.Fact{f})
	if err == nil {
		_, err = g.log.Append(ctx, r.Tenant, events)
	}
	if err != nil {
		return fmt.Errorf("tell that the %s %s was %s: %w", r.kind(), r.id(), change, err)
	}
	return nil
}

// Declare brings about what the directory files say. What is as they say stays as it is,
// so that a restart says nothing.
func (g *Registry) Declare(ctx context.Context) error {
	for tenant, d := range g.declared {
		for _, q := range d.Queues {
			if _, err := g.putQueue(ctx, tenant, q, nil); err != nil {
				return fmt.Errorf("declare the queue %q of tenant %q: %w", q.ID, tenant, err)
			}
		}
		for _, a := range d.Agents {
			if _, err := g.putAgent(ctx, tenant, a, nil); err != nil {
				return fmt.Errorf("declare the agent %q of tenant %q: %w", a.ID, tenant, err)
			}
		}
	}
	return nil
}

// Users gives a tenant's users by id.
func (g *Registry) Users(tenant string) []User {
	return shownAs[User](g.records(event.EntityUser, tenant))
}

// Groups gives a tenant's groups by id.
func (g *Registry) Groups(tenant string) []Group {
	return shownAs[Group](g.records(event.EntityGroup, tenant))
}

// Channels gives a tenant's channels by id.
func (g *Registry) Channels(tenant string) []Channel {
	return shownAs[Channel](g.records(event.EntityChannel, tenant))
}

func shownAs[T any](records []*record) []T {
	slices.SortFunc(records, func(a, b *record) int {
		if a.id() < b.id() {
			return -1
		}
		return 1
	})
	out := make([]T, 0, len(records))
	for _, r := range records {
		out = append(out, r.shown().(T))
	}
	return out
}
