// Package directory knows who and what there is: tenants with their names, time zones and quotas, and in each of them
// agents, queues, users, groups and channels.
//
// Tenants come from the configuration (static: changed only there) and from a bucket of the control state, where the
// operator makes them at run time on any node. A [Directory] follows that bucket and answers from memory.
//
// What is in a tenant is the matter of a [Registry]. Agents and queues are what the facts of the log have made of them,
// whoever said those facts: a source, the API, or a directory file ([Declaration]). Users, groups and channels are control
// state. Feeds ask a Registry for GUIDs, for who signs in, and for what somebody may see.
//
// Invariants: a tenant's id never changes and is safe in subjects, paths and file names; what the configuration has
// wins over what a bucket has; a time zone that a tenant has can be loaded on every machine, because the zone data is
// part of the program; every change of an entity is a fact; everything has one GUID, the same on all nodes; a user's
// secret is kept by its hash alone.
package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a tenant's midnight must not depend on what the machine has installed

	"trunkline/control"
	"trunkline/event"
)

// Errors of a Directory, to be tested with errors.Is.
var (
	// ErrNoTenant: there is no tenant with that id.
	ErrNoTenant = errors.New("no such tenant")
	// ErrStatic: the tenant stands in the configuration and is changed there.
	ErrStatic = errors.New("the tenant stands in the configuration file and can be changed only there")
	// ErrAccount: another tenant has the account.
	ErrAccount = errors.New("another tenant has that account")
)

// Bucket is the name of the bucket that holds the tenants made at run time.
const Bucket = "tenants"

// Limits of a tenant's description.
const (
	maxID   = 64  // characters
	maxName = 200 // bytes
)

// Tenant is one customer of the hub: its events, tokens and consumers are its own.
type Tenant struct {
	// ID is 1 to 64 lower-case letters, digits, '-' and '_'.
	ID string `json:"id"`
	// Name is for people.
	Name string `json:"name,omitempty"`
	// TimeZone is an IANA name such as Europe/Berlin; days end at its midnight. Empty is UTC.
	TimeZone string `json:"time_zone,omitempty"`
	// Account is what the measures interface calls the tenant, six letters at the vendor; empty is the ID.
	Account string `json:"account,omitempty"`
	// GUID is what the hub interface calls the tenant's organisation; empty is a UUID version 5 of the ID.
	GUID string `json:"guid,omitempty"`
	// LogBytes is how much of the log the tenant may fill, in bytes; 0 is the configured quota of all tenants.
	LogBytes int64 `json:"log_bytes,omitempty"`
	// Static: from the configuration.
	Static bool `json:"static,omitempty"`
}

// CheckID says what is wrong with a tenant's id.
func CheckID(id string) error {
	if id == "" || len(id) > maxID {
		return fmt.Errorf("a tenant's id has 1 to %d characters, not %d", maxID, len(id))
	}
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("a tenant's id consists of lower-case letters, digits, '-' and '_', not %q", c)
		}
	}
	return nil
}

// Check says what is wrong with the tenant.
func (t Tenant) Check() error {
	if err := CheckID(t.ID); err != nil {
		return err
	}
	if len(t.Name) > maxName {
		return fmt.Errorf("a tenant's name has at most %d bytes, not %d", maxName, len(t.Name))
	}
	if t.LogBytes < 0 {
		return fmt.Errorf("a tenant's log_bytes cannot be negative")
	}
	if t.GUID != "" {
		if !event.IsGUID(t.GUID) || t.GUID != strings.ToLower(t.GUID) {
			return fmt.Errorf("a tenant's guid is a GUID in lower case, not %q", t.GUID)
		}
	}
	if t.Account != "" {
		if err := CheckAccount(t.Account); err != nil {
			return err
		}
	}
	if _, err := t.zone(); err != nil {
		return err
	}
	return nil
}

// Location is the tenant's time zone.
func (t Tenant) Location() *time.Location {
	loc, err := t.zone()
	if err != nil {
		return time.UTC // Check keeps such tenants out
	}
	return loc
}

func (t Tenant) zone() (*time.Location, error) {
	if t.TimeZone == "" {
		return time.UTC, nil
	}
	loc, err := time.LoadLocation(t.TimeZone)
	if err != nil || t.TimeZone == "Local" {
		return nil, fmt.Errorf("unknown time zone %q, want an IANA name such as Europe/Berlin", t.TimeZone)
	}
	return loc, nil
}

