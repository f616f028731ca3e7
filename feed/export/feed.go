package export

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Feed exports what happens to the tenants' destinations.
type Feed struct {
	log          Log
	o            Options
	tenants      []string // with destinations, by name
	destinations map[string][]*Destination
	seen         map[string]*progress // by the destination's key

	ctx  context.Context // ends with the feed
	end  context.CancelFunc
	done sync.WaitGroup

	mu   sync.Mutex // guards what is below
	runs map[string]*backfill
}

// Open begins to export. Close ends it.
func Open(log Log, o Options) (*Feed, error) {
	o = o.withDefaults()
	f := &Feed{log: log, o: o, destinations: map[string][]*Destination{}, seen: map[string]*progress{}, runs: map[string]*backfill{}}
	for i := range o.Destinations {
		d := o.Destinations[i]
		if err := d.check(); err != nil {
			return nil, fmt.Errorf("open the exports: %w", err)
		}
		if f.seen[d.key()] != nil {
			return nil, fmt.Errorf("open the exports: there are two destinations %s", d.key())
		}
		f.seen[d.key()] = newProgress()
		if f.destinations[d.Tenant] == nil {
			f.tenants = append(f.tenants, d.Tenant)
		}
		f.destinations[d.Tenant] = append(f.destinations[d.Tenant], &d)
	}
	slices.Sort(f.tenants)
	if len(f.tenants) > 0 && o.Dir == "" {
		return nil, errors.New("open the exports: they need a directory")
	}
	f.ctx, f.end = context.WithCancel(context.Background())
	for id := range log.Shards() {
		if !slices.ContainsFunc(f.tenants, func(t string) bool { return log.ShardOf(t) == id }) {
			continue
		}
		s := &shard{feed: f, id: id, dir: filepath.Join(o.Dir, fmt.Sprintf("shard-%d", id))}
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			f.end()
			return nil, fmt.Errorf("open the exports: %w", err)
		}
		f.done.Go(func() { s.run(f.ctx) })
	}
	return f, nil
}

// Close ends the exports. Windows that are under way are delivered by the next
// process.
func (f *Feed) Close(ctx context.Context) error {
	f.end()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.done.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the exports: %w", ctx.Err())
	}
}

// find gives a destination of a tenant.
func (f *Feed) find(tenant, id string) (*Destination, error) {
	for _, d := range f.destinations[tenant] {
		if d.ID == id {
			return d, nil
		}
	}
	return nil, fmt.Errorf("destination %q: %w", id, ErrUnknown)
}
