package asterisk_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/event"
	"trunkline/floor"
	"trunkline/replay/aspbx"
)

// stay is one visit to a queue as facts tell it.
type stay struct {
	key         string
	from, to    time.Time
	until       time.Time // the end of the talk that followed
	outcome     string
	interaction string
}

// stays lists the visits of some facts.
func stays(facts []said) map[string]*stay {
	list := make(map[string]*stay)
	legs := make(map[string]*stay)
	var down time.Time
	for _, s := range facts {
		switch f := s.fact.(type) {
		case event.SourceDown:
			down = s.meta.Time
		case event.InteractionQueued:
			key := f.Interaction + " " + f.Queue
			list[key] = &stay{key: key, interaction: f.Interaction, from: s.meta.Time, outcome: "open"}
		case event.InteractionDequeued:
			if v := list[f.Interaction+" "+f.Queue]; v != nil {
				v.to, v.until, v.outcome = s.meta.Time, s.meta.Time, string(f.Reason)
			}
		case event.InteractionAccepted:
			if v := list[f.Interaction+" "+f.Queue]; v != nil {
				v.to, v.outcome = s.meta.Time, "answered by "+f.Agent
				legs[f.Leg] = v
			}
		case event.InteractionReleased:
			if v := legs[f.Leg]; v != nil {
				v.until = s.meta.Time
				if f.Lost { // said when the PBX was back
					v.until = down
				}
			}
		}
	}
	return list
}

// hole is a time in which the client was not connected.
type hole struct{ from, to time.Time }

func holes(facts []said) (list []hole) {
	for _, s := range facts {
		switch s.fact.(type) {
		case event.SourceDown:
			list = append(list, hole{from: s.meta.Time, to: s.meta.Time.Add(time.Hour)})
		case event.SourceUp:
			if n := len(list); n > 0 {
				list[n-1].to = s.meta.Time
			}
		}
	}
	return list
}

// TestTheConnectionIsCut breaks the connection at 200 random bytes of the
// capture, for up to 40 seconds each time, and compares what is said with what
// an undisturbed connection says.
func TestTheConnectionIsCut(t *testing.T) {
	truth := stays(translateTimed(t).facts)
	size := int64(len(capture(t)))
	n := 200
	if testing.Short() {
		n = 20
	}
	rnd := rand.New(rand.NewPCG(3, 5))
	kept, lost, unseen := 0, 0, 0
	for i := range n {
		offset, gap := rnd.Int64N(size), time.Duration(rnd.Int64N(int64(40*time.Second)))
		t.Run(fmt.Sprintf("%d+%v", offset, gap.Round(time.Millisecond)), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pbx(t, aspbx.Options{Speed: 1, Patience: time.Minute, Reboot: time.Minute})
				p.Cut(offset, gap)
				log := &notebook{}
				o := clientOptions(p, log)
				o.RetryMax, o.Now = 2*time.Second, p.Now
				runClient(t, p, o)
				facts := log.all()
				if log.conflicts > 0 {
					t.Errorf("run %d: %d ids with two meanings", i, log.conflicts)
				}
				if open := stillOpen(t, facts); len(open) > 0 {
					t.Errorf("still open: %v", open)
				}
				onTheFloor(t, facts)
				visits := 0
				for _, f := range of[event.InteractionQueued](facts) {
					visits++
					if truth[f.Interaction+" "+f.Queue] == nil {
						t.Errorf("a visit that was not: %+v", f)
					}
				}
				got := stays(facts)
				if visits != len(got) {
					t.Errorf("%d visits are said for %d", visits, len(got))
				}
				k, l, u := compare(t, truth, got, holes(facts))
				kept, lost, unseen = kept+k, lost+l, unseen+u
			})
		})
	}
	t.Logf("%d visits as they were, %d lost in a cut, %d never seen", kept, lost, unseen)
}

// compare holds what was said against the truth: right where it could be known,
// and never wrong.
func compare(t *testing.T, truth, got map[string]*stay, gaps []hole) (kept, lost, unseen int) {
	const slack = 100 * time.Millisecond
	for key, want := range truth {
		g := got[key]
		in := func(at time.Time) bool {
			return slices.ContainsFunc(gaps, func(h hole) bool {
				return !at.Before(h.from.Add(-slack)) && !at.After(h.to.Add(slack))
			})
		}
		knowable := !in(want.to) && want.outcome != "lost" // its end was seen
		if strings.HasPrefix(want.outcome, "answered") {
			knowable = knowable || !in(want.until) // or the talk was still on
		}
		switch {
		case g == nil && (!in(want.from) || knowable):
			t.Errorf("%s, %s from %v to %v, was not said", key, want.outcome, want.from, want.to)
		case g == nil:
			unseen++
		case g.outcome == want.outcome:
			kept++
		case knowable && want.outcome != "lost":
			t.Errorf("%s: got %s, it was %s from %v to %v", key, g.outcome, want.outcome, want.from, want.to)
		case g.outcome != "lost":
			t.Errorf("%s: got %s, it was %s from %v to %v, and nobody could know", key, g.outcome, want.outcome, want.from, want.to)
		default:
			lost++
		}
	}
	return kept, lost, unseen
}

// onTheFloor folds facts as the log does, and sees that nobody is left there.
func onTheFloor(t *testing.T, facts []said) {
	t.Helper()
	fold := floor.NewFold(floor.Options{NoContext: true})
	var received time.Time
	for i, s := range facts {
		if s.meta.Time.After(received) {
			received = s.meta.Time
		}
		fold.FoldFact("acme", uint64(i+1), received, &s.meta, s.fact)
	}
	f := fold.Tenant("acme")
	for _, q := range f.Queues() {
		if q.Waiting != 0 || q.Active != 0 || q.Alerting != 0 || q.Outcomes() != q.Get(floor.Offered) {
			t.Errorf("queue %s: %d wait, %d talk, %d ring, %d of %d visits ended", q.ID, q.Waiting, q.Active, q.Alerting, q.Outcomes(), q.Get(floor.Offered))
		}
	}
	for _, a := range f.Agents() {
		if a.Talking() || a.State == floor.Contact || a.State == floor.Alerting {
			t.Errorf("agent %s is stuck in %s", a.ID, a.State)
		}
	}
	if f.Open() != 0 {
		t.Errorf("%d interactions are left open", f.Open())
	}
}
