package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/eventlog"
)

// Offline is the store of a configuration while no server runs on it: for the first token, and for checks.
type Offline struct {
	log    *eventlog.Log
	tokens *auth.Store
	known  func(tenant string) bool
	close  func(context.Context) error
}

// OpenOffline opens the store without taking events. eventlog.ErrInUse when a server has it open.
func OpenOffline(ctx context.Context, cfg config.Config) (*Offline, error) {
	static, err := cfg.StaticTokens()
	if err != nil {
		return nil, err
	}
	conf := logConfig(cfg.Log)
	conf.ReadOnly = true
	log, err := eventlog.Open(ctx, conf)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(ctx)
	dir, tokens, err := openControl(life, log, cfg.DirectoryTenants(), static)
	if err != nil {
		end()
		return nil, errors.Join(err, log.Close(ctx))
	}
	return &Offline{log: log, tokens: tokens, known: dir.Known, close: func(ctx context.Context) error { end(); return log.Close(ctx) }}, nil
}

// Close closes the store.
func (o *Offline) Close(ctx context.Context) error { return o.close(ctx) }

// Issue makes a token with the tenant, scopes, name and end of t, and gives it with its text.
func (o *Offline) Issue(ctx context.Context, t auth.Token) (auth.Token, string, error) {
	if t.Tenant != auth.Operator && !o.known(t.Tenant) {
		return auth.Token{}, "", fmt.Errorf("there is no tenant %q", t.Tenant)
	}
	return o.tokens.Issue(ctx, t)
}

// List gives the tokens of a tenant, of all with "".
func (o *Offline) List(_ context.Context, tenant string) ([]auth.Token, error) {
	return o.tokens.List(tenant), nil
}

// Rotate replaces the secret of a token and gives the new text.
func (o *Offline) Rotate(ctx context.Context, id string) (auth.Token, string, error) {
	return o.tokens.Rotate(ctx, id)
}

// Revoke removes a token.
func (o *Offline) Revoke(ctx context.Context, id string) error { return o.tokens.Revoke(ctx, id) }

// Renumber begins a new epoch: every cursor handed out so far is answered with
// 410 and the reason, instead of meaning other events than it did. It is for a
// store that was put back from an older copy.
func Renumber(ctx context.Context, cfg config.Config) error {
	conf := logConfig(cfg.Log)
	conf.NewEpoch = true
	log, err := eventlog.Open(ctx, conf)
	if err != nil {
		return err
	}
	// The epoch is in the log once a writer has claimed it.
	return errors.Join(log.WaitWritable(ctx), log.Close(ctx))
}

// Verify reads the whole log and checks it.
func (o *Offline) Verify(ctx context.Context, progress func(commits uint64)) (eventlog.Report, error) {
	return o.log.Verify(ctx, progress)
}

// Logger writes what the configuration asks for to w.
func Logger(w io.Writer, c config.Observability) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // the configuration accepts the names of levels alone
	o := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
