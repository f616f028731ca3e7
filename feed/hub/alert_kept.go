package hub

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"

	"trunkline/control"
)

// AlertBucket is the bucket of what alerts have told.
const AlertBucket = "hub_alerts"

// AlertStore keeps, by tenant, what alerts have told and still holds, so that neither a
// restart nor another owner of the shard tells it again. A [control.KV] is one.
type AlertStore interface {
	Get(ctx context.Context, key string) (control.Entry, error)
	Put(ctx context.Context, key string, value []byte) (uint64, error)
}

var _ AlertStore = (control.KV)(nil)

// holding is what is kept of one condition.
type holding struct {
	Expression string   `json:"expression"` // another one is another condition
	Queues     []string `json:"queues"`     // of which it holds
}

// recall brings the conditions of a tenant up to what was kept.
func (a *Alerts) recall(ctx context.Context, w *watching) error {
	for _, c := range w.conditions {
		clear(c.fired)
	}
	e, err := a.store.Get(ctx, w.tenant)
	if errors.Is(err, control.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	kept := map[string]holding{}
	if err := json.Unmarshal(e.Value, &kept); err != nil {
		slog.Warn("what alerts have told cannot be read; what holds is told again", "tenant", w.tenant, "error", err)
		return nil
	}
	for _, c := range w.conditions {
		if h := kept[c.ID]; h.Expression == c.Expression {
			for _, q := range h.Queues {
				c.fired[q] = true
			}
		}
	}
	return nil
}

// keep writes down of which queues the conditions of a tenant hold.
func (a *Alerts) keep(ctx context.Context, w *watching) error {
	kept := map[string]holding{}
	for _, c := range w.conditions {
		if len(c.fired) > 0 {
			kept[c.ID] = holding{c.Expression, slices.Sorted(maps.Keys(c.fired))}
		}
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	_, err = a.store.Put(ctx, w.tenant, b)
	return err
}
