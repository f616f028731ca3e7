package export

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"trunkline/eventlog"
	"trunkline/eventlog/commit"
	"trunkline/feed/export/bucket"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

// maxLine bounds a line of the exported events.
const maxLine = 64 << 20

// followRaw gives step the events that were exported to a destination, up to a moment,
// as the log once gave them.
func (f *Feed) followRaw(ctx context.Context, d *Destination, to time.Time, step func(*eventlog.Step) error) error {
	t, ok := schema.Find("events")
	if !ok {
		return fmt.Errorf("the table of events: %w", ErrUnknown)
	}
	folder := fmt.Sprintf("%s/version=%s/format=%s/", t.Name, t.Version, layout.JSONL)
	r := rawReader{store: d.Store, tenant: d.Tenant, step: step}
	var windows []layout.Partition
	files := map[string][]string{}
	err := d.Store.List(ctx, folder, func(o bucket.Object) error {
		p, err := layout.ParsePath(o.Key)
		if err != nil {
			return nil
		}
		if p.File == layout.SuccessFile && p.Window.Length == t.Every {
			windows = append(windows, p)
		} else if _, err := layout.ParseFile(p.File); err == nil {
			files[p.Folder()] = append(files[p.Folder()], o.Key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, w := range windows {
		if !w.Window.Start.Before(to) {
			break
		}
		if !r.end.IsZero() && w.Window.Start.After(r.end) {
			r.commit++ // a window is missing, and with it what was in it
		}
		for _, key := range files[w.Folder()] {
			if err := r.file(ctx, key); err != nil {
				return fmt.Errorf("read %s: %w", key, err)
			}
		}
		r.end = w.Window.End()
		if err := r.give(&eventlog.Step{Received: r.end, Tick: true}); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: the exported events end at %s", ErrBackfill, r.end.Format(time.RFC3339))
}

// rawReader makes steps of exported events.
type rawReader struct {
	store  bucket.Store
	tenant string
	step   func(*eventlog.Step) error
	commit uint64
	end    time.Time // of the last window
	last   uint64    // sequence
}

func (r *rawReader) give(st *eventlog.Step) error {
	r.commit++
	st.Position = eventlog.Position{Commit: r.commit}
	return r.step(st)
}

func (r *rawReader) file(ctx context.Context, key string) error {
	body, err := r.store.Open(ctx, key, 0)
	if err != nil {
		return err
	}
	defer body.Close()
	var in io.Reader = body
	if strings.HasSuffix(path.Base(key), ".gz") {
		z, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		in = z
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; lines.Scan(); n++ {
		if err := r.line(lines.Bytes()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

func (r *rawReader) line(b []byte) error {
	if !gjson.ValidBytes(b) {
		return errors.New("it is no JSON")
	}
	v := gjson.GetManyBytes(b, "sequence", "received", "derived", "event", "cursor")
	at, err := time.Parse(time.RFC3339Nano, v[1].Str)
	if err != nil || v[0].Uint() == 0 || v[3].Str == "" {
		return errors.New("it has no sequence, time of receipt or event")
	}
	if r.commit == 0 && v[0].Uint() != 1 || r.last > 0 && v[0].Uint() != r.last+1 {
		r.commit++ // something before it is missing
	}
	r.last = v[0].Uint()
	cursor, err := eventlog.ParseCursor(v[4].Str)
	if err != nil {
		return err
	}
	rec := commit.Record{Seq: r.last, Received: at.UTC(), Derived: v[2].Bool(), Raw: []byte(v[3].Str)}
	return r.give(&eventlog.Step{Received: rec.Received, Batches: []*eventlog.Batch{
		{Tenant: r.tenant, Epoch: cursor.Epoch, Records: []eventlog.Record{rec}, Received: rec.Received}}})
}
