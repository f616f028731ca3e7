package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"trunkline/auth"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/floor/follow"
	"trunkline/jsonhttp"
	"trunkline/problem"
)

// Pages of lists.
const (
	defaultPage = 100
	maxPage     = 1000
)

// EntityAPI is the HTTP interface to a Registry.
type EntityAPI struct{ reg *Registry }

// NewEntityAPI gives the interface.
func NewEntityAPI(reg *Registry) *EntityAPI { return &EntityAPI{reg} }

// collection is one kind of entity over HTTP.
type collection struct {
	name string // in paths and answers
	kind event.EntityKind
	list func(tenant, after string, most int) (items any, next string, err error)
	get  func(tenant, id string) (any, error)
	// put reads a body and stores it; extra is shown beside the entity.
	put    func(c *change) (created bool, extra map[string]any, err error)
	delete func(ctx context.Context, tenant, id, by string, when Condition) error
}

// change is a request to store an entity.
type change struct {
	ctx        context.Context
	tenant, id string
	by         string
	when       Condition
	read       func(into any) error
}

// Routes lists the endpoints.
func (a *EntityAPI) Routes() []auth.Route {
	var routes []auth.Route
	for _, c := range a.collections() {
		path := "/v1/directory/" + c.name
		routes = append(routes,
			auth.Route{Pattern: "GET " + path, Scope: auth.Read, Operator: true, Handler: a.listOf(c)},
			auth.Route{Pattern: "GET " + path + "/{id}", Scope: auth.Read, Operator: true, Handler: a.oneOf(c)},
			auth.Route{Pattern: "PUT " + path + "/{id}", Scope: auth.Admin, Handler: a.putOf(c)},
			auth.Route{Pattern: "DELETE " + path + "/{id}", Scope: auth.Admin, Handler: a.deleteOf(c)})
	}
	return append(routes, auth.Route{Pattern: "POST /v1/directory/users/{id}/secret", Scope: auth.Admin, Handler: http.HandlerFunc(a.rotate)})
}

func (a *EntityAPI) collections() []collection {
	g := a.reg
	stored := func(kind event.EntityKind) func(ctx context.Context, tenant, id, by string, when Condition) error {
		return func(ctx context.Context, tenant, id, by string, when Condition) error {
			return g.Delete(ctx, tenant, kind, id, by, when)
		}
	}
	record := func(kind event.EntityKind) func(tenant, id string) (any, error) {
		return func(tenant, id string) (any, error) {
			if r := g.record(kind, tenant, id); r != nil {
				return r.shown(), nil
			}
			return nil, ErrNoEntity
		}
	}
	return []collection{
		{
			name: "agents", kind: event.EntityAgent,
			list: func(tenant, after string, most int) (any, string, error) {
				items, next, err := g.Agents(tenant, after, most)
				return some(items), next, err
			},
			get: func(tenant, id string) (any, error) { return g.Agent(tenant, id) },
			put: func(c *change) (bool, map[string]any, error) {
				x := Agent{}
				err := c.readInto(&x, &x.ID)
				if err != nil {
					return false, nil, err
				}
				created, err := g.PutAgent(c.ctx, c.tenant, x, c.when)
				return created, nil, err
			},
			delete: func(ctx context.Context, tenant, id, _ string, when Condition) error {
				return g.DeleteAgent(ctx, tenant, id, when)
			},
		},
		{
			name: "queues", kind: event.EntityQueue,
			list: func(tenant, after string, most int) (any, string, error) {
				items, next, err := g.Queues(tenant, after, most)
				return some(items), next, err
			},
			get: func(tenant, id string) (any, error) { return g.Queue(tenant, id) },
			put: func(c *change) (bool, map[string]any, error) {
				x := Queue{}
				err := c.readInto(&x, &x.ID)
				if err != nil {
					return false, nil, err
				}
				created, err := g.PutQueue(c.ctx, c.tenant, x, c.when)
				return created, nil, err
			},
			delete: func(ctx context.Context, tenant, id, _ string, when Condition) error {
				return g.DeleteQueue(ctx, tenant, id, when)
			},
		},
		{
			name: "users", kind: event.EntityUser,
			list: func(tenant, after string, most int) (any, string, error) {
				items, next := page(g.Users(tenant), func(u User) string { return u.ID }, after, most)
				return some(items), next, nil
			},
			get: record(event.EntityUser),
			put: func(c *change) (bool, map[string]any, error) {
				x := User{}
				err := c.readInto(&x, &x.ID)
				if err != nil {
					return false, nil, err
				}
				secret, created, err := g.PutUser(c.ctx, c.tenant, x, c.by, c.when)
				if secret == "" {
					return created, nil, err
				}
				return created, map[string]any{"secret": secret}, err
			},
			delete: stored(event.EntityUser),
		},
		{
			name: "groups", kind: event.EntityGroup,
			list: func(tenant, after string, most int) (any, string, error) {
				items, next := page(g.Groups(tenant), func(x Group) string { return x.ID }, after, most)
				return some(items), next, nil
			},
			get: record(event.EntityGroup),
			put: func(c *change) (bool, map[string]any, error) {
				x := Group{}
				err := c.readInto(&x, &x.ID)
				if err != nil {
					return false, nil, err
				}
				created, err := g.PutGroup(c.ctx, c.tenant, x, c.by, c.when)
				return created, nil, err
			},
			delete: stored(event.EntityGroup),
		},
		{
			name: "channels", kind: event.EntityChannel,
			list: func(tenant, after string, most int) (any, string, error) {
				items, next := page(g.Channels(tenant), func(x Channel) string { return x.ID }, after, most)
				return some(items), next, nil
			},
			get: record(event.EntityChannel),
			put: func(c *change) (bool, map[string]any, error) {
				x := Channel{}
				err := c.readInto(&x, &x.ID)
				if err != nil {
					return false, nil, err
				}
				created, err := g.PutChannel(c.ctx, c.tenant, x, c.by, c.when)
				return created, nil, err
			},
			delete: stored(event.EntityChannel),
		},
	}
}

