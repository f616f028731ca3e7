package floor

import (
	"bytes"
	"encoding/json"
	"fmt"

	"trunkline/event"
)

// A snapshot begins with the magic bytes and the version of its format. Later
// versions read what earlier ones wrote: what a version added is read when the
// snapshot is that new, and keeps its zero value otherwise. Version 2 added the stream's
// call state to interactions, 3 the address of sources and what makes them silent,
// 4 the agents' rows by medium, 5 statuses and the interactions' stories,
// 6 when agents were taken.
const (
	snapshotMagic  = "TLFLOOR"
	snapshotFormat = 6
)

// Snapshot is part of [writer.Fold].
func (f *Fold) Snapshot() ([]byte, error) {
	c := &coder{writing: true, version: snapshotFormat, b: make([]byte, 0, 1<<16)}
	c.b = append(c.b, snapshotMagic...)
	v := uint64(snapshotFormat)
	c.u64(&v)
	c.length(len(f.names))
	for _, name := range f.names {
		n := name
		str(c, &n)
		f.tenants[name].code(c)
	}
	return c.b, c.err()
}

// Restore is part of [writer.Fold]. On an error the fold is empty.
func (f *Fold) Restore(b []byte) error {
	f.tenants, f.names, f.timers = map[string]*Tenant{}, nil, timers{}
	if b == nil {
		return nil
	}
	if err := f.restore(b); err != nil {
		f.tenants, f.names, f.timers = map[string]*Tenant{}, nil, timers{}
		return err
	}
	return nil
}

func (f *Fold) restore(b []byte) error {
	if !bytes.HasPrefix(b, []byte(snapshotMagic)) {
		return fmt.Errorf("%w: it is none", ErrSnapshot)
	}
	c := &coder{b: b[len(snapshotMagic):]}
	var v uint64
	c.u64(&v)
	if v < 1 || v > snapshotFormat {
		return fmt.Errorf("%w: format %d is not known", ErrSnapshot, v)
	}
	c.version = int(v)
	for range c.length(0) {
		var name string
		str(c, &name)
		if c.bad != "" {
			break
		}
		if f.tenants[name] != nil {
			c.fail("a tenant is there twice")
			break
		}
		t := f.tenant(name)
		t.code(c)
		if c.bad == "" {
			t.rebuild()
		}
	}
	if c.bad == "" && len(c.b) > 0 {
		c.fail("it goes on behind its end")
	}
	return c.err()
}

func (t *Tenant) code(c *coder) {
	num(c, &t.Sequence)
	num(c, &t.now)
	num(c, &t.at)
	num(c, &t.midnight)
	num(c, &t.visitNo)
	num(c, &t.derivedNo)
	num(c, &t.streamSeq)
	for i := range t.Channels {
		t.Channels[i].code(c)
	}
	for _, n := range [...]*int{
		&t.Totals.Created, &t.Totals.Ended, &t.Totals.Lost, &t.Totals.CallbacksMade, &t.Totals.CallbacksClosed,
		&t.Totals.CallbackAttempts, &t.missing.Starts, &t.missing.Ends, &t.missing.Corrections, &t.missing.Unsaid,
	} {
		num(c, n)
	}
	for i := range t.Totals.Outcomes {
		num(c, &t.Totals.Outcomes[i])
	}
	entities(c, t.sources, func(s *Source) string { return s.Name }, func(s *Source) { s.code(c) })
	entities(c, t.queues, func(q *Queue) string { return q.ID }, func(q *Queue) {
		if q.code(c); q.GUID == "" { // of a time when a source had to give one
			q.GUID = event.GUID(t.Name, event.EntityQueue, q.ID)
		}
	})
	entities(c, t.agents, func(a *Agent) string { return a.ID }, func(a *Agent) { a.code(c, t) })
	entities(c, t.callbacks, func(b *Callback) string { return b.ID }, func(b *Callback) { b.code(c) })
	t.chain(c, &t.open)
	t.chain(c, &t.ended)
	list(c, &t.outbox, func(s *said) { str(c, &s.id); c.bytes(&s.raw) })
	num(c, &t.nextClose)
	codeBook(c, &t.intervals)
}

