package auth

import (
	"context"
	"errors"
	"net/http"
	"slices"
)

// Principal is somebody who was let in.
type Principal struct {
	TokenID string
	Tenant  string
	Scopes  []Scope
	// Revoked is closed when the token is revoked, rotated or changed, or expires: whoever keeps a connection open
	// for this principal closes it then.
	Revoked <-chan struct{}

	alive context.Context // ends with Revoked
}

// Allows says whether the principal carries the scope.
func (p *Principal) Allows(s Scope) bool { return slices.Contains(p.Scopes, s) }

// Operator says whether the principal administers all tenants.
func (p *Principal) Operator() bool { return p.Tenant == Operator }

// MayAdminister says whether the principal may manage what belongs to the tenant.
func (p *Principal) MayAdminister(tenant string) bool {
	return p.Allows(Admin) && (p.Tenant == Operator || p.Tenant == tenant)
}

// OnRevoke has fn called once, in a goroutine of its own, when Revoked closes; at once when it is closed already.
// It costs no goroutine until then, which matters to thousands of idle connections. stop ends the arrangement
// and says whether it prevented the call.
func (p *Principal) OnRevoke(fn func()) (stop func() bool) {
	if p.alive == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(p.alive, fn)
}

// Ended says in words why Revoked was closed.
func (p *Principal) Ended() string {
	if p.alive != nil && errors.Is(p.alive.Err(), context.DeadlineExceeded) {
		return "the token has expired"
	}
	return "the token was revoked"
}

type contextKey struct{}

// With gives a context that carries the principal.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// From gives the principal of a request that passed Require, nil where nobody was asked.
func From(ctx context.Context) *Principal {
	p, _ := ctx.Value(contextKey{}).(*Principal)
	return p
}

// Route is one endpoint as a source or a feed offers it; the server mounts them all in one place.
type Route struct {
	// Pattern is a pattern of http.ServeMux with its method, such as "POST /v1/events".
	Pattern string
	// Scope is what a caller needs; empty: the endpoint is public.
	Scope Scope
	// Operator lets the operator pass as well, who has the scope admin alone.
	Operator bool
	// Handler answers. Behind a scope, From gives it the principal.
	Handler http.Handler
}
