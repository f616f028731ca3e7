package pull_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"trunkline/feed/export/layout"
	"trunkline/feed/export/pull"
	"trunkline/feed/export/schema"
	"trunkline/internal/dirlock"
)

func exists(t *testing.T, path ...string) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(path...))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func TestASetThatIsAskedForInAnotherFormatOrIsGone(t *testing.T) {
	s := open(t)
	s.success(s.window(feed, 0, jsonl, row(1, 1, 10), row(2, 2, 20)))
	s.success(s.window("reps", 0, jsonl))
	pulled := func(format string) {
		t.Helper()
		if _, err := s.pull(func(o *pull.Options) { o.Format = format }); err != nil {
			t.Fatal(err)
		}
	}
	pulled(layout.JSONL)
	pulled(layout.Parquet)
	if !exists(t, s.to, feed+".parquet") || !exists(t, s.to, "reps.parquet") || exists(t, s.to, feed+".jsonl") {
		t.Error("the set did not change its format")
	}
	head, _ := os.Stat(filepath.Join(s.to, ".pull", feed, "state.json"))
	pulled(layout.Parquet)
	if again, _ := os.Stat(filepath.Join(s.to, ".pull", feed, "state.json")); !again.ModTime().Equal(head.ModTime()) {
		t.Error("a second run wrote something")
	}
	pulled(layout.JSONL)
	if got := s.set(); got != "1=10 2=20" || exists(t, s.to, feed+".parquet") {
		t.Error(got)
	}
	if err := os.Remove(filepath.Join(s.to, feed+".jsonl")); err != nil {
		t.Fatal(err)
	}
	pulled(layout.JSONL)
	if got := s.set(); got != "1=10 2=20" {
		t.Errorf("it is gone: %s", got)
	}
}

func TestAnotherOrderingIsRefused(t *testing.T) {
	s := open(t)
	s.success(s.window(feed, 0, jsonl, row(1, 1, 10)))
	if _, err := s.pull(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.pull(func(o *pull.Options) { o.Ordering = schema.ByGuide }); !errors.Is(err, pull.ErrOrdering) {
		t.Error(err)
	}
	if s.set() != "1=10" {
		t.Error(s.set())
	}
}

func TestWhatAKilledRunLeavesGoes(t *testing.T) {
	s := open(t)
	s.success(s.window(feed, 0, jsonl, row(1, 1, 10)))
	left := filepath.Join(s.to, ".pull", feed)
	for _, name := range []string{"merge-1", "base-7", "state.json.8"} {
		if err := os.MkdirAll(filepath.Join(left, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.pull(nil); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(filepath.Join(left, "*")); len(files) != 3 || s.set() != "1=10" {
		t.Errorf("%v, %s", files, s.set())
	}
}

func TestTwoRunsAtATime(t *testing.T) {
	s := open(t)
	s.success(s.window(feed, 0, jsonl, row(1, 1, 10)))
	lock, err := dirlock.Lock(filepath.Join(s.to, ".pull"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.pull(nil); !errors.Is(err, dirlock.ErrInUse) || s.set() != "none" {
		t.Errorf("%v, %s", err, s.set())
	}
	_ = lock.Close()
	if _, err := s.pull(nil); err != nil || s.set() != "1=10" {
		t.Errorf("%v, %s", err, s.set())
	}
}

func TestEventsAreHandedOnBesideTheirSet(t *testing.T) {
	s := open(t)
	line := func(id string) string {
		return `{"id":"` + id + `","source":"s","sequence":1,"event":"{}","derived":false}`
	}
	handed := 0
	on := func(o *pull.Options) {
		o.Deliver = func(_ context.Context, events [][]byte) error { handed += len(events); return nil }
	}
	for hour := range 3 {
		s.success(s.window("events", hour, jsonl, line("a"+string(rune('0'+hour))), line("b"+string(rune('0'+hour)))))
		res, err := s.pull(nil)
		if err != nil || res[0].Handed || res[0].Kept != int64(2*(hour+1)) {
			t.Errorf("%v, %+v", err, res)
		}
		if hour == 0 {
			continue
		}
		if res, err = s.pull(on); err != nil || !res[0].Handed || res[0].Kept != int64(2*(hour+1)) || handed != 2*(hour+1) {
			t.Errorf("%d: %v, %+v, %d", hour, err, res, handed)
		}
	}
	if !exists(t, s.to, "events.jsonl") {
		t.Error("the set is gone")
	}
}
