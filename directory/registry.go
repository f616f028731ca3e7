package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline/auth"
	"trunkline/control"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/floor"
	"trunkline/floor/follow"
)

// Errors of a Registry.
var (
	// ErrNoEntity: there is no such agent, queue, user, group or channel.
	ErrNoEntity = errors.New("no such entity")
	// ErrDeclared: the entity stands in the directory file of the configuration.
	ErrDeclared = errors.New("the entity stands in a directory file of the configuration and can be changed only there")
	// ErrChanged: the entity is not any more what the caller takes it for.
	ErrChanged = errors.New("the entity was changed meanwhile")
	// ErrTaken: another user has the login.
	ErrTaken = errors.New("the login is another user's")
)

// EntitiesBucket is the name of the bucket that holds users, groups and channels, under
// <kind>/<tenant>/<id>.
const EntitiesBucket = "entities"

// State is what a Registry needs of the floor.
type State interface {
	View(tenant string, fn func(follow.View)) error
	Watch(tenant string, fn func(changed []floor.Change, all bool)) (stop func())
}

// Appender is what a Registry needs of the log.
type Appender interface {
	Append(ctx context.Context, tenant string, events []event.Event) (eventlog.Result, error)
}

// Registry knows who and what there is in each tenant. Agents and queues are what the
// log's facts have made of them: the Registry changes them by saying further facts, and
// answers from the floor. Users, groups and channels are control state; what becomes of
// them is told in facts as well. Everything has a GUID.
//
// What a directory file of the configuration declares ([Declaration]) is brought about
// at the start and can be changed there alone.
type Registry struct {
	state    State
	log      Appender
	declared map[string]*Declaration // by tenant
	made     *control.Mirror[*record]

	writing sync.Mutex // one change at a time, so that it is compared with what it changes

	mu      sync.Mutex // guards what is below
	names   map[string]map[string]bool
	indexes map[string]*guidIndex // by tenant
	over    bool
}

// record is a user, group or channel as the bucket holds it.
type record struct {
	Tenant  string     `json:"tenant"`
	User    *User      `json:"user,omitempty"`
	Hash    *auth.Hash `json:"hash,omitempty"` // of a user's secret
	Group   *Group     `json:"group,omitempty"`
	Channel *Channel   `json:"channel,omitempty"`
}

func (r *record) kind() event.EntityKind {
	switch {
	case r.User != nil:
		return event.EntityUser
	case r.Group != nil:
		return event.EntityGroup
	}
	return event.EntityChannel
}

func (r *record) id() string {
	switch {
	case r.User != nil:
		return r.User.ID
	case r.Group != nil:
		return r.Group.ID
	}
	return r.Channel.ID
}

func (r *record) guid() string {
	switch {
	case r.User != nil:
		return r.User.GUID
	case r.Group != nil:
		return r.Group.GUID
	}
	return r.Channel.GUID
}

func recordKey(kind event.EntityKind, tenant, id string) string {
	return string(kind) + "/" + tenant + "/" + id
}

// OpenRegistry reads the bucket and follows it until ctx ends. Declare brings the
// declarations about.
func OpenRegistry(ctx context.Context, kv control.KV, state State, log Appender, declared []*Declaration) (*Registry, error) {
	g := &Registry{state: state, log: log, declared: map[string]*Declaration{}, names: map[string]map[string]bool{}, indexes: map[string]*guidIndex{}}
	for _, d := range declared {
		g.declared[d.Tenant] = d
	}
	made, err := control.OpenMirror(ctx, kv, control.Codec[*record]{
		Encode: func(r *record) ([]byte, error) { return json.Marshal(r) },
		Decode: decodeRecord,
		Changed: func(key string, old, now *record) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.named(key, old, false)
			g.named(key, now, true)
		},
		Broken: func(key string, err error) { slog.Error("directory", "entity", key, "error", err) },
	})
	if err != nil {
		return nil, fmt.Errorf("open the directory of people: %w", err)
	}
	g.made = made
	return g, nil
}

func decodeRecord(raw []byte) (*record, error) {
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("read entity: %w", err)
	}
	if r.User == nil && r.Group == nil && r.Channel == nil {
		return nil, errors.New("read entity: it is none of a known kind")
	}
	return &r, nil
}

// Close ends what follows the floor.
func (g *Registry) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	for _, x := range g.indexes {
		x.stop()
	}
}

// list is one page of entities.
func page[T any](all []T, id func(T) string, after string, most int) (items []T, next string) {
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	i, found := slices.BinarySearchFunc(all, after, func(x T, after string) int { return cmp.Compare(id(x), after) })
	if found {
		i++
	}
	if items = all[i:]; len(items) > most {
		items = items[:most]
		next = id(items[most-1])
	}
	return items, next
}

