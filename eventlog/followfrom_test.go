package eventlog_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"trunkline/eventlog"
	"trunkline/eventlog/logtest"
)

// followed is what FollowFrom gave until it had given everything.
func followed(t *testing.T, l *eventlog.Log, at eventlog.Position) (seqs []uint64, last eventlog.Position, err error) {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	err = l.FollowFrom(ctx, 0, at, logtest.NewCounter(1), func(st *eventlog.Step) error {
		for _, b := range st.Batches {
			for i := range b.Records {
				seqs = append(seqs, b.Records[i].Seq)
			}
		}
		last = st.Position
		return nil
	}, end)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return seqs, last, err
}

func TestFollowGoesOnFromAPosition(t *testing.T) {
	cfg := eventlog.Config{Dir: t.TempDir(), MaxEvents: 3}
	l := open(t, cfg)
	logtest.Append(t, l, "acme", logtest.Events("a", 0, 7))
	seqs, at, err := followed(t, l, eventlog.Position{})
	if err != nil || !slices.Equal(seqs, []uint64{1, 2, 3, 4, 5, 6, 7}) {
		t.Fatalf("%v, %v", seqs, err)
	}
	logtest.Append(t, l, "acme", logtest.Events("a", 7, 9))
	// Also in a process that starts anew.
	logtest.Close(t, l)
	l = open(t, cfg)
	if seqs, _, err = followed(t, l, at); err != nil || !slices.Equal(seqs, []uint64{8, 9}) {
		t.Fatalf("%v, %v", seqs, err)
	}
	wrong := at
	wrong.Hash[0]++
	if _, _, err := followed(t, l, wrong); !errors.Is(err, eventlog.ErrElsewhere) {
		t.Errorf("another hash: %v", err)
	}
	wrong = at
	wrong.Commit += 1000
	if _, _, err := followed(t, l, wrong); !errors.Is(err, eventlog.ErrElsewhere) {
		t.Errorf("beyond the end: %v", err)
	}
	enough := errors.New("enough")
	calls := 0
	err = l.FollowFrom(t.Context(), 0, eventlog.Position{}, logtest.NewCounter(1), func(*eventlog.Step) error {
		calls++
		return enough
	}, func() {})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%v after %d steps", err, calls)
	}
}

func TestFollowFromWhatIsTrimmed(t *testing.T) {
	l := logtest.Open(t, logtest.WithFold(eventlog.Config{Dir: t.TempDir(), RetainAge: time.Hour, SegmentEach: 1 << 30, SnapshotEach: 1 << 30}))
	for i := range 300 {
		logtest.Append(t, l, "acme", logtest.Events("a", i*2, i*2+2))
	}
	if _, err := l.RestoreFold(t.Context(), 0, logtest.NewCounter(1)); !errors.Is(err, eventlog.ErrNotFound) {
		t.Errorf("a snapshot of nothing: %v", err)
	}
	if err := l.Trim(t.Context(), time.Now().Add(time.Hour+time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := followed(t, l, eventlog.Position{}); !errors.Is(err, eventlog.ErrOvertaken) {
		t.Errorf("%v", err)
	}
	oldest := l.Oldest("acme").Seq
	logtest.Append(t, l, "acme", logtest.Events("b", 0, 2))
	if seqs, _, err := followed(t, l, l.Before(0)); err != nil || len(seqs) == 0 || seqs[0] > oldest+1 {
		t.Errorf("from the oldest: %v behind %d, %v", seqs, oldest, err)
	}
}

func TestAFoldIsRestoredWhereItsSnapshotStands(t *testing.T) {
	cfg := logtest.WithFold(eventlog.Config{Dir: t.TempDir(), RetainAge: time.Hour, SegmentEach: 1 << 30, SnapshotEach: 1 << 30})
	l := logtest.Open(t, cfg)
	for i := range 300 {
		logtest.Append(t, l, "acme", logtest.Events("a", i*2, i*2+2))
	}
	// Trimming stays behind a snapshot, so that one is there.
	if err := l.Trim(t.Context(), time.Now().Add(time.Hour+time.Second)); err != nil {
		t.Fatal(err)
	}
	at, err := l.RestoreFold(t.Context(), 0, logtest.NewCounter(1))
	if err != nil || at.Commit == 0 {
		t.Fatalf("%+v, %v", at, err)
	}
	head := l.Head("acme").Seq
	logtest.Append(t, l, "acme", logtest.Events("b", 0, 2))
	seqs, _, err := followed(t, l, at)
	if err != nil || len(seqs) < 2 || seqs[len(seqs)-1] != head+2 {
		t.Errorf("%v, %v", seqs, err)
	}
}
