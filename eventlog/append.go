package eventlog

import (
	"context"
	"time"

	"trunkline/event"
)

// Result says what became of an append.
type Result struct {
	Accepted   int    // events appended now
	Duplicates int    // events that were known already
	Conflicts  int    // among them: known with another body; the first one stands
	Cursor     Cursor // behind the last event of the append
	Durability string // what the acknowledgement means: fsync, nosync, unverified
}

// Append makes a tenant's events durable, in their order, and returns when they
// are. Until it returns, the events' bytes must not change; afterwards they are
// the caller's again.
//
// Errors: *UnavailableError (not written), ErrUnknown (repeat with the same
// ids), *QuotaError, ErrBusy, ErrTooLarge, the context's.
func (l *Log) Append(ctx context.Context, tenant string, events []event.Event) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	if r := l.refusal(); r != "" {
		return Result{}, &UnavailableError{Reason: r}
	}
	s := l.shardOf(tenant)
	if err := l.checkQuota(s, tenant); err != nil {
		return Result{}, err
	}
	w := s.owner()
	if w == nil {
		return s.forward(ctx, tenant, events)
	}
	res, err := w.Append(ctx, tenant, events)
	return Result{
		Accepted: res.Accepted, Duplicates: res.Duplicates, Conflicts: res.Conflicts,
		Cursor: Cursor{res.Epoch, res.Head}, Durability: l.engine.Durability(),
	}, err
}

// checkQuota refuses a tenant that keeps too much already, so that the store's
// own bound never removes another tenant's events early.
func (l *Log) checkQuota(s *shard, tenant string) error {
	limit := l.cfg.TenantBytes
	if l.cfg.TenantQuota != nil {
		if q := l.cfg.TenantQuota(tenant); q > 0 {
			limit = q
		}
	}
	if t := s.index.Tenant(tenant); t.Bytes >= limit {
		return &QuotaError{RetryAfter: time.Minute, Reason: quotaReason(tenant, t.Bytes, limit)}
	}
	return nil
}
