package export_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"trunkline/feed/export"
	"trunkline/feed/export/bucket"
	"trunkline/feed/export/bucket/buckettest"
	"trunkline/feed/export/exporttest"
)

// through waits for a back-fill's end.
func through(t *testing.T, f *export.Feed, want export.Backfill) export.BackfillState {
	t.Helper()
	if _, err := f.Backfill(exporttest.Tenant, "main", want); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		s, err := f.BackfillState(exporttest.Tenant, "main")
		if err != nil {
			t.Fatal(err)
		}
		if s.State != "running" {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", s)
		}
	}
}

func TestWhatIsMissingIsFilledFromTheLogAndFromTheEvents(t *testing.T) {
	t.Parallel()
	s := buckettest.NewMemory()
	f := open(t, day(), options(t, t.TempDir(), to(s)))
	end := evening.Add(length)
	upTo(t, f, end)
	want := contents(t, s)
	for _, source := range []string{"log", "raw"} {
		removed := 0
		for key := range want {
			if !strings.HasPrefix(key, "events/") {
				if err := s.Remove(t.Context(), key); err != nil {
					t.Fatal(err)
				}
				removed++
			}
		}
		got := through(t, f, export.Backfill{From: evening.Truncate(24 * time.Hour), Source: source})
		if got.State != "done" || got.Written == 0 || len(got.Missed) > 0 || removed == 0 {
			t.Fatalf("%s: %+v", source, got)
		}
		same(t, contents(t, s), want)
	}
}

func TestARerunComparesAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := buckettest.NewMemory()
	f := open(t, day(), options(t, t.TempDir(), to(s)))
	upTo(t, f, evening.Add(length))
	want := contents(t, s)
	rerun := export.Backfill{From: evening, To: evening.Add(time.Hour), Feeds: []string{"events", "queue_wfm"}, Verify: true}
	if got := through(t, f, rerun); got.State != "done" || got.Same == 0 || got.Same != got.There || got.Written != 0 || len(got.Different) > 0 {
		t.Fatalf("%+v", got)
	}
	same(t, contents(t, s), want)
	// A file that is not what the log makes is told, and stays.
	key := "events/version=1/format=jsonl/dt=2026-03-02/hr=23/mi=00/events.jsonl.gz"
	o, err := s.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Replace(t.Context(), key, o.Tag, body("mine")); err != nil {
		t.Fatal(err)
	}
	if got := through(t, f, rerun); len(got.Different) != 1 || got.Same != got.There-1 {
		t.Fatalf("%+v", got)
	}
	if contents(t, s)[key] != "mine" {
		t.Error("the re-run has written")
	}
}

func TestWhatCannotBeFilledIsRefused(t *testing.T) {
	t.Parallel()
	f := open(t, day(), options(t, t.TempDir(), to(buckettest.NewMemory())))
	upTo(t, f, evening.Add(length))
	for name, want := range map[string]export.Backfill{
		"a source":     {From: evening, Source: "memory"},
		"the future":   {From: evening.Add(24 * time.Hour)},
		"another feed": {From: evening, Feeds: []string{"nothing"}},
		"a turned way": {From: evening, To: evening},
	} {
		if _, err := f.Backfill(exporttest.Tenant, "main", want); !errors.Is(err, export.ErrBackfill) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Backfill(exporttest.Tenant, "none", export.Backfill{From: evening}); !errors.Is(err, export.ErrUnknown) {
		t.Errorf("%v", err)
	}
	if _, err := f.Backfill("globex", "main", export.Backfill{From: evening}); !errors.Is(err, export.ErrUnknown) {
		t.Errorf("another tenant: %v", err)
	}
	if _, err := f.BackfillState(exporttest.Tenant, "main"); !errors.Is(err, export.ErrUnknown) {
		t.Errorf("%v", err)
	}
}

func TestWindowsThatTheLogHasForgottenAreMissed(t *testing.T) {
	t.Parallel()
	whole := buckettest.NewMemory()
	upTo(t, open(t, day(), options(t, t.TempDir(), to(whole))), evening.Add(length))
	l, _ := exporttest.Simulate(t, evening, work, length-work, 10)
	cut := evening.Add(20 * time.Minute)
	l.Trim(l.CommitAt(cut))
	s := buckettest.NewMemory()
	f := open(t, l, options(t, t.TempDir(), to(s)))
	upTo(t, f, evening.Add(length))
	got, want := contents(t, s), contents(t, whole)
	for key := range got {
		if strings.Contains(key, "hr=23/mi=00") || strings.Contains(key, "hr=23/mi=15") || strings.HasPrefix(key, "reps/") || strings.HasPrefix(key, "rep_convos/") && strings.Contains(key, "hr=23") {
			t.Errorf("%s is there, though a part of it is forgotten", key)
		}
	}
	// What follows is the same: the events, and what the floor alone tells.
	for _, key := range []string{"events/version=1/format=jsonl/dt=2026-03-02/hr=23/mi=30/events.jsonl.gz", "events/version=1/format=jsonl/dt=2026-03-03/hr=00/mi=00/_SUCCESS"} {
		if got[key] != want[key] {
			t.Errorf("%s is another file", key)
		}
		if _, ok := got[key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
	d := f.Destinations(exporttest.Tenant)[0]
	if len(d.Missed) == 0 || d.Missed[0].Start.After(cut) {
		t.Errorf("%+v", d.Missed)
	}
}

func TestADestinationThatIsAwayTooLongMissesTheOldest(t *testing.T) {
	t.Parallel()
	away := &broken{Store: buckettest.NewMemory()}
	o := options(t, t.TempDir(), to(away))
	o.SpoolBytes = 8 << 10
	f := open(t, day(), o)
	end := evening.Add(length)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		d := f.Destinations(exporttest.Tenant)[0]
		if !d.ClosedUpTo.Before(end) && len(d.Missed) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", d)
		}
	}
	away.mend()
	upTo(t, f, end)
	got := through(t, f, export.Backfill{From: evening.Truncate(24 * time.Hour)})
	if got.Written == 0 || got.State != "done" {
		t.Fatalf("%+v", got)
	}
	all := buckettest.NewMemory()
	upTo(t, open(t, day(), options(t, t.TempDir(), to(all))), end)
	same(t, contents(t, away.Store), contents(t, all))
}

var _ bucket.Store = (*broken)(nil)
