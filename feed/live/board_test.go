package live_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/feedtest"
	"trunkline/feed/live"
	"trunkline/floor"
	"trunkline/floor/follow"
)

// stage is a floor that a test plays on.
type stage struct {
	t testing.TB

	mu    sync.Mutex // guards all below
	fold  *floor.Fold
	seq   uint64
	err   error
	watch map[int]func([]floor.Change, bool)
	n     int
}

func newStage(t testing.TB) *stage {
	return &stage{t: t, fold: floor.NewFold(floor.Options{}), watch: map[int]func([]floor.Change, bool){}}
}

func (s *stage) Fold() *floor.Fold { return floor.NewFold(floor.Options{}) }

func (s *stage) View(tenant string, fn func(follow.View)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		fn(follow.View{Tenant: s.fold.Tenant(tenant), At: eventlog.Cursor{Seq: s.seq}})
	}
	return s.err
}

func (s *stage) Watch(_ string, fn func([]floor.Change, bool)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	n := s.n
	s.watch[n] = fn
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watch, n)
	}
}

// say folds a fact of the tenant alpha.
func (s *stage) say(f event.Fact) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	at := time.Date(2026, 3, 2, 9, 0, int(s.seq), 0, time.UTC)
	e, err := event.Encode(event.Meta{ID: fmt.Sprint(s.seq), Source: "pbx", Tenant: "alpha", Time: at}, f)
	if err != nil {
		s.t.Fatal(err)
	}
	out := s.fold.Fold("alpha", &eventlog.Record{Seq: s.seq, Received: at, Raw: e.Raw})
	for _, fn := range s.watch {
		fn(out.Changes, false)
	}
}

// restore lets the state be read anew: err while it is, nil when it is there.
func (s *stage) restore(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err == nil {
		for _, fn := range s.watch {
			fn(nil, true)
		}
	}
}

func provisioned(agent string, change event.ProvisionChange) event.AgentProvisioned {
	return event.AgentProvisioned{AgentRef: event.AgentRef{Agent: agent}, Change: change}
}

// An agent who is deleted is gone; while the state is being read nobody is answered;
// and when it was read anew those who were there get a snapshot again.
func TestGoneAndReadAnew(t *testing.T) {
	s := newStage(t)
	e := serve(t, &feedtest.Log{}, live.Options{State: s}, false)
	s.say(provisioned("ann", event.ProvisionCreated))
	s.say(provisioned("bob", event.ProvisionCreated))
	c := e.socket(t, "alpha", "state=agents")
	var m model
	read := func(want string, agents ...string) {
		t.Helper()
		_, msg, err := c.Read(t.Context())
		if err != nil || !strings.Contains(string(msg), `"`+want+`":`) {
			t.Fatalf("got %v %s, want %s", err, msg, want)
		}
		m.take(t, msg)
		if len(m.entities) != len(agents) {
			t.Errorf("there are %v, want %v", m.entities, agents)
		}
		for _, a := range agents {
			if _, ok := m.entities["agent "+a]; !ok {
				t.Errorf("%s is not there", a)
			}
		}
	}
	read("snapshot", "ann", "bob")
	s.say(provisioned("bob", event.ProvisionDeleted))
	read("gone", "ann")
	s.say(provisioned("cem", event.ProvisionCreated))
	read("agent", "ann", "cem")

	s.restore(follow.ErrCatchingUp)
	s.say(provisioned("dan", event.ProvisionCreated))
	for _, path := range []string{"/v1/state/agents", "/v1/state/agents/ann", "/v1/live?state=agents"} {
		if status, body := e.get(t, path, "alpha"); status != http.StatusServiceUnavailable || !strings.Contains(body, ":catching-up") {
			t.Errorf("%s while the state is read: %d %s", path, status, body)
		}
	}
	s.restore(nil)
	read("snapshot", "ann", "cem", "dan")
	s.say(provisioned("ann", event.ProvisionDeleted))
	read("gone", "cem", "dan")
}
