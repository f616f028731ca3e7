package server

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"trunkline/auth"
	"trunkline/problem"
)

// observed is what is known of a request once it is answered.
type observed struct {
	http.ResponseWriter
	status   int
	bytes    int64
	hijacked bool
	tenant   string
	token    string
}

func (o *observed) WriteHeader(status int) {
	if o.status == 0 && status >= 200 {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(b []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	n, err := o.ResponseWriter.Write(b)
	o.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach deadlines and flushing.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// Hijack gives the connection away: what goes over it from then on is not a matter of HTTP.
func (o *observed) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(o.ResponseWriter).Hijack()
	if err == nil {
		o.hijacked = true
		if o.status == 0 {
			o.status = http.StatusSwitchingProtocols
		}
	}
	return c, rw, err
}

// Flush implements http.Flusher.
func (o *observed) Flush() {
	_ = http.NewResponseController(o.ResponseWriter).Flush() // a writer that cannot flush needs none
}

type observedKey struct{}

// watched is the handler of one pattern with everything around it that all endpoints share.
func (s *Server) watched(r auth.Route) http.Handler {
	known := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if p := auth.From(req.Context()); p != nil {
			if o, ok := req.Context().Value(observedKey{}).(*observed); ok {
				o.tenant, o.token = p.Tenant, p.TokenID
			}
		}
		r.Handler.ServeHTTP(w, req)
	})
	require := s.gate.Require
	if r.Operator {
		require = s.gate.RequireOrOperator
	}
	return s.observe(r.Pattern, require(r.Scope, known))
}

// observe bounds, counts and logs the requests to a handler.
func (s *Server) observe(pattern string, next http.Handler) http.Handler {
	count := s.metrics.endpoint(pattern)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := &observed{ResponseWriter: w}
		began := time.Now()
		done := count()
		defer func() {
			crash := recover()
			if crash != nil && crash != http.ErrAbortHandler {
				slog.Error("a handler crashed", "pattern", pattern, "error", crash, "stack", string(debug.Stack()))
				if o.status == 0 {
					problem.Write(o, problem.Detail{Status: http.StatusInternalServerError, Type: "internal", Title: "An internal error"})
				}
			}
			done(o.status, time.Since(began), o.hijacked)
			s.logRequest(r, o, pattern, time.Since(began))
			if crash != nil {
				panic(http.ErrAbortHandler) // the connection is not to be trusted any more
			}
		}()
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.ContentLength != 0 {
			// Only while a body comes in: on a stream without one the deadline would end the answer.
			_ = http.NewResponseController(w).SetReadDeadline(began.Add(s.cfg.Listen.BodyTimeout.Std()))
		}
		next.ServeHTTP(o, r.WithContext(context.WithValue(r.Context(), observedKey{}, o)))
	})
}

func (s *Server) logRequest(r *http.Request, o *observed, pattern string, took time.Duration) {
	level := slog.LevelDebug
	if o.status >= 500 {
		level = slog.LevelWarn
	}
	if !slog.Default().Enabled(r.Context(), level) {
		return
	}
	slog.LogAttrs(r.Context(), level, "request",
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("query", redactQuery(r.URL.RawQuery)),
		slog.String("pattern", pattern), slog.Int("status", o.status), slog.Int64("bytes", o.bytes), slog.Duration("took", took),
		slog.String("remote", r.RemoteAddr), slog.String("tenant", o.tenant), slog.String("token", o.token))
}

// secretParameters are query parameters whose values are never logged. We read no credential from a URL, but people
// put them there all the same.
var secretParameters = []string{"token", "key", "secret", "password", "passwd", "pwd", "auth", "credential", "signature", "sig", "code", "session", "jwt"}

// redactQuery hides the values of parameters whose names tell of a secret.
func redactQuery(raw string) string {
	if raw == "" {
		return ""
	}
	pairs := strings.Split(raw, "&")
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			pairs[i] = "(malformed)"
			continue
		}
		plain = strings.ToLower(plain)
		if slices.ContainsFunc(secretParameters, func(w string) bool { return strings.Contains(plain, w) }) ||
			strings.Contains(pair, "tl_") {
			pairs[i] = name + "=(hidden)"
		}
	}
	return strings.Join(pairs, "&")
}
