package hub

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"trunkline/auth/jwt"
	"trunkline/directory"
	"trunkline/event"
	"trunkline/feed/hub/signalr"
	"trunkline/jsonhttp"
	"trunkline/origin"
	"trunkline/problem"
)

// identity is who has connected.
type identity struct{ tenant, user string }

// Endpoint is where the hub is, and a token for it.
type Endpoint struct {
	WssEndpoint string // what the page shows, as wss://
	WSSEndpoint string // what the page's code reads, as https://: clients in Node cannot use the other
	Token       string
}

// token serves GET /token/{user}/rte/ to the user, who is "me" or named by id, login or
// GUID, and to an administrator of the tenant by an API token.
func (f *Feed) token(w http.ResponseWriter, r *http.Request) {
	if !f.server.Welcome(w, r) {
		return
	}
	user, tenant, ok := f.who(w, r)
	if !ok {
		return
	}
	now := time.Now()
	text, err := f.o.Keys.Sign(r.Context(), jwt.Claims{Audience: Audience, Tenant: tenant, Subject: user.ID, Expires: now.Add(f.o.Life)})
	if err != nil {
		f.o.Logger.Error("a token for the hub cannot be signed", "error", err)
		w.Header().Set("Retry-After", "1")
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "keys", Title: "No token can be signed at the moment"})
		return
	}
	base := f.base(r)
	w.Header().Set("Cache-Control", "no-store")
	jsonhttp.Write(w, http.StatusOK, Endpoint{WssEndpoint: "ws" + strings.TrimPrefix(base, "http") + hubPath, WSSEndpoint: base + hubPath, Token: text})
}

// base is how clients reach the server: https://host.
func (f *Feed) base(r *http.Request) string {
	if f.o.PublicURL != "" {
		return strings.TrimSuffix(f.o.PublicURL, "/")
	}
	return origin.Of(r)
}

// who finds out for whom a token is asked for, and whether that may be.
func (f *Feed) who(w http.ResponseWriter, r *http.Request) (user directory.User, tenant string, ok bool) {
	asked := r.PathValue("user")
	if name, secret, basic := r.BasicAuth(); basic {
		if user, tenant, ok = f.o.People.SignIn(name, secret); !ok {
			f.refuse(w, r, "The user name or the secret is wrong")
			return user, "", false
		}
		if asked != "me" && !strings.EqualFold(asked, user.ID) && !strings.EqualFold(asked, loginOf(user)) && !strings.EqualFold(asked, f.guid(tenant, user)) {
			problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "other-user", Title: "This is the token of another user"})
			return user, "", false
		}
		return user, tenant, true
	}
	if f.o.Admin != nil {
		if tenant, ok = f.o.Admin(r); ok {
			for _, u := range f.o.People.Users(tenant) {
				if !u.Disabled && (strings.EqualFold(asked, u.ID) || strings.EqualFold(asked, loginOf(u)) || strings.EqualFold(asked, f.guid(tenant, u))) {
					return u, tenant, true
				}
			}
			problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-user", Title: "There is no such user",
				Detail: "An API token asks for the token of a user by id, login or GUID."})
			return user, "", false
		}
	}
	f.refuse(w, r, "A user's name and secret are needed")
	return user, "", false
}

func (f *Feed) guid(tenant string, u directory.User) string {
	return f.o.People.GUID(tenant, directory.Ref{Kind: event.EntityUser, ID: u.ID})
}

// refuse answers 401, or 429 to an address that has failed too often.
func (f *Feed) refuse(w http.ResponseWriter, r *http.Request, title string) {
	if wait := f.o.Attempts.Failed(r.RemoteAddr); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		problem.Write(w, problem.Detail{Status: http.StatusTooManyRequests, Type: "too-many-attempts", Title: "Too many failed attempts",
			Detail: "Too many requests from this address failed to authenticate."})
		return
	}
	w.Header().Add("WWW-Authenticate", `Basic realm="trunkline", charset="UTF-8"`)
	w.Header().Add("WWW-Authenticate", `Bearer realm="trunkline"`)
	problem.Write(w, problem.Detail{Status: http.StatusUnauthorized, Type: "unauthenticated", Title: title})
}

func bearerOf(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// authenticate says who connects, by the token in the header or in the query: browsers
// cannot set the header of a WebSocket.
func (f *Feed) authenticate(w http.ResponseWriter, r *http.Request) (signalr.Identity, bool) {
	token, ok := bearerOf(r)
	if !ok {
		token = r.URL.Query().Get("access_token")
	}
	if token == "" {
		f.refuse(w, r, "A token for the hub is needed")
		return signalr.Identity{}, false
	}
	c, err := f.o.Keys.Verify(r.Context(), token, Audience)
	if err != nil && !errors.Is(err, jwt.ErrInvalid) {
		f.o.Logger.Error("a token cannot be checked", "error", err)
		w.Header().Set("Retry-After", "5")
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "keys", Title: "The token cannot be checked at the moment"})
		return signalr.Identity{}, false
	}
	if err == nil {
		var u directory.User
		if u, err = f.o.People.User(c.Tenant, c.Subject); err == nil && (u.Disabled || f.o.Organization(c.Tenant) == "") {
			err = directory.ErrNoEntity
		}
	}
	if err != nil {
		f.refuse(w, r, "The token is not valid")
		return signalr.Identity{}, false
	}
	return signalr.Identity{User: identity{c.Tenant, c.Subject}, Key: c.Tenant + "/" + c.Subject}, true
}
