package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"trunkline/auth"
	"trunkline/jsonhttp"
	"trunkline/problem"
)

// API is the HTTP interface to the tenants: the operator manages them, a tenant's admin sees its own.
type API struct {
	dir    *Directory
	before func(ctx context.Context, tenant string) error
}

// NewAPI gives the interface to dir. beforeDelete runs before a tenant is removed, to take away what must not outlive
// it (its tokens); when it fails the tenant stays. It may be nil.
func NewAPI(dir *Directory, beforeDelete func(ctx context.Context, tenant string) error) *API {
	return &API{dir: dir, before: beforeDelete}
}

// Routes lists the endpoints.
func (a *API) Routes() []auth.Route {
	return []auth.Route{
		{Pattern: "GET /v1/tenants", Scope: auth.Admin, Handler: http.HandlerFunc(a.list)},
		{Pattern: "GET /v1/tenants/{id}", Scope: auth.Admin, Handler: http.HandlerFunc(a.get)},
		{Pattern: "PUT /v1/tenants/{id}", Scope: auth.Admin, Handler: auth.OperatorOnly(http.HandlerFunc(a.put))},
		{Pattern: "DELETE /v1/tenants/{id}", Scope: auth.Admin, Handler: auth.OperatorOnly(http.HandlerFunc(a.delete))},
	}
}

func (a *API) list(w http.ResponseWriter, r *http.Request) {
	p := auth.From(r.Context())
	visible := []Tenant{}
	for _, t := range a.dir.Tenants() {
		if p.MayAdminister(t.ID) {
			visible = append(visible, t)
		}
	}
	jsonhttp.Write(w, http.StatusOK, map[string]any{"tenants": visible})
}

func (a *API) get(w http.ResponseWriter, r *http.Request) {
	t, ok := a.dir.Tenant(r.PathValue("id"))
	if !ok || !auth.From(r.Context()).MayAdminister(t.ID) {
		failed(w, ErrNoTenant)
		return
	}
	jsonhttp.Write(w, http.StatusOK, t)
}

func (a *API) put(w http.ResponseWriter, r *http.Request) {
	var t Tenant
	if err := jsonhttp.Read(w, r, &t); err != nil {
		jsonhttp.Invalid(w, err)
		return
	}
	id := r.PathValue("id")
	if t.ID != "" && t.ID != id {
		jsonhttp.Invalid(w, fmt.Errorf("the body names the tenant %q, the path %q", t.ID, id))
		return
	}
	t.ID = id
	if err := t.Check(); err != nil {
		jsonhttp.Invalid(w, err)
		return
	}
	created, err := a.dir.Put(r.Context(), t)
	if err != nil {
		failed(w, err)
		return
	}
	slog.Info("tenant stored", "tenant", id, "created", created, "by", auth.From(r.Context()).TokenID)
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	t.Static = false
	jsonhttp.Write(w, status, t)
}

func (a *API) delete(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	t, ok := a.dir.Tenant(id)
	switch {
	case !ok:
		failed(w, ErrNoTenant)
		return
	case t.Static:
		failed(w, ErrStatic)
		return
	}
	if a.before != nil {
		if err := a.before(r.Context(), id); err != nil {
			failed(w, fmt.Errorf("prepare to delete tenant %s: %w", id, err))
			return
		}
	}
	if err := a.dir.Delete(r.Context(), id); err != nil {
		failed(w, err)
		return
	}
	slog.Info("tenant deleted", "tenant", id, "by", auth.From(r.Context()).TokenID)
	w.WriteHeader(http.StatusNoContent)
}

func failed(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrNoTenant):
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-tenant", Title: "There is no such tenant"})
	case errors.Is(err, ErrStatic):
		problem.Write(w, problem.Detail{Status: http.StatusConflict, Type: "static-tenant", Title: "The tenant stands in the configuration",
			Detail: "Change it in the configuration file and restart."})
	case errors.Is(err, ErrAccount):
		problem.Write(w, problem.Detail{Status: http.StatusConflict, Type: "account-taken", Title: "Another tenant has that account"})
	default:
		slog.Error("directory", "error", err)
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "control-state", Title: "The directory cannot be written",
			Detail: "Nothing was changed as far as is known. Look before repeating."})
	}
}