// some makes an empty list of no list.
func some[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// readInto reads the body. The id stands in the path; the body may repeat it.
func (c *change) readInto(into any, id *string) error {
	if err := c.read(into); err != nil {
		return fmt.Errorf("%w: %w", ErrEntity, err)
	}
	if *id != "" && *id != c.id {
		return bad("id", "the body names %q, the path %q", *id, c.id)
	}
	*id = c.id
	return nil
}

// tenant is whose directory a request is about: the token's tenant, or the one that the
// operator names.
func (a *EntityAPI) tenant(w http.ResponseWriter, r *http.Request, known ...string) (string, bool) {
	for name, values := range r.URL.Query() {
		ok := name == "tenant"
		for _, k := range known {
			ok = ok || name == k
		}
		if !ok || len(values) != 1 {
			invalid(w, fmt.Sprintf("the parameter %q is not known here, or is given more than once", name))
			return "", false
		}
	}
	p, named := auth.From(r.Context()), r.URL.Query().Get("tenant")
	switch {
	case p.Operator() && named == "":
		invalid(w, "the operator names the tenant with the parameter tenant")
		return "", false
	case p.Operator():
		return named, true
	case named != "" && named != p.Tenant:
		problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "other-tenant", Title: "The token is another tenant's"})
		return "", false
	}
	return p.Tenant, true
}

func invalid(w http.ResponseWriter, text string) {
	problem.Write(w, problem.Detail{Status: http.StatusBadRequest, Type: "query", Title: "The query cannot be served", Detail: text + "."})
}

func (a *EntityAPI) listOf(c collection) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tenant, ok := a.tenant(w, r, "after", "limit")
		if !ok {
			return
		}
		most := defaultPage
		if text := r.URL.Query().Get("limit"); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > maxPage {
				invalid(w, fmt.Sprintf("limit is %q, it must be a number from 1 to %d", text, maxPage))
				return
			}
			most = n
		}
		items, next, err := c.list(tenant, r.URL.Query().Get("after"), most)
		if err != nil {
			entityFailed(w, c, "", err)
			return
		}
		answer := map[string]any{c.name: items}
		if next != "" {
			answer["next"] = next
		}
		jsonhttp.Write(w, http.StatusOK, answer)
	}
}

func (a *EntityAPI) oneOf(c collection) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tenant, ok := a.tenant(w, r)
		if !ok {
			return
		}
		x, err := c.get(tenant, r.PathValue("id"))
		if err != nil {
			entityFailed(w, c, r.PathValue("id"), err)
			return
		}
		tag := Tag(x)
		w.Header().Set("ETag", tag)
		if h := r.Header.Get("If-None-Match"); h != "" && tagListed(h, tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		jsonhttp.Write(w, http.StatusOK, x)
	}
}

