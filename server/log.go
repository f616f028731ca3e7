package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/config"
	"trunkline/event"
	"trunkline/eventlog"
)

// logConfig says in the log's own words what the configuration wants.
func logConfig(c config.Log) eventlog.Config {
	out := eventlog.Config{
		Shards:      c.Shards,
		RetainAge:   c.Retention.Age.Std(),
		RetainBytes: uint64(c.Retention.Bytes),
		TenantBytes: uint64(c.TenantBytes),
		DiskReserve: uint64(c.DiskReserve),
		Identities:  c.Duplicates.Events,
		IdentityAge: c.Duplicates.Age.Std(),
		Cache:       int(c.Cache),
		MaxEvents:   c.Commit.Events,
		MaxPending:  int(c.Commit.Pending),
		Gather:      c.Commit.Delay.Std(),
		Tick:        c.Tick.Std(),
		Logger:      slog.Default(),
	}
	if c.URL == "" {
		out.Dir = c.Dir
		return out
	}
	out.URL, out.Creds = c.URL, c.Creds
	out.SystemURL, out.SystemCreds = c.SystemURL, c.SystemCreds
	out.Replicas, out.Lease, out.Node = c.Replicas, c.Lease.Std(), c.Node
	return out
}

func eventLimits(c config.Limits) event.Limits {
	return event.Limits{MaxEvent: int(c.EventBytes), MaxBatchBytes: int(c.BatchBytes), MaxBatchEvents: c.BatchEvents, MaxDepth: c.Depth}
}

// Append makes events durable, counts them and times it: for ingest, and for sources that work inside the process.
func (s *Server) Append(ctx context.Context, tenant string, events []event.Event) (eventlog.Result, error) {
	m := s.metrics
	began := time.Now()
	res, err := s.log.Append(ctx, tenant, events)
	m.append.Observe(time.Since(began).Seconds())
	m.appends.WithLabelValues(outcome(err)).Inc()
	if err != nil {
		return res, err
	}
	m.events.WithLabelValues("accepted").Add(float64(res.Accepted))
	m.events.WithLabelValues("duplicate").Add(float64(res.Duplicates))
	m.events.WithLabelValues("conflict").Add(float64(res.Conflicts))
	bytes := 0
	for i := range events {
		bytes += len(events[i].Raw)
	}
	m.bytes.Add(float64(bytes))
	return res, nil
}

func outcome(err error) string {
	var unavailable *eventlog.UnavailableError
	var quota *eventlog.QuotaError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &unavailable):
		return "unavailable"
	case errors.Is(err, eventlog.ErrUnknown):
		return "unknown"
	case errors.As(err, &quota):
		return "quota"
	case errors.Is(err, eventlog.ErrBusy):
		return "busy"
	}
	return "failed"
}

// logGauges registers what the log says of itself.
func (m *metrics) logGauges(health func() eventlog.Health) {
	one := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	m.gauge("trunkline_log_writable", "1 while the log takes appends.", func() float64 { return one(health().Writable) })
	m.gauge("trunkline_log_events", "Events that the log keeps, of all tenants.", func() float64 { return float64(health().Events) })
	m.gauge("trunkline_log_identities", "Identities that are remembered to recognise duplicates.", func() float64 { return float64(health().Identities) })
	m.gauge("trunkline_log_breaks", "Places where the store is not what was written. Anything but 0 needs an operator.",
		func() float64 { return float64(len(health().Breaks)) })
}

// feedGauges registers the connections of a feed.
func (m *metrics) feedGauges(feed string, count func() (open, behind int)) {
	label := prometheus.Labels{"feed": feed}
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "trunkline_feed_connections", Help: "Open connections of a feed.", ConstLabels: label},
			func() float64 { open, _ := count(); return float64(open) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "trunkline_feed_behind", Help: "Of them: those that read the log because they are not caught up.", ConstLabels: label},
			func() float64 { _, behind := count(); return float64(behind) }))
}
