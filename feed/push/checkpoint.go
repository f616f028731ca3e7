package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"trunkline/control"
	"trunkline/eventlog"
)

// checkpoint is the stored progress of one destination.
type checkpoint struct {
	Cursor eventlog.Cursor `json:"c"`
	Done   string          `json:"d,omitempty"` // of the records behind the cursor
	Pages  [2]int          `json:"p"`           // of what is parked: from, to
	Made   int64           `json:"m,omitempty"` // when the destination was made, epoch ms; 0: it stands in the configuration
}

func shardKey(shard int) string                  { return fmt.Sprintf("c.%d", shard) }
func pageKey(tenant, id string, page int) string { return fmt.Sprintf("p.%s.%s.%d", tenant, id, page) }
func destinationKey(tenant, id string) string    { return "d." + tenant + "." + id }
func pauseKey(tenant, id string) string          { return "s." + tenant + "." + id }

// checkpointBytes bounds the checkpoint of a shard; when it would be larger, the sets of what is done behind the
// cursors are left out, and a crash repeats more.
const checkpointBytes = 700 << 10

func journalKey(tenant, id string) string { return "a." + tenant + "." + id }

// flush writes what is parked, then one checkpoint for each shard of which something has changed, and the last attempts
// of destinations now and then; last says that the feed ends.
func (f *Feed) flush(ctx context.Context, last bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	byShard := map[int][]*lane{}
	for _, l := range f.lanes {
		shard := f.log.ShardOf(l.d.Tenant)
		byShard[shard] = append(byShard[shard], l)
	}
	var errs []error
	for shard, lanes := range byShard {
		errs = append(errs, f.flushShard(ctx, shard, lanes))
		for _, l := range lanes {
			errs = append(errs, f.writeJournal(ctx, l, last))
		}
	}
	return errors.Join(errs...)
}

func (f *Feed) flushShard(ctx context.Context, shard int, lanes []*lane) error {
	all := f.shards[shard]
	if all == nil {
		return nil
	}
	var errs []error
	var changed []*lane
	for _, bound := range []int{windowRecords / 8, 0} {
		for _, l := range lanes {
			c, pages, ok := l.checkpoint(bound)
			if !ok && bound > 0 {
				continue
			}
			if err := f.writePages(ctx, l, pages); err != nil {
				errs = append(errs, err)
				l.touch()
				continue
			}
			all[l.d.key()] = c
			changed = append(changed, l)
		}
		if len(changed) == 0 {
			break
		}
		raw, err := json.Marshal(all)
		if err == nil && len(raw) > checkpointBytes && bound > 0 {
			continue
		}
		if err == nil {
			_, err = f.o.Progress.Put(ctx, shardKey(shard), raw)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("write the checkpoint of shard %d: %w", shard, err))
			for _, l := range changed {
				l.touch()
			}
		}
		break
	}
	return errors.Join(errs...)
}

// writeJournal stores the last attempts of a destination. What cannot be stored is stored with the next ones.
func (f *Feed) writeJournal(ctx context.Context, l *lane, last bool) error {
	l.mu.Lock()
	s, ok := l.journal.due(time.Now(), last)
	l.mu.Unlock()
	if !ok {
		return nil
	}
	raw, err := json.Marshal(s)
	if err == nil {
		_, err = f.o.Progress.Put(ctx, journalKey(l.d.Tenant, l.d.ID), raw)
	}
	if err != nil {
		return fmt.Errorf("write the attempts for %s: %w", l.d.key(), err)
	}
	return nil
}

// readJournal gives a lane the attempts that were stored. They are for looking at: without them it goes on all the same.
func (f *Feed) readJournal(l *lane) {
	e, err := f.o.Progress.Get(f.ctx, journalKey(l.d.Tenant, l.d.ID))
	var s storedJournal
	if err == nil {
		err = json.Unmarshal(e.Value, &s)
	}
	switch {
	case err == nil:
		l.journal.load(&s)
	case !errors.Is(err, control.ErrNotFound):
		slog.Warn("the last attempts of a destination cannot be read", "destination", l.d.key(), "error", err)
	}
}

