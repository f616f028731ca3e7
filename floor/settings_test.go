package floor_test

import (
	"testing"
	"time"

	"trunkline/event"
	"trunkline/floor"
)

// Each of these thresholds gives way to the one before it: the queue's own, the
// settings' for the queue, the settings' for all.
func TestTheServiceLevelThresholdOfAQueue(t *testing.T) {
	s := newScript(t, floor.Options{Settings: func(string) floor.Settings {
		return floor.Settings{ServiceLevelMS: 10_000, ServiceLevelOf: map[string]int64{"a": 30_000, "b": 30_000}}
	}})
	s.say(event.QueueConfigured{Queue: "a", ServiceLevelMS: 5_000}, event.QueueConfigured{Queue: "b"}, event.QueueConfigured{Queue: "c"})
	for q, want := range map[string]int64{"a": 5_000, "b": 30_000, "c": 10_000} {
		s.want("threshold of "+q, s.floor().Target(s.floor().Queue(q)), want)
		id := "call-" + q
		facts := talking(id, q, "agent-"+q)
		s.say(facts[:2]...)
		s.after(20 * time.Second).say(facts[2:]...)
		within := int64(0)
		if want >= 20_000 {
			within = 1
		}
		s.want("within it in "+q, s.floor().Queue(q).Get(floor.AnsweredInTarget), within)
	}
}
