package hub

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/directory"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/hub/signalr"
	"trunkline/floor"
	"trunkline/floor/follow"
)

// stage is a floor, a log and a directory in memory, for a room by itself.
type stage struct {
	mu    sync.Mutex // guards what is below
	fold  *floor.Fold
	seq   uint64
	watch func([]floor.Change, bool)
}

func (s *stage) View(_ string, fn func(follow.View)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(follow.View{Tenant: s.fold.Tenant("acme"), At: eventlog.Cursor{Seq: s.seq}})
	return nil
}

func (s *stage) Watch(_ string, fn func([]floor.Change, bool)) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = fn
	return func() {}
}

func (s *stage) Follow(string, func(*eventlog.Batch)) (eventlog.Cursor, func()) {
	return eventlog.Cursor{}, func() {}
}

func (s *stage) say(t *testing.T, facts ...event.Fact) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range facts {
		s.seq++
		m := event.Meta{ID: fmt.Sprint(s.seq), Source: "/test", Tenant: "acme", Time: time.Now()}
		if _, err := event.Encode(m, f); err != nil {
			t.Fatal(err)
		}
		s.fold.FoldFact("acme", s.seq, time.Now(), &m, f)
		if s.watch != nil {
			s.watch(s.fold.Tenant("acme").Changes(), false)
		}
	}
}

func (s *stage) Resolve(_, guid string) (directory.Ref, bool) { return directory.Ref{}, false }
func (s *stage) GUID(tenant string, r directory.Ref) string {
	return event.GUID(tenant, r.Kind, r.ID)
}
func (s *stage) Sees(string, directory.User) directory.Sight { return directory.Sight{All: true} }
func (s *stage) SignIn(string, string) (directory.User, string, bool) {
	return directory.User{}, "", false
}
func (s *stage) User(string, string) (directory.User, error) { return directory.User{}, nil }
func (s *stage) Users(string) []directory.User               { return nil }

// A status is made at once for who subscribes, and then at most once a tick, only when
// something other than the time has changed.
func TestStatusesKeepTheTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{fold: floor.NewFold(floor.Options{})}
		call := func(n int) event.Ref { return event.Ref{Interaction: fmt.Sprint("c", n), Media: event.MediaPhone} }
		s.say(t, event.QueueConfigured{Queue: "q1", Name: "Sales"}, event.QueueConfigured{Queue: "q2"})
		f := &Feed{o: Options{Log: s, State: s, People: s, Logger: slog.New(slog.DiscardHandler), Organization: func(string) string { return zeroGUID }}.withDefaults()}
		r := newRoom(f, "acme")
		<-r.ready
		made := func() uint64 {
			synctest.Wait()
			return f.messages.Swap(0)
		}
		time.Sleep(5 * time.Second)
		if n := made(); n != 0 {
			t.Errorf("%d messages for nobody", n)
		}
		sub := func() *subscription {
			return &subscription{subject: subject{queueStatus, ref{entityQueue, "q1"}}, guid: "guid"}
		}
		one := &session{feed: f, conn: new(signalr.Conn), room: r, subs: map[subject]*subscription{}}
		two := &session{feed: f, conn: new(signalr.Conn), room: r, subs: map[subject]*subscription{}}
		if !r.add(one, sub()) || !r.add(two, sub()) {
			t.Fatal("not added")
		}
		if n := made(); n != 2 {
			t.Errorf("%d messages for two who subscribe", n)
		}
		time.Sleep(10 * time.Second)
		if n := made(); n != 0 {
			t.Errorf("%d messages though nothing has changed", n)
		}
		for i := range 50 { // five seconds of changes
			s.say(t, event.InteractionCreated{Ref: call(i), Direction: event.DirectionIn}, event.InteractionQueued{Ref: call(i), Queue: "q1"})
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		if n := made(); n < 5 || n > 6 {
			t.Errorf("%d messages in five seconds, one for both who have subscribed", n)
		}
		// The wait grows, another queue changes: nothing to say of this one.
		for i := range 50 {
			s.say(t, event.InteractionCreated{Ref: call(100 + i), Direction: event.DirectionIn}, event.InteractionQueued{Ref: call(100 + i), Queue: "q2"})
			time.Sleep(100 * time.Millisecond)
		}
		if n := made(); n != 0 {
			t.Errorf("%d messages of what has not changed", n)
		}
		// There and back within a tick is no change.
		s.say(t, event.InteractionCreated{Ref: call(998), Direction: event.DirectionIn}, event.InteractionQueued{Ref: call(998), Queue: "q1"},
			event.InteractionDequeued{Ref: call(998), Queue: "q1", Reason: event.DequeueAbandoned})
		time.Sleep(3 * time.Second)
		if n := made(); n != 0 {
			t.Errorf("%d messages of what was there and back", n)
		}
		s.say(t, event.InteractionCreated{Ref: call(999), Direction: event.DirectionIn}, event.InteractionQueued{Ref: call(999), Queue: "q1"})
		time.Sleep(3 * time.Second)
		if n := made(); n != 1 {
			t.Errorf("%d messages of one change", n)
		}
		r.drop(one)
		r.remove(two, sub().subject)
		s.say(t, event.InteractionDequeued{Ref: call(999), Queue: "q1", Reason: event.DequeueAbandoned})
		time.Sleep(3 * time.Second)
		if n := made(); n != 0 || len(r.subs) != 0 || r.wanted[queueStatus] != 0 {
			t.Errorf("%d messages for nobody; left %v", n, r.subs)
		}
		close(r.done)
		f.wg.Wait()
	})
}

// Nothing is made of facts that nobody has subscribed to, and nothing allocated but the
// name of the type.
func TestFactsForNobodyCostNothing(t *testing.T) {
	s := &stage{fold: floor.NewFold(floor.Options{})}
	f := &Feed{o: Options{Log: s, State: s, People: s, Logger: slog.New(slog.DiscardHandler), Organization: func(string) string { return zeroGUID }}.withDefaults()}
	r := newRoom(f, "acme")
	e, err := event.Encode(event.Meta{ID: "1", Source: "/test", Tenant: "acme", Time: time.Now()}, event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "a1"}, Presence: event.PresenceAvailable})
	if err != nil {
		t.Fatal(err)
	}
	b := &eventlog.Batch{Tenant: "acme", Records: []eventlog.Record{{Seq: 1, Raw: e.Raw}}}
	if n := testing.AllocsPerRun(100, func() { r.tell(b) }); n > 1 || f.messages.Load() > 0 {
		t.Errorf("%v allocations", n)
	}
	close(r.done)
	f.wg.Wait()
}
