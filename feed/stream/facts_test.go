package stream_test

import (
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/stream"
	"trunkline/floor"
)

const tenant = "acmecorp01"

var epoch = eventlog.Epoch{1, 2, 3, 4, 5, 6, 7, 8}

// book writes facts as the log's writer does: with the context of the floor, and
// with what the floor derives behind its cause.
type book struct {
	t       testing.TB
	fold    *floor.Fold
	at      time.Time // by the source's clock
	records []eventlog.Record
	facts   []event.Fact // of the records, nil for derived ones
}

func newBook(t testing.TB) *book {
	return &book{t: t, fold: floor.NewFold(floor.Options{}), at: time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)}
}

// add appends facts, each a second behind the one before.
func (b *book) add(facts ...event.Fact) {
	b.t.Helper()
	for _, f := range facts {
		b.at = b.at.Add(time.Second)
		b.append(event.Meta{Time: b.at}, f, b.at)
	}
}

func (b *book) append(m event.Meta, f event.Fact, received time.Time) {
	b.t.Helper()
	if m.ID == "" {
		m.ID = "f" + time.Duration(len(b.records)).String()
	}
	if m.Source == "" {
		m.Source = "/test"
	}
	m.Tenant = tenant
	e, err := event.Encode(m, f)
	if err != nil {
		b.t.Fatalf("encode %T: %v", f, err)
	}
	b.put(e.Raw, f, received, false)
}

func (b *book) put(raw []byte, f event.Fact, received time.Time, derived bool) {
	r := eventlog.Record{Seq: uint64(len(b.records) + 1), Received: received, Raw: raw, Derived: derived}
	context, more := b.fold.Apply(tenant, &r)
	r.Context = context
	b.records, b.facts = append(b.records, r), append(b.facts, f)
	for _, d := range more {
		b.put(d.Event.Raw, nil, received, true)
	}
}

// each projects all records.
func (b *book) each(f stream.Format, do func(r *eventlog.Record, seq uint64, payload []byte)) {
	b.t.Helper()
	p := stream.NewProjection()
	var s stream.Scratch
	for i := range b.records {
		err := p.Each(&b.records[i], tenant, epoch, f, &s, func(seq uint64, payload []byte) error {
			do(&b.records[i], seq, payload)
			return nil
		})
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// payloads are the messages of all records, as texts.
func (b *book) payloads(f stream.Format) (list []string) {
	b.t.Helper()
	b.each(f, func(_ *eventlog.Record, _ uint64, payload []byte) { list = append(list, string(payload)) })
	return list
}

func ref(id string) event.Ref { return event.Ref{Interaction: id, Media: event.MediaPhone} }

func by(agent string) event.AgentRef { return event.AgentRef{Agent: agent} }