// Agents gives a page of a tenant's agents behind an id, by id; next is empty at the end.
func (g *Registry) Agents(tenant, after string, most int) (items []Agent, next string, err error) {
	var all []*floor.Agent
	err = g.state.View(tenant, func(v follow.View) {
		if v.Tenant == nil {
			return
		}
		for _, a := range v.Tenant.Agents() {
			if a.Known && !a.Deleted {
				all = append(all, a)
			}
		}
		all, next = page(all, func(a *floor.Agent) string { return a.ID }, after, most)
		for _, a := range all {
			items = append(items, g.agent(tenant, a))
		}
	})
	return items, next, err
}

func (g *Registry) agent(tenant string, a *floor.Agent) Agent {
	out := agentOf(a)
	out.Static = g.declares(event.EntityAgent, tenant, a.ID)
	return out
}

// Agent gives an agent; ErrNoEntity.
func (g *Registry) Agent(tenant, id string) (out Agent, err error) {
	out, known, _, err := g.lookAgent(tenant, id)
	if err == nil && !known {
		err = ErrNoEntity
	}
	return out, err
}

func (g *Registry) lookAgent(tenant, id string) (out Agent, known bool, at eventlog.Cursor, err error) {
	err = g.state.View(tenant, func(v follow.View) {
		if at = v.At; v.Tenant == nil {
			return
		}
		if a := v.Tenant.Agent(id); a != nil && !a.Deleted {
			// One that was merely heard of is not known, but has a GUID and queues already.
			out, known = g.agent(tenant, a), a.Known
		}
	})
	return out, known, at, err
}

// Queues is as Agents is.
func (g *Registry) Queues(tenant, after string, most int) (items []Queue, next string, err error) {
	var all []*floor.Queue
	err = g.state.View(tenant, func(v follow.View) {
		if v.Tenant == nil {
			return
		}
		for _, q := range v.Tenant.Queues() {
			if !q.Removed {
				all = append(all, q)
			}
		}
		all, next = page(all, func(q *floor.Queue) string { return q.ID }, after, most)
		for _, q := range all {
			items = append(items, g.queue(tenant, q))
		}
	})
	return items, next, err
}

func (g *Registry) queue(tenant string, q *floor.Queue) Queue {
	out := queueOf(q)
	out.Static = g.declares(event.EntityQueue, tenant, q.ID)
	return out
}

// Queue gives a queue; ErrNoEntity.
func (g *Registry) Queue(tenant, id string) (out Queue, err error) {
	out, there, _, err := g.lookQueue(tenant, id)
	if err == nil && !there {
		err = ErrNoEntity
	}
	return out, err
}

func (g *Registry) lookQueue(tenant, id string) (out Queue, there bool, at eventlog.Cursor, err error) {
	err = g.state.View(tenant, func(v follow.View) {
		if at = v.At; v.Tenant == nil {
			return
		}
		if q := v.Tenant.Queue(id); q != nil && !q.Removed {
			out, there = g.queue(tenant, q), true
		}
	})
	return out, there, at, err
}

// records gives a tenant's records of a kind, the declared ones first.
func (g *Registry) records(kind event.EntityKind, tenant string) []*record {
	var out []*record
	if d := g.declared[tenant]; d != nil {
		for _, r := range d.records() {
			if r.kind() == kind {
				out = append(out, r)
			}
		}
	}
	prefix := recordKey(kind, tenant, "")
	for key, r := range g.made.All() {
		if strings.HasPrefix(key, prefix) && !g.declares(kind, tenant, r.id()) {
			out = append(out, r)
		}
	}
	return out
}

// record gives one record, nil when there is none.
func (g *Registry) record(kind event.EntityKind, tenant, id string) *record {
	if d := g.declared[tenant]; d != nil {
		if r := d.record(kind, id); r != nil {
			return r
		}
	}
	r, _ := g.made.Get(recordKey(kind, tenant, id))
	return r
}

func (g *Registry) declares(kind event.EntityKind, tenant, id string) bool {
	d := g.declared[tenant]
	return d != nil && d.has(kind, id)
}

// settleTime is how long a change may take to be seen in the floor.
const settleTime = 5 * time.Second

// say appends facts and waits until the floor of this process knows them.
func (g *Registry) say(ctx context.Context, tenant string, at eventlog.Cursor, facts []event.Fact) error {
	events, err := encode(tenant, at.String(), facts)
	if err != nil {
		return err
	}
	done, err := g.log.Append(ctx, tenant, events)
	if err != nil {
		return fmt.Errorf("say what changed: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	moved := make(chan struct{}, 1)
	defer g.state.Watch(tenant, func([]floor.Change, bool) {
		select {
		case moved <- struct{}{}:
		default:
		}
	})()
	for {
		seen := false
		_ = g.state.View(tenant, func(v follow.View) { seen = v.At.Epoch != done.Cursor.Epoch || v.At.Seq >= done.Cursor.Seq })
		if seen {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil // it is on disk: the floor will know
		}
	}
}
