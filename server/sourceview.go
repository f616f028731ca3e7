package server

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"trunkline/auth"
	"trunkline/floor"
	"trunkline/floor/follow"
	"trunkline/jsonhttp"
	"trunkline/nearest"
	"trunkline/problem"
	"trunkline/source"
)

// sourceView is how a source is, as /v1/sources shows it. docs/operations.md explains each member.
type sourceView struct {
	Source      string          `json:"source"`
	Tenant      string          `json:"tenant"`
	Name        string          `json:"name,omitempty"`
	Kind        string          `json:"kind,omitempty"`
	Version     string          `json:"version,omitempty"`
	Address     string          `json:"address,omitempty"`
	State       string          `json:"state"`
	Since       *time.Time      `json:"since,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	SilenceMS   int64           `json:"silence_ms,omitempty"`
	LagMS       int64           `json:"lag_ms"`
	LastEventAt *time.Time      `json:"last_event_at,omitempty"`
	Events      uint64          `json:"events"`
	Gaps        int64           `json:"gaps"`
	Missing     int64           `json:"missing"`
	Resets      int64           `json:"resets"`
	Connection  *connectionView `json:"connection,omitempty"`
}

// connectionView is how the connection to an attached system is.
type connectionView struct {
	State       source.State `json:"state"`
	Since       *time.Time   `json:"since,omitempty"`
	Reason      string       `json:"reason,omitempty"`
	LagMS       int64        `json:"lag_ms"`
	HeardAt     *time.Time   `json:"heard_at,omitempty"`
	LastEventAt *time.Time   `json:"last_event_at,omitempty"`
	Logins      int          `json:"logins"`
	Reconnects  int          `json:"reconnects"`
	Bytes       int64        `json:"bytes"`
	Events      int64        `json:"events"`
	LeftOut     source.Left  `json:"left_out"`
	Faults      int64        `json:"faults"`
	Open        int          `json:"open_interactions"`
	Waiting     int          `json:"facts_waiting"`
	Dropped     int64        `json:"facts_dropped"`
	Refused     string       `json:"refused,omitempty"`
}

// Words for the state of a source beside those of a connection.
const (
	sourceUp      = "up"
	sourceDown    = "down"
	sourceUnknown = "unknown" // it sends, and has never said how it is
)

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

func epoch(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	return moment(time.UnixMilli(ms))
}

// show puts together what the log knows of a source and what its connection does; either may be nil.
func show(tenant string, f *floor.Source, a *attached) sourceView {
	v := sourceView{Tenant: tenant, State: sourceUnknown}
	if f != nil {
		v.Source, v.Kind, v.Version, v.Address = f.Name, f.Kind, f.Version, f.Address
		v.SilenceMS, v.LagMS, v.LastEventAt, v.Events = f.SilenceMS, f.LagMS, epoch(f.Heard), f.Events
		v.Gaps, v.Missing, v.Resets = f.Gaps, f.Missing, f.Resets
		switch {
		case !f.Up:
			v.State, v.Reason, v.Since = sourceDown, f.Reason, epoch(f.Since)
		case f.Told || f.SilenceMS > 0:
			v.State, v.Since = sourceUp, epoch(f.Since)
		}
	}
	if a == nil {
		return v
	}
	h := a.health()
	v.Source, v.Name, v.Kind = a.source, a.name, a.kind
	v.Address = cmp.Or(h.Address, v.Address)
	switch {
	case h.State == source.StateElsewhere: // it is as the other node says in the log
	case h.State == source.StateUp || h.State == source.StateHeld || v.State != sourceDown:
		v.State, v.Reason, v.Since = string(h.State), h.Reason, moment(h.Since)
	default: // it is down since the log says so, however often it was tried since
		v.Reason = cmp.Or(h.Reason, v.Reason)
	}
	c := &connectionView{
		State: h.State, Since: moment(h.Since), Reason: h.Reason, LagMS: h.Lag.Milliseconds(), HeardAt: moment(h.Heard), LastEventAt: moment(h.EventAt),
		Logins: h.Logins, Reconnects: max(h.Logins-1, 0), Bytes: h.Bytes, Events: h.Events, LeftOut: h.LeftOut, Faults: h.Faults, Open: h.Open,
		Waiting: h.Waiting, Dropped: h.Dropped, Refused: h.Refused,
	}
	if c.LeftOut == nil {
		c.LeftOut = source.Left{}
	}
	if h.State == source.StateUp {
		v.LagMS = c.LagMS
	}
	v.Connection = c
	return v
}

// sourcesOf lists the sources of a tenant by name. What the log knows may still be read: then complete is false, and only
// those are there that are attached here.
func (s *Server) sourcesOf(tenant string) (list []sourceView, complete bool) {
	mine := map[string]*attached{}
	for _, a := range s.sources.all() {
		if a.tenant == tenant {
			mine[a.source] = a
		}
	}
	err := s.state.View(tenant, func(v follow.View) {
		if v.Tenant == nil {
			return
		}
		for _, f := range v.Tenant.Sources() {
			list = append(list, show(tenant, f, mine[f.Name]))
			delete(mine, f.Name)
		}
	})
	for _, a := range mine {
		list = append(list, show(tenant, nil, a))
	}
	slices.SortFunc(list, func(a, b sourceView) int { return cmp.Compare(a.Source, b.Source) })
	return list, err == nil
}

// sourceRoutes tell how the sources are.
func (s *Server) sourceRoutes() []auth.Route {
	return []auth.Route{
		{Pattern: "GET /v1/sources", Scope: auth.Read, Operator: true, Handler: http.HandlerFunc(s.listSources)},
		{Pattern: "GET /v1/sources/{source...}", Scope: auth.Read, Operator: true, Handler: http.HandlerFunc(s.oneSource)},
	}
}

// asked lists the sources that a request may see.
func (s *Server) asked(w http.ResponseWriter, r *http.Request) (list []sourceView, complete, ok bool) {
	p := auth.From(r.Context())
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		badSourceQuery(w, "the query cannot be read: "+err.Error())
		return nil, false, false
	}
	for name := range q {
		if name != "tenant" {
			hint := ""
			if near, found := nearest.Of(name, []string{"tenant"}); found {
				hint = ", did you mean " + near + "?"
			}
			badSourceQuery(w, fmt.Sprintf("unknown parameter %q%s", name, hint))
			return nil, false, false
		}
	}
	tenants := []string{p.Tenant}
	want := q.Get("tenant")
	switch {
	case p.Operator() && want != "":
		tenants = []string{want}
	case p.Operator():
		tenants = s.tenantIDs()
	case want != "" && want != p.Tenant:
		problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "other-tenant", Title: "The token is another tenant's"})
		return nil, false, false
	}
	list, complete = s.sourcesOfAll(tenants)
	return list, complete, true
}

func (s *Server) sourcesOfAll(tenants []string) (list []sourceView, complete bool) {
	list, complete = []sourceView{}, true
	for _, t := range tenants {
		some, whole := s.sourcesOf(t)
		list, complete = append(list, some...), complete && whole
	}
	return list, complete
}

// tenantIDs lists the tenants.
func (s *Server) tenantIDs() []string {
	var out []string
	for _, t := range s.Tenants().Tenants() {
		out = append(out, t.ID)
	}
	return out
}

func badSourceQuery(w http.ResponseWriter, why string) {
	problem.Write(w, problem.Detail{Status: http.StatusBadRequest, Type: "query", Title: "The query is not valid", Detail: why})
}

func (s *Server) listSources(w http.ResponseWriter, r *http.Request) {
	if list, complete, ok := s.asked(w, r); ok {
		jsonhttp.Write(w, http.StatusOK, map[string]any{"sources": list, "complete": complete})
	}
}

// oneSource tells of a source by its name in the events, or in the configuration.
func (s *Server) oneSource(w http.ResponseWriter, r *http.Request) {
	list, complete, ok := s.asked(w, r)
	if !ok {
		return
	}
	name := r.PathValue("source")
	var found []sourceView
	for _, v := range list {
		if v.Source == name {
			found = append(found, v)
		}
	}
	for _, v := range list {
		if len(found) == 0 && name != "" && v.Name == name {
			found = append(found, v)
		}
	}
	switch {
	case len(found) == 1:
		jsonhttp.Write(w, http.StatusOK, found[0])
	case len(found) > 1:
		badSourceQuery(w, fmt.Sprintf("%d tenants have a source %q: name one with tenant=", len(found), name))
	case !complete:
		w.Header().Set("Retry-After", "1")
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "catching-up", Title: "The state is not known yet",
			Detail: "The log is still being read."})
	default:
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-source", Title: "There is no such source",
			Detail: fmt.Sprintf("Nothing was heard of a source %q, and none is attached.", name)})
	}
}
