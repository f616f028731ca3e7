package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"trunkline/jsonhttp"
	"trunkline/problem"
)

// API is the HTTP interface to the tokens. A tenant's admin sees and makes tokens of that tenant, the operator
// those of all tenants and of the operator.
type API struct {
	store *Store
	known func(tenant string) bool
}

// NewAPI gives the interface to store; known says which tenants there are.
func NewAPI(store *Store, known func(tenant string) bool) *API {
	return &API{store: store, known: known}
}

// Issued is the answer to a creation or a rotation: the only place where a secret is ever shown.
type Issued struct {
	Token
	Secret string `json:"token"`
}

// Routes lists the endpoints.
func (a *API) Routes() []Route {
	return []Route{
		{Pattern: "GET /v1/tokens", Scope: Admin, Handler: http.HandlerFunc(a.list)},
		{Pattern: "POST /v1/tokens", Scope: Admin, Handler: http.HandlerFunc(a.create)},
		{Pattern: "POST /v1/tokens/{id}/rotate", Scope: Admin, Handler: http.HandlerFunc(a.rotate)},
		{Pattern: "DELETE /v1/tokens/{id}", Scope: Admin, Handler: http.HandlerFunc(a.revoke)},
	}
}

func (a *API) list(w http.ResponseWriter, r *http.Request) {
	p := From(r.Context())
	tenant := r.URL.Query().Get("tenant")
	if !p.Operator() {
		if tenant != "" && tenant != p.Tenant {
			forbidden(w, "A tenant's admin sees the tokens of that tenant alone.")
			return
		}
		tenant = p.Tenant
	}
	jsonhttp.Write(w, http.StatusOK, map[string]any{"tokens": a.store.List(tenant)})
}

// wanted is the token that a request asks for.
type wanted struct {
	Tenant  string    `json:"tenant"` // empty: that of the admin who asks
	Scopes  []Scope   `json:"scopes"`
	Name    string    `json:"name"`    // for people
	Expires time.Time `json:"expires"` // none: never
}

func (a *API) create(w http.ResponseWriter, r *http.Request) {
	p := From(r.Context())
	var in wanted
	if err := jsonhttp.Read(w, r, &in); err != nil {
		jsonhttp.Invalid(w, err)
		return
	}
	if in.Tenant == "" && !p.Operator() {
		in.Tenant = p.Tenant
	}
	asked := Token{Tenant: in.Tenant, Scopes: in.Scopes, Name: in.Name, Expires: in.Expires.UTC()}
	if err := asked.Check(); err != nil {
		jsonhttp.Invalid(w, err)
		return
	}
	if !p.MayAdminister(in.Tenant) {
		forbidden(w, "A tenant's admin makes tokens of that tenant alone.")
		return
	}
	if in.Tenant != Operator && !a.known(in.Tenant) {
		jsonhttp.Invalid(w, fmt.Errorf("there is no tenant %q", in.Tenant))
		return
	}
	t, secret, err := a.store.Issue(r.Context(), asked)
	if err != nil {
		a.failed(w, err)
		return
	}
	slog.Info("token created", "token", t.ID, "tenant", t.Tenant, "scopes", t.Scopes, "expires", t.Expires, "by", p.TokenID)
	w.Header().Set("Location", "/v1/tokens/"+t.ID)
	jsonhttp.Write(w, http.StatusCreated, Issued{t, secret})
}

func (a *API) rotate(w http.ResponseWriter, r *http.Request) {
	t, ok := a.own(w, r)
	if !ok {
		return
	}
	t, secret, err := a.store.Rotate(r.Context(), t.ID)
	if err != nil {
		a.failed(w, err)
		return
	}
	slog.Info("token rotated", "token", t.ID, "tenant", t.Tenant, "by", From(r.Context()).TokenID)
	jsonhttp.Write(w, http.StatusOK, Issued{t, secret})
}

func (a *API) revoke(w http.ResponseWriter, r *http.Request) {
	t, ok := a.own(w, r)
	if !ok {
		return
	}
	if err := a.store.Revoke(r.Context(), t.ID); err != nil {
		a.failed(w, err)
		return
	}
	slog.Info("token revoked", "token", t.ID, "tenant", t.Tenant, "by", From(r.Context()).TokenID)
	w.WriteHeader(http.StatusNoContent)
}

// own gives the token that the path names. One of another tenant is answered like one that does not exist.
func (a *API) own(w http.ResponseWriter, r *http.Request) (Token, bool) {
	t, err := a.store.Get(r.PathValue("id"))
	if err == nil && !From(r.Context()).MayAdminister(t.Tenant) {
		err = ErrNoToken
	}
	if err != nil {
		a.failed(w, err)
		return Token{}, false
	}
	return t, true
}

func (a *API) failed(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrPast):
		jsonhttp.Invalid(w, err)
	case errors.Is(err, ErrNoToken):
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-token", Title: "There is no such token"})
	case errors.Is(err, ErrStatic):
		problem.Write(w, problem.Detail{Status: http.StatusConflict, Type: "static-token", Title: "The token stands in the configuration",
			Detail: "Change it in the configuration file and restart."})
	default:
		slog.Error("token store", "error", err)
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "control-state", Title: "The token store cannot be written",
			Detail: "Nothing was changed as far as is known. Look before repeating."})
	}
}

func forbidden(w http.ResponseWriter, why string) {
	problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "other-tenant", Title: "This belongs to another tenant", Detail: why})
}
