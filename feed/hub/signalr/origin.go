package signalr

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// origins are the pages that may connect.
type origins []string

// CheckOrigins says what is wrong with [Options.Origins].
func CheckOrigins(list []string) error {
	_, err := parseOrigins(list)
	return err
}

func parseOrigins(list []string) (origins, error) {
	for _, o := range list {
		u, err := url.Parse(strings.Replace(o, "://*.", "://any.", 1))
		if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || strings.Contains(u.Host, "*") {
			return nil, fmt.Errorf("origin %q: it is scheme://host with an optional port, and *. in front of a domain for all below it", o)
		}
	}
	return list, nil
}

// allow says whether the page that a request comes from may connect, and tells the
// browser so. Requests that come from no page may.
func (o origins) allow(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	w.Header().Add("Vary", "Origin")
	if u, err := url.Parse(origin); err == nil && strings.EqualFold(u.Host, r.Host) {
		return true // the browser asks for no leave
	}
	for _, allowed := range o {
		if matches(allowed, origin) {
			// Clients send credentials: the origin must be named.
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Credentials", "true")
			return true
		}
	}
	return false
}

func matches(allowed, origin string) bool {
	scheme, host, wild := strings.Cut(allowed, "*.")
	if !wild {
		return strings.EqualFold(allowed, origin)
	}
	rest, ok := strings.CutPrefix(strings.ToLower(origin), strings.ToLower(scheme))
	return ok && strings.HasSuffix(rest, "."+strings.ToLower(host))
}

// Preflight answers what a browser asks before it sends a request. It needs no
// token.
func (s *Server) Preflight(w http.ResponseWriter, r *http.Request) {
	if s.origins.allow(w, r) && r.Header.Get("Origin") != "" {
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
		h.Set("Access-Control-Allow-Headers", "authorization, content-type, x-requested-with, x-signalr-user-agent")
		h.Set("Access-Control-Max-Age", "3600")
	}
	w.WriteHeader(http.StatusNoContent)
}
