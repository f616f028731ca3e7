package replay_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"trunkline/replay"
)

func eslReads(t *testing.T) []replay.Read {
	t.Helper()
	plain, err := replay.Plain(open(t, eslTiming))
	if err != nil {
		t.Fatal(err)
	}
	reads, err := replay.ReadTiming(plain)
	if err != nil {
		t.Fatal(err)
	}
	return reads
}

func TestTheESLCaptureIsReplayedOnce(t *testing.T) {
	s := newServer()
	o := s.options(replay.Options{Format: replay.FormatESL, Timing: eslReads(t)})
	for i, want := range [][2]int{{84, 0}, {0, 84}} {
		sum, err := replay.Run(t.Context(), open(t, eslFile), o)
		if err != nil {
			t.Fatal(err)
		}
		if sum.Sent != 84 || sum.Accepted != want[0] || sum.Duplicates != want[1] || sum.Conflicts != 0 || sum.Open != 0 || sum.Faults != 0 {
			t.Errorf("time %d: got %+v", i+1, sum)
		}
	}
}

// TestSummaryOfTheESLCapture holds the summary against what the script that made
// the capture did.
func TestSummaryOfTheESLCapture(t *testing.T) {
	for name, reads := range map[string][]replay.Read{"timed": eslReads(t), "untimed": nil} {
		o := replay.Options{Format: replay.FormatESL, Timing: reads, Outcomes: replay.NewOutcomes()}
		if _, err := replay.Run(t.Context(), open(t, eslFile), o); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := o.Outcomes.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Queues map[string]map[string]int
			Agents map[string]map[string]any
		}
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]map[string]int{
			"support@default": {"offered": 8, "answered": 6, "completed": 6, "abandoned": 2, "timeout": 0, "key": 0, "full": 0, "transferred": 0, "lost": 0, "waiting": 0},
			"sales@default":   {"offered": 1, "answered": 0, "completed": 0, "abandoned": 0, "timeout": 1, "key": 0, "full": 0, "transferred": 0, "lost": 0, "waiting": 0},
		}
		if !reflect.DeepEqual(got.Queues, want) {
			t.Errorf("%s: got %v", name, got.Queues)
		}
		for agent, presence := range map[string]any{"1001@default": "available", "1002@default": "available", "1003@default": nil} {
			if a := got.Agents[agent]; a == nil || a["presence"] != presence || a["routing"] != "idle" {
				t.Errorf("%s: agent %s is %v", name, agent, a)
			}
		}
	}
}