func (a *EntityAPI) putOf(c collection) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tenant, ok := a.tenant(w, r)
		if !ok {
			return
		}
		id, by := r.PathValue("id"), auth.From(r.Context()).TokenID
		created, extra, err := c.put(&change{ctx: r.Context(), tenant: tenant, id: id, by: by, when: conditionOf(r),
			read: func(into any) error { return jsonhttp.Read(w, r, into) }})
		if err != nil {
			entityFailed(w, c, id, err)
			return
		}
		x, err := c.get(tenant, id)
		if err != nil {
			entityFailed(w, c, id, err)
			return
		}
		slog.Info("directory entry stored", "tenant", tenant, "kind", c.kind, "id", id, "created", created, "by", by)
		w.Header().Set("ETag", Tag(x))
		status := http.StatusOK
		if created {
			status = http.StatusCreated
		}
		if extra == nil {
			jsonhttp.Write(w, status, x)
			return
		}
		extra[string(c.kind)] = x
		jsonhttp.Write(w, status, extra)
	}
}

func (a *EntityAPI) deleteOf(c collection) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tenant, ok := a.tenant(w, r)
		if !ok {
			return
		}
		id, by := r.PathValue("id"), auth.From(r.Context()).TokenID
		if err := c.delete(r.Context(), tenant, id, by, conditionOf(r)); err != nil {
			entityFailed(w, c, id, err)
			return
		}
		slog.Info("directory entry deleted", "tenant", tenant, "kind", c.kind, "id", id, "by", by)
		w.WriteHeader(http.StatusNoContent)
	}
}

// rotate gives a user another secret.
func (a *EntityAPI) rotate(w http.ResponseWriter, r *http.Request) {
	tenant, ok := a.tenant(w, r)
	if !ok {
		return
	}
	id, by := r.PathValue("id"), auth.From(r.Context()).TokenID
	secret, err := a.reg.RotateSecret(r.Context(), tenant, id, by)
	if err != nil {
		entityFailed(w, collection{kind: event.EntityUser}, id, err)
		return
	}
	slog.Info("user's secret rotated", "tenant", tenant, "id", id, "by", by)
	jsonhttp.Write(w, http.StatusOK, map[string]string{"secret": secret})
}

// conditionOf reads If-Match and If-None-Match.
func conditionOf(r *http.Request) Condition {
	match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	if match == "" && none == "" {
		return nil
	}
	return func(there bool, tag string) bool {
		if match != "" && (!there || !tagListed(match, tag)) {
			return false
		}
		return none == "" || !there || !tagListed(none, tag)
	}
}

// tagListed says whether a header of tags has one, or all of them by a star.
func tagListed(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if part = strings.TrimPrefix(strings.TrimSpace(part), "W/"); part == "*" || part == tag {
			return true
		}
	}
	return false
}

func entityFailed(w http.ResponseWriter, c collection, id string, err error) {
	var invalid *event.InvalidError
	var down *eventlog.UnavailableError
	d := problem.Detail{Detail: err.Error()}
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		d.Status, d.Type, d.Title = http.StatusRequestEntityTooLarge, "too-large", "Over the limits"
	case errors.Is(err, ErrNoEntity):
		d.Status, d.Type, d.Title = http.StatusNotFound, "no-"+string(c.kind), "There is no such "+string(c.kind)
		d.Detail = fmt.Sprintf("Nothing is known of the %s %q.", c.kind, id)
	case errors.Is(err, ErrDeclared):
		d.Status, d.Type, d.Title = http.StatusConflict, "declared-entity", "The entity stands in the configuration"
		d.Detail = "Change it in the directory file of the tenant and restart."
	case errors.Is(err, ErrTaken):
		d.Status, d.Type, d.Title = http.StatusConflict, "login-taken", "The login is another user's"
	case errors.Is(err, ErrChanged):
		d.Status, d.Type, d.Title = http.StatusPreconditionFailed, "changed", "It is not what the request takes it for"
		d.Detail = "Read it again: its ETag is another one, or it is there, or is not."
	case errors.As(err, &invalid), errors.Is(err, ErrEntity):
		d.Status, d.Type, d.Title = http.StatusUnprocessableEntity, "invalid-request", "The request is not valid"
	case errors.Is(err, follow.ErrCatchingUp), errors.As(err, &down), errors.Is(err, eventlog.ErrUnknown), errors.Is(err, eventlog.ErrBusy):
		w.Header().Set("Retry-After", "1")
		d.Status, d.Type, d.Title = http.StatusServiceUnavailable, "control-state", "The directory cannot be used at present"
	default:
		slog.Error("directory", "error", err)
		d.Status, d.Type, d.Title = http.StatusServiceUnavailable, "control-state", "The directory cannot be written"
		d.Detail = "Look before repeating: it is not known whether the change was made."
	}
	problem.Write(w, d)
}
