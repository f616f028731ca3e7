package explain_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/eventlog"
	"trunkline/floor"
	"trunkline/floor/explain"
	"trunkline/floor/measure"
)

// slow is a log that is read when it is let.
type slow struct{ begun, let chan string }

func (s *slow) Head(string) eventlog.Cursor   { return eventlog.Cursor{} }
func (s *slow) Oldest(string) eventlog.Cursor { return eventlog.Cursor{} }
func (s *slow) Read(ctx context.Context, tenant string, _ eventlog.Cursor, _ func(*eventlog.Batch) (bool, error)) error {
	s.begun <- tenant
	select {
	case <-s.let:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestQuestionsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slow{begun: make(chan string, 100), let: make(chan string)}
		e := explain.New(log, fresh)
		m := measure.Named("Answered")
		answers := make(chan error, 100)
		ask := func(ctx context.Context, tenant string) {
			go func() {
				_, err := e.Explain(ctx, explain.Query{Tenant: tenant, Measure: m, Key: floor.Change{Kind: floor.ChangeQueue, ID: "1"}, Limit: 1, Budget: 10 * time.Second})
				answers <- err
			}()
			synctest.Wait()
		}
		for range 16 {
			ask(t.Context(), "noisy")
		}
		if n := len(log.begun); n != 2 {
			t.Fatalf("%d of one tenant's questions are worked on, want 2", n)
		}
		ask(t.Context(), "noisy")
		if err := <-answers; !errors.Is(err, explain.ErrBusy) {
			t.Errorf("one more than may wait: %v", err)
		}
		ask(t.Context(), "quiet")
		ask(t.Context(), "other")
		if n := len(log.begun); n != 4 {
			t.Errorf("%d questions are worked on: others wait for a noisy tenant", n)
		}
		gone, leave := context.WithCancel(t.Context())
		ask(gone, "late")
		leave()
		if err := <-answers; !errors.Is(err, context.Canceled) || len(log.begun) != 4 {
			t.Errorf("who went away: %v", err)
		}
		for range 4 { // as many are over, and as many of those who wait follow
			log.let <- ""
		}
		synctest.Wait()
		if n := len(log.begun); n != 6 {
			t.Errorf("%d questions were begun, want the two that were let on of the noisy tenant too", n)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		busy := 0
		for range len(answers) {
			if errors.Is(<-answers, explain.ErrBusy) {
				busy++
			}
		}
		if busy != 12 {
			t.Errorf("%d gave up waiting, want 12", busy)
		}
		for range 2 {
			log.let <- ""
		}
		for i := range 3 { // nothing is left of it all
			ask(t.Context(), fmt.Sprint(i))
			log.let <- ""
		}
		synctest.Wait()
		for range 5 {
			if err := <-answers; err != nil {
				t.Errorf("in the end: %v", err)
			}
		}
	})
}
