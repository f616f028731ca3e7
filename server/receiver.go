package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/config"
	"trunkline/source/asapp"
)

// receiver is the listener for ASAPP's events. It is apart from the other one, because every client of it must show a
// certificate.
type receiver struct {
	http     *http.Server
	listener net.Listener
}

// bindReceiver opens the receiver's listener when one is configured. Who connects waits until the receiver serves.
func (s *Server) bindReceiver(ctx context.Context) error {
	addr := s.cfg.Receiver.Addr
	if addr == "" {
		return nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on receiver.addr %s: %w", addr, err)
	}
	s.receive.listener = ln
	return nil
}

// serveReceiver serves it.
func (s *Server) serveReceiver() error {
	c, ln := s.cfg.Receiver, s.receive.listener
	if ln == nil {
		return nil
	}
	allow, err := asapp.OpenAllow(c.Clients)
	if err != nil {
		return fmt.Errorf("receiver.clients: %w", err)
	}
	secure, err := tlsConfig(config.TLS{Cert: c.Cert, Key: c.Key, ClientCA: c.ClientCA})
	if err != nil {
		return fmt.Errorf("receiver: %w", err)
	}
	if c.MinTLS == "1.3" {
		secure.MinVersion = tls.VersionTLS13
	}
	secure.NextProtos = []string{"h2", "http/1.1"}
	// A session would outlive its certificate and its authority by days; connections are kept alive anyway.
	secure.SessionTicketsDisabled = true
	counts := s.metrics.receiver()
	h := asapp.New(asapp.Options{Log: s, Allow: allow, Known: s.Tenants().Known, Names: c.Names, Types: c.Types,
		Bytes: int64(s.cfg.Limits.EventBytes), Count: func(outcome string) { counts.WithLabelValues(outcome).Inc() }})
	edge := s.cfg.Listen
	s.receive.http = &http.Server{
		Handler: h, TLSConfig: secure, ReadHeaderTimeout: edge.HeaderTimeout.Std(), ReadTimeout: edge.BodyTimeout.Std(), WriteTimeout: edge.WriteTimeout.Std(),
		IdleTimeout: edge.IdleTimeout.Std(), MaxHeaderBytes: int(edge.HeaderBytes), ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
	go func() {
		if err := s.receive.http.ServeTLS(ln, "", ""); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve the receiver: %w", err)
		}
	}()
	return nil
}

func (r *receiver) stop(ctx context.Context, limit time.Duration) error {
	if r.http == nil {
		if r.listener != nil {
			return r.listener.Close()
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := r.http.Shutdown(ctx); err != nil {
		return r.http.Close()
	}
	return nil
}

// ReceiverURL is where ASAPP's events are posted, "" when there is no receiver.
func (s *Server) ReceiverURL() string {
	if s.receive.listener == nil {
		return ""
	}
	host, port, _ := net.SplitHostPort(s.receive.listener.Addr().String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "https://" + net.JoinHostPort(host, port) + asapp.Path
}

// receiver counts what is posted to the receiver.
func (m *metrics) receiver() *prometheus.CounterVec {
	counts := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_receiver_payloads_total",
		Help: "Payloads that were posted to the receiver, by outcome: accepted, duplicate, filtered, refused, failed."}, []string{"outcome"})
	m.registry.MustRegister(counts)
	return counts
}