// chain codes the interactions of a chain, in its order.
func (t *Tenant) chain(c *coder, ch *chain) {
	if c.writing {
		c.length(ch.n)
		for it := ch.head; it != nil; it = it.next {
			it.code(c, t)
		}
		return
	}
	for range c.length(0) {
		it := &Interaction{}
		if it.code(c, t); c.bad != "" {
			return
		}
		if t.interactions[it.ID] != nil {
			c.fail("an interaction is there twice")
			return
		}
		if (it.Ended > 0) != (ch == &t.ended) {
			c.fail("an interaction is in the wrong place")
			return
		}
		t.interactions[it.ID] = it
		ch.push(it)
	}
}

func (r *counts[T]) code(c *coder) {
	for i := range r.N {
		num(c, &r.N[i])
	}
}

func (w *Waits) code(c *coder) {
	num(c, &w.Count)
	num(c, &w.Sum)
	num(c, &w.Max)
	for i := range w.Buckets {
		num(c, &w.Buckets[i])
	}
}

func (s *Source) code(c *coder) {
	str(c, &s.Name)
	str(c, &s.Kind)
	str(c, &s.Version)
	str(c, &s.Reason)
	c.flag(&s.Up)
	c.flag(&s.Told)
	c.flag(&s.tellsWrapups)
	c.u64(&s.Events)
	for _, n := range [...]*int64{&s.Since, &s.Heard, &s.LastTime, &s.LagMS, &s.Gaps, &s.Missing, &s.Resets} {
		num(c, n)
	}
	if c.version >= 3 {
		str(c, &s.Address)
		c.flag(&s.Silent)
		num(c, &s.promised)
		num(c, &s.told)
	}
}

func (q *Queue) code(c *coder) {
	str(c, &q.ID)
	str(c, &q.Name)
	str(c, &q.GUID)
	c.flag(&q.Known)
	c.flag(&q.Removed)
	c.json(&q.Config)
	q.Row.code(c)
	for m := range q.ByMedium {
		there := q.ByMedium[m] != nil
		if c.flag(&there); there {
			q.channel(Medium(m)).code(c)
		}
	}
	q.WaitsTaken.code(c)
	q.WaitsOthers.code(c)
	codeEstimator(c, &q.Estimates)
	c.flag(&q.told)
	num(c, &q.closed)
	num(c, &q.toldAt)
	num(c, &q.reviews)
	num(c, &q.opens)
	if m := &q.measure; c.version >= 5 {
		m.code(c)
		num(c, &m.sizeAt)
		str(c, &m.sizeWhy)
		num(c, &m.waitAt)
	}
	if !c.writing {
		q.plan()
	}
}

func (m *measured) code(c *coder) {
	for _, n := range [...]*int64{&m.count, &m.wait, &m.toldAt, &m.armed} {
		num(c, n)
	}
}

// code codes an agent's utilisation.
func (u *usage) code(c *coder) {
	u.measured.code(c)
	for _, n := range [...]*int64{&u.loadAt, &u.since, &u.beforeSince, &u.load, &u.slots, &u.at, &u.from, &u.lastEnd, &u.windowArmed} {
		num(c, n)
	}
	num(c, &u.before)
	num(c, &u.engaged)
	if u.before >= NumEngagements || u.engaged >= NumEngagements {
		c.fail("an engagement is not known")
	}
	for e := range NumEngagements {
		for i := range 4 {
			num(c, &u.spans[e][i])
			num(c, &u.last[e][i])
		}
	}
}

func (b *Callback) code(c *coder) {
	for _, s := range [...]*string{&b.ID, &b.List, &b.Queue, &b.Agent, &b.Interaction, &b.Number} {
		str(c, s)
	}
	str(c, &b.Kind)
	num(c, &b.Created)
	num(c, &b.Due)
	num(c, &b.Expires)
	num(c, &b.Attempts)
}

// json codes a value that has many fields and changes seldom.
func (c *coder) json(v any) {
	var b []byte
	if c.writing {
		var err error
		if b, err = json.Marshal(v); err != nil {
			c.fail(err.Error())
		}
	}
	c.bytes(&b)
	if !c.writing && c.bad == "" {
		if err := json.Unmarshal(b, v); err != nil {
			c.fail(err.Error())
		}
	}
}
