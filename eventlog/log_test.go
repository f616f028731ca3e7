package eventlog_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
)

func ev(source string, i int) event.Event {
	id := fmt.Sprintf("%s-%08d", source, i)
	raw := fmt.Appendf(nil, `{"specversion":"1.0","id":"%s","source":"%s","type":"com.example.test","subject":"interaction/%d","data":{"n":%d}}`, id, source, i, i)
	return event.Event{ID: id, Source: source, Type: "com.example.test", Raw: raw}
}

func evs(source string, from, to int) []event.Event {
	var out []event.Event
	for i := from; i <= to; i++ {
		out = append(out, ev(source, i))
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

func readAll(t *testing.T, l *eventlog.Log, tenant string, after eventlog.Cursor) []string {
	t.Helper()
	var out []string
	var next uint64
	err := l.Read(t.Context(), tenant, after, func(b *eventlog.Batch) (bool, error) {
		for i := range b.Records {
			if next != 0 && b.Records[i].Seq != next {
				t.Fatalf("sequence %d follows %d", b.Records[i].Seq, next-1)
			}
			next = b.Records[i].Seq + 1
			out = append(out, string(b.Records[i].Raw))
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	l := open(t, eventlog.Config{Dir: dir})
	for i := range 20 {
		res, err := l.Append(t.Context(), "acme", evs("pbx", i*100, i*100+99))
		if err != nil || res.Accepted != 100 || res.Durability != "fsync" {
			t.Fatalf("%+v %v", res, err)
		}
	}
	res, err := l.Append(t.Context(), "acme", evs("pbx", 50, 60))
	if err != nil || res.Accepted != 0 || res.Duplicates != 11 {
		t.Fatalf("%+v %v", res, err)
	}
	if got := readAll(t, l, "acme", eventlog.Cursor{}); len(got) != 2000 {
		t.Fatalf("%d events", len(got))
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	l = open(t, eventlog.Config{Dir: dir})
	if got := readAll(t, l, "acme", eventlog.Cursor{}); len(got) != 2000 {
		t.Fatalf("%d events after a restart", len(got))
	}
	res, err = l.Append(t.Context(), "acme", evs("pbx", 0, 2))
	if err != nil || res.Accepted != 0 || res.Duplicates != 3 {
		t.Fatalf("%+v %v", res, err)
	}
	if h := l.Health(); len(h.Breaks) > 0 {
		t.Fatal(h.Breaks)
	}
	rep, err := l.Verify(t.Context(), nil)
	if err != nil || rep.Events != 2000 || len(rep.Breaks) != 0 {
		t.Fatalf("%+v %v", rep, err)
	}
}
