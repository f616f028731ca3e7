package live

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"trunkline/auth"
	"trunkline/eventlog"
	"trunkline/feed/relay"
)

// A page ends when it has so many bytes, or when so many events or so much time were
// spent on those that the filter does not want: the cursor goes on from there.
const (
	pageBytes   = 8 << 20
	pageScanned = 1_000_000
	pageTime    = 5 * time.Second
)

// history serves GET /v1/events.
func (f *Feed) history(w http.ResponseWriter, r *http.Request) {
	tenant := auth.From(r.Context()).Tenant
	q, err := parseHistory(r.URL.RawQuery, f.o.PageEvents)
	if err != nil {
		badQuery(w, err)
		return
	}
	p := page{query: q, tenant: tenant, buf: append(make([]byte, 0, 64<<10), `{"events":[`...), deadline: time.Now().Add(pageTime)}
	if q.backwards {
		err = p.backwards(r.Context(), f.log)
	} else {
		err = p.forwards(r.Context(), f.log)
	}
	if err != nil {
		if r.Context().Err() == nil {
			f.refuse(w, tenant, err)
		}
		return
	}
	p.buf = append(p.buf, `],"cursor":"`...)
	p.buf = append(p.buf, p.cursor.String()...)
	p.buf = append(p.buf, `","more":`...)
	p.buf = strconv.AppendBool(p.buf, p.more)
	p.buf = append(p.buf, "}\n"...)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(p.buf)))
	_, _ = w.Write(p.buf) // the client has gone when this fails
}

// page is an answer in the making.
type page struct {
	query    historyQuery
	tenant   string
	deadline time.Time

	buf     []byte
	events  int
	scanned int
	cursor  eventlog.Cursor // goes on in the direction of the page
	more    bool
}

// full says whether the page has to end here.
func (p *page) full() bool {
	return p.events >= p.query.limit || len(p.buf) >= pageBytes || p.scanned >= pageScanned ||
		p.scanned%1024 == 0 && time.Now().After(p.deadline)
}

// look takes a record into the page when it is wanted.
func (p *page) look(rec *eventlog.Record) {
	p.scanned++
	if rec.Received.Before(p.query.from) || !p.query.to.IsZero() && !rec.Received.Before(p.query.to) || !p.query.filter.Match(rec) {
		return
	}
	if p.events > 0 {
		p.buf = append(p.buf, ',')
	}
	p.buf = append(p.buf, '\n')
	p.buf = rec.AppendJSON(p.buf, p.tenant)
	p.events++
}

// forwards reads from the cursor, or the oldest event, towards the newest.
func (p *page) forwards(ctx context.Context, log Log) error {
	start := p.query.cursor
	if start.IsZero() {
		start = log.Oldest(p.tenant)
	}
	if err := relay.Check(log, p.tenant, start); err != nil {
		return err
	}
	if !p.query.from.IsZero() {
		if at := log.SeekTime(p.tenant, p.query.from); at.Epoch == start.Epoch && at.Seq > start.Seq {
			start = at
		}
	}
	p.cursor = start
	return log.Read(ctx, p.tenant, start, func(b *eventlog.Batch) (bool, error) {
		for i := range b.Records {
			rec := &b.Records[i]
			if !p.query.to.IsZero() && !rec.Received.Before(p.query.to) {
				return false, nil // received never goes back: nothing more is wanted
			}
			if p.full() {
				p.more = true
				return false, nil
			}
			p.look(rec)
			p.cursor = eventlog.Cursor{Epoch: b.Epoch, Seq: rec.Seq}
		}
		return true, nil
	})
}

// backwards reads from the cursor, or the newest event, towards the oldest.
func (p *page) backwards(ctx context.Context, log Log) error {
	start := p.query.cursor
	if start.IsZero() {
		start = log.Head(p.tenant)
	}
	if err := relay.Check(log, p.tenant, start); err != nil {
		return err
	}
	if !p.query.to.IsZero() {
		if err := p.cutAtTo(ctx, log, &start); err != nil {
			return err
		}
	}
	p.cursor = start
	if start.Seq == 0 {
		return nil
	}
	return log.ReadBack(ctx, p.tenant, start.Seq+1, func(b *eventlog.Batch) (bool, error) {
		for i := range slices.Backward(b.Records) {
			rec := &b.Records[i]
			if rec.Received.Before(p.query.from) {
				return false, nil
			}
			if p.full() {
				p.more = true
				return false, nil
			}
			p.look(rec)
			p.cursor = eventlog.Cursor{Epoch: b.Epoch, Seq: rec.Seq - 1}
		}
		return true, nil
	})
}

// cutAtTo moves start in front of the first event that is too late. The log knows
// times to within a commit; the rest is looked at here.
func (p *page) cutAtTo(ctx context.Context, log Log, start *eventlog.Cursor) error {
	at := log.SeekTime(p.tenant, p.query.to)
	if at.Epoch != start.Epoch || at.Seq >= start.Seq {
		return nil
	}
	end := at.Seq
	err := log.Read(ctx, p.tenant, at, func(b *eventlog.Batch) (bool, error) {
		for i := range b.Records {
			if rec := &b.Records[i]; rec.Seq > start.Seq || !rec.Received.Before(p.query.to) {
				return false, nil
			}
			end = b.Records[i].Seq
		}
		return true, nil
	})
	start.Seq = end
	return err
}
