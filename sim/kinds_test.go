package sim_test

import (
	"testing"
	"time"

	"trunkline/event"
	"trunkline/sim"
)

// TestEveryKindOfFactHappens holds a day against the vocabulary: what the
// simulator never says is listed here with its reason.
func TestEveryKindOfFactHappens(t *testing.T) {
	never := map[string]string{
		"agent.alerted":              "derived by the log",
		"queue.availability_changed": "derived by the log",
		"queue.measured":             "derived by the log",
		"agent.measured":             "derived by the log",
		"agent.utilised":             "derived by the log",
		"floor.corrected":            "derived by the log",
		"destination.up":             "derived by the log",
		"destination.down":           "derived by the log",
		"directory.changed":          "the simulator's users are those of the demo",
		"source.gap":                 "the simulator misses nothing",
	}
	cfg := sim.DefaultConfig()
	cfg.Agents, cfg.Run, cfg.Length, cfg.Drain = 100, 1, 24*time.Hour, true
	s := start(t, cfg)
	for range s.All {
	}
	seen := s.Books().Facts
	for _, info := range event.Types() {
		if _, excused := never[info.Type]; excused == (seen[info.Type] > 0) {
			t.Errorf("%s: seen %d times", info.Type, seen[info.Type])
		}
	}
}
