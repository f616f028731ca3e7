package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/feed/hub"
	"trunkline/feed/hub/signalr"
)

// openHub starts the hub feed, and the alerts that it tells of.
func (s *Server) openHub(ctx context.Context) error {
	c := s.cfg.Hub
	keys, err := s.signingKeys(ctx)
	if err != nil {
		return err
	}
	lists := map[string][]string{}
	for _, l := range c.CallLists {
		lists[l.ID] = l.Queues
	}
	s.hub, err = hub.New(hub.Options{
		Log: s.log, State: s.state, People: s.people, Keys: keys, Organization: s.organizationOf, Admin: s.adminOf,
		Tick: c.Tick.Std(), Life: c.TokenLife.Std(), Pascal: c.Pascal, PublicURL: c.PublicURL, MaxSubscriptions: c.MaxSubscriptions, CallLists: lists, SupervisionNumber: c.SupervisionNumber,
		Attempts: &auth.Attempts{Burst: s.cfg.Listen.BadTokens},
		SignalR:  signalr.Options{QueueBytes: int(c.QueueBytes), MaxMessage: int(c.MaxMessage), MaxConns: c.MaxConnections, Origins: c.Origins},
	})
	if err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	s.metrics.feedGauges("hub", func() (int, int) { return s.hub.Stats().Connections, 0 })
	s.metrics.hubCounters(s.hub.Stats)
	alerts := alertsOf(&c)
	if len(alerts) == 0 {
		return nil
	}
	told, err := s.log.KV(ctx, hub.AlertBucket)
	if err != nil {
		return fmt.Errorf("open what alerts have told: %w", err)
	}
	watch, err := hub.NewAlerts(s.log, s.state, told, alerts)
	if err != nil {
		return fmt.Errorf("hub.alerts: %w", err)
	}
	s.onClose(func(context.Context) error { watch.Close(); return nil })
	return nil
}

// alertsOf are the conditions of the configuration.
func alertsOf(c *config.Hub) []hub.Alert {
	var alerts []hub.Alert
	for _, a := range c.Alerts {
		alerts = append(alerts, hub.Alert{ID: a.ID, Tenant: a.Tenant, Agents: a.Agents, Queues: a.Queues, Name: a.Name, Expression: a.Expression, Threshold: a.Threshold, Value: a.Value})
	}
	return alerts
}

// hubCounters registers what the hub counts.
func (m *metrics) hubCounters(stats func() hub.Stats) {
	m.counter("trunkline_hub_messages_total", "Messages that the hub made.", func() uint64 { return stats().Messages })
	m.counter("trunkline_hub_sent_total", "Of these: queued for clients, once for each.", func() uint64 { return stats().Sent })
	m.counter("trunkline_hub_expired_total", "Of these: not sent since they waited longer than they are good for.", func() uint64 { return stats().Expired })
	m.counter("trunkline_hub_slow_total", "Connections to the hub closed since their clients did not read.", func() uint64 { return stats().Slow })
}

// organizationOf gives the GUID of a tenant's organisation, "" when there is no such tenant.
func (s *Server) organizationOf(tenant string) string {
	t, ok := s.Tenants().Tenant(tenant)
	if !ok {
		return ""
	}
	return t.OrganizationGUID()
}

// adminOf gives the tenant that a request's token administers.
func (s *Server) adminOf(r *http.Request) (tenant string, ok bool) {
	token, ok := auth.FromRequest(r)
	if !ok {
		return "", false
	}
	p, err := s.tokens.Authenticate(token)
	if err != nil || p.Tenant == auth.Operator || !slices.Contains(p.Scopes, auth.Admin) || !s.Tenants().Known(p.Tenant) {
		return "", false
	}
	return p.Tenant, true
}