// Directory knows all tenants.
type Directory struct {
	static map[string]Tenant
	made   *control.Mirror[*Tenant]

	mu       sync.Mutex // guards watchers
	watchers map[*func(Change)]struct{}
}

// Change is the news of one tenant.
type Change struct {
	Tenant Tenant
	Gone   bool
}

// Open reads the tenants of the bucket and follows it until ctx ends.
func Open(ctx context.Context, kv control.KV, static []Tenant) (*Directory, error) {
	d := &Directory{static: make(map[string]Tenant, len(static)), watchers: map[*func(Change)]struct{}{}}
	for _, t := range static {
		if err := t.Check(); err != nil {
			return nil, fmt.Errorf("tenant %q of the configuration: %w", t.ID, err)
		}
		if _, twice := d.static[t.ID]; twice {
			return nil, fmt.Errorf("tenant %q of the configuration: the id is used twice", t.ID)
		}
		t.Static = true
		d.static[t.ID] = t
	}
	made, err := control.OpenMirror(ctx, kv, control.Codec[*Tenant]{
		Encode:  func(t *Tenant) ([]byte, error) { return json.Marshal(t) },
		Decode:  decode,
		Changed: d.changed,
		Broken:  func(key string, err error) { slog.Error("directory", "tenant", key, "error", err) },
	})
	if err != nil {
		return nil, fmt.Errorf("open the directory: %w", err)
	}
	d.made = made
	return d, nil
}

func decode(raw []byte) (*Tenant, error) {
	var t Tenant
	if err := json.Unmarshal(raw, &t); err != nil {
		return nil, fmt.Errorf("read tenant: %w", err)
	}
	t.Static = false
	if err := t.Check(); err != nil {
		return nil, fmt.Errorf("read tenant: %w", err)
	}
	return &t, nil
}

// Tenant gives the tenant with that id.
func (d *Directory) Tenant(id string) (Tenant, bool) {
	if t, ok := d.static[id]; ok {
		return t, true
	}
	if t, ok := d.made.Get(id); ok {
		return *t, true
	}
	return Tenant{}, false
}

// Known says whether there is a tenant with that id.
func (d *Directory) Known(id string) bool {
	_, ok := d.Tenant(id)
	return ok
}

// Tenants gives all tenants, ordered by id.
func (d *Directory) Tenants() []Tenant {
	all := maps.Clone(d.static)
	for id, t := range d.made.All() {
		if _, ok := all[id]; !ok {
			all[id] = *t
		}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b Tenant) int { return cmp.Compare(a.ID, b.ID) })
}

// Put makes or changes a tenant and says whether it is new.
func (d *Directory) Put(ctx context.Context, t Tenant) (created bool, err error) {
	if err := t.Check(); err != nil {
		return false, err
	}
	if _, ok := d.static[t.ID]; ok {
		return false, ErrStatic
	}
	for _, other := range d.Tenants() {
		if other.ID != t.ID && other.AccountName() == t.AccountName() {
			return false, ErrAccount
		}
	}
	t.Static = false
	if err = d.made.Create(ctx, t.ID, &t); err == nil {
		return true, nil
	}
	if errors.Is(err, control.ErrExists) {
		err = d.made.Put(ctx, t.ID, &t)
	}
	if err != nil {
		return false, fmt.Errorf("store tenant: %w", err)
	}
	return false, nil
}

// Delete removes a tenant. Its events stay in the log until their time is over.
func (d *Directory) Delete(ctx context.Context, id string) error {
	if _, ok := d.static[id]; ok {
		return ErrStatic
	}
	if CheckID(id) != nil {
		return ErrNoTenant
	}
	err := d.made.Delete(ctx, id)
	if errors.Is(err, control.ErrNotFound) {
		return ErrNoTenant
	}
	if err != nil {
		return fmt.Errorf("delete tenant: %w", err)
	}
	return nil
}

// Watch has fn told of each tenant that is made, changed or deleted at run time, until stop. fn must be quick and must
// not call the Directory; the tenants that are there already are not told.
func (d *Directory) Watch(fn func(Change)) (stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := &fn
	d.watchers[id] = struct{}{}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.watchers, id)
	}
}

func (d *Directory) changed(id string, _, now *Tenant) {
	if _, ok := d.static[id]; ok {
		return // what the bucket says of it has no effect
	}
	c := Change{Tenant: Tenant{ID: id}, Gone: now == nil}
	if now != nil {
		c.Tenant = *now
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for fn := range d.watchers {
		(*fn)(c)
	}
}
