package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/config"
	"trunkline/feed/push"
	"trunkline/webhook"
)

// openPush opens the push feed with the destinations of the configuration.
func (s *Server) openPush(ctx context.Context) error {
	c := s.cfg.Push
	allow, err := webhook.ParseNetworks(c.AllowNetworks)
	if err != nil {
		return fmt.Errorf("push.allow_networks: %w", err)
	}
	static, err := s.staticDestinations()
	if err != nil {
		return err
	}
	o := push.Options{Static: static, Guard: webhook.Guard{Allow: allow}, PlainHTTP: c.PlainHTTP, Append: s.Append, Owns: s.log.Owns}
	if o.Destinations, err = s.secretKV(ctx, webhooksBucket); err != nil {
		return err
	}
	if o.Progress, err = s.log.KV(ctx, "webhook-progress"); err != nil {
		return err
	}
	if s.push, err = push.Open(ctx, s.log, o); err != nil {
		return err
	}
	s.metrics.registry.MustRegister(newPushCollector(s.push.Numbers))
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stopWatch = stop
	go s.watchDestinations(watching, static)
	return nil
}

// staticDestinations reads the destinations of the configuration with their files.
func (s *Server) staticDestinations() ([]push.Destination, error) {
	list := make([]push.Destination, 0, len(s.cfg.Push.Destinations))
	for i := range s.cfg.Push.Destinations {
		c := &s.cfg.Push.Destinations[i]
		d, err := staticDestination(c)
		if err != nil {
			return nil, fmt.Errorf("push.destinations: %s: %w", c.ID, err)
		}
		if u, err := url.Parse(d.URL); err == nil && u.Port() == "0" && s.receive.listener != nil {
			_, port, _ := net.SplitHostPort(s.receive.listener.Addr().String())
			u.Host = net.JoinHostPort(u.Hostname(), port)
			d.URL = u.String()
		}
		list = append(list, d)
	}
	return list, nil
}

// watchDestinations reads the files of the configured destinations again now and then, so that a renewed certificate or
// a new secret needs no restart. What cannot be used, half of a renewal for instance, leaves everything as it is.
func (s *Server) watchDestinations(ctx context.Context, known []push.Destination) {
	if len(known) == 0 {
		return
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		list, err := s.staticDestinations()
		if err == nil && reflect.DeepEqual(list, known) {
			continue
		}
		if err == nil {
			err = s.push.SetStatic(list)
		}
		if err != nil {
			slog.Error("the new files of a destination cannot be used, the old ones stay", "error", err)
			continue
		}
		known = list
		slog.Info("the files of the destinations have changed and were read again")
	}
}

func (s *Server) closePush(ctx context.Context) error {
	if s.push == nil {
		return nil
	}
	s.stopWatch()
	return s.push.Close(ctx)
}

// clearTenant takes away what must not outlive a tenant.
func (s *Server) clearTenant(ctx context.Context, tenant string) error {
	if err := s.push.RemoveTenant(ctx, tenant); err != nil {
		return err
	}
	return s.tokens.RevokeTenant(ctx, tenant)
}

// staticDestination reads the files of a destination of the configuration.
func staticDestination(c *config.PushDestination) (push.Destination, error) {
	d := push.Destination{ID: c.ID, Tenant: c.Tenant, URL: c.URL, EventList: c.EventList, TimeoutMS: c.TimeoutMS, Retries: c.Retries,
		BackoffMS: c.BackoffMS, Headers: c.HeaderMap(), Rate: float64(c.Rate), Concurrency: c.Concurrency, Ordering: c.Ordering,
		AfterLast: c.AfterLast, Success: c.Success, MinTLS: c.MinTLS, HTTP: c.HTTP}
	for _, f := range c.Feeds {
		d.Feeds = append(d.Feeds, push.Kind(f))
	}
	secrets := ""
	for _, f := range []struct {
		path string
		into *string
	}{{c.CA, &d.CA}, {c.ClientCert, &d.ClientCert}, {c.ClientKey, &d.ClientKey}, {c.SecretFile, &secrets}} {
		if f.path == "" {
			continue
		}
		raw, err := os.ReadFile(f.path)
		if err != nil {
			return d, fmt.Errorf("read a file of the destination: %w", err)
		}
		*f.into = string(raw)
	}
	for line := range strings.Lines(secrets) {
		if line = strings.TrimSpace(line); line != "" {
			d.Secrets = append(d.Secrets, push.Secret{Key: line})
		}
	}
	return d, nil
}

// pushCollector gives the metrics of destinations when somebody looks.
type pushCollector struct {
	numbers                                        func() []push.Numbers
	up, lag, age, waiting, parked, attempts, after *prometheus.Desc
}

func newPushCollector(numbers func() []push.Numbers) *pushCollector {
	desc := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc("trunkline_push_"+name, help, append([]string{"tenant", "destination"}, more...), nil)
	}
	return &pushCollector{numbers: numbers,
		up:       desc("up", "1 while the destination takes deliveries, 0 while it is down or paused."),
		lag:      desc("lag_events", "Records of the log that the destination is behind."),
		age:      desc("lag_seconds", "Age of the oldest message that waits."),
		waiting:  desc("waiting", "Messages in memory."),
		parked:   desc("parked", "Messages that are parked."),
		attempts: desc("attempts_total", "Attempts by outcome: delivered, failed.", "outcome"),
		after:    desc("given_up_total", "Messages by what became of them: parked, dropped; lost are records that the log kept no more.", "how"),
	}
}

// Describe implements prometheus.Collector.
func (c *pushCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.up, c.lag, c.age, c.waiting, c.parked, c.attempts, c.after} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *pushCollector) Collect(ch chan<- prometheus.Metric) {
	for _, n := range c.numbers() {
		gauge := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, n.Tenant, n.ID)
		}
		count := func(d *prometheus.Desc, v uint64, word string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), n.Tenant, n.ID, word)
		}
		up := 0.0
		if n.State == push.StateUp {
			up = 1
		}
		gauge(c.up, up)
		gauge(c.lag, float64(n.Lag))
		gauge(c.age, n.LagSec)
		gauge(c.waiting, float64(n.Waiting))
		gauge(c.parked, float64(n.Parked))
		count(c.attempts, n.Counts.Delivered, "delivered")
		count(c.attempts, n.Counts.Failed, "failed")
		count(c.after, n.Counts.Parked, "parked")
		count(c.after, n.Counts.Dropped, "dropped")
		count(c.after, n.Counts.Lost, "lost")
	}
}
