package writer

import (
	"fmt"
	"time"

	"trunkline/eventlog/commit"
)

// build numbers, enriches and gathers a batch in the builder. It gives each
// request its counts; nothing is durable yet.
func (w *Writer) build(batch []*request, received time.Time) error {
	w.builder.Reset()
	clear(w.seen)
	clear(w.heads)
	if err := w.fire(received); err != nil {
		return err
	}
	for _, r := range batch {
		r.result = Result{}
		for i := range r.events {
			id := r.ids[i]
			if body, ok := w.known(id); ok {
				r.result.Duplicates++
				if body != id.Body() {
					r.result.Conflicts++
				}
				continue
			}
			r.result.Accepted++
			w.derived = 0
			if err := w.add(r.tenant, id, false, r.events[i].Raw, received); err != nil {
				return err
			}
		}
		if h, ok := w.heads[r.tenant]; ok && r.result.Accepted > 0 {
			r.result.Head = h.seq
		}
	}
	return nil
}

// known looks an identity up: in the commit being built, in the one that is on
// its way, and in the log.
func (w *Writer) known(id commit.Identity) (uint32, bool) {
	if body, ok := w.seen[id.Key()]; ok {
		return body, true
	}
	if w.flight != nil {
		if body, ok := w.flight.seen[id.Key()]; ok {
			return body, true
		}
	}
	return w.cfg.Index.Known(id.Key())
}

// add numbers one event, folds it and what follows from it.
func (w *Writer) add(tenant string, id commit.Identity, derived bool, raw []byte, received time.Time) error {
	h := w.headOf(tenant)
	h.seq++
	w.heads[tenant] = h
	w.seen[id.Key()] = id.Body()
	if w.cfg.Fold == nil {
		w.builder.Add(tenant, h.epoch, h.seq, id, derived, raw, nil)
		return nil
	}
	rec := commit.Record{Seq: h.seq, Received: received, Derived: derived, Raw: raw}
	context, follow := w.cfg.Fold.Apply(tenant, &rec)
	w.builder.Add(tenant, h.epoch, h.seq, id, derived, raw, context)
	return w.derive(follow, received)
}

// headOf is a tenant's last number, counting what is not durable yet.
func (w *Writer) headOf(tenant string) head {
	if h, ok := w.heads[tenant]; ok {
		return h
	}
	if w.flight != nil {
		if h, ok := w.flight.heads[tenant]; ok {
			return h
		}
	}
	t := w.cfg.Index.Tenant(tenant)
	return head{t.Epoch, t.Head}
}

// derive appends facts that the fold gave.
func (w *Writer) derive(facts []Derived, received time.Time) error {
	for i := range facts {
		if w.derived++; w.derived > maxDerived {
			return fmt.Errorf("more than %d facts were derived from one event", maxDerived)
		}
		f := &facts[i]
		id := commit.Identify(f.Tenant, f.Event.Source, f.Event.ID, f.Event.Raw)
		if _, ok := w.known(id); ok {
			continue
		}
		if err := w.add(f.Tenant, id, true, f.Event.Raw, received); err != nil {
			return err
		}
	}
	return nil
}

// fire appends the facts of the timers that are due, up to an eighth of what a commit may
// hold: when very many are due at once, as after a pause, the next commits go on with them.
func (w *Writer) fire(now time.Time) error {
	if w.cfg.Fold == nil {
		return nil
	}
	for range maxDerived {
		at, ok := w.cfg.Fold.Due()
		if !ok || at.After(now) || w.builder.Bytes() > w.soft/8 {
			return nil
		}
		before := w.builder.Events()
		w.derived = 0
		if err := w.derive(w.cfg.Fold.Fire(now), now); err != nil {
			return err
		}
		if w.builder.Events() == before {
			return nil // the timers stay armed without saying anything new
		}
	}
	return fmt.Errorf("more than %d timers fired at once", maxDerived)
}
