package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/config"
	"trunkline/origin"
)

// edge is the listener and what serves it.
type edge struct {
	listener net.Listener
	scheme   string
	proxies  origin.Proxies // whose word about clients is taken
	http     *http.Server
	handler  atomic.Pointer[http.Handler]

	mu    sync.Mutex            // guards fresh
	fresh map[net.Conn]struct{} // connections that have not sent anything yet
}

// listen opens the listener and serves: until the parts are mounted, health checks alone.
func (s *Server) listen(ctx context.Context) error {
	c := s.cfg.Listen
	secure, err := tlsConfig(c.TLS)
	if err != nil {
		return err
	}
	if s.edge.proxies, err = origin.Parse(c.TrustedProxies); err != nil {
		return fmt.Errorf("listen.trusted_proxies: %w", err)
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("listen on listen.addr %s: %w", c.Addr, err)
	}
	e := &s.edge
	e.listener, e.scheme = ln, "http"
	if secure != nil {
		e.listener, e.scheme = tls.NewListener(ln, secure), "https"
	} else if !loopback(ln.Addr()) {
		slog.Warn("listening without TLS on an address that others can reach: tokens travel in the clear", "addr", ln.Addr().String())
	}
	starting, err := s.mount(s.healthRoutes())
	if err != nil {
		return err
	}
	h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			notReady(w, s.phase.get())
			return
		}
		starting.ServeHTTP(w, r)
	}))
	e.handler.Store(&h)
	e.http = e.server(c)
	go func() {
		if err := e.http.Serve(e.listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.failed <- fmt.Errorf("serve: %w", err)
		}
	}()
	return nil
}

// server has a bound on everything a client can keep it waiting with. It speaks HTTP/1.1 alone: a feed, which answers
// for days, takes its connection over, and these bounds end there.
func (e *edge) server(c config.Listen) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*e.handler.Load()).ServeHTTP(w, e.proxies.Resolve(r)) }),
		ReadHeaderTimeout: c.HeaderTimeout.Std(),
		WriteTimeout:      c.WriteTimeout.Std(),
		IdleTimeout:       c.IdleTimeout.Std(),
		MaxHeaderBytes:    int(c.HeaderBytes),
		Protocols:         &protocols,
		ConnState:         e.state,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
}

// state keeps the connections that have not sent anything yet: browsers hold spare ones, and Shutdown would wait five
// seconds for each to turn into a request.
func (e *edge) state(c net.Conn, to http.ConnState) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if to != http.StateNew {
		delete(e.fresh, c)
		return
	}
	if e.fresh == nil {
		e.fresh = map[net.Conn]struct{}{}
	}
	e.fresh[c] = struct{}{}
}

func (e *edge) dropFresh() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for c := range e.fresh {
		_ = c.Close()
	}
}

// stop takes no new connections, waits for the requests in flight for at most limit, and closes what is left.
func (e *edge) stop(ctx context.Context, limit time.Duration) error {
	if e.http == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_ = e.listener.Close() // so that no fresh connection follows those that are dropped
	e.dropFresh()
	if err := e.http.Shutdown(ctx); err != nil {
		slog.Warn("requests were cut off at the end of listen.shutdown_timeout", "error", err)
		return e.http.Close()
	}
	return nil
}

// URL is where the server is reached.
func (s *Server) URL() string {
	host, port, _ := net.SplitHostPort(s.edge.listener.Addr().String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return s.edge.scheme + "://" + net.JoinHostPort(host, port)
}

func loopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
