package pull

import (
	"context"
	"fmt"
	"path/filepath"

	"trunkline/feed/export/schema"
)

// deliverBatch is how many events are handed on at once.
const deliverBatch = 256

// deliver hands exported events on, partition by partition.
func (p *Puller) deliver(ctx context.Context, t *schema.Table, s *state, parts []Part, fetched [][]string, r *Result) error {
	at, ok := t.Column("event")
	if !ok {
		return fmt.Errorf("the feed has no column event")
	}
	derived, _ := t.Column("derived")
	for i, q := range parts {
		var batch [][]byte
		rows := s.head.Rows
		send := func() error {
			if len(batch) == 0 {
				return nil
			}
			err := p.o.Deliver(ctx, batch)
			batch = batch[:0]
			return err
		}
		for _, path := range fetched[i] {
			err := lines(path, t, p.o.Keys, func(line []byte) error {
				row, _, err := t.ParseJSON(line)
				if err != nil {
					return err
				}
				r.Rows++
				rows++
				if row[derived].Bool() { // the log that takes them derives its own
					return nil
				}
				if batch = append(batch, []byte(row[at].Str())); len(batch) == deliverBatch {
					return send()
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("%s/%s: %w", q.Folder(), filepath.Base(path), err)
			}
		}
		if err := send(); err != nil {
			return fmt.Errorf("hand on the events of %s: %w", q.Folder(), err)
		}
		if err := s.commit(head{Rows: rows}, []string{q.Folder()}); err != nil {
			return err
		}
		r.Parts++
	}
	r.Kept = s.head.Rows
	return nil
}
