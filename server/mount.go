package server

import (
	"fmt"
	"net/http"

	"trunkline/auth"
	"trunkline/event/schema"
	"trunkline/problem"
)

// mount makes one handler of all routes. Two parts that claim the same pattern are an error, and so is a pattern
// without a method: every endpoint says what it takes.
func (s *Server) mount(routes []auth.Route) (h http.Handler, err error) {
	mux, known := http.NewServeMux(), http.NewServeMux()
	defer func() {
		if r := recover(); r != nil { // how ServeMux says that patterns are malformed or in conflict
			err = fmt.Errorf("mount: %v", r)
		}
	}()
	for _, r := range routes {
		if r.Pattern == "" || r.Pattern[0] == '/' {
			return nil, fmt.Errorf("mount: the pattern %q names no method", r.Pattern)
		}
		mux.Handle(r.Pattern, s.watched(r))
		known.Handle(r.Pattern, r.Handler)
	}
	mux.Handle("/", s.observe("(none)", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { noRoute(known, w, r) })))
	return mux, nil
}

// noRoute answers what no pattern takes, as a problem document: 404, or 405 with the methods that the path does take.
// known has all patterns but the one that leads here, so what it answers is its own refusal, never an endpoint.
func noRoute(known *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	h, pattern := known.Handler(r)
	if pattern != "" { // it cannot be; a request that got here must not get around the gate
		h = http.NotFoundHandler()
	}
	probe := &discard{header: http.Header{}}
	h.ServeHTTP(probe, r)
	switch {
	case probe.status == http.StatusMethodNotAllowed:
		allow := probe.header.Get("Allow")
		w.Header().Set("Allow", allow)
		problem.Write(w, problem.Detail{Status: probe.status, Type: "method", Title: "The path does not take this method", Detail: "It takes " + allow + "."})
	case probe.status/100 == 3: // the path in its clean form
		w.Header().Set("Location", probe.header.Get("Location"))
		w.WriteHeader(probe.status)
	default:
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-endpoint", Title: "There is nothing at this path"})
	}
}

// discard is a writer that keeps the header only.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// schemaRoutes serves the JSON Schemas of the vocabulary, which are no secret.
func schemaRoutes() []auth.Route {
	return []auth.Route{{Pattern: "GET " + schema.Path, Handler: schema.Handler()}}
}
