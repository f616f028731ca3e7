package measures

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"trunkline/ws"
)

// sweepEvery is how often connections and subscriptions are looked at.
const sweepEvery = time.Second

// snapshotPatience is how long a client may take nothing of its snapshot: until it has it all, it holds on to memory
// that would otherwise be given back.
const snapshotPatience = 30 * time.Second

// watch ends what must end: connections whose subscription is over, clients that do not ping.
func (f *Feed) watch() {
	defer f.wg.Done()
	every := time.NewTicker(min(sweepEvery, f.o.PingInterval/4))
	defer every.Stop()
	rare := time.NewTicker(time.Minute)
	defer rare.Stop()
	f.tendHooks()
	for {
		select {
		case <-f.ctx.Done():
			f.mu.Lock()
			hooks := slices.Collect(maps.Values(f.hooks))
			f.mu.Unlock()
			for _, h := range hooks {
				f.stopHook(h)
			}
			return
		case id := <-f.ended:
			f.look(f.connected(id))
			f.tendHooks()
		case <-every.C:
			f.look(f.connected(""))
			f.tendHooks()
		case <-rare.C:
			f.subs.sweep(f.ctx)
		}
	}
}

// connected lists the authenticated connections of a subscription, of all with "".
func (f *Feed) connected(id string) []*session {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []*session
	if id != "" {
		for s := range f.bySub[id] {
			out = append(out, s)
		}
		return out
	}
	for _, of := range f.bySub {
		for s := range of {
			out = append(out, s)
		}
	}
	return out
}

// look ends those of the connections that must end.
func (f *Feed) look(list []*session) {
	now := f.o.Now()
	for _, s := range list {
		if s.ending.Load() {
			continue // its end is settled: it must not end a subscription that was renewed since
		}
		sub, err := f.subs.get(s.sub.Tenant, s.sub.ID)
		switch {
		case err != nil:
			s.goodbye(ws.CodeMeasuresSubscription, "the subscription was deleted")
		case !now.Before(sub.ExpiresAt):
			s.goodbye(ws.CodeMeasuresSubscription, "the subscription has expired")
		case sub.Stopped:
			s.goodbye(ws.CodeMeasuresNoPing, "the subscription is inactive")
		case sub.Terms != s.sub.Terms:
			s.goodbye(ws.CodeMeasuresChanged, "the subscription was changed")
		case now.UnixNano()-s.pinged.Load() > int64(f.o.PingInterval):
			f.silent(s)
		case !s.started.Load() && time.Now().UnixNano()-s.progress.Load() > int64(snapshotPatience) && s.conn.Queued() > 0:
			s.goodbye(ws.CodeSlow, "nothing of the snapshot was read")
		}
	}
}

// silent ends a connection whose client does not ping, and sets its subscription inactive when no other client of it does.
func (f *Feed) silent(s *session) {
	s.goodbye(ws.CodeMeasuresNoPing, "no ping came in time")
	limit := f.o.Now().UnixNano() - int64(f.o.PingInterval)
	for _, other := range f.connected(s.sub.ID) {
		if !other.ending.Load() && other.pinged.Load() >= limit {
			return
		}
	}
	ctx, cancel := context.WithTimeout(f.ctx, 10*time.Second)
	defer cancel()
	if err := f.subs.stop(ctx, s.sub.Tenant, s.sub.ID); err != nil && !errors.Is(err, errNoSubscription) {
		f.o.Logger.Error("a subscription could not be set inactive", "subscription", s.sub.ID, "error", err)
	}
}
