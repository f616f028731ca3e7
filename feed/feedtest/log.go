package feedtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"trunkline/eventlog"
)

// Log is an event log in memory.
type Log struct {
	// PerBatch is how many records go into one batch at most. 0 means 64.
	PerBatch int
	// Now is the clock of received times. nil: the real one.
	Now func() time.Time
	// Context is what the log's writer would store with an event. nil: nothing.
	Context func(tenant string, seq uint64) []byte

	mu      sync.Mutex // guards what is below; followers are called under it
	tenants map[string]*tenantLog
}

type tenantLog struct {
	epoch   eventlog.Epoch
	trim    uint64 // sequences up to it are forgotten
	records []eventlog.Record
	damaged map[uint64]bool
	subs    map[int]func(*eventlog.Batch)
	nextSub int
}

func (l *Log) tenant(name string) *tenantLog {
	if l.tenants == nil {
		l.tenants = map[string]*tenantLog{}
	}
	t := l.tenants[name]
	if t == nil {
		t = &tenantLog{epoch: eventlog.Epoch{1}, subs: map[int]func(*eventlog.Batch){}, damaged: map[uint64]bool{}}
		copy(t.epoch[1:], name)
		l.tenants[name] = t
	}
	return t
}

func (t *tenantLog) head() uint64 { return t.trim + uint64(len(t.records)) }

func (l *Log) perBatch() int {
	if l.PerBatch > 0 {
		return l.PerBatch
	}
	return 64
}

// Event makes the JSON of a small event; its id is tenant-number.
func Event(tenant string, number uint64) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"%s-%d","source":"/test","type":"interaction.queued","subject":"interaction/%d","data":{"interaction":"%d","media":"phone","queue":"q"}}`,
		tenant, number, number%10, number%10)
}

// Append adds n events as [Event] makes them.
func (l *Log) Append(tenant string, n int) {
	l.mu.Lock()
	next := l.tenant(tenant).head() + 1
	l.mu.Unlock()
	raws := make([][]byte, n)
	for i := range raws {
		raws[i] = Event(tenant, next+uint64(i))
	}
	l.AppendRaw(tenant, raws...)
}

// AppendRaw adds events as they are given.
func (l *Log) AppendRaw(tenant string, raws ...[]byte) {
	now := time.Now
	if l.Now != nil {
		now = l.Now
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenant(tenant)
	for len(raws) > 0 {
		n := min(len(raws), l.perBatch())
		b := &eventlog.Batch{Tenant: tenant, Epoch: t.epoch, Received: now().UTC().Truncate(time.Millisecond)}
		for _, raw := range raws[:n] {
			rec := eventlog.Record{Seq: t.head() + 1, Received: b.Received, Raw: raw}
			if l.Context != nil {
				rec.Context = l.Context(tenant, rec.Seq)
			}
			t.records = append(t.records, rec)
			b.Records = append(b.Records, rec)
		}
		raws = raws[n:]
		for _, fn := range t.subs {
			fn(b)
		}
	}
}

// Trim forgets the events up to seq.
func (l *Log) Trim(tenant string, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenant(tenant)
	t.records = t.records[seq-t.trim:]
	t.trim = seq
}

// NewEpoch numbers the tenant's events anew, as after a restore: those that there
// were are gone.
func (l *Log) NewEpoch(tenant string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenant(tenant)
	t.epoch[0]++
	t.records, t.trim = nil, 0
}

// Damage makes one event unreadable.
func (l *Log) Damage(tenant string, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tenant(tenant).damaged[seq] = true
}

// Head is like that of eventlog.Log, as the other methods are.
func (l *Log) Head(tenant string) eventlog.Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenant(tenant)
	return eventlog.Cursor{Epoch: t.epoch, Seq: t.head()}
}

// Oldest is the cursor before the oldest event that is kept.
func (l *Log) Oldest(tenant string) eventlog.Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenant(tenant)
	return eventlog.Cursor{Epoch: t.epoch, Seq: t.trim}
}

// SeekTime gives a cursor a little before the first event received at or after at.
func (l *Log) SeekTime(tenant string, at time.Time) eventlog.Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenant(tenant)
	seq := t.trim
	for _, r := range t.records {
		if !r.Received.Before(at) {
			break
		}
		seq = r.Seq
	}
	return eventlog.Cursor{Epoch: t.epoch, Seq: max(t.trim, seq-min(seq, 3))}
}

// Read reads forwards.
func (l *Log) Read(ctx context.Context, tenant string, after eventlog.Cursor, fn func(*eventlog.Batch) (bool, error)) error {
	next := after.Seq + 1
	if after.IsZero() {
		next = l.Oldest(tenant).Seq + 1
		after.Epoch = l.Head(tenant).Epoch
	}
	for ctx.Err() == nil {
		b, err := l.batch(tenant, after.Epoch, next)
		if err != nil || b == nil {
			return err
		}
		if more, err := fn(b); err != nil || !more {
			return err
		}
		next = b.Last() + 1
	}
	return ctx.Err()
}

// batch gives some records from next on, nil behind the newest.
func (l *Log) batch(tenant string, epoch eventlog.Epoch, next uint64) (*eventlog.Batch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenant(tenant)
	gone := &eventlog.GoneError{Oldest: eventlog.Cursor{Epoch: t.epoch, Seq: t.trim}, Newest: eventlog.Cursor{Epoch: t.epoch, Seq: t.head()}}
	switch {
	case epoch != t.epoch:
		gone.Reason = eventlog.GoneEpoch
		return nil, gone
	case next > t.head()+1:
		gone.Reason = eventlog.GoneAhead
		return nil, gone
	case next <= t.trim:
		gone.Reason, gone.LostFrom, gone.LostTo = eventlog.GoneTrimmed, next, t.trim
		return nil, gone
	case next == t.head()+1:
		return nil, nil
	case t.damaged[next]:
		return nil, &eventlog.BreakError{Tenant: tenant, From: next, To: next, After: eventlog.Cursor{Epoch: t.epoch, Seq: next}, Reason: "damaged"}
	}
	b := &eventlog.Batch{Tenant: tenant, Epoch: t.epoch}
	for _, r := range t.records[next-t.trim-1:] {
		if len(b.Records) == l.perBatch() || t.damaged[r.Seq] {
			break
		}
		b.Records = append(b.Records, r)
	}
	b.Received = b.Records[0].Received
	return b, nil
}

// ReadBack reads backwards, the newest batch first.
func (l *Log) ReadBack(ctx context.Context, tenant string, before uint64, fn func(*eventlog.Batch) (bool, error)) error {
	for ctx.Err() == nil {
		l.mu.Lock()
		t := l.tenant(tenant)
		if before == 0 || before > t.head()+1 {
			before = t.head() + 1
		}
		if before <= t.trim+1 {
			l.mu.Unlock()
			return nil
		}
		first := max(t.trim+1, before-min(before, uint64(l.perBatch())))
		b := &eventlog.Batch{Tenant: tenant, Epoch: t.epoch, Records: t.records[first-t.trim-1 : before-t.trim-1]}
		l.mu.Unlock()
		if more, err := fn(b); err != nil || !more {
			return err
		}
		before = first
	}
	return ctx.Err()
}

// Follow calls fn with what is appended from now on.
func (l *Log) Follow(tenant string, fn func(*eventlog.Batch)) (at eventlog.Cursor, stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenant(tenant)
	id := t.nextSub
	t.nextSub++
	t.subs[id] = fn
	return eventlog.Cursor{Epoch: t.epoch, Seq: t.head()}, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(t.subs, id)
	}
}
