package measures_test

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/floor"
	"trunkline/floor/follow"
	"trunkline/floor/measure"
)

// stage is a floor that tests say facts to, in place of one that follows a log.
type stage struct {
	mu       sync.RWMutex
	fold     *floor.Fold
	at       time.Time
	seq      map[string]uint64
	watchers map[*func([]floor.Change, bool)]string
	down     bool
}

var morning = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func newStage(o floor.Options) *stage {
	return &stage{fold: floor.NewFold(o), at: morning, seq: map[string]uint64{}, watchers: map[*func([]floor.Change, bool)]string{}}
}

func (s *stage) View(tenant string, fn func(follow.View)) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.down {
		return follow.ErrCatchingUp
	}
	fn(follow.View{Tenant: s.fold.Tenant(tenant), At: eventlog.Cursor{Epoch: eventlog.Epoch{1}, Seq: s.seq[tenant]}})
	return nil
}

func (s *stage) Watch(tenant string, fn func([]floor.Change, bool)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[&fn] = tenant
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, &fn)
	}
}

func (s *stage) tell(tenant string, changed []floor.Change) {
	for fn, of := range s.watchers {
		if of == tenant && len(changed) > 0 {
			(*fn)(changed, false)
		}
	}
}

// fact folds a fact of a simulation.
func (s *stage) fact(tenant string, m *event.Meta, f event.Fact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq[tenant]++
	s.at = m.Time
	s.tell(tenant, s.fold.FoldFact(tenant, s.seq[tenant], m.Time, m, f).Changes)
}

// say folds a fact a second later.
func (s *stage) say(tenant string, facts ...event.Fact) {
	for _, f := range facts {
		at := s.now().Add(time.Second)
		s.fact(tenant, &event.Meta{ID: fmt.Sprint(at.UnixNano()), Source: "s", Time: at}, f)
	}
}

func (s *stage) now() time.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.at
}

// tick lets time pass.
func (s *stage) tick(to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = to
	s.fold.Tick(to)
	for _, name := range s.fold.Tenants() {
		s.tell(name, s.fold.Tenant(name).Changes())
	}
}

// snapshot reads the measures of a producer's keys straight from the catalogue.
func (s *stage) snapshot(tenant, producer string) map[string]map[string]string {
	out := map[string]map[string]string{}
	put := func(v measure.View, keys ...string) {
		values := map[string]string{}
		for _, m := range measure.For(v.Of()) {
			if x := m.Read(&v); !x.There {
				values[m.Name] = "N/A"
			} else {
				values[m.Name] = x.String()
			}
		}
		delete(values, "estimatedWaitHeadOfLine")
		out[strings.Join(keys, ",")] = values
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.fold.Tenant(tenant)
	if t == nil {
		return out
	}
	media := map[floor.Medium]string{floor.MediumPhone: "PHONE", floor.MediumChat: "CHAT", floor.MediumEmail: "EMAIL", floor.MediumSMS: "SMS", floor.MediumVideo: "VIDEO"}
	for _, q := range t.Queues() {
		if q.Removed {
			continue
		}
		switch producer {
		case "Queue":
			put(measure.Queue(t, q), "queueId="+q.ID)
		case "QueueByChannel":
			for m, name := range media {
				if v, ok := measure.QueueChannel(t, q, m); ok {
					put(v, "channelId="+name, "queueId="+q.ID)
				}
			}
		}
	}
	if producer == "Queue" {
		for m, name := range media {
			put(measure.Channel(t, m), "channelId="+name)
		}
	}
	for _, a := range t.Agents() {
		switch producer {
		case "Agent":
			put(measure.Agent(t, a), "agentId="+a.ID)
		case "AgentByChannel":
			a.EachChannel(func(r floor.AgentAtChannel) bool {
				put(measure.AgentChannel(t, a, &r), "agentId="+a.ID, "channelId="+media[r.Medium])
				return true
			})
		case "AgentByQueue":
			for _, m := range a.Queues {
				if !m.Queue.Removed {
					put(measure.AgentQueue(t, a, &floor.AgentAtQueue{Queue: m.Queue}), "agentId="+a.ID, "queueId="+m.Queue.ID)
				}
			}
			for i := range a.ByQ {
				if !a.ByQ[i].Queue.Removed {
					put(measure.AgentQueue(t, a, &a.ByQ[i]), "agentId="+a.ID, "queueId="+a.ByQ[i].Queue.ID)
				}
			}
		}
	}
	return out
}
