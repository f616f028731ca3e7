package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
)

func evs(source string, from, to int) []event.Event {
	var out []event.Event
	for i := from; i <= to; i++ {
		id := fmt.Sprintf("%s-%08d", source, i)
		raw := fmt.Appendf(nil, `{"specversion":"1.0","id":"%s","source":"%s","type":"com.example.test","data":{"n":%d}}`, id, source, i)
		out = append(out, event.Event{ID: id, Source: source, Type: "com.example.test", Raw: raw})
	}
	return out
}

func open(t *testing.T, cfg eventlog.Config) *eventlog.Log {
	t.Helper()
	l, err := eventlog.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := l.WaitWritable(ctx); err != nil {
		t.Fatal(err)
	}
	return l
}

func readAll(t *testing.T, l *eventlog.Log, tenant string, after eventlog.Cursor) []eventlog.Record {
	t.Helper()
	var out []eventlog.Record
	err := l.Read(t.Context(), tenant, after, func(b *eventlog.Batch) (bool, error) {
		out = append(out, b.Records...)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRenumberMakesOldCursorsGone(t *testing.T) {
	dir := t.TempDir()
	l := open(t, eventlog.Config{Dir: dir})
	res, err := l.Append(t.Context(), "acme", evs("pbx", 1, 10))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := open(t, eventlog.Config{Dir: dir, NewEpoch: true}).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	l = open(t, eventlog.Config{Dir: dir})
	var gone *eventlog.GoneError
	err = l.Read(t.Context(), "acme", res.Cursor, func(*eventlog.Batch) (bool, error) { return true, nil })
	if !errors.As(err, &gone) || gone.Reason != eventlog.GoneEpoch || gone.Newest.Seq != 10 {
		t.Fatalf("a cursor of the earlier epoch: %v", err)
	}
	if got := readAll(t, l, "acme", gone.Oldest); len(got) != 10 {
		t.Fatalf("%d events from the oldest cursor", len(got))
	}
}
