package auth

import (
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"trunkline/problem"
)

// FromRequest gives the token of a request: "Authorization: Bearer <token>", or Basic with the tenant as user and the
// token as password, for clients that know nothing else. The query is never looked at: URLs end up in logs.
func FromRequest(r *http.Request) (token string, ok bool) {
	_, token, ok = credential(r)
	return token, ok
}

// credential also gives the tenant that Basic names.
func credential(r *http.Request) (tenant, token string, ok bool) {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	value = strings.TrimSpace(value)
	switch strings.ToLower(scheme) {
	case "bearer":
		return "", value, value != ""
	case "basic":
		raw, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return "", "", false
		}
		tenant, token, _ = strings.Cut(string(raw), ":")
		return tenant, token, tenant != "" && token != ""
	}
	return "", "", false
}

// Gate lets requests through to handlers.
type Gate struct {
	Store *Store
	// Known says whether a tenant still exists: a token does not outlive its tenant. nil: every tenant does.
	Known func(tenant string) bool
	// Attempts limits failed attempts per remote address.
	Attempts Attempts
	// Refused is told of each refusal: "missing", "invalid", "expired", "limited" or "scope"; nil: nobody is told.
	Refused func(why string)
}

// Require gives a handler that lets pass who carries the scope; From then gives the principal. Others are
// answered 401 or 403 as problem documents, and 429 when too many attempts of their address failed.
// With an empty scope everybody passes.
func (g *Gate) Require(scope Scope, next http.Handler) http.Handler {
	if scope == "" {
		return next
	}
	return g.require(scope, false, next)
}

// RequireOrOperator is Require for what the operator may see as well.
func (g *Gate) RequireOrOperator(scope Scope, next http.Handler) http.Handler {
	return g.require(scope, true, next)
}

func (g *Gate) require(scope Scope, operator bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := g.admit(w, r, scope, operator)
		if p == nil {
			return
		}
		next.ServeHTTP(w, r.WithContext(With(r.Context(), p)))
	})
}

// Require is Gate.Require with the usual limits, for whoever needs only a store.
func (s *Store) Require(scope Scope, next http.Handler) http.Handler {
	return (&Gate{Store: s}).Require(scope, next)
}

// Admit gives the principal of the request; nil when the request has been answered with a refusal.
func (g *Gate) Admit(w http.ResponseWriter, r *http.Request, scope Scope) *Principal {
	return g.admit(w, r, scope, false)
}

func (g *Gate) admit(w http.ResponseWriter, r *http.Request, scope Scope, operator bool) *Principal {
	tenant, secret, ok := credential(r)
	if !ok {
		g.refuse("missing")
		challenge(w, scope, `Bearer realm="trunkline"`)
		problem.Write(w, problem.Detail{Status: http.StatusUnauthorized, Type: "unauthenticated", Title: "A token is needed",
			Detail: "Send Authorization: Bearer <token>, or Basic with the tenant as user and the token as password."})
		return nil
	}
	p, err := g.Store.Authenticate(secret)
	if err != nil || (tenant != "" && tenant != p.Tenant) || !g.known(p.Tenant) {
		if wait := g.Attempts.Failed(r.RemoteAddr); wait > 0 {
			g.refuse("limited")
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(float64(wait)/float64(time.Second)))))
			problem.Write(w, problem.Detail{Status: http.StatusTooManyRequests, Type: "too-many-attempts", Title: "Too many failed attempts",
				Detail: "Too many requests from this address carried a token that is not valid."})
			return nil
		}
		if errors.Is(err, ErrExpired) {
			g.refuse("expired")
			challenge(w, scope, `Bearer realm="trunkline", error="invalid_token", error_description="the token has expired"`)
			problem.Write(w, problem.Detail{Status: http.StatusUnauthorized, Type: "token-expired", Title: "The token has expired",
				Detail: "Its time is over. Whoever administers the tenant can rotate it or make another."})
			return nil
		}
		g.refuse("invalid")
		challenge(w, scope, `Bearer realm="trunkline", error="invalid_token"`)
		problem.Write(w, problem.Detail{Status: http.StatusUnauthorized, Type: "unauthenticated", Title: "The token is not valid",
			Detail: "The token is unknown, revoked or rotated, or belongs to another tenant than the one named."})
		return nil
	}
	if !p.Allows(scope) && !(operator && p.Operator() && p.Allows(Admin)) {
		g.refuse("scope")
		challenge(w, scope, `Bearer realm="trunkline", error="insufficient_scope", scope="`+string(scope)+`"`)
		problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "insufficient-scope", Title: "The token lacks a scope",
			Detail: "This needs a token with the scope " + string(scope) + ".", Extensions: map[string]any{"scope": scope}})
		return nil
	}
	return p
}

// OperatorOnly lets only the operator pass; it stands behind Require.
func OperatorOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := From(r.Context()); p == nil || !p.Operator() {
			problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "operator-only", Title: "This is for the operator",
				Detail: `It needs an admin token of the operator, tenant "*".`})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (g *Gate) known(tenant string) bool {
	return g.Known == nil || tenant == Operator || g.Known(tenant)
}

func (g *Gate) refuse(why string) {
	if g.Refused != nil {
		g.Refused(why)
	}
}

// challenge names the ways to authenticate. Clients of the tenant stream know Basic alone, as its vendor's page has it.
func challenge(w http.ResponseWriter, scope Scope, value string) {
	w.Header().Set("WWW-Authenticate", value)
	if scope == Stream {
		w.Header().Add("WWW-Authenticate", `Basic realm="trunkline", charset="UTF-8"`)
	}
}
