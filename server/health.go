package server

import (
	"net/http"
	"sync"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/jsonhttp"
	"trunkline/problem"
)

// phase is where the server stands in its life.
type phase struct {
	mu     sync.Mutex // guards reason
	reason string     // why it is not ready, whatever the log says; empty when it is
}

func (p *phase) set(reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reason = reason
}

func (p *phase) get() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason
}

// healthRoutes are there from the first moment on.
func (s *Server) healthRoutes() []auth.Route {
	return []auth.Route{
		{Pattern: "GET /healthz", Handler: http.HandlerFunc(s.healthz)},
		{Pattern: "GET /readyz", Handler: http.HandlerFunc(s.readyz)},
	}
}

// healthz says that the process runs: a restart would not help while this answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	jsonhttp.Write(w, http.StatusOK, map[string]any{"status": "alive"})
}

// readyz says whether the server does its whole work, and if not why.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if reason := s.phase.get(); reason != "" {
		notReady(w, reason)
		return
	}
	h := s.log.Health()
	if !h.Writable {
		notReady(w, "the log takes no appends: "+h.Reason)
		return
	}
	jsonhttp.Write(w, http.StatusOK, map[string]any{"status": "ready", "durability": h.Durability, "breaks": len(h.Breaks)})
}

func notReady(w http.ResponseWriter, reason string) {
	w.Header().Set("Retry-After", "1")
	problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "not-ready", Title: "The server is not ready", Detail: reason})
}

// metricsRoutes offers /metrics to whom the configuration names.
func (s *Server) metricsRoutes(c config.Observability) []auth.Route {
	h := s.metrics.handler()
	switch c.Metrics {
	case "public":
		return []auth.Route{{Pattern: "GET /metrics", Handler: h}}
	case "operator":
		return []auth.Route{{Pattern: "GET /metrics", Scope: auth.Admin, Handler: auth.OperatorOnly(h)}}
	}
	return nil
}
