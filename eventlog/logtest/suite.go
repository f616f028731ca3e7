package logtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
)

// Factory makes a fresh place for a log. The configuration that it gives may be
// opened any number of times, one after the other or, on a cluster, at once.
type Factory func(t *testing.T) eventlog.Config

// Run runs every case of the suite.
func Run(t *testing.T, f Factory) {
	for _, c := range slices.Concat(appendCases, readCases, keepCases, foldCases) {
		t.Run(c.name, func(t *testing.T) { c.run(t, f(t)) })
	}
}

type testCase struct {
	name string
	run  func(t *testing.T, cfg eventlog.Config)
}

// Tenant is the tenant that most cases write.
const Tenant = "acme"

// Event makes the i-th event of a source.
func Event(source string, i int) event.Event { return EventWith(source, i, "") }

// EventWith makes the i-th event of a source with more members in its data.
func EventWith(source string, i int, more string) event.Event {
	id := fmt.Sprintf("%s-%06d", source, i)
	raw := fmt.Appendf(nil, `{"specversion":"1.0","id":"%s","source":"%s","type":"com.example.test","subject":"interaction/%d","data":{"n":%d%s}}`,
		id, source, i, i, more)
	return event.Event{ID: id, Source: source, Type: "com.example.test", Raw: raw}
}

// Events makes the events from … to-1 of a source.
func Events(source string, from, to int) []event.Event {
	out := make([]event.Event, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, Event(source, i))
	}
	return out
}

// Raws gives the bytes of events.
func Raws(events []event.Event) []string {
	out := make([]string, len(events))
	for i := range events {
		out[i] = string(events[i].Raw)
	}
	return out
}

// Open opens a log and waits until it takes appends. When the test ends, the
// log is verified and closed, unless it was closed before.
func Open(t *testing.T, cfg eventlog.Config) *eventlog.Log {
	t.Helper()
	l, err := eventlog.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	Writable(t, l)
	return l
}

// Writable waits until the log takes appends.
func Writable(t *testing.T, l *eventlog.Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if err := l.WaitWritable(ctx); err != nil {
		t.Fatal(err)
	}
}

// Close verifies the log and closes it.
func Close(t *testing.T, l *eventlog.Log) {
	t.Helper()
	Clean(t, l)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// Clean fails the test when anything in the store is not what was written.
func Clean(t *testing.T, l *eventlog.Log) eventlog.Report {
	t.Helper()
	if h := l.Health(); len(h.Breaks) > 0 {
		t.Fatalf("breaks: %s", strings.Join(h.Breaks, "\n"))
	}
	rep, err := l.Verify(t.Context(), nil)
	if err != nil || len(rep.Breaks) > 0 {
		t.Fatalf("verify: %v, breaks: %s", err, strings.Join(rep.Breaks, "\n"))
	}
	return rep
}

// Append appends events and fails the test unless all are new.
func Append(t *testing.T, l *eventlog.Log, tenant string, events []event.Event) eventlog.Result {
	t.Helper()
	res, err := l.Append(t.Context(), tenant, events)
	if err != nil || res.Accepted != len(events) || res.Duplicates != 0 || res.Conflicts != 0 {
		t.Fatalf("append of %d events to %s: %+v, %v", len(events), tenant, res, err)
	}
	return res
}

// All reads a tenant's records from a cursor to the head. It fails the test
// unless they are numbered without a gap and received in their order.
func All(t *testing.T, l *eventlog.Log, tenant string, after eventlog.Cursor) []eventlog.Record {
	t.Helper()
	var out []eventlog.Record
	err := l.Read(t.Context(), tenant, after, func(b *eventlog.Batch) (bool, error) {
		if b.Tenant != tenant || b.First() != b.Records[0].Seq || b.Cursor().Seq != b.Last() {
			t.Errorf("batch of %s says %s, %d to %d", tenant, b.Tenant, b.First(), b.Last())
		}
		out = append(out, b.Records...)
		return true, nil
	})
	if err != nil {
		t.Fatalf("read %s behind %d: %v", tenant, after.Seq, err)
	}
	if err := Dense(out); err != nil {
		t.Fatalf("read %s behind %d: %v", tenant, after.Seq, err)
	}
	if !after.IsZero() && len(out) > 0 && out[0].Seq != after.Seq+1 {
		t.Fatalf("read %s behind %d begins with %d", tenant, after.Seq, out[0].Seq)
	}
	return out
}

// Dense says whether records are numbered without a gap and received in order.
func Dense(recs []eventlog.Record) error {
	for i := 1; i < len(recs); i++ {
		if recs[i].Seq != recs[i-1].Seq+1 {
			return fmt.Errorf("sequence %d follows %d", recs[i].Seq, recs[i-1].Seq)
		}
		if recs[i].Received.Before(recs[i-1].Received) {
			return fmt.Errorf("received goes back at %d: %v after %v", recs[i].Seq, recs[i].Received, recs[i-1].Received)
		}
	}
	return nil
}

// Same fails the test unless the records are exactly the events with these
// bytes, numbered from first on.
func Same(t *testing.T, recs []eventlog.Record, first uint64, want []string) {
	t.Helper()
	if len(recs) != len(want) {
		t.Fatalf("%d records, want %d", len(recs), len(want))
	}
	for i := range recs {
		if recs[i].Seq != first+uint64(i) || string(recs[i].Raw) != want[i] {
			t.Fatalf("record %d is %d %s, want %d %s", i, recs[i].Seq, recs[i].Raw, first+uint64(i), want[i])
		}
	}
}

// Gone fails the test unless err says that a cursor is gone for this reason.
func Gone(t *testing.T, err error, reason string) *eventlog.GoneError {
	t.Helper()
	var gone *eventlog.GoneError
	if !errors.As(err, &gone) || gone.Reason != reason {
		t.Fatalf("got %v, want gone: %s", err, reason)
	}
	return gone
}

// Eventually waits for a condition, half a minute at most.
func Eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