func (f *Feed) writePages(ctx context.Context, l *lane, pages map[int][]byte) error {
	for page, raw := range pages {
		key := pageKey(l.d.Tenant, l.d.ID, page)
		var err error
		if raw == nil {
			err = f.o.Progress.Delete(ctx, key)
		} else {
			_, err = f.o.Progress.Put(ctx, key, raw)
		}
		if err != nil {
			l.mu.Lock()
			for page := range pages {
				l.parked.mark(page)
			}
			l.mu.Unlock()
			return fmt.Errorf("write what is parked for %s: %w", l.d.key(), err)
		}
	}
	return nil
}

// checkpoint gives what is to be stored of a lane, false when nothing has changed.
func (l *lane) checkpoint(bound int) (checkpoint, map[int][]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := l.dirty || len(l.parked.dirty) > 0
	l.dirty = false
	pages := l.parked.pages()
	clear(l.parked.dirty)
	c := checkpoint{Cursor: eventlog.Cursor{Epoch: l.epoch, Seq: l.progress.low}, Done: l.progress.bitmap(bound), Made: l.d.made()}
	first := l.parked.last / pageSize
	if len(l.parked.list) > 0 {
		first = l.parked.list[0].page
	}
	c.Pages = [2]int{first, (l.parked.last + pageSize - 1) / pageSize}
	return c, pages, changed
}

func (l *lane) touch() {
	l.mu.Lock()
	l.dirty = true
	l.mu.Unlock()
}

// resume gives a lane what is stored of it. f.mu is held.
func (f *Feed) resume(l *lane) error {
	shard := f.log.ShardOf(l.d.Tenant)
	if f.shards[shard] == nil {
		all := map[string]checkpoint{}
		e, err := f.o.Progress.Get(f.ctx, shardKey(shard))
		if err == nil {
			err = json.Unmarshal(e.Value, &all)
		}
		if err != nil && !errors.Is(err, control.ErrNotFound) {
			return fmt.Errorf("read the checkpoint of shard %d: %w", shard, err)
		}
		f.shards[shard] = all
	}
	c, ok := f.shards[shard][l.d.key()]
	if made := l.d.made(); ok && c.Made != 0 && made != 0 && c.Made != made {
		f.clear(l.d.Tenant, l.d.ID, c.Pages) // it is of a destination of the same id that was deleted
		ok = false
	}
	if !ok {
		start := f.log.Head(l.d.Tenant)
		if s, ok := f.store.Get(destinationKey(l.d.Tenant, l.d.ID)); ok && s.Start != nil {
			start = *s.Start
		}
		l.epoch, l.progress.low, l.dirty = start.Epoch, start.Seq, true
		return nil
	}
	f.readJournal(l)
	l.epoch = c.Cursor.Epoch
	l.progress.restore(c.Cursor.Seq, c.Done)
	for page := c.Pages[0]; page < c.Pages[1]; page++ {
		e, err := f.o.Progress.Get(f.ctx, pageKey(l.d.Tenant, l.d.ID, page))
		if errors.Is(err, control.ErrNotFound) {
			continue
		}
		if err == nil {
			err = l.parked.load(page, e.Value)
		}
		if err != nil {
			return fmt.Errorf("read what is parked: %w", err)
		}
	}
	l.parked.last = max(l.parked.last, c.Pages[1]*pageSize)
	return nil
}

// forget removes what is stored of a destination that is no more. f.mu is held.
func (f *Feed) forget(l *lane) {
	shard := f.log.ShardOf(l.d.Tenant)
	c := f.shards[shard][l.d.key()]
	delete(f.shards[shard], l.d.key())
	f.clear(l.d.Tenant, l.d.ID, [2]int{c.Pages[0], max(c.Pages[1], (l.parked.last+pageSize-1)/pageSize)})
}

// clear removes the attempts and the pages that are stored under an id.
func (f *Feed) clear(tenant, id string, pages [2]int) {
	keys := []string{journalKey(tenant, id)}
	for page := pages[0]; page < pages[1]; page++ {
		keys = append(keys, pageKey(tenant, id, page))
	}
	for _, key := range keys {
		if err := f.o.Progress.Delete(f.ctx, key); err != nil && !errors.Is(err, control.ErrNotFound) {
			slog.Warn("what is stored of a destination that is gone cannot be removed", "key", key, "error", err)
		}
	}
}
