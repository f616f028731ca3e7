package asterisk_test

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/event"
	"trunkline/replay/aspbx"
	"trunkline/source/asterisk"
)

// TestTwoPBXsOfOneTenant play the same capture at once, so that all their
// Uniqueids collide, into one log.
func TestTwoPBXsOfOneTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &notebook{}
		var running sync.WaitGroup
		for _, name := range []string{"north", "south"} {
			p := pbx(t, aspbx.Options{Speed: 1, Patience: time.Minute})
			o := clientOptions(p, log)
			o.Name = name
			running.Go(func() { runClient(t, p, o) })
		}
		running.Wait()
		if log.duplicates != 0 {
			t.Errorf("%d facts of one PBX were taken for the other's", log.duplicates)
		}
		one := callFacts(translateTimed(t).facts)
		for _, name := range []string{"north", "south"} {
			var mine []said
			for _, s := range log.all() {
				if s.meta.Source == "asterisk/"+name {
					mine = append(mine, s)
				}
			}
			if open := stillOpen(t, mine); len(open) > 0 {
				t.Errorf("%s: still open: %v", name, open)
			}
			// But for the name they say what one alone says. The systemname stays
			// in the Uniqueids, as they are not the name of the source.
			got := strings.ReplaceAll(callFacts(mine), "-pbx1-", "-")
			got = regexp.MustCompile(`(\d)/pbx1-`).ReplaceAllString(strings.ReplaceAll(got, name+"-", "pbx1-"), "$1/")
			if got != one {
				t.Errorf("%s: %s", name, firstDifference(got, one))
			}
		}
	})
}

// TestTheProgramStartsAnew ends the client without a word every 25 seconds and
// begins with one that knows nothing: what it finds in the snapshot it says
// under the ids that it had before.
func TestTheProgramStartsAnew(t *testing.T) {
	truth := stays(translateTimed(t).facts)
	synctest.Test(t, func(t *testing.T) {
		p := pbx(t, aspbx.Options{Speed: 1, Patience: time.Minute})
		log := &notebook{}
		o := clientOptions(p, log)
		o.Now = p.Now
		played := make(chan struct{})
		go func() {
			defer close(played)
			if err := p.Play(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		starts := 0
		for over := false; !over; starts++ {
			ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
			if err := asterisk.NewClient(o).Run(ctx); err != nil {
				t.Error(err)
			}
			cancel()
			select {
			case <-played:
				over = true
			case <-time.After(300 * time.Millisecond):
			}
		}
		facts := log.all()
		if starts < 20 || log.duplicates == 0 {
			t.Errorf("%d starts, %d duplicates", starts, log.duplicates)
		}
		queued, accepted := make(map[string]int), make(map[string]int)
		for _, s := range facts {
			switch f := s.fact.(type) {
			case event.InteractionQueued:
				queued[f.Interaction+" "+f.Queue]++
			case event.InteractionAccepted:
				accepted[f.Leg]++
			}
		}
		for key, n := range queued {
			if n != 1 || truth[key] == nil {
				t.Errorf("%s is said %d times", key, n)
			}
		}
		for leg, n := range accepted {
			if n != 1 {
				t.Errorf("%s is accepted %d times", leg, n)
			}
		}
		right := 0
		for key, v := range stays(facts) {
			switch want := truth[key]; v.outcome {
			case want.outcome:
				right++
			case "open", "lost": // the end fell between two programs; source.reset tells
			default:
				t.Errorf("%s: got %s, want %s", key, v.outcome, want.outcome)
			}
		}
		if right < 70 {
			t.Errorf("%d of %d outcomes are right", right, len(truth))
		}
		for _, f := range of[event.SourceReset](facts) {
			if f.Reason == event.ResetResync && f.Detail != "first look at the channels" {
				t.Errorf("got %+v", f)
			}
		}
	})
}
