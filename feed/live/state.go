package live

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"trunkline/auth"
	"trunkline/eventlog"
	"trunkline/floor"
	"trunkline/floor/follow"
	"trunkline/nearest"
	"trunkline/problem"
)

// State is what the feed needs of the floor.
type State interface {
	View(tenant string, fn func(follow.View)) error
	Watch(tenant string, fn func(changed []floor.Change, all bool)) (stop func())
	Fold() *floor.Fold
}

var _ State = (*follow.Floor)(nil)

// stateRoutes lists the endpoints of the state.
func (f *Feed) stateRoutes() []auth.Route {
	if f.o.State == nil {
		return nil
	}
	routes := []auth.Route{{Pattern: "GET /v1/explain", Scope: auth.Read, Handler: http.HandlerFunc(f.explain)}}
	for i := range kinds {
		k := &kinds[i]
		routes = append(routes,
			auth.Route{Pattern: "GET /v1/state/" + k.name, Scope: auth.Read, Handler: f.collection(k)},
			auth.Route{Pattern: "GET /v1/state/" + k.name + "/{id}", Scope: auth.Read, Handler: f.entity(k)})
	}
	return routes
}

// collection serves all entities of a kind.
func (f *Feed) collection(k *kindState) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var items []byte
		var at eventlog.Cursor
		f.look(w, r, func(v follow.View) {
			items, at = k.appendStates(nil, v.Tenant), v.At
		}, func() { answerState(w, r, k.name, items, at) })
	}
}

// entity serves one of them.
func (f *Feed) entity(k *kindState) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var item []byte
		var at eventlog.Cursor
		f.look(w, r, func(v follow.View) {
			at = v.At
			if v.Tenant != nil {
				if show := k.one(v.Tenant, r.PathValue("id")); show != nil {
					item = appendState(nil, show)
				}
			}
		}, func() {
			if item == nil {
				problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-" + k.singular, Title: "There is no such " + k.singular,
					Detail: fmt.Sprintf("Nothing is known of the %s %q.", k.singular, r.PathValue("id")), Extensions: map[string]any{"cursor": at.String()}})
				return
			}
			answerState(w, r, k.singular, item, at)
		})
	}
}

// look shows the tenant's state to view, and lets answer answer when that was possible.
func (f *Feed) look(w http.ResponseWriter, r *http.Request, view func(follow.View), answer func()) {
	if _, err := parameters(r.URL.RawQuery, nil); err != nil {
		badQuery(w, err)
		return
	}
	if err := f.o.State.View(auth.From(r.Context()).Tenant, view); err != nil {
		noState(w, err)
		return
	}
	answer()
}

func noState(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "1")
	problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "catching-up", Title: "The state is not known yet",
		Detail: "The reason: " + err.Error() + "."})
}

// answerState answers with a state. Its tag is of what is there, not of the cursor: as
// long as the tag is the same, going on from the older cursor gives the same.
func answerState(w http.ResponseWriter, r *http.Request, name string, state []byte, at eventlog.Cursor) {
	sum := sha256.Sum256(state)
	tag := `W/"` + hex.EncodeToString(sum[:16]) + `"`
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Authorization")
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	buf := make([]byte, 0, len(state)+128)
	buf = append(buf, `{"cursor":"`...)
	buf = append(buf, at.String()...)
	buf = append(buf, `","`...)
	buf = append(buf, name...)
	buf = append(buf, `":`...)
	buf = append(buf, state...)
	buf = append(buf, "}\n"...)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(buf)))
	_, _ = w.Write(buf) // the client has gone when this fails
}

// matches compares tags as RFC 9110 does for If-None-Match: weakly.
func matches(headers []string, tag string) bool {
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		part = strings.TrimSpace(part)
		if part == "*" || part != "" && strings.TrimPrefix(part, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// stateParameters are those of GET /v1/live that listen to the state.
var stateParameters = []string{"state"}

// asksForState says whether a request to listen is for the state.
func asksForState(raw string) bool {
	q, err := url.ParseQuery(raw)
	return err == nil && q.Has("state")
}

// parseState reads which kinds are wanted; bit i is kinds[i].
func parseState(raw string) (want uint8, err error) {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return 0, fmt.Errorf("the query cannot be read: %w", err)
	}
	for _, name := range sorted(q) {
		for _, other := range liveParameters {
			if name == other {
				return 0, fmt.Errorf("the parameter %q is for events and excludes state, which always begins with a snapshot", name)
			}
		}
	}
	p, err := parameters(raw, stateParameters)
	if err != nil {
		return 0, err
	}
	names := make([]string, len(kinds))
	for i := range kinds {
		names[i] = kinds[i].name
	}
list:
	for word := range strings.SplitSeq(p["state"], ",") {
		word = strings.TrimSpace(word)
		for i, name := range names {
			if word == name {
				want |= 1 << i
				continue list
			}
		}
		if near, ok := nearest.Of(word, names); ok {
			return 0, fmt.Errorf("state: unknown %q, did you mean %q?", word, near)
		}
		return 0, fmt.Errorf("state: unknown %q; known are %s", word, strings.Join(names, ", "))
	}
	return want, nil
}

// liveState serves GET /v1/live?state=….
func (f *Feed) liveState(w http.ResponseWriter, r *http.Request, who *auth.Principal, socket bool) {
	want, err := parseState(r.URL.RawQuery)
	if err == nil && f.o.State == nil {
		err = errors.New("the state is not served here")
	}
	if err != nil {
		badQuery(w, err)
		return
	}
	if !socket && !acceptable(w, r) {
		return
	}
	if err := f.o.State.View(who.Tenant, func(follow.View) {}); err != nil {
		noState(w, err)
		return
	}
	v := &viewer{feed: f, tenant: who.Tenant, who: who, want: want, gone: make(chan struct{})}
	if socket {
		f.webSocket(w, r, v, wayWebSocket, nil)
	} else {
		f.eventStream(w, r, v, []byte("retry: 2000\n\n"))
	}
}
