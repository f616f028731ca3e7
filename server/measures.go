package server

import (
	"context"
	"fmt"

	"trunkline/auth"
	"trunkline/auth/jwt"
	"trunkline/auth/oauth"
	"trunkline/feed/measures"
	"trunkline/webhook"
)

// openMeasures starts the measures feed and what issues the tokens for it.
func (s *Server) openMeasures(ctx context.Context) error {
	c, o := s.cfg.Measures, s.cfg.OAuth
	opts := measures.Options{
		State: s.state, Audience: o.Audience, Tenant: s.tenantOf, Account: s.accountOf,
		Tick: c.Tick.Std(), EventSource: c.EventSource, PingInterval: c.PingInterval.Std(), AuthTimeout: c.AuthTimeout.Std(),
		QueueBytes: int(c.QueueBytes), MaxSubscriptions: c.MaxSubscriptions, KeepInactive: c.KeepInactive.Std(),
		PublicURL: c.PublicURL, Origins: c.Origins, Attempts: &auth.Attempts{Burst: s.cfg.Listen.BadTokens},
	}
	allow, err := webhook.ParseNetworks(s.cfg.Push.AllowNetworks)
	if err != nil {
		return fmt.Errorf("push.allow_networks: %w", err)
	}
	opts.Webhooks = &measures.Webhooks{Guard: webhook.Guard{Allow: allow}, PlainHTTP: s.cfg.Push.PlainHTTP,
		Owns: func(tenant string) bool { return s.log.Owns(s.log.ShardOf(tenant)) }}
	if outside, ok := o.Outside(); ok {
		v, err := jwt.NewOutside(outside)
		if err != nil {
			return fmt.Errorf("oauth.issuer: %w", err)
		}
		opts.Tokens, opts.AccountTokens = v, true
	} else {
		keys, err := s.signingKeys(ctx)
		if err != nil {
			return err
		}
		list, err := s.cfg.OAuthClients()
		if err != nil {
			return err
		}
		clients, err := oauth.NewClients(list)
		if err != nil {
			return err
		}
		opts.Tokens = keys
		s.oauth = oauth.NewAPI(oauth.Options{Clients: clients, Keys: keys, Tenant: s.tenantOf, Audience: o.Audience, Life: o.Life.Std(),
			Attempts: &auth.Attempts{Burst: s.cfg.Listen.BadTokens}})
	}
	kv, err := s.secretKV(ctx, measures.Bucket)
	if err != nil {
		return err
	}
	opts.Subscriptions = kv
	if s.measures, err = measures.New(ctx, opts); err != nil {
		return err
	}
	s.metrics.feedGauges("measures", func() (int, int) { return s.measures.Stats().Connections, 0 })
	return nil
}

// signingKeys are the program's own keys for signed tokens.
func (s *Server) signingKeys(ctx context.Context) (*jwt.Keys, error) {
	if s.keys != nil {
		return s.keys, nil
	}
	kv, err := s.secretKV(ctx, jwt.Bucket)
	if err != nil {
		return nil, err
	}
	s.keys, err = jwt.OpenKeys(ctx, kv, jwt.Options{Rotate: s.cfg.OAuth.Rotate.Std()})
	return s.keys, err
}

// measuresRoutes are the endpoints of the feed, and of the tokens when they are our own.
func (s *Server) measuresRoutes() []auth.Route {
	routes := s.measures.Routes()
	if s.oauth != nil {
		routes = append(routes, s.oauth.Routes()...)
	}
	return routes
}

// tenantOf gives the tenant of an account.
func (s *Server) tenantOf(account string) (string, bool) {
	t, ok := s.Tenants().ByAccount(account)
	return t.ID, ok
}

// accountOf gives the account of a tenant, "" when there is no such tenant.
func (s *Server) accountOf(tenant string) string {
	t, ok := s.Tenants().Tenant(tenant)
	if !ok {
		return ""
	}
	return t.AccountName()
}
