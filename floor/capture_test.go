package floor_test

import (
	"compress/gzip"
	"io"
	"os"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/floor"
	"trunkline/source/asterisk"
)

// capture folds the real Asterisk capture, through the translator, as it would
// have come: each fact received when it happened, plus a lag.
func capture(t *testing.T, lag time.Duration) *journal {
	t.Helper()
	file, err := os.Open("../source/asterisk/testdata/ami-capture.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	j := newJournal(t, floor.Options{Settings: func(string) floor.Settings {
		return floor.Settings{WrapupLimitMS: map[string]int64{"support": 3000, "sales": 3000, "overflow": 3000}}
	}})
	var now time.Time
	tr := asterisk.NewTranslator(asterisk.Options{Tenant: tenant, Emit: func(m event.Meta, f event.Fact) {
		if at := m.Time.Add(lag).Truncate(time.Millisecond); at.After(now) {
			now = at
		}
		j.append(now, m, f)
	}})
	tr.Feed(raw, time.Time{})
	tr.Close()
	j.fire(now.Add(time.Minute))
	return j
}

func TestAsteriskCaptureAgreesWithItsQueueLog(t *testing.T) {
	for name, lag := range map[string]time.Duration{"live": 5 * time.Millisecond, "late": 90 * time.Second} {
		t.Run(name, func(t *testing.T) {
			f := capture(t, lag).floor()
			var sum floor.Row
			for _, q := range f.Queues() {
				for c := range q.N {
					sum.N[c] += q.N[c]
				}
				if q.Waiting != 0 || q.Active != 0 || q.Wrapping != 0 || q.Alerting != 0 {
					t.Errorf("queue %s is left with %d waiting, %d active, %d in wrap-up, %d alerting", q.ID, q.Waiting, q.Active, q.Wrapping, q.Alerting)
				}
				if q.Outcomes() != q.Get(floor.Offered) {
					t.Errorf("queue %s: %d offered, %d outcomes", q.ID, q.Get(floor.Offered), q.Outcomes())
				}
			}
			for c, want := range map[floor.Counter]int64{
				floor.Answered: 25, floor.TimedOut: 17, floor.LeftByKey: 1, floor.LostWaiting: 5, floor.Refused: 1, floor.Offered: 82,
				floor.AnsweredInTarget: 24, floor.AbandonedInTarget: 31, // within 20 s, as queue_log has it
				floor.LostContacts: 3, floor.Overflowed: 0, floor.MovedOn: 0,
			} {
				if got := sum.Get(c); got != want {
					t.Errorf("counter %d is %d, want %d", c, got, want)
				}
			}
			if n := sum.Abandoned(); n != 33 {
				t.Errorf("%d abandoned, queue_log has 33", n)
			}
			if f.Open() != 0 {
				t.Errorf("%d interactions are left open", f.Open())
			}
			for _, a := range f.Agents() {
				if a.State == floor.Contact || a.State == floor.WrapUp || a.State == floor.Alerting || a.Talking() {
					t.Errorf("agent %s is stuck in %s", a.ID, a.State)
				}
			}
			if got := sum.Get(floor.WrapUps); got == 0 || got != sum.Get(floor.Handled) {
				t.Errorf("%d wrap-ups for %d handled contacts", got, sum.Get(floor.Handled))
			}
			if r := f.Repairs(); r.Starts+r.Ends > 0 {
				t.Errorf("the floor had to make up %+v", r)
			}
		})
	}
}
