package floor_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/floor"
	"trunkline/sim"
)

// The floor under the writer of a real log, stopped and started anew in the
// middle: every context in the log is what a fold of the log from its begin says,
// and what was derived is what it derives.
func TestUnderTheWriterOfALog(t *testing.T) {
	cfg := eventlog.Config{Dir: t.TempDir(), Fold: func(int) writer.Fold { return floor.NewFold(floor.Options{}) }}
	ctx := context.Background()
	sc := centre(31, 25)
	sc.Start, sc.Length, sc.Busy = time.Now().Add(-time.Hour).Truncate(time.Millisecond).UTC(), 30*time.Minute, true
	sc.Offset = sim.OffsetFor(sc.Start, 10*time.Hour)
	s := simulation(t, sc)
	var batch []event.Event
	open := func() *eventlog.Log {
		l, err := eventlog.Open(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.WaitWritable(ctx); err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open()
	appended := 0
	flush := func() {
		if _, err := l.Append(ctx, tenant, batch); err != nil {
			t.Fatal(err)
		}
		appended += len(batch)
		batch = nil
	}
	for m, f := range s.All {
		switch f.(type) {
		case event.InteractionWrapupStarted, event.InteractionWrapupEnded:
			continue // for the floor to derive
		}
		e, err := event.Encode(m, f)
		if err != nil {
			t.Fatal(err)
		}
		if batch = append(batch, e); len(batch) == 200 {
			flush()
			if appended == 2000 {
				if err := l.Close(ctx); err != nil {
					t.Fatal(err)
				}
				l = open()
			}
		}
	}
	flush()
	defer l.Close(ctx)
	again, derived, n := floor.NewFold(floor.Options{}), 0, 0
	err := l.Read(ctx, tenant, eventlog.Cursor{}, func(b *eventlog.Batch) (bool, error) {
		for i := range b.Records {
			r := &b.Records[i]
			n++
			if r.Derived {
				derived++
			}
			if context, _ := again.Apply(b.Tenant, r); !bytes.Equal(context, r.Context) {
				t.Fatalf("record %d has the context\n%s\nnot\n%s", r.Seq, r.Context, context)
			}
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if appended < 2500 || derived < 100 || n != appended+derived {
		t.Fatalf("%d records of %d appended and %d derived", n, appended, derived)
	}
}
